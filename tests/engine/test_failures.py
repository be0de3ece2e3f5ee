"""Records that fail: noted with their reason, limited in number, and tried again when asked."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from engine_kit import Ask, adds_up, doubled, failed, forever, numbers
from pydantic import BaseModel

import synthkit as sk
from synthkit.core import Have
from synthkit.core.context import Outcome, Reject
from synthkit.engine import api
from synthkit.engine.monitor import MOST_KINDS, Monitor
from synthkit.engine.result import Result
from synthkit.engine.settings import Settings
from synthkit.errors import ConfigError
from synthkit.testing import ApiError, LoopbackServer, Reply, steady

Serve = Callable[..., LoopbackServer]


class Sick:
    """A server that refuses some prompts until it is healed; counts what was paid for each. Prompts are «Number 3» and
    «Number 3: more»."""

    def __init__(self, sick: Callable[[int], bool], more: Callable[[int], bool] | None = None) -> None:
        self.sick, self.more, self.paid = sick, more or sick, Counter[str]()
        self.error = "bad_request"

    def __call__(self, request: Any) -> Any:
        prompt = request.body["messages"][0]["content"]
        number = int(prompt.split(":")[0].removeprefix("Number "))
        if (self.more if prompt.endswith("more") else self.sick)(number):
            return Reply(error=self.error, retry_after=3600)
        self.paid[prompt] += 1
        return steady(request)

    def heal(self) -> None:
        self.sick = self.more = lambda number: False


def test_failures_are_told_apart_from_drops(serve: Serve, project: Path) -> None:
    def answer(request: Any) -> Any:
        number = int(request.prompt.split()[1])
        if number == 1:
            return Reply(error="context_length_exceeded")
        if number == 2:
            return Reply(error=ApiError(400, f"no: req_{number}abc at 0xdeadbeef{number}\n twice"))
        if number == 3:
            return Reply(error=ApiError(400, f"no: req_{number}abc at 0xdeadbeef{number}\n twice"))
        return Reply(refusal="No.") if number == 4 else "fine"

    server = serve(answer=answer)
    result = adds_up((sk.Pipeline("p") >> numbers(top=8) >> Ask(model="m") >> doubled).run(max_failures=3))
    assert result.status == "complete"
    where = server.url.removeprefix("http://").removesuffix("/v1")
    said = f"{where} refuses the request (400): no: … at … twice"
    assert failed(result)[1:] == [("bad request", "BadRequest", said)] * 2, "what differs by chance is left out"
    assert failed(result)[0][:2] == ("context too long", "ContextTooLong")
    dropped = [(r["reason"], r["message"], r["fields"]) for r in result.rejected if r["kind"] == "dropped"]
    assert dropped == [("refused", "No.", {"n": 4})]
    assert [r["n"] for r in result.accepted] == [0, 5, 6, 7]
    lines = [json.loads(line) for line in (result.folder / "rejected.jsonl").read_text().splitlines()]
    assert lines == result.rejected
    assert {line["step"] for line in lines} == {"ask"}


def counted(result: Result) -> tuple[str, int, int]:
    count = result.tally.get("ask")
    return result.status, count.failed if count else 0, len(result.accepted)


@pytest.mark.parametrize(
    ("limit", "bad", "status"),
    [
        ("20%", 0, "complete"), ("20%", 14, "complete"), ("20%", 40, "failed"), ("20%", 100, "failed"),
        (0, 0, "complete"), (0, 1, "failed"), (3, 3, "complete"), ("3", 4, "failed"), ("0.5", 40, "complete"),
        (".5", 70, "failed"), ("100%", 100, "complete"),
    ],
)  # fmt: skip
def test_too_many_failures_stop_the_run(serve: Serve, project: Path, limit: Any, bad: int, status: str) -> None:
    serve(answer=Sick(lambda number: number >= 100 - bad))
    result = adds_up((sk.Pipeline("p") >> numbers(top=100) >> Ask(model="m")).run(max_failures=limit, concurrency=4))
    assert result.status == status
    if status == "failed":
        assert result.reason.startswith("1 record failed, more than 0: all of them at ask" if limit == 0 else "")
        assert " failed" in result.reason and "more than" in result.reason
        assert len(result.accepted) <= 100 - bad


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(("top", "status"), [(1, "failed"), (4, "failed")])
def test_a_run_of_few_records_that_all_fail_has_failed(serve: Serve, top: int, status: str) -> None:
    server = serve(answer=Sick(lambda number: True))
    result = (sk.Pipeline("p") >> numbers(top=top) >> Ask(model="m")).run()
    where, plural = server.url.removeprefix("http://").removesuffix("/v1"), "" if top == 1 else "s"
    said = f"all of them at ask, bad request: {where} refuses the request (400): Invalid request."
    assert result.status == status
    assert result.reason == f"{top} of {top} record{plural} failed (100%), more than 20%: {said}"


@pytest.mark.usefixtures("project")
def test_the_commonest_failure_is_named(serve: Serve) -> None:
    def answer(request: Any) -> Any:
        number = int(request.prompt.split()[1])
        return Reply(error="context_length_exceeded" if number % 3 else "bad_request")

    serve(answer=answer)
    result = (sk.Pipeline("p") >> numbers(top=9) >> Ask(model="m")).run(concurrency=1)
    assert result.reason.startswith("9 of 9 records failed (100%), more than 20%: 6 of them at ask, context too long: ")


def test_what_failed_is_counted_within_bounds() -> None:
    there, record = Monitor(), sk.Record("a", "b", {})
    for number in range(MOST_KINDS + 5):
        there.end(Outcome(rejects=[Reject("failed", record, "step", f"reason {number}", "x" * 999)]))
    there.end(Outcome(rejects=[Reject("failed", record, "step", "reason 7", "again")]))
    there.end(Outcome(rejects=[Reject("failed", record, "step", "reason 3", "taken back")]), -1)
    assert (there.failed, len(there.failures), len(there.messages)) == (MOST_KINDS + 5, MOST_KINDS, MOST_KINDS)
    said = Settings(max_failures="3").limit()(there)
    assert said == f"1,005 records failed, more than 3: 2 of them at step, reason 7: {'x' * 300}…"


def test_after_too_many_failures_the_run_goes_on(serve: Serve, project: Path) -> None:
    sick = Sick(lambda number: 30 <= number < 80)
    server = serve(answer=sick)
    pipeline = sk.Pipeline("p", target=60) >> numbers(top=300) >> Ask(model="m")
    first = adds_up(api.run(pipeline, folder=project / "run", concurrency=2, shard=10))
    assert first.status == "failed" and 30 <= len(first.accepted) < 60
    before = server.answered
    sick.heal()
    last = adds_up(api.resume(project / "run"))
    assert last.status == "complete"
    assert len(last.accepted) == 60
    assert max(sick.paid.values()) == 1, "nothing is paid twice"
    assert server.answered > before


@sk.step(reads={"n": int}, writes="word", fans_out=True)
def three(record: sk.Record) -> Any:
    return [{"word": f"{record['n']}-{k}"} for k in range(3)]


class Word(sk.Prompt):
    template = "Number {{ n }}: {{ word }}"


class Distinct(sk.DatasetStep):
    """Keeps the first of each answer's length, by rounds."""

    def io(self, have: Have) -> sk.IO:
        return sk.IO.of(reads={"text": str}, drops="text")

    def sketch(self, frame: pl.DataFrame) -> pl.DataFrame:
        return frame.select("_id", pl.col("text").str.len_chars().alias("size"))

    def resolve(self, view: sk.View) -> pl.DataFrame:
        seen, keep = set(view.kept["size"]), []
        for size in view.new["size"]:
            keep.append(size not in seen)
            seen.add(size)
        return view.new.select("_id").with_columns(keep=pl.Series(keep, dtype=pl.Boolean), reason=pl.lit("again"))


class Best(sk.DatasetStep):
    """Keeps the longest answers."""

    when = "end"
    top: int

    def io(self, have: Have) -> sk.IO:
        return sk.IO.of(reads={"text": str})

    def wants(self, goal: int) -> int:
        return goal * 3

    def resolve(self, view: sk.View) -> pl.DataFrame:
        ranked = view.new.sort(pl.col("text").str.len_chars(), "_id", descending=True)
        best = ranked["_id"].head(self.top).to_list()
        return view.new.select("_id", keep=pl.col("_id").is_in(best), reason=pl.lit("shorter"))


A = Ask(model="m")
B = sk.Prompt(model="m", template="Number {{ n }}: more", into="more", label="more")
LOOP = sk.Loop(A, sk.AtLeast(least=-1, column="n"))
PIPELINES: dict[str, tuple[sk.Pipeline, int, int, int]] = {  # how many records, how many fail, who asks the same
    "plain": (sk.Pipeline("p") >> numbers(top=30) >> doubled >> A >> B, 30, 9, 1),
    "fan out": (sk.Pipeline("p") >> numbers(top=10) >> three >> Word(model="m") >> B, 30, 9, 3),
    "dataset step": (sk.Pipeline("p") >> numbers(top=30) >> A >> Distinct() >> B, 30, 4, 1),
    "end step": (sk.Pipeline("p") >> numbers(top=30) >> A >> Best(top=12) >> B, 30, 4, 1),
    "inside": (sk.Pipeline("p") >> numbers(top=20) >> sk.Fork({"a": A, "b": B}) >> LOOP, 20, 6, 2),
}


@pytest.mark.parametrize("error", ["bad_request", "overloaded"])
@pytest.mark.parametrize("name", PIPELINES)
def test_failed_records_are_tried_again(serve: Serve, project: Path, name: str, error: str) -> None:
    """A server that refuses some and then heals: all are accepted afterwards, and nothing is paid again."""
    pipeline, records, least, times = PIPELINES[name]
    sick = Sick(lambda number: number % 7 == 3, lambda number: number % 5 == 4)
    sick.error = error
    server = serve(answer=sick)
    with (project / "synthkit.toml").open("a") as file:
        file.write("[prices.m]\ninput = 1\noutput = 1\n")
    first = adds_up(api.run(pipeline, folder=project / "run", max_failures="100%", shard=4, concurrency=1))
    assert first.status == "complete" and len(failed(first)) >= least
    if error == "bad_request":
        again = adds_up(api.resume(project / "run", retry_failed=True))
        assert sorted(failed(again)) == sorted(failed(first)), "still sick"
    sick.heal()
    last = adds_up(api.resume(project / "run", retry_failed=True))
    assert (last.status, failed(last)) == ("complete", [])
    ends = [r["id"] for r in last.rejected if r["kind"] != "attempt"] + [r.id for r in last.accepted]
    assert len(ends) == len(set(ends)) == records
    assert max(sick.paid.values()) <= times, "nothing is paid twice"
    count = server.count
    once_more = adds_up(api.resume(project / "run", retry_failed=True))
    assert (once_more.status, server.count) == ("complete", count)
    assert [r.id for r in once_more.accepted] == [r.id for r in last.accepted]
    if name != "dataset step":  # where what came first counts
        anew = adds_up(api.run(pipeline, folder=project / "anew"))
        assert server.count == count
        assert sorted(dict(r)["n"] for r in anew.accepted) == sorted(dict(r)["n"] for r in last.accepted)
        assert last.cost == anew.cost


def test_failed_records_are_not_tried_again_where_the_target_is_met(serve: Serve, project: Path) -> None:
    sick = Sick(lambda number: number % 2 == 1)
    server = serve(answer=sick)
    pipeline = sk.Pipeline("p", target=10) >> forever >> Ask(model="m")
    first = adds_up(api.run(pipeline, folder=project / "run", max_failures="90%"))
    sick.heal()
    count = server.count
    last = adds_up(api.resume(project / "run", retry_failed=True))
    assert (first.status, last.status, server.count) == ("complete", "complete", count)


class Rate(sk.Prompt):
    template = "Number {{ n }}"

    class Out(BaseModel):
        score: int


def test_an_answer_that_was_unfit_is_asked_anew(serve: Serve, project: Path) -> None:
    sick = [True]

    def answer(request: Any) -> str:
        number = int(request.body["messages"][0]["content"].split()[1])
        return "no idea" if sick[0] and number % 4 == 0 else '{"score": %d}' % number  # noqa: UP031

    server = serve(answer=answer)
    with (project / "synthkit.toml").open("a") as file:
        file.write("[prices.m]\ninput = 1\noutput = 1\n")
    pipeline = sk.Pipeline("p") >> numbers(top=12) >> Rate(model="m", repairs=1)
    first = adds_up(api.run(pipeline, folder=project / "run", max_failures="100%"))
    assert failed(first) == [("unfit answer", "AnswerError", "the answer is not JSON")] * 3
    assert server.count == 9 + 2 * 3
    again = adds_up(api.resume(project / "run", retry_failed=True))
    assert failed(again) == failed(first) and server.count == 9 + 4 * 3, "others than those in the journal"
    sick[0] = False
    last = adds_up(api.resume(project / "run", retry_failed=True))
    assert (last.status, failed(last), server.count) == ("complete", [], 9 + 5 * 3)
    assert sorted(r["score"] for r in last.accepted) == list(range(12))
    assert last.tally["rate"].spent.asked == server.count and last.cost is not None, "all of them were paid for"


@pytest.mark.parametrize("shard", [1, 256])
def test_trying_again_can_be_interrupted(serve: Serve, project: Path, shard: int) -> None:
    sick = Sick(lambda number: number % 2 == 1)
    stop_at = [10**9]

    def answer(request: Any) -> Any:
        return Reply(error="invalid_api_key") if request.number >= stop_at[0] else sick(request)

    server = serve(answer=answer)
    pipeline = sk.Pipeline("p") >> numbers(top=40) >> doubled >> Ask(model="m")
    first = adds_up(api.run(pipeline, folder=project / "run", max_failures="100%", shard=shard, concurrency=2))
    assert len(failed(first)) == 20
    sick.heal()
    stop_at[0] = server.count + 9
    half = adds_up(api.resume(project / "run", retry_failed=True))
    assert half.status == "failed" and "does not take the key" in half.reason
    assert len(half.accepted) == 29 and len(failed(half)) == 11, "as far as it came"
    stop_at[0] = 10**9
    last = adds_up(api.resume(project / "run"))
    assert (last.status, len(last.accepted), failed(last)) == ("complete", 40, [])
    assert max(sick.paid.values()) == 1


@pytest.mark.parametrize("fixed", ["seed", "shard", "exports"])
def test_what_records_hang_on_cannot_change(project: Path, fixed: str) -> None:
    api.run(sk.Pipeline("p") >> numbers, folder=project / "run")
    with pytest.raises(ConfigError, match=f"{fixed} cannot change in a run that has begun: start a new one"):
        api.resume(project / "run", **{fixed: 1})
