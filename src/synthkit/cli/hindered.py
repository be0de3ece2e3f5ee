"""What holds a run's calls back, in sentences: outages of services, and limits."""

from collections.abc import Iterator, Sequence
from math import isfinite
from typing import TYPE_CHECKING

from synthkit.cli.text import plain

if TYPE_CHECKING:
    from synthkit.engine.monitor import Monitor
    from synthkit.models.hindrance import Hindrance

WHAT = {"requests": "requests", "tokens": "tokens", "input": "input tokens", "output": "output tokens"}


def hindered(monitor: "Monitor") -> Sequence["Hindrance"]:
    """What holds calls back right now; nothing while the run is stopping, which says so itself."""
    return () if monitor.models is None or monitor.note else monitor.models.hindrances


def sentence(found: "Hindrance") -> str:
    """It in words: «teacher answers nothing good for 45 s (overloaded): trying every 30 s, giving up in 9 min»."""
    model = plain(found.model)
    if found.kind == "outage":
        said = f"{model} answers nothing good for {_time(found.lasts)} ({plain(found.reason)}): trying every "
        said += _time(found.every)
        if not found.left:
            return f"{said}, giving up"
        return said + (f", giving up in {_time(found.left)}" if isfinite(found.left) else "")
    if found.kind == "left":
        return f"{model} says that nothing is left of a limit: waiting, {_time(found.left)} more"
    if found.kind == "pace":
        return f"{model} refuses more than about {_amount(found.a_minute)} requests a minute: waiting"
    if found.kind.startswith("own "):
        what = WHAT[found.kind.removeprefix("own ")]
        return f"{model} is given {_amount(found.a_minute)} {what} a minute, as you set it: waiting"
    return f"{model} allows {_amount(found.a_minute)} {WHAT[found.kind]} a minute: waiting"


def _time(seconds: float) -> str:
    if seconds < 119.5:
        return f"{max(round(seconds), 1)} s"
    return f"{round(seconds / 60)} min" if seconds < 7170 else f"{seconds / 3600:.1f} h"


def _amount(number: float) -> str:
    return f"{number:,.0f}" if number >= 10 else f"{number:.2g}"


class News:
    """What plain lines tell of it: outages when they begin, and when they are over because something good has come;
    each limit once."""

    def __init__(self) -> None:
        self._out: dict[str, int] = {}
        """Models that are out, and how many answers there were when that was told."""
        self._told: set[tuple[str, str]] = set()

    def __call__(self, monitor: "Monitor") -> Iterator[str]:
        """What is new."""
        now = hindered(monitor)
        out = [found.model for found in now if found.kind == "outage"]
        for found in now:
            if found.kind == "outage":
                if found.model not in self._out and found.left:
                    self._out[found.model] = monitor.bill.total.answers
                    yield sentence(found)
            elif (found.model, found.kind) not in self._told:
                self._told.add((found.model, found.kind))
                yield sentence(found)
        for model in [model for model in self._out if model not in out]:
            if monitor.note:
                del self._out[model]
            elif monitor.bill.total.answers > self._out[model]:  # else nobody asks it any more
                del self._out[model]
                yield f"{plain(model)} answers again"
