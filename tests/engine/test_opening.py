"""`open`: once in a lane, before the first record; what it raises ends the run."""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from engine_kit import adds_up, doubled, even, forever, numbers

import synthkit as sk
from synthkit import Pipeline, Placement
from synthkit.engine import api
from synthkit.engine.context import FileArtifacts, Lane
from synthkit.engine.opening import opened
from synthkit.engine.plan import Bound
from synthkit.engine.rehearsal import rehearse
from synthkit.engine.settings import Settings
from synthkit.errors import ConfigError, PipelineError, RecordError, RunError
from synthkit.models.project import find_project

SEEN: Counter[str] = Counter()
P = Pipeline("p") >> numbers


@pytest.fixture(autouse=True)
def nothing_seen(project: Path) -> Iterator[None]:
    SEEN.clear()
    yield


class Loads(sk.Step):
    """Loads something large once, and counts how often."""

    word: str = "model"
    into: str = "loaded"

    def io(self, have: Any) -> sk.IO:
        return sk.IO.of(writes=self.into)

    def load(self) -> list[str]:
        SEEN[f"loaded {self.word}"] += 1
        return [self.word]

    async def open(self, ctx: sk.Opening) -> None:
        SEEN[f"opened {ctx.path}"] += 1
        assert not SEEN["worked"], "before the first record"
        await asyncio.sleep(0.02)  # others come meanwhile
        ctx.resource(f"Loads {self.word}", self.load)

    async def process(self, record: sk.Record, ctx: sk.Context) -> sk.Fields:
        SEEN["worked"] += 1
        return {self.into: ctx.resource(f"Loads {self.word}", self.load)[0]}


class LoadsToo(sk.Filter):
    """A filter that is opened, too, in a thread."""

    cpu = True

    async def open(self, ctx: sk.Opening) -> None:
        with pytest.raises(RuntimeError):
            asyncio.get_running_loop()
        SEEN[f"opened {ctx.path}"] += 1
        ctx.resource("LoadsToo", lambda: self)

    async def check(self, record: sk.Record, ctx: sk.Context) -> sk.Verdict:
        return sk.KEEP if ctx.resource("LoadsToo", lambda: None) else sk.drop("not open")


def test_a_model_is_loaded_once_for_all_records_shards_and_rounds() -> None:
    result = adds_up((Pipeline("p", target=30) >> forever >> even >> Loads()).run(shard=4, max_rounds=9))
    assert len(result.state["rounds"]) > 1 and len(result.accepted) == 30
    assert {record["loaded"] for record in result.accepted} == {"model"}
    assert (SEEN["opened loads"], SEEN["loaded model"]) == (1, 1)
    events = [json.loads(line) for line in (result.folder / "events.jsonl").read_text().splitlines()]
    assert [e["path"] for e in events if e["kind"] == "opened"] == ["loads"]


def test_filters_and_parts_inside_of_composites_are_opened_too() -> None:
    fork = sk.Fork(
        {"a": Loads(word="a"), "b": sk.Loop(Loads(word="b"), until=LoadsToo())}, into="x", placement=Placement(cpus=1)
    )
    result = adds_up((P >> LoadsToo() >> fork).run())
    assert result.status == "complete" and len(result.accepted) == 20
    paths = ["loads-too", "fork/a/loads", "fork/b/loop/round/loads", "fork/b/loop/round/loads-too"]
    assert {key: n for key, n in SEEN.items() if key.startswith("opened")} == {f"opened {path}": 1 for path in paths}
    assert SEEN["loaded a"] == SEEN["loaded b"] == 1


def test_parts_that_share_a_key_share_what_is_under_it() -> None:
    result = (P >> Loads() >> Loads(label="again", into="too")).run()
    assert result.status == "complete" and SEEN["loaded model"] == 1
    assert SEEN["opened loads"] == SEEN["opened again"] == 1


class Fails(sk.Step):
    """Cannot be opened, in one of several ways."""

    how: str
    key: str = ""

    def io(self, have: Any) -> sk.IO:
        return sk.IO()

    async def open(self, ctx: sk.Opening) -> None:
        SEEN["tried"] += 1
        if self.how == "exit":
            sys.exit("gone")
        if self.how == "cancel":
            raise asyncio.CancelledError
        if self.how == "config":
            raise ConfigError("set WEIGHTS to the folder with the weights")
        if self.how == "record":
            raise RecordError("no record is here")
        if self.how == "ask":
            await cast("Any", ctx).ask("demo/default", "Are you there?")
        raise OSError("no such weights: /m\n  bin")

    async def process(self, record: sk.Record, ctx: sk.Context) -> sk.Fields:
        SEEN["worked"] += 1
        return {}


SAID = {
    "error": "OSError: no such weights: /m bin",
    "exit": "SystemExit: gone",
    "cancel": "CancelledError: ",
    "config": "set WEIGHTS to the folder with the weights",
    "record": "no record is here",
    "ask": "AttributeError: there is no ctx.ask in open, which works on no record: it has ctx.resource, ctx.log, "
    "ctx.artifacts and ctx.path",
}


@pytest.mark.parametrize("how", SAID)
def test_what_cannot_be_opened_ends_the_run_in_a_sentence(how: str) -> None:
    result = (P >> doubled >> Fails(how=how, placement=Placement(gpus=1))).run(shard=4)
    assert (result.status, result.reason) == ("failed", f"the step fails could not be opened: {SAID[how]}".strip())
    assert (SEEN["tried"], SEEN["worked"]) == (1, 0), "no second try, no record"
    assert result.rejected == []
    assert result.tally["doubled"].out == 20, "what came before it is kept"


def test_a_part_inside_is_named_by_its_path() -> None:
    result = (P >> sk.Fork({"a": doubled(), "b": Fails(how="error")}, into="x")).run()
    assert result.reason == "the step fork/b/fails could not be opened: OSError: no such weights: /m bin"


class Waits(sk.Step):
    cpu = True

    async def open(self, ctx: sk.Opening) -> None:
        await asyncio.sleep(0)

    async def process(self, record: sk.Record, ctx: sk.Context) -> sk.Fields:
        return {}


def test_in_a_thread_it_may_not_await() -> None:
    result = (P >> Waits()).run()
    said = "a step with cpu=True runs in a thread and may not await anything"
    assert result.reason == f"the step waits could not be opened: {said}"


class Plain(sk.Step):
    def open(self, ctx: sk.Opening) -> None:  # type: ignore[override]
        pass

    async def process(self, record: sk.Record, ctx: sk.Context) -> sk.Fields:
        return {}


def test_one_that_is_not_async_is_refused_before_the_run() -> None:
    with pytest.raises(PipelineError) as caught:
        (P >> Plain()).run()
    assert caught.value.problems == ("plain: write `async def open` in Plain, not `def open`",)


def test_a_resume_opens_what_it_needs_and_nothing_else(project: Path) -> None:
    flag = project / "weights"
    result = (P >> Loads() >> Needs(file=str(flag), placement=Placement(gpus=1))).run(folder="run")
    assert result.status == "failed" and SEEN["opened loads"] == 1
    flag.touch()
    result = api.resume(project / "run")
    assert result.status == "complete" and len(result.accepted) == 20
    assert (SEEN["opened loads"], SEEN["opened needs"]) == (1, 2), "the first stage was complete"


class Needs(sk.Step):
    """Opens a file."""

    file: str

    def io(self, have: Any) -> sk.IO:
        return sk.IO()

    async def open(self, ctx: sk.Opening) -> None:
        SEEN[f"opened {ctx.path}"] += 1
        ctx.resource("Needs", Path(self.file).read_bytes)
        ctx.log.info("read")
        assert ctx.artifacts.path(ctx.artifacts.put(b"x")).read_bytes() == b"x"

    async def process(self, record: sk.Record, ctx: sk.Context) -> sk.Fields:
        return {}


class Noted:
    """Events in memory."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def event(self, kind: str, **fields: Any) -> None:
        self.lines.append(kind)


@pytest.mark.parametrize("how", ["", "error"])
def test_several_stages_may_open_in_one_lane_at_once(project: Path, how: str) -> None:
    events = Noted()
    lane = Lane(cast("Any", None), 0, FileArtifacts(project), cast("Any", events), str)
    part: sk.Step = Fails(how=how) if how else Loads()
    parts = [Bound(part, part.name, sk.IO())]

    async def both() -> list[Any]:
        return await asyncio.gather(*(opened(lane, parts) for _ in range(3)), return_exceptions=True)

    said = asyncio.run(both())
    if how:
        assert {(type(error), str(error)) for error in said} == {
            (RunError, "the step fails could not be opened: OSError: no such weights: /m bin")
        }
    assert events.lines == (["exception"] if how else ["opened"])
    assert SEEN["tried"] + SEEN["opened loads"] == 1


def test_previews_estimates_and_rehearsals_open_as_a_run_does(project: Path) -> None:
    pipeline = P >> Loads() >> sk.Repeat(LoadsToo(), 1, "x")
    shown = pipeline.preview(2)
    assert not shown.failed and len(shown.stories) == 2
    SEEN["worked"] = 0
    pipeline.estimate(4)
    SEEN["worked"] = 0
    plan = api.check(pipeline, Settings())
    assert not rehearse(plan, Settings(), find_project(project)).stalled
    paths = ("loads", "repeat/n/loads-too")
    assert [SEEN[f"opened {path}"] for path in paths] == [3, 3] and SEEN["loaded model"] == 3
