"""Reading files of records: JSON lines, JSON arrays, CSV and Parquet, in memory that does not grow with the file.

Every reader yields a place and a row: the number of the line that the row starts on (of the row itself, in Parquet),
from 1, and its columns. It raises `InputError` with file and place for what cannot be read: a file that is missing or
empty, a byte that is not UTF-8, a broken line, a key that is there twice, NaN.
"""

import csv
import json
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from synthkit.core.jsonfiles import read_json, read_jsonl
from synthkit.core.source import Rows, Source, open_file, text_rows
from synthkit.errors import InputError

if TYPE_CHECKING:
    import polars as pl
    from polars.datatypes import DataTypeClass

__all__ = ["Kind", "Rows", "kind_of", "read_csv", "read_json", "read_jsonl", "read_parquet", "read_rows", "unit"]

Kind = Literal["jsonl", "json", "csv", "parquet"]

SUFFIXES: Mapping[str, Kind] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".csv": "csv",
    ".parquet": "parquet",
}
LONGEST = 1 << 26
"""Characters of one CSV value; one that seems longer lacks its closing quote."""
BATCH = 10_000
"""Rows of a Parquet file that are in memory at once."""


def kind_of(path: Path, kind: Kind | None = None) -> Kind:
    """The format of a file: by its suffix, unless it is given. Raises `InputError` for a suffix that tells nothing."""
    found = kind or SUFFIXES.get(path.suffix.lower())
    if found is None:
        known = ", ".join(SUFFIXES)
        raise InputError(f"{path}: the suffix {path.suffix!r} tells no format: use one of {known}, or give the format")
    return found


def unit(kind: Kind) -> str:
    """What the places of a format count: lines or rows."""
    return "row" if kind == "parquet" else "line"


def read_rows(path: Path, kind: Kind | None = None, start: int = 0) -> Rows:
    """The rows of a file from number `start` on, in the file's order.

    Starting where an earlier reading of this process stopped costs nothing, so a file can be read in many pieces.
    """
    return READERS[kind_of(path, kind)](path, start)


def read_csv(path: Path, start: int = 0) -> Rows:
    """The rows of a comma-separated file, under the names in its first line. Every value stays text."""
    return text_rows(path, "csv", start, _csv_rows)


def _csv_rows(source: Source, skip: int) -> Rows:
    csv.field_size_limit(max(LONGEST, csv.field_size_limit()))  # of the whole process; by default only 128 KB
    goal = (source.line, source.offset)
    source.file.seek(0)
    source.line = source.offset = 0
    reader = csv.reader(source, strict=True)
    names = _header(source, reader)
    if goal[1]:
        source.file.seek(goal[1])
        source.line, source.offset = goal
    while (found := _csv_row(source, reader)) is not None:
        line, values = found
        if len(values) != len(names):
            source.bad(f"{len(values)} values under {len(names)} columns: quote values that hold commas", line)
            continue
        if skip:
            skip -= 1
        else:
            yield line, dict(zip(names, values, strict=True))


def _header(source: Source, reader: Iterator[list[str]]) -> list[str]:
    line, names = _csv_row(source, reader) or (1, [])
    for name in names:
        if not name.strip() or names.count(name) > 1:
            what = f"the column {name!r} is there twice" if name.strip() else "a column has no name"
            source.fail(f"{what}: the first line must name every column once", line)
    return names


def _csv_row(source: Source, reader: Iterator[list[str]]) -> tuple[int, list[str]] | None:
    """The next row that is not blank, and the line it starts on."""
    while True:
        line = source.line + 1
        try:
            values = next(reader, None)
        except csv.Error as error:
            source.fail(f"{error}: check the quotes of that row", line)
        if values is None:
            return None
        if values:
            return line, values


def read_parquet(path: Path, start: int = 0) -> Rows:
    """The rows of a Parquet file. Nested values become lists and mappings, dates and times ISO text, decimals text, NaN
    None, what is marked as JSON text (Arrow's `arrow.json`) what it says; a column of bytes or durations is refused by
    name."""
    import polars as pl

    open_file(path).close()
    frame = pl.scan_parquet(path, glob=False)
    try:
        schema = frame.collect_schema()
        for name, dtype in schema.items():
            _refuse(path, name, dtype)
        marked = {name for name, dtype in schema.items() if _is_json(dtype)}
        odd = {n for n, dtype in schema.items() if not (dtype == pl.String or dtype.is_integer() or n in marked)}
        number = start
        while (part := frame.slice(number, BATCH).collect()).height:
            for row in part.iter_rows(named=True):
                number += 1
                for name in odd:
                    row[name] = _json_value(row[name], path, number, name)
                for name in marked:
                    row[name] = _parsed(row[name], path, number, name)
                yield number, row
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        said = " ".join(str(error).split())
        raise InputError(f"{path} cannot be read as Parquet ({said}): check that it is a whole Parquet file") from error
    if start == number == 0:
        raise InputError(f"{path} holds no records: it needs at least one")


def _is_json(dtype: "pl.DataType | DataTypeClass") -> bool:
    import polars as pl

    return isinstance(dtype, pl.BaseExtension) and dtype.ext_name() == "arrow.json"


def _parsed(value: str | None, path: Path, number: int, name: str) -> Any:
    """What JSON text says; None for none."""
    try:
        return None if value is None else json.loads(value)
    except (ValueError, RecursionError):
        raise InputError(
            f"{path}, row {number}: the column {name!r} is marked as JSON and holds none: write that file anew"
        ) from None


def _refuse(path: Path, name: str, dtype: "pl.DataType | DataTypeClass") -> None:
    """Raises for a column that JSON has no form for."""
    import polars as pl

    if isinstance(dtype, pl.Struct):
        for field in dtype.fields:
            _refuse(path, f"{name}.{field.name}", field.dtype)
    elif isinstance(dtype, pl.List | pl.Array):
        _refuse(path, name, dtype.inner)
    elif isinstance(dtype, pl.Binary | pl.Object | pl.Duration):
        raise InputError(f"{path}: the column {name!r} is of type {dtype}, which records cannot hold: write it as text")


def _json_value(value: Any, path: Path, number: int, name: str) -> Any:
    if isinstance(value, float):
        if math.isinf(value):
            raise InputError(f"{path}, row {number}: the column {name!r} is {value}: write null instead")
        return None if math.isnan(value) else value
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, list):
        return [_json_value(item, path, number, name) for item in value]
    if isinstance(value, dict):
        return {key: _json_value(item, path, number, name) for key, item in value.items()}
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


READERS: Mapping[Kind, Callable[[Path, int], Rows]] = {
    "jsonl": read_jsonl,
    "json": read_json,
    "csv": read_csv,
    "parquet": read_parquet,
}
