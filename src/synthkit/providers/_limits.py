"""What replies tell of a service's limits.

OpenAI and those who follow it: https://developers.openai.com/api/docs/guides/rate-limits#rate-limits-in-headers
Anthropic: https://platform.claude.com/docs/en/api/rate-limits#response-headers
"""

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import ClassVar

from synthkit.core import Quota, Quotas

LARGEST = 1e15
"""What a limit cannot be, nor a time in seconds."""
NUMBER = re.compile(r"\s*\d{1,15}(\.\d{1,9})?\s*", re.ASCII)
DURATION = re.compile(
    r"(?=.)(?:(\d{1,9}(?:\.\d{1,9})?)d)?(?:(\d{1,9}(?:\.\d{1,9})?)h)?(?:(\d{1,9}(?:\.\d{1,9})?)m(?!s))?"
    r"(?:(\d{1,9}(?:\.\d{1,9})?)s)?(?:(\d{1,9}(?:\.\d{1,9})?)ms)?",
    re.ASCII,
)
UNITS = (86_400.0, 3600.0, 60.0, 1.0, 0.001)
MINUTE = 90.0
"""Seconds in which a limit for each minute is whole again, at most: what takes longer is for an hour or a day."""


class Gauge(ABC):
    """Reads the limits in the headers of replies, and tells them. Headers that are alike are parsed once.

    names: the headers, for each kind of limit three: what it allows, what is left, and when it is whole again. dated:
    whether they count from the reply's date.
    """

    names: ClassVar[Sequence[str]]
    dated: ClassVar[bool] = False

    def __init__(self, heard: Callable[[Quotas], None]) -> None:
        self._heard = heard
        self._none = (None,) * len(self.names)
        self._last: tuple[str | None, ...] = ()
        self._date: str | None = None
        self._quotas: Quotas | None = None

    def read(self, headers: Mapping[str, str]) -> None:
        """Tells what a reply's headers say; nothing where they say nothing."""
        values = tuple(map(headers.get, self.names))
        if values == self._none:
            return
        date = headers.get("date") if self.dated else None
        if values != self._last or date != self._date:
            self._last, self._date, self._quotas = values, date, self.quotas(values, date)
        if self._quotas is not None:
            self._heard(self._quotas)

    @abstractmethod
    def quotas(self, values: Sequence[str | None], date: str | None) -> Quotas | None:
        """The limits in the values of the headers; None where they hold none."""


class OpenAIGauge(Gauge):
    """`x-ratelimit-{limit,remaining,reset}-{requests,tokens}`, the reset as `6m0s` or `120ms`, or in seconds."""

    names = tuple(
        f"x-ratelimit-{what}-{kind}" for kind in ("requests", "tokens") for what in ("limit", "remaining", "reset")
    )

    def quotas(self, values: Sequence[str | None], date: str | None) -> Quotas | None:
        requests, tokens = (
            _of_a_minute(_quota(limit, left, duration(reset))) for limit, left, reset in (values[:3], values[3:])
        )
        return Quotas(requests=requests, tokens=tokens) if requests or tokens else None


class AnthropicGauge(Gauge):
    """`anthropic-ratelimit-{requests,tokens,input-tokens,output-tokens}-{limit,remaining,reset}`, the reset as a time,
    which counts from the reply's own date. `tokens` is a workspace's limit of both together where that is the nearest,
    else the sum of input and output. What is left of tokens is rounded to thousands."""

    names = tuple(
        f"anthropic-ratelimit-{kind}-{what}"
        for kind in ("requests", "tokens", "input-tokens", "output-tokens")
        for what in ("limit", "remaining", "reset")
    )
    dated = True

    def quotas(self, values: Sequence[str | None], date: str | None) -> Quotas | None:
        now = _sent(date)
        requests, tokens, input, output = (
            _quota(values[at], values[at + 1], _until(values[at + 2], now)) for at in (0, 3, 6, 9)
        )
        return Quotas(requests, tokens, input, output) if requests or tokens or input or output else None


def _quota(limit: str | None, remaining: str | None, whole_in: float | None) -> Quota | None:
    most, left = number(limit), number(remaining)
    if most is None and left is None:
        return None
    if most is not None and left is not None and left > most:
        left = most
    return Quota(most, left, whole_in)


def _of_a_minute(quota: Quota | None) -> Quota | None:
    """A limit without what it allows, where that is not for each minute: `x-ratelimit-limit-requests` is a day's at
    Groq, and for some models of OpenAI. How long the used part takes to come back, give or take a second, tells."""
    if quota is None or not quota.most or quota.left is None or quota.whole_in is None or quota.left == quota.most:
        return quota
    period = (quota.whole_in - 1) * quota.most / (quota.most - quota.left)
    return replace(quota, most=None) if period > MINUTE else quota


def number(text: str | None) -> float | None:
    """A count in a header; None for what is none."""
    if text is None or not NUMBER.fullmatch(text):
        return None
    value = float(text)
    return value if value < LARGEST else None


def duration(text: str | None) -> float | None:
    """Seconds in a notation like `6m0s`, `120ms`, `1h2m3s`, or alone; None for what is none."""
    if text is None or len(text) > 60:
        return None
    if (alone := number(text)) is not None:
        return alone
    found = DURATION.fullmatch(text.strip())
    if found is None or not any(found.groups()):
        return None
    seconds = math.fsum(float(part) * unit for part, unit in zip(found.groups(), UNITS, strict=True) if part)
    return seconds if seconds < LARGEST else None


def _sent(text: str | None) -> datetime | None:
    try:
        date = parsedate_to_datetime(text or "")
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return date if date.tzinfo else None


def _until(text: str | None, now: datetime | None) -> float | None:
    """Seconds until a time (RFC 3339); None where one of the two is no time."""
    if text is None or now is None:
        return None
    try:
        then = datetime.fromisoformat(text.strip())
        return max(0.0, (then - now).total_seconds()) if then.tzinfo else None
    except (ValueError, OverflowError):
        return None
