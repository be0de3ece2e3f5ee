"""The Ray executor: the driver's side of a run whose stages are done by lanes, one process or many a node.

Lanes are actors of Ray Core that run the class which the local executor runs. The driver reads and cuts shards, leases
them, and gives those of a lane that is gone to others: it owns all retries.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthkit.engine import dataset, parts
from synthkit.engine.cluster.desk import Desk, Task
from synthkit.engine.cluster.errands import ALONE, Errand, Sketching, Through, Writing
from synthkit.engine.cluster.fleet import BEAT, Fleet, Lost, Remote, steps
from synthkit.engine.cluster.lanes import Lanes
from synthkit.engine.cluster.pieces import Cutter
from synthkit.engine.cluster.reports import Reports
from synthkit.engine.cluster.shares import Shares, Slot
from synthkit.engine.dataset import Resolved
from synthkit.engine.executor import Work
from synthkit.engine.money import Money
from synthkit.engine.money import read as recounted
from synthkit.engine.monitor import Monitor
from synthkit.engine.segment import Reader, Shard, committed
from synthkit.engine.store import Store
from synthkit.engine.tally import Tally, total
from synthkit.errors import FatalError, OutOfBudget, RunError, SynthkitError
from synthkit.models.calls import Models
from synthkit.models.hindrance import Hindrance

if TYPE_CHECKING:
    import polars as pl

MOST = 400
"""Shards that a lane has at most: those with a record that takes long are open for as long."""
MANY, SLOWEST = 100, 4
"""Lanes from which on each is looked at less often, for a look costs 1.6 ms of CPU; and how much less at most."""


class RayExecutor:
    """Runs the stages of one run. See `Executor`."""

    def __init__(
        self, fleet: Fleet, store: Store, models: Models, monitor: Monitor, money: Money, *, shard: int
    ) -> None:
        self._fleet, self._store, self._models = fleet, store, models
        self._monitor, self._money, self._shard = monitor, money, shard
        self._shares = Shares(fleet.most)
        self._reports = Reports(store, models.services, monitor, money.bill)
        self._lanes = Lanes(fleet, store, monitor, self._reports, self._shares, money.bill)
        self._error: SynthkitError | None = None

    # what displays read

    @property
    def in_flight(self) -> int:
        """Calls that are being answered right now."""
        return self._reports.in_flight

    @property
    def hindrances(self) -> Sequence[Hindrance]:
        """What holds calls back right now, as the lanes tell it: each thing once."""
        return self._reports.hindrances

    @property
    def stopping(self) -> asyncio.Event:
        """Set when no further call is made."""
        return self._models.stopping

    async def run(self, work: Work) -> int | None:
        """See `Executor`."""
        feed = self._feed(work, await asyncio.to_thread(committed, work.place))
        errand = Through(self._fleet, self._reports, self._models.stopping, work, self._named(work.place))
        if not await self._sent(work, errand, feed):
            return None
        there, wanted = len(await asyncio.to_thread(parts.shards, work.place)), -(-feed.count // self._shard)
        if there != wanted:  # it cannot be, and would be silent
            raise RunError(
                f"{there:,} of {wanted:,} shards of {steps(work.stage)} are committed: resume the run, which does the "
                "others. Please report this."
            )
        return feed.count

    async def sketches(self, work: Work) -> "Sequence[pl.DataFrame] | None":
        """See `Executor`."""
        errand = Sketching(work)
        if not await self._sent(work, errand, self._feed(work)):
            return None
        return [frame for _, frame in sorted(errand.made.items())]

    async def write(self, work: Work, resolved: Resolved) -> bool:
        """See `Executor`. What changes places, or merges records, is written by this process."""
        if not resolved.by_shard:
            counts = await asyncio.to_thread(dataset.write, resolved, work.records, work.place, self._shard)
            self._monitor.add(counts)
            return True
        feed = self._feed(work, await asyncio.to_thread(committed, work.place))
        return await self._sent(work, Writing(self._monitor, work, resolved, self._named(work.place)), feed)

    def _named(self, place: Path) -> str:
        return str(place.relative_to(self._store.folder))

    def _feed(self, work: Work, done: Collection[int] = ()) -> Reader | Cutter:
        """The shards of what enters a stage: by where they are, if they are in parts."""
        if work.upstream:
            return Cutter(self._store.folder, work.upstream, self._shard, done)
        return Reader(work.source(), self._shard, done)

    async def _sent(self, work: Work, errand: Errand, feed: Reader | Cutter) -> bool:
        """Sends the lanes of a stage on an errand with all shards of a feed. False when the run is stopping; raises
        what ends it."""
        desk = Desk(feed)
        size = await asyncio.to_thread(self._fleet.size, work.stage)
        slots = [(str(work.stage.placement), number) for number in range(size)]
        self._shares.expect(slots)
        beside = [asyncio.create_task(self._stopping(desk)), asyncio.create_task(self._fleet.watch())]
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._read(desk))
                group.create_task(self._shares.keep(self._lanes.held, desk))
                for slot in slots:
                    group.create_task(self._slot(desk, work, errand, slot))
                beside.append(asyncio.create_task(self._growing(desk, work, errand, size, group)))
        except BaseExceptionGroup as errors:
            error = _first(errors)
            if not isinstance(error, SynthkitError):
                raise error from None
            self._error = self._error or error
        finally:
            for task in beside:
                task.cancel()
        if self._error is not None:
            raise self._error
        return not self._models.stopping.is_set()

    async def close(self) -> None:
        """Ends all lanes, orderly, and takes down what they have spent."""
        for slot in list(self._lanes.held):
            await self._lanes.dismiss(slot)
        problems: list[str] = []
        try:
            spent, problems = await self._fleet.close()
            self._money.budget.spent += spent
        except RunError as error:
            self._money.leases = None  # all that was leased counts as spent, since nobody knows
            self._store.event("keeper lost", reason=str(error))
        for problem in problems:
            self._store.event("journal", message=problem)
        if self._lanes.lost:  # nobody knows what they would have told
            kept = self._money.bill.cut_off
            labels, project = self._monitor.labels, self._models.services.project
            bill = await asyncio.to_thread(recounted, self._store, labels, project)
            self._money.bill.lines, self._money.bill.cut_off = bill.lines, kept

    # one stage

    async def _read(self, desk: Desk) -> None:
        try:
            await desk.read()
        except SynthkitError as error:
            await self._stop(error)
            await desk.stop()

    async def _stopping(self, desk: Desk) -> None:
        """Hands the stop of a run on to its lanes."""
        await self._models.stopping.wait()
        await desk.stop()
        await asyncio.gather(*(lane.call("stop") for lane in list(self._lanes.held.values())), return_exceptions=True)

    async def _growing(self, desk: Desk, work: Work, errand: Errand, size: int, group: asyncio.TaskGroup) -> None:
        """Lets a stage have more lanes when nodes come."""
        while True:
            before, size = size, await self._fleet.larger(work.stage, size)
            slots = [(str(work.stage.placement), number) for number in range(before, size)]
            self._shares.expect_more(slots)
            for slot in slots:
                group.create_task(self._slot(desk, work, errand, slot))

    async def _stop(self, error: SynthkitError) -> None:
        if isinstance(error, FatalError):
            self._models.attempts.stop(error)
        else:
            self._error = self._error or error
        self._models.stopping.set()

    async def _slot(self, desk: Desk, work: Work, errand: Errand, slot: Slot) -> None:
        """One of the lanes of a stage, and those that take its place when it is lost."""
        while True:
            lane = await self._lanes.get(desk, work.stage, slot)
            if lane is None:
                return
            busy: dict[int, Task] = {}
            try:
                async with self._listening(lane, work) as lost:
                    self._lanes.serving += 1
                    try:
                        await self._serve(desk, errand, lane, busy, lost)
                    finally:
                        self._lanes.serving -= 1
                return
            except Lost as error:
                await self._bury(desk, errand, slot, lane, busy, error)
            except OutOfBudget as error:
                if self._lanes.serving == 0:
                    await self._stop(error)
                else:  # others may do with what it gives back
                    await self._lanes.dismiss(slot)
                await self._give_back(desk, errand, busy)
                return
            except SynthkitError as error:
                await self._stop(error)
                await self._give_back(desk, errand, busy)
                return

    async def _serve(
        self, desk: Desk, errand: Errand, lane: Remote, busy: dict[int, Task], lost: "asyncio.Future[None]"
    ) -> None:
        """Keeps a lane busy until nothing is left. Raises `Lost`, and what ends the run."""
        leases: dict[asyncio.Future[None], int] = {}
        taking: asyncio.Task[Task | None] | None = None
        over = False
        try:
            while not over or leases or len(busy) > len(leases):
                for number, task in busy.items():
                    if number not in leases.values() and not (leases and task.deaths >= ALONE):
                        leases[asyncio.ensure_future(errand.done(lane, busy, number))] = number
                alone = any(task.deaths >= ALONE for task in busy.values())
                lane.load = sum(len(task.shard.admissions) for task in busy.values())
                room = len(busy) - len(lane.begun) < errand.ahead and len(busy) < MOST
                if taking is None and not over and not alone and room:
                    taking = asyncio.create_task(desk.take())
                waiting: set[asyncio.Future[Any]] = {*leases, lost, lane.stirred, *([taking] if taking else [])}
                done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                if lost in done:
                    lost.result()
                if taking is not None and taking in done:
                    if (taken := taking.result()) is None:
                        over = True
                    else:
                        busy[taken.shard.number] = taken
                    taking = None
                for lease in [lease for lease in leases if lease in done]:
                    number = leases.pop(lease)
                    lease.result()
                    del busy[number]
                    await desk.done()
            if not self._models.stopping.is_set():
                await lane.attended("leave")
                await lane.pulse()
                self._reports.count()
        finally:
            lane.load = 0
            for lease in leases:
                lease.cancel()
            if taking is not None:
                taking.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    if (taken := await taking) is not None:
                        await desk.give_back(taken)

    # lanes that are lost

    async def _bury(
        self, desk: Desk, errand: Errand, slot: Slot, lane: Remote, busy: dict[int, Task], error: Lost
    ) -> None:
        """Gives a lane up, and its shards back, as far as they were not committed."""
        self._lanes.lost += 1
        self._store.event("lane lost", lane=lane.name, node=lane.node, reason=str(error), shards=len(busy))
        await self._fleet.fence(lane)
        self._lanes.held.pop(slot, None)
        unseen = await self._give_back(desk, errand, busy, deaths=1)
        self._reports.settle(lane, total([lane.committed, unseen if isinstance(errand, Through) else {}]))

    async def _give_back(self, desk: Desk, errand: Errand, busy: dict[int, Task], deaths: int = 0) -> Tally:
        """Gives the shards of a lane that does no more to others, as far as they were not committed. Returns what was
        counted in what it has committed, and not said."""
        place = errand.makes
        headers = await asyncio.to_thread(lambda: list(parts.headers_of(place, busy)) if place else [])
        had = {number: await asyncio.to_thread(list, task.shard.admissions) for number, task in busy.items()}
        done = {index for header in headers for index, _ in header.entries}
        given = {admission.index for admissions in had.values() for admission in admissions}
        unseen = total(h.tally for h in headers if not given.isdisjoint(index for index, _ in h.entries))
        self._monitor.add(unseen)
        for number, task in busy.items():
            left = [admission for admission in had[number] if admission.index not in done]
            if left:
                await desk.give_back(Task(Shard(task.shard.number, left), task.deaths + deaths, again=True))
            else:
                await desk.done()
        return unseen

    @contextlib.asynccontextmanager
    async def _listening(self, lane: Remote, work: Work) -> "AsyncIterator[asyncio.Future[None]]":
        """Hears a lane's pulse; what it gives is done when the lane is lost."""
        lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        listening = asyncio.create_task(self._listen(lane, work, lost))
        try:
            yield lost
        finally:
            listening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await listening

    async def _listen(self, lane: Remote, work: Work, lost: "asyncio.Future[None]") -> None:
        while True:
            try:
                await lane.pulse()
            except Lost as error:
                if not lost.done():
                    lost.set_exception(error)
                    lost.exception()
                return
            if self._reports.age > BEAT / 2:  # once for all lanes
                self._reports.count()
                if problem := work.limit(self._monitor):
                    self._monitor.stopping = self._monitor.stopping or problem
                    self._models.stopping.set()
            await asyncio.sleep(BEAT * min(max(1, len(self._lanes.held) / MANY), SLOWEST))


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
