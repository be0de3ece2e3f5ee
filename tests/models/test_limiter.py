"""The limiter on a clock that jumps: whose turn it is, what all share, and what is given back."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from random import Random
from typing import Any

import pytest
from clock_kit import JumpingLoop, most_in, run
from hypothesis import given
from hypothesis import settings as hypothesis
from hypothesis import strategies as some

from synthkit.core.answer import Usage
from synthkit.core.provider import Quota, Quotas
from synthkit.errors import CallTimeout, Overloaded, RateLimited
from synthkit.models.limiter import LONGEST_ASKED, Limiter, Place, Stopped
from synthkit.models.project import find_project
from synthkit.models.service import Services
from synthkit.plugins import registry

Calls = list[tuple[float, int]]
"""When calls went out, and the numbers of their places."""


async def call(limiter: Limiter, calls: Calls, seconds: float = 1.0, place: Place | None = None) -> Place:
    """One call that takes so long, and is answered well."""
    place = place or limiter.place()
    loop = asyncio.get_running_loop()
    await limiter.enter(place)
    calls.append((loop.time() - 1000.0, place.number))
    try:
        await asyncio.sleep(seconds)
        limiter.answered(place)
    finally:
        limiter.leave(place, Usage())
    return place


async def settle() -> None:
    """Lets all run that can run now."""
    for _ in range(10):
        await asyncio.sleep(0)


def services(project: Path, *tables: str, **options: Any) -> Services:
    (project / "synthkit.toml").write_text("\n".join(tables))
    return Services(find_project(project), registry().provider, 64, **options)


def test_a_limiter_for_each_provider_endpoint_key_and_model(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTHER_KEY", "sk-other-0123456789abcdef")
    same = 'use = "openai/a"\nbase_url = "http://localhost:1/v1"\n'
    made = services(
        project,
        f"[models.one]\n{same}concurrency = 8\nrequests_per_minute = 50",
        f"[models.two]\n{same}concurrency = 4\nrequests_per_minute = 90\ntokens_per_minute = 1000\ntemperature = 0.5",
        f'[models.key]\n{same}api_key_env = "OTHER_KEY"',
        '[models.place]\nuse = "openai/a"\nbase_url = "http://localhost:2/v1"',
        '[models.name]\nuse = "openai/b"\nbase_url = "http://localhost:1/v1"',
        '[models.provider]\nuse = "openai-responses/a"\nbase_url = "http://localhost:1/v1"',
    )
    one, two, *others = (made[name].limiter for name in ("one", "two", "key", "place", "name", "provider"))
    assert one is two, "two names of one model"
    assert one.concurrency == 4 and one.a_minute == {"requests": 50, "tokens": 1000}, "the narrower of both"
    assert len({id(limiter) for limiter in (one, *others)}) == 5


def test_calls_at_once_and_the_oldest_first() -> None:
    async def main(loop: JumpingLoop) -> None:
        limiter, calls = Limiter(2), Calls()
        await asyncio.gather(*(call(limiter, calls) for _ in range(6)))
        assert calls == [(0, 1), (0, 2), (1, 3), (1, 4), (2, 5), (2, 6)]

    run(main)


def test_waiting_is_by_event() -> None:
    async def main(loop: JumpingLoop) -> None:
        limiter, calls = Limiter(1), Calls()
        before, timers = loop.turns, loop.timers
        await asyncio.gather(*(call(limiter, calls, seconds=100.0) for _ in range(20)))
        assert loop.turns - before < 20 * 6, "2,000 seconds of waiting"
        assert loop.timers - timers == 20, "those of the calls themselves"
        limiter = Limiter(64, {"requests": 6})
        before, timers = loop.turns, loop.timers
        await asyncio.gather(*(call(limiter, calls, seconds=0) for _ in range(20)))
        assert loop.turns - before < 20 * 6 and loop.timers - timers <= 20

    run(main)


def test_a_retry_goes_before_younger_first_tries_and_is_not_starved() -> None:
    async def main(loop: JumpingLoop) -> None:
        limiter, calls = Limiter(1), Calls()
        old = limiter.place()
        await limiter.enter(old)
        young = [asyncio.create_task(call(limiter, calls)) for _ in range(30)]
        await settle()
        limiter.failed(old, CallTimeout("late"))
        limiter.leave(old, Usage())
        again = asyncio.create_task(limiter.enter(old, after=2.5))
        await again
        assert loop.time() == 1003.0, "when its time had come, and the one on its way was done"
        assert len(calls) == 3, "nobody waited for it before its time"
        await asyncio.sleep(1)
        limiter.leave(old, Usage())
        await asyncio.gather(*young)
        assert [number for _, number in calls] == list(range(2, 32))

    run(main)


def test_retry_after_delays_its_own_request_only() -> None:
    async def main(loop: JumpingLoop) -> None:
        limiter, calls = Limiter(4), Calls()
        refused = limiter.place()
        await limiter.enter(refused)
        limiter.failed(refused, RateLimited("wait", retry_after=20))
        limiter.leave(refused, Usage())
        waiting = asyncio.create_task(limiter.enter(refused, after=20))
        await asyncio.gather(*(call(limiter, calls) for _ in range(8)))
        assert loop.time() == 1002.0
        await waiting
        assert loop.time() == 1020.0

    run(main)


def test_all_wait_where_the_service_says_that_nothing_is_left() -> None:
    async def main(loop: JumpingLoop) -> None:
        limiter, calls = Limiter(4), Calls()
        refused = limiter.place()
        await limiter.enter(refused)
        limiter.notice(Quotas(requests=Quota(600, 0, 20.0)))
        limiter.failed(refused, RateLimited("wait", retry_after=20))
        limiter.leave(refused, Usage())
        await asyncio.gather(*(call(limiter, calls) for _ in range(4)))
        assert [at for at, _ in calls] == [20] * 4
        limiter.notice(Quotas(requests=Quota(600, 0)))
        limiter.failed(refused, RateLimited("wait", retry_after=1e9))
        assert limiter.blocked == loop.time() + LONGEST_ASKED

    run(main)


def test_what_is_left_is_learnt_from_replies() -> None:
    async def main(loop: JumpingLoop) -> None:
        limiter, calls = Limiter(64), Calls()
        first = limiter.place()
        await limiter.enter(first)
        limiter.notice(Quotas(requests=Quota(60, 3)))
        limiter.answered(first)
        limiter.leave(first, Usage())
        await asyncio.gather(*(call(limiter, calls) for _ in range(6)))
        assert [round(at, 3) for at, _ in calls] == [0, 0, 0, 1, 2, 3]

    run(main)


def test_a_limit_of_0_is_none() -> None:
    async def main(loop: JumpingLoop) -> None:
        limiter, calls = Limiter(64), Calls()
        for _ in range(3):
            limiter.notice(Quotas(requests=Quota(0, 0, 0.0), tokens=Quota(0, 0)))
            await asyncio.gather(*(call(limiter, calls) for _ in range(10)))
        assert [at for at, _ in calls] == [*[0] * 10, *[1] * 10, *[2] * 10]

    run(main)


@pytest.mark.parametrize("own", [False, True])
def test_input_and_output_are_not_swapped(own: bool) -> None:
    """20 calls of 10 tokens in and 1,000 out, under limits of which one kind alone is narrow."""

    async def took(loop: JumpingLoop, **narrow: float) -> float:
        quotas = {"input": 1e6, "output": 1e6, **narrow}
        limiter = Limiter(64, quotas if own else None)
        if not own:
            limiter.notice(Quotas(input=Quota(quotas["input"]), output=Quota(quotas["output"])))
            for bucket in limiter.buckets.values():
                bucket.level = 0 if bucket.most < 1e6 else bucket.level
        began = loop.time()
        for _ in range(20):
            place = limiter.place(40, 1000)
            assert (place.input, place.output) == (10, 1000)
            await limiter.enter(place)
            limiter.leave(place, None)
        return loop.time() - began

    async def main(loop: JumpingLoop) -> None:
        assert await took(loop) < 2
        assert await took(loop, input=20_000) < 2, "200 tokens are in"
        assert await took(loop, output=20_000) > 50, "20,000 are out"
        assert await took(loop, input=200) > 50

    run(main)


def test_tokens_together_are_input_and_output() -> None:
    place = Place(1, 1, 10, 1000)
    assert [place.of(kind) for kind in ("requests", "tokens", "input", "output")] == [1, 1010, 10, 1000]


@pytest.mark.parametrize(("usage", "left"), [(Usage(5, 100), 8895), (Usage(), 9000), (None, 7990)])
def test_estimates_are_corrected_by_what_was_used(usage: Usage | None, left: int) -> None:
    """An answer; a failure that cost nothing; one of which nobody knows."""

    async def main(loop: JumpingLoop) -> None:
        limiter = Limiter(64)
        limiter.notice(Quotas(tokens=Quota(10_000, 9000)))
        place = limiter.place(40, 1000)
        await limiter.enter(place)
        assert limiter.buckets["tokens"].level == 7990
        limiter.failed(place, CallTimeout("late"))
        limiter.leave(place, usage)
        assert limiter.buckets["tokens"].level == left
        assert limiter.place(40, 1000).output == (100 if usage and usage.output else 1000), "answers tell how long"

    run(main)


@pytest.mark.parametrize("when", ["waiting", "admitted"])
def test_a_waiter_that_is_cancelled_gives_its_place_back(when: str) -> None:
    async def main(loop: JumpingLoop) -> None:
        limiter, calls = Limiter(1, {"requests": 120}), Calls()
        first = limiter.place()
        await limiter.enter(first)
        waiting = asyncio.create_task(limiter.enter(limiter.place()))
        behind = asyncio.create_task(call(limiter, calls))
        await settle()
        if when == "admitted":
            limiter.leave(first, Usage())
            assert limiter.in_use == 1, "it is its turn, and it does not know yet"
        gone = limiter.allowances["requests"]._sum
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        if when == "waiting":
            limiter.leave(first, Usage())
        else:
            assert limiter.allowances["requests"]._sum == gone, "one given back, and the next gone out"
        await behind
        assert calls == [(0, 3)] and limiter.in_use == 0

    run(main)


def test_one_that_is_cancelled_while_it_waits_for_its_time_leaves_nothing() -> None:
    async def main(loop: JumpingLoop) -> None:
        limiter, calls = Limiter(1), Calls()
        later = asyncio.create_task(limiter.enter(limiter.place(), after=5))
        await settle()
        later.cancel()
        await call(limiter, calls, seconds=10)
        assert limiter.in_use == 0 and await call(limiter, calls)

    run(main)


def test_stop_sends_all_away() -> None:
    async def main(loop: JumpingLoop) -> None:
        limiter = Limiter(1)
        on_its_way = limiter.place()
        await limiter.enter(on_its_way)
        waiting = [asyncio.create_task(limiter.enter(limiter.place())) for _ in range(5)]
        waiting += [asyncio.create_task(limiter.enter(limiter.place(), after=100)) for _ in range(5)]
        await settle()
        limiter.stop()
        ended = await asyncio.gather(*waiting, return_exceptions=True)
        assert {type(error) for error in ended} == {Stopped} and loop.time() == 1000.0
        with pytest.raises(Stopped):
            await limiter.enter(limiter.place())
        assert not limiter.try_enter(limiter.place())
        limiter.leave(on_its_way, Usage())
        assert limiter.in_use == 0

    run(main)


def test_a_second_call_takes_a_place_only_where_nobody_waits() -> None:
    async def main(loop: JumpingLoop) -> None:
        limiter = Limiter(2)
        first, second, third = limiter.place(), limiter.place(), limiter.place()
        await limiter.enter(first)
        assert limiter.try_enter(second) and not limiter.try_enter(third)
        waiting = asyncio.create_task(limiter.enter(limiter.place()))
        await settle()
        limiter.leave(second, Usage())
        assert not limiter.try_enter(third), "somebody waited"
        await waiting

    run(main)


@pytest.mark.parametrize("told", [None, 40, 100, 1000])
def test_the_users_limit_is_kept_in_any_minute_also_beside_the_services(told: int | None) -> None:
    async def main(loop: JumpingLoop) -> None:
        limiter, calls = Limiter(64, {"requests": 60}), Calls()

        async def one() -> None:
            await call(limiter, calls, seconds=0.1)
            if told:
                limiter.notice(Quotas(requests=Quota(told)))

        await asyncio.gather(*(one() for _ in range(400)))
        assert most_in([at for at, _ in calls]) <= 60
        if told is None or told >= 60:
            assert calls[-1][0] < 400 / 60 * 61 * 1.05, "and it is used up"
        else:
            assert calls[-1][0] > 300 / 40 * 60

    run(main)


@given(some.integers(0, 100_000))
@hypothesis(max_examples=80)
def test_whatever_happens_no_more_calls_are_out_than_may_be_and_all_places_come_back(seed: int) -> None:
    """Random cancels, failures, notices and a stop at the end."""

    async def main(loop: JumpingLoop) -> None:
        random = Random(seed)
        limit, out, most = random.randint(1, 6), 0, 0
        limiter = Limiter(limit, {"requests": random.choice([30, 600])} if random.random() < 0.5 else None, 1e9)

        async def one() -> None:
            nonlocal out, most
            place, after = limiter.place(random.randint(0, 400), 100), 0.0
            for _ in range(4):
                await limiter.enter(place, after)
                out += 1
                most = max(most, out)
                usage: Usage | None = Usage()
                try:
                    await asyncio.sleep(random.choice([0.0, 0.01, 1.0]))
                    if random.random() < 0.4:
                        limiter.notice(Quotas(requests=Quota(600, random.randint(0, 600)), tokens=Quota(1e5)))
                    fate = random.random()
                    if fate < 0.5:
                        limiter.answered(place)
                        usage = Usage(random.randint(0, 100), random.randint(0, 100))
                        return
                    error = random.choice([RateLimited, Overloaded, CallTimeout])
                    limiter.failed(place, error("no", retry_after=random.choice([None, 2.0])))
                    usage = random.choice([None, Usage()])
                    after = random.choice([0.0, 0.5, 3.0])
                finally:
                    out -= 1
                    limiter.leave(place, usage)

        tasks = [asyncio.create_task(one()) for _ in range(60)]
        for _ in range(30):
            await asyncio.sleep(random.choice([0.0, 0.1, 1.0]))
            random.choice(tasks).cancel()
        if random.random() < 0.5:
            limiter.stop()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert {type(error) for error in ended} <= {type(None), asyncio.CancelledError, Stopped}
        assert most <= limit and limiter.in_use == 0
        assert (limiter._on_its_way.input, limiter._on_its_way.output) == (0, 0)

    run(main)


def held(
    own: dict[str, float] | None, before: Callable[[Limiter], Coroutine[Any, Any, None]]
) -> tuple[str, float] | None:
    async def main(loop: JumpingLoop) -> tuple[str, float] | None:
        limiter, calls = Limiter(64, own), Calls()
        await before(limiter)
        waiting = [asyncio.create_task(call(limiter, calls, seconds=0)) for _ in range(80)]
        await asyncio.sleep(3)
        found = limiter.held
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        assert limiter.held is None, "nobody waits any more"
        assert found is None or found[0] == 1000.0
        return found and found[1:]

    return run(main)


def test_what_holds_all_back_is_known() -> None:
    async def nothing(limiter: Limiter) -> None:
        pass

    async def told(limiter: Limiter) -> None:
        limiter.notice(Quotas(requests=Quota(60, 10), tokens=Quota(1e9, 1e9)))

    async def spent(limiter: Limiter) -> None:
        limiter.notice(Quotas(requests=Quota(60, 0)))
        limiter.failed(limiter.place(), RateLimited("wait", retry_after=50))

    assert held(None, nothing) is None
    assert held({"requests": 30}, nothing) == ("own requests", 30)
    assert held(None, told) == ("requests", 60)
    assert held(None, spent) == ("left", 0)
