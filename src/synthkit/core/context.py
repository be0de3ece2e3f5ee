"""Context: all of the outside world that a component may touch while it works on one record."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Literal, TypeVar, overload

from synthkit.core.answer import Answer, Messages, OnLength, Schema, Tool
from synthkit.core.component import Part
from synthkit.core.record import Record

T = TypeVar("T")
Kind = Literal["dropped", "failed", "surplus", "attempt"]


@dataclass(frozen=True, slots=True)
class Reject:
    """A line of the ledger: a record that did not go on.

    kind: dropped (a filter said so), failed (a step could not), surplus (the target was met before it), attempt
    (an inner part of a composite rejected it; the record itself may have gone on). step: the path. error: the
    error's type. message: the normalised text of the error, or the verdict's detail. cost: dollars of the answers
    that this record used, None where a price is unknown. spent: what the step that failed had used, to be taken back
    when it is tried again.
    """

    kind: Kind
    record: Record
    step: str
    reason: str
    message: str = ""
    error: str = ""
    score: float | None = None
    cost: float | None = 0.0
    transient: bool = False
    spent: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a record in a part: the records that came out, and the rejects, in order of emission.

    written: the columns that the part surely wrote on the records that came out, even if they are what they were.
    """

    records: Sequence[Record] = ()
    rejects: Sequence[Reject] = ()
    written: frozenset[str] = frozenset()

    @property
    def failed(self) -> bool:
        """Whether something failed, rather than being dropped."""
        return any(r.kind == "failed" for r in self.rejects)

    @property
    def reject(self) -> Reject | None:
        """The last reject that is no attempt."""
        return next((r for r in reversed(self.rejects) if r.kind != "attempt"), None)


class Artifacts(ABC):
    """Big bytes (images, audio), kept by hash beside the records; a record carries the hash."""

    @abstractmethod
    def put(self, data: bytes) -> str:
        """Keeps bytes and returns their hash."""

    @abstractmethod
    def path(self, digest: str) -> Path:
        """The file that holds them."""


class Opening(ABC):
    """What a part may touch when it is opened, in a lane: no record is there yet, and no model is asked.

    path: that of the part. log: a logger of its own.
    """

    path: str
    log: logging.Logger
    artifacts: Artifacts

    @abstractmethod
    def resource(self, key: str, factory: Callable[[], T]) -> T:
        """An object made once for a lane and shared by its records: a model, a tokenizer, a compiled table. All parts
        of a lane share the keys."""


class Context(Opening):
    """Bound to one record and one path. Use it from one coroutine: take `at(key)` for each before a gather."""

    record: Record

    @abstractmethod
    async def ask(
        self,
        model: str,
        messages: Messages,
        *,
        answer: Schema | None = None,
        share: bool = False,
        repairs: int = 2,
        wishes: Mapping[str, Any] | None = None,
        tools: Sequence[Tool] = (),
        tool_choice: str = "auto",
        on_length: OnLength = "fail",
        **options: Any,
    ) -> Answer:
        """Asks a model, and returns once the answer is durable.

        answer: a pydantic model or JSON schema; the answer's `data` is then parsed and validated, and asked again
        with the error up to `repairs` times. share: any record that asks the same gets this answer (judges at
        temperature 0); otherwise equal prompts of different records, paths and repetitions are different samples.
        options: sampling options that must hold; wishes: those that are dropped where the model refuses them.
        tools: what the model may call; tool_choice: "auto", "required", "none" or the name of one; the answer's
        `tool_calls` are validated, and asked again as `answer` is. on_length: whether an answer that was cut off at
        `max_tokens` fails, is kept, or is asked again with more room.
        Raises `CallError` and `AnswerError`; both fail the record if they are not caught.
        """

    @overload
    async def embed(self, model: str, texts: str, **options: Any) -> list[float]: ...

    @overload
    async def embed(self, model: str, texts: Sequence[str], **options: Any) -> list[list[float]]: ...

    @abstractmethod
    async def embed(self, model: str, texts: str | Sequence[str], **options: Any) -> list[float] | list[list[float]]:
        """The vector of a text, as a list of numbers; of several texts, a list of vectors in their order.

        Each text is journaled by itself, and one vector does for all who ask for it; texts of many records go out
        together. options: `dimensions`, the length of the vectors, where the model lets one choose; `extra`, a mapping
        of what else the service knows. Raises `CallError` where one of the texts cannot be embedded (one that is too
        long, say), and `RecordError` for an empty one.
        """

    @abstractmethod
    async def run(self, part: Part, record: Record, at: str) -> Outcome:
        """Runs an inner part on a record under the key `at` of this path. Never raises for what fails inside:
        its rejects are in the outcome, and in the ledger as attempts."""

    @abstractmethod
    def at(self, key: str | int) -> "Context":
        """A context of its own for a part of the work."""

    @abstractmethod
    def rng(self, *key: str | int) -> Random:
        """A random generator that depends on the run's seed, the record, the path and the key alone."""
