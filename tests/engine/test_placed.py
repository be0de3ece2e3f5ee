"""A segment ends where the placement changes, and nothing else changes by that."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import mixed
import pytest
from engine_kit import adds_up, doubled, even, numbers

import synthkit as sk
from synthkit import Pipeline, Placement
from synthkit.engine import api
from synthkit.engine.plan import Plan
from synthkit.engine.result import Result
from synthkit.engine.settings import Settings
from synthkit.engine.store import Store
from synthkit.errors import PipelineError
from synthkit.plugins import registry
from synthkit.steps import Shuffle
from synthkit.testing import LoopbackServer, steady

Serve = Callable[..., LoopbackServer]
P = Pipeline("p") >> numbers
GPU = Placement(gpus=1)
FILES = ("accepted.jsonl", "rejected.jsonl")


class Local(sk.Step):
    """Its class asks for a card."""

    placement = GPU

    async def process(self, record: sk.Record, ctx: sk.Context) -> sk.Fields:
        return {}


class Odd(sk.Step):
    """Has a parameter of that name, and means something else."""

    placement: str = "left"  # type: ignore[assignment]

    async def process(self, record: sk.Record, ctx: sk.Context) -> sk.Fields:
        return {}


def stages(plan: Plan) -> Sequence[Sequence[str]]:
    return plan.shape.stages


def planned(pipeline: Pipeline) -> Plan:
    return api.check(pipeline, Settings())


@pytest.mark.usefixtures("project")
def test_a_segment_ends_where_the_placement_changes() -> None:
    pipeline = (
        P >> even >> doubled(placement=Placement()) >> Local >> even(label="e", placement=GPU) >> doubled(label="d")
    )
    plan = planned(
        pipeline >> Shuffle() >> Local(label="l") >> Local(label="two", placement=Placement(gpus=1, replicas=2))
    )
    assert stages(plan) == [["even", "doubled"], ["local", "e"], ["d"], ["shuffle"], ["l"], ["two"]]
    asked = [stage.placement for stage in plan.stages]
    assert asked == [Placement(), GPU, Placement(), Placement(), GPU, Placement(gpus=1, replicas=2)]


@pytest.mark.usefixtures("project")
def test_the_first_segment_may_ask_for_something_and_needs_no_parts() -> None:
    assert stages(planned(P >> Local >> even)) == [["local"], ["even"]]
    plan = planned(P >> Shuffle())
    assert stages(plan) == [[], ["shuffle"]] and plan.stages[0].placement == Placement()


@sk.generator(writes=["instruction", "output"])
def pairs() -> Any:
    for n in range(3):
        yield {"instruction": f"{n}", "output": "o"}


@pytest.mark.usefixtures("project")
def test_what_is_written_is_checked_where_nothing_is_asked_for() -> None:
    result = (Pipeline("p") >> pairs >> Local).run(export="train.jsonl:alpaca")
    assert result.shape.stages == [["local"], ["export-alpaca"]] and len(result.accepted) == 3


WHERE = "{} asks for {}, and what is inside {} runs where that does: give the placement to {}"
INSIDE: dict[str, tuple[sk.Component, list[str]]] = {
    "in a fork": (
        sk.Fork({"a": doubled(), "b": Local()}, into="x"),
        [WHERE.format("fork/b/local", GPU, "fork", "fork")],
    ),
    "another one than its composite": (
        sk.Repeat(doubled(placement=Placement(cpus=2)), 2, "x", placement=GPU),
        [WHERE.format("repeat/n/doubled", "Placement(cpus=2)", "repeat", "repeat")],
    ),
    "deep inside": (
        sk.Fork({"a": sk.Repeat(Local(), 2, "y")}, into="x", label="f"),
        [WHERE.format("f/a/repeat/n/local", "Placement(gpus=1)", "f", "f")],
    ),
    "a gate inside": (
        sk.Loop(doubled(), until=even(placement=GPU)),
        [WHERE.format("loop/round/even", GPU, "loop", "loop")],
    ),
    "another meaning": (Odd(), ["odd: the placement of Odd is a str: give that parameter another name"]),
}


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("name", INSIDE)
def test_parts_inside_a_composite_run_where_it_does(name: str) -> None:
    part, said = INSIDE[name]
    with pytest.raises(PipelineError) as caught:
        planned(P >> part)
    assert list(caught.value.problems) == said


@pytest.mark.usefixtures("project")
def test_a_composite_may_ask_for_what_its_parts_ask_for() -> None:
    plan = planned(
        P >> sk.Fork({"a": Local(), "b": doubled()}, into="x", placement=GPU) >> sk.Repeat(doubled(), 2, "y")
    )
    assert stages(plan) == [["fork"], ["repeat"]]
    assert [stage.placement for stage in plan.stages] == [GPU, Placement()]


def content(result: Result) -> dict[str, bytes]:
    return {name: (result.folder / name).read_bytes() for name in FILES}


def placed(part: sk.Component, number: int) -> Any:
    return part.model_copy(update={"placement": Placement(cpus=number % 3, resources={"node": 1})})


def test_the_records_are_the_same_with_and_without_the_split(serve: Serve, project: Path) -> None:
    serve(answer=steady, latency=(0.0, 0.005))
    whole = mixed.pipeline(60)
    parts = [placed(p, n) if isinstance(p, sk.Step | sk.Filter) else p for n, p in enumerate(whole.parts)]
    one = adds_up(api.run(whole, folder=project / "one"))
    two = adds_up(api.run(Pipeline("mixed", 60, parts), folder=project / "two", shard=7))
    assert (one.status, two.status) == ("complete", "complete")
    assert len(one.shape.stages) == 3 and len(two.shape.stages) == len(two.shape.labels) == 6
    assert content(one)["accepted.jsonl"] == content(two)["accepted.jsonl"]
    lines = [sorted(kept["rejected.jsonl"].splitlines()) for kept in (content(one), content(two))]
    assert lines[0] and lines[0] == lines[1], "the same, in the order of the stages"
    went = [[(c.seen, c.made, c.out, c.dropped, c.failed) for c in run.tally.values()] for run in (one, two)]
    assert went[0] == went[1]


@pytest.mark.usefixtures("project")
def test_a_run_folder_keeps_the_placement() -> None:
    result = (P >> even(placement=Placement(memory="4GB")) >> Local(placement=None) >> Local(label="l")).run(
        folder="run"
    )
    assert result.status == "complete"
    assert result.shape.stages == [["even"], ["local"], ["l"]]
    plan = api.rebuilt(Store.open(result.folder, write=False), cast("Any", registry()), Settings())
    assert [stage.placement for stage in plan.stages] == [Placement(memory="4GB"), Placement(), GPU]
