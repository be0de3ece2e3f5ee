"""The limiter: when a call may go out, so that a service is used as fast as it allows, and no faster."""

import asyncio
import heapq
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from synthkit.core.answer import Usage
from synthkit.core.provider import Quotas
from synthkit.errors import Overloaded, RateLimited, TransientError
from synthkit.models.outage import Breaker
from synthkit.models.pace import MINUTE, Allowance, Bucket, Pace, sound
from synthkit.models.share import UNDIVIDED, Share

LONGEST_ASKED = 600.0
"""Seconds: a Retry-After up to that is waited for, whatever the user's patience with a service that is out."""
KINDS = ("requests", "tokens", "input", "output")
INSTANT = 1e-6
"""Seconds that are none."""


class Stopped(BaseException):
    """The run is stopping: no further question is asked. No `Exception`, so that no step swallows it."""


@dataclass(slots=True)
class Place:
    """One call's place in the queue, which its retries keep: the oldest goes first. input, output: the tokens that it
    is expected to take. sent: when it last went out. taken: it holds one of the calls at once. came: its answer is
    here. out: since when it is with the service."""

    number: int
    turn: int
    input: int = 0
    output: int = 0
    who: bytes = b""
    sent: float = 0.0
    taken: bool = False
    came: bool = False
    out: float | None = None

    def of(self, kind: str) -> float:
        """What it takes of a quota."""
        return 1 if kind == "requests" else tokens(kind, self.input, self.output)


def tokens(kind: str, input: int, output: int) -> int:
    """What counts for a quota of tokens."""
    return (input if kind != "output" else 0) + (output if kind != "input" else 0)


@dataclass(order=True, slots=True)
class _Waiter:
    turn: int
    place: Place = field(compare=False)
    future: "asyncio.Future[bool]" = field(compare=False)


class Limiter:
    """One for each provider, endpoint, key and model.

    It keeps the number of calls at once, the requests and tokens a minute that the user allows or the service tells of
    (`notice`), and the pace that refusals have shown; and it holds all back while nothing good comes. Who waits does so
    in one queue, the oldest first, and is woken by what it waits for. One loop's.
    """

    def __init__(
        self, concurrency: int, own: Mapping[str, float] | None = None, give_up_after: float = math.inf,
        shares: Sequence[Share] = (UNDIVIDED,), since: float | None = None,
    ) -> None:  # fmt: skip
        """own: what the user allows a minute, by `KINDS`. give_up_after: seconds without anything good. shares: the
        least of these it may use of all this, and of what the service tells of. since: from when on it has that, on the
        loop's clock, where others may have used it before."""
        self._whole, self._shares, self._since = concurrency, shares, since
        self.concurrency = min(share.of(concurrency) for share in shares)
        """Calls at once."""
        self.width = float(min(share.width for share in shares))
        """How large a part of all it may use."""
        self._told = self.width or 1.0
        """The width for which `buckets` and `pace` are: the last that was something."""
        self._settled: list[asyncio.Future[None]] = []
        self.give_up_after = give_up_after
        self.used_up: Callable[[float], None] | None = None
        """What is to be done when all that the service tells to be left is used up, for longer than anybody waits."""
        self.given_up: Callable[[], None] = lambda: None
        """What is to be done then."""
        self.pace, self.breaker = Pace(), Breaker(give_up_after)
        self.buckets: dict[str, Bucket] = {}
        """What the service tells of, by `KINDS`."""
        self.allowances: dict[str, Allowance] = {}
        """What the user allows."""
        self.in_use = 0
        self.armed = False
        """Whether the service is known to be there: one that never answered is not waited for."""
        self.stopped = False
        self._own = dict(own or {})
        self._begun = False
        self._ready: list[_Waiter] = []
        self._later: list[tuple[float, _Waiter]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = math.inf
        self._ending: asyncio.TimerHandle | None = None
        self.blocked = 0.0
        """Until when all wait, because the service says that nothing is left."""
        self.held: tuple[float, str, float] | None = None
        """Since when limits, and not the calls at once, hold back who waits; which, and what that allows a minute."""
        self._numbers = 0
        self._on_its_way = Place(0, 0)
        self._mean_output: float | None = None

    def narrow(self, concurrency: int, own: Mapping[str, float]) -> None:
        """Keeps to the least that the names for one model allow, before it is used. Those calls at once are this
        limiter's, and that is what all may use a minute."""
        self._whole = min(self._whole, concurrency)
        self.concurrency = min(share.of(self._whole) for share in self._shares)
        for kind, most in own.items():
            self._own[kind] = min(most, self._own.get(kind, most))

    @property
    def wants(self) -> float:
        """The width of the share that those would use who ask now. May be read from any thread."""
        ready = len(self._ready)
        wants = (self.in_use + ready) / max(self._whole, 1)
        return max(wants, 2 * self.width) if ready and self.held is not None else wants

    def divide(self, *shares: Share, anew: bool = False) -> None:
        """From now on it may use the least of these shares. What goes out more with a larger one comes with time, as
        others may have used it just before; anew: nobody has, and this is the first."""
        now, before = asyncio.get_running_loop().time(), self.width
        if not anew:
            self._begin(now)
        self._shares = shares
        self.concurrency = min(share.of(self._whole) for share in shares)
        self.width = width = float(min(share.width for share in shares))
        for kind, allowance in self.allowances.items():
            allowance.rescale(self._own[kind] * width, now)
        if width:
            for bucket in self.buckets.values():
                bucket.rescale(width / self._told, now, empty=not before)
            self.pace.rescale(width / self._told, now)
            self._told = width
        self._free()
        self._wake()

    async def settled(self) -> None:
        """Returns when no more calls are in flight than there may be now."""
        if self.in_use > self.concurrency and not self.stopped:
            settled = asyncio.get_running_loop().create_future()
            self._settled.append(settled)
            await settled

    @property
    def counts_tokens(self) -> bool:
        """Whether a quota of tokens is known, so that places need estimates."""
        return any(kind != "requests" for known in (self.buckets, self._own) for kind in known)

    @property
    def a_minute(self) -> dict[str, float]:
        """The limits that are known, by `KINDS`: the user's and the service's, whichever is less."""
        known = {kind: most * self.width for kind, most in self._own.items()}
        for kind, bucket in self.buckets.items():
            known[kind] = min(bucket.most, known.get(kind, math.inf))
        return {kind: most for kind, most in known.items() if most < math.inf}

    def place(self, size: int = 0, most: int = 0, who: bytes = b"") -> Place:
        """A place for one call. size: bytes of its request, about four of which make a token; most: the most tokens of
        its answer, of which answers so far tell how much is used; who: what tells its request apart."""
        self._numbers += 1
        output = most if self._mean_output is None else min(most, math.ceil(self._mean_output))
        return Place(self._numbers, self._numbers, (size + 3) // 4, output, who)

    async def enter(self, place: Place, after: float = 0.0) -> None:
        """Waits for the call's turn, which comes `after` seconds at the earliest. Raises `Stopped`."""
        if self.stopped:
            raise Stopped
        loop = asyncio.get_running_loop()
        now = loop.time()
        if after <= 0 and not self._ready and self._wait(place, now) <= 0:
            self._take(place, now)
            return
        waiter = _Waiter(place.turn, place, loop.create_future())
        if after > 0:
            heapq.heappush(self._later, (now + after, waiter))
        else:
            heapq.heappush(self._ready, waiter)
        self._wake()
        try:
            admitted = await waiter.future
        except asyncio.CancelledError:
            if waiter.future.done() and not waiter.future.cancelled() and waiter.future.result():
                self.give_back(place)
            self._wake()
            raise
        if not admitted:
            raise Stopped

    def try_enter(self, place: Place) -> bool:
        """Takes the place if it is free right now, and nobody waits for it."""
        now = asyncio.get_running_loop().time()
        if self.stopped or self._ready or self.breaker.open or self._wait(place, now) > 0:
            return False
        self._take(place, now)
        return True

    def leave(self, place: Place, usage: Usage | None) -> None:
        """A call is over. usage: the tokens that it took, none if it failed; None if nobody knows."""
        self.in_use -= 1
        place.taken = False
        self.breaker.leave(place.number)
        self._on_its_way.input -= place.input
        self._on_its_way.output -= place.output
        if usage is not None:
            for kind, quota in self._quotas():
                if kind != "requests":
                    quota.correct(tokens(kind, usage.input, usage.output) - place.of(kind), place.sent)
            if usage.output:
                mean = self._mean_output
                self._mean_output = usage.output if mean is None else mean + 0.1 * (usage.output - mean)
        self._free()
        self._wake()

    def give_back(self, place: Place) -> None:
        """A call did not go out after all."""
        self.pace.take(-1)
        for kind, quota in self._quotas():
            if kind == "requests":
                quota.correct(-1, place.sent)
        self.leave(place, Usage())

    def notice(self, quotas: Quotas) -> None:
        """What a reply says of the service's limits."""
        now = asyncio.get_running_loop().time()
        for kind in KINDS:
            quota = sound(getattr(quotas, kind))
            if quota is None or quota.most == 0 or (quota.most is None and kind not in self.buckets):
                continue  # some services call it 0 where there is no limit
            if kind not in self.buckets:
                self.buckets[kind] = Bucket(now)
            out = self.in_use if kind == "requests" else self._on_its_way.of(kind)
            self.buckets[kind].told(quota.shared(self._told), out, now)

    def answered(self, place: Place) -> bool:
        """A good answer came. Whether an outage is over with it."""
        now = asyncio.get_running_loop().time()
        self.pace.answered(place.sent, now)
        self.armed = True
        return self.talked()

    def talked(self) -> bool:
        """The service has judged a request, if only to refuse it: it is there. Whether an outage is over with it."""
        over = self.breaker.good()
        if over and self._ending is not None:
            self._ending.cancel()
        return over

    def failed(self, place: Place, error: TransientError) -> bool:
        """A call failed for a passing reason. Whether an outage has begun with it."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        if isinstance(error, RateLimited | Overloaded):
            if not self.breaker.open:
                self.pace.refused(place.sent, now)
            if error.retry_after and any(b.left is not None and b.left < 1 for b in self.buckets.values()):
                self.blocked = max(self.blocked, now + min(error.retry_after, self.patience))
        if not self.armed:
            return False
        began = self.breaker.bad(place.number, error, now, place.who)
        if self.breaker.open:
            self._numbers += 1
            place.turn = self._numbers  # the next probe is another
        if began and self.give_up_after < math.inf:
            left = max(0.0, (self.breaker.since or now) + self.give_up_after - now)
            self._ending = loop.call_later(left, self._end)
        return began

    def stop(self) -> None:
        """Sends all who wait away, with `Stopped`."""
        self.stopped = True
        self._free()
        for waiter in (*self._ready, *(waiter for _, waiter in self._later)):
            if not waiter.future.done():
                waiter.future.set_result(False)
        self._ready, self._later = [], []
        for timer in (self._timer, self._ending):
            if timer is not None:
                timer.cancel()

    @property
    def overdue(self) -> bool:
        """Whether nothing good has come for longer than the user gives the service."""
        since = self.breaker.since
        return since is not None and asyncio.get_running_loop().time() - since > self.give_up_after

    @property
    def patience(self) -> float:
        """Seconds: the longest Retry-After that is waited for."""
        return LONGEST_ASKED if self.give_up_after == math.inf else max(LONGEST_ASKED, self.give_up_after)

    def _quotas(self) -> Iterator[tuple[str, Bucket | Allowance]]:
        """The service's and the user's."""
        return chain(self.buckets.items(), self.allowances.items())

    def _end(self) -> None:
        if not self.breaker.open or self.stopped:
            return
        if self._ready or self._later or self.in_use:
            self.given_up()
        else:  # nobody asks any more: who does so next sees for itself
            self.breaker.good()

    def _wait(self, place: Place, now: float) -> float:
        """Seconds until a call may go out; infinite where something must happen first."""
        if self.in_use >= self.concurrency:
            return math.inf
        if not self._begun:
            self._begin(now)
        wait = max(self.blocked - now, self.breaker.wait(now), self.pace.wait(now))
        for kind, quota in self._quotas():
            wait = max(wait, quota.wait(place.of(kind), now))
        return wait if wait > INSTANT else 0.0

    def _begin(self, now: float) -> None:
        """The user's limits count from the first use on."""
        if not self._begun:
            self._begun, late = True, self._since is not None
            since = now if self._since is None else self._since
            self.allowances = {kind: Allowance(m * self.width, since, empty=late) for kind, m in self._own.items()}

    def _free(self) -> None:
        """Tells who waits for it that no more calls are in flight than there may be."""
        if self._settled and (self.in_use <= self.concurrency or self.stopped):
            settled, self._settled = self._settled, []
            for waiting in settled:
                if not waiting.done():
                    waiting.set_result(None)

    def _take(self, place: Place, now: float) -> None:
        self.in_use += 1
        self.breaker.take(place.number)
        self.pace.take()
        self._on_its_way.input += place.input
        self._on_its_way.output += place.output
        for kind, quota in self._quotas():
            quota.take(place.of(kind), now)
        place.sent, place.taken, place.out = now, True, None

    def _wake(self) -> None:
        """Lets all out whose turn it is, and sees to it that the next is woken in time."""
        if self.stopped or not (self._ready or self._later):
            return
        loop = asyncio.get_running_loop()
        now = loop.time()
        while self._later and self._later[0][0] <= now:
            heapq.heappush(self._ready, heapq.heappop(self._later)[1])
        wait = math.inf
        while self._ready:
            waiter = self._ready[0]
            if not waiter.future.done():
                wait = self._wait(waiter.place, now)
                if wait > 0:
                    self._hold(waiter.place, wait, now)
                    break
                self._take(waiter.place, now)
                waiter.future.set_result(True)
            heapq.heappop(self._ready)
            wait = math.inf
        else:
            self.held = None
        at = min(now + wait, self._later[0][0] if self._later else math.inf)
        if at < self._timer_at:
            if self._timer is not None:
                self._timer.cancel()
            self._timer, self._timer_at = loop.call_at(at, self._due), at

    def _hold(self, place: Place, wait: float, now: float) -> None:
        """Notes what holds back the first of those who wait, for displays."""
        if wait == math.inf or self.breaker.open:
            self.held = None
            return
        since = self.held[0] if self.held else now
        if self.blocked > now:
            self.held = since, "left", 0.0
            return
        told = max((bucket.wait(place.of(kind), now) for kind, bucket in self.buckets.items()), default=0.0)
        if told > self.patience and not self.in_use and self.used_up is not None:  # none comes back that took less
            self.used_up(told)
        waits = [(self.pace.wait(now), "pace", (self.pace.rate or 0.0) * MINUTE)]
        waits += [(quota.wait(place.of(kind), now), kind, quota.most) for kind, quota in self.buckets.items()]
        for kind, own in self.allowances.items():
            waits.append((own.wait(place.of(kind), now), f"own {kind}", own.most))
        _, kind, allowed = max(waits)
        self.held = since, kind, allowed / self._told  # of all shares together

    def _due(self) -> None:
        self._timer, self._timer_at = None, math.inf
        self._wake()
