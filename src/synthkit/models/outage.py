"""The circuit breaker: a service that answers nothing good is left alone, but for a probe now and then."""

import math

from synthkit.errors import ConnectionLost, TransientError

QUIET, FAILURES = 3.0, 5
"""Seconds without a good answer, and failures in a row, from which on a service is taken to be out."""
FIRST, LONGEST = 1.0, 30.0
"""Seconds between probes: at first, and at most."""
SHARE = 0.1
"""The share of the time that a service is given at all which a pause may take, so that its return is not missed."""


class Breaker:
    """Closed while good answers come. Open, it lets one call out at a time, with growing pauses; a good answer closes
    it. It never opens because of one request alone, which may be what breaks the service, unless no connection can be
    had for it."""

    def __init__(self, give_up_after: float = math.inf) -> None:
        """give_up_after: seconds that the service is given."""
        self._longest = max(FIRST, min(LONGEST, SHARE * give_up_after))
        self.since: float | None = None
        """When the failures began that nothing good has interrupted."""
        self.open = False
        self.reason = ""
        self.probing: int | None = None
        self._failures = 0
        self._who: set[int | bytes] = set()
        self._pause = FIRST
        self._next = 0.0

    def good(self) -> bool:
        """A good answer came. Whether that has closed it."""
        was, self.open = self.open, False
        self.since, self.probing, self._failures, self._pause = None, None, 0, FIRST
        self._who.clear()
        return was

    def bad(self, number: int, error: TransientError, now: float, who: bytes = b"") -> bool:
        """The call of this number has failed. who: what tells its request apart, if that may be tried again under other
        numbers. Whether that has opened it."""
        if self.since is None:
            self.since = now
        self.reason = error.reason
        self._failures += 1
        if len(self._who) < 2:
            self._who.add(who or number)
            if isinstance(error, ConnectionLost) and error.free:
                self._who.add(0)  # nobody's fault
        if self.open:
            if self.probing == number:
                self.probing, self._next = None, now + max(self._pause, min(error.retry_after or 0.0, self._longest))
                self._pause = min(2 * self._pause, self._longest)
            return False
        if not self.widespread or now - self.since < QUIET:
            return False
        self.open, self._next = True, now + self._pause
        return True

    @property
    def widespread(self) -> bool:
        """Whether requests have failed again and again, not one alone, and nothing good came between."""
        return self._failures >= FAILURES and len(self._who) > 1

    @property
    def every(self) -> float:
        """Seconds between probes, by now."""
        return self._pause

    def wait(self, now: float) -> float:
        """Seconds until a call may go out; infinite while a probe is on its way."""
        if not self.open:
            return 0.0
        return math.inf if self.probing is not None else max(0.0, self._next - now)

    def take(self, number: int) -> None:
        """A call goes out; if it is open, as its probe."""
        if self.open:
            self.probing = number

    def leave(self, number: int) -> None:
        """The call of this number is over without a word of it: the next may probe."""
        if self.probing == number:
            self.probing = None
