"""Techniques: components that carry the name of a paper or a pattern, and stand for several parts."""

from typing import TYPE_CHECKING

from synthkit.core.lazy import exports

if TYPE_CHECKING:
    from synthkit.techniques.few_shot import FewShot as FewShot
    from synthkit.techniques.self_instruct import SelfInstruct as SelfInstruct

_MODULES = {
    "FewShot": "synthkit.techniques.few_shot",
    "SelfInstruct": "synthkit.techniques.self_instruct",
}

__all__ = ["FewShot", "SelfInstruct"]
__getattr__ = exports(__name__, _MODULES)
