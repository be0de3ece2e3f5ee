"""The inbox of a lane: the shards that it is leased, one after the other, as a segment takes them."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from synthkit.engine import parts
from synthkit.engine.segment import Shard
from synthkit.engine.tally import Tally

SOON = 0.02
"""Seconds in which a commit mostly says what was begun, and no call is needed for it."""


class Begun:
    """The numbers of shards that were begun: each is told once."""

    def __init__(self) -> None:
        self._new: list[int] = []
        self._some = asyncio.Event()

    def add(self, number: int) -> None:
        self._new.append(number)
        self._some.set()

    def taken(self) -> Sequence[int]:
        """Those since the last time."""
        new, self._new = self._new, []
        self._some.clear()
        return new

    async def told(self) -> Sequence[int]:
        """Those which nobody has told soon after they were begun."""
        while True:
            await self._some.wait()
            await asyncio.sleep(SOON)
            if new := self.taken():
                return new


@dataclass(slots=True)
class Lease:
    """A shard that a lane has. committed: what was counted, when it is."""

    shard: Shard
    committed: "asyncio.Future[Tally]"


class Inbox:
    """A feed of shards that are handed over one by one. begun: is told of those which it has handed over."""

    def __init__(self, begun: Begun) -> None:
        self._begun = begun
        self._waiting: asyncio.Queue[Lease | None] = asyncio.Queue()
        self._leases: dict[int, Lease] = {}

    def lease(self, shard: Shard) -> "asyncio.Future[Tally]":
        """Takes a shard; returns what was counted in it, once it is committed."""
        committed: asyncio.Future[Tally] = asyncio.get_running_loop().create_future()
        lease = self._leases[shard.number] = Lease(shard, committed)
        self._waiting.put_nowait(lease)
        return committed

    def done(self, part: parts.Part) -> None:
        """A part is committed. One that holds a part of its shard only, since the lane stops, is none that is done."""
        lease = self._leases.pop(part.shard)
        if len(part.entries) == len(lease.shard.admissions):
            lease.committed.set_result(part.tally)

    def end(self) -> None:
        """No further shard comes."""
        self._waiting.put_nowait(None)

    async def next(self) -> Shard | None:
        lease = await self._waiting.get()
        if lease is None:
            return None
        self._begun.add(lease.shard.number)
        return lease.shard
