"""Executors: where the record steps of a run are done. The local one does them in the loop of the process itself."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from synthkit.engine import parts
from synthkit.engine.context import Lane
from synthkit.engine.monitor import Monitor
from synthkit.engine.plan import Plan, Stage
from synthkit.engine.segment import Admission, Limit, Reader, Segment, committed
from synthkit.engine.settings import Settings
from synthkit.models.service import Services

MOST_IN_FLIGHT = 20_000
"""Records on their way at once, whatever the concurrency: each waits with a few kilobytes."""


def slots(plan: Plan, services: Services) -> list[int]:
    """Calls at once of each model that a plan asks."""
    return [services[ref].limiter.concurrency for _, component in plan.components() for ref in component.models()]


def in_flight(plan: Plan, services: Services, settings: Settings) -> int:
    """Records on their way at once: enough for all calls, and as many again that wait for something else."""
    return min(2 * max([settings.concurrency, *slots(plan, services)]), MOST_IN_FLIGHT)


@dataclass(frozen=True, slots=True)
class Work:
    """One stage of one round. place: the folder of its parts. source: the records that enter it, in order."""

    stage: Stage
    place: Path
    source: Iterator[Admission]
    limit: Limit


class Executor(Protocol):
    """Runs the stages of record steps. Whatever does so, the parts hold the same."""

    async def run(self, work: Work) -> int | None:
        """Runs a stage to its end. Returns how many records its source had, those of parts that were there before
        included; None when the run is stopping. Raises what ends the run."""
        ...


class LocalExecutor:
    """Runs a stage in this process, with one lane."""

    def __init__(self, lane: Lane, settings: Settings, monitor: Monitor, in_flight: int) -> None:
        self._lane, self._settings, self._monitor, self._in_flight = lane, settings, monitor, in_flight

    async def run(self, work: Work) -> int | None:
        """See `Executor`."""
        reader = Reader(work.source, self._settings.shard, committed(work.place))
        segment = Segment(
            self._lane, work.stage, reader, partial(_saved, work.place),
            size=self._settings.shard, in_flight=self._in_flight, monitor=self._monitor, limit=work.limit,
        )  # fmt: skip
        return reader.count if await segment.run() else None


async def _saved(place: Path, part: parts.Part) -> None:
    await asyncio.to_thread(parts.save, place, part)
