"""The context that steps get: bound to a lane, a record and a path."""

import asyncio
import hashlib
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from random import Random
from typing import Any, TypeVar

from synthkit.core.answer import Answer, Messages, OnLength, Request, Schema, Tool
from synthkit.core.columns import Have
from synthkit.core.component import Part, chain
from synthkit.core.context import Artifacts, Context, Outcome, Reject
from synthkit.core.record import Record
from synthkit.core.values import digest
from synthkit.engine.plan import Bound
from synthkit.engine.tally import Count, Tally
from synthkit.engine.trail import Asked, Mark
from synthkit.errors import PipelineError, RecordError
from synthkit.models.calls import Models
from synthkit.models.origin import Events, Origin
from synthkit.models.question import Question
from synthkit.models.spent import Spent

T = TypeVar("T")
Items = Mapping[str, tuple[str, ...]]


@dataclass
class Lane:
    """What all records of one process share. whole: the trails of records hold all that happened, for a preview.
    attended: somebody may interrupt this process by a `KeyboardInterrupt`; else it is a step that raises one.

    opened: the parts that were opened, by path, with the sentence for one that could not be; opening: held meanwhile.
    """

    models: Models
    seed: int
    artifacts: Artifacts
    events: Events
    redact: Callable[[str], str]
    resources: dict[str, Any] = field(default_factory=dict)
    inner: dict[tuple[str, int], tuple[Part, Sequence[Bound]]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    whole: bool = False
    attended: bool = True
    opened: dict[str, str] = field(default_factory=dict)
    opening: asyncio.Lock = field(default_factory=asyncio.Lock)

    def resource(self, key: str, factory: Callable[[], T]) -> T:
        with self.lock:
            if key not in self.resources:
                self.resources[key] = factory()
            made: T = self.resources[key]
        return made

    def bounds(self, part: Part, path: str, record: Record, items: Items) -> Sequence[Bound]:
        """The parts of an inner part at a path; asked for their columns once. items: as the plan knows them there."""
        key = (path, id(part))
        if key not in self.inner:
            bounds, have = [], Have(frozenset(record), items=items)
            for component in chain(part):
                try:
                    io = component.io(have)
                except PipelineError as error:  # what this record lacks, the plan said all have
                    raise RecordError(f"{path}: {error}", reason="column") from error
                bounds.append(Bound(component, f"{path}/{component.name}", io, have.items))
                have = have.after(io)
            self.inner[key] = (part, bounds)
        return self.inner[key][1]


@dataclass(slots=True)
class Visit:
    """What is counted while one entry goes through a stage, and the trail that it leaves."""

    tally: Tally = field(default_factory=dict)
    trail: list[Mark] = field(default_factory=list)

    def at(self, label: str) -> Count:
        count = self.tally.get(label)
        if count is None:
            count = self.tally[label] = Count()
        return count


class RunContext(Context):
    """A context. Its asks are counted by request, so that the sample does not depend on what else is asked."""

    __slots__ = (
        "_asking",
        "_children",
        "_items",
        "_noted",
        "_ordinals",
        "_root",
        "asked",
        "lane",
        "path",
        "record",
        "salt",
        "spent",
    )

    def __init__(
        self,
        lane: Lane,
        record: Record,
        path: str,
        spent: Spent,
        items: Items | None = None,
        salt: str = "",
        root: "RunContext | None" = None,
    ) -> None:
        self.lane = lane
        self.record = record
        self.path = path
        self.spent = spent
        self.salt = salt
        self._items: Items = items or {}
        self._noted: list[tuple[str, list[Reject]]] = []
        self._root = root  # None of the root itself: a circle would be garbage that only a collection finds
        self.asked: Asked = root.asked if root else Asked()
        self._ordinals: dict[str, int] = {}
        self._children: dict[str, RunContext] = {}
        self._asking = False

    @property
    def log(self) -> logging.Logger:  # type: ignore[override]
        return log_of(self.path)

    @property
    def artifacts(self) -> Artifacts:  # type: ignore[override]
        return self.lane.artifacts

    @property
    def attempts(self) -> list[Reject]:
        """What inner parts rejected: by context, and there in the order of calls, whatever finished first."""
        return [attempt for _, noted in sorted(self._noted, key=itemgetter(0)) for attempt in noted]

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
        origin = self._origin()
        self._asking = True
        try:
            question = Question(
                messages, answer, repairs, wishes or {}, options, tools, tool_choice, on_length
            )  # fmt: skip
            return await self.lane.models.ask(model, question, self._shared if share else self._sample, origin)
        finally:
            self._asking = False

    async def embed(self, model: str, texts: str | Sequence[str], **options: Any) -> Any:
        origin = self._origin()
        self._asking = True
        try:
            several = isinstance(texts, list | tuple)
            asked: Any = texts if several else (texts,)
            vectors = await self.lane.models.embed(model, asked, options, self._the_same, origin)
            return vectors if several else vectors[0]
        finally:
            self._asking = False

    def _origin(self) -> Origin:
        """Who asks. Raises for two at once on one context, and for one in a thread."""
        if self._asking:
            raise RecordError(
                f"{self.path} asks twice at once on one context: take ctx.at(key) for each coroutine before a gather",
                reason="context",
            )
        _in_loop(self.path)
        keys = self.asked.keys.setdefault(self.path, [])
        return Origin(self.record.id, self.path, self.spent, keys)

    def _sample(self, request: Request) -> str:
        form = request.canonical
        ordinal = self._ordinals.get(form, 0)
        self._ordinals[form] = ordinal + 1
        key = (self.lane.seed, self.record.id, self.path, ordinal)
        return self._noticed(request, digest(*key, self.salt) if self.salt else digest(*key))

    def _shared(self, request: Request) -> str:
        return self._noticed(request, self.salt)

    def _the_same(self, request: Request) -> str:
        """A vector is no matter of chance: no retry asks for another one."""
        return self._noticed(request, "")

    def _noticed(self, request: Request, sample: str) -> str:
        if self.lane.whole:
            self.asked.requests[request.key(sample)] = request.form()
        return sample

    async def run(self, part: Part, record: Record, at: str) -> Outcome:
        from synthkit.engine.advance import advance

        noted: list[Reject] = []
        (self._root or self)._noted.append((self.path, noted))
        bounds = self.lane.bounds(part, f"{self.path}/{at}", record, self._items)
        inner = Visit()
        self.asked.inner.append(
            (self.path, f"{self.path}/{at}".removeprefix(f"{(self._root or self).path}/"), inner.trail)
        )
        outcome = await advance(self.lane, bounds, 0, record, inner, self.spent, self.salt)
        noted += [
            Reject("attempt", r.record, r.step, r.reason, r.message, r.error, r.score, r.cost) for r in outcome.rejects
        ]
        return Outcome(outcome.records, outcome.rejects, _written(bounds))

    def at(self, key: str | int) -> "RunContext":
        name = str(key)
        if name not in self._children:
            path = f"{self.path}/{name}"
            self._children[name] = RunContext(
                self.lane, self.record, path, self.spent, self._items, self.salt, self._root or self
            )
        return self._children[name]

    def rng(self, *key: str | int) -> Random:
        return Random(digest(self.lane.seed, self.record.id, self.path, *key))

    def resource(self, key: str, factory: Callable[[], T]) -> T:
        return self.lane.resource(key, factory)


def log_of(path: str) -> logging.Logger:
    """The log of what a step at a path has to say."""
    return logging.getLogger(f"synthkit.run.{path.replace('/', '.')}")


def _in_loop(path: str) -> None:
    """Raises in the thread of a step with `cpu=True`, before anything is asked there."""
    try:
        asyncio.get_running_loop()
    except RuntimeError as error:
        raise RecordError(
            f"{path} asks a model, which a step with cpu=True cannot: split it into two steps", reason="context"
        ) from error


def _written(bounds: Sequence[Bound]) -> frozenset[str]:
    """The columns that are surely written behind parts in a row."""
    written: set[str] = set()
    for bound in bounds:
        written = (written | set(bound.io.writes)) - set(bound.io.drops)
    return frozenset(written)


class FileArtifacts(Artifacts):
    """Artifacts as files of the run folder, named by their hash."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, data: bytes) -> str:
        from synthkit.engine.parts import write_atomic

        name = hashlib.blake2b(data, digest_size=16).hexdigest()
        if not self.path(name).exists():
            write_atomic(self.path(name), [data])
        return name

    def path(self, digest: str) -> Path:
        return self.folder / digest[:2] / digest


def settled(coroutine: Any) -> Any:
    """The result of a coroutine that awaits nothing, driven in this thread."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    coroutine.close()
    raise RecordError("a step with cpu=True runs in a thread and may not await anything", reason="context")
