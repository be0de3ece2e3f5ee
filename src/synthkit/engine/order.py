"""Records in another order than they came in: written aside, and read back by their place."""

import contextlib
import json
import tempfile
from array import array
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from synthkit.core.record import Record
from synthkit.core.values import compact
from synthkit.engine.plan import Bound
from synthkit.errors import RunError, StoreError

if TYPE_CHECKING:
    import polars as pl


def check(bound: Bound, decided: "pl.DataFrame") -> None:
    """Raises `RunError` for an order that cannot be one."""
    kind = decided.schema.get("order")
    if kind is None:
        return
    if bound.component.when != "end":
        raise RunError(
            f"{bound.label}.resolve gives an order, and runs in every round, when records of earlier ones have left: "
            'let it run once, with when = "end"'
        )
    if not (kind.is_numeric() or kind.is_(_null())):
        raise RunError(f"{bound.label}.resolve gives an order of type {kind}: an order is a number")


def _null() -> Any:
    import polars as pl

    return pl.Null


def in_order(
    records: Iterator[Record], decisions: Mapping[str, Mapping[str, Any]], place: Path
) -> Iterator[tuple[int, Record]]:
    """The records with their places: as they came, or, where decisions hold an `order`, the smallest first.

    Equal ones stay as they came; those without one follow behind all others. Only a number and an offset a record are
    in memory: the records themselves lie in a file without a name, which is gone when this process is.
    """
    if all(row.get("order") is None for row in decisions.values()):
        yield from enumerate(records)
        return
    with _aside(place) as file:
        offsets, orders = array("q", [0]), []
        for record in records:
            line = compact([record.id, record.source, record.fields]).encode()
            file.write(line)
            offsets.append(offsets[-1] + len(line))
            orders.append(_order(decisions.get(record.id, {}).get("order")))
        for number, at in enumerate(sorted(range(len(orders)), key=orders.__getitem__)):
            file.seek(offsets[at])
            yield number, Record(*json.loads(file.read(offsets[at + 1] - offsets[at])))


def _order(given: Any) -> tuple[bool, Any]:
    """A sorting key: NaN, which has no place among numbers, is as good as none."""
    return (True, 0) if given is None or given != given else (False, given)


@contextlib.contextmanager
def _aside(place: Path) -> Iterator[IO[bytes]]:
    try:
        place.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=place) as file:
            yield file
    except OSError as error:
        raise StoreError(
            f"cannot put records in order in {place}: {error.strerror or error}; what was committed before is safe"
        ) from error
