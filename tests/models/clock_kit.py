"""A loop whose clock jumps to the next timer, so that minutes pass in milliseconds, and services for limiters."""

import asyncio
import selectors
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from random import Random
from typing import Any, Protocol, TypeVar

from synthkit.core.answer import Usage
from synthkit.errors import RateLimited
from synthkit.models.limiter import Limiter

T = TypeVar("T")


class _Jumping(selectors.SelectSelector):
    """Waits for nothing: where it would, the clock jumps."""

    loop: "JumpingLoop"

    def select(self, timeout: float | None = None) -> Any:
        self.loop.turns += 1
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise AssertionError(f"nothing will ever happen again (at {self.loop.now:g} s)")
            self.loop.now += timeout
        return ready


class JumpingLoop(asyncio.SelectorEventLoop):
    """A loop with a clock of its own. turns: how often it went round; timers: how many were set."""

    def __init__(self) -> None:
        selector = _Jumping()
        selector.loop = self
        self.now, self.turns, self.timers = 1000.0, 0, 0
        super().__init__(selector)

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, *args: Any, **options: Any) -> asyncio.TimerHandle:
        self.timers += 1
        return super().call_at(when, *args, **options)


def run(main: Callable[[JumpingLoop], Coroutine[Any, Any, T]]) -> T:
    """Runs it in such a loop."""
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, JumpingLoop)
        return runner.run(main(loop))


class Fixed:
    """A service that allows `most` requests in each window of `seconds`, and says nothing about it."""

    def __init__(self, most: int, seconds: float = 60.0) -> None:
        self.most, self.seconds = most, seconds
        self._window, self._count = -1, 0

    def allows(self, now: float) -> bool:
        window = int(now // self.seconds)
        if window != self._window:
            self._window, self._count = window, 0
        self._count += 1
        return self._count <= self.most


class Refilled:
    """A service with a bucket that is refilled with `rate` a second, up to `room`. rate: may hang on the time."""

    def __init__(self, rate: float | Callable[[float], float], room: float) -> None:
        self.rate = rate if callable(rate) else lambda now: rate
        self.room = self.level = room
        self._at: float | None = None

    def allows(self, now: float) -> bool:
        if self._at is not None:
            self.level = min(self.room, self.level + (now - self._at) * self.rate(now))
        self._at = now
        if self.level < 1:
            return False
        self.level -= 1
        return True


def most_in(times: Sequence[float], window: float = 60.0, amounts: Sequence[float] | None = None) -> float:
    """The most that any window of so many seconds holds."""
    seen: deque[tuple[float, float]] = deque()
    total = most = 0.0
    for at, amount in sorted(zip(times, amounts or [1.0] * len(times), strict=True)):
        seen.append((at, amount))
        total += amount
        while seen[0][0] <= at - window:
            total -= seen.popleft()[1]
        most = max(most, total)
    return most


class Allowing(Protocol):
    """A service, which allows a request or refuses it."""

    def allows(self, now: float) -> bool: ...


class Crowd:
    """Clients without end that ask a service through a limiter, as attempts do. sent, good, refused: when."""

    def __init__(
        self, limiter: Limiter, service: Allowing, *, latency: float = 0.5, stray: float = 0.0, seed: int = 0
    ) -> None:
        self.limiter, self.service, self.latency, self.stray = limiter, service, latency, stray
        self.sent: list[float] = []
        self.good: list[float] = []
        self.refused: list[float] = []
        self._random = Random(seed)

    async def ask(self) -> None:
        """One record: asks until it is answered."""
        limiter, clock = self.limiter, asyncio.get_running_loop().time
        place, after, tries = limiter.place(), 0.0, 0
        while True:
            await limiter.enter(place, after)
            self.sent.append(clock())
            try:
                await asyncio.sleep(self.latency * (0.5 + self._random.random()))
            except asyncio.CancelledError:
                limiter.leave(place, None)
                raise
            good = self._random.random() >= self.stray and self.service.allows(clock())
            (self.good if good else self.refused).append(clock())
            if good:
                limiter.answered(place)
                limiter.leave(place, Usage())
                return
            limiter.failed(place, RateLimited("too many"))
            limiter.leave(place, Usage())
            after = min(0.5 * 2**tries, 30) * (0.5 + self._random.random())
            tries += 1

    async def go(self, seconds: float) -> "Crowd":
        """Asks for so long, with many records on their way."""

        async def one() -> None:
            while True:
                await self.ask()

        asking = [asyncio.create_task(one()) for _ in range(4 * self.limiter.concurrency)]
        await asyncio.wait(asking, timeout=seconds)
        for task in asking:
            task.cancel()
        ended = await asyncio.gather(*asking, return_exceptions=True)
        assert all(isinstance(error, asyncio.CancelledError) for error in ended), ended
        assert self.limiter.in_use == 0
        return self

    def after(self, since: float) -> tuple[int, int]:
        """Good answers and refusals from then on."""
        return sum(at >= since for at in self.good), sum(at >= since for at in self.refused)
