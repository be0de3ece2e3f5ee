"""Errands: what lanes are sent for with the shards of a stage, and what is to be done when they die of one."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from synthkit.core.context import Reject
from synthkit.engine import parts
from synthkit.engine.cluster.desk import Task
from synthkit.engine.cluster.fleet import Fleet, Lost, Remote, Starved
from synthkit.engine.cluster.lane import THREADS
from synthkit.engine.cluster.reports import Reports
from synthkit.engine.dataset import Resolved
from synthkit.engine.executor import Work
from synthkit.engine.monitor import Monitor
from synthkit.engine.plan import Stage
from synthkit.engine.segment import Admission, Shard
from synthkit.engine.tally import Count
from synthkit.errors import RunError

if TYPE_CHECKING:
    import polars as pl

DEATHS = 3
"""So often a record may end the process that works on it."""
ALONE = 2
"""Lanes that have died with a shard, from which on it is alone with its lane. Most such shards are there by chance: two
lanes were killed, one after the other."""
SUSPECT = 3
"""Lanes that have died with a shard, one when it was alone, from which on its records are done a few at a time."""
FEW = 16
"""Records of such a shard at a time: the root of its usual size, so that neither they nor the tries are many."""


class Errand(Protocol):
    """What is to be done with each shard of a stage. makes: the folder of the parts that come of it, if any do. ahead:
    shards that a lane has which it has not begun with."""

    makes: Path | None
    ahead: int

    async def done(self, lane: Remote, busy: dict[int, Task], number: int) -> None:
        """Has a lane do a shard, one of those that it has, by number. Raises `Lost`, and what ends the run."""
        ...


class Through:
    """Takes records through the steps of a stage, to a place: the name of its folder in the run's. A lane begins with
    its next shard as soon as it has room for a record of it, however long those of others take."""

    ahead = 1

    def __init__(self, fleet: Fleet, reports: Reports, stopping: asyncio.Event, work: Work, place: str) -> None:
        self._fleet, self._reports, self._stopping = fleet, reports, stopping
        self._stage, self._place = work.stage, place
        self.makes: Path | None = work.place
        self._killed: Counter[int] = Counter()

    async def done(self, lane: Remote, busy: dict[int, Task], number: int) -> None:
        """See `Errand`. A shard with which lanes have died is done a few records at a time, and those of the few with
        which one dies again alone, to find which it is."""
        task = busy[number]
        if task.deaths < SUSPECT:
            self._reports.committed(
                lane, await lane.lease(self._stage.index, self._place, task.shard, again=task.again)
            )
            return
        left = list(task.shard.admissions)
        while left and not self._stopping.is_set():
            few = self._few(left)
            try:
                tally = await lane.lease(self._stage.index, self._place, Shard(number, few), again=True)
                self._reports.committed(lane, tally)
            except Lost as error:
                for admission in few:
                    self._killed[admission.index] += len(few) == 1
                if self._killed[few[0].index] >= DEATHS:
                    await self._fleet.fence(lane)
                    await self._reject(number, few[0], error)
                raise
            del left[: len(few)]
            busy[number] = replace(task, shard=Shard(number, list(left)))

    def _few(self, left: Sequence[Admission]) -> list[Admission]:
        """The next records of a suspect shard: one that was among a few with which a lane has died, or a few others."""
        if left[0].index in self._killed:
            return [left[0]]
        return list(takewhile(lambda admission: admission.index not in self._killed, left[:FEW]))

    async def _reject(self, number: int, admission: Admission, error: Lost) -> None:
        """Commits that a record has failed that ends each process which works on it. error: how the last one ended."""
        label, *further = (part.label for part in self._stage.parts[admission.step :])
        where = f"somewhere from {label} to {further[-1]}, " if further else ""
        more = "the last time since memory ran short on its node" if isinstance(error, Starved) else "nobody knows more"
        said = f"{where}the process that worked on it ended {DEATHS} times; {more}"
        reject = Reject("failed", admission.record, label, "killed its lane", said, "LaneLost", cost=None)
        part = parts.Part(number, [parts.Entry(admission.index, admission.record.id, (), [reject])])
        part.tally = {label: Count(seen=1, failed=1)}
        await self._fleet.commit(self._place, part)


class Sketching:
    """Has the sketches of a dataset step made. made: those there are, by shard."""

    makes: Path | None = None
    ahead = THREADS

    def __init__(self, work: Work) -> None:
        self._stage = work.stage
        self.made: dict[int, pl.DataFrame] = {}

    async def done(self, lane: Remote, busy: dict[int, Task], number: int) -> None:
        """See `Errand`."""
        _alive(busy[number], self._stage)
        self.made[number] = await lane.sketch(self._stage.index, busy[number].shard)


class Writing:
    """Has what a dataset step decided written, to a place: the name of its folder in the run's."""

    ahead = THREADS

    def __init__(self, monitor: Monitor, work: Work, resolved: Resolved, place: str) -> None:
        self._monitor, self._stage, self._resolved, self._place = monitor, work.stage, resolved, place
        self.makes: Path | None = work.place

    async def done(self, lane: Remote, busy: dict[int, Task], number: int) -> None:
        """See `Errand`."""
        _alive(busy[number], self._stage)
        rows = self._resolved.of(number)
        self._monitor.add(await lane.write(self._stage.index, self._place, busy[number].shard, rows))


def _alive(task: Task, stage: Stage) -> None:
    """Raises `RunError` for a shard that ends all lanes: nobody can leave out one of its records."""
    if task.deaths >= DEATHS:
        raise RunError(
            f"the step {stage.parts[0].label} ended {DEATHS} processes, one after the other, with the records of shard "
            f"{task.shard.number}: see what a process of its own says, by running without --ray"
        )
