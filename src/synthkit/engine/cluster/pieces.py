"""Pieces: the records of a shard by where they lie, for who reads them himself. The driver only counts them."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import overload

from synthkit.core.record import Record
from synthkit.engine import parts
from synthkit.engine.executor import Upstream
from synthkit.engine.segment import Admission, Shard
from synthkit.errors import StoreError

NEAR = 4
"""Shards whose records are kept once they are read: the next piece often begins where one ends."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Of the records that left a shard those from `begin` to before `end`. files: its parts, by their names in the
    run's folder."""

    files: tuple[str, ...]
    begin: int
    end: int

    def of(self, records: Sequence[Record], folder: Path) -> Sequence[Record]:
        """Its records, of all that left the shard. folder: of the run. Raises `StoreError` where there are fewer."""
        found = records[self.begin : self.end]
        if len(found) < self.end - self.begin:
            raise StoreError(
                f"{folder / self.files[0]} holds fewer records than its header tells of: put it back from a copy, or "
                "start a new run, which gets its answers from the journal"
            )
        return found


@dataclass(frozen=True, slots=True)
class Slip:
    """Where the records of a shard are. first: the index of the first. without: indexes that were committed before."""

    first: int
    pieces: Sequence[Piece]
    without: frozenset[int] = frozenset()

    def admissions(self, records: Sequence[Record]) -> list[Admission]:
        """What enters a stage, when all records of the pieces were read."""
        numbered = enumerate(records, self.first)
        return [Admission(index, record) for index, record in numbered if index not in self.without]


class Lying(Sequence[Admission]):
    """The admissions of a slip, read when somebody asks for them, which a driver hardly ever does."""

    def __init__(self, slip: Slip, folder: Path) -> None:
        self.slip = slip
        self._folder = folder

    def __len__(self) -> int:
        return sum(piece.end - piece.begin for piece in self.slip.pieces) - len(self.slip.without)

    @overload
    def __getitem__(self, at: int) -> Admission: ...
    @overload
    def __getitem__(self, at: slice) -> list[Admission]: ...
    def __getitem__(self, at: int | slice) -> Admission | list[Admission]:
        return self._read()[at]

    def __iter__(self) -> Iterator[Admission]:
        return iter(self._read())

    def _read(self) -> list[Admission]:
        found: list[Record] = []
        for piece in self.slip.pieces:
            data = parts.contents(self._folder, piece.files)
            found += piece.of(_left(self._folder, piece.files, data), self._folder)
        return self.slip.admissions(found)


class Cutter:
    """A feed of the records that left stages, cut into shards by the headers of the parts. folder: of the run. size: of
    a shard; done: the indexes that were committed. count: how many records there were."""

    def __init__(self, folder: Path, upstream: Sequence[Upstream], size: int, done: Collection[int]) -> None:
        self._folder, self._size, self._done = folder, size, done
        self._pieces = self._lying(upstream)
        self._rest: Piece | None = None
        self.count = 0

    async def next(self) -> Shard | None:
        return await asyncio.to_thread(self._next)

    def _next(self) -> Shard | None:
        while pieces := self._cut():
            first = self.count
            self.count += sum(piece.end - piece.begin for piece in pieces)
            without = frozenset(index for index in range(first, self.count) if index in self._done)
            if len(without) < self.count - first:
                return Shard(first // self._size, Lying(Slip(first, pieces, without), self._folder))
        return None

    def _cut(self) -> list[Piece]:
        """The pieces of one shard: as many records as one has, or what is left."""
        found: list[Piece] = []
        room = self._size
        while room and (piece := self._rest or next(self._pieces, None)):
            end = min(piece.end, piece.begin + room)
            found.append(Piece(piece.files, piece.begin, end))
            self._rest = Piece(piece.files, end, piece.end) if end < piece.end else None
            room -= end - piece.begin
        return found

    def _lying(self, upstream: Sequence[Upstream]) -> Iterator[Piece]:
        for one in upstream:
            for paths, count in parts.counted(one.place, one.labels):
                if count:
                    yield Piece(tuple(str(path.relative_to(self._folder)) for path in paths), 0, count)


Fetch = Callable[[Sequence[str]], Awaitable[Sequence[bytes]]]
"""Brings the content of files of the run's folder."""


def _left(folder: Path, files: Sequence[str], data: Sequence[bytes]) -> Sequence[Record]:
    return parts.left({folder / file: content for file, content in zip(files, data, strict=True)})


class Archive:
    """What a lane reads of the parts of the run. folder: of the run, where its driver is."""

    def __init__(self, fetch: Fetch, folder: Path) -> None:
        self._fetch, self._folder = fetch, folder
        self._near: OrderedDict[tuple[str, ...], asyncio.Task[Sequence[Record]]] = OrderedDict()

    async def admissions(self, slip: Slip) -> list[Admission]:
        """The records of a slip. Raises `StoreError`."""
        found: list[Record] = []
        for piece in slip.pieces:
            found += piece.of(await self._shard(piece.files), self._folder)
        return slip.admissions(found)

    async def _shard(self, files: tuple[str, ...]) -> Sequence[Record]:
        task = self._near.get(files)
        if task is None or (task.done() and (task.cancelled() or task.exception() is not None)):
            task = self._near[files] = asyncio.create_task(self._read(files))
            if len(self._near) > NEAR:
                self._near.popitem(last=False)
        self._near.move_to_end(files)
        return await asyncio.shield(task)

    async def _read(self, files: tuple[str, ...]) -> Sequence[Record]:
        data = await self._fetch(files)
        return await asyncio.to_thread(_left, self._folder, files, data)
