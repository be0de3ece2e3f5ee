"""Three techniques of later work, written against the contracts: what they need must be there now."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pydantic import BaseModel, Field

import synthkit as sk
from synthkit.core import Have
from synthkit.testing import LoopbackServer, Reply

Serve = Callable[..., LoopbackServer]


@sk.generator(writes="instruction")
def tasks(top: int = 12):
    for number in range(top):
        yield {"instruction": f"Task {number}"}


class Respond(sk.Prompt):
    """Answers an instruction."""

    template = "{{ instruction }}{% if feedback is defined and feedback %}\n\nMind this: {{ feedback }}{% endif %}"
    into = "output"


class Score(sk.Judge):
    """Rates an answer from 1 to 5."""

    model: sk.ModelName

    class Out(BaseModel):
        rationale: str
        score: int = Field(ge=1, le=5)

    def io(self, have: Have) -> sk.IO:
        return sk.IO.of(reads={"instruction": str, "output": str}, writes=self.written())

    async def process(self, record: sk.Record, ctx: sk.Context) -> sk.Fields:
        ask = f"Rate this answer from 1 to 5.\n{record['instruction']}\n---\n{record['output']}"
        answer = await ctx.ask(self.model, ask, answer=self.Out, share=True, wishes={"temperature": 0})
        score, rationale = self.written()
        return {score: answer.data.score, rationale: answer.data.rationale}


@sk.step(reads={"answers": list}, writes=["prompt", "chosen", "rejected"], drops=["answers", "instruction"])
def best_and_worst(record: sk.Record):
    ranked = sorted(record["answers"], key=lambda a: (-a["score"], a["way"]))
    if ranked[0]["score"] == ranked[-1]["score"]:
        return sk.drop("no difference")
    return {"prompt": record["instruction"], "chosen": ranked[0]["output"], "rejected": ranked[-1]["output"]}


def judged(request: Any) -> str:
    """A model: three teachers of different quality, and a judge that likes long answers."""
    body = request.body
    text = body["messages"][-1]["content"]
    if "Rate this answer" in text:
        answer = text.rpartition("---\n")[2]
        return json.dumps({"rationale": f"it has {len(answer)} letters", "score": min(5, 1 + len(answer) // 10)})
    words = {"a": 1, "b": 3, "c": 8}[body["model"]]
    return " ".join([text.split("\n")[0]] + ["good"] * words)


def test_ultrafeedback_three_teachers_to_a_dpo_pair(serve: Serve, project: Path) -> None:
    serve("a", "b", "c", answer=judged)
    teachers = {name: Respond(model=name) for name in "abc"}
    pipeline = (
        sk.Pipeline("ultrafeedback", target=10)
        >> tasks
        >> sk.Fork(teachers, into="answers", at_least=2)
        >> sk.Each("answers", Score(model="a"))
        >> best_and_worst
    )
    result = pipeline.run()
    assert result.status == "complete"
    assert len(result.accepted) == 10
    first = result.accepted[0]
    assert set(first) == {"prompt", "chosen", "rejected"}
    assert first["chosen"] == "Task 0" + " good" * 8
    assert first["rejected"] == "Task 0 good"


def test_a_teacher_that_fails_is_missed_only_where_too_few_are_left(serve: Serve, project: Path) -> None:
    def answer(request: Any) -> Any:
        if request.body["model"] == "c" and "Task 3" in request.body["messages"][0]["content"]:
            return Reply(error="context_length_exceeded")
        return judged(request)

    serve("a", "b", "c", answer=answer)
    fork = {name: Respond(model=name) for name in "abc"}
    every = (sk.Pipeline("all") >> tasks(top=5) >> sk.Fork(fork, into="answers")).run()
    assert [r["reason"] for r in every.rejected if r["kind"] == "failed"] == ["context too long"]
    two = (sk.Pipeline("two") >> tasks(top=5) >> sk.Fork(fork, into="answers", at_least=2)).run()
    assert len(two.accepted) == 5
    assert [(r["kind"], r["step"]) for r in two.rejected] == [("attempt", "fork/c/respond")]
    ways = [[a["way"] for a in r["answers"]] for r in two.accepted]
    assert ways == [["a", "b", "c"]] * 3 + [["a", "b"]] + [["a", "b", "c"]]


def gate(request: Any) -> str:
    """A model that gets better only when it is told how, and a strict judge."""
    text = request.body["messages"][-1]["content"]
    if "Rate this answer" in text:
        good = "polite" in text
        return json.dumps({"rationale": "fine" if good else "be polite", "score": 5 if good else 2})
    if "Task 4" in text:
        return "never good"
    return "a polite answer" if "Mind this: be polite" in text else "an answer"


@pytest.mark.parametrize("otherwise", ["drop", "best"])
def test_a_gate_feeds_its_reason_back(serve: Serve, project: Path, otherwise: str) -> None:
    server = serve(answer=gate)
    loop = sk.Loop(Respond(model="m"), Score(model="m").at_least(4), max_rounds=3, otherwise=otherwise)
    result = (sk.Pipeline("gate") >> tasks(top=6) >> loop).run()
    outputs = [r["output"] for r in result.accepted]
    lost = [(r["kind"], r["reason"], r["message"]) for r in result.rejected if r["kind"] != "attempt"]
    attempts = [r for r in result.rejected if r["kind"] == "attempt"]
    if otherwise == "drop":
        assert outputs == ["a polite answer"] * 5
        assert lost == [("dropped", "score too low", "be polite")]
    else:
        assert outputs == ["a polite answer"] * 4 + ["never good", "a polite answer"]
        assert lost == []
    assert len(attempts) == 5 + 3
    assert {r["step"] for r in attempts} == {f"loop/{n}/score/at-least" for n in range(3)}
    assert all("feedback" not in r for r in result.accepted)
    asked = [r.body["messages"][-1]["content"] for r in server.requests]
    assert sum("Mind this: be polite" in text for text in asked) == 5 + 2


class Diverse(sk.DatasetStep):
    """Picks records whose numbers are far apart, over all candidates."""

    when = "end"
    column: str
    n: int

    def io(self, have: Have) -> sk.IO:
        return sk.IO.of(reads={self.column: str})

    def wants(self, goal: int) -> int:
        return goal * 3

    def sketch(self, frame: pl.DataFrame) -> pl.DataFrame:
        return frame.select("_id", pl.col(self.column).str.extract(r"(\d+)").cast(pl.Int64).alias("number"))

    def resolve(self, view: sk.View) -> pl.DataFrame:
        ranked = view.new.sort("number", "_id")
        picked = set(ranked.gather_every(max(1, ranked.height // self.n)).head(self.n)["_id"])
        texts = {r.id: r[self.column] for r in view.rows(sorted(picked), [self.column])}
        assert set(texts) == picked
        return view.new.select("_id", keep=pl.col("_id").is_in(picked), reason=pl.lit("too near"))


def test_a_diversity_selection_sees_everything_at_the_end(serve: Serve, project: Path) -> None:
    serve(answer=lambda request: "yes")
    serve("n", answer=lambda request: '{"rationale": "ok", "score": 4}')
    pipeline = (
        sk.Pipeline("diverse", target=5)
        >> tasks(top=100)
        >> Respond(model="m")
        >> Diverse(column="instruction", n=5)
        >> Score(model="n").at_least(2)
    )
    result = pipeline.run()
    assert result.status == "complete"
    assert [r["instruction"] for r in result.accepted] == ["Task 0", "Task 3", "Task 6", "Task 9", "Task 12"]
    assert result.tally["respond"].seen == 15
    assert result.tally["score"].seen == 5
    assert {r["reason"] for r in result.rejected} == {"too near"}
