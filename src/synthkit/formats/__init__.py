"""Formats: records as training examples, and back."""

from typing import TYPE_CHECKING

from synthkit.core.lazy import exports

if TYPE_CHECKING:
    from synthkit.formats.alpaca import Alpaca as Alpaca
    from synthkit.formats.chatml import ChatML as ChatML
    from synthkit.formats.dpo import DPO as DPO
    from synthkit.formats.kto import KTO as KTO
    from synthkit.formats.openai_chat import OpenAIChat as OpenAIChat
    from synthkit.formats.openai_preference import OpenAIPreference as OpenAIPreference
    from synthkit.formats.prompt_completion import PromptCompletion as PromptCompletion
    from synthkit.formats.sharegpt import ShareGPT as ShareGPT

_MODULES = {
    "DPO": "synthkit.formats.dpo",
    "KTO": "synthkit.formats.kto",
    "Alpaca": "synthkit.formats.alpaca",
    "ChatML": "synthkit.formats.chatml",
    "OpenAIChat": "synthkit.formats.openai_chat",
    "OpenAIPreference": "synthkit.formats.openai_preference",
    "PromptCompletion": "synthkit.formats.prompt_completion",
    "ShareGPT": "synthkit.formats.sharegpt",
}

__all__ = ["DPO", "KTO", "Alpaca", "ChatML", "OpenAIChat", "OpenAIPreference", "PromptCompletion", "ShareGPT"]
__getattr__ = exports(__name__, _MODULES)
