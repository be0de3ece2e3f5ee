"""The inbox of a lane: the shards that it is leased, one after the other, as a segment takes them."""

import asyncio
from dataclasses import dataclass

from synthkit.engine import parts
from synthkit.engine.segment import Shard
from synthkit.engine.tally import Tally


@dataclass(slots=True)
class Lease:
    """A shard that a lane has. begun: done when records of it are on their way; committed: what was counted, when it
    is; again: a lane had it that is gone."""

    shard: Shard
    begun: "asyncio.Future[None]"
    committed: "asyncio.Future[Tally]"
    again: bool


class Inbox:
    """A feed of shards that are handed over one by one."""

    def __init__(self) -> None:
        self._waiting: asyncio.Queue[Lease | None] = asyncio.Queue()
        self._leases: dict[int, Lease] = {}

    def lease(self, shard: Shard, *, again: bool) -> Lease:
        """Takes a shard."""
        loop = asyncio.get_running_loop()
        lease = self._leases[shard.number] = Lease(shard, loop.create_future(), loop.create_future(), again)
        self._waiting.put_nowait(lease)
        return lease

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
        lease.begun.set_result(None)
        return lease.shard
