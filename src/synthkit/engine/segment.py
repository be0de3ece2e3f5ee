"""Running a segment: entries go through its record steps, finished shards are committed.

The local executor runs one of these at a time in its loop; any other executor runs the same class in its lanes.
"""

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
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
from synthkit.engine.plan import Stage
from synthkit.engine.tally import together, total
from synthkit.errors import StoreError
from synthkit.models.limiter import Stopped

READ_AHEAD = 64


@dataclass(frozen=True, slots=True)
class Admission:
    """A record that enters a stage at `index`. One that is tried again enters at the step number `step`, and with a
    `salt` where its answers were unfit, so that it gets others."""

    index: int
    record: Record
    step: int = 0
    salt: str = ""


@dataclass(slots=True)
class _Shard:
    admitted: int = 0
    closed: bool = False
    swept: bool = False
    done: dict[int, tuple[Admission, Outcome, Visit]] = field(default_factory=dict)


class Limit(Protocol):
    """Says when so many records have failed that the run must stop; returns the sentence for it."""

    def __call__(self, monitor: Monitor, *, last: bool = False) -> str | None: ...


class Segment:
    """One stage of one round. Admission is by record: a slow one holds back its own shard only."""

    def __init__(
        self, lane: Lane, stage: Stage, place: Path, *, shard: int, in_flight: int, monitor: Monitor, limit: Limit
    ) -> None:
        self.lane, self.stage, self.place = lane, stage, place
        self.size, self.in_flight, self.monitor, self.limit = shard, in_flight, monitor, limit
        self.done = {index for header in parts.headers(place) for index, _ in header.entries}
        self.count = 0
        self.error: BaseException | None = None
        self._shards: dict[int, _Shard] = {}
        self._buffer: deque[Admission] = deque()
        self._source: Iterator[Admission] = iter(())
        self._exhausted = False
        self._reading = asyncio.Lock()

    async def run(self, source: Iterator[Admission]) -> bool:
        """Runs all admissions, in order of index. True when all is committed; False when the run is stopping.

        What ends a run is raised after the finished entries of open shards are committed.
        """
        self._source = source
        await asyncio.gather(*(self._worker() for _ in range(self.in_flight)))
        stopped = self.error is not None or self.lane.models.stopping.is_set()
        if stopped and not isinstance(self.error, StoreError):
            await self._commit_open()
        if stopped:
            for tally in self.monitor.halted:
                self.monitor.unfinished.add(together(tally))
        if self.error is not None:
            raise self.error
        return not stopped

    async def _worker(self) -> None:
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
                self.lane.models.stopping.set()
                return

    async def _next(self) -> Admission | None:
        """The next record, or None when there is nothing left. Shards that nothing more will enter are closed."""
        while not self._buffer and not self._exhausted:
            async with self._reading:
                if not self._buffer and not self._exhausted:
                    chunk = await asyncio.to_thread(lambda: list(islice(self._source, READ_AHEAD)))
                    self._exhausted = len(chunk) < READ_AHEAD
                    self.count += len(chunk)
                    self._buffer.extend(a for a in chunk if a.index not in self.done)
        if not self._buffer:
            await self._close()
            return None
        admission = self._buffer.popleft()
        shard = admission.index // self.size
        state = self._shards.get(shard)
        if state is not None:
            state.admitted += 1
            return admission
        self._shards[shard] = _Shard(admitted=1)
        await self._close(before=shard)
        return admission

    async def _close(self, before: int | None = None) -> None:
        """Nothing more will enter the shards before this one, or any."""
        closing = [n for n, state in self._shards.items() if not state.closed and (before is None or n < before)]
        for number in closing:
            self._shards[number].closed = True
        for number in closing:
            await self._finish(number)

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
        self._shards[number].done[admission.index] = (admission, outcome, visit)
        problem = self.limit(self.monitor)
        if problem:
            self.monitor.stopping = self.monitor.stopping or problem
            self.lane.models.stopping.set()
            return
        await self._finish(number)

    async def _finish(self, number: int) -> None:
        """Commits a shard when all of it is done; transient failures are swept once before."""
        state = self._shards.get(number)
        if state is None or not state.closed or len(state.done) < state.admitted:
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
        del self._shards[number]
        await self._commit(number, state, sorted(state.done))

    async def _commit_open(self) -> None:
        """Commits what is finished of open shards; what failed for a passing reason is left for the resume."""
        for number, state in sorted(self._shards.items()):
            finished = [index for index, done in sorted(state.done.items()) if not _transient(done[1])]
            for _, outcome, visit in state.done.values():
                if _transient(outcome):
                    self.monitor.unfinished.add(together(visit.tally))
            if finished:
                await self._commit(number, state, finished)

    async def _commit(self, number: int, state: _Shard, indexes: Sequence[int]) -> None:
        part = parts.Part(number)
        for index in indexes:
            admission, outcome, visit = state.done[index]
            part.entries.append(parts.Entry(index, admission.record.id, outcome.records, outcome.rejects, visit.trail))
        part.tally = total(state.done[index][2].tally for index in indexes)
        await asyncio.to_thread(parts.save, self.place, part)


def _transient(outcome: Outcome) -> bool:
    return any(reject.transient for reject in outcome.rejects)
