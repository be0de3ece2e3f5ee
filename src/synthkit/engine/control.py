"""Stopping a run from outside, and the command that goes on with it."""

import asyncio
import contextlib
import os
import shlex
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from synthkit.engine.cluster.address import LOCAL
from synthkit.engine.monitor import Monitor
from synthkit.engine.store import read_state
from synthkit.errors import StoreError
from synthkit.models.calls import Models


class Control:
    """Stops a run from outside: once orderly, twice at once."""

    def __init__(self, models: Models, monitor: Monitor, loop: asyncio.AbstractEventLoop) -> None:
        self._models, self._monitor, self._loop = models, monitor, loop
        self.asked = 0
        self.farewell = b""
        """What a display wants written to the terminal, to leave it in order, when the run is stopped at once."""
        self.leave: Callable[[], None] = _nothing
        """What else is to be done then."""

    def stop(self, by: str = "Ctrl-C") -> None:
        """No further question is asked; answers on their way are kept, finished records committed."""
        self.asked += 1
        self._monitor.stopped_by = by
        self._monitor.note = f"stopping: waiting for the answers on their way; {by} again stops at once"
        self._loop.call_soon_threadsafe(self._models.stopping.set)


@contextlib.contextmanager
def signals(control: Control, folder: Path | None) -> Iterator[None]:
    """Ctrl-C, a request to terminate, and a terminal that is closed stop orderly; the second one at once. folder: where
    the run can go on; None for a preview, which does not.

    Plain signal handlers, not the loop's: they are heard while a step keeps the loop busy, too.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, _: object) -> None:
        if number == signal.SIGHUP and control.asked:
            return  # a closed terminal is told by the system and by the shell
        control.stop("Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name)
        if control.asked > 1:
            more = f"go on with: {go_on(folder)}\n" if folder else ""
            said = f"\nstopped at once; nothing that was answered is lost\n{more}"
            with contextlib.suppress(OSError):  # the terminal may be gone
                os.write(2, control.farewell + said.encode("utf-8", "surrogateescape"))
            control.leave()
            os._exit(130)

    heard = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup wants to go on
        heard.append(signal.SIGHUP)
    before = {one: signal.signal(one, interrupt) for one in heard}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, signal.SIG_DFL if handler is None else handler)


def _nothing() -> None:
    return


def go_on(folder: Path, *options: str) -> str:
    """The command that goes on with a run where it ran last, to be typed in the working folder."""
    place = str(folder)
    with contextlib.suppress(ValueError, OSError):
        place = min(place, os.path.relpath(folder), key=len)
    with contextlib.suppress(StoreError):
        state = read_state(folder)
        if (ray := state.get("ray")) is not None:
            options = (*options, "--ray", *([] if ray == LOCAL else [ray]))
        if (env := state.get("runtime_env")) is not None:
            options = (*options, "--runtime-env", *([env] if env else []))
    return shlex.join(["synthkit", "resume", place, *options])
