"""How far something is that takes its time: one line on stderr, gone when it is done."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from synthkit.cli import screen

PATIENCE, EVERY = 1.0, 0.2
"""Seconds before anything is shown, and between two changes."""


@contextmanager
def waiting(what: str) -> Iterator[Callable[[int, int], None]]:
    """Gives a function that is told what is done, and of how much. It shows nothing where there is no terminal."""
    begun = time.monotonic()
    shown = 0.0
    seen = screen.is_terminal(sys.stderr)

    def watch(done: int, of: int) -> None:
        nonlocal shown
        now = time.monotonic()
        if not seen or now - begun < PATIENCE or now - shown < EVERY:
            return
        shown = now
        share = f"{min(done * 100 // of, 100)} %" if of else f"{done:,}"
        screen.write(f"\r\x1b[K{what}: {share}", sys.stderr)

    try:
        yield watch
    finally:
        if shown:
            screen.write("\r\x1b[K", sys.stderr)
