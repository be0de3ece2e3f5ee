"""Errands: what lanes are sent for with the shards of a stage, and what is to be done when they die of one."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile
from typing import Protocol

from synthkit.core.context import Reject
from synthkit.engine import parts
from synthkit.engine.cluster.desk import Task
from synthkit.engine.cluster.fleet import Fleet, Lost, Remote
from synthkit.engine.monitor import Monitor
from synthkit.engine.plan import Stage
from synthkit.engine.segment import Admission, Shard
from synthkit.engine.tally import Count

DEATHS = 3
"""So often a record may end the process that works on it."""
SUSPECT = 2
"""Lanes that have died with a shard, from which on its records are done a few at a time."""
FEW = 16
"""Records of such a shard at a time: the root of its usual size, so that neither they nor the tries are many."""


class Errand(Protocol):
    """What is to be done with each shard of a stage."""

    async def done(self, lane: Remote, busy: dict[int, Task], number: int) -> None:
        """Has a lane do a shard, one of those that it has, by number. Raises `Lost`, and what ends the run."""
        ...


class Through:
    """Takes records through the steps of a stage, to a place: the name of its folder in the run's."""

    def __init__(self, fleet: Fleet, monitor: Monitor, stopping: asyncio.Event, stage: Stage, place: str) -> None:
        self._fleet, self._monitor, self._stopping = fleet, monitor, stopping
        self._stage, self._place = stage, place
        self._killed: Counter[int] = Counter()

    async def done(self, lane: Remote, busy: dict[int, Task], number: int) -> None:
        """See `Errand`. A shard with which lanes have died is done a few records at a time, and those of the few with
        which one dies again alone, to find which it is."""
        task = busy[number]
        if task.deaths < SUSPECT:
            self._monitor.add(await lane.lease(self._stage.index, self._place, task.shard, again=task.again))
            return
        left = list(task.shard.admissions)
        while left and not self._stopping.is_set():
            few = self._few(left)
            try:
                self._monitor.add(await lane.lease(self._stage.index, self._place, Shard(number, few), again=True))
            except Lost:
                for admission in few:
                    self._killed[admission.index] += len(few) == 1
                if self._killed[few[0].index] >= DEATHS:
                    await self._fleet.fence(lane)
                    await self._reject(number, few[0])
                raise
            del left[: len(few)]
            busy[number] = replace(task, shard=Shard(number, list(left)))

    def _few(self, left: Sequence[Admission]) -> list[Admission]:
        """The next records of a suspect shard: one that was among a few with which a lane has died, or a few others."""
        if left[0].index in self._killed:
            return [left[0]]
        return list(takewhile(lambda admission: admission.index not in self._killed, left[:FEW]))

    async def _reject(self, number: int, admission: Admission) -> None:
        """Commits that a record has failed that ends each process which works on it."""
        label = self._stage.parts[admission.step].label
        said = f"the process that worked on it ended {DEATHS} times; nobody knows more"
        reject = Reject("failed", admission.record, label, "killed its lane", said, "LaneLost", cost=None)
        part = parts.Part(number, [parts.Entry(admission.index, admission.record.id, (), [reject])])
        part.tally = {label: Count(seen=1, failed=1)}
        await self._fleet.commit(self._place, part)
