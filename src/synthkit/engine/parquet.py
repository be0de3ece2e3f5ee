"""Examples as Parquet: columns typed by all examples, never by the first of them.

The examples go to a file of JSON lines beside the target first, while the types of their values are gathered. A column
whose values all have one type becomes that: text, whole numbers, numbers, true or false, lists and structs of these,
as in list<struct<role, content>>. A struct has the same keys everywhere. Any other column is JSON text, marked as such
(Arrow's `arrow.json`), which Hugging Face's datasets and this module's own reader turn back into what it was.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthkit.core.values import compact
from synthkit.engine.examples import Sink

if TYPE_CHECKING:
    import polars as pl

    Dtype = pl.DataType | type[pl.DataType]

BATCH = 5_000
"""Examples that are in memory at once, and in a row group."""
JSON = "arrow.json"
"""Arrow's name for columns of JSON text."""

Kind = str | tuple[str, Any]
"""What values have been so far: "none", "bool", "int", "float", "text", ("list", kind), ("struct", {key: kind}), and
"mixed" where no one type holds them all."""


def kind_of(value: Any) -> Kind:
    """The kind of a JSON value."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int" if -(2**63) <= value < 2**63 else "mixed"
    if isinstance(value, float):
        return "float"
    if isinstance(value, str):
        return "text"
    if isinstance(value, Mapping):
        fields = {name: kind_of(item) for name, item in value.items()}
        return ("struct", fields) if fields and "mixed" not in fields.values() else "mixed"
    inner: Kind = "none"
    for item in value:
        inner = common(inner, kind_of(item))
    return "mixed" if inner == "mixed" else ("list", inner)


def common(one: Kind, other: Kind) -> Kind:
    """The kind that holds values of both."""
    if one == other or other == "none":
        return one
    if one == "none":
        return other
    if isinstance(one, str) or isinstance(other, str) or one[0] != other[0]:
        return "mixed"
    if one[0] == "list":
        inner = common(one[1], other[1])
        return "mixed" if inner == "mixed" else ("list", inner)
    if one[1].keys() != other[1].keys():
        return "mixed"
    fields = {name: common(kind, other[1][name]) for name, kind in one[1].items()}
    return "mixed" if "mixed" in fields.values() else ("struct", fields)


class Columns(Sink):
    """A Parquet file, compressed with zstd."""

    def __init__(self, path: Path) -> None:
        self._kinds: dict[str, Kind] = {}
        self._lines = path.with_name(f".{path.name}.lines.tmp")
        super().__init__(path)
        try:
            self._spool = self._lines.open("w+b")
        except OSError as error:
            raise self._failed(error) from error

    def leftovers(self) -> tuple[Path, ...]:
        with suppress(AttributeError, OSError):  # not opened yet; what it holds back does not fit
            self._spool.close()
        return (*super().leftovers(), self._lines)

    def _add(self, example: Mapping[str, Any]) -> None:
        for name, value in example.items():
            self._kinds[name] = common(self._kinds.get(name, "none"), kind_of(value))
        self._spool.write(f"{compact(example)}\n".encode())

    def _finish(self) -> None:
        import polars as pl
        from polars.io.plugins import register_io_source

        mixed = [name for name, kind in self._kinds.items() if kind == "mixed"]
        if mixed:
            self.notes.append(f"{', '.join(mixed)}: written as JSON text, since the values have no one type")
        schema = {name: _dtype(kind) for name, kind in self._kinds.items()}
        marked: dict[str, Any] = {**schema, **{name: pl.Extension(JSON, pl.String, "") for name in mixed}}

        def frames(*_: object) -> Iterator[pl.DataFrame]:
            self._spool.seek(0)
            while lines := list(islice(self._spool, BATCH)):
                rows = [_row(json.loads(line), mixed) for line in lines]
                frame = pl.DataFrame(rows, schema=schema, orient="row")
                yield frame.with_columns(pl.col(name).ext.to(marked[name]) for name in mixed)

        try:
            self._spool.flush()
            if self._kinds:
                frame = register_io_source(frames, schema=marked)
                frame.sink_parquet(self._file, row_group_size=BATCH, maintain_order=True)
            else:
                pl.DataFrame().write_parquet(self._file)
        except pl.exceptions.PolarsError as error:
            raise OSError(" ".join(str(error).split())) from error


def _dtype(kind: Kind) -> "Dtype":
    import polars as pl

    if isinstance(kind, tuple):
        inner = kind[1]
        return pl.List(_dtype(inner)) if kind[0] == "list" else pl.Struct({n: _dtype(k) for n, k in inner.items()})
    plain: dict[str, Dtype] = {"bool": pl.Boolean, "int": pl.Int64, "float": pl.Float64}
    return plain.get(kind, pl.String)


def _row(example: dict[str, Any], mixed: list[str]) -> dict[str, Any]:
    for name in mixed:
        if example.get(name) is not None:
            example[name] = compact(example[name])
    return example
