"""Hedging: a second request beside one that takes far too long; the first answer wins.

Dean and Barroso, The Tail at Scale (CACM 56(2), 2013), section "Hedged requests".
"""

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Coroutine
from typing import Any, Generic, TypeVar

from synthkit.errors import TransientError

T = TypeVar("T")
LEAST_SAMPLES, KEPT, AGAIN = 50, 200, 20
"""Answers of a kind before any is hedged, those looked back upon, and after how many more they are looked at again."""
QUANTILE, FACTOR, LEAST, SHARE = 0.95, 3.0, 1.0, 0.02
"""When a call takes too long: this quantile of its kind times the factor, and no less than so many seconds; and the
share of requests that may be sent a second time."""


class Latencies:
    """Seconds that answers of one kind took, and from when on one takes too long."""

    __slots__ = ("_factor", "_fresh", "_seconds", "late")

    def __init__(self, factor: float) -> None:
        self._factor = factor
        self._seconds: deque[float] = deque(maxlen=KEPT)
        self._fresh = 0
        self.late: float | None = None

    def add(self, seconds: float) -> None:
        self._seconds.append(seconds)
        self._fresh += 1
        if len(self._seconds) >= LEAST_SAMPLES and (self.late is None or self._fresh >= AGAIN):
            self._fresh = 0
            usual = sorted(self._seconds)[int(QUANTILE * (len(self._seconds) - 1))]
            self.late = max(self._factor * usual, LEAST)


class Hedges:
    """Which calls of one service may be hedged, and when. Kinds are the places in a pipeline that ask: what they ask
    for is alike, so it takes alike."""

    def __init__(self, *, on: bool = True, factor: float = FACTOR) -> None:
        self.on, self._factor = on, factor
        self.sent = self.hedged = 0
        self._kinds: dict[str, Latencies] = {}

    def late(self, kind: str) -> float | None:
        """Seconds after which a call of this kind takes too long; None where too little is known, or it is off."""
        known = self._kinds.get(kind)
        return known.late if known else None

    def answered(self, kind: str, seconds: float) -> None:
        """A good answer came."""
        if self.on:
            known = self._kinds.get(kind)
            if known is None:
                known = self._kinds[kind] = Latencies(self._factor)
            known.add(seconds)

    @property
    def left(self) -> bool:
        """Whether one more may be sent."""
        return self.hedged + 1 <= SHARE * self.sent


class Rival(ABC, Generic[T]):
    """What a race needs to know of its second call."""

    __slots__ = ()

    @abstractmethod
    def late(self) -> float | None:
        """Seconds from when on the first is late; None while nobody knows."""

    @abstractmethod
    def since(self) -> float | None:
        """Since when the first is with the service, by the loop's clock; None while it still waits to go out."""

    @abstractmethod
    def longest(self) -> float:
        """Seconds after which both are called off."""

    @abstractmethod
    def too_late(self) -> TransientError:
        """What is raised then."""

    @abstractmethod
    def may(self) -> bool:
        """Whether a second may go out now; it takes a place for it, so it is asked right before."""

    @abstractmethod
    def second(self) -> Coroutine[Any, Any, T]:
        """The second call."""

    @abstractmethod
    def unsent(self) -> None:
        """Gives its place back if that is still taken: a task may be cancelled before it begins."""

    @abstractmethod
    def came(self, *, second: bool) -> bool:
        """Whether the answer to one of the two is here: that is paid for, and not called off."""


class Race(Generic[T]):
    """A call, and a second one where it is late: the first that is answered counts, and the other is called off."""

    __slots__ = ("_first", "_late", "_loop", "_other", "_over", "_rival", "_timer", "_won")

    def __init__(self, rival: Rival[T]) -> None:
        self._rival = rival
        self._loop = asyncio.get_running_loop()
        first = asyncio.current_task()
        assert first is not None, "a race is run in a task"
        self._first: asyncio.Task[Any] = first
        self._other: asyncio.Task[T] | None = None
        self._won = self._late = self._over = False
        self._timer = self._loop.call_later(rival.late() or LEAST, self._look)

    async def run(self, first: Coroutine[Any, Any, T]) -> T:
        """The first answer. Raises what the first call raises, where the second does no better."""
        try:
            try:
                return await first
            except asyncio.CancelledError:
                if not (self._won or self._late) or self._first.uncancel() > 0:
                    raise
                if not self._won:
                    raise self._rival.too_late() from None
            except TransientError:
                self._over = True
                if self._other is None:
                    raise
                await asyncio.wait([self._other])
                if self._other.cancelled() or self._other.exception() is not None:
                    raise
            assert self._other is not None
            return self._other.result()
        finally:
            self._over = True
            self._timer.cancel()
            if self._other is not None and not self._other.done() and not self._rival.came(second=True):
                self._other.cancel()

    def _look(self) -> None:
        """Sends the second, if it is time and may be; else looks again."""
        late, since = self._rival.late(), self._rival.since()
        passed = 0.0 if since is None else self._loop.time() - since
        if passed > self._rival.longest():
            self._call_off(late=True)
            return
        left = LEAST if late is None or since is None else late - passed
        if left <= 0 and self._other is None and self._rival.may():
            self._timer = self._loop.call_later(LEAST, self._look)
            self._other = self._loop.create_task(self._rival.second())
            self._other.add_done_callback(self._ended)
        else:
            self._timer = self._loop.call_later(max(left, LEAST / 4), self._look)

    def _ended(self, other: "asyncio.Task[T]") -> None:
        if other.cancelled() or other.exception() is not None:
            self._rival.unsent()
            if not self._over:
                self._other = None
                self._timer.cancel()
                self._timer = self._loop.call_later(LEAST, self._look)
            return
        self._call_off(late=False)

    def _call_off(self, *, late: bool) -> None:
        """Ends the first call, if it still waits for its answer: the second was answered, or it is too late."""
        if not (self._over or self._first.done() or self._rival.came(second=False)):
            self._won, self._late = not late, late
            self._first.cancel()
