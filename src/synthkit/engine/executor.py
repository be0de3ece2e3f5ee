"""Executors: where the record steps of a run are done. The local one does them in the loop of the process itself."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from synthkit.core.record import Record
from synthkit.engine import dataset, parts
from synthkit.engine.context import Lane
from synthkit.engine.dataset import Resolved
from synthkit.engine.monitor import Monitor
from synthkit.engine.plan import Bound, Plan, Stage
from synthkit.engine.segment import Admission, Limit, Reader, Segment, committed
from synthkit.engine.settings import Settings
from synthkit.models.service import Services

if TYPE_CHECKING:
    import polars as pl

MOST_IN_FLIGHT = 20_000
"""Records on their way at once, whatever the concurrency: each waits with a few kilobytes."""


def slots(plan: Plan, services: Services) -> list[int]:
    """Calls at once of each model that a plan asks."""
    return [services[ref].limiter.concurrency for _, component in plan.components() for ref in component.models()]


def in_flight(plan: Plan, services: Services, settings: Settings) -> int:
    """Records on their way at once: enough for all calls, and as many again that wait for something else."""
    return min(2 * max([settings.concurrency, *slots(plan, services)]), MOST_IN_FLIGHT)


@dataclass(frozen=True, slots=True)
class Upstream:
    """Where the records that enter a stage come from: a folder of parts, and the steps of their stage."""

    place: Path
    labels: Sequence[str]


@dataclass(frozen=True, slots=True)
class Work:
    """One stage of one round. place: the folder of its parts. source: the records that enter it, in order, each time
    it is called. upstream: where all of them are, in this order, if they are in parts and come as they left those."""

    stage: Stage
    place: Path
    source: Callable[[], Iterator[Admission]]
    limit: Limit
    upstream: Sequence[Upstream] = ()

    @property
    def dataset(self) -> Bound:
        """The dataset step that it is."""
        assert self.stage.dataset is not None
        return self.stage.dataset

    def records(self) -> Iterator[Record]:
        """The records that enter it."""
        return (admission.record for admission in self.source())


class Executor(Protocol):
    """Runs the stages of record steps. Whatever does so, the parts hold the same."""

    async def run(self, work: Work) -> int | None:
        """Runs a stage to its end. Returns how many records its source had, those of parts that were there before
        included; None when the run is stopping. Raises what ends the run."""
        ...

    async def sketches(self, work: Work) -> "Sequence[pl.DataFrame] | None":
        """The sketches that a dataset step makes of the records that enter it, shard by shard. Else as `run`."""
        ...

    async def write(self, work: Work, resolved: Resolved) -> bool:
        """Commits what a dataset step has decided. False when the run is stopping; else as `run`."""
        ...


class LocalExecutor:
    """Runs a stage in this process, with one lane."""

    def __init__(self, lane: Lane, settings: Settings, monitor: Monitor, in_flight: int) -> None:
        self._lane, self._settings, self._monitor, self._in_flight = lane, settings, monitor, in_flight

    async def run(self, work: Work) -> int | None:
        """See `Executor`."""
        reader = Reader(work.source(), self._settings.shard, committed(work.place))
        segment = Segment(
            self._lane, work.stage, reader, partial(_saved, work.place),
            size=self._settings.shard, in_flight=self._in_flight, monitor=self._monitor, limit=work.limit,
        )  # fmt: skip
        return reader.count if await segment.run() else None

    async def sketches(self, work: Work) -> "Sequence[pl.DataFrame] | None":
        """See `Executor`."""
        return await asyncio.to_thread(dataset.sketches, work.dataset, work.records(), self._settings.shard)

    async def write(self, work: Work, resolved: Resolved) -> bool:
        """See `Executor`."""
        size = self._settings.shard
        self._monitor.add(await asyncio.to_thread(dataset.write, resolved, work.records, work.place, size))
        return True


async def _saved(place: Path, part: parts.Part) -> None:
    await asyncio.to_thread(parts.save, place, part)
