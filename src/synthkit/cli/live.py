"""The live display of a run on a terminal."""

import contextlib
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from synthkit.cli.hindered import hindered, sentence
from synthkit.cli.progress import Pace, accepted, on_ray, so_far
from synthkit.cli.runs import short
from synthkit.cli.summary import spending, together
from synthkit.cli.table import Cell, Column, Line, line, pairs, table
from synthkit.cli.text import count, cut, duration, plain, width_of, wrapped

if TYPE_CHECKING:
    from rich.text import Text

    from synthkit.engine.control import Control
    from synthkit.engine.monitor import Monitor
    from synthkit.engine.tally import Count, Tally

SHOW_CURSOR = b"\x1b[?25h"
AROUND = 12
"""Lines of the display that are no steps."""


@contextlib.contextmanager
def live(monitor: "Monitor", control: "Control") -> Iterator[None]:
    """Shows a run until it ends, redrawn five times a second in a thread of its own."""
    from rich.console import Console
    from rich.live import Live

    console = Console(stderr=True)
    display = Display(monitor, ascii_only=not console.encoding.lower().startswith("utf"))
    control.farewell = SHOW_CURSOR
    with Live(
        get_renderable=lambda: display.text(console.width, console.height),
        console=console,
        refresh_per_second=5,
        transient=True,  # the summary takes its place
        vertical_overflow="crop",
    ):
        yield


class Display:
    """The lines of the display, made anew each time."""

    def __init__(self, monitor: "Monitor", ascii_only: bool = False) -> None:
        self.monitor = monitor
        self.full, self.empty = ("#", "-") if ascii_only else ("━", "─")
        self._began = time.monotonic()
        self._pace = Pace()

    def text(self, width: int, height: int) -> "Text":
        """The display as rich draws it."""
        from rich.text import Text

        text = Text(no_wrap=True, overflow="crop", end="")
        try:
            lines = self.lines(time.monotonic(), width, height)
        except Exception as error:  # a run that is paid for does not end because of its display
            lines = [line(cut(plain(f"(no display: {type(error).__name__}: {error})"), width), "dim")]
        for number, pieces in enumerate(lines):
            if number:
                text.append("\n")
            for part, style in pieces:
                text.append(part, style or None)
        return text

    def lines(self, now: float, width: int, height: int) -> list[Line]:
        """The lines at a time, for a screen of this size."""
        monitor = self.monitor
        tally = monitor.now()
        number, goal, what = accepted(monitor, tally)
        far = self._bar(number, goal, what, width) if goal else self._stage(number, what, width)
        lines = [self._title(now, width), far, line("")]
        if monitor.labels:
            lines += [*table(_columns(width), self._rows(tally, max(height - AROUND, 3)), width), line("")]
        pace = self._pace(monitor, tally, now)
        rows = spending(together(tally), monitor.bill.total, monitor.in_flight)
        rows += [("rate", pace)] if pace else []
        rows += [("on", on_ray(monitor))] if monitor.ray else []
        lines += pairs(rows, width)
        said = [*(plain(text) for text in [monitor.note or monitor.awaits] if text), *map(sentence, hindered(monitor))]
        lines += [line(text, "yellow") for one in said for text in wrapped(one, width, 2)]
        return lines

    def _title(self, now: float, width: int) -> Line:
        monitor = self.monitor
        clock = f"round {monitor.round + 1}  {duration(now - self._began)}"
        name = cut(plain(monitor.name), max(width - len(clock) - 2, 8))
        room = width - len(clock) - width_of(name) - 4
        folder = cut(short(monitor.folder), room, middle=True) if monitor.folder and room > 8 else ""
        gap = width - len(clock) - width_of(name) - 2 - width_of(folder)
        return [(name, "bold"), ("  ", ""), (folder, "dim"), (" " * gap, ""), (clock, "dim")]

    def _bar(self, number: int, goal: int, what: str, width: int, before: str = "") -> Line:
        said = f"  {before}{count(number)} of {count(goal)} {what}"
        room = max(width - len(said), 0)
        full = min(number * room // goal, room)
        return [(self.full * full, "green"), (self.empty * (room - full), "dim"), (said, "")]

    def _stage(self, number: int, what: str, width: int) -> Line:
        """How far it is where there is no target: a bar from the second stage on, whose records are counted."""
        done, whole, where = so_far(self.monitor)
        said = f"{count(number)} {what}"
        if not whole:
            return line(said)
        if self.monitor.stage:
            return self._bar(done, whole, where, width, before=f"{said}, ")
        return line(cut(f"{said}, {count(done)} of {count(whole)} {where}", width))

    def _rows(self, tally: "Tally", room: int) -> list[Sequence[Cell]]:
        """A row a step; of very many those around the furthest that records have reached."""
        labels = self.monitor.labels
        first, last = 0, len(labels)
        if last > room:
            reached = max((i for i, label in enumerate(labels) if label in tally), default=0)
            first = min(max(reached - room + 3, 0), last - room + 1)
            last = min(first + room - 1, last)
            if first:
                last -= 1
        rows: list[Sequence[Cell]] = [_row(label, tally.get(label)) for label in labels[first:last]]
        if first:
            rows.insert(0, _more(first, "before"))
        if last < len(labels):
            rows.append(_more(len(labels) - last, "after"))
        return rows


def _columns(width: int) -> Sequence[Column]:
    wide = 7 if width >= 60 else 0
    numbers = (Column(title, right=True, wide=wide) for title in ("in", "out", "dropped", "failed"))
    return [Column("step", fit="middle", least=10, wide=2 * wide), *numbers]


def _row(label: str, c: "Count | None") -> Sequence[Cell]:
    if c is None:
        return [(plain(label), "dim"), *[("–", "dim")] * 4]
    failed: Cell = (count(c.failed), "red") if c.failed else ("0", "dim")
    return [plain(label), count(c.seen), count(c.out), count(c.dropped) if c.dropped else ("0", "dim"), failed]


def _more(number: int, where: str) -> Sequence[Cell]:
    return [(f"… {number:,} more {where}", "dim"), "", "", "", ""]
