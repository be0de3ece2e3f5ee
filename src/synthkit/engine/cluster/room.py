"""The room of a lane: a folder for what it is sent, that goes with it."""

import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path

PREFIX = "synthkit-lane-"


class Room:
    """A folder that only this user can read. A lock says that its lane lives: of one that was killed, the next that
    begins on this machine clears the folder away."""

    def __init__(self) -> None:
        base = Path(tempfile.gettempdir())
        sweep(base)
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))
        new = self.path / ".lock.new"
        self._lock = new.open("xb")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        new.rename(self.path / ".lock")  # appears locked

    def close(self) -> None:
        """Clears it away."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.close()


def sweep(base: Path) -> None:
    """Clears away the rooms of lanes that are gone."""
    for lock in sorted(base.glob(f"{PREFIX}*/.lock")):
        with contextlib.suppress(OSError), lock.open("rb") as file:  # somebody else's, or alive
            if os.fstat(file.fileno()).st_uid == os.getuid():
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(lock.parent, ignore_errors=True)
