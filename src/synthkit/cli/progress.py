"""What is shown while a run runs: plain lines here, and the choice between them and the live display."""

import contextlib
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING

from synthkit.cli import screen
from synthkit.cli.hindered import News
from synthkit.cli.runs import short
from synthkit.cli.summary import together
from synthkit.cli.text import count, duration, money, plain, several

if TYPE_CHECKING:
    from synthkit.engine.control import Control
    from synthkit.engine.execution import Watch
    from synthkit.engine.monitor import Monitor
    from synthkit.engine.tally import Tally

EVERY = 10.0
"""Seconds between plain lines."""
LOOK = 0.2
"""Seconds between looks at the monitor."""
SOON = 3.0
"""Seconds that say too little of a rate."""


def watcher(quiet: bool, *, lines: bool = True) -> "Watch":
    """What shows a run on this terminal, or beside none. lines: whether plain lines are shown beside none."""

    @contextlib.contextmanager
    def watch(monitor: "Monitor", control: "Control") -> Iterator[None]:
        if quiet or not (screen.is_terminal(sys.stderr) and screen.is_terminal(sys.stdout)):
            with Lines(monitor, quiet or not lines):
                yield
            return
        from synthkit.cli.live import live

        with live(monitor, control):
            yield

    return watch


def accepted(monitor: "Monitor", tally: "Tally") -> tuple[int, int | None, str]:
    """How far a run is: records, how many are wanted, and what they are called: those that left the steps of every
    round are only candidates where steps at the end choose among them."""
    body, labels = list(monitor.body), monitor.labels
    tail = labels[len(body) :]
    if tail and tail[-1] in tally:
        return tally[tail[-1]].out, monitor.target, "accepted"
    last = tally.get(body[-1]) if body else None
    number = last.out if last else monitor.accepted
    if tail:
        return number, monitor.goal, "candidates"
    return (number if monitor.target is None else min(number, monitor.target)), monitor.target, "accepted"


def said(monitor: "Monitor", now: float = 0.0, speed: "Pace | None" = None) -> str:
    """How far a run is, in a line: «round 2: 120 of 500 accepted, 340 calls, $0.12, 2.5 accepted a second»."""
    tally = monitor.now()
    number, goal, what = accepted(monitor, tally)
    fast = speed(monitor, tally, now) if speed else ""
    parts = [f"{count(number)}{'' if goal is None else f' of {count(goal)}'} {what}"]
    done, whole, where = so_far(monitor)
    parts += [f"{count(done)} of {count(whole)} {where}"] if whole and not goal else []
    used = together(tally)
    calls = monitor.bill.total.calls
    if used.asked or calls or monitor.in_flight:
        parts += [several(calls, "call")]
        parts += [f"{monitor.in_flight} in flight"] if monitor.in_flight else []
        parts += ["cost unknown" if used.unpriced else money(used.cost)]
    parts += [fast] if fast else []
    return f"round {monitor.round + 1}: {', '.join(parts)}"


class Rate:
    """Records a second, over the last minute."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def __call__(self, now: float, number: int) -> float | None:
        """None in the first seconds, which say nothing."""
        self._seen.append((now, number))
        while now - self._seen[0][0] > 60:
            self._seen.popleft()
        since, before = self._seen[0]
        return (number - before) / (now - since) if now - since >= SOON else None


def pace(rate: float, number: int, goal: int | None, what: str) -> str:
    """How fast a run is, and how long it will take at that: «2.5 accepted a second, about 1:20 left»."""
    said = f"{rate:,.1f} {what} a second" if rate >= 1 else f"{rate * 60:,.1f} {what} a minute"
    left = (goal - number) / rate if goal is not None and rate else 0
    return f"{said}, about {duration(left)} left" if left > 0 else said


class Pace:
    """How fast a run is: by what is accepted or, where that comes at the end of a round only, by the records that went
    through the stage that is running."""

    def __init__(self) -> None:
        self._accepted, self._stage = Rate(), Rate()
        self._place = (0, 0)

    def __call__(self, monitor: "Monitor", tally: "Tally", now: float) -> str:
        """In words; empty as long as nothing can be said."""
        number, goal, what = accepted(monitor, tally)
        speed = self._accepted(now, number)
        several = len(monitor.stages) > 1
        if speed and not several:
            return pace(speed, number, goal, what)
        if self._place != (monitor.round, monitor.stage):
            self._place, self._stage = (monitor.round, monitor.stage), Rate()
        done, coming = through(monitor)
        speed = self._stage(now, done)
        if not speed:
            return ""
        said = pace(speed, done, coming, "records")
        return f"{said} of stage {monitor.stage + 1} of {len(monitor.stages)}" if several and "left" in said else said


def through(monitor: "Monitor") -> tuple[int, int | None]:
    """How many records went through the stage that is running, and how many come into it."""
    labels = monitor.stages[monitor.stage] if monitor.stages else ()
    if not labels or not (done := monitor.finished(labels[0])):
        return 0, None
    before = next((stage for stage in reversed(monitor.stages[: monitor.stage]) if stage), None)
    last = monitor.tally.get(before[-1]) if before else None
    return done, last.out if last else monitor.coming


def so_far(monitor: "Monitor") -> tuple[int, int, str]:
    """What there is to say where no target says how far a run is: how many records went through the stage that is
    running, of how many, and where. What the generator still has is not known, so in the first stage it is of those
    that have begun; of none where nothing can be said."""
    done, coming = through(monitor)
    if monitor.stage == 0:
        return done, (done + monitor.under_way) if monitor.stages else 0, "so far"
    return done, coming or 0, f"in stage {monitor.stage + 1} of {len(monitor.stages)}"


class Lines:
    """Plain lines on stderr: at the beginning, when a round is over, now and then, when a service is out or a limit
    holds back, and when the run is stopping. quiet: only the last."""

    def __init__(self, monitor: "Monitor", quiet: bool = False) -> None:
        self.monitor, self.quiet = monitor, quiet
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="progress", daemon=True)
        self._round, self._note, self._awaits = monitor.round, monitor.note, ""
        self._told = time.monotonic()
        self._pace = Pace()
        self._pace(monitor, monitor.now(), self._told)
        self._news = News()

    def __enter__(self) -> None:
        if not self.quiet and self.monitor.folder:
            _tell(f"{self.monitor.name}: run folder {short(self.monitor.folder)}")
            if told := on_ray(self.monitor):
                _tell(f"on {told}")
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self.look(self._told)

    def look(self, now: float) -> None:
        """Tells what is worth telling at this time."""
        monitor = self.monitor
        if monitor.note != self._note:
            self._note = monitor.note
            _tell(monitor.note)
        if monitor.awaits != self._awaits and not self.quiet:
            self._awaits = monitor.awaits
            if self._awaits:
                _tell(plain(self._awaits))
        for news in () if self.quiet else self._news(monitor):
            _tell(news)
        if not self.quiet and (monitor.round != self._round or now - self._told >= EVERY):
            self._round, self._told = monitor.round, now
            _tell(said(monitor, now, self._pace))

    def _loop(self) -> None:
        while not self._over.wait(LOOK):
            self.look(time.monotonic())


def on_ray(monitor: "Monitor") -> str:
    """Which Ray a run is on, in words; empty where it is on none."""
    if monitor.ray is None:
        return ""
    where = f"Ray at {monitor.ray['address']}" if monitor.ray["address"] else "a Ray of its own"
    nodes = f"{several(monitor.ray['nodes'], 'node')}, " if monitor.ray["address"] else ""
    return f"{where}: {nodes}{monitor.ray['cpus']:g} CPUs"


def _tell(text: str) -> None:
    screen.write(f"{text}\n", sys.stderr)
