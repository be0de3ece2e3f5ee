"""The keeper: an actor beside the driver that writes what lanes bring, and nobody else does: the project's journal, the
leases of money, the parts of the run."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from synthkit.engine import parts
from synthkit.engine.cluster.far_journal import Item
from synthkit.engine.context import FileArtifacts
from synthkit.engine.store import kept_by_me
from synthkit.errors import RunError
from synthkit.models.budget import ZERO
from synthkit.models.journal import Entry, Journal
from synthkit.models.journal.entry import ANSWER, from_text, to_text
from synthkit.models.leases import Leases


class Text(Mapping[str, Any]):
    """The data of an entry as its JSON text, which is only read where somebody asks."""

    __slots__ = ("text",)

    def __init__(self, text: bytes) -> None:
        self.text = text

    @property
    def _data(self) -> Mapping[str, Any]:
        return from_text(b"", ANSWER, self.text).data

    def __getitem__(self, name: str) -> Any:
        return self._data[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._data)

    def __len__(self) -> int:
        return len(self._data)


class Fenced(RunError):
    """A lane that was given up comes back: what it has done since is done by others."""


class Keeper:
    """See the module. One loop's; what it writes is durable when a call returns.

    folder: of the run; journal: of the project. offline: the journal is only read. leases: the file of a run with a
    budget, with what is known to be spent and the limit.

    A lane that is fenced commits nothing any more, however alive it turns out to be. Its answers are kept: they are
    paid for.
    """

    def __init__(
        self, folder: str, journal: str, *, offline: bool, leases: tuple[str, Decimal, Decimal] | None
    ) -> None:
        self._folder = Path(folder)
        self._lock = kept_by_me(self._folder)  # the next driver must not begin before this ends
        self._journal = Journal(Path(journal), read_only=offline)
        self._artifacts = FileArtifacts(self._folder / "artifacts")
        self._leases: Leases | None = None
        if leases is not None:
            path, spent, limit = leases
            self._leases = Leases.open(Path(path), spent)
            self._leases.begin(spent, limit)
        self._lending = asyncio.Lock()
        self._out: dict[str, Decimal] = {}
        self._fenced: set[str] = set()
        self._writing: dict[str, int] = {}
        self._written = asyncio.Condition()

    async def alive(self) -> None:
        """A sign of life."""

    # the journal

    async def append(self, items: Sequence[Item]) -> list[bytes | None]:
        """For each entry, once all are durable, None; or the text of the answer that was there first under its key."""
        entries = [Entry(key, kind, Text(text)) for key, kind, text in items]
        texts = (text for _, _, text in items)
        first = await asyncio.gather(*map(self._journal.append, entries, texts))
        return [None if won is own else _text(won) for own, won in zip(entries, first, strict=True)]

    async def find(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """The texts of answers."""
        return [None if (found := self._journal.get(key)) is None else _text(found) for key in keys]

    # the parts

    async def commit(self, lane: str, place: str, shard: int, data: bytes, artifacts: Sequence[bytes] = ()) -> None:
        """Writes a part, and before it what its records refer to. Raises `Fenced` and `StoreError`."""
        if lane in self._fenced:
            raise Fenced(f"{lane} was given up")
        self._writing[lane] = self._writing.get(lane, 0) + 1
        try:
            await asyncio.to_thread(self._put, self._folder / place, shard, data, artifacts)
        finally:
            self._writing[lane] -= 1
            async with self._written:
                self._written.notify_all()

    def _put(self, place: Path, shard: int, data: bytes, artifacts: Sequence[bytes]) -> None:
        for artifact in artifacts:
            self._artifacts.put(artifact)
        parts.put(place, shard, data)

    async def read(self, files: Sequence[str]) -> list[bytes]:
        """The content of parts, by their names in the run's folder. Raises `StoreError`."""
        return await asyncio.to_thread(parts.contents, self._folder, files)

    async def fence(self, lane: str) -> None:
        """Gives a lane up. When it returns, what the lane has committed is all that it ever will."""
        self._fenced.add(lane)
        async with self._written:
            await self._written.wait_for(lambda: not self._writing.get(lane))

    # the money

    async def lease(self, lane: str, least: Decimal) -> Decimal:
        """As `Lender.lease`."""
        assert self._leases is not None
        if lane in self._fenced:
            return ZERO
        async with self._lending:
            dollars = await self._leases.lease(least)
            self._out[lane] = self._out.get(lane, ZERO) + dollars
            return dollars

    async def give_back(self, lane: str, dollars: Decimal) -> None:
        """As `Lender.give_back`. A lane that was given up gives nothing back: nobody knows what it has spent."""
        assert self._leases is not None
        if lane in self._fenced:
            return
        async with self._lending:
            await self._leases.give_back(dollars)
            self._out[lane] -= dollars

    async def settle(self, lane: str, spent: Decimal) -> None:
        """What a lane has spent that asks no more; what it has leased beyond that is there for others."""
        assert self._leases is not None
        if lane in self._fenced:
            return
        async with self._lending:
            if (left := self._out.get(lane, ZERO) - spent) > 0:
                await self._leases.give_back(left)
            self._out[lane] = spent

    async def close(self) -> tuple[Decimal, list[str]]:
        """What was spent of the leases, and what is wrong with the journal's files."""
        await self._journal.close()
        self._lock.close()
        return sum(self._out.values(), ZERO), list(self._journal.problems)


def _text(entry: Entry) -> bytes:
    return entry.data.text if isinstance(entry.data, Text) else to_text(entry)
