"""The segments: the one that this process appends to, and those that others still may append to."""

import errno
import fcntl
import os
from collections.abc import Callable
from contextlib import suppress
from io import FileIO
from pathlib import Path

from synthkit.models.journal.block import Block, Gap, read_block, read_blocks
from synthkit.models.journal.folder import Folder, sync_folder
from synthkit.models.journal.sidecar import Sidecar, write_sidecar

# fdatasync leaves out the file's times, not its size; macOS has none
_sync = getattr(os, "fdatasync", os.fsync)


class Own:
    """The segment of this process. Its lock tells the others that the owner lives."""

    def __init__(self, folder: Folder) -> None:
        """Claims the next number; the folder is locked."""
        self.number = folder.claim()
        self.path = folder.segment(self.number)
        self._file = FileIO(str(self.path), "x+")
        fcntl.flock(self._file, fcntl.LOCK_EX)
        self.size = 0

    def write(self, data: bytes) -> int:
        """Appends all of it or, as far as the system allows, nothing; returns the offset. Not yet durable."""
        start, done = self.size, 0
        if os.fstat(self._file.fileno()).st_nlink == 0:  # deleted under us: what is written now would be gone
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self.path))
        try:
            while done < len(data):
                done += os.pwrite(self._file.fileno(), memoryview(data)[done:], start + done)
        except OSError:
            with suppress(OSError):  # a half-written tail is cut later, by whoever opens the journal next
                self._file.truncate(start)
            raise
        self.size += done
        return start

    def sync(self) -> None:
        _sync(self._file.fileno())

    def close(self) -> None:
        self._file.close()


class Tail:
    """A segment of another process that lives, or that may not be sealed here: read on as it grows."""

    def __init__(self, path: Path, places: dict[bytes, int]) -> None:
        self.path = path
        self.places = places
        self._end = 0  # of the last whole block
        self._seen = 0
        self._durable = 0

    def follow(self, note: Callable[[str], None], *, locked: bool) -> Gap | None:
        """Reads what is new; returns what lies behind the last whole block, which may be a write under way.

        `locked`: the folder is, so that no write is, and a broken end need not be looked at again.
        """
        try:
            size = self.path.stat().st_size
        except FileNotFoundError:
            return None  # somebody deleted it: its answers are found missing when they are asked for
        if size == self._seen:
            return None
        gap = None
        with self.path.open("rb") as file:
            for part in read_blocks(file, self._end, size):
                if isinstance(part, Gap):
                    gap = part
                    continue
                if gap is not None:
                    note(damaged(self.path, gap))
                    gap = None
                self.places.update(part.places())
                self._end = part.end
        self._seen = size if locked else self._end
        return gap

    def make_durable(self, offset: int) -> None:
        """What stands there may be written and not yet synced by its owner: it does not count before it is."""
        if offset < self._durable:
            return
        end = self._end
        with suppress(FileNotFoundError), self.path.open("rb") as file:  # what replaced it is durable
            os.fsync(file.fileno())
        self._durable = end


def recover(file: FileIO, path: Path, note: Callable[[str], None]) -> tuple[dict[bytes, int], int]:
    """Reads a segment whose owner is gone and cuts a torn tail; returns its places and its size.

    `file` is open for writing and locked.
    """
    places: dict[bytes, int] = {}
    size = os.fstat(file.fileno()).st_size
    with path.open("rb") as reader:
        for part in read_blocks(reader, 0, size):
            if isinstance(part, Block):
                places.update(part.places())
            elif part.torn:
                file.truncate(part.offset)
                size = part.offset
                note(torn(path, part, "and were cut"))
            else:
                note(damaged(path, part))
    _sync(file.fileno())
    return places, size


def seal(folder: Folder, number: int, places: dict[bytes, int], size: int) -> Sidecar | None:
    """Writes the sidecar of a segment that grows no more, and reads it back; OSError if it cannot be written."""
    path = folder.sidecar(number)
    write_sidecar(path, size, places)
    sync_folder(folder.path)
    return Sidecar.load(path, size)


def cut_short(path: Path, size: int, sidecar: Sidecar) -> bool:
    """Whether a segment of this size lacks what its sidecar knows to be at its end."""
    if sidecar.covered <= size or not len(sidecar):
        return False
    last = max(place >> 16 for _, place in sidecar)
    with path.open("rb") as file:
        return read_block(file, last, size) is None


def short(path: Path, size: int, sealed: int) -> str:
    return f"{path} has {size} of the {sealed} bytes that it had once: copy it again from where it came from"


def damaged(path: Path, gap: Gap) -> str:
    return f"{path}: {gap.end - gap.offset} bytes from offset {gap.offset} are damaged and were skipped"


def torn(path: Path, gap: Gap, fate: str) -> str:
    return f"{path}: the last {gap.end - gap.offset} bytes, from offset {gap.offset}, are an unfinished write {fate}"
