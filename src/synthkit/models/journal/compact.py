"""Compaction: few large segments in the place of many small ones, which every run leaves.

The new segment is made aside, synced and read back; then it gets its name, and what it stands for is removed (see
`replaced`). Runs may go on meanwhile: segments that are being written are left alone, and whoever looks for an answer
in one that is gone finds it in the new one. Entries that are put together keep their order; those of a segment that is
large enough to stay come before them. Nothing that is damaged is thrown away.
"""

import fcntl
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from io import FileIO
from pathlib import Path

from synthkit.errors import JournalError, LockedError
from synthkit.models.journal.block import MAX_ROWS, Gap, compress, pack, read_blocks
from synthkit.models.journal.entry import ANSWER, ATTEMPT, KINDS, Entry
from synthkit.models.journal.folder import Folder, holder, naming, try_lock
from synthkit.models.journal.replaced import Replacing, replacing
from synthkit.models.journal.segment import cut_short
from synthkit.models.journal.sidecar import Sidecar, write_sidecar
from synthkit.models.journal.store import Store

SIZE = 256 << 20
"""Bytes that a new segment has at most; segments of half of that are left as they are."""
BLOCK_BYTES, LEVEL = 128 << 10, 6
"""Bytes of text in a block, and zstd's level: what is compacted is written once and read seldom."""
COPY = -1
"""The kind of an answer that is there a second time."""

Watch = Callable[[int, int], None]
"""Is told how many bytes are done, and of how many."""
Row = tuple[bytes, int, bytes]
"""Key, kind and text of an entry."""


@dataclass(slots=True)
class Compacted:
    """What a compaction did. before, after: segments and their bytes. dropped: attempts that were left out. kept: a
    sentence for each segment that was left as it is although it is small. waiting: the old segments are still there,
    because somebody reads the whole journal; the next to open it removes them."""

    before: tuple[int, int] = (0, 0)
    after: tuple[int, int] = (0, 0)
    dropped: int = 0
    kept: list[str] = field(default_factory=list)
    waiting: bool = False


@dataclass(frozen=True, slots=True)
class Member:
    """A segment that may go into another. worth: whether it is worth that alone, since something would be left out."""

    number: int
    path: Path
    size: int
    worth: bool


def compact(
    path: Path, *, drop_attempts: bool = False, size: int = SIZE, watch: Watch = lambda done, of: None
) -> Compacted:
    """Compacts the journal in a folder. drop_attempts: leaves out what was paid for and is of no use.

    Raises `LockedError` while another process compacts it or, where an earlier compaction could not be ended, reads all
    of it; `JournalError` when there is none, or it cannot be written.
    """
    folder = Folder(path)
    with naming(path, "compact"):
        if not path.is_dir():
            raise JournalError(f"there is no journal in {path}")
        with replacing(folder) as right:
            try:
                if not right.remove():
                    raise LockedError(f"{path} is being read as a whole by {holder(path)}: wait for it")
                return _Compaction(folder, right, drop_attempts, size, watch).run()
            finally:
                right.drop()
                folder.close()


class _Compaction:
    def __init__(self, folder: Folder, right: Replacing, drop: bool, size: int, watch: Watch) -> None:
        self._folder, self._right, self._drop, self._size, self._watch = folder, right, drop, size, watch
        self._made = Compacted()
        self._done = self._all = 0

    def run(self) -> Compacted:
        made = self._made
        self._store = Store(self._folder.path, read_only=False)  # cuts torn tails, and knows which answers count
        try:
            numbers = self._folder.numbers(self._store.note)
            made.before = self._measured()
            self._all = 2 * made.before[1]
            for group in self._groups(numbers):
                self._merge(group)
            made.waiting = not self._right.remove()
            made.after = self._measured()
        finally:
            self._store.close()
        return made

    def _measured(self) -> tuple[int, int]:
        paths = [self._folder.segment(number) for number in self._folder.numbers(self._store.note)]
        return len(paths), sum(path.stat().st_size for path in paths)

    def _groups(self, numbers: Sequence[int]) -> Iterator[Sequence[Member]]:
        """Segments that go into one, in their order."""
        group: list[Member] = []
        for member in filter(None, map(self._member, numbers)):
            if group and sum(m.size for m in group) + member.size > self._size:
                yield group
                group = []
            group.append(member)
        yield group

    def _member(self, number: int) -> Member | None:
        """A segment, if it may go into another."""
        path = self._folder.segment(number)
        size = path.stat().st_size
        if size >= self._size // 2 and not self._drop:
            return None
        with FileIO(str(path)) as file:
            with self._folder.locked():  # an owner claims and locks under this lock
                free = try_lock(file, fcntl.LOCK_SH)
            if not free:
                self._made.kept.append(f"{path} is being written by {holder(path)}")
                return None
        kinds = self._kinds(path, size)
        sidecar = Sidecar.load(self._folder.sidecar(number))
        if kinds is None or (sidecar is not None and cut_short(path, size, sidecar)):
            self._made.kept.append(f"{path} is damaged: `synthkit journal verify` says where")
            return None
        worth = self._drop and kinds[ATTEMPT] > 0
        return Member(number, path, size, worth) if worth or size < self._size // 2 else None

    def _kinds(self, path: Path, size: int) -> Sequence[int] | None:
        """How many entries of each kind there are, if all of the segment can be read."""
        found = [0] * len(KINDS)
        with path.open("rb") as file:
            for part in read_blocks(file, 0, size):
                if isinstance(part, Gap) or part.texts() is None:
                    return None
                for _, kind, _ in part.rows:
                    found[kind] += 1
                self._step(part.end - part.offset)
        return found

    def _merge(self, group: Sequence[Member]) -> None:
        if len(group) < 2 and not any(member.worth for member in group):
            return
        right = self._right
        right.drop()
        with naming(right.journal, "write"):
            places, size, digest = self._write(group)
            if _digest(right.journal, size) != digest:
                raise JournalError(f"what was written to {right.journal} cannot be read back: look at the disk")
            write_sidecar(right.keys, size, places)
            if Sidecar.load(right.keys, size) is None:
                raise JournalError(f"what was written to {right.keys} cannot be read back: look at the disk")
            right.put([member.number for member in group])
        right.remove()

    def _write(self, group: Sequence[Member]) -> tuple[dict[bytes, int], int, bytes]:
        """Writes the entries of a group; their places, the bytes of the file, and a digest of all entries."""
        places: dict[bytes, int] = {}
        state = blake2b(digest_size=16)
        size = 0
        with self._right.journal.open("wb") as file:
            for block in _blocks(row for member in group for row in self._rows(member)):
                rows = [(key, kind, len(text)) for key, kind, text in block]
                _update(state, block)
                places.update({row[0]: size << 16 | number for number, row in enumerate(rows) if row[1] == ANSWER})
                size += file.write(pack(rows, compress([text for _, _, text in block], LEVEL)))
            file.flush()
            os.fsync(file.fileno())
        return places, size, state.digest()

    def _rows(self, member: Member) -> Iterator[Row]:
        """The entries of a segment that stay."""
        with member.path.open("rb") as file:
            for part in read_blocks(file, 0, member.size):
                texts = None if isinstance(part, Gap) else part.texts()
                if isinstance(part, Gap) or texts is None:
                    raise JournalError(f"{member.path} has changed while it was read: start again")
                for number, (key, kind, size) in enumerate(part.rows):
                    end = texts.ends[number]
                    if kind == ANSWER:
                        place = (member.number, part.offset << 16 | number)
                        kind = self._kind(place, texts.entry(number)) if place != self._store.index.find(key) else kind
                    if kind == ATTEMPT and self._drop:
                        self._made.dropped += 1
                    elif kind != COPY:
                        yield key, kind, texts.joined[end - size : end]
                self._step(part.end - part.offset)

    def _kind(self, place: tuple[int, int], entry: Entry) -> int:
        """What becomes of an answer that another one stands before, which only files copied by hand can bring."""
        found = self._store.find(entry.key)
        if found is None or found[1] == place:
            return ANSWER
        return COPY if found[0] == entry else ATTEMPT

    def _step(self, size: int) -> None:
        self._done += size
        self._watch(self._done, self._all)


def _blocks(rows: Iterable[Row]) -> Iterator[Sequence[Row]]:
    block: list[Row] = []
    size = 0
    for row in rows:
        if block and (size + len(row[2]) > BLOCK_BYTES or len(block) == MAX_ROWS):
            yield block
            block, size = [], 0
        block.append(row)
        size += len(row[2])
    if block:
        yield block


def _digest(path: Path, size: int) -> bytes:
    """Of all entries of a file, as it is read back."""
    state = blake2b(digest_size=16)
    with path.open("rb") as file:
        for part in read_blocks(file, 0, size):
            texts = None if isinstance(part, Gap) else part.texts()
            if texts is not None:
                ends = zip(texts.rows, texts.ends, strict=True)
                _update(state, [(key, kind, texts.joined[end - size : end]) for (key, kind, size), end in ends])
    return state.digest()


def _update(state: "blake2b", rows: Sequence[Row]) -> None:
    for key, kind, text in rows:
        state.update(key + bytes([kind]) + len(text).to_bytes(4, "big") + text)
