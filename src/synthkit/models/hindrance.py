"""What holds the calls to a model back, for displays to tell."""

import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from synthkit.models.limiter import Limiter
from synthkit.models.service import Service

SOON = 2.0
"""Seconds of waiting that are not worth a word."""


@dataclass(frozen=True, slots=True)
class Hindrance:
    """Something that holds back all calls to a model.

    kind: "outage", where nothing good comes; "left", where the service says that nothing is left; "pace", where it
    refuses what is more; else the limit that all wait for, as in the headers ("requests", "tokens", "input", "output"),
    behind "own " where the user has set it. reason: the last failure's. lasts: seconds so far. every: seconds between
    probes. left: seconds until the run gives up (0: it has), or until all may go on. a_minute: what the limit allows.
    """

    model: str
    kind: str
    reason: str = ""
    lasts: float = 0.0
    every: float = 0.0
    left: float = math.inf
    a_minute: float = 0.0


def hindrances(services: Iterable[Service]) -> Sequence[Hindrance]:
    """Those of this moment, one a limiter. It only reads, so that a display may ask from a thread of its own."""
    now = time.monotonic()  # the loop's clock
    found: dict[Limiter, Hindrance] = {}
    for service in services:
        if service.limiter not in found and (said := _of(service.model.ref, service.limiter, now)):
            found[service.limiter] = said
    return list(found.values())


def _of(model: str, limiter: Limiter, now: float) -> Hindrance | None:
    breaker, held = limiter.breaker, limiter.held
    since = breaker.since
    if breaker.open and since is not None:
        left = 0.0 if limiter.stopped else max(0.0, since + limiter.give_up_after - now)
        return Hindrance(model, "outage", breaker.reason, now - since, breaker.every, left)
    if limiter.stopped or held is None or now - held[0] < SOON:
        return None
    began, kind, a_minute = held
    left = max(0.0, limiter.blocked - now) if kind == "left" else math.inf
    return Hindrance(model, kind, lasts=now - began, left=left, a_minute=a_minute)
