"""What the tests of techniques share: a context that answers as told, a round with a past, the real seed tasks."""

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from synthkit.core import Answer, Record, Round, Step
from synthkit.core.values import digest

REAL = Path(os.environ.get("SYNTHKIT_DATA", Path(__file__).parents[3] / "shared" / "data"))
SEEDS = REAL / "self_instruct_seed_tasks.jsonl"
needs_real_seeds = pytest.mark.skipif(
    not SEEDS.is_file(), reason=f"the 175 seed tasks of Self-Instruct are not in {REAL}"
)


class Asked(SimpleNamespace):
    """One call of `ask`: model, messages, wishes and options."""


class Told:
    """A context that answers with one text, and keeps what it was asked."""

    def __init__(self, text: str, **answer: Any) -> None:
        self.answer = Answer(text, **answer)
        self.asked: list[Asked] = []

    async def ask(self, model: str, messages: Any, *, wishes: Any = None, **options: Any) -> Answer:
        self.asked.append(Asked(model=model, messages=messages, wishes=wishes, options=options))
        return self.answer


class Past(Round):
    """A round after what a tap kept."""

    def __init__(self, start: int, want: int, kept: Sequence[str] = (), seed: int = 1) -> None:
        self.index, self.start, self.want, self.goal = min(start, 1), start, want, 100
        self._kept, self._seed = kept, seed
        self.tapped: list[str] = []

    def tap(self, label: str, columns: Sequence[str]) -> Iterator[Mapping[str, Any]]:
        self.tapped.append(label)
        return (dict.fromkeys(columns, text) for text in self._kept)

    def rng(self, *key: str | int) -> Random:
        return Random(digest(self._seed, *key))


def record(**fields: Any) -> Record:
    return Record("r", "r", fields)


def answered(step: Step, text: str, fields: Mapping[str, Any], **answer: Any) -> Any:
    """What a step makes of a record when the model answers so."""
    return asyncio.run(step.process(Record("r", "r", fields), Told(text, **answer)))  # type: ignore[arg-type]


def checked(part: Any, fields: Mapping[str, Any]) -> Any:
    """What a filter says of a record."""
    return asyncio.run(part.check(Record("r", "r", fields), Told("")))


def lines(path: Path, *rows: str) -> Path:
    path.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
    return path


Make = Callable[..., Any]
