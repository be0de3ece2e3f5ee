"""All segments of a folder, for reading: opening, recovering, finding, and following other processes."""

import fcntl
import os
from collections.abc import Callable, Iterator
from io import FileIO
from pathlib import Path
from threading import Lock

from synthkit.models.journal.block import MAX_ROWS, Block, Gap, Texts, read_block, read_blocks
from synthkit.models.journal.cache import Cache
from synthkit.models.journal.entry import ANSWER, Entry
from synthkit.models.journal.folder import Folder, naming, try_lock
from synthkit.models.journal.index import Index
from synthkit.models.journal.replaced import clear
from synthkit.models.journal.segment import Own, Tail, cut_short, damaged, recover, seal, short, torn
from synthkit.models.journal.sidecar import Sidecar

CACHE_BYTES = 16 << 20  # of text: a replay asks in about the order of the first run


class Store:
    """The segments of one folder. Any thread may ask."""

    def __init__(self, folder: Path, *, read_only: bool) -> None:
        self.folder = Folder(folder)
        self.index = Index()
        self.problems: list[str] = []
        self.segment: str | None = None
        self.own: Own | None = None  # the segment that this process appends to: its `Writer` sets it
        self.following = Lock()  # held while segments are followed, or a new one is claimed
        self._tails: dict[int, Tail] = {}
        self._known: set[int] = set()  # the segments in the index
        self._token = b""  # of the folder when its segments were last listed
        self._read_only = read_only
        self._cache = Cache(CACHE_BYTES)
        try:
            with naming(folder, "read"):
                if not read_only:
                    clear(self.folder)
                with self.folder.listed():
                    for number in self.folder.numbers(self.note):
                        self._open(number)
                        self._known.add(number)
        except BaseException:
            self.close()
            raise

    # finding

    def get(self, key: bytes) -> Entry | None:
        if self.index.find(key) is None:  # most often: what is asked for the first time
            return None
        with naming(self.folder.path, "read"):
            if (found := self.find(key)) is None:
                return None
            self.make_durable(*found[1])
        return found[0]

    def find(self, key: bytes) -> tuple[Entry, tuple[int, int]] | None:
        """The answer and where it is; another process' one may not be durable yet."""
        while (where := self.index.find(key)) is not None:
            if (entry := self._read(key, *where)) is not None:
                return entry, where
        return None

    def make_durable(self, number: int, place: int) -> None:
        if not self._read_only and (tail := self._tails.get(number)) is not None:
            tail.make_durable(place >> 16)

    def refresh(self) -> None:
        """Reads what other processes have appended, and new segments."""
        with naming(self.folder.path, "read"), self.following:
            self._follow(locked=False)

    def scan(self, wanted: Callable[[bytes], bool] | None = None, holding: bytes = b"") -> Iterator[Entry]:
        """All entries, or those whose keys are wanted, and whose text holds these bytes."""
        with naming(self.folder.path, "read"), self.folder.listed():
            for number in self.folder.numbers(self.note):
                yield from self._scan(number, wanted or (lambda key: True), holding)

    def _scan(self, number: int, wanted: Callable[[bytes], bool], holding: bytes) -> Iterator[Entry]:
        path = self.folder.segment(number)
        with naming(path, "read"), path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            for part in read_blocks(file, 0, size):
                if isinstance(part, Block) and not (rows := [n for n, row in enumerate(part.rows) if wanted(row[0])]):
                    continue
                texts = None if isinstance(part, Gap) else part.texts()
                if texts is not None:
                    yield from map(texts.entry, texts.holding(holding, rows) if holding else rows)
                elif part.end < size or not self._grows(number):
                    self.note(damaged(path, Gap(part.offset, part.end)))

    def _read(self, key: bytes, number: int, place: int) -> Entry | None:
        """The answer at a place, None if its block is damaged, or its segment was replaced by another."""
        offset, row = place >> 16, place & (MAX_ROWS - 1)
        texts = self._cache.get((number, offset)) or self._load(number, offset)
        if texts is None and number not in self._known:
            return None
        if texts is None or row >= len(texts.rows) or texts.rows[row][:2] != (key, ANSWER):
            self.index.lose(number, offset)
            self.note(f"{self.folder.segment(number)}: the block at offset {offset} is damaged and was skipped")
            return None
        return texts.entry(row)

    def _load(self, number: int, offset: int) -> Texts | None:
        try:
            with self.folder.segment(number).open("rb") as file:
                block = read_block(file, offset, os.fstat(file.fileno()).st_size)
        except FileNotFoundError:
            with self.following:
                self._list()
            return None
        texts = None if block is None else block.texts()
        if texts is not None:
            self._cache.put((number, offset), texts)
        return texts

    # opening

    def _open(self, number: int) -> None:
        path = self.folder.segment(number)
        size = path.stat().st_size
        sidecar = Sidecar.load(self.folder.sidecar(number))
        if sidecar is not None and sidecar.covered == size:
            self.index.seal(number, sidecar)
        elif sidecar is not None and cut_short(path, size, sidecar):
            # no write broke off, but a copy: what was lost may yet come, so nothing is mended
            self.note(short(path, size, sidecar.covered))
            tail = Tail(path, self.index.grow(number))
            tail.follow(self.note, locked=False)
            self.index.fold(number, tail.places)
        elif self._read_only or not self._recover(number):
            self._read_unsealed(number)

    def _recover(self, number: int) -> bool:
        """Seals a segment that nobody owns any more. False: it is owned, or may not be written here."""
        path = self.folder.segment(number)
        try:
            with FileIO(str(path), "r+") as file:
                with self.folder.locked():  # an owner claims and locks under this lock: nothing lies between
                    free = try_lock(file)
                if not free:
                    return False
                places, size = recover(file, path, self.note)
                # a file without an answer stays unsealed: it may be no segment at all, and is cheap to read again
                sidecar = seal(self.folder, number, places, size) if places or not size else None
        except OSError:
            return False
        if sidecar is not None:
            self.index.seal(number, sidecar)
        else:
            self.index.fold(number, places)
        return True

    def _read_unsealed(self, number: int) -> None:
        path = self.folder.segment(number)
        tail = Tail(path, self.index.grow(number))
        with FileIO(str(path)) as file:
            free = try_lock(file, fcntl.LOCK_SH)
            gap = tail.follow(self.note, locked=False)
        if not free or path.stat().st_size == 0:  # an empty one may be claimed and about to be locked
            self._tails[number] = tail
            return
        if gap is not None:
            self.note(torn(path, gap, "and were left") if gap.torn else damaged(path, gap))
        self.index.fold(number, tail.places)

    def close(self) -> None:
        self.index.close()
        self.folder.close()
        self._cache.clear()

    # for the writer, which holds `following` and the folder's lock

    def follow(self) -> None:
        """Reads what other processes have appended; lists the folder only if somebody claimed a segment."""
        token = self.folder.token()
        self._follow(locked=True, new=token != self._token)
        self._token = token

    def claim(self) -> Own:
        """A new segment of this process; the folder is locked."""
        self.own = own = Own(self.folder)
        self.segment = own.path.name
        self._known.add(own.number)
        self._token = self.folder.token()
        return own

    def note(self, problem: str) -> None:
        if problem not in self.problems:
            self.problems.append(problem)

    def _follow(self, *, locked: bool, new: bool = True) -> None:
        if new:
            self._list()
        for tail in self._tails.values():
            tail.follow(self.note, locked=locked)

    def _list(self) -> None:
        """Learns which segments are new, and which are there no more; `following` is held."""
        with self.folder.listed():
            there = set(self.folder.numbers(self.note))
            if self.own is not None:
                there.add(self.own.number)  # deleted or not: what it wrote is not forgotten yet
            sealed: dict[int, Sidecar] = {}
            for number in sorted(there - self._known):
                path = self.folder.segment(number)
                sidecar = Sidecar.load(self.folder.sidecar(number), path.stat().st_size)
                if sidecar is not None:
                    sealed[number] = sidecar
                else:
                    self._tails[number] = Tail(path, self.index.grow(number))
        if gone := self._known - there:
            self.index.replace(gone, sealed)
        else:
            for number, sidecar in sealed.items():
                self.index.seal(number, sidecar)
        for number in gone:
            self._tails.pop(number, None)
        self._known = there

    def _grows(self, number: int) -> bool:
        return number in self._tails or (self.own is not None and self.own.number == number)
