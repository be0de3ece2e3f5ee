"""Formats: records as training examples, and back."""

from typing import TYPE_CHECKING

from synthkit.core.lazy import exports

if TYPE_CHECKING:
    from synthkit.formats.alpaca import Alpaca as Alpaca
    from synthkit.formats.chatml import ChatML as ChatML
    from synthkit.formats.dpo import DPO as DPO
    from synthkit.formats.sharegpt import ShareGPT as ShareGPT

_MODULES = {
    "DPO": "synthkit.formats.dpo",
    "Alpaca": "synthkit.formats.alpaca",
    "ChatML": "synthkit.formats.chatml",
    "ShareGPT": "synthkit.formats.sharegpt",
}

__all__ = ["DPO", "Alpaca", "ChatML", "ShareGPT"]
__getattr__ = exports(__name__, _MODULES)
