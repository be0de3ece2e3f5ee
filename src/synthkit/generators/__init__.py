"""Generators: where records come from."""

from typing import TYPE_CHECKING

from synthkit.core.lazy import exports

if TYPE_CHECKING:
    from synthkit.generators.load_records import LoadRecords as LoadRecords

_MODULES = {
    "LoadRecords": "synthkit.generators.load_records",
}

__all__ = ["LoadRecords"]
__getattr__ = exports(__name__, _MODULES)
