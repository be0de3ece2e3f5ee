"""What a few records tell of many: intervals that hold the truth, and contain the value they are put around."""

import math
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthkit.engine.intervals import Interval, between, mean, share, size, weights, worth
from synthkit.engine.projection import Ending, Pace, Projection, Sample
from synthkit.engine.rounds import next_want

SHARES = st.integers(1, 500).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of)))


def plan(goal: int | None, *, fans_out: bool = False) -> Any:
    """As much of a plan as rounds are planned from."""
    return SimpleNamespace(
        goal=goal, target=goal, fans_out=fans_out, generator=SimpleNamespace(component=SimpleNamespace(endless=True))
    )


def source(rng: Random, p: float, most: int = 1, spread: float = 0.3) -> Sample:
    """A source record as a pipeline might treat it: so many chances to be accepted, and answers of all lengths."""
    tokens = 100 * rng.lognormvariate(0, spread)
    out = sum(rng.random() < p for _ in range(1 if most == 1 else rng.randint(0, most)))
    return Sample(out, {"m": [1, 200, tokens, 0, 0, tokens * 2e-6, tokens * 1e-6]})


def ran(goal: int, known: list[Sample], make: Any, fans_out: bool) -> float:
    """The dollars of a run that begins with these records."""
    rounds: list[dict[str, int]] = []
    cost, left = 0.0, list(known)
    while sum(r["accepted"] for r in rounds) < goal:
        want = next_want(plan(goal, fans_out=fans_out), rounds)
        taken, left = left[:want], left[want:]
        taken += [make() for _ in range(want - len(taken))]
        rounds.append({"made": want, "accepted": int(sum(s.out for s in taken))})
        cost += sum(s.body["m"][5] for s in taken)
    return cost


@pytest.mark.parametrize(("p", "most"), [(0.95, 1), (0.6, 1), (0.7, 6)])
def test_nine_of_ten_runs_cost_what_their_pilots_said(p: float, most: int) -> None:
    hits = 0
    for number in range(200):
        rng = Random(f"pilot {number}")
        known = [source(rng, p, most) for _ in range(16)]
        drawn = Projection(plan(150, fans_out=most > 1), known).draw(Random(number), draws=60)
        said = between([row[5] for row in drawn.asked["m"]])
        hits += said.low <= ran(150, known, lambda rng=rng: source(rng, p, most), most > 1) <= said.high
    assert hits >= 160, f"the interval of 90 % held the truth in {hits} of 200 cases"


@pytest.mark.parametrize("p", [0.5, 0.8, 0.97])
def test_nine_of_ten_yields_are_within_their_intervals(p: float) -> None:
    rng = Random("yields")
    found = [share(sum(rng.random() < p for _ in range(16)), 16) for _ in range(1000)]
    assert sum(one.low <= p <= one.high for one in found) >= 800


def test_records_of_one_family_count_for_less() -> None:
    alike = [(4.0, 4.0)] * 8 + [(0.0, 4.0)] * 8
    assert worth(alike) == pytest.approx(15, abs=1.5)
    mixed = [(2.0, 4.0)] * 16
    assert worth(mixed) == 64
    assert worth([(4.0, 4.0)] * 16) == 16, "where nothing varies, nobody knows that the members are alone"
    one, other = share(32, 64, worth(alike)), share(32, 64, worth(mixed))
    assert one.high - one.low > 1.8 * (other.high - other.low)


@given(SHARES)
def test_a_share_is_within_its_interval(pair: tuple[int, int]) -> None:
    hits, of = pair
    found = share(hits, of)
    assert 0 <= found.low <= found.value <= found.high <= 1 and found.value == hits / of
    more = share(hits * 10, of * 10)
    assert more.high - more.low < found.high - found.low, "more records, less doubt"


def test_all_or_none_of_a_few_is_not_all_or_none() -> None:
    assert share(16, 16).high == 1 and share(16, 16).low == pytest.approx(0.855, abs=0.001)
    assert share(0, 16).low == 0 and share(0, 16).high == pytest.approx(0.145, abs=0.001)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=200))
def test_the_median_is_within_its_bounds(values: list[float]) -> None:
    found = between(values)
    assert min(values) <= found.low <= found.value <= found.high <= max(values)


@given(st.lists(st.tuples(st.floats(0, 100), st.integers(0, 5)), max_size=20))
def test_a_mean_is_within_its_interval(families: list[tuple[float, int]]) -> None:
    pairs = [(total if number else 0.0, float(number)) for total, number in families]
    found = mean(pairs, Random(1), 50)
    if not any(number for _, number in pairs):
        assert found is None
    else:
        assert found is not None and found.low <= found.value <= found.high
        assert mean(pairs, Random(1), 50) == found


def test_weights_sum_to_one_and_spread_as_a_t_distribution() -> None:
    rng = Random(3)
    assert sum(weights(rng, [0.5] * 7)) == pytest.approx(1)
    assert 0.7 < size(16) < 0.85 < size(64) < size(1000) < 1
    assert size(1) == size(2) == 0.5


@given(st.integers(1, 40), st.integers(0, 40), st.integers(1, 400), st.integers(0, 2**32))
def test_a_run_is_never_out_of_bounds(good: int, bad: int, target: int, seed: int) -> None:
    rng = Random(seed)
    known = [source(rng, 1.0) for _ in range(good)] + [source(rng, 0.0) for _ in range(bad)]
    drawn = Projection(plan(target), known, available=3 * target).draw(Random(seed), draws=10)
    assert all(0 <= accepted <= target for accepted in drawn.accepted)
    assert all(min(target, 3 * target) <= sources <= 3 * target for sources in drawn.sources)
    assert all(row[0] == pytest.approx(n) for row, n in zip(drawn.asked["m"], drawn.sources, strict=True))
    again = Projection(plan(target), known, available=3 * target).draw(Random(seed), draws=10)
    assert (again.sources, again.asked) == (drawn.sources, drawn.asked), "the same pilot says the same"


def test_a_larger_pilot_knows_more() -> None:
    widths = []
    for number in (8, 32, 128):
        made = []
        for seed in range(8):
            rng = Random(f"{number} {seed}")
            known = [source(rng, 0.7) for _ in range(number)]
            drawn = Projection(plan(500), known).draw(Random(seed), draws=200)
            found = between([row[5] for row in drawn.each])
            made.append(found.high - found.low)
        widths.append(sum(made) / len(made))
    assert widths[0] > 1.5 * widths[1] > 2.25 * widths[2]


def test_the_pilots_records_are_those_of_the_run() -> None:
    known = [Sample(1, {"m": [1, 10, 10, 0, 0, 0.01, 0.005]})] * 16
    drawn = Projection(plan(16), known).draw(Random(1), draws=20)
    assert between(drawn.sources) == Interval(16, 16, 16) and between([r[0] for r in drawn.asked["m"]]).high == 16


def test_steps_at_the_end_choose_and_ask() -> None:
    known = [Sample(1, {"m": [1, 10, 10, 0, 0, 0.01, 0.005]})] * 16
    ending = Ending(chosen=1.0, most=50, accepted=0.5, asks={"late": [2, 0, 0, 0, 0, 1.0, 0.5]})
    drawn = Projection(plan(200), known, ending=ending, retries=0.5).draw(Random(1), draws=20)
    assert drawn.accepted == [25.0] * 20, "fifty are chosen, half of them go on"
    assert all(row[0] == 150 and row[5] == 50 for row in drawn.asked["late"])


def test_time_is_that_of_the_slowest_model_or_its_limit() -> None:
    known = [Sample(1, {"m": [1, 100, 50, 0, 0, 0, 0], "judge": [1, 900, 20, 0, 0, 0, 0]})] * 16
    seconds = [2.0] * 16
    free = {"m": Pace(seconds, 64), "judge": Pace([1.0] * 16, 64)}
    projection = Projection(plan(640), known)
    quick = between(projection.draw(Random(1), free, draws=50).seconds)
    assert 640 * 2 / 64 < quick.value < 60
    held = {**free, "judge": Pace([1.0] * 16, 64, {"tokens": 92_000, "requests": 10_000})}
    slow = between(projection.draw(Random(1), held, draws=50).seconds)
    assert slow.value >= 60 * 640 * 920 / 92_000
    assert projection.draw(Random(1), draws=2).seconds == []
    assert projection.draw(Random(1), {**free, "m": Pace([], 64), "judge": Pace([], 64)}, draws=2).seconds == []


def test_time_without_a_model_is_that_of_the_others_at_the_least() -> None:
    known = [Sample(1, {"m": [1, 100, 50, 0, 0, 0, 0], "judge": [1, 900, 20, 0, 0, 0, 0]})] * 16
    projection = Projection(plan(640), known)
    both = {"m": Pace([2.0] * 16, 64), "judge": Pace([1.0] * 16, 64)}
    whole = projection.draw(Random(1), both, draws=50)
    few = Pace([1.0] * 3, 64, found=13)
    less = projection.draw(Random(1), {**both, "judge": few}, draws=50)
    assert (whole.untimed, less.untimed) == ([], ["judge"])
    assert all(0 < short < long for short, long in zip(less.seconds, whole.seconds, strict=True))
    held = Pace([], 64, {"tokens": 92_000}, found=16)
    slow = projection.draw(Random(1), {**both, "judge": held}, draws=50)
    assert between(slow.seconds).low >= 60 * 640 * 920 / 92_000, "its limits are known all the same"
    enough = projection.draw(Random(1), {**both, "judge": Pace([1.0] * 4, 64, found=12)}, draws=2)
    assert enough.untimed == [] and len(enough.seconds) == 2
    assert projection.draw(Random(1), {"m": both["m"]}, draws=2).untimed == ["judge"]


@pytest.mark.parametrize(("p", "goal"), [(0.95, 8), (0.6, 8), (0.6, 500)])
def test_what_an_accepted_record_costs_is_told_whatever_the_target(p: float, goal: int) -> None:
    true = 100 * math.exp(0.3**2 / 2) * 2e-6 / p
    hits = 0
    for number in range(200):
        rng = Random(f"each {number}")
        known = [source(rng, p) for _ in range(16)]
        drawn = Projection(plan(goal), known).draw(Random(number), draws=60)
        said = between([row[5] for row in drawn.each])
        hits += said.low <= true <= said.high
    assert hits >= 165, f"the interval of 90 % held the truth in {hits} of 200 cases"


def test_none_of_two_equal_models_is_cheaper() -> None:
    wrong = 0
    for number in range(200):
        rng, said = Random(f"equal {number}"), []
        for _ in range(2):
            known = [source(rng, 0.8) for _ in range(16)]
            drawn = Projection(plan(8), known).draw(Random(number), draws=60)
            said.append(between([row[5] for row in drawn.each]))
        wrong += not said[0].meets(said[1])
    assert wrong <= 10, f"{wrong} of 200 pairs of equal models were told apart"


def test_a_choice_at_the_end_is_part_of_the_price() -> None:
    known = [Sample(1, {"m": [1, 10, 10, 0, 0, 0.01, 0.005]})] * 16
    ending = Ending(most=8, asks={"late": [1, 0, 0, 0, 0, 1.0, 0.5]})
    of: Any = SimpleNamespace(**{**vars(plan(40)), "target": 8})
    each = between([row[5] for row in Projection(of, known, ending=ending).draw(Random(1), draws=200).each])
    assert each.low == pytest.approx(5 * 0.01 + 1, abs=0.005) and each.value < each.high < 1.1


def test_large_rounds_are_drawn_as_small_ones() -> None:
    rng = Random(5)
    known = [source(rng, 0.5) for _ in range(16)]
    small = between(Projection(plan(500), known).draw(Random(1), draws=300).sources)
    large = between(Projection(plan(50_000), known).draw(Random(1), draws=300).sources)
    assert large.value / 50_000 == pytest.approx(small.value / 500, rel=0.1)
    assert math.isfinite(large.high)
