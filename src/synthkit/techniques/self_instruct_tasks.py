"""The first half of Self-Instruct: demonstrations, new instructions out of them, and the filters on these."""

import re
import string
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from synthkit.core import (
    IO,
    KEEP,
    Answer,
    Context,
    Fields,
    Filter,
    Generator,
    Have,
    OnLength,
    Prompt,
    Record,
    Round,
    Verdict,
    drop,
)
from synthkit.techniques import self_instruct_templates as templates
from synthkit.techniques.self_instruct_lists import continued, one_line
from synthkit.techniques.self_instruct_seeds import read_seeds

UNSUITED = (
    *("image", "images", "picture", "pictures", "graph", "graphs", "map", "maps", "draw", "plot"),
    *("file", "files", "go to"),
)
"""Words of tasks that a model of text cannot do, as the original code lists them."""


class Demonstrations(Generator):
    """Draws the instructions that one prompt shows: some from the pool of what was kept so far, the rest seeds.

    shown: how many there are in a prompt; all of them seeds while the pool is empty. from_pool: how many come from
    the pool once it holds as many.
    """

    endless: ClassVar[bool] = True

    seeds: Path
    shown: int = Field(8, ge=1)
    from_pool: int = Field(2, ge=0)

    def io(self, have: Have) -> IO:
        read_seeds(self.seeds)  # what is wrong with the file is said before anything is asked
        return IO.of(writes="demonstrations")

    def taps(self) -> Sequence[str]:
        return ("novel",)

    def generate(self, round: Round) -> Iterator[Fields]:
        seeds = read_seeds(self.seeds)
        pool = [str(task["instruction"]) for task in round.tap("novel", ["instruction"])]
        drawn = min(self.from_pool, len(pool), self.shown)
        for number in range(round.start, round.start + round.want):
            rng = round.rng("demo", number)
            shown = rng.sample(pool, drawn) + rng.sample(seeds, min(self.shown - drawn, len(seeds)))
            rng.shuffle(shown)
            yield {"demonstrations": [one_line(task).rstrip(":") for task in shown]}


class Continuation(Prompt):
    """A prompt that a model continues in a regular layout, with a stop where it should end."""

    on_length: OnLength = "keep"  # what is whole of a list that was cut off is of use

    own: ClassVar[Sequence[str]] = ()
    """The names in `extras`."""

    def stops(self, record: Record) -> Sequence[str]:
        """What the answer must not go on to, wished for as `stop`."""
        raise NotImplementedError

    def extras(self, record: Record) -> Mapping[str, Any]:
        """What its template may read beside the columns."""
        return {}

    def io(self, have: Have) -> IO:
        io = super().io(have)
        reads = {name: kind for name, kind in io.reads.items() if name not in self.own}
        optional = [name for name in io.optional if name not in self.own]
        return IO.of(reads, self.written(), optional=optional, fans_out=True)

    def messages(self, record: Record) -> list[Mapping[str, Any]]:
        return super().messages(record.updated(self.extras(record)))

    async def process(self, record: Record, ctx: Context) -> Fields | Sequence[Fields] | Verdict:
        wishes = {**self.wishes, "stop": list(self.stops(record))}
        answer = await ctx.ask(
            self.model, self.messages(record), wishes=wishes, on_length=self.on_length, **self.options
        )  # fmt: skip
        return drop("refused", answer.refusal) if answer.refusal else self.read(answer, record)


class MoreTasks(Continuation):
    """Shows tasks as a list with an open end, and makes a record of each task that continues it.

    asked: how many new tasks the prompt asks for. The template may read `last`, the number of the last of them.
    """

    template: str = templates.TASKS
    asked: int = Field(7, ge=1)

    own: ClassVar[Sequence[str]] = ("last",)
    wishes: ClassVar[Mapping[str, Any]] = {
        "temperature": 0.7,
        "top_p": 0.5,
        "presence_penalty": 2,
        "frequency_penalty": 0,
        "max_tokens": 1024,
    }

    def io(self, have: Have) -> IO:
        io = super().io(have)
        return IO.of({**io.reads, "demonstrations": list}, io.writes, "demonstrations", (), io.optional, fans_out=True)

    def written(self) -> Sequence[str]:
        return ("instruction",)

    def extras(self, record: Record) -> Mapping[str, Any]:
        return {"last": len(record["demonstrations"]) + self.asked}

    def stops(self, record: Record) -> Sequence[str]:
        # The original stops at a blank line too; a chat model writes one before its first task.
        beyond = len(record["demonstrations"]) + self.asked + 1
        return f"Task {beyond}:", f"\n{beyond}."

    def read(self, answer: Answer, record: Record) -> Sequence[Fields] | Verdict:
        shown = len(record["demonstrations"])
        tasks = continued(answer.text, shown + 1, answer.finish == "length", alone=self.asked == 1)
        return [{"instruction": task} for task in tasks] or drop("no tasks", answer.text[:200])


class Suitable(Filter):
    """The original's filters on new instructions.

    Reasons: too short (up to 3 words), too long (over 150), unsuited word (of a task for which text is not enough),
    write a program (models tend to add it to any task), starts with punctuation, starts with a non-ASCII character.
    """

    least: int = 4
    most: int = 150
    unsuited: tuple[str, ...] = UNSUITED

    def io(self, have: Have) -> IO:
        return IO.of(reads={"instruction": str})

    async def check(self, record: Record, ctx: Context) -> Verdict:
        text: str = record["instruction"]
        words = len(text.split())
        if words < self.least:
            return drop("too short", f"{words} words")
        if words > self.most:
            return drop("too long", f"{words} words")
        if self.unsuited and (word := _any_of(self.unsuited).search(text)):
            return drop("unsuited word", word.group())
        if text.lower().startswith("write a program"):
            return drop("write a program", text)
        if text[0] in string.punctuation:
            return drop("starts with punctuation", text)
        if not text[0].isascii():
            return drop("starts with a non-ASCII character", text)
        return KEEP


@lru_cache(16)
def _any_of(words: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, words))})\b", re.IGNORECASE)
