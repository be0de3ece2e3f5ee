"""What became of the source records of a pilot: read from its parts and from the journal, record by record."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import inf

from synthkit.core.answer import Usage
from synthkit.core.interfaces import Judge
from synthkit.engine.exchange import Answers, Exchange
from synthkit.engine.family import places
from synthkit.engine.parts import Entry, naming
from synthkit.engine.plan import Plan
from synthkit.engine.projection import ASKED, Ending, Pace, Sample
from synthkit.engine.settings import Settings
from synthkit.engine.store import Store
from synthkit.engine.trail import Mark
from synthkit.models.bill import Paid
from synthkit.models.project import Project
from synthkit.models.service import Services
from synthkit.models.spent import Spent
from synthkit.plugins import registry


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
    `stopped`, whether somebody stopped it, `short`, whether its budget did. kept: records that the last step at the end
    which chooses let through. paid: what it paid itself. paces: how fast each model answered. unpriced, unbatched:
    models whose price, or price in batches, is not known. unread: answers that cannot be read, and are counted nowhere.
    failures: how often records failed, by step and message. available: how many source records there are. unfinished:
    source records that were made and did not come to their end.
    """

    plan: Plan
    settings: Settings
    wanted: int
    records: dict[str, Traced] = field(default_factory=dict)
    kept: int = 0
    problem: str = ""
    stopped: bool = False
    short: bool = False
    spent: Spent = field(default_factory=Spent)
    paid: Paid = field(default_factory=Paid)
    paces: dict[str, Pace] = field(default_factory=dict)
    unpriced: list[str] = field(default_factory=list)
    unbatched: list[str] = field(default_factory=list)
    unread: int = 0
    failures: Counter[tuple[str, str]] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    available: float = inf
    unfinished: int = 0

    def answers(self, ref: str) -> int:
        """How many answers of a model it used."""
        asked = (use[ref][0] for one in self.records.values() for use in (one.body, one.tail) if ref in use)
        return int(sum(asked))

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


def refs(plan: Plan) -> list[str]:
    """The models that a plan asks."""
    return list(dict.fromkeys(ref for _, component in plan.components() for ref in component.models()))


class Reader:
    """Reads from the parts of a pilot and from the journal what became of each source record."""

    def __init__(self, made: Pilot, store: Store, project: Project) -> None:
        self.made, self.plan = made, made.plan
        self._store, self._project = store, project
        state = store.state
        self._answers = Answers(project, state)
        self._services = Services(project, registry().provider, at=datetime.fromisoformat(state["began"]).date())
        self._names = {}
        for ref in reversed(refs(self.plan)):
            model = self._services[ref].model
            self._names[model.provider, model.name, model.endpoint] = ref
        self._source: dict[str, str] = {}
        self._open: dict[str, str] = {}
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
        self.made.unfinished = len(set(self._open.values()))

    def _entry(self, stage: int, entry: Entry) -> None:
        shape = self.plan.shape
        if stage == 0:
            self._source[entry.id] = entry.id
            self.made.records[entry.id] = Traced()
        self.made.failures.update((r.step, r.message) for r in entry.rejects if r.kind == "failed")
        for record in (*entry.outs, *(reject.record for reject in entry.rejects)):
            self._source[record.id] = record.source
        self._open.pop(entry.id, None)
        if stage < len(shape.stages) - 1:
            self._open |= {record.id: record.source for record in entry.outs}
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
