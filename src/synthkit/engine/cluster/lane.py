"""A lane: one process of a cluster that takes records through the stages, by the class that the local executor uses."""

import asyncio
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthkit.engine import parts
from synthkit.engine.cluster.far_journal import FarJournal
from synthkit.engine.cluster.kept import kept
from synthkit.engine.cluster.parcel import portable, unpacked
from synthkit.engine.context import FileArtifacts, Lane
from synthkit.engine.monitor import Monitor
from synthkit.engine.segment import Segment, Shard, no_limit
from synthkit.engine.tally import Tally
from synthkit.errors import PluginError, SynthkitError
from synthkit.models.bill import Bill
from synthkit.models.budget import ZERO, Budget
from synthkit.models.calls import Models
from synthkit.models.hindrance import Hindrance
from synthkit.models.service import Services, Share
from synthkit.models.spent import Spent
from synthkit.plugins import registry

if TYPE_CHECKING:
    from synthkit.engine.cluster.assignment import Assignment
    from synthkit.models.keys import Keys

LEARNED = "option refused"
"""The event that tells what a model was found not to take."""
THREADS = 2
"""Threads for what is heavy on the CPU; a lane has a core."""


@dataclass(frozen=True, slots=True)
class Duty:
    """What a lane is told when it begins, beside its `Assignment` and the keys. name: of the lane. share: its part of
    the run's limits. in_flight: records on their way at once. budget: dollars of the run, None without one. answered:
    whether the run has had answers."""

    name: str
    share: Share
    in_flight: int
    budget: Decimal | None
    answered: bool


@dataclass(frozen=True, slots=True)
class Pulse:
    """What a lane tells of itself. tally, failed, ended, bill: of all it has done. events: since the last one."""

    tally: Tally
    failed: int
    ended: int
    in_flight: int
    bill: Bill
    hindrances: Sequence[Hindrance] = ()
    events: Sequence[tuple[str, Mapping[str, Any]]] = ()
    refused: Mapping[str, frozenset[str]] = field(default_factory=dict)
    unfinished: Spent = field(default_factory=Spent)
    failures: Mapping[tuple[str, str], int] = field(default_factory=dict)
    messages: Mapping[tuple[str, str], str] = field(default_factory=dict)


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


class Inbox:
    """A feed of shards that are handed over one by one."""

    def __init__(self) -> None:
        self._shards: asyncio.Queue[Shard | None] = asyncio.Queue()
        self.committed: dict[int, asyncio.Future[Tally]] = {}
        self._sizes: dict[int, int] = {}

    def lease(self, shard: Shard) -> "asyncio.Future[Tally]":
        """Takes a shard; what comes of it is what was counted, when it is committed."""
        waiting: asyncio.Future[Tally] = asyncio.get_running_loop().create_future()
        self.committed[shard.number], self._sizes[shard.number] = waiting, len(shard.admissions)
        self._shards.put_nowait(shard)
        return waiting

    def done(self, part: parts.Part) -> None:
        """A part is committed. One that holds a part of its shard only, since the lane stops, is none that is done."""
        if len(part.entries) == self._sizes.pop(part.shard):
            waiting = self.committed.pop(part.shard)
            if not waiting.done():
                waiting.set_result(part.tally)

    def end(self) -> None:
        """No further shard comes."""
        self._shards.put_nowait(None)

    async def next(self) -> Shard | None:
        return await self._shards.get()


class Worker:
    """What the actor of a lane does. All but `pulse` belong to one loop."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="synthkit-lane-", ignore_cleanup_errors=True)
        self._lane: Lane | None = None
        self._stage: tuple[str, Inbox, asyncio.Task[bool]] | None = None

    async def begin(
        self, duty: Duty, assignment: "Assignment", keys: "Keys", keeper: Any, known: Any
    ) -> SynthkitError | None:
        """Makes of this process what the driver is. Returns what is wrong with it."""
        try:
            self._begin(duty, assignment, keys, keeper, known)
        except Exception as error:
            return portable(error)
        return None

    def _begin(self, duty: Duty, assignment: "Assignment", keys: "Keys", keeper: Any, known: Any) -> None:
        if lacks := assignment.lacking():
            raise PluginError("\n".join(lacks))
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS, "synthkit"))
        self._duty, self._keeper = duty, keeper
        folder = Path(self._folder.name)
        made = assignment.unpacked(folder, keys)
        self._plan, self._settings = made.plan, made.settings
        self._notes, self._bill = Notes(), Bill(made.plan.shape.labels)
        began = datetime.fromisoformat(made.state["began"]).date()
        services = Services(
            made.project, registry().provider, made.settings.concurrency, began,
            answered_before=duty.answered, give_up_after=made.settings.patience(),
            hedge=made.settings.hedge, share=duty.share,
        )  # fmt: skip
        services.learned.tell = self._learnt
        self._journal = FarJournal(partial(kept, keeper, "append"), partial(kept, keeper, "find"), known)
        bank = FarBank(keeper, duty.name)
        self._budget = Budget(duty.budget, ZERO, bank) if duty.budget is not None else Budget()
        self._models = Models(
            services, self._journal, self._notes, run=made.state["run"], offline=made.settings.offline,
            budget=self._budget, bill=self._bill,
        )  # fmt: skip
        self._artifacts = FreshArtifacts(folder / "artifacts")
        self._monitor = Monitor(made.plan.name, made.plan.target, labels=list(made.plan.shape.labels))
        self._monitor.models = self._models
        self._lane = Lane(
            self._models, made.settings.seed, self._artifacts, self._notes, made.project.redact
        )  # fmt: skip

    async def lease(self, stage: int, place: str, number: int, parcel: bytes, again: bool) -> Tally | SynthkitError:
        """Takes the records of a shard through a stage, and returns what was counted when they are committed: less than
        all where the run stops before. Returns what ends the run. again: a lane had it that is gone."""
        self._journal.wary += again
        try:
            return await self._leased(stage, place, Shard(number, unpacked(parcel)))
        finally:
            self._journal.wary -= again

    async def _leased(self, stage: int, place: str, shard: Shard) -> Tally | SynthkitError:
        inbox, segment = self._inbox(stage, place)
        committed = inbox.lease(shard)
        either: list[asyncio.Future[Any]] = [committed, segment]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if committed.done():
            return committed.result()
        error = segment.exception() or self._models.fatal
        return {} if error is None else portable(error)

    async def leave(self) -> None:
        """Ends the stage; the next `lease` may be of another."""
        if self._stage is not None:
            _, inbox, segment = self._stage
            inbox.end()
            await asyncio.wait([segment])
            segment.exception()  # the leases have told
            self._stage = None

    async def stop(self) -> None:
        """No further question is asked; finished records are committed."""
        self._models.stopping.set()
        await self.leave()

    async def close(self) -> None:
        """The end: all answers are durable, the money is settled."""
        await self._models.close()
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
        )  # fmt: skip

    def _learnt(self, model: str, option: str) -> None:
        self._notes.event(LEARNED, model=model, option=option)

    def _inbox(self, stage: int, place: str) -> "tuple[Inbox, asyncio.Task[bool]]":
        if self._stage is None or self._stage[0] != place:
            assert self._lane is not None
            inbox = Inbox()
            segment = Segment(
                self._lane, self._plan.stages[stage], inbox, partial(self._commit, place, inbox),
                size=self._settings.shard, in_flight=self._duty.in_flight, monitor=self._monitor, limit=no_limit,
            )  # fmt: skip
            self._stage = place, inbox, asyncio.create_task(self._ran(segment, inbox))
        return self._stage[1], self._stage[2]

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
        data = await asyncio.to_thread(parts.packed, part, place)
        fresh, self._artifacts.fresh = self._artifacts.fresh, {}
        await kept(self._keeper, "commit", self._duty.name, place, part.shard, data, list(fresh.values()))
        inbox.done(part)
