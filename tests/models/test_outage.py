"""The circuit breaker, and the limiter around it, on a clock that jumps: outages are waited for, and nobody storms."""

import asyncio
import math
import time

import pytest
from clock_kit import JumpingLoop, run

from synthkit.core.answer import Usage
from synthkit.errors import BrokenBody, ConnectionLost, Overloaded, RateLimited, ServerError, TransientError
from synthkit.models.hindrance import Hindrance, _of
from synthkit.models.limiter import Limiter, Place
from synthkit.models.outage import FAILURES, FIRST, LONGEST, QUIET, Breaker

BAD = ServerError("no")


def opened(breaker: Breaker, now: float = QUIET) -> Breaker:
    """A breaker that has just opened."""
    for number in range(1, FAILURES):
        assert not breaker.bad(number, BAD, 0.0)
    assert breaker.bad(FAILURES, BAD, now)
    return breaker


def test_it_opens_after_a_while_without_anything_good_and_several_failures_of_two_requests() -> None:
    opened(Breaker())
    quick, few, alone = Breaker(), Breaker(), Breaker()
    for number in range(100):
        assert not quick.bad(number, BAD, QUIET * number / 101), "not yet for long"
    for number in range(FAILURES - 1):
        assert not few.bad(number, BAD, 100.0 * number), "not many"
    for number in range(100):
        assert not alone.bad(7, BAD, float(number)), "one request alone, which may be what breaks the service"
    assert alone.bad(8, BAD, 100.0)


def test_a_good_answer_in_between_begins_anew() -> None:
    breaker = Breaker()
    for number in range(100):
        assert not breaker.bad(number, BAD, float(number))
        if number % 3 == 0:
            assert not breaker.good(), "it was not open"


def test_one_request_alone_opens_it_where_no_connection_can_be_had() -> None:
    breaker, lost = Breaker(), Breaker()
    refused = ConnectionLost("refused", free=True)
    assert [breaker.bad(1, refused, float(number)) for number in range(FAILURES)] == [False] * (FAILURES - 1) + [True]
    assert not any(lost.bad(1, ConnectionLost("cut"), float(number)) for number in range(20))


def test_probes_go_out_one_at_a_time_with_growing_pauses() -> None:
    breaker = opened(Breaker())
    now, pauses = QUIET, []
    for number in range(100, 108):
        pause = breaker.wait(now)
        pauses.append(pause)
        now += pause
        assert breaker.wait(now) == 0
        breaker.take(number)
        assert breaker.wait(now) == math.inf, "one is on its way"
        breaker.bad(number - 50, BAD, now)
        assert breaker.wait(now) == math.inf, "what failed had gone out before"
        breaker.bad(number, BAD, now)
    assert pauses == [FIRST, 1, 2, 4, 8, 16, LONGEST, LONGEST]
    assert breaker.good() and not breaker.open and breaker.wait(now) == 0


def test_a_probe_that_ends_without_a_word_makes_room_for_the_next() -> None:
    breaker = opened(Breaker())
    breaker.take(9)
    breaker.leave(8)
    assert breaker.wait(QUIET + FIRST) == math.inf
    breaker.leave(9)
    assert breaker.wait(QUIET + FIRST) == 0


def test_a_probe_is_not_sent_before_the_service_wants_one() -> None:
    breaker = opened(Breaker())
    breaker.take(9)
    breaker.bad(9, Overloaded("no", retry_after=20.0), QUIET + 1)
    assert breaker.wait(QUIET + 1) == 20
    breaker.take(10)
    breaker.bad(10, Overloaded("no", retry_after=3600.0), QUIET + 21)
    assert breaker.wait(QUIET + 21) == LONGEST, "but now and then at least"


class Sick:
    """Asks through a limiter a service that is away at times. sent: when, and who."""

    def __init__(self, limiter: Limiter, away: tuple[float, float], error: TransientError = BAD) -> None:
        self.limiter, self.away, self.error = limiter, away, error
        self.sent: list[tuple[float, int]] = []

    async def ask(self, number: int = 0) -> float:
        """Asks until it is answered. Returns when."""
        loop, place, after = asyncio.get_running_loop(), self.limiter.place(), 0.0
        await asyncio.sleep(number / 10)
        while True:
            await self.limiter.enter(place, after)
            self.sent.append((loop.time() - 1000, place.number))
            await asyncio.sleep(0.1)
            if not self.away[0] <= loop.time() - 1000 < self.away[1]:
                self.limiter.answered(place)
                self.limiter.leave(place, Usage())
                return loop.time() - 1000
            self.limiter.failed(place, self.error)
            self.limiter.leave(place, Usage())
            after = 0.0 if self.limiter.breaker.open else 0.5


@pytest.mark.parametrize("error", [BAD, BrokenBody("html"), RateLimited("no"), ConnectionLost("no", free=True)])
def test_an_outage_is_waited_for_and_probed_by_one_after_the_other(error: TransientError) -> None:
    async def main(loop: JumpingLoop) -> None:
        limiter = Limiter(16, give_up_after=3600)
        gone: list[float] = []
        limiter.given_up = lambda: gone.append(loop.time())
        sick = Sick(limiter, (5, 300), error)
        ended = await asyncio.gather(*(sick.ask(number) for number in range(100)))
        assert max(ended) < 300 + LONGEST + 40 and not limiter.breaker.open and limiter.in_use == 0
        probes = [number for at, number in sick.sent if 20 <= at < 300]
        assert 5 <= len(probes) <= 20, "with growing pauses"
        assert len(set(probes)) == len(probes), "by another each time"
        await asyncio.sleep(7200)
        assert not gone, "it was over in time"

    run(main)


def test_a_pace_is_not_lowered_by_an_outage_again_and_again() -> None:
    async def main(loop: JumpingLoop) -> None:
        limiter = Limiter(16)
        sick = Sick(limiter, (5, 600), RateLimited("no"))
        ended = await asyncio.gather(*(sick.ask(number) for number in range(200)))
        assert max(ended) < 600 + LONGEST + 60

    run(main)


def test_it_gives_up_once_and_after_as_long_as_it_is_given() -> None:
    async def main(loop: JumpingLoop) -> None:
        limiter = Limiter(4, give_up_after=60)
        gone: list[float] = []
        limiter.given_up = lambda: gone.append(loop.time() - 1000)
        sick = Sick(limiter, (2, math.inf))
        tasks = [asyncio.create_task(sick.ask(number)) for number in range(40)]
        await asyncio.sleep(600)
        began = min(at for at, _ in sick.sent if at + 0.1 >= 2) + 0.1
        assert gone == [pytest.approx(began + 60, abs=0.15)]
        limiter.stop()
        await asyncio.gather(*tasks, return_exceptions=True)

    run(main)


def test_who_gives_a_service_little_time_probes_more_often() -> None:
    breaker, now = opened(Breaker(60)), QUIET
    for number in range(100, 110):
        now += breaker.wait(now)
        breaker.take(number)
        breaker.bad(number, BAD, now)
    assert breaker.wait(now) == 6 == breaker.every


def test_a_second_outage_has_its_own_time() -> None:
    async def main(loop: JumpingLoop) -> None:
        limiter = Limiter(4, give_up_after=60)
        gone: list[float] = []
        limiter.given_up = lambda: gone.append(loop.time() - 1000)
        first = Sick(limiter, (0.5, 40))
        await asyncio.gather(*(first.ask(number) for number in range(20)))
        again = loop.time() - 1000
        second = Sick(limiter, (again, again + 45))
        await asyncio.gather(*(second.ask(number) for number in range(20)))
        await asyncio.sleep(100)
        assert not gone

    run(main)


def test_a_service_that_never_answered_is_not_waited_for() -> None:
    async def main(loop: JumpingLoop) -> None:
        limiter = Limiter(4)
        for number in range(50):
            place = limiter.place()
            await limiter.enter(place)
            await asyncio.sleep(1)
            assert not limiter.failed(place, BAD), number
            limiter.leave(place, Usage())
        assert not limiter.breaker.open

    run(main)


def test_a_request_that_is_refused_is_a_sign_of_life() -> None:
    async def main(loop: JumpingLoop) -> None:
        limiter = Limiter(4, give_up_after=30)
        limiter.armed = True
        gone: list[float] = []
        limiter.given_up = lambda: gone.append(loop.time())
        for number in range(10):
            limiter.failed(Place(number, number), BAD)
            await asyncio.sleep(1)
        assert limiter.breaker.open and limiter.talked() and not limiter.breaker.open
        assert not limiter.talked()
        await asyncio.sleep(100)
        assert not gone

    run(main)


def test_what_is_told_of_an_outage() -> None:
    async def main(loop: JumpingLoop) -> None:
        limiter = Limiter(4, give_up_after=600)
        sick = Sick(limiter, (2, math.inf), Overloaded("no"))
        tasks = [asyncio.create_task(sick.ask(number)) for number in range(40)]
        await asyncio.sleep(3)
        assert _of("m", limiter, loop.time()) is None
        await asyncio.sleep(42)
        found = _of("m", limiter, loop.time())
        assert found is not None and (found.kind, found.reason) == ("outage", "overloaded")
        assert found.lasts == pytest.approx(43, abs=0.2) and found.left == pytest.approx(557, abs=0.2)
        assert found.every in (16, 30)
        limiter.stop()
        await asyncio.gather(*tasks, return_exceptions=True)

    run(main)


def test_what_is_told_of_a_limit_once_it_has_held_back_for_a_while() -> None:
    async def main(loop: JumpingLoop) -> None:
        limiter = Limiter(4, {"requests": 6})
        tasks = [asyncio.create_task(Sick(limiter, (math.inf, 0)).ask()) for _ in range(5)]
        await asyncio.sleep(1)
        assert _of("m", limiter, loop.time()) is None
        await asyncio.sleep(10)
        assert _of("m", limiter, loop.time()) == Hindrance("m", "own requests", lasts=11, a_minute=6)
        await asyncio.gather(*tasks)
        assert _of("m", limiter, loop.time()) is None

    run(main)


def test_the_clock_of_displays_is_that_of_loops() -> None:
    async def main() -> None:
        assert abs(asyncio.get_running_loop().time() - time.monotonic()) < 1

    asyncio.run(main())


def test_the_last_request_alone_is_given_as_long_as_the_service() -> None:
    async def main(loop: JumpingLoop) -> None:
        limiter = Limiter(4, give_up_after=90)
        limiter.armed = True
        place = limiter.place()
        await limiter.enter(place)
        limiter.failed(place, RateLimited("full", retry_after=80))
        limiter.leave(place, None)
        assert not limiter.overdue
        await limiter.enter(place, 80)
        limiter.failed(place, RateLimited("full", retry_after=80))
        assert not limiter.overdue and not limiter.breaker.open
        await asyncio.sleep(11)
        assert limiter.overdue
        limiter.answered(place)
        assert not limiter.overdue

    run(main)
