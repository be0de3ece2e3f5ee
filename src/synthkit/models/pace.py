"""What a service allows: quotas that it tells of, and a pace that is found out where it tells nothing."""

import math

from synthkit.core.provider import Quota

MINUTE, BURST = 60.0, 5.0
"""Seconds; and for how many of them what the user allows may go out at once."""
FEW = 0.05
"""The share of a quota from which on its own word counts for when it is whole again: above, services round it."""
SPAN, COOLDOWN = 2.0, 1.0
"""Seconds over which answers are counted for a pace, and between two decreases of it."""
ENOUGH, STRAY = 20, 0.08
"""Answers below which a share of refusals says nothing, and the share that is taken for stray ones: they are tried
again, and no reason to go slower."""
GAIN, SURE, LOOSE = 0.02, 10.0, 4.0
"""The part of what was reached before a decrease that is won back in the first second; the seconds after which that is
twice as much a second, and so on; and how far above what is really asked a pace must be to be forgotten."""
SLOWEST = 0.05
"""Requests a second that are tried at least: three a minute, which is the least that services sell."""


class Bucket:
    """A quota: so much a minute, refilled all the time.

    own: what the user allows, whatever the service says. That is kept in any minute, so little may go out at once; of
    what a service tells, all may, as services count it so.
    """

    __slots__ = ("_at", "_rate", "_room", "born", "left", "level", "most", "own")

    def __init__(self, own: float | None, now: float) -> None:
        self.own = own
        self.most = math.inf
        self.left: float | None = None
        self._at = self.born = now
        self._set(math.inf if own is None else own)
        self.level = self._room

    def _set(self, most: float) -> None:
        self.most = most
        strict = most == self.own
        self._rate = most / (MINUTE + BURST if strict else MINUTE)
        self._room = self._rate * BURST if strict else most

    def told(self, quota: Quota, out: float, now: float) -> None:
        """What a reply says of it. out: the amount that is on its way, of which the service may know or not."""
        self._refill(now)
        most = self.most if quota.most is None else min(quota.most, math.inf if self.own is None else self.own)
        self._set(most)
        self.level = min(self.level, self._room)
        if quota.left is None:
            return
        self.left = quota.left
        self.level = min(max(min(self.level, quota.left), quota.left - out), self._room)
        # what is told when much is left is too rough to reckon with
        if quota.whole_in is not None and quota.whole_in > MINUTE and quota.left <= FEW * self.most:
            self._rate = min(self._rate, (self.most - quota.left) / quota.whole_in)

    def wait(self, amount: float, now: float) -> float:
        """Seconds until `amount` is there; 0 if it is. What never fits waits for all there can be, and is owed."""
        self._refill(now)
        lacks = min(amount, self._room) - self.level
        if lacks <= 1e-9:
            return 0.0
        return lacks / self._rate if self._rate > 0 else MINUTE

    def take(self, amount: float) -> None:
        """Takes an amount; a negative one is given back."""
        self.level = min(self.level - amount, self._room)

    def _refill(self, now: float) -> None:
        if self.most < math.inf:
            self.level = min(self._room, self.level + (now - self._at) * self._rate)
        self._at = now


class Pace:
    """Requests a second, found out by being refused: additive increase, multiplicative decrease.

    One decrease a burst: what went out before the last one says nothing new. It is as large as the share of requests
    that are refused, by half at most, as in DCTCP (RFC 8257, section 3.3): a service that refuses one call in ten is
    not asked half as fast.
    """

    def __init__(self) -> None:
        self.rate: float | None = None
        self._gain = 0.0
        self._level = 1.0
        self._at = 0.0
        self._cut = -math.inf
        self._answers = self._refused = 0.0
        self._counted: float | None = None
        self._since = 0.0

    def wait(self, now: float) -> float:
        """Seconds until the next request may go out."""
        if self.rate is None:
            return 0.0
        self._move(now)
        return max(0.0, (1.0 - self._level) / self.rate) if self.rate else 0.0

    def take(self) -> None:
        if self.rate is not None:
            self._level -= 1.0

    def answered(self, now: float) -> None:
        """A good answer came."""
        self._count(now, refused=False)

    def refused(self, sent: float, now: float) -> bool:
        """A request was refused that had gone out at `sent`. Whether the pace is lower now."""
        self._count(now, refused=True)
        share = self._refused / self._answers
        if sent < self._cut or now - self._cut < COOLDOWN or self._answers < ENOUGH or share < STRAY:
            return False
        reached = self._answers / (SPAN * -math.expm1(-max(now - self._since, COOLDOWN / 10) / SPAN))
        if self.rate is not None:
            self._move(now)
            reached = min(reached, self.rate or reached)
        self.rate = max(reached * (1 - share / 2), SLOWEST)
        self._gain, self._cut, self._at, self._level = GAIN * reached, now, now, 0.0
        return True

    def _count(self, now: float, *, refused: bool) -> None:
        if self._counted is None:
            self._since = self._counted = now
        fade = math.exp((self._counted - now) / SPAN)
        self._counted = now
        self._answers = self._answers * fade + 1
        self._refused = self._refused * fade + refused

    def _move(self, now: float) -> None:
        """Lets time pass: the pace grows, and with it what may go out."""
        if self.rate is None:
            return
        passed = now - self._at
        self._at = now
        self.rate += self._gain * passed * (1 + (now - self._cut) / SURE)
        self._level = min(self._level + self.rate * passed, max(1.0, self.rate / 4))
        if now - self._cut > SPAN and self.rate * SPAN > LOOSE * max(self._answers, 1.0):
            self.rate = None
