"""What a service allows: quotas that it tells of, and a pace that is found out where it tells nothing."""

import math
from collections import OrderedDict, deque
from itertools import islice

from synthkit.core.provider import Quota

MINUTE, SLACK, BURST = 60.0, 1.0, 5.0
"""Seconds; how many more a minute of the user's has, as not all requests take the same time to arrive; and for how many
of them what the user allows may go out at once."""
WINDOW, LATE, LEAST = MINUTE + SLACK, BURST + SLACK, 1e-3
"""Seconds: in which the user's limit is kept, for caution; after which a larger share of that counts; and that somebody
waits at the least where it is not known for how long."""
FEW = 0.05
"""The share of a quota from which on its own word counts for when it is whole again: above, services round it."""
SPAN, ENOUGH, COOLDOWN = 2.0, 30, 1.0
"""Seconds over which answers are counted for a pace, the answers that are counted at least, and the seconds between two
decreases of it."""
STRAY, SURPLUS = 0.08, 2
"""The share of refusals that is taken for stray ones, which are tried again, and are no reason to go slower; and how
many more than that there must be."""
GAIN, SURE, LOOSE = 0.01, 10.0, 4.0
"""The part of what was reached before a decrease that is won back in the first second; the seconds after which that is
twice as much a second, and so on; and how far above what is really asked a pace must be to be forgotten."""
SLOWER = 0.75
"""The power of its rate by which a slow pace grows more slowly. With 0.5, more of what goes out is refused; with 1, it
takes twice as long until a limit that was raised is used."""
SLOWEST = 0.05
"""Requests a second that are tried at least: three a minute, which is the least that services sell."""
FEWER, QUICK, MANY, DOUBT, EAGER = 20, 0.25, 0.4, 2, 0.05
"""While a pace is being found: the answers that are enough for a decrease, and the seconds over which they come; the
share of refusals up to which it counts as found; how many refusals of them all are taken for answers, since few that
are good may be so by chance; and the part of it that is won back in a second."""


class Allowance:
    """What the user allows a minute: kept in any minute, and spread over it, whatever the service says.

    It may be one share of several that change (`rescale`), and all of them together keep the limit. What may go out in
    a minute is what the share was on average over that minute; a smaller one counts at once, a larger one `LATE`: what
    the smaller one had saved up for a burst may have gone out just before.

    In full: let `s` be the share and `e` the least that it was within `LATE`. What goes out in the minute from `a`, the
    last of it at `u`, is at most `BURST * e(a)` and `e` summed up from `a` to `u`; and at most the mean of `e` over the
    `WINDOW` before `u`. The first where `u - a` is up to 55 s, and else the second, is at most `s` summed up from
    `a - 6` to `a + 54`. Added up over all shares that is the limit.
    """

    __slots__ = ("_at", "_coming", "_gone", "_level", "_past", "_rate", "_sum", "most")

    def __init__(self, most: float, now: float, *, empty: bool = False) -> None:
        """empty: it was nothing until now, and others may have used what it is."""
        self.most = most
        self._rate = 0.0 if empty else most
        """What counts now, which is less than `most` for a while after that has grown."""
        self._coming: deque[tuple[float, float]] = deque([(now + LATE, most)] if empty else [])
        """When it will be more, and how much."""
        self._past: deque[tuple[float, float]] = deque()
        """What it was before in the last minute, and until when."""
        self._level = self._rate * BURST / MINUTE
        self._at = now
        self._gone: OrderedDict[float, float] = OrderedDict()
        self._sum = 0.0

    def wait(self, amount: float, now: float) -> float:
        """Seconds until `amount` may go out, or at the least until more is known; 0 if it may. What is more than a
        minute's goes out alone."""
        self._move(now)
        if self.most <= 0:
            return math.inf
        wait = 0.0
        more = max(self._coming[0][0] - now, LEAST) if self._coming else math.inf
        if self._rate <= 0:
            wait = more
        elif (lacks := min(amount, self._room) - self._level) > 0:
            wait = min(lacks * MINUTE / self._rate, more)
        if self._past or self._coming:
            return max(wait, self._changing(amount, now))
        over = self._sum + min(amount, self.most) - self.most
        for at, gone in self._gone.items():
            if over <= 1e-9:
                break
            over -= gone
            wait = max(wait, at + WINDOW - now)
        return wait

    def take(self, amount: float, now: float) -> None:
        """Takes an amount, which goes out now."""
        self._gone.setdefault(now, 0.0)
        self.correct(amount, now)

    def correct(self, more: float, sent: float) -> None:
        """What went out at `sent` was more, or less if that is negative."""
        self._level = min(self._level - more, self._room)
        if sent in self._gone:
            self._gone[sent] += more
            self._sum += more

    def rescale(self, most: float, now: float) -> None:
        """From now on it is another share of the user's limit."""
        self._move(now)
        self.most = most
        self._coming = deque((at, min(rate, most)) for at, rate in self._coming)
        if most < self._rate:
            self._turn(most, now)
        if (self._coming[-1][1] if self._coming else self._rate) < most:
            self._coming.append((now + LATE, most))

    @property
    def _room(self) -> float:
        return self._rate * BURST / MINUTE

    def _changing(self, amount: float, now: float) -> float:
        """The same as `wait`, of the minute alone, while what it holds changes: until something changes in that."""
        mean, end, rate = 0.0, now, self._rate
        for until, before in reversed(self._past):
            mean += rate * (end - until)
            end, rate = until, before
        mean = (mean + rate * (end - now + WINDOW)) / WINDOW
        over = self._sum + min(amount, self.most) - mean
        if over <= 1e-9:
            return 0.0
        changes = [at + WINDOW for at in islice(self._gone, 1)] + [until + WINDOW for until, _ in islice(self._past, 1)]
        changes += [at for at, _ in islice(self._coming, 1)]
        wait = min(changes) - now
        if self._rate > rate:
            wait = min(wait, over * WINDOW / (self._rate - rate))
        return max(wait, LEAST)

    def _move(self, now: float) -> None:
        while self._coming and self._coming[0][0] <= now:
            at, rate = self._coming.popleft()
            self._refill(at)
            self._turn(rate, at)
        self._refill(now)
        while self._past and self._past[0][0] <= now - WINDOW + 1e-6:
            self._past.popleft()
        while self._gone and (first := next(iter(self._gone))) <= now - WINDOW + 1e-6:
            self._sum -= self._gone.pop(first)
        if not self._gone:
            self._sum = 0.0

    def _refill(self, now: float) -> None:
        self._level = min(self._room, self._level + (now - self._at) * self._rate / MINUTE)
        self._at = now

    def _turn(self, rate: float, now: float) -> None:
        """Another rate counts."""
        if rate == self._rate:
            return
        if rate < self._rate and self._level > 0:
            self._level *= rate / self._rate
        self._past.append((now, self._rate))
        self._rate = rate


def sound(quota: Quota | None) -> Quota | None:
    """A quota without what cannot be: a provider may hand on whatever a service says."""

    def number(value: float | None) -> float | None:
        fine = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf
        return value if fine else None

    if not isinstance(quota, Quota):
        return None
    most, left, whole_in = number(quota.most), number(quota.left), number(quota.whole_in)
    return None if most is None and left is None else Quota(most, left, whole_in)


class Bucket:
    """A quota of the service: so much a minute, refilled all the time. All of it may go out at once, as services count
    it so."""

    __slots__ = ("_at", "_rate", "born", "left", "level", "most")

    def __init__(self, now: float) -> None:
        self.most = self.level = math.inf
        self.left: float | None = None
        self._rate = math.inf
        self._at = self.born = now

    def told(self, quota: Quota, out: float, now: float) -> None:
        """What a reply says of it. out: the amount that is on its way, of which the service may know or not."""
        self._refill(now)
        if quota.most is not None:
            self.most = quota.most
        self._rate = self.most / MINUTE
        self.level = min(self.level, self.most)
        if quota.left is None:
            return
        self.left = quota.left
        self.level = min(max(min(self.level, quota.left), quota.left - out), self.most)
        # what is told when much is left is too rough to reckon with
        if quota.whole_in is not None and quota.whole_in > MINUTE and quota.left <= FEW * self.most:
            self._rate = min(self._rate, (self.most - quota.left) / quota.whole_in)

    def wait(self, amount: float, now: float) -> float:
        """Seconds until `amount` is there; 0 if it is. What never fits waits for all there can be, and is owed."""
        self._refill(now)
        lacks = min(amount, self.most) - self.level
        return lacks / self._rate if lacks > 1e-9 else 0.0

    def take(self, amount: float, now: float) -> None:
        """Takes an amount, which goes out now."""
        self.level -= amount

    def correct(self, more: float, sent: float) -> None:
        """What went out at `sent` was more, or less if that is negative."""
        if self.born <= sent:
            self.level = min(self.level - more, self.most)

    def rescale(self, ratio: float, now: float, *, empty: bool = False) -> None:
        """It is another share of the service's. empty: of a share that was nothing."""
        self._refill(now)
        self.most, self._rate = self.most * ratio, self._rate * ratio
        self.left = None if self.left is None else self.left * ratio
        if self.level > 0:
            self.level = 0.0 if empty else min(self.level, self.level * ratio)

    def _refill(self, now: float) -> None:
        if self.most < math.inf:
            self.level = min(self.most, self.level + (now - self._at) * self._rate)
        self._at = now


class Pace:
    """Requests a second, found out by being refused: additive increase, multiplicative decrease.

    One decrease a burst: what went out before the last one says nothing new. It is as large as the share of requests
    that are refused, by half at most, as in DCTCP (RFC 8257, section 3.3): a service that refuses one call in ten is
    not asked half as fast. Answers are counted over the last seconds, and where few come over more, so that three calls
    a minute are found as well as a hundred a second.

    At first, when nothing is known, answers are counted anew from the first refusal on. What the service had saved up
    is gone then, and what still gets through is what it allows: that is the pace, at once, until fewer are refused.
    """

    def __init__(self) -> None:
        self.rate: float | None = None
        self._gain = 0.0
        self._level = 1.0
        self._at = 0.0
        self._cut = -math.inf
        self._grown = 0.0
        self._answers = self._refused = self._seconds = 0.0
        self._counted: float | None = None
        self._longest = 0.0
        self._finding = True
        self._served, self._since = 0.0, 0.0

    def wait(self, now: float) -> float:
        """Seconds until the next request may go out."""
        if self.rate is None:
            return 0.0
        self._move(now)
        return max(0.0, (1.0 - self._level) / self.rate) if self.rate else 0.0

    def take(self, number: int = 1) -> None:
        """Requests go out; a negative number were not sent after all."""
        if self.rate is not None:
            self._level -= number

    def answered(self, sent: float, now: float) -> None:
        """A good answer came to a request that had gone out at `sent`."""
        self._served += 1
        if sent >= self._cut:
            self._count(sent, now, refused=False)

    def refused(self, sent: float, now: float) -> bool:
        """A request was refused that had gone out at `sent`. Whether the pace is lower now."""
        if sent < self._cut:
            return False
        if self.rate is None and self._refused < 0.5:
            self._begin(now)
        self._count(sent, now, refused=True)
        if self._refused < STRAY * self._answers + SURPLUS or not self._enough(now):
            return False
        self._move(now)
        reached = self.rate or self._answers / max(self._seconds, COOLDOWN / 100)
        share = self._refused / self._answers
        if self.rate is None or (self._finding and share > MANY and self._answers >= FEWER):
            served = self._served / max(now - self._since, QUICK)  # by those too that had gone out before
            self.rate = min(max(reached * (1 - share + DOUBT / self._answers), served), reached)
            eager = EAGER * min(1.0, self.rate * SPAN / ENOUGH)  # where answers are few, nothing is sure
            self._gain, self._finding = max(eager, GAIN) * self.rate, True
        else:
            self.rate = reached * (1 - share / 2)
            self._gain, self._finding = GAIN * reached, False
        self.rate = max(self.rate, SLOWEST)
        self._cut, self._at, self._level, self._grown, self._longest = now, now, 0.0, 0.0, 0.0
        self._begin(now)
        self._counted = None
        return True

    def rescale(self, ratio: float, now: float) -> None:
        """It is another share of what the service allows all."""
        self._move(now)
        if self.rate is not None:
            self.rate, self._gain = self.rate * ratio, self._gain * ratio
            self._level = min(self._level, self._level * ratio) if self._level > 0 else self._level
        self._seconds, self._served = self._seconds / ratio, self._served * ratio

    def _enough(self, now: float) -> bool:
        """Whether what was counted says how much the service allows."""
        if self.rate is None:
            return self._answers >= ENOUGH and now - self._cut >= COOLDOWN
        many = self._finding and self._answers >= FEWER and self._seconds >= QUICK
        return many or now - self._cut >= COOLDOWN

    def _begin(self, now: float) -> None:
        """Counts answers anew."""
        self._answers, self._refused, self._seconds, self._served = 0.0, 0.0, 0.0, 0.0
        self._counted = self._since = now

    def _count(self, sent: float, now: float, *, refused: bool) -> None:
        passed = 0.0 if self._counted is None else min(now - self._counted, MINUTE)
        self._counted = now
        self._longest = max(self._longest, now - sent)
        fade = max(math.exp(-passed / SPAN), ENOUGH / max(self._answers, ENOUGH))
        self._seconds = self._seconds * fade + passed
        self._answers = self._answers * fade + 1
        self._refused = self._refused * fade + refused

    def _move(self, now: float) -> None:
        """Lets time pass: the pace grows, more slowly where answers are few, and with it what may go out."""
        if self.rate is None:
            return
        passed = now - self._at
        self._at = now
        step = passed * min(1.0, (self.rate * SPAN / ENOUGH) ** SLOWER)
        self._grown += step
        self.rate += self._gain * step * (1 + self._grown / SURE)
        self._level = min(self._level + self.rate * passed, max(1.0, self.rate / 4))
        # at first, only the quick ones are answered of what went out after a decrease
        settled = self._answers > ENOUGH / 2 and now - self._cut > 2 * self._longest
        if settled and self.rate * self._seconds > LOOSE * self._answers:
            self.rate = None
