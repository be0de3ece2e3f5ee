"""An estimate: what a run will make, ask, cost and take, from a pilot of a few source records.

Yields of steps are Wilson's score intervals, for records that come in families with the number of cases that these are
worth (`intervals`); all totals are drawn from the pilot (`projection`). Every interval is one of 90 %, and knows only
what the pilot saw: near-duplicates, for one, are rare among sixteen records and common among thousands.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING, Any

from synthkit.core.values import digest
from synthkit.engine import source, views
from synthkit.engine.execution import Watch
from synthkit.engine.intervals import Interval, between, mean, share, worth
from synthkit.engine.pilot import pilot
from synthkit.engine.preview import some
from synthkit.engine.projection import ASKED, DRAWS, Drawn, Projection
from synthkit.engine.settings import Settings
from synthkit.engine.traced import Passed, Pilot
from synthkit.models.bill import Paid
from synthkit.models.spent import Spent

if TYPE_CHECKING:
    from synthkit.engine.pipeline import Pipeline

RECORDS = 16


@dataclass(frozen=True)
class StepYield:
    """What a step did in the pilot. rate: records out for each one in; None where none came. sees_all: it decides over
    many records at once, and saw only these."""

    label: str
    seen: int
    out: int
    dropped: int
    failed: int
    rate: Interval | None
    sees_all: bool = False


@dataclass(frozen=True)
class Asks:
    """What a run asks of one model, or of all. dollars, batch: at the prices of single calls, and of batches; None
    where one is not known."""

    calls: Interval
    input: Interval
    output: Interval
    cached: Interval
    reasoning: Interval
    dollars: Interval | None
    batch: Interval | None


@dataclass(frozen=True)
class Run:
    """What the run will come to.

    each: for each accepted record calls, tokens (in and out), dollars, in single calls and in batches: those of a run
    with a large target, which hangs on yield and cost as far as the pilot tells them, not of the records it has made.
    seconds: None where too few of the pilot's calls were new, since the journal, where answers may be found, keeps no
    times. untimed: models of which that is so; seconds are at the least what the others take. timed: the calls that
    were. found: answers from the journal.
    """

    sources: Interval
    accepted: Interval
    models: Mapping[str, Asks]
    total: Asks
    seconds: Interval | None
    calls_each: Interval
    tokens_each: Interval
    dollars_each: Interval | None
    batch_each: Interval | None
    untimed: Sequence[str] = ()
    timed: int = 0
    found: int = 0


@dataclass(frozen=True, repr=False)
class Estimate:
    """What a pilot says of a run.

    records: how many source records it saw; wanted: how many it should. rate: accepted records for each source record;
    where steps at the end choose, candidates. run: None where no total can be given, and then `problem` or `barren`
    says why; short: whether the pilot's budget ended it. scores: by column, what judges gave, and to how many records.
    spent: what the pilot asked, and what its answers cost, whoever paid for them; paid: what it paid itself. unpriced,
    unbatched: models without a known price, without one in batches. unfinished: how many of `records` did not come to
    their end, because the pilot did not get through.
    """

    name: str
    generator: str
    target: int | None
    records: int
    wanted: int
    steps: Sequence[StepYield] = ()
    rate: Interval | None = None
    run: Run | None = None
    scores: Mapping[str, tuple[Interval, int]] = field(default_factory=dict)
    spent: Spent = field(default_factory=Spent)
    paid: Paid = field(default_factory=Paid)
    problem: str = ""
    stopped: bool = False
    short: bool = False
    barren: bool = False
    unpriced: Sequence[str] = ()
    unbatched: Sequence[str] = ()
    available: int | None = None
    ends: Sequence[str] = ()
    notes: Sequence[str] = ()
    ids: Sequence[str] = ()
    unfinished: int = 0

    @property
    def failed(self) -> bool:
        """Whether no total could be given."""
        return self.run is None

    @property
    def why(self) -> str:
        """Why no total can be given."""
        if self.run is not None:
            return ""
        if self.barren:
            return f"none of {self.records} source records led to an accepted one"
        if self.problem or not self.records:
            return "the pilot did not get through" if self.problem else f"{self.generator} made no record"
        return "nobody knows how many source records there are: give a target"

    @property
    def found(self) -> Decimal:
        """Dollars that the pilot's answers cost and it did not pay, since they were in the journal."""
        return max(self.spent.cost - (self.paid.cost - self.paid.wasted), Decimal(0))

    @property
    def most(self) -> float:
        """Where nothing was accepted: the yield that is hardly exceeded, by the rule of three (Hanley and Lippman-Hand,
        «If Nothing Goes Wrong, Is Everything All Right?», 1983)."""
        return min(1.0, 3 / max(self.records, 1))

    def form(self) -> dict[str, Any]:
        """As JSON."""
        from dataclasses import asdict

        given = asdict(self)
        scores = {name: {"mean": mean.form(), "records": number} for name, (mean, number) in self.scores.items()}
        rest = {"scores": scores, "spent": self.spent.form(), "paid": self.paid.form(), "found": str(self.found)}
        return {**{name: value for name, value in given.items() if name != "ids"}, **rest}

    def __str__(self) -> str:
        return views.current().estimate(self)

    def __repr__(self) -> str:
        why = f"; {self.problem}" if self.problem else ""
        return f"<Estimate of {self.name} from {self.records} of {self.wanted} records{why}>"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """What a notebook shows of it: what `print` does."""
        printer.text(repr(self) if cycle else str(self))


def estimate(
    pipeline: "Pipeline",
    records: int = RECORDS,
    *,
    target: int | None = None,
    watch: Watch | None = None,
    file: source.Source | None = None,
    parameters: Mapping[str, Any] | None = None,
    **given: Any,
) -> Estimate:
    """Takes the first source records through a pipeline, and reckons from them. given: settings of a run, as seed and
    budget, which is the pilot's."""
    made = pilot(
        pipeline, records, some("a pilot", records, given), target=target, watch=watch, file=file, parameters=parameters
    )
    return reckoned(made)


def reckoned(made: Pilot) -> Estimate:
    """What a pilot says."""
    plan, traced = made.plan, list(made.records.values())
    outs = [one.out for one in traced]
    fine = not made.problem and bool(traced)
    run, rate = None, None
    accepted = sum(one.accepted for one in traced)
    if fine and accepted and (plan.goal is not None or math.isfinite(made.available) or made.settings.max_rounds):
        drawn = _drawn(made)
        run = _run(made, drawn)
    if fine:
        single = max(outs) <= 1
        middle = sum(outs) / len(outs)
        if single:
            rate = share(sum(outs), len(outs))
        elif run is not None:
            found = between(drawn.yields)
            rate = Interval(middle, min(middle, found.low), max(middle, found.high))
    columns = list(dict.fromkeys(column for one in traced for column in one.scores))
    scores = {column: _score(made, column) for column in columns}
    return Estimate(
        plan.name, plan.generator.label, plan.target, len(traced), made.wanted,
        [_step(made, label) for label in plan.shape.labels], rate, run, scores, made.spent, made.paid,
        made.problem, made.stopped, made.short, fine and not accepted, sorted(made.unpriced), sorted(made.unbatched),
        int(made.available) if math.isfinite(made.available) else None,
        [s.dataset.label for s in plan.tail if s.dataset], _notes(made), list(made.records), made.unfinished,
    )  # fmt: skip


def _rng(made: Pilot, what: str) -> Random:
    """The same for the same pilot, whatever else is drawn."""
    return Random(digest("estimate", what, made.settings.seed, list(made.records)))


def _drawn(made: Pilot) -> Drawn:
    paid = made.paid
    projection = Projection(
        made.plan, [one.sample() for one in made.records.values()], ending=made.ending, available=made.available,
        max_rounds=made.settings.max_rounds, retries=paid.calls / paid.answers - 1 if paid.answers else 0.0,
    )  # fmt: skip
    return projection.draw(_rng(made, "run"), made.paces)


def _step(made: Pilot, label: str) -> StepYield:
    """The yield of a step."""
    each = [one.steps.get(label, Passed()) for one in made.records.values()]
    seen, out = sum(p.seen for p in each), sum(p.out for p in each)
    pairs = [(float(p.out), float(p.seen)) for p in each]
    rate = None
    if seen:
        rate = (
            share(out, seen, worth(pairs))
            if all(p.out <= p.seen for p in each)
            else mean(pairs, _rng(made, label), DRAWS)
        )
    sees_all = any(stage.dataset and stage.dataset.label == label for stage in made.plan.stages)
    return StepYield(label, seen, out, sum(p.dropped for p in each), sum(p.failed for p in each), rate, sees_all)


def _score(made: Pilot, column: str) -> tuple[Interval, int]:
    """The mean of what a judge gave, and to how many records."""
    families = [one.scores.get(column, []) for one in made.records.values()]
    found = mean([(sum(scores), float(len(scores))) for scores in families], _rng(made, column), DRAWS)
    assert found is not None  # the column is there because somebody has a score in it
    return found, sum(len(scores) for scores in families)


def _run(made: Pilot, drawn: Drawn) -> Run:
    bills = {model: _asks(rows, model in made.unpriced, model in made.unbatched) for model, rows in drawn.asked.items()}
    nothing = [[0.0] * len(ASKED)] * len(drawn.sources)
    every = list(drawn.asked.values()) or [nothing]
    rows = [[sum(column) for column in zip(*models, strict=True)] for models in zip(*every, strict=True)]
    total = _asks(rows, bool(made.unpriced), bool(made.unbatched))
    tokens = between([row[1] + row[2] for row in drawn.each])
    calls, dollars, batch = (between([row[place] for row in drawn.each]) for place in (0, 5, 6))
    found = sum(pace.found for pace in made.paces.values())
    timed = sum(len(pace.latencies) for pace in made.paces.values() if pace.known)
    return Run(
        between(drawn.sources), between(drawn.accepted), bills, total,
        between(drawn.seconds) if drawn.seconds else None, calls, tokens,
        None if made.unpriced else dollars, None if made.unbatched else batch, drawn.untimed, timed, found,
    )  # fmt: skip


def _asks(rows: Sequence[Sequence[float]], unpriced: bool, unbatched: bool) -> Asks:
    calls, given, taken, cached, reasoning, dollars, batch = (between(column) for column in zip(*rows, strict=True))
    return Asks(
        calls, given, taken, cached, reasoning, None if unpriced else dollars, None if unbatched else batch
    )  # fmt: skip


def _notes(made: Pilot) -> list[str]:
    """What else is to be known."""
    notes = list(made.notes)
    failed = made.failures.total()
    for (step, message), number in made.failures.most_common(1):
        notes.append(f"{number} of {failed} failures at {step}: {message}")
    ended = failed + sum(one.accepted for one in made.records.values())
    ended += sum(p.dropped for one in made.records.values() for p in one.steps.values())
    usual = Settings().limit()
    if failed and usual.count is None and failed > usual.share * ended:
        notes.append(f"{failed} of {ended} records failed: a run stops where more than {usual.share:.0%} do")
    if made.unread:
        notes.append(f"{made.unread} answers cannot be read back, so what they cost is missing here")
    return notes
