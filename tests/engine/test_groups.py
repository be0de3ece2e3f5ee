"""Dataset steps that make groups: several records become one."""

from pathlib import Path

import polars as pl
import pytest

import synthkit as sk
from synthkit.core import Have
from synthkit.engine import api


@sk.generator(writes=["task", "answer"])
def answers(tasks: int = 10):
    for number in range(3 * tasks):
        yield {"task": f"t{number % tasks}", "answer": f"a{number}"}


class Together(sk.DatasetStep):
    """One record for each task, with all its answers; the task t3 is left out, t4 stays apart."""

    when = "end"

    def io(self, have: Have) -> sk.IO:
        return sk.IO.of(reads={"task": str}, maybe="answers", drops="answer")

    def wants(self, goal: int) -> int:
        return goal * 3

    def resolve(self, view: sk.View) -> pl.DataFrame:
        task = pl.col("task")
        group = pl.when(task != "t4").then(task)
        return view.new.select("_id", keep=task != "t3", reason=pl.lit("t3"), group=group)

    def merge(self, members):
        return {"answers": [m["answer"] for m in members]}


@pytest.mark.parametrize("shard", [2, 256])
def test_records_of_a_group_become_one(project: Path, shard: int) -> None:
    pipeline = sk.Pipeline("groups") >> answers >> Together()
    result = api.run(pipeline, folder=project / "run", shard=shard)
    by_task = {r["task"]: r for r in result.accepted if "answers" in r}
    assert sorted(by_task) == ["t0", "t1", "t2", "t5", "t6", "t7", "t8", "t9"]
    assert dict(by_task["t0"]) == {"task": "t0", "answers": ["a0", "a10", "a20"]}
    assert [dict(r) for r in result.accepted if "answers" not in r] == [{"task": "t4"}] * 3
    count = result.tally["together"]
    assert (count.seen, count.made, count.out, count.dropped) == (30, -16, 11, 3)
    assert len({r.id for r in result.accepted}) == 11
