"""Dataset steps run as the engine runs them: sketches part by part, decisions round by round."""

import json
from collections.abc import Iterator, Sequence
from itertools import pairwise
from random import Random
from typing import Any

import polars as pl

from synthkit.core import DatasetStep, Have, Record, View


class Sketches(View):
    """Sketches of new records, and of those kept before."""

    def __init__(self, new: pl.DataFrame, kept: pl.DataFrame) -> None:
        self.new, self.kept = new, kept

    def rows(self, ids: Sequence[str], columns: Sequence[str]) -> Iterator[Record]:
        raise AssertionError("no whole record is needed")

    def rng(self, *key: str | int) -> Random:
        raise AssertionError("nothing is drawn")


def identity(number: int) -> str:
    """An id of the usual length, whose start tells the number."""
    return f"{number:012x}" * 2


def frame(step: DatasetStep, rows: Sequence[dict[str, Any]], first: int = 0) -> pl.DataFrame:
    """The frame that a step's `sketch` is given: text where it declares text, JSON text elsewhere."""
    reads = step.io(Have(frozenset(rows[0]) if rows else frozenset())).reads
    data: dict[str, list[Any]] = {"_id": [identity(first + number) for number in range(len(rows))]}
    for name, kind in reads.items():
        values = [row[name] for row in rows]
        data[name] = values if kind is str else [None if v is None else json.dumps(v) for v in values]
    return pl.DataFrame(data, schema=dict.fromkeys(data, pl.String))


def decide(step: DatasetStep, rows: Sequence[dict[str, Any]], cuts: Sequence[int] = ()) -> list[dict[str, Any]]:
    """The decisions on records, in order, resolved in rounds that end at these cuts."""
    kept = step.sketch(frame(step, rows[:1])).clear()
    made: list[dict[str, Any]] = []
    for start, end in pairwise([0, *sorted(cuts), len(rows)]):
        new = pl.concat(
            [step.sketch(frame(step, rows[at : min(at + 3, end)], at)) for at in range(start, end, 3)] or [kept.clear()]
        )
        decided = step.resolve(Sketches(new, kept))
        made += decided.iter_rows(named=True)
        kept = pl.concat([kept, new.filter(decided["keep"])])
    return made


def stay(step: DatasetStep, *texts: str, column: str = "text") -> list[int]:
    """The numbers of the texts that are kept."""
    made = decide(step, [{column: text} for text in texts])
    return [number for number, row in enumerate(made) if row["keep"]]
