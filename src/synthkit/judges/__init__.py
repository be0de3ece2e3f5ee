"""Judges: steps that score."""

from typing import TYPE_CHECKING

from synthkit.core.lazy import exports

if TYPE_CHECKING:
    from synthkit.judges.pairwise import Pairwise as Pairwise
    from synthkit.judges.rubric import Rubric as Rubric

_MODULES = {
    "Pairwise": "synthkit.judges.pairwise",
    "Rubric": "synthkit.judges.rubric",
}

__all__ = ["Pairwise", "Rubric"]
__getattr__ = exports(__name__, _MODULES)
