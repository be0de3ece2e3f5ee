"""The processes of a Ray that was started for a run, and their end.

As a program, `family.py FOLDER LIBRARIES`, it watches over them: once its input ends, because the run was killed, it
ends what is left of them and removes their folder. The kernel ends some of them with the run, not those that these have
started, and two of these go on for a minute. It imports nothing of synthkit.
"""

import contextlib
import importlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PATIENCE = 3.0
"""Seconds in which they end by themselves."""


def members(folder: str) -> list[Any]:
    """All processes of the Ray in a folder, but for this one: they have it in their environment, in their command, or,
    where they have overwritten both with a title, among their open files."""
    psutil = importlib.import_module("psutil")  # Ray brings its own
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and __file__ not in process.cmdline() and _of(process, folder):
                found.append(process)
    return found


def end(folder: str, patience: float = PATIENCE) -> None:
    """Waits until they have ended, and kills those that do not."""
    psutil = importlib.import_module("psutil")
    until = time.monotonic() + patience
    while left := members(folder):
        if time.monotonic() > until:
            for process in left:
                with contextlib.suppress(psutil.Error):
                    process.kill()
        psutil.wait_procs(left, timeout=0.2)
        if time.monotonic() > until + patience:  # in the kernel's hands
            return


@contextlib.contextmanager
def watched(folder: str) -> Iterator[None]:
    """Sees to it that they end with this process, however it ends."""
    psutil = importlib.import_module("psutil")
    place = str(Path(str(psutil.__file__)).parents[1])
    command = [sys.executable, "-I", __file__, folder, place]
    # a session of its own: what a terminal tells the run is not for it
    watcher = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        yield
        end(folder)
    finally:
        end(folder, 0)  # at once, where something went wrong
        watcher.kill()
        watcher.communicate()


def _of(process: Any, folder: str) -> bool:
    words = process.cmdline()
    if any(folder in word for word in words):
        return True
    variables = process.environ()
    if variables:
        return any(value.startswith(folder) for value in variables.values())
    return any("ray::" in word for word in words) and any(f.path.startswith(folder) for f in process.open_files())


if __name__ == "__main__":
    sys.path.insert(0, sys.argv[2])
    sys.stdin.buffer.read()
    end(sys.argv[1])
    shutil.rmtree(sys.argv[1], ignore_errors=True)
