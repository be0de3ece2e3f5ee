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
    """Requests and tokens a minute that the server allows, the tokens together or, as Anthropic keeps them, those of
    input and of output apart. A full bucket may be spent at once.

    Of `tokens`, a request in OpenAI's language takes what OpenAI documents, when it comes: its input, or the most that
    it may answer (`max_tokens`, times `n`) if that is more; what is made then changes nothing. In Anthropic's language,
    and of `output`, output counts when it has been made, so that a limit may go below nothing; what then comes is
    refused.
    """

    requests: int
    tokens: int = 1_000_000_000_000
    input: int | None = None
    output: int | None = None


class Gate:
    """Limits at work. Without limits of your own it lets everything through and tells of very wide ones."""

    def __init__(self, limits: Limits | None) -> None:
        self._kept = limits is not None
        told = limits or Limits(requests=1_000_000_000)
        self._requests = _Bucket("requests", told.requests)
        self._tokens = _Bucket("tokens", told.tokens)
        self._input = None if told.input is None else _Bucket("input-tokens", told.input)
        self._output = None if told.output is None else _Bucket("output-tokens", told.output)

    @property
    def kept(self) -> bool:
        """Whether there are limits."""
        return self._kept

    def enter(self, tokens: int, now: float, *, most: int = 0, anthropic: bool = False) -> Reply | None:
        """Takes one request of `tokens`; the 429 if a limit is met, in OpenAI's words or in Anthropic's. `now`: seconds
        on a clock that never goes back. most: the tokens that its answer may have."""
        together = tokens if anthropic else max(tokens, most)
        asked = ((self._requests, 1), (self._tokens, together), (self._input, tokens), (self._output, 1))
        for bucket, amount in asked:
            if bucket is None:
                continue
            bucket.refill(now)
            wait = bucket.wait(amount)
            if self._kept and wait > 0:
                text = _anthropics(bucket) if anthropic else _openais(bucket, amount, wait)
                error = ApiError(429, text, type=bucket.name, code="rate_limit_exceeded")
                return Reply(error=error, retry_after=wait)
        self._requests.take(1)
        self._tokens.take(together)
        if self._input is not None:
            self._input.take(tokens)
        return None

    def made(self, tokens: int, *, anthropic: bool = False) -> None:
        """Takes the output of an answer."""
        if anthropic:
            self._tokens.take(tokens)
        if self._output is not None:
            self._output.take(tokens)

    def levels(self) -> list[tuple[str, int, int, float]]:
        """What each limit is called and allows, what is left of it, and in how many seconds it is full."""
        buckets = (self._requests, self._tokens, self._input, self._output)
        return [bucket.level() for bucket in buckets if bucket is not None]

    def headers(self) -> list[tuple[str, str]]:
        """The x-ratelimit headers as they stand now."""
        return self._requests.headers() + self._tokens.headers()


def _openais(bucket: _Bucket, amount: int, wait: float) -> str:
    return (
        f"Rate limit reached on {bucket.name} per min: Limit {bucket.limit}, Requested {amount}. "
        f"Please try again in {duration(wait)}."
    )


def _anthropics(bucket: _Bucket) -> str:
    return (
        f"This request would exceed your organization's rate limit of {bucket.limit:,} "
        f"{bucket.name.replace('-', ' ')} per minute. For details, refer to: "
        "https://docs.claude.com/en/api/rate-limits. You can see the response headers for current usage. Please "
        "reduce the prompt length or the maximum tokens requested, or try again later."
    )


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
