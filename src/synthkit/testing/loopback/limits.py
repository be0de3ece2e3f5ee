"""Rate limits as services keep them: buckets that refill all the time, told in headers, kept with 429."""

import math
from dataclasses import dataclass

from synthkit.testing.loopback.apierrors import ApiError
from synthkit.testing.loopback.replies import Reply


class _Bucket:
    def __init__(self, name: str, per_minute: int) -> None:
        self.name, self.limit = name, per_minute
        self._level, self._at = float(per_minute), 0.0

    def refill(self, now: float) -> None:
        self._level = min(self.limit, self._level + (now - self._at) * self.limit / 60)
        self._at = now

    def wait(self, amount: int) -> float:
        """Seconds until `amount` is there; 0 if it is. What never fits counts as a full bucket."""
        return max(0.0, (min(amount, self.limit) - self._level) * 60 / self.limit)

    def take(self, amount: int) -> None:
        self._level -= amount

    def level(self) -> tuple[str, int, int, float]:
        return self.name, self.limit, max(0, int(self._level)), (self.limit - self._level) * 60 / self.limit

    def headers(self) -> list[tuple[str, str]]:
        name, limit, left, full_in = self.level()
        return [
            (f"x-ratelimit-limit-{name}", str(limit)),
            (f"x-ratelimit-remaining-{name}", str(left)),
            (f"x-ratelimit-reset-{name}", duration(full_in)),
        ]


@dataclass(frozen=True, slots=True)
class Limits:
    """Requests and tokens a minute that the server allows. A full bucket may be spent at once."""

    requests: int
    tokens: int = 1_000_000_000_000


class Gate:
    """Limits at work. Without limits of your own it lets everything through and tells of very wide ones."""

    def __init__(self, limits: Limits | None) -> None:
        self._kept = limits is not None
        told = limits or Limits(requests=1_000_000_000)
        self._requests = _Bucket("requests", told.requests)
        self._tokens = _Bucket("tokens", told.tokens)

    def enter(self, tokens: int, now: float) -> Reply | None:
        """Takes one request of `tokens`; the 429 if a limit is met. `now`: seconds on a clock that never goes back."""
        for bucket, amount in ((self._requests, 1), (self._tokens, tokens)):
            bucket.refill(now)
            wait = bucket.wait(amount)
            if self._kept and wait > 0:
                message = (
                    f"Rate limit reached on {bucket.name} per min: Limit {bucket.limit}, Requested {amount}. "
                    f"Please try again in {duration(wait)}."
                )
                error = ApiError(429, message, type=bucket.name, code="rate_limit_exceeded")
                return Reply(error=error, retry_after=wait)
        self._requests.take(1)
        self._tokens.take(tokens)
        return None

    def levels(self) -> list[tuple[str, int, int, float]]:
        """What each limit is called and allows, what is left of it, and in how many seconds it is full."""
        return [self._requests.level(), self._tokens.level()]

    def headers(self) -> list[tuple[str, str]]:
        """The x-ratelimit headers as they stand now."""
        return self._requests.headers() + self._tokens.headers()


def duration(seconds: float) -> str:
    """Seconds in the notation of these headers: `12ms`, `1.5s`, `6m0s`, `1h2m3s`. Never less than it is."""
    thousandths = math.ceil(seconds * 1000 - 1e-6)
    if thousandths < 1000:
        return f"{max(0, thousandths)}ms"
    minutes, rest = divmod(thousandths, 60_000)
    text = f"{rest / 1000:g}s"
    if minutes:
        hours, minutes = divmod(minutes, 60)
        text = (f"{hours}h{minutes}m" if hours else f"{minutes}m") + text
    return text
