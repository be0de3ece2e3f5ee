"""Judges: steps that score."""

from typing import TYPE_CHECKING

from synthkit.core.lazy import exports

if TYPE_CHECKING:
    from synthkit.judges.rubric import Rubric as Rubric

_MODULES = {
    "Rubric": "synthkit.judges.rubric",
}

__all__ = ["Rubric"]
__getattr__ = exports(__name__, _MODULES)
