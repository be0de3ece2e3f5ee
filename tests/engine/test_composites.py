"""Composites at work: what they hand on, what they note, and how they fail."""

import asyncio
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from engine_kit import Ask, adds_up, doubled, even, failed, numbers

import synthkit as sk
from synthkit.errors import Overloaded, RecordError
from synthkit.testing import LoopbackServer, Reply, steady

Serve = Callable[..., LoopbackServer]


def run(*parts: Any, top: int = 4, **settings: Any) -> Any:
    pipeline = sk.Pipeline("p") >> numbers(top=top)
    for part in parts:
        pipeline = pipeline >> part
    settings.setdefault("max_failures", "100%")
    return adds_up(pipeline.run(**settings))


@sk.step(writes=["ok", "word"])
def flagged(record: sk.Record) -> sk.Fields:
    return {"ok": True, "word": ""}


@sk.step(reads="word", writes="word")
def stripped(record: sk.Record) -> sk.Fields:
    return {"word": record["word"].strip()}


@sk.filter(reads="word")
def nothing_said(record: sk.Record) -> bool:
    return bool(record["word"] == "")


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    "part",
    [
        sk.Route(by="ok", ways={"true": stripped()}),
        sk.Route(weights={"a": 1}, ways={"a": (flagged(label="again"), stripped())}),
        sk.Fork({"a": stripped(), "b": doubled()}),
        sk.Loop(stripped(), nothing_said()),
        sk.Loop(stripped(), sk.AtLeast(least=9, column="n"), otherwise="best"),
    ],
    ids=["route", "weights", "fork", "loop", "best"],
)
def test_what_is_written_again_with_the_same_value_counts_as_written(part: Any) -> None:
    result = run(flagged, part)
    assert failed(result) == []
    assert [r["word"] for r in result.accepted] == [""] * 4


@pytest.mark.usefixtures("project")
def test_entries_have_all_that_their_way_wrote() -> None:
    again = flagged(label="again")
    result = run(flagged, sk.Fork({"a": again, "b": again}, into="ways"), sk.Repeat(again, 2, "times"))
    entry = {"ok": True, "word": ""}
    assert result.accepted[0]["ways"] == [{"way": "a", **entry}, {"way": "b", **entry}]
    assert result.accepted[0]["times"] == [entry, entry]


@sk.step(reads={"m": int}, writes="half")
def halved(record: sk.Record) -> sk.Fields:
    return {"half": record["m"] // 2}


@pytest.mark.usefixtures("project")
def test_entries_are_known_inside_other_composites() -> None:
    fork = sk.Fork({"a": doubled(), "b": doubled()}, into="ways")
    each = sk.Each("ways", halved())
    deep = sk.Route(weights={"x": 1}, ways={"x": sk.Fork({"only": sk.Loop(each, even())})})
    result = run(fork, deep)
    assert result.accepted[0]["ways"] == [{"way": way, "m": 0, "half": 0} for way in "ab"]
    assert len(result.accepted) == 2


@sk.step(writes="rows")
def odd_rows(record: sk.Record) -> sk.Fields:
    return {"rows": [{"m": 1}, 5, {"m": "x"}][: record["n"]]}


@pytest.mark.usefixtures("project")
def test_each_keeps_what_comes_through() -> None:
    result = run(odd_rows, sk.Each("rows", halved(), has=("m",)))
    assert [r["rows"] for r in result.accepted] == [[{"m": 1, "half": 0}]] * 3, "what fails inside leaves the list"
    lost = [(r["fields"]["n"], r["kind"], r["step"], r["reason"]) for r in result.rejected]
    assert lost == [
        (0, "dropped", "each", "too few entries"),
        (2, "attempt", "each/1/halved", "column"),
        (3, "attempt", "each/1/halved", "column"),
        (3, "attempt", "each/2/halved", "column"),
    ]
    messages = [r["message"] for r in result.rejected][2:]
    assert messages == [
        "each/1/halved reads 'm', which this record does not have",
        "column 'm' is str, and each/2/halved needs int",
    ]


@sk.step(writes="x")
def fails_at_2(record: sk.Record) -> sk.Fields:
    if record["n"] == 2:
        raise RecordError("no twos", reason="two")
    return {"x": 1}


@pytest.mark.usefixtures("project")
def test_too_few_fail_where_one_failed_and_drop_where_all_were_dropped() -> None:
    fork = sk.Fork({"a": fails_at_2(), "b": (even(), doubled())}, into="ways")
    result = run(fork)
    ends = {r["fields"]["n"]: (r["kind"], r["reason"], r["message"]) for r in result.rejected if r["step"] == "fork"}
    assert ends == {
        1: ("dropped", "too few ways", "1 of at least 2"),
        2: ("failed", "two", "no twos"),
        3: ("dropped", "too few ways", "1 of at least 2"),
    }
    attempts = [(r["fields"]["n"], r["step"]) for r in result.rejected if r["kind"] == "attempt"]
    assert attempts == [(1, "fork/b/even"), (2, "fork/a/fails-at-2"), (3, "fork/b/even")]


@pytest.mark.usefixtures("project")
def test_routes() -> None:
    ways = {"0": doubled(), "1": sk.Fork({"x": doubled()})}
    assert [r.get("m") for r in run(sk.Route(by="n", ways=ways, otherwise="keep")).accepted] == [0, 2, None, None]
    dropped = run(sk.Route(by="n", ways=ways))
    assert {(r["reason"], r["message"]) for r in dropped.rejected} == {("no way", "n is '2'"), ("no way", "n is '3'")}
    other = run(sk.Route(by="n", ways=ways, otherwise=doubled(label="other")))
    assert [r["m"] for r in other.accepted] == [0, 2, 4, 6]
    one = [r.id for r in run(sk.Route(weights={"a": 1, "b": 3}, ways={"a": even(), "b": doubled()}), top=200).accepted]
    two = [r.id for r in run(sk.Route(weights={"a": 1, "b": 3}, ways={"a": even(), "b": doubled()}), top=200).accepted]
    assert one == two and 100 < len(one) < 200


@sk.step(writes="k", fans_out=True)
def many(record: sk.Record) -> Any:
    return [{"k": k} for k in range(record["n"])]


@pytest.mark.usefixtures("project")
def test_a_route_hands_on_children() -> None:
    result = run(sk.Route(weights={"a": 1}, ways={"a": many()}))
    assert [(r["n"], r["k"]) for r in result.accepted] == [(1, 0), (2, 0), (2, 1), (3, 0), (3, 1), (3, 2)]
    assert [(r["kind"], r["reason"]) for r in result.rejected if r["step"] == "route"] == [("dropped", "nothing made")]


def test_a_passing_failure_inside_is_swept_like_one_outside(serve: Serve, project: Path) -> None:
    def answer(request: Any) -> Any:
        return Reply(error="overloaded", retry_after=3600) if request.number == 3 else "fine"

    server = serve(answer=answer)
    result = run(sk.Fork({"x": Ask(model="m"), "y": Ask(model="m", into="other")}), concurrency=1)
    assert failed(result) == []
    assert len(result.accepted) == 4 and server.count == 9
    assert [r["kind"] for r in result.rejected] == []
    events = (result.folder / "events.jsonl").read_text()
    assert '"kind":"sweep"' in events


class Meddler(sk.Step):
    """A composite of its own: catches what happens inside, asks, runs and draws."""

    def inner(self) -> Any:
        return {"a": even(), "b": doubled()}

    def io(self, have: Any) -> sk.IO:
        return sk.IO.of(writes=["seen", "luck", "shared"])

    async def process(self, record: sk.Record, ctx: sk.Context) -> sk.Fields:
        outcomes = await asyncio.gather(*(ctx.run(part, record, key) for key, part in self.inner().items()))
        luck = [ctx.rng("a").random(), ctx.rng("a").random(), ctx.at("x").rng("a").random()]
        made = ctx.resource("table", lambda: object())
        assert made is ctx.resource("table", lambda: object())
        key = ctx.artifacts.put(b"picture")
        assert ctx.artifacts.path(key).read_bytes() == b"picture"
        return {"seen": [len(o.records) for o in outcomes], "luck": luck, "shared": key}


@pytest.mark.usefixtures("project")
def test_authors_can_write_composites() -> None:
    result = run(Meddler())
    assert [r["seen"] for r in result.accepted] == [[1, 1], [0, 1], [1, 1], [0, 1]]
    assert [r["step"] for r in result.rejected] == ["meddler/a/even"] * 2
    luck = [r["luck"] for r in result.accepted]
    assert all(a == b != c for a, b, c in luck)
    assert len({a for a, _, _ in luck}) == 4
    assert luck == [r["luck"] for r in run(Meddler(), folder="again").accepted]
    assert luck != [r["luck"] for r in run(Meddler(), seed=1).accepted]


TRIES: Counter[int] = Counter()


@sk.step(reads="n", writes="x")
def flaky(record: sk.Record) -> sk.Fields:
    TRIES[record["n"]] += 1
    if (record["n"] == 1 and TRIES[1] == 1) or record["n"] == 2:
        raise Overloaded("busy")
    return {"x": TRIES[record["n"]]}


@pytest.mark.usefixtures("project")
def test_a_passing_error_of_the_author_s_own_is_swept() -> None:
    TRIES.clear()
    result = run(flaky)
    assert [(r["n"], r["x"]) for r in result.accepted] == [(0, 1), (1, 2), (3, 1)]
    assert TRIES == {0: 1, 1: 2, 2: 2, 3: 1}, "once, and then it is final"
    assert failed(result) == [("overloaded", "Overloaded", "busy")]


class Debate(sk.Step):
    """Asks in several coroutines, and runs a filter on each answer as it comes."""

    model: sk.ModelName = "m"

    def inner(self) -> Any:
        return {"longest": odd_letters()}

    def io(self, have: Any) -> sk.IO:
        return sk.IO.of(writes="texts")

    async def process(self, record: sk.Record, ctx: sk.Context) -> sk.Fields:
        async def one(key: int) -> str:
            own = ctx.at(key)
            answer = await own.ask(self.model, f"Speaker {key}")
            outcome = await own.run(odd_letters(), record.updated({"text": answer.text}), "check")
            return answer.text if outcome.records else ""

        return {"texts": list(await asyncio.gather(*(one(key) for key in range(4))))}


@sk.filter(reads="text")
def odd_letters(record: sk.Record) -> bool:
    return len(record["text"]) % 2 == 1


def test_the_ledger_does_not_depend_on_who_finishes_first(serve: Serve, project: Path) -> None:
    serve(answer=steady, latency=(0.0, 0.03))
    one = run(Debate(), top=12, folder="one", concurrency=64)
    assert sum(r["kind"] == "attempt" for r in one.rejected) > 12
    shutil.rmtree(project / ".synthkit")
    two = run(Debate(), top=12, folder="two", concurrency=1)
    for name in ("accepted.jsonl", "rejected.jsonl"):
        assert (one.folder / name).read_bytes() == (two.folder / name).read_bytes()


def test_half_a_character_of_a_model_goes_through(serve: Serve, project: Path) -> None:
    half = Reply(raw=b'{"choices": [{"message": {"content": "\\ud83d and \\ud83d\\ude00"}}]}')
    serve(answer=lambda request: half)
    result = run(Ask(model="m"), sk.Fork({"a": doubled()}, into="x"), top=2)
    assert [r["text"] for r in result.accepted] == ["\ud83d and 😀"] * 2
    result.folder.joinpath("accepted.jsonl").read_bytes().decode()
    again = run(Ask(model="m"), sk.Prompt(model="m", template="{{ text }}", into="b", label="b"), top=2)
    assert failed(again) == [
        ("bad request", "BadRequest", "the messages hold half a character (a lone surrogate): clean the text first")
    ] * 2  # fmt: skip
