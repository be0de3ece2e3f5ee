"""What the tests of steps share: a pipeline of rows and steps run on the engine, and one step asked alone."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

import polars as pl

import synthkit as sk
from synthkit.core import Component, DatasetStep, Have, Step, View
from synthkit.core.values import digest
from synthkit.engine import api
from synthkit.engine.result import Result
from synthkit.errors import PipelineError
from synthkit.generators import Rows

SHARDS = (2, 256)


def run(rows: Sequence[dict[str, Any]], *steps: Component, target: int | None = None, **settings: Any) -> Result:
    """Runs steps on these rows in the project of the test, in a folder of its own."""
    pipeline = sk.Pipeline("test", target=target) >> Rows(rows)
    for step in steps:
        pipeline = pipeline >> step
    result = api.run(pipeline, **settings)
    return adds_up(result)


def adds_up(result: Result) -> Result:
    """Asserts that at each step all records are accounted for, and that steps hand all of them on."""
    before = None
    for label, count in result.tally.items():
        assert count.seen + count.made == count.out + count.dropped + count.failed, (label, count)
        assert before is None or count.seen == before, (label, count)
        before = count.out
    ids = [record.id for record in result.scan()]
    assert len(set(ids)) == len(ids)
    return result


def accepted(result: Result) -> list[dict[str, Any]]:
    """The columns of what was accepted."""
    assert result.status == "complete", result.reason
    return [dict(record) for record in result.accepted]


def reasons(result: Result, kind: str = "dropped") -> list[tuple[str, str]]:
    """Reason and detail of what was dropped, or failed, in order."""
    return [(line["reason"], line["message"]) for line in result.rejected if line["kind"] == kind]


def same_bytes(rows: Sequence[dict[str, Any]], *steps: Component, **settings: Any) -> Result:
    """Runs steps at shards of two sizes, and asserts that the files are the same."""
    small, large = (run(rows, *steps, folder=Path(f"shard-{size}"), shard=size, **settings) for size in SHARDS)
    for name in ("accepted.jsonl", "rejected.jsonl"):
        assert (small.folder / name).read_bytes() == (large.folder / name).read_bytes()
    return small


def refused(have: Have, step: Component) -> str:
    """What the plan says of a step behind these columns."""
    try:
        problems = have.missing(step.io(have))
    except PipelineError as error:
        return str(error)
    return "\n".join(problems)


def processed(step: Step, **fields: Any) -> Any:
    """What a step returns for a record."""
    return asyncio.run(step.process(sk.Record("i", "i", fields), None))  # type: ignore[arg-type]


class Records(View):
    """Sketches of new records, and of those kept before."""

    def __init__(self, step: DatasetStep, rows: Sequence[dict[str, Any]], kept: int, sources: Sequence[str]) -> None:
        frame = sketches(step, rows)
        self.kept, self.new = frame[:kept], frame[kept:]
        ids = frame["_id"].to_list()
        self._records = {
            id: sk.Record(id, source, row) for id, source, row in zip(ids, sources or ids, rows, strict=True)
        }
        self.seed = 0

    def rows(self, ids: Sequence[str], columns: Sequence[str]) -> Iterator[sk.Record]:
        return (self._records[id] for id in ids)

    def rng(self, *key: str | int) -> Random:
        return Random(digest(self.seed, *key))


def sketches(step: DatasetStep, rows: Sequence[dict[str, Any]]) -> pl.DataFrame:
    """The sketches of rows, whose ids are their numbers, made as the engine makes them."""
    io = step.io(
        Have(frozenset(name for name in rows[0] if all(name in row for row in rows)), frozenset().union(*rows))
    )
    data: dict[str, Any] = {"_id": [f"{number:03d}" for number in range(len(rows))]}
    schema: dict[str, Any] = {"_id": pl.String}
    for name, kind in {**io.reads, **dict.fromkeys(io.optional, object)}.items():
        values = [row.get(name) for row in rows]
        schema[name] = pl.Float64 if kind is float else pl.String
        data[name] = values if kind is float else [None if v is None else json.dumps(v) for v in values]
    return step.sketch(pl.DataFrame(data, schema=schema))


def decided(
    step: DatasetStep, rows: Sequence[dict[str, Any]], kept: int = 0, sources: Sequence[str] = (), seed: int = 0
) -> list[dict[str, Any]]:
    """The decisions on rows, of which the first `kept` were kept in earlier rounds."""
    view = Records(step, rows, kept, sources)
    view.seed = seed
    return step.resolve(view).to_dicts()


def stay(step: DatasetStep, rows: Sequence[dict[str, Any]], **given: Any) -> list[int]:
    """The numbers of the rows that are kept."""
    return [int(row["_id"]) for row in decided(step, rows, **given) if row["keep"]]
