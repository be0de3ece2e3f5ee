"""A pilot: the first source records of a pipeline go all the way through it, and what each of them led to is counted.

It makes the very records, requests and samples that a run with the same target and seed makes, through the project's
journal, round by round: that run finds these answers there. Its run folder is a temporary one.
"""

import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from itertools import islice
from math import inf, isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthkit.core.answer import Request, Usage
from synthkit.core.interfaces import Judge, Round
from synthkit.core.provider import Provider
from synthkit.core.record import Fields
from synthkit.core.source import skipping
from synthkit.engine import api, source
from synthkit.engine.exchange import Answers, Exchange
from synthkit.engine.execution import Execution, Watch
from synthkit.engine.family import places
from synthkit.engine.parts import Entry, naming
from synthkit.engine.plan import Plan
from synthkit.engine.preview import First, hidden
from synthkit.engine.projection import ASKED, Ending, Pace, Sample
from synthkit.engine.rounds import ALL, Committed
from synthkit.engine.settings import Settings
from synthkit.engine.store import Store
from synthkit.engine.tally import together
from synthkit.engine.trail import Mark
from synthkit.errors import OutOfBudget, SynthkitError
from synthkit.models.project import Project, find_project
from synthkit.models.service import Services
from synthkit.models.spent import Spent
from synthkit.plugins import registry

if TYPE_CHECKING:
    from synthkit.engine.control import Control
    from synthkit.engine.monitor import Monitor
    from synthkit.engine.pipeline import Pipeline
    from synthkit.engine.result import Result


@dataclass
class Passed:
    """What a step did with one source record and its descendants."""

    seen: int = 0
    out: int = 0
    dropped: int = 0
    failed: int = 0


@dataclass
class Traced:
    """What became of one source record. out: how many records of it left the steps of every round; accepted: how many
    came out at the very end. body, tail: by model, what they asked. scores: by column, what judges gave."""

    out: int = 0
    accepted: int = 0
    steps: dict[str, Passed] = field(default_factory=dict)
    body: dict[str, list[float]] = field(default_factory=dict)
    tail: dict[str, list[float]] = field(default_factory=dict)
    scores: dict[str, list[float]] = field(default_factory=dict)

    def at(self, label: str) -> Passed:
        return self.steps.setdefault(label, Passed())

    def sample(self) -> Sample:
        """As what a run is drawn from."""
        return Sample(self.out, self.body)


@dataclass
class Pilot:
    """What a pilot saw.

    records: by the id of the source record. wanted: how many there should be. problem: why it could not go on, and
    `stopped`, whether somebody stopped it. kept: records that the last step at the end which chooses let through.
    budgeted: dollars that a budget counts as spent. paces: how fast each model answered. unpriced, unbatched: models
    whose price, or price in batches, is not known. unread: answers that cannot be read, and are counted nowhere.
    failures: how often records failed, by step and message. available: how many source records there are.
    """

    plan: Plan
    settings: Settings
    wanted: int
    records: dict[str, Traced] = field(default_factory=dict)
    kept: int = 0
    problem: str = ""
    stopped: bool = False
    spent: Spent = field(default_factory=Spent)
    budgeted: Decimal = Decimal(0)
    paces: dict[str, Pace] = field(default_factory=dict)
    unpriced: list[str] = field(default_factory=list)
    unbatched: list[str] = field(default_factory=list)
    unread: int = 0
    failures: Counter[tuple[str, str]] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    available: float = inf

    @property
    def ending(self) -> Ending:
        """What the steps at the end did, as far as so few records tell."""
        plan, traced = self.plan, self.records.values()
        out = sum(one.out for one in traced)
        if not plan.tail or not out:
            return Ending()
        asks: dict[str, list[float]] = {}
        for one in traced:
            for model, amounts in one.tail.items():
                asks[model] = _sum(asks.get(model), amounts)
        chooses = [stage.dataset.component for stage in plan.tail if stage.dataset]
        most = min((n for c in chooses if (n := c.lets_through()) is not None), default=inf)
        kept = max(self.kept, 1)
        each = {model: [amount / kept for amount in amounts] for model, amounts in asks.items()}
        return Ending(self.kept / out, most, sum(one.accepted for one in traced) / kept, each)


class Leading(First):
    """The first records of a generator, in whatever rounds they are made, each as a run has it."""

    def generate(self, round: Round) -> Iterator[Fields]:
        return islice(self.generator.generate(round), max(0, self.number - round.start))


class Stopwatch:
    """Times the calls of a run, by model."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = {}

    def time(self, ref: str, provider: Provider) -> None:
        """Times all calls of a provider from now on. Those that fail tell nothing of how long an answer takes."""
        call, embed = provider.call, provider.embed

        async def timed(request: Request, sample: str) -> str:
            began = time.perf_counter()
            body = await call(request, sample)
            self._note(ref, began)
            return body

        async def embedded(request: Request) -> str:
            began = time.perf_counter()
            body = await embed(request)
            self._note(ref, began)
            return body

        vars(provider).update(call=timed, embed=embedded)

    def _note(self, ref: str, began: float) -> None:
        self.seconds.setdefault(ref, []).append(time.perf_counter() - began)


def pilot(
    pipeline: "Pipeline",
    records: int,
    settings: Settings,
    *,
    target: int | None = None,
    watch: Watch | None = None,
    file: source.Source | None = None,
    parameters: Mapping[str, Any] | None = None,
) -> Pilot:
    """Takes the first source records through a pipeline. Raises what a run raises before its first call."""
    project = find_project()
    plan = api.checked(pipeline, settings, target, project, file)
    with (
        tempfile.TemporaryDirectory(prefix="synthkit-pilot-", ignore_cleanup_errors=True) as place,
        closing(Store.create(Path(place), {})) as store,
    ):
        plan = api.begun(store, plan, settings, project, file, parameters or {})
        made = Pilot(plan, settings, records)
        generator = replace(plan.generator, component=Leading(plan.generator.component, records))
        stopwatch = Stopwatch()
        shown = _timed(hidden(watch, Path(place), "pilot"), plan, stopwatch)
        execution = Execution(replace(plan, generator=generator), store, settings, project, shown, preview=True)
        _ran(made, execution.run(), execution.monitor, stopwatch)
        Reader(made, store, project).read()
        if not made.problem and not plan.generator.component.endless:
            made.available = _available(made, store)
    return made


def _ran(made: Pilot, result: "Result", monitor: "Monitor", stopwatch: Stopwatch) -> None:
    """What the run of a pilot says of itself."""
    models = monitor.models
    if result.status == "failed" or (models is not None and models.stopping.is_set()):
        made.problem, made.stopped = result.reason, bool(monitor.stopped_by)
        if models is not None and isinstance(models.fatal, OutOfBudget):  # there is no run that could be resumed
            made.problem = f"{result.reason.rpartition('; ')[0]}; give the pilot a larger --budget"
    made.spent = together(result.tally)
    made.spent.add(result.unfinished)
    made.budgeted = Decimal(str(result.state.get("spent") or 0))
    made.notes += result.state.get("notes", ())
    if models is not None:
        made.paces = {ref: _pace(models.services, ref, stopwatch) for ref in _refs(made.plan)}


def _refs(plan: Plan) -> list[str]:
    """The models that a plan asks."""
    return list(dict.fromkeys(ref for _, component in plan.components() for ref in component.models()))


def _timed(watch: Watch, plan: Plan, stopwatch: Stopwatch) -> Watch:
    @contextmanager
    def watching(monitor: "Monitor", control: "Control") -> Iterator[None]:
        if monitor.models is not None:
            for ref in _refs(plan):
                stopwatch.time(ref, monitor.models.services[ref].provider)
        with watch(monitor, control):
            yield

    return watching


def _pace(services: Services, ref: str, stopwatch: Stopwatch) -> Pace:
    """How fast a model is: by its calls, its slots, and the limits that its limiter knows by now."""
    limiter = services[ref].limiter
    known = {kind: bucket.most for kind, bucket in limiter.buckets.items() if isfinite(bucket.most)}
    return Pace(stopwatch.seconds.get(ref, ()), limiter.concurrency, known)


def _available(made: Pilot, store: Store) -> float:
    """How many source records there are. It asks no model: a generator reads files, or counts."""
    if len(made.records) < made.wanted:
        return len(made.records)
    form = {"index": 0, "want": ALL, "start": 0}
    with skipping(made.settings.skipped()):
        try:
            round = Committed(store, made.plan, form, made.settings.seed)
            return sum(1 for _ in made.plan.generator.component.generate(round))
        except SynthkitError as error:
            made.notes.append(f"the source records cannot be counted: {error}")
        except Exception as error:  # a generator of the user's own
            made.notes.append(f"the source records cannot be counted: {type(error).__name__}: {error}")
    return inf


class Reader:
    """Reads from the parts of a pilot and from the journal what became of each source record."""

    def __init__(self, made: Pilot, store: Store, project: Project) -> None:
        self.made, self.plan = made, made.plan
        self._store, self._project = store, project
        state = store.state
        self._answers = Answers(project, state)
        self._services = Services(project, registry().provider, at=datetime.fromisoformat(state["began"]).date())
        self._names = {}
        for ref in reversed(_refs(self.plan)):
            model = self._services[ref].model
            self._names[model.provider, model.name, model.endpoint] = ref
        self._source: dict[str, str] = {}
        self._paid = set[str]()
        components = (component for _, component in self.plan.components())
        self._columns = list(dict.fromkeys(c.written()[0] for c in components if isinstance(c, Judge)))

    def read(self) -> None:
        """Reads all of it into the pilot."""
        try:
            for _, stage, place in places(self._store, self.plan.shape):
                for entry in naming(place, ""):
                    self._entry(stage, entry)
        finally:
            self._answers.close()

    def _entry(self, stage: int, entry: Entry) -> None:
        shape = self.plan.shape
        if stage == 0:
            self._source[entry.id] = entry.id
            self.made.records[entry.id] = Traced()
        self.made.failures.update((r.step, r.message) for r in entry.rejects if r.kind == "failed")
        for record in (*entry.outs, *(reject.record for reject in entry.rejects)):
            self._source[record.id] = record.source
        traced = self.made.records[self._source[entry.id]]
        if self.plan.stages[stage].dataset:
            self._decided(stage, entry, traced)
        else:
            self._went(stage, entry, traced)
        for record in entry.outs:
            theirs = self.made.records[record.source]
            theirs.out += stage == shape.end - 1
            theirs.accepted += stage == len(shape.stages) - 1

    def _decided(self, stage: int, entry: Entry, traced: Traced) -> None:
        """What a dataset step decided."""
        passed = traced.at(self.plan.shape.stages[stage][0])
        passed.seen += 1
        passed.out += len(entry.outs)
        for reject in entry.rejects:
            passed.dropped += reject.kind == "dropped"
            passed.failed += reject.kind == "failed"
        ends = [s.index for s in self.plan.tail if s.dataset]
        if ends and stage == ends[-1]:
            self.made.kept += len(entry.outs)

    def _went(self, stage: int, entry: Entry, traced: Traced) -> None:
        """How a record went through a segment."""
        rejected = {(r.record.id, r.step): r.kind for r in entry.rejects if r.kind != "attempt"}
        use = traced.tail if stage in self.plan.shape.tail else traced.body
        for mark in entry.trail:
            passed, kind = traced.at(mark.step), rejected.get((mark.record, mark.step))
            passed.seen += 1
            passed.dropped += kind == "dropped"
            passed.failed += kind == "failed"
            passed.out += 0 if kind else 1 if mark.made is None else mark.made
            for exchange in self._exchanges(mark):
                self._charge(exchange, use)
            for column in self._columns:
                score = _score(mark, column)
                if score is not None:
                    traced.scores.setdefault(column, []).append(score)

    def _exchanges(self, mark: Mark) -> Iterator[Exchange]:
        yield from self._answers.of(mark)
        for _, marks in mark.inner:
            for inner in marks:
                yield from self._exchanges(inner)

    def _charge(self, exchange: Exchange, use: dict[str, list[float]]) -> None:
        """Counts an answer, once: equal questions of several records may share one."""
        if not exchange.key or exchange.key in self._paid:
            return
        self._paid.add(exchange.key)
        request = exchange.request
        known = (str(request.get("provider")), str(request.get("model")), str(request.get("endpoint", "")))
        ref = self._names.get(known)
        if exchange.reply is None or ref is None:
            self.made.unread += 1
            return
        usage = exchange.reply.usage
        dollars = [self._dollars(ref, usage, batch=batch) for batch in (False, True)]
        amounts = [1.0, *map(float, (usage.input, usage.output, usage.cached, usage.reasoning)), *dollars]
        assert len(amounts) == len(ASKED)
        use[ref] = _sum(use.get(ref), amounts)

    def _dollars(self, ref: str, usage: Usage, *, batch: bool) -> float:
        service, unknown = self._services[ref], self.made.unbatched if batch else self.made.unpriced
        cost = service.prices.cost(service.model, usage, batch=batch)
        if cost is None:
            if ref not in unknown:
                unknown.append(ref)
            return 0.0
        return float(cost)


def _score(mark: Mark, column: str) -> float | None:
    """The score that a step gave a record; of one that ended inside it the last."""
    for values in mark.values:
        given = values.get(column)
        if isinstance(given, int | float) and not isinstance(given, bool):
            return float(given)
    inner: Sequence[Mark] = [one for _, marks in mark.inner for one in marks] if not mark.values else ()
    return next((found for one in reversed(inner) if (found := _score(one, column)) is not None), None)


def _sum(before: Sequence[float] | None, more: Sequence[float]) -> list[float]:
    return list(more) if before is None else [a + b for a, b in zip(before, more, strict=True)]
