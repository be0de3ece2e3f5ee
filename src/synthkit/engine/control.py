"""Stopping a run from outside, and the command that goes on with it."""

import asyncio
import contextlib
import os
import shlex
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

from synthkit.engine.monitor import Monitor
from synthkit.models.calls import Models


class Control:
    """Stops a run from outside: once orderly, twice at once."""

    def __init__(self, models: Models, monitor: Monitor, loop: asyncio.AbstractEventLoop) -> None:
        self._models, self._monitor, self._loop = models, monitor, loop
        self.asked = 0
        self.farewell = b""
        """What a display wants written to the terminal, to leave it in order, when the run is stopped at once."""

    def stop(self, by: str = "Ctrl-C") -> None:
        """No further question is asked; answers on their way are kept, finished records committed."""
        self.asked += 1
        self._monitor.stopped_by = by
        self._monitor.note = f"stopping: waiting for the answers on their way; {by} again stops at once"
        self._loop.call_soon_threadsafe(self._models.stopping.set)


@contextlib.contextmanager
def signals(control: Control, folder: Path) -> Iterator[None]:
    """Ctrl-C and a request to terminate stop orderly; the second one at once.

    Plain signal handlers, not the loop's: they are heard while a step keeps the loop busy, too.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, _: object) -> None:
        control.stop("Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name)
        if control.asked > 1:
            said = f"\nstopped at once; nothing that was answered is lost\ngo on with: {go_on(folder)}\n"
            os.write(2, control.farewell + said.encode("utf-8", "surrogateescape"))
            os._exit(130)

    before = {one: signal.signal(one, interrupt) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, signal.SIG_DFL if handler is None else handler)


def go_on(folder: Path, *options: str) -> str:
    """The command that goes on with a run, to be typed in the working folder."""
    place = str(folder)
    with contextlib.suppress(ValueError, OSError):
        place = min(place, os.path.relpath(folder), key=len)
    return shlex.join(["synthkit", "resume", place, *options])
