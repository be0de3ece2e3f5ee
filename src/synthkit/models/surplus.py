"""The log of events in a storm: so many lines a second, and of the rest how many there were."""

import asyncio
from collections import Counter
from typing import Any

from synthkit.models.origin import Events
from synthkit.models.purchase import LOST

MOST, SECOND = 50, 1.0
"""Lines of a kind for one model and path that are written in a second, and that second."""


class Surplus:
    """Hands events on. Where an outage, or a limit, makes more of a kind than `MOST` a second, the others are counted,
    and written as one line with `calls` when the second is over: a kill loses the counts of that second, no more. What
    may have cost money is written at once, all of it. One loop's."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self._seen: Counter[tuple[str, ...]] = Counter()
        self._more: Counter[tuple[str, ...]] = Counter()
        self._timer: asyncio.TimerHandle | None = None

    def event(self, kind: str, **data: Any) -> None:
        """What happened; see `Events`."""
        if "path" not in data or kind == LOST:
            self._events.event(kind, **data)
            return
        place = (kind, str(data["model"]), str(data["path"]))
        self._seen[place] += 1
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(SECOND, self._over)
        if self._seen[place] <= MOST:
            self._events.event(kind, **data)
            return
        self._more[*place, str(data.get("reason", ""))] += int(data.get("calls", 1))

    def flush(self) -> None:
        """Writes what was counted."""
        for (kind, model, path, reason), calls in self._more.items():
            self._events.event(kind, model=model, path=path, calls=calls, **({"reason": reason} if reason else {}))
        self._more.clear()
        self._seen.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _over(self) -> None:
        self._timer = None
        self.flush()
