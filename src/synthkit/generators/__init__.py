"""Generators: where records come from."""

from typing import TYPE_CHECKING

from synthkit.core.lazy import exports

if TYPE_CHECKING:
    from synthkit.generators.load_documents import LoadDocuments as LoadDocuments
    from synthkit.generators.load_records import LoadRecords as LoadRecords
    from synthkit.generators.rows import Rows as Rows

_MODULES = {
    "LoadDocuments": "synthkit.generators.load_documents",
    "LoadRecords": "synthkit.generators.load_records",
    "Rows": "synthkit.generators.rows",
}

__all__ = ["LoadDocuments", "LoadRecords", "Rows"]
__getattr__ = exports(__name__, _MODULES)
