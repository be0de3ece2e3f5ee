"""Second calls on a clock that jumps: when they are sent, which answer counts, and what is called off."""

import asyncio
import math
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from calls_kit import calls, context
from clock_kit import JumpingLoop, run

from synthkit.errors import BadRequest, CallTimeout, ServerError
from synthkit.models.hedging import LEAST_SAMPLES, Hedges, Race, Rival
from synthkit.models.project import find_project
from synthkit.models.service import Services
from synthkit.plugins import registry
from synthkit.testing import LoopbackServer, Reply

Serve = Callable[..., LoopbackServer]


def known(seconds: float = 1.0, number: int = 1000, *, on: bool = True) -> Hedges:
    """What is known after so many answers."""
    hedges = Hedges(on=on)
    for _ in range(number):
        hedges.sent += 1
        hedges.answered("kind", seconds)
    return hedges


def test_too_little_is_known_below_fifty_answers_of_a_kind() -> None:
    hedges = known(number=LEAST_SAMPLES - 1)
    assert hedges.late("kind") is None
    hedges.answered("kind", 1.0)
    assert hedges.late("kind") == 3.0 and hedges.late("another") is None


def test_late_is_three_times_the_95th_percentile_and_at_least_a_second() -> None:
    hedges = Hedges()
    for number in range(1, 111):  # looked at again after the last of them
        hedges.answered("kind", number / 10)
    assert hedges.late("kind") == pytest.approx(3 * 0.95 * 11, rel=0.02)
    assert known(0.01).late("kind") == 1.0


def test_what_was_usual_long_ago_is_forgotten() -> None:
    hedges = known(10.0)
    for _ in range(300):
        hedges.answered("kind", 1.0)
    assert hedges.late("kind") == 3.0


def test_two_of_a_hundred_at_most_are_sent_twice() -> None:
    hedges = Hedges()
    for number in range(1, 1001):
        hedges.sent += 1
        if hedges.left:
            hedges.hedged += 1
        assert hedges.hedged <= 0.02 * number
    assert hedges.hedged == 20


def test_a_factor_of_ones_own() -> None:
    hedges = Hedges(factor=5)
    for _ in range(LEAST_SAMPLES):
        hedges.answered("kind", 1.0)
    assert hedges.late("kind") == 5.0


def test_off_is_off() -> None:
    assert known(on=False).late("kind") is None


class Two(Rival[str]):
    """A second call that may be made at once or never, and that keeps what was done with it."""

    def __init__(self, second: Callable[[], Coroutine[Any, Any, str]] | None, late: float | None = 3.0) -> None:
        self._second, self._late = second, late
        self.begun = self.unsent_times = 0
        self.here = {True: False, False: False}

    def late(self) -> float | None:
        return self._late

    def may(self) -> bool:
        return self._second is not None and not self.begun

    def second(self) -> Coroutine[Any, Any, str]:
        self.begun += 1
        assert self._second is not None
        return self._second()

    def unsent(self) -> None:
        self.unsent_times += 1

    def since(self) -> float | None:
        return 0.0

    def longest(self) -> float:
        return math.inf

    def too_late(self) -> CallTimeout:
        raise AssertionError("never")

    def came(self, *, second: bool) -> bool:
        return self.here[second]


class Answer:
    """One call: it answers, or fails, after so many seconds. ended: how."""

    def __init__(self, seconds: float, what: str | Exception) -> None:
        self.seconds, self.what, self.ended = seconds, what, ""

    async def __call__(self) -> str:
        try:
            await asyncio.sleep(self.seconds)
        except asyncio.CancelledError:
            self.ended = "cancelled"
            raise
        self.ended = "ended"
        if isinstance(self.what, Exception):
            raise self.what
        return self.what


def race(first: Answer, rival: Two) -> tuple[float, Any]:
    """When it was over, and with what."""

    async def main(loop: JumpingLoop) -> tuple[float, Any]:
        try:
            said: Any = await Race(rival).run(first())
        except Exception as error:
            said = error
        over = round(loop.time() - 1000, 6)
        task = asyncio.current_task()
        assert task is not None and task.cancelling() == 0
        await asyncio.sleep(100)  # whatever is left of it
        return over, said

    return run(main)


def test_a_call_in_time_is_not_hedged() -> None:
    second = Answer(1, "second")
    rival = Two(second)
    assert race(Answer(2.9, "first"), rival) == (2.9, "first") and rival.begun == 0


@pytest.mark.parametrize(
    ("first", "second", "over", "said"),
    [
        (30, 1, 4, "second"),
        (5, 30, 5, "first"),
        (30, None, 30, "first"),
    ],
    ids=["second", "first", "none may be sent"],
)
def test_the_first_answer_wins_and_the_other_is_called_off(
    first: float, second: float | None, over: float, said: str
) -> None:
    one = Answer(first, "first")
    two = None if second is None else Answer(second, "second")
    rival = Two(two)
    assert race(one, rival) == (over, said)
    assert one.ended == ("cancelled" if said == "second" else "ended")
    if two is not None:
        assert two.ended == ("cancelled" if said == "first" else "ended")


def test_an_answer_that_has_come_is_not_called_off() -> None:
    rival = Two(None)

    async def second() -> str:
        await asyncio.sleep(1)
        rival.here[True] = True  # it is being made durable
        await asyncio.sleep(5)
        kept.append("second")
        return "second"

    kept: list[str] = []
    rival._second = second
    assert race(Answer(5, "first"), rival) == (5, "first") and kept == ["second"]

    async def slow() -> str:
        await asyncio.sleep(3.5)
        other.here[False] = True
        await asyncio.sleep(5)
        return "first"

    other = Two(Answer(1, "second"))
    one = Answer(0, "")
    one.__class__ = type("Slow", (Answer,), {"__call__": lambda self: slow()})
    assert race(one, other) == (8.5, "first"), "the second came while the first was being made durable"


def test_a_second_that_fails_leaves_the_first_alone() -> None:
    rival = Two(Answer(1, ServerError("second")))
    assert race(Answer(30, "first"), rival) == (30, "first")
    assert rival.begun == rival.unsent_times == 1


def test_a_first_that_fails_waits_for_the_second() -> None:
    rival = Two(Answer(10, "second"))
    assert race(Answer(5, ServerError("first")), rival) == (13, "second")


def test_where_both_fail_the_first_says_why() -> None:
    for seconds in (1, 10):
        over, said = race(Answer(5, ServerError("first")), Two(Answer(seconds, ServerError("second"))))
        assert type(said) is ServerError and str(said) == "first" and over == max(5, 3 + seconds)


def test_what_fails_for_good_does_not_wait_for_the_second() -> None:
    second = Answer(10, "second")
    over, said = race(Answer(5, BadRequest("first")), Two(second))
    assert over == 5 and type(said) is BadRequest and second.ended == "cancelled"


@pytest.mark.parametrize("at", [1.0, 4.0, 6.0, 7.0])
def test_who_asked_is_cancelled_and_both_calls_with_it(at: float) -> None:
    """Before the second, with both on their way, when the first has failed, and at the moment when the second wins."""

    async def main(loop: JumpingLoop) -> None:
        first = Answer(5 if at == 6 else 30, ServerError("first"))
        second = Answer(4, "second")
        rival = Two(second)
        asking = asyncio.create_task(Race(rival).run(first()))
        loop.call_later(at, asking.cancel)
        with pytest.raises(asyncio.CancelledError):
            await asking
        await asyncio.sleep(50)
        assert first.ended in ("cancelled", "ended") and second.ended in ("", "cancelled", "ended")
        assert loop.time() == 1000 + at + 50

    run(main)


def test_a_second_that_is_called_off_before_it_begins_gives_its_place_back() -> None:
    begun: list[str] = []

    async def second() -> str:
        begun.append("second")
        return "second"

    rival = Two(second)
    assert race(Answer(3.0, "first"), rival)[1] == "first"

    async def main(loop: JumpingLoop) -> None:
        rival = Two(second)
        ended = asyncio.Event()

        async def first() -> str:
            await ended.wait()
            return "first"

        asking = asyncio.create_task(Race(rival).run(first()))
        loop.call_at(1003.0, ended.set)  # in the same turn as the second is made
        assert await asking == "first"
        await asyncio.sleep(1)
        assert rival.begun == 1 and rival.unsent_times == (0 if begun else 1)

    begun.clear()
    run(main)


SLOW = 60
"""The call that hangs: what is usual is known by then."""


def hedged(serve: Serve, project: Path, *, table: str = "", **options: Any) -> tuple[LoopbackServer, Any, list[str]]:
    """Asks, one after the other, until a call hangs; the kinds of events."""
    server = serve(answer=lambda request: Reply(text="fine", hang=2.5 if request.number == SLOW else 0.0))
    with (project / "synthkit.toml").open("a") as file:
        file.write(table)

    async def main() -> tuple[Any, list[str]]:
        async with calls(project) as models:
            models.services.hedge = options.get("hedge", True)
            for number in range(SLOW + 1):
                ask = context(models, number)
                answer = await ask.ask("m", f"Number {number}")
            limiter = models.services["m"].limiter
            assert answer.text == "fine" and limiter.in_use == 0
            kinds = [line["kind"] for line in models.events.lines]
            return (models.bill.total, models.services["m"].hedges), kinds

    found, kinds = asyncio.run(main())
    return server, found, kinds


def test_a_call_that_hangs_is_sent_twice_and_both_are_counted(serve: Serve, project: Path) -> None:
    server, (paid, hedges), kinds = hedged(serve, project)
    assert kinds == ["hedge", "cost unknown"], "the first may have been billed"
    assert server.count == paid.calls == SLOW + 2
    assert (paid.answers, paid.failed, paid.hedged) == (SLOW + 1, 0, 1)
    assert (hedges.sent, hedges.hedged) == (SLOW + 2, 1)
    assert server.requests[-1].body == server.requests[-2].body
    assert server.requests[-1].at - server.requests[-2].at >= 0.9  # the first may be long on its way


def test_no_hedge_in_the_table_is_for_that_model(serve: Serve, project: Path) -> None:
    server, _, kinds = hedged(serve, project, table="hedge = false\n")
    assert kinds == [] and server.count == SLOW + 1


def test_no_hedge_is_for_all_models(project: Path) -> None:
    (project / "synthkit.toml").write_text('[models.m]\nuse = "openai/m"\n[models.n]\nuse = "openai/n"\nhedge = false')
    for hedge in (True, False):
        services = Services(find_project(project), registry().provider, hedge=hedge)
        assert [services[name].hedges.on for name in ("m", "n")] == [hedge, False]
