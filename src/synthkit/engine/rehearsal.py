"""A rehearsal: a run that makes no call. It goes as far as the journal has answers, and notes every request.

It is the very runner, in a temporary run folder; only the providers are silent, and every step is watched: a record
whose answer is not there ends at that step, whatever the step would make of a failure, and so asks nothing that only a
lack of answers would make it ask. After a round in which answers are missing no further one is planned, since how many
records that would make depends on them.
"""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import closing
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from synthkit.core.answer import Answer, Request
from synthkit.core.context import Context
from synthkit.core.interfaces import DatasetStep, Filter
from synthkit.core.provider import Provider
from synthkit.core.record import Record
from synthkit.core.source import skipping
from synthkit.engine import parts
from synthkit.engine.asked import Asked, Asking
from synthkit.engine.context import FileArtifacts, Items, Lane
from synthkit.engine.monitor import Monitor
from synthkit.engine.plan import Bound, Plan, Stage
from synthkit.engine.runner import Runner
from synthkit.engine.settings import Settings
from synthkit.engine.store import Store
from synthkit.errors import FatalError, RecordError, RunError, UsageError
from synthkit.models.calls import Models
from synthkit.models.journal import Entry, Journal
from synthkit.models.origin import Origin
from synthkit.models.project import Project
from synthkit.models.question import Question
from synthkit.models.service import Services
from synthkit.plugins import registry

T = TypeVar("T")


class Unanswered(RecordError):
    """The journal has no answer, and no call is made for one."""

    reason = "no answer"


@dataclass
class Rehearsed:
    """asked: every request that could be known. missing: the generated records that wait for an answer. stalled: how
    many records ended at each step because of that. guessing: the steps that decide over many records, some of which
    were not there. last: nothing comes behind the answers that are missing. more: further rounds may."""

    asked: Asked = field(default_factory=Asked)
    missing: set[str] = field(default_factory=set)
    stalled: dict[str, int] = field(default_factory=dict)
    guessing: Sequence[str] = ()
    last: bool = False
    more: bool = False


@dataclass
class Visit:
    """A step at work on a record, and whether it lacks an answer; `outer` is the composite that runs it."""

    step: str
    record: Record
    outer: "Visit | None" = None
    lacking: set[str] = field(default_factory=set)

    def lack(self, path: str) -> None:
        self.lacking.add(path)
        if self.outer is not None:
            self.outer.lack(path)


VISIT: ContextVar[Visit] = ContextVar("VISIT")


class Watched:
    """A step that ends a record which lacks an answer, whatever comes of it."""

    def __init__(self, bound: Bound) -> None:
        self._component, self._label = bound.component, bound.label

    def __getattr__(self, name: str) -> Any:
        return getattr(self._component, name)

    async def process(self, record: Record, ctx: Context) -> Any:
        component = self._component
        visit = Visit(self._label, record, VISIT.get(None))
        token = VISIT.set(visit)
        try:
            work = component.check(record, ctx) if isinstance(component, Filter) else component.process(record, ctx)
            result = await work
        except (FatalError, UsageError, RunError):
            raise
        except Exception:
            if not visit.lacking:
                raise
        finally:
            VISIT.reset(token)
        if visit.lacking:
            raise Unanswered(f"{self._label} waits for an answer")
        return result


class Asker:
    """Stands where a run has its models: notes each request, and has it answered from the journal."""

    def __init__(self, models: Models, rehearsed: Rehearsed, watch: Callable[[int], None]) -> None:
        self._models, self._rehearsed, self._watch = models, rehearsed, watch
        self._number = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._models, name)

    async def ask(self, ref: str, question: Question, sample: Callable[[Request], str], origin: Origin) -> Answer:
        return await self._noting(ref, sample, origin, lambda noted: self._models.ask(ref, question, noted, origin))

    async def embed(
        self,
        ref: str,
        texts: Sequence[str],
        options: Mapping[str, Any],
        sample: Callable[[Request], str],
        origin: Origin,
    ) -> list[list[float]]:
        def embedded(noted: Callable[[Request], str]) -> Awaitable[list[list[float]]]:
            return self._models.embed(ref, texts, options, noted, origin)

        return await self._noting(ref, sample, origin, embedded)

    async def _noting(
        self,
        ref: str,
        sample: Callable[[Request], str],
        origin: Origin,
        asked: Callable[[Callable[[Request], str]], Awaitable[T]],
    ) -> T:
        visit = VISIT.get()
        if origin.path in visit.lacking:  # it asks on, as if the answer had been a failure
            raise Unanswered(f"{origin.path} waits for an answer")

        def noted(request: Request) -> str:
            found = sample(request)
            key = request.key(found)
            there = self._models.journal.get(key) is not None
            asking = Asking(key, origin.path, None if there else request.form(), "" if there else ref)
            self._rehearsed.asked.add((visit.step, visit.record.id), visit.record.source, asking)
            self._number += 1
            self._watch(self._number)
            return found

        try:
            return await asked(noted)
        except Unanswered:
            visit.lack(origin.path)
            self._rehearsed.missing.add(visit.record.source)
            raise


class Watching(Lane):
    """A lane in which the steps inside composites are watched, too."""

    def bounds(self, part: Any, path: str, record: Record, items: Items) -> Sequence[Bound]:
        return [watched(bound) for bound in super().bounds(part, path, record, items)]


class Rehearsing(Runner):
    """A runner that stops planning where answers are missing."""

    missing: set[str]

    def _enough(self) -> bool:
        return bool(self.missing and self.store.rounds) or super()._enough()

    async def _phase(self, round: dict[str, Any] | None, stages: Sequence[Stage]) -> bool:
        if round is None and self.missing:  # its steps see all records: without some they would see other ones
            return True
        return await super()._phase(round, stages)


class Reading(Journal):
    """A journal that is only read."""

    async def append(self, entry: Entry, text: bytes | None = None) -> Entry:
        return entry


def watched(bound: Bound) -> Bound:
    """The part, watched; a dataset step asks nothing."""
    return bound if isinstance(bound.component, DatasetStep) else replace(bound, component=Watched(bound))


def silent(cls: type[Provider]) -> type[Provider]:
    """A provider that reads answers and gives none."""

    async def call(self: Provider, request: Request, sample: str) -> str:
        raise Unanswered("no call is made")

    async def embed(self: Provider, request: Request) -> str:
        raise Unanswered("no call is made")

    made: type[Provider] = type(cls.__name__, (cls,), {"call": call, "embed": embed})
    return made


def rehearse(
    plan: Plan, settings: Settings, project: Project, watch: Callable[[int], None] = lambda requests: None
) -> Rehearsed:
    """Runs a plan without a call. watch: is told how many requests were noted.

    Raises what ends a run: a generator that fails, an input that cannot be read.
    """
    rehearsed = Rehearsed()
    aside = tempfile.TemporaryDirectory(prefix="synthkit-explain-", ignore_cleanup_errors=True)
    with aside as place, closing(Store.create(Path(place), {})) as store:
        store.save(rounds=[], shape=plan.shape.form())
        asyncio.run(_run(plan, store, replace(settings, max_failures="100%"), project, rehearsed, watch))
        _note(plan, store, rehearsed)
    return rehearsed


async def _run(
    plan: Plan,
    store: Store,
    settings: Settings,
    project: Project,
    rehearsed: Rehearsed,
    watch: Callable[[int], None],
) -> None:
    silenced: dict[str, type[Provider]] = {}

    def provider(name: str) -> type[Provider]:
        if name not in silenced:
            silenced[name] = silent(registry().provider(name))
        return silenced[name]

    services = Services(project, provider, settings.concurrency)
    models = Models(services, Reading(project.journal, read_only=True), store, run="")
    asker: Any = Asker(models, rehearsed, watch)
    monitor = Monitor(plan.name, plan.target, folder=store.folder)
    lane = Watching(asker, settings.seed, FileArtifacts(store.folder / "artifacts"), store, project.redact)
    seen = replace(plan, stages=[replace(stage, parts=[*map(watched, stage.parts)]) for stage in plan.stages])
    try:
        with skipping(settings.skipped()):
            runner = Rehearsing(seen, store, lane, settings, monitor)
            runner.missing = rehearsed.missing
            await runner.run()
    finally:
        await models.close()
    if runner.error is not None:
        raise runner.error


def _note(plan: Plan, store: Store, rehearsed: Rehearsed) -> None:
    """Reads from the parts of a rehearsal what was generated and where it stalled."""
    guessing: dict[str, None] = {}
    for round in store.rounds:
        short = False
        for stage in plan.body:
            place = store.stage(round["index"], stage.index)
            if stage.dataset is not None and short:
                guessing[stage.dataset.label] = None
            for header in parts.headers(place):
                if stage.index == 0:
                    rehearsed.asked.generated |= {id for _, id in header.entries}
            for entry in parts.entries(place):
                for reject in entry.rejects:
                    if reject.error == Unanswered.__name__ and reject.kind == "failed":
                        short = True
                        rehearsed.stalled[reject.step] = rehearsed.stalled.get(reject.step, 0) + 1
    rehearsed.guessing = list(guessing)
    rehearsed.more = plan.target is not None and bool(rehearsed.missing)
    rehearsed.last = not rehearsed.more and {*rehearsed.stalled} <= {*plan.shape.labels[-1:]}
