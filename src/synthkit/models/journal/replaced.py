"""Segments that stand for others: written down before a new one appears, so that whoever dies on the way is followed.

compaction           flocked by the process that compacts the journal; holds who that is
compaction.replaced  JSON: the numbers of new segments, each with how it begins and what it stands for
compaction.journal   a segment that is being made of others, before it has a number; compaction.keys is its sidecar

What stands in `compaction.replaced` holds from the moment on in which the new segment has its name: the old ones do not
count any more, and whoever opens the journal for writing removes them, unless somebody still reads all of it. That it
says how the new one begins makes sure that no other file, which a crash gave the same number, is taken for it.
"""

import fcntl
import json
import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from io import FileIO

from synthkit.errors import LockedError
from synthkit.models.journal.folder import COMPACTION, REPLACED, Folder, creating, head_of, sync_folder
from synthkit.models.journal.sidecar import aside


class Replacing:
    """The right to replace segments of a folder, which one process has at a time.

    journal, keys: where a new segment and its sidecar are made.
    """

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self.journal = folder.path / f"{COMPACTION}.journal"
        self.keys = folder.path / f"{COMPACTION}.keys"

    def put(self, olds: Sequence[int]) -> int:
        """Gives the segment that was made, which is durable, a number: from now on it stands for these."""
        folder = self._folder
        with folder.locked():
            new = folder.claim()
            self._note({**folder.announced(), new: (head_of(self.journal), olds)})
            self.keys.replace(folder.sidecar(new))
            self.journal.replace(folder.segment(new))
            sync_folder(folder.path)
        return new

    def remove(self, tries: int = 20) -> bool:
        """Removes what was replaced, and what was left half made. False while somebody reads all segments."""
        folder = self._folder
        self.drop()
        announced = folder.announced()
        if not announced:
            (folder.path / REPLACED).unlink(missing_ok=True)
            return True
        with folder.emptied(tries) as alone:
            if not alone:
                return False
            replaced = folder.replaced()
            for new, (_, olds) in announced.items():
                if new in replaced:
                    for number in olds:
                        folder.segment(number).unlink(missing_ok=True)
                        folder.sidecar(number).unlink(missing_ok=True)
                elif not folder.segment(new).exists():  # its sidecar may have come without it
                    folder.sidecar(new).unlink(missing_ok=True)
            sync_folder(folder.path)
            (folder.path / REPLACED).unlink()
            sync_folder(folder.path)
        return True

    def drop(self) -> None:
        """Removes what is half made."""
        for path in (self.journal, self.keys, aside(self.keys), aside(self._folder.path / REPLACED)):
            path.unlink(missing_ok=True)

    def _note(self, announced: Mapping[int, tuple[str, Sequence[int]]]) -> None:
        path = self._folder.path / REPLACED
        with aside(path).open("w") as file:
            json.dump({str(new): told for new, told in announced.items()}, file)
            file.flush()
            os.fsync(file.fileno())
        aside(path).replace(path)
        sync_folder(path.parent)


@contextmanager
def replacing(folder: Folder) -> Iterator[Replacing]:
    """Raises `LockedError` naming the process that compacts the journal right now."""
    with FileIO(str(folder.path / COMPACTION), "r+", opener=creating) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = file.read(1000).decode(errors="replace").strip() or "another process"
            raise LockedError(f"{folder.path} is being compacted by {holder}: wait for it") from error
        file.truncate(0)
        os.pwrite(file.fileno(), f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)
        yield Replacing(folder)


def clear(folder: Folder) -> None:
    """Goes on for a process that died while it compacted the journal, as far as that can be done now."""
    if any(folder.path.glob(f"{COMPACTION}.*")):
        with suppress(OSError, LockedError), replacing(folder) as right:
            right.remove(tries=1)
