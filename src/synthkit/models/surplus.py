"""The log of events in a storm: so many lines a second, and of the rest how many there were."""

import asyncio
from collections import Counter
from decimal import Decimal
from typing import Any

from synthkit.models.origin import Events

MOST, SECOND = 50, 1.0
"""Lines of a kind for one model and path that are written in a second, and that second."""


class Surplus:
    """Hands events on. Where an outage, or a limit, makes more of a kind than `MOST` a second, the others are counted,
    and written as one line with `calls` when the second is over: a kill loses the counts of that second, no more. What
    they may have cost is added up; those of unknown price are counted apart. One loop's."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self._seen: Counter[tuple[str, ...]] = Counter()
        self._more: Counter[tuple[str, ...]] = Counter()
        self._dollars: dict[tuple[str, ...], Decimal] = {}
        self._timer: asyncio.TimerHandle | None = None

    def event(self, kind: str, **data: Any) -> None:
        """What happened; see `Events`."""
        if "path" not in data:  # not of one call
            self._events.event(kind, **data)
            return
        place = (kind, str(data["model"]), str(data["path"]))
        self._seen[place] += 1
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(SECOND, self._over)
        if self._seen[place] <= MOST:
            self._events.event(kind, **data)
            return
        cost = data.get("may_cost")
        one = (*place, str(data.get("reason", "")), "" if cost is None else "priced")
        self._more[one] += 1
        if cost is not None:
            self._dollars[one] = self._dollars.get(one, Decimal(0)) + Decimal(cost)

    def flush(self) -> None:
        """Writes what was counted."""
        for (kind, model, path, reason, priced), calls in self._more.items():
            told: dict[str, Any] = {"model": model, "path": path, "calls": calls}
            told |= {"reason": reason} if reason else {}
            if priced:
                told["may_cost"] = str(self._dollars[kind, model, path, reason, priced])
            self._events.event(kind, **told)
        self._more.clear()
        self._dollars.clear()
        self._seen.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _over(self) -> None:
        self._timer = None
        self.flush()
