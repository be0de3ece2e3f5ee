"""The lanes of a run: started when a stage needs them, kept for the next one, ended when they are in the way."""

import asyncio
import contextlib
from collections.abc import Iterable
from functools import partial
from typing import Any

from synthkit.engine.cluster.desk import Desk
from synthkit.engine.cluster.fleet import Fleet, Lost, Remote, steps, wish
from synthkit.engine.cluster.reports import Reports
from synthkit.engine.cluster.shares import Shares, Slot
from synthkit.engine.monitor import Monitor
from synthkit.engine.plan import Stage
from synthkit.engine.store import Store
from synthkit.errors import RunError
from synthkit.models.bill import Bill

ROOM = 5.0
"""Seconds in which a lane is there where a node has room for it."""
SLOW = 30.0
"""Seconds in which a process has started where there is room for it."""
STARTS = 5
"""Processes that may end while they become lanes, one after the other."""


class Lanes:
    """Those of one run. held: by their slots. serving: how many are at a stage; lost: how many were given up."""

    def __init__(
        self, fleet: Fleet, store: Store, monitor: Monitor, reports: Reports, shares: Shares, bill: Bill
    ) -> None:
        self._fleet, self._store, self._monitor = fleet, store, monitor
        self._reports, self._shares, self._bill = reports, shares, bill
        self.held: dict[Slot, Remote] = {}
        self.serving = 0
        self.lost = 0

    async def get(self, desk: Desk, stage: Stage, slot: Slot) -> Remote | None:
        """The lane of a slot: the one that is there, or a new one; None where the stage is over before it is there.
        Raises `RunError` where none can be started, and what is wrong with a node."""
        failed = 0
        while slot not in self.held:
            starting = asyncio.create_task(self._fleet.start(stage.placement, answered=bool(self._bill)))
            over = asyncio.create_task(desk.over())
            try:
                either = [starting, over]
                others = [other for other in self.held if other[0] != slot[0]]
                if others and await self._fleet.crowded(stage.placement):  # they have nothing to do, and are in the way
                    await asyncio.gather(*map(self.dismiss, others))
                done, _ = await asyncio.wait(either, timeout=ROOM, return_when=asyncio.FIRST_COMPLETED)
                if not done:  # it may be one node that has no room
                    await asyncio.gather(*map(self.dismiss, others))
                    await self._long(stage, either)
                if not starting.done():
                    return None
                lane = self.held[slot] = starting.result()
                lane.hear = partial(self._reports.take, lane)
                self._shares.came()
                self._store.event("lane", lane=lane.name, node=lane.node)
            except Lost as error:
                self._store.event("lane lost", lane="", reason=str(error))
                failed += 1
                if failed >= STARTS:
                    raise RunError(f"no lane can be started: {error}") from error
            finally:
                starting.cancel()
                over.cancel()
        return self.held[slot]

    async def _long(self, stage: Stage, either: Iterable["asyncio.Future[Any]"]) -> None:
        """Waits for a lane that is long in coming, and tells why."""
        asked = wish(stage.placement)
        if await self._fleet.crowded(stage.placement):
            why = f"which needs {asked} of a node: none has that free, or its process is still starting"
        elif (await asyncio.wait(either, timeout=SLOW, return_when=asyncio.FIRST_COMPLETED))[0]:
            return
        else:
            why = f"whose process has not started for {SLOW:g} s: Ray's logs on the nodes may say why"
        said = f"waiting for a lane for {steps(stage)}, {why}"
        self._store.event("lane waits", steps=steps(stage), needs=asked)
        if not self.serving and not self._monitor.awaits:  # there is no other, and nothing is installed
            self._monitor.awaits = said
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if self._monitor.awaits == said:
                self._monitor.awaits = ""

    async def dismiss(self, slot: Slot) -> None:
        """Ends a lane that has nothing to do any more."""
        lane = self.held.pop(slot, None)
        if lane is None:  # somebody else was first
            return
        try:
            await lane.attended("stop")
            await lane.attended("close")
            await lane.pulse()
        except Lost as error:
            self._store.event("lane lost", lane=lane.name, node=lane.node, reason=str(error), shards=0)
            self.lost += 1
            with contextlib.suppress(RunError):
                await self._fleet.fence(lane)
        if lane.told is not None:
            self._monitor.unfinished.add(lane.told.unfinished)
        self._reports.settle(lane, lane.committed)
        self._reports.count()
        lane.kill()
