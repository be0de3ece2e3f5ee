"""Running a segment: entries go through its record steps, finished shards are committed.

The local executor runs one of these at a time in its loop; any other executor runs the same class in its lanes.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Protocol

from synthkit.core.context import Outcome
from synthkit.core.record import Record
from synthkit.engine import parts
from synthkit.engine.advance import advance
from synthkit.engine.context import Lane, Visit
from synthkit.engine.monitor import Monitor
from synthkit.engine.opening import opened
from synthkit.engine.plan import Stage
from synthkit.engine.tally import together, total
from synthkit.errors import RunError, StoreError
from synthkit.models.limiter import Stopped


@dataclass(frozen=True, slots=True)
class Admission:
    """A record that enters a stage at `index`. One that is tried again enters at the step number `step`, and with a
    `salt` where its answers were unfit, so that it gets others."""

    index: int
    record: Record
    step: int = 0
    salt: str = ""


@dataclass(frozen=True, slots=True)
class Shard:
    """Records that are committed together, in order of index; without those that were committed before."""

    number: int
    admissions: Sequence[Admission]


class Feed(Protocol):
    """Where a segment gets its shards from."""

    async def next(self) -> Shard | None:
        """The next one, or None when there is none left. Not called before the last call has returned."""
        ...


class Reader:
    """A feed of what an iterator gives, read in a thread. size: of a shard; done: the indexes that were committed.
    count: how many records it has read."""

    def __init__(self, source: Iterator[Admission], size: int, done: Collection[int]) -> None:
        self._source, self._size, self._done = source, size, done
        self._error: Exception | None = None
        self.count = 0

    async def next(self) -> Shard | None:
        return await asyncio.to_thread(self._read)

    def _read(self) -> Shard | None:
        while chunk := self._chunk():
            self.count += len(chunk)
            left = [admission for admission in chunk if admission.index not in self._done]
            if left:
                return Shard(chunk[0].index // self._size, left)
        return None

    def _chunk(self) -> list[Admission]:
        """The admissions of a shard; those that came before an error, which is raised after them."""
        if self._error is not None:
            raise self._error
        chunk: list[Admission] = []
        try:
            chunk.extend(islice(self._source, self._size))
        except Exception as error:
            if not chunk:
                raise
            self._error = error
        return chunk


def committed(place: Path) -> set[int]:
    """The indexes of the entries that are in a stage's parts."""
    return {index for header in parts.headers(place) for index, _ in header.entries}


Commit = Callable[[parts.Part], Awaitable[object]]
"""Makes a part durable."""


@dataclass(slots=True)
class _Open:
    """A shard that is not committed yet."""

    size: int
    swept: bool = False
    done: dict[int, tuple[Admission, Outcome, Visit]] = field(default_factory=dict)


class Limit(Protocol):
    """Says when so many records have failed that the run must stop; returns the sentence for it."""

    def __call__(self, monitor: Monitor, *, last: bool = False) -> str | None: ...


def no_limit(monitor: Monitor, *, last: bool = False) -> str | None:
    """Stops nothing: who uses it knows of failures that are none, or leaves it to another to say."""
    return None


class Segment:
    """One stage of one round. Admission is by record: a slow one holds back its own shard only.

    size: of a shard. in_flight: records on their way at once.
    """

    def __init__(
        self, lane: Lane, stage: Stage, feed: Feed, commit: Commit, *, size: int, in_flight: int, monitor: Monitor,
        limit: Limit,
    ) -> None:  # fmt: skip
        self.lane, self.stage, self.feed, self.commit = lane, stage, feed, commit
        self.size, self.in_flight, self.monitor, self.limit = size, in_flight, monitor, limit
        self.error: BaseException | None = None
        self._open: dict[int, _Open] = {}
        self._buffer: deque[Admission] = deque()
        self._exhausted = False
        self._reading = asyncio.Lock()
        self._working: set[asyncio.Task[None]] = set()

    async def run(self) -> bool:
        """Runs all shards of the feed. True when all is committed; False when the run is stopping.

        What ends a run is raised after the finished entries of open shards are committed.
        """
        self.allow(self.in_flight)
        try:
            while self._working:
                await asyncio.wait(self._working)
        finally:
            for task in self._working:
                task.cancel()
        stopped = self.error is not None or self.lane.models.stopping.is_set()
        if not stopped and (self._buffer or self._open):
            raise RunError(f"records were left in stage {self.stage.index}: resume the run. Please report this.")
        if stopped and not isinstance(self.error, StoreError):
            await self._commit_open()
        if stopped:
            for tally in self.monitor.halted:
                self.monitor.unfinished.add(together(tally))
        if self.error is not None:
            raise self.error
        return not stopped

    def allow(self, in_flight: int) -> None:
        """Lets so many records be on their way from now on; what is beyond that comes to its end."""
        self.in_flight = in_flight
        while len(self._working) < in_flight:
            self._working.add(asyncio.create_task(self._worker()))

    async def _worker(self) -> None:
        try:
            await self._work()
        finally:  # in the step in which it decides to leave, so that the next one knows
            self._working -= {asyncio.current_task()}

    async def _work(self) -> None:
        while self.error is None and not self.lane.models.stopping.is_set():
            try:
                admission = await self._next()
                if admission is None:
                    return
                await self._enter(admission)
            except Stopped:
                return
            except BaseException as error:
                if self.error is None:
                    self.error = error
                self._exhausted = True  # who waits for a turn to read has nothing to read for
                self.lane.models.stopping.set()
                return

    async def _next(self) -> Admission | None:
        """The next record, or None when there is nothing left, or others are enough."""
        while not self._buffer and not self._exhausted:
            async with self._reading:
                if not self._buffer and not self._exhausted:
                    shard = await self.feed.next()
                    if shard is None:
                        self._exhausted = True
                    else:
                        await opened(self.lane, self.stage.parts)
                        self._open[shard.number] = _Open(len(shard.admissions))
                        self._buffer.extend(shard.admissions)
        enough = len(self._working) > self.in_flight
        return self._buffer.popleft() if self._buffer and not enough else None

    async def _enter(self, admission: Admission) -> None:
        visit = Visit()
        self.monitor.open[id(visit)] = visit.tally
        try:
            outcome = await advance(
                self.lane, self.stage.parts, admission.step, admission.record, visit, salt=admission.salt
            )
        except BaseException:  # what it asked stays visible: it is paid for, and not asked again
            self.monitor.leave(id(visit), halted=True)
            raise
        self.monitor.leave(id(visit))
        self.monitor.end(outcome)
        number = admission.index // self.size
        self._open[number].done[admission.index] = (admission, outcome, visit)
        problem = self.limit(self.monitor)
        if problem:
            self.monitor.stopping = self.monitor.stopping or problem
            self.lane.models.stopping.set()
            return
        await self._finish(number)

    async def _finish(self, number: int) -> None:
        """Commits a shard when all of it is done; transient failures are swept once before."""
        state = self._open.get(number)
        if state is None or len(state.done) < state.size:
            return
        if not state.swept:
            state.swept = True
            again = [state.done.pop(index) for index in sorted(state.done) if _transient(state.done[index][1])]
            if again:
                self.lane.events.event("sweep", stage=self.stage.index, shard=number, records=len(again))
                for _, outcome, visit in again:
                    self.monitor.end(outcome, -1)
                    self.monitor.take_back(visit.tally)
                tried = (self._enter(admission) for admission, _, _ in again)
                for result in await asyncio.gather(*tried, return_exceptions=True):
                    if result is not None:
                        raise result
                return
        del self._open[number]
        await self._commit(number, state, sorted(state.done))

    async def _commit_open(self) -> None:
        """Commits what is finished of open shards; what failed for a passing reason is left for the resume."""
        for number, state in sorted(self._open.items()):
            finished = [index for index, done in sorted(state.done.items()) if not _transient(done[1])]
            for _, outcome, visit in state.done.values():
                if _transient(outcome):
                    self.monitor.unfinished.add(together(visit.tally))
            if finished:
                await self._commit(number, state, finished)

    async def _commit(self, number: int, state: _Open, indexes: Sequence[int]) -> None:
        part = parts.Part(number)
        for index in indexes:
            admission, outcome, visit = state.done[index]
            part.entries.append(parts.Entry(index, admission.record.id, outcome.records, outcome.rejects, visit.trail))
        part.tally = total(state.done[index][2].tally for index in indexes)
        await self.commit(part)


def _transient(outcome: Outcome) -> bool:
    return any(reject.transient for reject in outcome.rejects)
