"""Columns as steps name them."""

from collections.abc import Iterable, Mapping
from typing import Any

from synthkit.core import IO, Have
from synthkit.core.columns import hint
from synthkit.core.values import RESERVED
from synthkit.errors import ColumnError, PipelineError


def reading(have: Have, columns: Iterable[str], **more: object) -> IO:
    """The `IO` of a step that takes columns as they are: those that only some records have are read where they are
    there. more: what else it does."""
    listed = list(columns)
    reads = [name for name in listed if name not in have.maybe]
    return IO.of(reads, optional=[name for name in listed if name in have.maybe], **more)  # type: ignore[arg-type]


def named(columns: Iterable[str], what: str) -> None:
    """Raises `PipelineError` where there are none, one is named twice, or one cannot be a column's name."""
    listed = list(columns)
    if not listed:
        raise PipelineError(f"it names no column {what}")
    for name in listed:
        if not name or name in RESERVED:
            raise PipelineError(f"{name!r} cannot be a column's name: choose another")
        if listed.count(name) > 1:
            raise PipelineError(f"the column {name!r} is named twice {what}: names must differ")


def taken(entry: object, names: Mapping[str, str]) -> dict[str, Any]:
    """These keys of a mapping, under other names. Raises `ColumnError`, to be put behind what the entry is called."""
    if not isinstance(entry, Mapping):
        raise ColumnError("is no mapping")
    for key in names:
        if key not in entry:
            raise ColumnError(f"has no {key!r}{hint(key, entry)}")
    return {new: entry[key] for key, new in names.items()}
