"""Folders that live as long as a process: a lock says that it lives, and the next one clears those of others away."""

import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path
from typing import BinaryIO

PREFIX = "synthkit-lane-"
"""How the folders of lanes begin."""
LOCK = "lock"


class Room:
    """The folder of a lane, which only this user can read: for what it is sent."""

    def __init__(self) -> None:
        base = tempfile.gettempdir()
        sweep(base, PREFIX)
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))
        self._lock = locked(self.path)

    def close(self) -> None:
        """Clears it away."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.close()


def locked(folder: Path) -> BinaryIO:
    """Locks a folder until what it returns is closed, or this process ends. Raises `OSError`."""
    new = folder / f"{LOCK}.new"
    lock = new.open("xb")
    fcntl.flock(lock, fcntl.LOCK_EX)
    new.rename(folder / LOCK)  # appears locked
    return lock


def sweep(base: str, prefix: str) -> None:
    """Clears away the folders whose processes are gone."""
    for lock in sorted(Path(base).glob(f"{prefix}*/{LOCK}")):
        with contextlib.suppress(OSError), lock.open("rb") as file:  # somebody else's, or alive
            if os.fstat(file.fileno()).st_uid == os.getuid():
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(lock.parent, ignore_errors=True)
