"""Shares of limits that change while they are used: together they keep what the user allows."""

import asyncio
from fractions import Fraction
from random import Random

import pytest
from clock_kit import JumpingLoop, most_in, run
from hypothesis import given
from hypothesis import settings as hypothesis
from hypothesis import strategies as some

from synthkit.core.answer import Usage
from synthkit.core.provider import Quota, Quotas
from synthkit.models.limiter import Limiter, Place
from synthkit.models.pace import LATE, WINDOW, Allowance, Bucket, Pace
from synthkit.models.share import NOTHING, UNDIVIDED, Share


def cut(*widths: int) -> list[Share]:
    """Shares of these widths, in parts of their sum."""
    whole, ends = sum(widths), [sum(widths[: number + 1]) for number in range(len(widths))]
    return [Share(Fraction(end - width, whole), Fraction(end, whole)) for width, end in zip(widths, ends, strict=True)]


@given(some.lists(some.integers(0, 50), min_size=1, max_size=9).filter(any), some.integers(1, 5000))
def test_shares_make_up_the_whole(widths: list[int], whole: int) -> None:
    shares = cut(*widths)
    parts = [share.of(whole) for share in shares]
    assert sum(parts) == whole and sum(share.width for share in shares) == 1
    assert all(part >= 1 for part, share in zip(parts, shares, strict=True) if share.width * whole >= 1)
    assert all(part <= UNDIVIDED.of(whole) for part in parts) and NOTHING.of(whole) == 0
    assert all(UNDIVIDED.holds(share) for share in shares)


@pytest.mark.parametrize("seed", range(12))
def test_what_all_shares_use_in_any_minute_is_within_the_users_limit(seed: int) -> None:
    random = Random(seed)
    count, most = random.randint(2, 6), random.choice([120, 500, 1500])
    widths = [1 + random.random() for _ in range(count)]
    widths = [width / sum(widths) for width in widths]
    lanes = [Allowance(most * width, 0.0) for width in widths]
    greed = [random.choice([0.1, 0.5, 1.0]) for _ in lanes]
    now, change, asleep = 0.0, 20.0, [0.0] * count
    sent = list[float]()
    step = 12 / most
    while now < 400:
        now += step
        if now >= change:
            change = now + random.choice([0.5, 3, 10, 40, 70]) * (0.5 + random.random())
            target = [random.choice([0, 0, 0.05, 1, 1, 4]) + 1e-9 for _ in lanes]
            widths = [width / sum(target) for width in target]
            for lane, width in sorted(zip(lanes, widths, strict=True), key=lambda one: one[1] * most - one[0].most):
                lane.rescale(most * width, now)  # first those that shrink
            if random.random() < 0.3:  # a lane is lost, and another takes its place
                which = random.randrange(count)
                lanes[which] = Allowance(most * widths[which], now, empty=True)
        for which, lane in enumerate(lanes):
            if asleep[which] > now:
                continue
            if random.random() < 0.02 * step:  # saves up for a burst
                asleep[which] = now + random.choice([5, 55, 60])
            room = most * widths[which] * 5 / 60  # as each lane has room for one request: see `launch`
            while room >= 1 and random.random() < greed[which] and lane.wait(1, now) <= 1e-6:
                lane.take(1, now)
                sent.append(now)
    assert most_in(sent) <= most
    assert len(sent) > most, "something goes out"


def test_a_share_that_grows_gets_more_with_time_and_then_all_of_it() -> None:
    allowance = Allowance(60, 0.0)
    sent, now = list[float](), 0.0
    while now < 300:
        wait = allowance.wait(1, now)
        if wait > 1e-6:
            now += wait
            if sent and now >= 100 > sent[-1] and allowance.most == 60:
                allowance.rescale(240, now)
        else:
            allowance.take(1, now)
            sent.append(now)
    assert most_in([at for at in sent if at < 100 + LATE]) <= 60
    late = [at for at in sent if at >= 100 + LATE + WINDOW]
    assert 235 <= most_in(late) <= 240
    assert sum(110 <= at < 170 for at in sent) > 200, "it is not a minute before more goes out"


def test_one_that_takes_the_place_of_another_begins_with_nothing() -> None:
    allowance, sent, now = Allowance(600, 0.0, empty=True), list[float](), 0.0
    while now < 200:
        wait = allowance.wait(1, now)
        if wait > 1e-6:
            now += wait
        else:
            allowance.take(1, now)
            sent.append(now)
    assert sent[0] >= LATE
    for second in range(7, 67):
        assert sum(at <= second for at in sent) <= 600 * (second - LATE) / WINDOW + 1e-6
    assert most_in(sent) >= 590


def test_no_share_at_all_waits_until_there_is_one() -> None:
    allowance = Allowance(0, 0.0)
    assert allowance.wait(1, 5.0) == float("inf")
    allowance.rescale(600, 10.0)
    assert allowance.wait(1, 10.0) == pytest.approx(LATE)
    allowance.rescale(0, 12.0)
    assert allowance.wait(1, 100.0) == float("inf")


def test_what_the_service_tells_is_rescaled() -> None:
    bucket = Bucket(0.0)
    bucket.told(Quota(600, 300), 0, 0.0)
    bucket.rescale(0.5, 0.0)
    assert (bucket.most, bucket.left, bucket.level) == (300, 150, 150)
    bucket.rescale(4, 0.0)
    assert (bucket.most, bucket.left, bucket.level) == (1200, 600, 150), "what is more comes with time"
    assert bucket.wait(170, 0.0) == pytest.approx(1.0)
    bucket.rescale(1, 0.0, empty=True)
    assert bucket.level == 0


def test_a_pace_that_was_found_is_rescaled_and_kept() -> None:
    pace = Pace()
    for number in range(64):
        pace.refused(0.0, 1.0 + number / 50)
    now = 3.0
    for _ in range(60):
        now += 0.3
        pace.wait(now)
        pace.answered(now - 0.05, now)
    found = pace.rate
    assert found is not None
    pace.rescale(8, now)
    pace.wait(now + 0.01)
    assert pace.rate is not None and 8 * found <= pace.rate < 8.1 * found, "it is not forgotten for being asked so far"
    pace.rescale(1 / 16, now + 0.01)
    assert pace.rate == pytest.approx(found / 2, rel=0.02)


async def call(limiter: Limiter, seconds: float, place: Place | None = None) -> None:
    place = place or limiter.place()
    await limiter.enter(place)
    try:
        await asyncio.sleep(seconds)
    finally:
        limiter.leave(place, Usage())


def test_calls_at_once_of_a_share_that_changes() -> None:
    async def main(loop: JumpingLoop) -> None:
        limiter = Limiter(32, shares=[NOTHING])
        calls = [asyncio.create_task(call(limiter, 1 + number / 100)) for number in range(100)]
        await asyncio.sleep(5)
        assert (limiter.in_use, limiter.concurrency) == (0, 0) and limiter.wants == pytest.approx(100 / 32)
        one, other = cut(1, 3)
        limiter.divide(one, anew=True)
        await asyncio.sleep(0)
        assert limiter.in_use == 8, "who waits is woken"
        limiter.divide(other)
        await asyncio.sleep(0)
        assert limiter.in_use == 24
        await limiter.settled()
        assert limiter.in_use == 24, "it grew: nobody waits"
        limiter.divide(one, other)
        before = loop.time()
        await limiter.settled()
        assert limiter.in_use == limiter.concurrency == 8 and 0.9 < loop.time() - before < 2
        limiter.divide(NOTHING)
        settling = asyncio.create_task(limiter.settled())
        await asyncio.sleep(0)
        assert not settling.done()
        limiter.stop()
        await settling
        await asyncio.gather(*calls, return_exceptions=True)

    run(lambda loop: main(loop))


def test_limits_of_a_share_that_comes_and_goes() -> None:
    async def main(loop: JumpingLoop) -> None:
        limiter = Limiter(64, {"requests": 600}, shares=[NOTHING])
        limiter.divide(*cut(1, 1)[:1], anew=True)
        assert limiter.a_minute == {"requests": 300}
        sent = list[float]()

        async def ask() -> None:
            while True:
                place = limiter.place()
                await limiter.enter(place)
                sent.append(loop.time())
                await asyncio.sleep(0.1)
                limiter.leave(place, Usage())

        asking = [asyncio.create_task(ask()) for _ in range(30)]
        await asyncio.sleep(1)
        assert 20 <= len(sent) <= 31, "it was nobody's before: its burst is there at once"
        assert limiter.held is not None and limiter.held[1:] == ("own requests", 600), "what displays tell is the whole"
        await asyncio.sleep(120)
        limiter.notice(Quotas(requests=Quota(1000, 500)))
        assert limiter.buckets["requests"].most == 500
        limiter.divide(NOTHING)
        now = len(sent)
        await asyncio.sleep(30)
        limiter.notice(Quotas(requests=Quota(1000, 500)))
        assert len(sent) == now and limiter.buckets["requests"].most == 500
        limiter.divide(UNDIVIDED)
        assert limiter.buckets["requests"].most == 1000
        at = loop.time()
        await asyncio.sleep(200)
        assert sent[now] >= at + LATE
        assert sum(at + 70 < when <= at + 131 for when in sent) >= 590
        assert most_in(sent) <= 600
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)

    run(lambda loop: main(loop))


@hypothesis(max_examples=30, deadline=None)
@given(some.integers(0, 10_000))
def test_limiters_in_lanes_keep_what_the_user_allows(seed: int) -> None:
    async def main(loop: JumpingLoop) -> list[float]:
        random, sent = Random(seed), list[float]()
        lanes = [Limiter(40, {"requests": 240}, shares=[share]) for share in cut(1, 1, 1)]
        at_once = 0

        async def ask(which: int) -> None:
            nonlocal at_once
            while True:
                await asyncio.sleep(random.choice([0, 0, 0, 20]))
                limiter, place = lanes[which], lanes[which].place()
                await limiter.enter(place)
                sent.append(loop.time())
                at_once += 1
                assert at_once <= 40
                try:
                    await asyncio.sleep(random.random())
                finally:
                    at_once -= 1
                    limiter.leave(place, Usage())

        asking = [asyncio.create_task(ask(number % 3)) for number in range(90)]
        shares = cut(1, 1, 1)
        for _ in range(12):
            await asyncio.sleep(random.choice([1, 10, 50]) * random.random())
            target = cut(*random.choice([(8, 1, 1), (1, 8, 1), (4, 3, 3), (2, 2, 6), (5, 5, 0)]))
            for limiter, old, new in zip(lanes, shares, target, strict=True):
                limiter.divide(old, new)
            for limiter in lanes:
                await limiter.settled()
            for limiter, new in zip(lanes, target, strict=True):
                limiter.divide(new)
            shares = target
        for task in asking:
            task.cancel()
        ended = await asyncio.gather(*asking, return_exceptions=True)
        assert all(isinstance(error, asyncio.CancelledError) for error in ended), ended
        return sent

    assert most_in(run(main)) <= 240
