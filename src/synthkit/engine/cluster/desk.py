"""The desk: hands the shards of a stage to lanes, and takes back those of lanes that are gone."""

import asyncio
from collections import deque
from dataclasses import dataclass

from synthkit.engine.segment import Feed, Shard

AHEAD = 4
"""Shards that are read before somebody asks for them."""


@dataclass(frozen=True, slots=True)
class Task:
    """A shard to be done. deaths: how many lanes have died that had it. again: a lane has begun with it."""

    shard: Shard
    deaths: int = 0
    again: bool = False


class Desk:
    """One stage's. `read` goes on beside those who take."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._waiting: deque[Task] = deque()
        self._out = 0
        self._read = False
        self._stopped = False
        self._changed = asyncio.Condition()

    async def read(self) -> None:
        """Reads shards, a few ahead, until there are none."""
        while not self._stopped:
            shard = await self._feed.next()
            async with self._changed:
                if shard is None:
                    self._read = True
                else:
                    self._waiting.append(Task(shard))
                self._changed.notify_all()
                if shard is None:
                    return
                await self._changed.wait_for(lambda: len(self._waiting) < AHEAD or self._stopped)

    async def take(self) -> Task | None:
        """The next shard; None once all are done, or nothing is to be begun any more."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._waiting or self._over)
            if self._stopped or not self._waiting:
                return None
            task = self._waiting.popleft()
            self._out += 1
            self._changed.notify_all()
            return task

    async def done(self) -> None:
        """One that was taken is committed."""
        async with self._changed:
            self._out -= 1
            self._changed.notify_all()

    async def give_back(self, task: Task) -> None:
        """One that was taken is to be done by another."""
        async with self._changed:
            self._out -= 1
            self._waiting.appendleft(task)
            self._changed.notify_all()

    async def stop(self) -> None:
        """Nothing more is handed out."""
        async with self._changed:
            self._stopped = True
            self._changed.notify_all()

    async def over(self) -> None:
        """Waits until `take` would return None."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._over)

    @property
    def _over(self) -> bool:
        return self._stopped or (self._read and not self._waiting and not self._out)
