"""Filters: what keeps or drops records, with a reason."""

from typing import TYPE_CHECKING

from synthkit.core.lazy import exports

if TYPE_CHECKING:
    from synthkit.core import AtLeast as AtLeast
    from synthkit.filters.agrees import Agrees as Agrees
    from synthkit.filters.exact_dedup import ExactDedup as ExactDedup
    from synthkit.filters.min_hash_dedup import MinHashDedup as MinHashDedup
    from synthkit.filters.rules import Rules as Rules

_MODULES = {
    "Agrees": "synthkit.filters.agrees",
    "AtLeast": "synthkit.core",
    "ExactDedup": "synthkit.filters.exact_dedup",
    "MinHashDedup": "synthkit.filters.min_hash_dedup",
    "Rules": "synthkit.filters.rules",
}

__all__ = ["Agrees", "AtLeast", "ExactDedup", "MinHashDedup", "Rules"]
__getattr__ = exports(__name__, _MODULES)
