"""Intervals of 90 % for what a few records show: shares, means, and whatever was drawn often enough.

All that is drawn comes from a seeded generator, so that the same pilot says the same twice.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from random import Random
from statistics import NormalDist
from typing import Any

CONFIDENCE = 0.9
TAIL = (1 - CONFIDENCE) / 2
Z = NormalDist().inv_cdf(1 - TAIL)


@dataclass(frozen=True, slots=True)
class Interval:
    """A value, and the bounds between which the truth is in about nine of ten cases: low <= value <= high."""

    value: float
    low: float
    high: float

    def times(self, factor: float) -> "Interval":
        """In another unit."""
        return Interval(self.value * factor, self.low * factor, self.high * factor)

    def meets(self, other: "Interval") -> bool:
        """Whether the two overlap."""
        return self.low <= other.high and other.low <= self.high

    def form(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


def share(hits: float, of: float, size: float | None = None) -> Interval:
    """A share of `of` cases, by Wilson's score interval (Wilson, 1927; recommended for few cases by Brown, Cai and
    DasGupta, «Interval Estimation for a Binomial Proportion», 2001).

    size: how many independent cases these are worth, where they come in families.
    """
    p = hits / of
    n = of if size is None else min(size, of)
    middle = (p + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z / (1 + Z * Z / n) * math.sqrt(p * (1 - p) / n + Z * Z / (4 * n * n))
    return Interval(p, max(0.0, min(p, middle - half)), min(1.0, max(p, middle + half)))


def worth(pairs: Sequence[tuple[float, float]]) -> float:
    """How many independent cases the families (hits, of) are worth: the cases over their design effect, with the
    variance of a ratio over families (Kish, «Survey Sampling», 1965, 6.3). Where nothing varies, as many as families.
    """
    met = [(hits, of) for hits, of in pairs if of]
    cases = sum(of for _, of in met)
    p = sum(hits for hits, _ in met) / cases
    if len(met) < 2 or not 0 < p < 1:
        return float(len(met))
    spread = sum((hits - p * of) ** 2 for hits, of in met) * len(met) / (len(met) - 1) / cases**2
    return cases / max(1.0, spread * cases / (p * (1 - p)))


def between(drawn: Sequence[float]) -> Interval:
    """The median of what was drawn, and its 5th and 95th percentile."""
    ordered = sorted(drawn)

    def at(part: float) -> float:
        place = part * (len(ordered) - 1)
        below = math.floor(place)
        above = min(below + 1, len(ordered) - 1)
        low, high = ordered[below], ordered[above]
        return min(low + (high - low) * (place - below), high)

    return Interval(at(0.5), at(TAIL), at(1 - TAIL))


def weights(rng: Random, sizes: Sequence[float]) -> list[float]:
    """Weights that sum to 1, drawn from a Dirichlet distribution: those of a Bayesian bootstrap (Rubin, «The Bayesian
    Bootstrap», 1981) where all sizes are 1; wider ones where they are less."""
    drawn = [rng.gammavariate(size, 1.0) for size in sizes]
    whole = sum(drawn)
    return [one / whole for one in drawn] if whole else [1 / len(drawn)] * len(drawn)


def size(number: int) -> float:
    """What one of so many cases counts for when weights are drawn: less than 1, since the plain bootstrap takes the
    spread of a few cases for the true one. With this the spread of a mean is that of Student's t, whose quantile is
    that of the normal distribution times 1 + (z² + 1) / 4ν and more (Cornish and Fisher, 1937)."""
    if number < 2:
        return 0.5
    wider = 1 + (Z * Z + 1) / (4 * (number - 1))
    return max(0.5, ((number - 1) / wider**2 - 1) / number)


def mean(pairs: Sequence[tuple[float, float]], rng: Random, draws: int) -> Interval | None:
    """The mean of values that come in families (sum, number), by a Bayesian bootstrap over these; None where there are
    no values."""
    met = [(total, number) for total, number in pairs if number]
    if not met:
        return None
    value = sum(total for total, _ in met) / sum(number for _, number in met)
    means = []
    for _ in range(draws):
        drawn = weights(rng, [size(len(met))] * len(met))
        weighed = sum(weight * number for weight, (_, number) in zip(drawn, met, strict=True))
        means.append(sum(weight * total for weight, (total, _) in zip(drawn, met, strict=True)) / weighed)
    found = between(means)
    return Interval(value, min(value, found.low), max(value, found.high))
