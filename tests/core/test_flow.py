"""Columns through parts in a row and through composites: what is there behind them, and what is refused."""

from typing import Any

import polars as pl
import pytest

import synthkit as sk
from synthkit.core import Have
from synthkit.core.flow import flow
from synthkit.errors import PipelineError


@sk.step(reads="a", writes="b")
def a_to_b(record: sk.Record) -> sk.Fields:
    return {}


@sk.step(reads="b", writes="c")
def b_to_c(record: sk.Record) -> sk.Fields:
    return {}


@sk.step(reads="a", writes="b", fans_out=True)
def many(record: sk.Record) -> Any:
    return []


@sk.step(reads={"a": str}, writes=["b", "c"])
def a_to_bc(record: sk.Record) -> sk.Fields:
    return {}


@sk.step(drops="a")
def without_a(record: sk.Record) -> sk.Fields:
    return {}


@sk.step(maybe="b")
def maybe_b(record: sk.Record) -> sk.Fields:
    return {}


@sk.filter(reads="b")
def good(record: sk.Record) -> bool:
    return True


@sk.generator(writes="a")
def source() -> Any:
    yield {"a": 1}


class AtOnce(sk.DatasetStep):
    def io(self, have: Have) -> sk.IO:
        return sk.IO.of(reads={"a": str})

    def resolve(self, view: sk.View) -> pl.DataFrame:
        return view.new


HAVE = Have(frozenset({"a"}))
L = lambda part, label: part.model_copy(update={"label": label})  # noqa: E731


def columns(*parts: Any, have: Have = HAVE) -> tuple[set[str], set[str]]:
    found = flow([part() if isinstance(part, type) else part for part in parts], have)
    assert list(found.problems) == []
    return set(found.after.sure), set(found.after.maybe)


@pytest.mark.parametrize(
    ("parts", "sure", "maybe"),
    [
        ([a_to_b, b_to_c, good], "abc", ""),
        ([a_to_b, without_a], "b", ""),
        ([maybe_b], "a", "b"),
        ([maybe_b, a_to_b], "ab", ""),
        ([sk.Fork({"x": a_to_b(), "y": L(a_to_b(), "again")}, into="d")], "ad", ""),
        ([sk.Fork({"x": a_to_b(), "y": maybe_b().model_copy()}, into="d", at_least=1)], "ad", ""),
        ([sk.Fork({"x": a_to_b(), "y": without_a()})], "ab", ""),
        ([sk.Fork({"x": a_to_bc(), "y": without_a()}, at_least=1)], "a", "bc"),
        ([sk.Repeat((a_to_b(), good()), 3, "d")], "ad", ""),
        ([sk.Route(by="a", ways={"x": a_to_b(), "y": a_to_bc()})], "ab", "c"),
        ([sk.Route(by="a", ways={"x": a_to_b(), "y": a_to_bc()}, otherwise="keep")], "a", "bc"),
        ([sk.Route(by="a", ways={"x": a_to_b()}, otherwise=a_to_bc())], "ab", "c"),
        ([sk.Route(weights={"x": 1, "y": 1}, ways={"x": a_to_b(), "y": a_to_bc()}, otherwise="keep")], "ab", "c"),
        ([sk.Loop((a_to_b(), b_to_c()), good())], "abc", ""),
        ([sk.Loop(a_to_b(), (b_to_c(), good()))], "abc", ""),
        ([sk.Loop(a_to_b(), (good(), b_to_c(), L(good(), "g2")), otherwise="best")], "ab", "c"),
    ],
)
def test_the_columns_behind(parts: Any, sure: str, maybe: str) -> None:
    assert columns(*parts) == (set(sure), set(maybe))


def test_entries_of_a_list_are_known_to_those_who_read_them() -> None:
    fork = sk.Fork({"x": a_to_bc(), "y": a_to_b()}, into="d")
    assert columns(fork, sk.Each("d", b_to_c())) == ({"a", "d"}, set())
    assert columns(fork, sk.Each("d", (b_to_c(), good()), label="e"), sk.Each("d", L(sk.Each("d", good()), "in")))
    found = flow([fork, sk.Each("d", c_to_d())], HAVE)
    assert list(found.problems) == [
        "each: in \"each 'd'\": c-to-d reads column 'c', which nothing before it writes; there are: a, b, d, item, way"
    ]
    assert columns(sk.Each("d", good(), has=("b",)), have=Have(frozenset("d"))) == ({"d"}, set())
    one = sk.Each("d", reads_item())
    assert columns(one, have=Have(frozenset("d"))) == ({"d"}, set())


@sk.step(reads="c", writes="e")
def c_to_d(record: sk.Record) -> sk.Fields:
    return {}


@sk.step(reads="item", writes="e")
def reads_item(record: sk.Record) -> sk.Fields:
    return {}


def test_entries_are_known_no_more_when_the_column_is_written_anew() -> None:
    fork = sk.Fork({"x": a_to_b(), "y": a_to_bc()}, into="d")

    @sk.step(reads="d", writes="d")
    def shuffle(record: sk.Record) -> sk.Fields:
        return {}

    assert "nothing before it writes" in flow([fork, shuffle(), sk.Each("d", good())], HAVE).problems[0]


def test_feedback_is_there_inside_a_loop_alone() -> None:
    class Feeds(sk.Prompt):
        template = "{{ feedback }}"
        into = "b"

    assert columns(sk.Loop(Feeds(model="m"), good())) == ({"a", "b"}, set())
    assert "reads column 'feedback'" in flow([Feeds(model="m")], HAVE).problems[0]


class Broken(sk.Step):
    def io(self, have: Have) -> sk.IO:
        raise ZeroDivisionError("oh")

    async def process(self, record: sk.Record, ctx: sk.Context) -> sk.Fields:
        return {}


class Unhappy(Broken):
    def io(self, have: Have) -> sk.IO:
        raise PipelineError("one thing", "another")


class NotAsync(sk.Filter):
    def check(self, record: sk.Record, ctx: sk.Context) -> sk.Verdict:  # type: ignore[override]
        return sk.KEEP


NONE = "which nothing before it writes"
SAID: list[tuple[list[Any], list[str]]] = [
    ([b_to_c()], [f"b-to-c reads column 'b', {NONE}; there are: a"]),
    ([without_a(), a_to_b()], [f"a-to-b reads column 'a', {NONE}"]),
    ([maybe_b(), b_to_c()], ["b-to-c reads column 'b', which only some records have there"]),
    ([a_to_b(), a_to_b()], ["two parts are called 'a-to-b': give one of them a label, as in label='…'"]),
    ([source()], ["source: a source cannot stand here, only steps and filters can"]),
    ([Broken()], ["broken: its io() failed with ZeroDivisionError: oh"]),
    ([Unhappy()], ["unhappy: one thing", "unhappy: another"]),
    ([NotAsync()], ["not-async: write `async def check` in NotAsync, not `def check`"]),
    (
        [sk.Fork({"x": AtOnce(), "y": b_to_c()})],
        [
            "fork: in 'x': at-once: sees all records at once, so it cannot stand inside another step",
        ],
    ),
    ([sk.Fork({"x": b_to_c()})], [f"fork: in 'x': b-to-c reads column 'b', {NONE}; there are: a"]),
    ([sk.Fork({"x": source()})], ["fork: in 'x': source: a source cannot stand here, only steps and filters can"]),
    ([sk.Fork({})], ["fork: 0 ways cannot give at least 1"]),
    ([sk.Fork({"x": a_to_b()}, at_least=2)], ["fork: 1 ways cannot give at least 2"]),
    ([sk.Fork({"x": a_to_b(), "y": a_to_bc()})], ["fork: the ways 'x' and 'y' both write 'b': use `into`"]),
    ([sk.Fork({"x": many()})], ["fork: the way 'x' may make several records: give `into` a column for them"]),
    (
        [sk.Fork({"x": (a_to_b(), a_to_b())}, into="d")],
        ["fork: in 'x': two parts are called 'a-to-b': give one of them a label, as in label='…'"],
    ),
    ([sk.Repeat(a_to_b(), 0, "d")], ["repeat: n=0 cannot give at least 1"]),
    ([sk.Repeat(a_to_b(), 2, "d", at_least=3)], ["repeat: n=2 cannot give at least 3"]),
    ([sk.Repeat(b_to_c(), 2, "d")], [f"repeat: in 'n': b-to-c reads column 'b', {NONE}; there are: a"]),
    (
        [sk.Each("d", a_to_b())],
        [f"each reads column 'd', {NONE}; there are: a"],
    ),
    ([sk.Route(ways={"x": a_to_b()})], ["route: give either `by`, a column, or `weights`"]),
    ([sk.Route(by="a", weights={"x": 1}, ways={"x": a_to_b()})], ["route: give either `by`, a column, or `weights`"]),
    (
        [sk.Route(weights={"left": 1, "rigth": 1}, ways={"left": a_to_b(), "right": a_to_b()})],
        ["route: weights name 'rigth', which is no way; did you mean 'right'?"],
    ),
    (
        [sk.Route(weights={"x": -1, "y": 3}, ways={"x": a_to_b(), "y": a_to_b()})],
        ["route: weights must not be negative, and not all zero"],
    ),
    ([sk.Route(weights={"x": 0}, ways={"x": a_to_b()})], ["route: weights must not be negative, and not all zero"]),
    ([sk.Route(weights={}, ways={"x": a_to_b()})], ["route: weights must not be negative, and not all zero"]),
    (
        [sk.Route(by="lang", ways={"x": a_to_b()})],
        [f"route reads column 'lang', {NONE}; there are: a"],
    ),
    (
        [sk.Route(by="a", ways={"otherwise": a_to_b()}, otherwise=a_to_bc())],
        ["route: a way cannot be called 'otherwise' beside the part of that name"],
    ),
    ([sk.Loop(a_to_b(), good(), max_rounds=0)], ["loop: max_rounds=0 makes no round"]),
    (
        [sk.Loop(a_to_b(), b_to_c())],
        ["loop: `until` needs a filter that says when it is good enough, as judge.at_least(4) does"],
    ),
    ([sk.Loop(many(), good())], ["loop: a part inside may make several records: a loop works on one"]),
    (
        [sk.Loop(b_to_c(), good())],
        [
            f"loop: in 'round': b-to-c reads column 'b', {NONE}; there are: a, feedback",
            f"loop: in 'round': good reads column 'b', {NONE}; there are: a, c, feedback",
        ],
    ),
    (
        [sk.Loop(a_to_b(), (L(a_to_b(), "a-to-b"), good()))],
        ["loop: in 'round': two parts are called 'a-to-b': give one of them a label, as in label='…'"],
    ),
]


@pytest.mark.parametrize(("parts", "said"), SAID, ids=range(len(SAID)))
def test_what_is_refused(parts: list[Any], said: list[str]) -> None:
    assert list(flow(parts, HAVE).problems) == said


def test_all_problems_are_told_at_once() -> None:
    found = flow([b_to_c(), maybe_b(), good(), sk.Fork({}), without_a(), a_to_b()], HAVE).problems
    assert len(found) == 4


def test_dataset_steps_stand_at_the_top() -> None:
    assert columns(AtOnce) == ({"a"}, set())
