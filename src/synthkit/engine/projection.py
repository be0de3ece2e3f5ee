"""From a pilot to the run: what the rounds of a run will make, ask and cost, as far as a few records tell.

The run is drawn many times. Each time the pilot's source records get weights from a Dirichlet distribution (a Bayesian
bootstrap: Rubin, 1981), so that their yield, their calls and their tokens vary together, as they do in truth. Two half
records stand beside them, one that leads to nothing and one that leads to something: where a record becomes one or
none, the yield then has Jeffreys' prior, a beta distribution, and sixteen of sixteen do not mean all. Then rounds are
planned as the runner plans them (`rounds.next_want`), the pilot's records the first of them, and what they ask is added
up.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from math import inf, sqrt
from random import Random
from statistics import fmean, stdev

from synthkit.engine.intervals import size, weights
from synthkit.engine.plan import Plan
from synthkit.engine.rounds import ALL, barren, next_want

DRAWS = 1000
ENOUGH = 4
"""Calls of which a latency is told, where other answers came from the journal."""
ONE_BY_ONE = 1000
"""Records of a round that are drawn one by one; of more, each kind comes as often as its weight says."""
ASKED = ("calls", "input", "output", "cached", "reasoning", "dollars", "batch")
"""What is added up for each model."""

Use = Mapping[str, Sequence[float]]
"""By model, what `ASKED` names."""


@dataclass(frozen=True)
class Sample:
    """What became of one source record. out: how many records of it left the steps of every round. body: what it
    asked there."""

    out: float
    body: Use = field(default_factory=dict)


@dataclass(frozen=True)
class Ending:
    """The steps at the end: what share of the records they take goes through their choice, at most how many, what share
    of these is accepted, and what each of these asks."""

    chosen: float = 1.0
    most: float = inf
    accepted: float = 1.0
    asks: Use = field(default_factory=dict)


@dataclass(frozen=True)
class Pace:
    """How fast a model answers. latencies: seconds of calls; slots: calls at once; a_minute: limits that are known, by
    «requests», «tokens», «input» and «output». found: answers that came from the journal, which keeps no times."""

    latencies: Sequence[float]
    slots: int
    a_minute: Mapping[str, float] = field(default_factory=dict)
    found: int = 0

    @property
    def known(self) -> bool:
        """Whether the calls tell how long one takes."""
        return len(self.latencies) >= (ENOUGH if self.found else 1)

    @cached_property
    def mean(self) -> tuple[float, float]:
        """The mean latency, and its standard error."""
        return fmean(self.latencies), stdev(self.latencies) / sqrt(len(self.latencies)) if self.latencies[1:] else 0.0

    def seconds(self, calls: float, input: float, output: float, latency: float) -> float:
        """How long so much takes at the least."""
        amounts = {"requests": calls, "tokens": input + output, "input": input, "output": output}
        limited = (60 * amounts[kind] / most for kind, most in self.a_minute.items() if most > 0)
        return max([calls * latency / self.slots, *limited])


UNTIMED = Pace((), 1)


@dataclass
class Drawn:
    """Runs that were drawn: of each how many source records it made, how many records it accepted, what each model was
    asked, and how many seconds it took, where that can be known; without the calls to `untimed` models, of which too
    few were made. each: what an accepted record takes in the long run, of all models together."""

    sources: list[float] = field(default_factory=list)
    accepted: list[float] = field(default_factory=list)
    yields: list[float] = field(default_factory=list)
    asked: dict[str, list[list[float]]] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    each: list[list[float]] = field(default_factory=list)
    untimed: Sequence[str] = ()


class Projection:
    """Draws runs of a plan from the samples of a pilot.

    available: how many source records there are. retries: calls that lead to no answer, for each that does.
    """

    def __init__(
        self,
        plan: Plan,
        samples: Sequence[Sample],
        *,
        ending: Ending | None = None,
        available: float = inf,
        max_rounds: int | None = None,
        retries: float = 0.0,
    ) -> None:
        self.plan, self.samples, self.available, self.max_rounds = plan, samples, available, max_rounds
        self.ending, self.retries = ending or Ending(), retries
        asked = [*(sample.body for sample in samples), self.ending.asks]
        self.models = list(dict.fromkeys(model for use in asked for model in use))
        good = [sample for sample in samples if sample.out]
        bad = [sample for sample in samples if not sample.out]
        better = Sample(max(1.0, _mean([s.out for s in good])), self._typical(good or samples))
        self._kinds = [*samples, better, Sample(0.0, self._typical(bad or samples))]
        self._sizes = [size(len(samples))] * len(samples) + [0.5, 0.5]

    def _typical(self, samples: Sequence[Sample]) -> Use:
        """What samples ask in the mean."""
        nothing = [0.0] * len(ASKED)
        return {
            model: [_mean(column) for column in zip(*(s.body.get(model, nothing) for s in samples), strict=True)]
            for model in self.models
        }

    def draw(self, rng: Random, paces: Mapping[str, Pace] | None = None, draws: int = DRAWS) -> Drawn:
        """Draws runs. paces: of the models that are asked; without any there are no times."""
        clock = Random(rng.random())  # whether there are times changes nothing else
        paces = paces or {}
        untimed = [model for model in self.models if model not in paces or not paces[model].known]
        timed = len(untimed) < len(self.models) or not self.models
        drawn = Drawn(asked={model: [] for model in self.models}, untimed=untimed)
        for _ in range(draws):
            weight = weights(rng, self._sizes)
            counts, out, rounds = self._rounds(rng, weight)
            asked, accepted = self._asked(counts, out)
            drawn.sources.append(sum(counts))
            drawn.accepted.append(accepted)
            drawn.yields.append(sum(w * kind.out for w, kind in zip(weight, self._kinds, strict=True)))
            for model, amounts in asked.items():
                drawn.asked[model].append(amounts)
            if each := self._each(weight, sum(counts), out):
                drawn.each.append(each)
            if timed:
                drawn.seconds.append(self._seconds(clock, paces, asked, sum(counts), rounds))
        return drawn

    def _each(self, weight: Sequence[float], made: float, out: float) -> list[float]:
        """What an accepted record takes if the kinds come as often as their weights say. That of a run whose target the
        pilot meets is known to the cent; what the next run pays for a record is not."""
        rate = sum(w * kind.out for w, kind in zip(weight, self._kinds, strict=True))
        goal = self.plan.goal
        if goal is not None and out >= goal and rate:
            made = goal / rate
        asked, accepted = self._asked([made * w for w in weight], made * rate)
        if not accepted:
            return []
        return [sum(amounts) / accepted for amounts in zip([0.0] * len(ASKED), *asked.values(), strict=True)]

    def _rounds(self, rng: Random, weight: Sequence[float]) -> tuple[list[float], float, int]:
        """The rounds of one run: how often each kind of record was made, how many left the body, in how many rounds."""
        counts = [0.0] * len(self._kinds)
        rounds: list[dict[str, float]] = []
        made, out = 0.0, 0.0
        known = len(self.samples)
        while True:
            want = next_want(self.plan, rounds)
            fresh = min(want, self.available - made)
            seen = min(fresh, max(0, known - made))
            counts = [
                before + (1 if made <= number < made + seen else 0) + more
                for number, (before, more) in enumerate(zip(counts, _drawn(rng, weight, fresh - seen), strict=True))
            ]
            made += fresh
            total = sum(count * kind.out for count, kind in zip(counts, self._kinds, strict=True))
            rounds.append({"made": int(fresh), "accepted": int(total) - int(out)})
            out = total
            enough = self.plan.goal is not None and out >= self.plan.goal
            if enough or fresh < want or len(rounds) == self.max_rounds or barren(rounds) or want >= ALL:
                return counts, out, len(rounds)

    def _asked(self, counts: Sequence[float], out: float) -> tuple[dict[str, list[float]], float]:
        """What a run asks of each model, and how many records it accepts."""
        ending = self.ending
        chosen = min(out * ending.chosen, ending.most)
        accepted = chosen * ending.accepted
        if self.plan.target is not None:
            accepted = min(accepted, self.plan.target)
        asked: dict[str, list[float]] = {}
        for model in self.models:
            amounts = [chosen * amount for amount in ending.asks.get(model, [0.0] * len(ASKED))]
            for count, kind in zip(counts, self._kinds, strict=True):
                if count and model in kind.body:
                    amounts = [a + count * b for a, b in zip(amounts, kind.body[model], strict=True)]
            amounts[0] *= 1 + self.retries
            asked[model] = amounts
        return asked, accepted

    def _seconds(
        self, rng: Random, paces: Mapping[str, Pace], asked: Mapping[str, Sequence[float]], made: float, rounds: int
    ) -> float:
        """How long a run takes: what the slowest model needs for all its calls, and in each round the way of one record
        through all its calls, one after the other, since a round waits for its last record. Of a model whose latency is
        not known only the limits count."""
        busy, way = 0.0, 0.0
        for model, (calls, input, output, *_) in asked.items():
            pace = paces.get(model, UNTIMED)
            latency = max(rng.gauss(*pace.mean), min(pace.latencies)) if pace.known else 0.0
            busy = max(busy, pace.seconds(calls, input, output, latency))
            way += latency * calls / max(made, 1)
        return busy + rounds * way


def _drawn(rng: Random, weight: Sequence[float], number: float) -> list[float]:
    """How often each kind comes among so many records."""
    if number > ONE_BY_ONE:
        return [number * one for one in weight]
    bounds = list(accumulate(weight))
    found = Counter(rng.choices(range(len(weight)), cum_weights=bounds, k=int(number)))
    return [float(found[kind]) for kind in range(len(weight))]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
