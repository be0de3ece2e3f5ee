"""What steps, filters and dataset steps may return, and what becomes of a record when they do not."""

import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from engine_kit import adds_up, doubled, failed, numbers

import synthkit as sk
from synthkit.core import Have
from synthkit.errors import RecordError

pytestmark = pytest.mark.usefixtures("project")


class Returns(sk.Step):
    """Returns what it is told by name."""

    what: str
    writes: tuple[str, ...] = ("x",)
    drops: tuple[str, ...] = ()

    def io(self, have: Have) -> sk.IO:
        return sk.IO.of(reads={"n": int}, writes=self.writes, maybe="y", drops=self.drops, fans_out=True)

    async def process(self, record: sk.Record, ctx: sk.Context) -> Any:
        return BAD[self.what](record)


class Says(sk.Filter):
    """The same as a filter."""

    what: str

    async def check(self, record: sk.Record, ctx: sk.Context) -> Any:
        return BAD[self.what](record)


def raises(error: Exception) -> Any:
    raise error


BAD: dict[str, Any] = {
    "none": lambda r: None,
    "text": lambda r: "x",
    "number": lambda r: 3,
    "undeclared": lambda r: {"x": 1, "z": 2},
    "missing": lambda r: {"y": 1},
    "set": lambda r: {"x": {1}},
    "nan": lambda r: {"x": math.nan},
    "huge": lambda r: {"x": 10**5000},
    "reserved": lambda r: {"_id": 1, "x": 1},
    "list of text": lambda r: [{"x": 1}, "x"],
    "child missing": lambda r: [{"x": 1}, {}],
    "keep": lambda r: sk.KEEP,
    "value error": lambda r: raises(ValueError(f"bad\n {object()!r}  id 123e4567-e89b-12d3-a456-426614174000")),
    "key of a dict": lambda r: {}["inner"],
    "key of the record": lambda r: r["absent"],
    "record error": lambda r: raises(RecordError("too odd", reason="odd")),
    "recursion": lambda r: BAD["recursion"](r),
    "assert": lambda r: raises(AssertionError()),
    "long": lambda r: raises(ValueError("x" * 5000)),
    "changes": lambda r: r.fields.update(n=3),
    "true": lambda r: True,
}
SAID = {
    "none": ("bad result", "RecordError", "p returned None: a step returns a mapping of columns, a list of them, or a "
             "Verdict"),
    "text": ("bad result", "RecordError", "p returned str: a step returns a mapping"),
    "number": ("bad result", "RecordError", "p returned int: a step returns a mapping"),
    "undeclared": ("column", "ColumnError", "p returned the column 'z', which it does not declare: add it to writes"),
    "missing": ("column", "ColumnError", "p declares that it writes 'x', and did not: move it to maybe"),
    "set": ("column", "ColumnError", "column 'x' is a set, which a record cannot carry"),
    "nan": ("column", "ColumnError", "column 'x' is nan, which JSON cannot say: return None instead"),
    "huge": ("column", "ColumnError", "column 'x' is a number of more than 4,200 digits: return it as text"),
    "reserved": ("column", "ColumnError", "p returned the column '_id', which it does not declare"),
    "list of text": ("bad result", "RecordError", "p returned a list with str in it, not mappings only"),
    "child missing": ("column", "ColumnError", "p declares that it writes 'x', and did not: move it to maybe"),
    "keep": ("column", "ColumnError", "p declares that it writes 'x', and did not: move it to maybe"),
    "value error": ("ValueError", "ValueError", "ValueError: bad <object object at …> id …"),
    "key of a dict": ("KeyError", "KeyError", "KeyError: 'inner'"),
    "key of the record": ("column", "KeyError", "p reads 'absent', which this record does not have"),
    "record error": ("odd", "RecordError", "too odd"),
    "recursion": ("RecursionError", "RecursionError", "RecursionError: maximum recursion depth exceeded"),
    "assert": ("AssertionError", "AssertionError", "AssertionError:"),
    "long": ("ValueError", "ValueError", "ValueError: xxxx"),
    "changes": ("TypeError", "TypeError", "TypeError: values of a record are never changed in place: make a copy"),
}  # fmt: skip


@pytest.mark.parametrize("what", SAID)
def test_a_step_that_goes_wrong_fails_its_record_alone(what: str) -> None:
    part = Returns(what=what, label="p")
    result = adds_up((sk.Pipeline("p") >> numbers(top=3) >> part).run(max_failures="100%"))
    reason, error, message = SAID[what]
    found = failed(result)
    assert len(found) == 3 and len({*found}) == 1, "equal failures have equal words"
    assert found[0][:2] == (reason, error)
    assert found[0][2].startswith(message) and len(found[0][2]) <= 500
    assert result.tally["p"].failed == 3
    tracebacks = (result.folder / "events.jsonl").read_text().count('"kind":"exception"') if error in (
        "ValueError", "KeyError", "RecursionError", "AssertionError", "TypeError",
    ) else 3  # fmt: skip
    assert tracebacks == 3, "what no author foresaw is in the events, with its traceback"


@pytest.mark.parametrize("what", ["none", "true", "undeclared"])
def test_a_filter_returns_a_verdict(what: str) -> None:
    result = (sk.Pipeline("p") >> numbers(top=2) >> Says(what=what)).run(max_failures="100%")
    name = {"none": "None", "true": "bool", "undeclared": "dict"}[what]
    assert failed(result) == [("bad result", "RecordError", f"says returned {name}: a filter returns a Verdict")] * 2


def test_a_step_may_drop_and_change_columns() -> None:
    BAD["swap"] = lambda r: {"x": [r["n"]], "y": 1} if r["n"] % 2 else {"x": "even"}
    part = Returns(what="swap", drops=("n",))
    result = adds_up((sk.Pipeline("p") >> numbers(top=3) >> part).run())
    assert [dict(r) for r in result.accepted] == [{"x": "even"}, {"x": [1], "y": 1}, {"x": "even"}]


def test_children_and_drops() -> None:
    BAD["n times"] = lambda r: [{"x": k} for k in range(r["n"])]
    pipeline = sk.Pipeline("p") >> numbers(top=4) >> Returns(what="n times") >> doubled
    result = adds_up(pipeline.run())
    assert [(r["n"], r["x"]) for r in result.accepted] == [(1, 0), (2, 0), (2, 1), (3, 0), (3, 1), (3, 2)]
    count = result.tally["returns"]
    assert (count.seen, count.made, count.out, count.dropped) == (4, 3, 6, 1)
    parents = {r["n"]: r.source for r in result.accepted}
    assert all(r.source == parents[r["n"]] and r.id != r.source for r in result.accepted), "even an only child"
    assert [(r["kind"], r["reason"], r["id"] == r["source"]) for r in result.rejected] == [
        ("dropped", "nothing made", True)
    ]


def test_what_verdicts_carry_is_written_down_whatever_it_is() -> None:
    odd = [
        sk.drop("a", detail=ValueError("why")), sk.drop("b", score=math.nan), sk.drop("c", score=Decimal("1.5")),
        sk.drop(3, detail={1}), sk.drop("", detail=None, score="high"), sk.Verdict(False), sk.drop("e", "\ud83d", 2),
    ]  # type: ignore[arg-type,list-item]  # fmt: skip
    BAD["verdicts"] = lambda r: odd[r["n"]]
    result = adds_up((sk.Pipeline("p") >> numbers(top=7) >> Returns(what="verdicts")).run())
    assert [(r["reason"], r["message"], r["score"]) for r in result.rejected] == [
        ("a", "why", None), ("b", "", None), ("c", "", 1.5), ("3", "{1}", None), ("not returns", "", None),
        ("not returns", "", None), ("e", "\ud83d", 2.0),
    ]  # fmt: skip


@sk.step(reads={"n": int}, writes="thread", cpu=True)
def heavy(record: sk.Record, ctx: sk.Context) -> sk.Fields:
    import threading

    return {"thread": threading.current_thread() is not threading.main_thread() and ctx.rng("x").random() < 2}


@sk.step(reads="n", writes="x", cpu=True)
async def heavy_that_waits(record: sk.Record, ctx: sk.Context) -> sk.Fields:
    if record["n"]:
        await ctx.ask("openai/gpt", "Hello")
    import asyncio

    await asyncio.sleep(0)
    return {"x": 1}


def test_heavy_steps_run_in_threads_and_wait_for_nothing() -> None:
    result = adds_up((sk.Pipeline("p") >> numbers(top=5) >> heavy).run())
    assert [r["thread"] for r in result.accepted] == [True] * 5
    result = adds_up((sk.Pipeline("p") >> numbers(top=2) >> heavy_that_waits).run(max_failures="100%"))
    assert failed(result) == [
        ("context", "RecordError", "a step with cpu=True runs in a thread and may not await anything"),
        ("context", "RecordError", "heavy-that-waits asks a model, which a step with cpu=True cannot: split it into "
         "two steps"),
    ]  # fmt: skip


class Frame(sk.DatasetStep):
    """Decides as it is told."""

    what: str = "all"
    kind: str = "int"

    def io(self, have: Have) -> sk.IO:
        kind: Any = {"int": int, "str": str, "float": float, "any": object}[self.kind]
        return sk.IO.of(reads={"x": kind}, maybe="extra")

    def sketch(self, frame: pl.DataFrame) -> pl.DataFrame:
        if self.what == "sketch":
            return frame.head(1)
        return frame

    def resolve(self, view: sk.View) -> pl.DataFrame:
        everything = view.new.select("_id").with_columns(keep=True)
        match self.what:
            case "raises":
                raise ZeroDivisionError("oh")
            case "no keep":
                return everything.drop("keep")
            case "too few":
                return everything.head(1)
            case "twice":
                return pl.concat([everything, everything])
            case "undeclared":
                return everything.with_columns(other=1)
            case "odd":
                return everything.with_columns(keep=False, reason=1, detail=2.5, score=math.nan)
            case "date":
                return everything.with_columns(extra=pl.date(2024, 1, 1))
        return everything.with_columns(extra=view.new["x"])


VALUES: list[Any] = [0, "x", 2.5, None, 2**70, True, [1, {"a": None}], "\ud83d", -0.0, {"k": [1, "s"]}]


@sk.step(reads="n", writes="x")
def mixed(record: sk.Record) -> sk.Fields:
    return {"x": VALUES[record["n"]]}


@pytest.mark.parametrize(
    ("kind", "through"),
    [("int", [0]), ("float", [0, 2, 8]), ("str", [1]), ("any", [0, 1, 2, 3, 4, 5, 6, 8, 9])],
)
def test_a_dataset_step_gets_typed_columns_and_others_fail(kind: str, through: list[int]) -> None:
    pipeline = sk.Pipeline("p") >> numbers(top=len(VALUES)) >> mixed >> Frame(kind=kind)
    result = adds_up(pipeline.run(max_failures="100%"))
    wide = [4] if kind == "float" else []
    assert [r["n"] for r in result.accepted] == sorted(through + wide)
    messages = {r["fields"]["n"]: r["message"] for r in result.rejected}
    said = {
        ("int", 1): "column 'x' is str, and frame needs int",
        ("int", 4): "column 'x' is a number of more than 64 bits",
        ("int", 5): "column 'x' is bool, and frame needs int",
        ("str", 7): "column 'x' holds half a character (a lone surrogate), which frame cannot take",
        ("any", 7): "column 'x' holds half a character (a lone surrogate), which frame cannot take",
        ("float", 3): "column 'x' is NoneType, and frame needs float",
    }
    assert all(messages[n] == text for (k, n), text in said.items() if k == kind)
    if kind == "any":
        assert result.accepted[6]["extra"] == '[1,{"a":null}]', "undeclared columns are JSON text"
        assert "extra" not in result.accepted[3], "a null is no value"


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("raises", "the step frame failed: ZeroDivisionError: oh"),
        ("sketch", "frame.sketch must return a row with `_id` for each of 3 records"),
        ("no keep", "frame.resolve must return the columns `_id` and `keep`: ['keep'] is missing"),
        ("too few", "frame.resolve must decide once on each of 3 records"),
        ("twice", "frame.resolve must decide once on each of 3 records"),
        ("undeclared", "frame.resolve returned the column 'other', which it does not declare"),
        ("date", "column 'extra' is a date, which a record cannot carry"),
    ],
)
def test_a_dataset_step_that_goes_wrong_fails_the_run(what: str, said: str) -> None:
    result = (sk.Pipeline("p") >> numbers(top=3) >> mixed_numbers >> Frame(what=what)).run(folder="run")
    assert result.status == "failed"
    assert result.reason.startswith(said)
    assert result.tally["mixed-numbers"].out == 3, "what came before is committed"
    assert Path("run/accepted.jsonl").read_text() == ""


@sk.step(reads="n", writes="x")
def mixed_numbers(record: sk.Record) -> sk.Fields:
    return {"x": record["n"]}


def test_what_a_dataset_step_says_is_written_down_whatever_it_is() -> None:
    result = adds_up((sk.Pipeline("p") >> numbers(top=2) >> mixed_numbers >> Frame(what="odd")).run())
    assert [(r["reason"], r["message"], r["score"]) for r in result.rejected] == [("1", "2.5", None)] * 2
