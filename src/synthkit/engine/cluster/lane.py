"""A lane: one process of a cluster that takes records through the stages, by the class that the local executor uses."""

import asyncio
import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from synthkit.engine import dataset, parts
from synthkit.engine.cluster.duty import Duty, Pulse
from synthkit.engine.cluster.far_journal import FarJournal
from synthkit.engine.cluster.inbox import Begun, Inbox
from synthkit.engine.cluster.kept import kept, node_address, node_id
from synthkit.engine.cluster.overheard import overhear
from synthkit.engine.cluster.parcel import Parcel, portable, unpacked
from synthkit.engine.cluster.pieces import Archive
from synthkit.engine.cluster.room import Room
from synthkit.engine.context import FileArtifacts, Lane
from synthkit.engine.monitor import Monitor
from synthkit.engine.plan import Bound, Stage
from synthkit.engine.segment import Segment, Shard, no_limit
from synthkit.engine.tally import Tally
from synthkit.errors import PluginError, RunError, StoreError, SynthkitError
from synthkit.models.bill import Bill
from synthkit.models.budget import ZERO, Budget
from synthkit.models.calls import Models
from synthkit.models.service import Services
from synthkit.models.share import NOTHING, Share
from synthkit.plugins import registry

if TYPE_CHECKING:
    import polars as pl

    from synthkit.engine.cluster.assignment import Assignment
    from synthkit.models.keys import Keys

LEARNED = "option refused"
"""The event that tells what a model was found not to take."""
THREADS = 2
"""Threads for what is heavy on the CPU; a lane has a core."""
HEAVY = 8 * THREADS
"""Records on their way at once where all that they do is heavy: more would only be kept from other lanes."""


class FarBank:
    """Dollars, leased from the keeper. See `Lender`."""

    def __init__(self, keeper: Any, lane: str) -> None:
        self._keeper, self._lane = keeper, lane

    async def lease(self, least: Decimal) -> Decimal:
        dollars: Decimal = await kept(self._keeper, "lease", self._lane, least)
        return dollars

    async def give_back(self, dollars: Decimal) -> None:
        await kept(self._keeper, "give_back", self._lane, dollars)


class Notes:
    """The events of a lane, until they are told."""

    def __init__(self) -> None:
        self._new: list[tuple[str, Mapping[str, Any]]] = []

    def event(self, kind: str, **data: Any) -> None:
        self._new.append((kind, data))

    def taken(self) -> Sequence[tuple[str, Mapping[str, Any]]]:
        """Those since the last time."""
        new, self._new = self._new, []
        return new


class FreshArtifacts(FileArtifacts):
    """Artifacts of a lane. fresh: those that nobody else has yet."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.fresh: dict[str, bytes] = {}

    def put(self, data: bytes) -> str:
        name = super().put(data)
        self.fresh[name] = data
        return name


class Running(NamedTuple):
    """The stage that a lane is at. place: of its parts; ended: done when it is over."""

    place: str
    inbox: Inbox
    segment: Segment
    ended: "asyncio.Task[bool]"


class Worker:
    """What the actor of a lane does. All but `pulse` belong to one loop."""

    def __init__(self) -> None:
        self._folder = Room()
        self._lane: Lane | None = None
        self._shared = 0
        self._stage: Running | None = None
        self._begun = Begun()
        self._in_flight = 1

    async def begin(
        self, duty: Duty, assignment: "Assignment", keys: "Keys", keeper: Any, known: Any
    ) -> SynthkitError | str:
        """Makes of this process what the driver is. Returns the address of its node, or what is wrong with it."""
        try:
            self._begin(duty, assignment, keys, keeper, known)
        except BaseException as error:  # a pipeline file may do anything when it is loaded
            return portable(error)
        return node_address()

    def _begin(self, duty: Duty, assignment: "Assignment", keys: "Keys", keeper: Any, known: Any) -> None:
        if lacks := assignment.lacking():
            raise PluginError("\n".join(lacks))
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS, "synthkit"))
        self._duty, self._keeper = duty, keeper
        self._here = duty.node == node_id()
        folder = self._folder.path
        made = assignment.unpacked(folder, keys)
        self._plan, self._settings = made.plan, made.settings
        self._notes, self._bill = Notes(), Bill(made.plan.shape.labels)
        began = datetime.fromisoformat(made.state["began"]).date()
        services = Services(
            made.project, registry().provider, made.settings.concurrency, began,
            answered_before=duty.answered, give_up_after=made.settings.patience(),
            hedge=made.settings.hedge, share=NOTHING,
        )  # fmt: skip
        services.learned.tell = self._learnt
        self._journal = FarJournal(partial(kept, keeper, "append"), partial(kept, keeper, "find"), known)
        self._archive = Archive(self._fetch, Path(duty.folder))
        bank = FarBank(keeper, duty.name)
        self._budget = Budget(duty.budget, ZERO, bank, alone=False) if duty.budget is not None else Budget()
        self._models = Models(
            services, self._journal, self._notes, run=made.state["run"], offline=made.settings.offline,
            budget=self._budget, bill=self._bill,
        )  # fmt: skip
        self._artifacts = FreshArtifacts(folder / "artifacts")
        self._monitor = Monitor(made.plan.name, made.plan.target, labels=list(made.plan.shape.labels))
        self._monitor.models = self._models
        self._overheard = overhear(made.project.redact)
        self._lane = Lane(
            self._models, made.settings.seed, self._artifacts, self._notes, made.project.redact, attended=False
        )  # fmt: skip

    async def lease(
        self, stage: int, place: str, number: int, parcel: Parcel, again: bool
    ) -> tuple[Tally, Sequence[int]] | SynthkitError:
        """Takes a shard through a stage. Returns what was counted when it is committed, nothing where the run stops
        before, and what `begun` would return; or what ends the run. again: a lane had it that is gone."""
        try:
            shard = Shard(number, await unpacked(parcel, self._archive))
        except StoreError as error:
            return portable(error)
        self._journal.wary += again
        running = self._running(stage, place)
        committed, ended = running.inbox.lease(shard), running.ended
        either: list[asyncio.Future[Any]] = [committed, ended]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        self._journal.wary -= again
        if committed.done():
            return committed.result(), self._begun.taken()
        wrong = ended.exception() or self._models.fatal
        if wrong is None and not self._models.stopping.is_set():
            wrong = RunError(f"shard {number} was not committed: resume the run. Please report this.")
        return ({}, ()) if wrong is None else portable(wrong)

    async def begun(self) -> Sequence[int]:
        """The numbers of the shards of which records are on their way since the last time, so that there may be others;
        as soon as there are some which no commit has told of."""
        return await self._begun.told()

    async def sketch(self, stage: int, parcel: Parcel) -> "pl.DataFrame | SynthkitError":
        """The sketches that a dataset step makes of the records of a shard. Returns what ends the run."""
        try:
            bound, records = self._dataset(stage), [a.record for a in await unpacked(parcel, self._archive)]
            with dataset.blamed(bound, self._at_work):
                return await asyncio.to_thread(dataset.sketched, bound, records)
        except SynthkitError as error:
            return portable(error)

    async def write(
        self, stage: int, place: str, number: int, parcel: Parcel, rows: Mapping[str, Mapping[str, Any]]
    ) -> Tally | SynthkitError:
        """Commits what a dataset step decided on the records of a shard, and returns what was counted. Returns what
        ends the run."""
        try:
            bound, admissions = self._dataset(stage), await unpacked(parcel, self._archive)
            chunk = [(admission.index, admission.record) for admission in admissions]
            with dataset.blamed(bound, self._at_work):
                part = await asyncio.to_thread(dataset.part, bound, number, chunk, rows, dataset.Groups(bound, rows))
            await self._put(place, part)
            return part.tally
        except SynthkitError as error:
            return portable(error)

    def _dataset(self, stage: int) -> Bound:
        bound = self._plan.stages[stage].dataset
        assert bound is not None
        return bound

    @property
    def _at_work(self) -> Lane:
        assert self._lane is not None
        return self._lane

    async def share(self, number: int, shares: Sequence[Share], anew: bool) -> None:
        """It has the least of these shares of the run's limits from now on; see `Services.divide`. Returns when no more
        calls are in flight than that allows. number: of this message, since an older one may come late."""
        if number > self._shared:
            self._shared = number
            self._at_work.models.services.divide(*shares, anew=anew)
            self._in_flight = max(1, math.ceil(self._duty.in_flight * min(share.width for share in shares)))
            if self._stage is not None:
                self._stage.segment.allow(self._most(self._stage.segment.stage))
        await self._at_work.models.services.settled()

    async def leave(self) -> None:
        """Ends the stage; the next `lease` may be of another."""
        running = self._stage
        if running is not None:
            running.inbox.end()
            await asyncio.wait([running.ended])
            running.ended.exception()  # the leases have told
            if self._stage is running:  # nobody else was first
                self._stage = None

    async def stop(self) -> None:
        """No further question is asked; finished records are committed."""
        self._models.stopping.set()
        await self.leave()

    async def close(self) -> None:
        """The end: all answers are durable, the money is settled."""
        await self._models.close()
        self._folder.close()
        if self._duty.budget is not None:
            await kept(self._keeper, "settle", self._duty.name, self._budget.spent)

    def pulse(self) -> Pulse:
        """How it is. In a thread of its own, so that a busy lane is not taken for a dead one."""
        if self._lane is None:
            return Pulse({}, 0, 0, 0, Bill())
        monitor, made = self._monitor, list(self._models.services.made.values())
        return Pulse(
            monitor.now(), monitor.failed, monitor.ended, monitor.in_flight, self._bill.copy(),
            self._models.hindrances, self._notes.taken(),
            {service.model.ref: frozenset(service.refused) for service in made if service.refused},
            replace(monitor.unfinished), dict(monitor.failures), dict(monitor.messages),
            self._models.services.wants, monitor.under_way, self._overheard(),
            {label: count.seen for label, count in list(monitor.tally.items())},
        )  # fmt: skip

    def _learnt(self, model: str, option: str) -> None:
        self._notes.event(LEARNED, model=model, option=option)

    async def _fetch(self, files: Sequence[str]) -> Sequence[bytes]:
        """The content of parts: those of this machine are read here, others are asked for."""
        if self._here:
            return await asyncio.to_thread(parts.contents, Path(self._duty.folder), files)
        read: Sequence[bytes] = await kept(self._keeper, "read", files)
        return read

    def _most(self, stage: Stage) -> int:
        """Records on their way at once in a stage."""
        return min(self._in_flight, HEAVY) if stage.heavy and not stage.asks else self._in_flight

    def _running(self, stage: int, place: str) -> Running:
        if self._stage is None or self._stage.place != place:
            inbox, made = Inbox(self._begun), self._plan.stages[stage]
            segment = Segment(
                self._at_work, made, inbox, partial(self._commit, place, inbox),
                size=self._settings.shard, in_flight=self._most(made), monitor=self._monitor, limit=no_limit,
            )  # fmt: skip
            self._stage = Running(place, inbox, segment, asyncio.create_task(self._ran(segment, inbox)))
        return self._stage

    async def _ran(self, segment: Segment, inbox: Inbox) -> bool:
        stopping = asyncio.create_task(self._ended(inbox))
        try:
            return await segment.run()
        finally:
            stopping.cancel()

    async def _ended(self, inbox: Inbox) -> None:
        await self._models.stopping.wait()
        inbox.end()

    async def _commit(self, place: str, inbox: Inbox, part: parts.Part) -> None:
        await self._put(place, part)
        inbox.done(part)

    async def _put(self, place: str, part: parts.Part) -> None:
        data = await asyncio.to_thread(parts.packed, part, place)
        fresh, self._artifacts.fresh = self._artifacts.fresh, {}
        await kept(self._keeper, "commit", self._duty.name, place, part.shard, data, list(fresh.values()))
