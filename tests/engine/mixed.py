"""A pipeline with everything in it: fan-out, composites, a judge, near-duplicates, failures. Tests run it in processes
of their own and compare bytes."""

from collections.abc import Iterator
from typing import Any

import polars as pl
from pydantic import BaseModel

import synthkit as sk
from synthkit import Pipeline


@sk.generator(writes="topic")
def topics(round: Any) -> Iterator[dict[str, Any]]:
    for number in range(round.start, round.start + round.want):
        yield {"topic": f"topic {number % 400}"}


topics.endless = True


class Ideas(sk.Prompt):
    """Several ideas from one answer."""

    template = "Name ideas about {{ topic }}"

    def io(self, have: Any) -> sk.IO:
        return sk.IO.of(reads="topic", writes="idea", fans_out=True)

    def read(self, answer: sk.Answer, record: sk.Record) -> Any:
        words = answer.text.split()
        return [{"idea": " ".join(words[i : i + 3])} for i in range(0, len(words) % 12, 3)]


class Draft(sk.Prompt):
    """A draft that may know what was wrong with the last one."""

    template = "Write about {{ idea }}. {{ feedback }}"
    into = "draft"


class Mark(sk.Judge):
    """A judge that shares its answers."""

    model: sk.ModelName

    class Out(BaseModel):
        rationale: str
        score: int

    async def process(self, record: sk.Record, ctx: sk.Context) -> sk.Fields:
        answer = await ctx.ask(self.model, f"Rate: {record['draft'][:40]}", answer=self.Out, share=True)
        return {"score": answer.data.score % 5 + 1, "rationale": answer.data.rationale}


class NoTwice(sk.DatasetStep):
    """Drops what begins like an earlier one."""

    def io(self, have: Any) -> sk.IO:
        return sk.IO.of(reads={"idea": str})

    def sketch(self, frame: pl.DataFrame) -> pl.DataFrame:
        return frame.select("_id", pl.col("idea").str.slice(0, 5).alias("start"))

    def resolve(self, view: sk.View) -> pl.DataFrame:
        seen = set(view.kept["start"])
        keep = []
        for start in view.new["start"]:
            keep.append(start not in seen)
            seen.add(start)
        return view.new.select("_id").with_columns(keep=pl.Series(keep, dtype=pl.Boolean), reason=pl.lit("seen"))


@sk.step(reads="idea", writes="luck")
async def unlucky(record: sk.Record, ctx: sk.Context) -> Any:
    luck = ctx.rng("luck").randrange(100)
    if luck < 5:
        raise ValueError(f"bad luck of {luck} at {object()!r}")
    return {"luck": luck}


def pipeline(target: int = 150) -> Pipeline:
    """Everything at once."""
    return (
        Pipeline("mixed", target=target)
        >> topics
        >> Ideas(model="m")
        >> NoTwice()
        >> unlucky
        >> sk.Loop(Draft(model="m"), Mark(model="m").at_least(2), max_rounds=2, otherwise="best")
        >> sk.Fork({"x": Draft(model="m", into="x", template="Short: {{ idea }}"),
                    "y": Draft(model="m", into="y", template="Short: {{ idea }}")}, into="drafts", at_least=1)
        >> sk.Route(weights={"left": 1, "right": 2}, ways={
            "left": Draft(model="m", into="side", template="Left {{ idea }}"),
            "right": Draft(model="m", into="side", template="Right {{ idea }}")})
    )  # fmt: skip
