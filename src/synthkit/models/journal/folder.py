"""The journal's folder: its files' names, its locks, and what its errors say.

000001.journal   a segment: blocks, appended by one process, which holds an flock on it for its life
000001.keys      its sidecar, once it is sealed
lock             flocked while a process looks at the others' tails and writes a block; holds the last number
                 claimed, so that a process sees new segments without listing the folder
compaction       flocked by the process that makes few segments of many; holds who that is. What it leaves beside it
                 (compaction.…) is explained in `replaced`

The folder itself is flocked, too: shared while somebody lists or reads all segments, alone while some are removed.
"""

import errno
import fcntl
import json
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path

from synthkit.errors import JournalError

LOCK, COMPACTION, REPLACED = "lock", "compaction", "compaction.replaced"
HEAD = 28
"""Bytes of a block's head."""
PAUSE = 0.05
"""Seconds between two looks whether somebody reads."""
_OURS = re.compile(r"(\d{6,})\.(journal|keys|keys\.tmp)")
_FIXES = {
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some space",
    errno.EFBIG: "raise the limit on file sizes",
    errno.EACCES: "give this user access to it",
    errno.EPERM: "give this user access to it",
    errno.EROFS: "use a folder that can be written to",
    errno.ENOENT: "leave the folder where it is while runs use it",
    errno.ENOTDIR: "use a path where no file is in the way",
    errno.EEXIST: "use a path where no file is in the way",
    errno.EMFILE: "raise the limit on open files",
}


class Folder:
    """Names and locks of one journal's folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: FileIO | None = None

    def segment(self, number: int) -> Path:
        return self.path / f"{number:06}.journal"

    def sidecar(self, number: int) -> Path:
        return self.path / f"{number:06}.keys"

    def numbers(self, note: Callable[[str], None]) -> list[int]:
        """The segments' numbers, in order, without those that were replaced; other people's files are noted."""
        found: list[int] = []
        if not self.path.exists():
            return found
        with os.scandir(self.path) as listing:
            for item in sorted(listing, key=lambda item: item.name):
                match = _OURS.fullmatch(item.name)
                if item.name in (LOCK, COMPACTION) or item.name.startswith((f"{COMPACTION}.", ".")):
                    continue  # file managers and copying programs leave hidden files everywhere
                if match and match[2] != "journal":
                    continue
                if match and item.is_file() and item.name == self.segment(int(match[1])).name:
                    found.append(int(match[1]))
                else:
                    note(f"{item.path} is no file of a journal and was ignored: move it away")
        gone = {old for olds in self.replaced().values() for old in olds}
        return sorted(number for number in found if number not in gone)

    def replaced(self) -> Mapping[int, Sequence[int]]:
        """The segments that stand for others, with these: those that are there, and are the very ones."""
        found: dict[int, Sequence[int]] = {}
        for number, (head, olds) in self.announced().items():
            with suppress(FileNotFoundError):
                if head_of(self.segment(number)) == head:
                    found[number] = olds
        return found

    def announced(self) -> Mapping[int, tuple[str, Sequence[int]]]:
        """The segments that were to stand for others: by their number how they begin, and the others' numbers."""
        try:
            form = json.loads((self.path / REPLACED).read_bytes())
            return {int(new): (str(head), [int(old) for old in olds]) for new, (head, olds) in form.items()}
        except (FileNotFoundError, ValueError, TypeError, AttributeError):  # nothing, or not what we wrote
            return {}

    def claim(self) -> int:
        """A number that no segment here ever had; the folder is locked."""
        matches = (_OURS.fullmatch(path.name) for path in self.path.iterdir())
        token = self.token()
        ever = int(token) if token.isdigit() else 0
        number = 1 + max([ever, *(int(match[1]) for match in matches if match)])
        lock = self._opened()
        lock.truncate(0)
        os.pwrite(lock.fileno(), b"%d" % number, 0)
        return number

    def token(self) -> bytes:
        """Changes whenever a segment is claimed; the folder is locked."""
        return os.pread(self._opened().fileno(), 20, 0)

    def create(self) -> None:
        missing = [path for path in (self.path, *self.path.parents) if not path.exists()]
        self.path.mkdir(parents=True, exist_ok=True)
        for path in missing:
            sync_folder(path.parent)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else appends, claims or recovers meanwhile. Not to be held across an fsync of data."""
        lock = self._opened()
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(lock, fcntl.LOCK_UN)

    @contextmanager
    def listed(self) -> Iterator[None]:
        """No segment is removed meanwhile by whoever compacts the journal."""
        handle: int | None = None
        with suppress(FileNotFoundError, NotADirectoryError):  # whoever lists it says so
            handle = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            if handle is not None:
                with suppress(OSError):  # a file system without locks: then nothing is removed there either
                    fcntl.flock(handle, fcntl.LOCK_SH)
            yield
        finally:
            if handle is not None:
                os.close(handle)

    @contextmanager
    def emptied(self, tries: int = 1) -> Iterator[bool]:
        """Whether segments may be removed meanwhile, since nobody lists or reads all of them. tries: listing takes but
        a moment, so it may be worth to look again."""
        handle = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            alone = False
            for number in range(tries):
                with suppress(OSError):
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    alone = True
                    break
                time.sleep(PAUSE if number + 1 < tries else 0)
            yield alone
        finally:
            os.close(handle)

    def close(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _opened(self) -> FileIO:
        if self._lock is None:
            self._lock = FileIO(str(self.path / LOCK), "r+", opener=creating)
        return self._lock


def try_lock(file: FileIO, kind: int = fcntl.LOCK_EX) -> bool:
    """Whether the segment's owner is gone; the lock is then held until the file is closed."""
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def head_of(path: Path) -> str:
    """How a segment begins: the head of its first block, with the digest of what is in it."""
    with path.open("rb") as file:
        return file.read(HEAD).hex()


def holder(path: Path) -> str:
    """Who has a lock on a file or folder, as far as the system tells: the first other process."""
    with suppress(OSError, ValueError):
        inode = path.stat().st_ino
        for line in Path("/proc/locks").read_text().splitlines():
            words = line.split()
            if "FLOCK" in words and words[-3].endswith(f":{inode}") and int(words[-4]) not in (0, os.getpid()):
                return f"process {words[-4]}"
    return "another process"


def sync_folder(path: Path) -> None:
    """Makes new names in a folder durable."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def naming(path: Path, verb: str) -> Iterator[None]:
    """An OSError becomes a JournalError that names the file, the reason and what to do."""
    try:
        yield
    except OSError as error:
        culprit = error.filename if isinstance(error.filename, str) else str(path)
        reason, fix = error.strerror or str(error), _FIXES.get(error.errno or 0, "mend that")
        raise JournalError(f"the journal cannot {verb} {culprit}: {reason}; {fix} and start again") from error


def creating(path: str, flags: int) -> int:
    """An opener that makes the file if there is none, and leaves one that is there as it is."""
    return os.open(path, flags | os.O_CREAT | os.O_CLOEXEC, 0o666)
