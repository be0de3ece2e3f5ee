"""Explaining changed requests: what is said before a run is what the run then asks, and nothing is asked for it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from engine_kit import Ask, doubled, even, numbers
from pydantic import BaseModel, Field

import synthkit as sk
from synthkit.engine import api, explain, parts, source
from synthkit.engine.comparison import Explained
from synthkit.engine.rehearsal import Rehearsed
from synthkit.engine.result import Result
from synthkit.engine.settings import Settings
from synthkit.errors import StoreError
from synthkit.models.project import find_project
from synthkit.testing import LoopbackServer, Reply, fresh, steady

Serve = Callable[..., LoopbackServer]
MIXED = Path(__file__).parent / "mixed.py"


class Mark(sk.Judge):
    """Judges what was said; equal texts share an answer."""

    model: sk.ModelName = "m"
    words: str = "Rate"

    class Out(BaseModel):
        score: int = Field(ge=1, le=5)

    async def process(self, record: sk.Record, ctx: sk.Context) -> sk.Fields:
        answer = await ctx.ask(self.model, f"{self.words}: {record['text'][:9]}", answer=self.Out, share=True)
        return {"score": answer.data.score, "rationale": ""}


class Careless(sk.Step):
    """Takes a failure for an answer, and asks something else then."""

    model: sk.ModelName = "m"
    words: str = "Say"

    def io(self, have: Any) -> sk.IO:
        return sk.IO.of(reads="n", writes="text")

    async def process(self, record: sk.Record, ctx: sk.Context) -> sk.Fields:
        try:
            return {"text": (await ctx.ask(self.model, f"{self.words} {record['n']}")).text}
        except Exception:
            return {"text": (await ctx.ask(self.model, f"Never mind {record['n']}")).text}


class Once(sk.DatasetStep):
    """Lets all through."""

    def io(self, have: Any) -> sk.IO:
        return sk.IO.of(reads={"n": int})

    def sketch(self, frame: pl.DataFrame) -> pl.DataFrame:
        return frame.select("_id", "n")

    def resolve(self, view: sk.View) -> pl.DataFrame:
        return view.new.select("_id", keep=pl.lit(True))


class Few(Once):
    """Lets the numbers over 3 through, at the end."""

    when = "end"

    def resolve(self, view: sk.View) -> pl.DataFrame:
        return view.new.select("_id", keep=pl.col("n") > 3)


SAY = Ask(model="m", label="say")
END = Ask(model="m", label="end", template="End {{ text }}", into="end")


def flow(*parts: Any, top: int = 6, target: int | None = None, name: str = "p") -> sk.Pipeline:
    made = sk.Pipeline(name, target=target) >> numbers(top=top)
    for part in parts:
        made = made >> part
    return made


def state(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def edit(run: Result | None, pipeline: sk.Pipeline, **given: Any) -> tuple[Explained, Rehearsed]:
    """What an edit comes to; nothing is changed by the question."""
    project = find_project()
    before = state(project.folder)
    settings = Settings(**given)
    plan = api.check(pipeline, replace(settings, offline=True))
    found = explain.edit(run.folder if run else None, plan, settings, project)
    assert state(project.folder) == before
    return found


def numbers_of(found: Explained) -> dict[str, tuple[int, ...]]:
    """For each step same, changed, new, gone, waiting and calls."""
    return {c.step: (c.same, c.changed, c.new, c.gone, c.waiting, c.calls) for c in found.changes}


def fields_of(found: Explained) -> dict[str, dict[str, int]]:
    return {change.step: dict(change.fields) for change in found.changes if change.fields}


EDITS: list[tuple[str, sk.Pipeline, dict[str, tuple[int, ...]], dict[str, dict[str, int]]]] = [
    ("nothing", flow(SAY, END), {"say": (6, 0, 0, 0, 0, 0), "end": (6, 0, 0, 0, 0, 0)}, {}),
    (
        "first prompt",
        flow(SAY.model_copy(update={"template": "No. {{ n }}"}), END),
        {"say": (0, 6, 0, 0, 0, 6), "end": (0, 0, 0, 0, 6, 0)},
        {"say": {"user message": 6}},
    ),
    (
        "last prompt",
        flow(SAY, END.model_copy(update={"template": "The end of {{ text }}"})),
        {"say": (6, 0, 0, 0, 0, 0), "end": (0, 6, 0, 0, 0, 6)},
        {"end": {"user message": 6}},
    ),
    (
        "system and options",
        flow(SAY, END.model_copy(update={"system": "Be short.", "options": {"temperature": 0.5, "max_tokens": 9}})),
        {"say": (6, 0, 0, 0, 0, 0), "end": (0, 6, 0, 0, 0, 6)},
        {"end": {"system prompt": 6, "option max_tokens": 6, "option temperature": 6}},
    ),
    (
        "model",
        flow(SAY, END.model_copy(update={"model": "other"})),
        {"say": (6, 0, 0, 0, 0, 0), "end": (0, 6, 0, 0, 0, 6)},
        {"end": {"model": 6}},
    ),
    (
        "a filter before the last",
        flow(SAY, even, END),
        {"say": (6, 0, 0, 0, 0, 0), "end": (3, 0, 0, 3, 0, 0)},
        {},
    ),
    (
        "a label",
        flow(SAY, END.model_copy(update={"label": "finish"})),
        {"say": (6, 0, 0, 0, 0, 0), "finish": (0, 6, 0, 0, 0, 6)},
        {"finish": {"its step": 6}},
    ),
    (
        "a step between",
        flow(SAY, doubled, Ask(model="m", template="{{ m }}?", into="more"), END),
        {"say": (6, 0, 0, 0, 0, 0), "ask": (0, 0, 6, 0, 0, 6), "end": (0, 0, 0, 0, 6, 0)},
        {},
    ),
    ("more records", flow(SAY, END, top=8), {"say": (6, 0, 2, 0, 0, 2), "end": (6, 0, 0, 0, 0, 0)}, {}),
    ("fewer records", flow(SAY, END, top=4), {"say": (4, 0, 0, 2, 0, 0), "end": (4, 0, 0, 2, 0, 0)}, {}),
    ("no last step", flow(SAY), {"say": (6, 0, 0, 0, 0, 0), "end": (0, 0, 0, 6, 0, 0)}, {}),
]


@pytest.mark.parametrize(("pipeline", "expected", "fields"), [e[1:] for e in EDITS], ids=[e[0] for e in EDITS])
def test_what_an_edit_changes_is_said_and_then_asked(
    serve: Serve, pipeline: sk.Pipeline, expected: Mapping[str, Any], fields: Mapping[str, Any]
) -> None:
    server = serve("m", "other", answer=steady)
    run = flow(SAY, END).run()
    asked = server.count
    found, rehearsed = edit(run, pipeline)
    assert numbers_of(found) == expected and fields_of(found) == fields
    assert server.count == asked
    waiting = sum(change.waiting for change in found.changes)
    assert bool(rehearsed.missing) == bool(found.calls)
    later = pipeline.run()
    # all that was foretold is asked; more only by the records that could not be followed
    assert found.calls <= server.count - asked <= found.calls + len(rehearsed.missing) * 2
    assert (server.count - asked == found.calls) or waiting or rehearsed.missing
    after, _ = edit(later, pipeline)
    assert after.calls == 0 and all(c.same and not (c.changed or c.new or c.gone) for c in after.changes)


def test_two_runs_are_compared_by_what_they_asked(serve: Serve) -> None:
    server = serve(answer=fresh)
    one = flow(SAY, END).run()
    two = flow(SAY, END.model_copy(update={"template": "Ende: {{ text }}", "wishes": {}})).run()
    again = flow(SAY, END).run(offline=True)
    asked = server.count
    found = explain.runs(one.folder, two.folder)
    assert numbers_of(found) == {"say": (6, 0, 0, 0, 0, 0), "end": (0, 6, 0, 0, 0, 0)}
    assert fields_of(found) == {"end": {"user message": 6}} and found.records == (6, 0, 0)
    record, sample = found.changes[1].samples[0]
    assert record in {r.id for r in two.accepted}
    assert sample.old is not None and sample.old.startswith("End ") and str(sample.new).startswith("Ende: ")
    assert numbers_of(explain.runs(one.folder, again.folder)) == {"say": (6, 0, 0, 0, 0, 0), "end": (6, 0, 0, 0, 0, 0)}
    other = flow(SAY, END).run(seed=1)
    found = explain.runs(one.folder, other.folder)
    assert fields_of(found)["say"] == {"seed": 6} and fields_of(found)["end"] == {"user message": 6}
    small = flow(SAY, top=2).run(offline=True)
    assert numbers_of(explain.runs(one.folder, small.folder)) == {"say": (2, 0, 0, 4, 0, 0), "end": (0, 0, 0, 6, 0, 0)}
    assert numbers_of(explain.runs(small.folder, one.folder)) == {"say": (2, 0, 4, 0, 0, 0), "end": (0, 0, 6, 0, 0, 0)}
    assert server.count == asked + 12


def test_a_shared_answer_is_one_call(serve: Serve) -> None:
    server = serve(answer=lambda request: Reply(text='{"score": 3}' if request.schema else "the same"))
    run = flow(SAY, Mark()).run()
    assert server.count == 6 + 1
    found, _ = edit(run, flow(SAY, Mark(words="Score")))
    assert numbers_of(found) == {"say": (6, 0, 0, 0, 0, 0), "mark": (0, 6, 0, 0, 0, 1)}
    assert fields_of(found) == {"mark": {"user message": 6}}
    flow(SAY, Mark(words="Score")).run()
    assert server.count == 8


def test_a_step_that_takes_a_lack_for_a_failure_is_not_followed(serve: Serve) -> None:
    server = serve(answer=steady)
    run = flow(Careless(), END).run()
    found, rehearsed = edit(run, flow(Careless(words="Tell"), END))
    assert numbers_of(found) == {"careless": (0, 6, 0, 0, 0, 6), "end": (0, 0, 0, 0, 6, 0)}
    assert rehearsed.stalled == {"careless": 6} and server.count == 12


def test_inside_composites_every_part_is_followed_as_far_as_it_goes(serve: Serve) -> None:
    serve(answer=steady)

    def made(left: str = "Left {{ n }}", **fork: Any) -> sk.Pipeline:
        way = Ask(model="m", label="way", template=left)
        right = Ask(model="m", label="way", template="Right {{ n }}")
        after = Ask(model="m", label="after", template="{{ text }}!", into="after")
        inner = (sk.Fork({"a": way, "b": right}, into="texts", at_least=1), sk.Each("texts", after))
        return flow(sk.Route(weights={"x": 1}, ways={"x": inner}), top=3)

    run = made().run()
    found, rehearsed = edit(run, made("Links {{ n }}"))
    assert numbers_of(found) == {
        "route/x/fork/a/way": (0, 3, 0, 0, 0, 3),
        "route/x/fork/b/way": (3, 0, 0, 0, 0, 0),  # a sibling does not wait
        "route/x/each/*/after": (0, 0, 0, 0, 6, 0),  # at_least=1 must not let it go on with one
    }
    assert rehearsed.stalled == {"route": 3}


def test_records_after_one_that_waits_are_followed(serve: Serve) -> None:
    """One new row is one new call, and what it may do to the others is said."""
    serve(answer=steady)

    run = flow(SAY, Once(), END).run()
    found, rehearsed = edit(run, flow(SAY, Once(), END, top=7))
    assert numbers_of(found) == {"say": (6, 0, 1, 0, 0, 1), "end": (6, 0, 0, 0, 0, 0)}
    assert (rehearsed.guessing, len(rehearsed.missing), rehearsed.last) == (["once"], 1, False)
    assert found.records == (6, 1, 0)
    found, rehearsed = edit(run, flow(SAY, Once(), END.model_copy(update={"template": "{{ text }}?"})))
    assert rehearsed.guessing == [] and rehearsed.last  # nothing comes behind


def test_everything_at_once_is_the_same_and_costs_nothing(serve: Serve, project: Path) -> None:
    server = serve(answer=fresh)
    loaded = source.load(MIXED)
    run = api.run(loaded.pipeline({"target": 60}), folder=project / "run", file=loaded)
    asked = server.count
    assert run.status == "complete" and len(run.state["rounds"]) > 1
    found, rehearsed = edit(run, loaded.pipeline({"target": 60}))
    assert server.count == asked and found.calls == 0 and not rehearsed.missing
    assert all(c.same and not (c.changed or c.new or c.gone or c.waiting) for c in found.changes), numbers_of(found)
    assert sum(c.same for c in found.changes) >= asked
    more, rehearsed = edit(run, loaded.pipeline({"target": 90}))
    assert more.calls and rehearsed.missing and all(not c.changed for c in more.changes)


def test_an_end_step_waits_for_all(serve: Serve) -> None:
    serve(answer=steady)
    run = flow(SAY, Few(), END).run()
    assert len(run.accepted) == 2
    same, _ = edit(run, flow(SAY, Few(), END))
    assert numbers_of(same) == {"say": (6, 0, 0, 0, 0, 0), "end": (2, 0, 0, 0, 0, 0)}
    found, _ = edit(run, flow(SAY.model_copy(update={"template": "{{ n }}"}), Few(), END))
    assert numbers_of(found) == {"say": (0, 6, 0, 0, 0, 6), "end": (0, 0, 0, 0, 2, 0)}


def test_costs_are_about_what_the_answers_of_the_step_took(serve: Serve, project: Path) -> None:
    serve(answer=steady)
    with (project / "synthkit.toml").open("a") as file:
        file.write("[prices.m]\ninput = 10\noutput = 1000\n")
    run = flow(SAY, END).run()
    spent = {label: count.spent for label, count in run.tally.items()}
    found, _ = edit(run, flow(SAY.model_copy(update={"template": "Number: {{ n }}"}), END))
    say, end = found.changes
    assert say.cost is not None and end.waiting_cost is not None
    assert abs(say.cost / spent["say"].cost - 1) < Decimal("0.3")
    assert abs(end.waiting_cost / spent["end"].cost - 1) < Decimal("0.01")
    form = json.loads(json.dumps(found.form()))
    assert form["calls"] == 6 and form["steps"][0]["cost"] == float(say.cost)


def test_a_price_that_is_not_known_is_said_to_be(serve: Serve) -> None:
    serve(answer=steady)
    run = flow(SAY, END).run()
    found, _ = edit(run, flow(SAY.model_copy(update={"template": "{{ n }}"}), END))
    assert [(c.cost, c.waiting_cost) for c in found.changes] == [(None, Decimal(0)), (Decimal(0), None)]


def test_without_a_run_all_is_new(serve: Serve) -> None:
    serve(answer=steady)
    found, _ = edit(None, flow(SAY, END))
    assert numbers_of(found) == {"say": (0, 0, 6, 0, 0, 6)} and found.records == (0, 6, 0)


def test_answers_that_are_gone_are_counted_and_the_rest_is_compared(serve: Serve, project: Path) -> None:
    serve(answer=steady)
    run = flow(SAY, END).run()
    for path in find_project().journal.glob("0*"):
        path.unlink()
    found, _ = edit(run, flow(SAY, END))
    assert numbers_of(found) == {"say": (6, 0, 0, 0, 0, 6), "end": (0, 0, 0, 0, 6, 0)}
    found, _ = edit(run, flow(SAY.model_copy(update={"template": "{{ n }}"}), END))
    assert found.lost == 6 and found.changes[0].changed == 6


def test_a_run_without_trails_is_refused(serve: Serve) -> None:
    serve(answer=steady)
    run = flow(SAY).run()
    for path in run.folder.rglob("*.zst"):
        path.write_bytes(parts.packed(parts.load(path), "without trails"))
    with pytest.raises(StoreError) as caught:
        explain.runs(run.folder, run.folder)
    assert str(caught.value).startswith(f"{run.folder} does not say what it asked, as it was made by an older synthkit")
