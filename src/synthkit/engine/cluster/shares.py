"""Shares: how much of the calls at once, and of all limits, each lane may use. They move to where somebody waits."""

import asyncio
import math
from collections import deque
from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import accumulate, pairwise

from synthkit.engine.cluster.desk import Desk
from synthkit.engine.cluster.fleet import BEAT, PATIENCE, Lost, Remote
from synthkit.engine.executor import MOST_IN_FLIGHT
from synthkit.engine.plan import Plan
from synthkit.models.pace import BURST, MINUTE
from synthkit.models.service import Services
from synthkit.models.share import NOTHING, Share

GRAIN = 4096
"""Parts at least in which the whole is shared out."""
SOON = 5.0
"""Seconds that a lane which is being started keeps its share at the beginning of a run."""
MEMORY = 3
"""Looks at a lane, of which what it wanted most counts: between two shards it wants less."""
MARGIN = 8
"""A lane is worth a change that would get this part of its share more."""

TOKENS = 1000
"""Tokens of a request, for which a lane must have room."""

Slot = tuple[str, int]
"""A lane's place among those of a run: what it asks of a node, and its number among those that ask the same."""


def most(plan: Plan, services: Services) -> int:
    """So many lanes can have a share of the limits of all models of a plan in which there is room for a request:
    of the calls at once, and of what the user allows at once."""
    found = float(MOST_IN_FLIGHT)
    for ref in {ref for _, component in plan.components() for ref in component.models()}:
        limiter = services[ref].limiter
        least = float(min(limiter.concurrency, MOST_IN_FLIGHT))
        for kind, allowed in limiter.a_minute.items():
            least = min(least, allowed * BURST / MINUTE / (1 if kind == "requests" else TOKENS))
        found = min(found, least)
    return max(1, int(found))


def fair(wants: Sequence[int], units: int, least: int) -> list[int]:
    """Shares out units among lanes. wants: so many each would use, 0 where it has nothing to do. Who wants gets `least`
    of them, as far as they go round, and then what it wants; where that is more than there are, those that want most
    get equally many. What nobody wants is for all."""
    given = [0] * len(wants)
    hungry = [number for number, want in enumerate(wants) if want > 0][: units // least]
    left = units
    for behind, number in enumerate(sorted(hungry, key=lambda number: wants[number])):
        given[number] = min(max(wants[number], least), left // (len(hungry) - behind))
        left -= given[number]
    parts = [left * (number + 1) // len(wants) - left * number // len(wants) for number in range(len(wants))]
    return [one + more for one, more in zip(given, parts, strict=True)]


def due(have: Sequence[int], wants: Sequence[int], given: Sequence[int], least: int) -> bool:
    """Whether a change from `have` to `given` is worth its while: for somebody who waits, and gets clearly more."""
    return any(
        want > has and (has < least <= gets or gets - has >= max(least, has // MARGIN))
        for has, want, gets in zip(have, wants, given, strict=True)
    )


def cut(widths: Sequence[int], units: int) -> list[Share]:
    """Shares of these widths, of so many units, one after the other."""
    ends = [0, *accumulate(widths)]
    return [Share(Fraction(begin, units), Fraction(end, units)) for begin, end in pairwise(ends)]


class Shares:
    """Who has which share of the limits of a run. most: calls at once of the model that allows the fewest: so many
    lanes can have a share."""

    def __init__(self, most: int) -> None:
        self._least = math.ceil(GRAIN / most)
        self._units = most * self._least
        self._held: dict[Slot, Share] = {}
        self._told: dict[Slot, Remote] = {}
        """The lanes that know what they have."""
        self._anew: set[Slot] = set()
        """Whose share nobody has had before."""
        self._silent: set[Remote] = set()
        self._since = 0.0
        self._even: Sequence[Slot] = ()
        self._seen: dict[Slot, deque[int]] = {}
        self._number = 0
        self._came = asyncio.Event()

    def expect(self, slots: Sequence[Slot]) -> None:
        """A stage begins, and has these lanes: they begin with equal shares."""
        if self._held:
            self._even = slots
            self.expect_more(slots)
            return
        equal = [self._units * (n + 1) // len(slots) - self._units * n // len(slots) for n in range(len(slots))]
        self._held = dict(zip(slots, cut(equal, self._units), strict=True))
        self._anew, self._since = set(slots), asyncio.get_running_loop().time()

    def expect_more(self, slots: Sequence[Slot]) -> None:
        """Further lanes, which get a share when they have something to do."""
        for slot in slots:
            self._held.setdefault(slot, NOTHING)

    def came(self) -> None:
        """A lane is there, and waits for its share."""
        self._came.set()

    async def keep(self, lanes: Mapping[Slot, Remote], desk: Desk) -> None:
        """Moves shares between lanes until a stage is over."""
        over = asyncio.ensure_future(desk.over())
        try:
            while not over.done():
                self._came.clear()
                await self.move(lanes, over)
                came = asyncio.ensure_future(self._came.wait())
                await asyncio.wait([over, came], timeout=BEAT, return_when=asyncio.FIRST_COMPLETED)
                came.cancel()
        finally:
            over.cancel()

    async def move(self, lanes: Mapping[Slot, Remote], over: "asyncio.Future[None]") -> None:
        """Gives those that are new their share, and moves shares if that is due: first the lanes that lose something
        give it up, then others get it, so that together they never have more than there is."""
        for slot in [slot for slot, lane in self._told.items() if lanes.get(slot) is not lane]:
            del self._told[slot]
        new = [slot for slot in lanes if slot not in self._told]
        await asyncio.gather(*(self._tell(lanes, over, slot, [self._held[slot]]) for slot in new))
        slots, even = list(self._held), self._even
        given = self._given(lanes, slots)
        if given is None:
            return
        goal = dict(zip(slots, cut(given, self._units), strict=True))
        less = [slot for slot in slots if not goal[slot].holds(self._held[slot])]
        lowered = (self._tell(lanes, over, slot, [self._held[slot], goal[slot]]) for slot in less)
        if not all(await asyncio.gather(*lowered)):
            for slot in less:  # they have their old share again, as soon as they are told
                self._told.pop(slot, None)
            return
        more = [slot for slot in slots if not self._held[slot].holds(goal[slot])]
        self._anew -= {slot for slot in slots if goal[slot] != self._held[slot]}
        self._held.update(goal)  # others may have come meanwhile
        if self._even is even:
            self._even = ()
        await asyncio.gather(*(self._tell(lanes, over, slot, [goal[slot]]) for slot in more))

    def _given(self, lanes: Mapping[Slot, Remote], slots: Sequence[Slot]) -> list[int] | None:
        """The widths that slots are to have; None where nothing is to change."""
        have = [int(self._held[slot].width * self._units) for slot in slots]
        wants = [self._wants(lanes.get(slot), slot, has) for slot, has in zip(slots, have, strict=True)]
        if self._even:
            given = fair([self._units * (slot in self._even) for slot in slots], self._units, self._least)
            if given != have:
                return given
            self._even = ()
        given = fair(wants, self._units, self._least)
        return given if due(have, wants, given, self._least) else None

    def _wants(self, lane: Remote | None, slot: Slot, has: int) -> int:
        """What a lane would use."""
        if lane is None:
            soon = slot in self._anew and asyncio.get_running_loop().time() < self._since + SOON
            return has if soon else 0
        seen = self._seen.setdefault(slot, deque(maxlen=MEMORY))
        if not lane.load:
            seen.clear()
            return 0
        told = lane.told.wants if lane.told else 0.0
        seen.append(max(math.ceil(told * self._units), self._least))
        return max(seen)

    async def _tell(
        self, lanes: Mapping[Slot, Remote], over: "asyncio.Future[None]", slot: Slot, shares: Sequence[Share]
    ) -> bool:
        """Tells a lane that it has the least of these shares now. Returns when it uses no more; False where it is lost,
        or the stage is over before. One that does nothing need not answer."""
        lane, clock = lanes.get(slot), asyncio.get_running_loop().time
        if lane is None:
            return True
        if lane in self._silent and not lane.load:
            return True
        self._number += 1
        asked = asyncio.ensure_future(lane.call("share", self._number, shares, slot in self._anew))
        self._anew.discard(slot)
        until = clock() + PATIENCE
        try:
            while not asked.done():
                await asyncio.wait([asked, over], timeout=BEAT, return_when=asyncio.FIRST_COMPLETED)
                if asked.done():
                    break
                if over.done() or lanes.get(slot) is not lane:
                    return False
                if not lane.load and clock() > until:  # stopped, perhaps; who has calls in flight is listened to
                    self._silent.add(lane)
                    self._told.pop(slot, None)
                    return True
            asked.result()
        except Lost:
            self._told.pop(slot, None)
            return False
        finally:
            asked.cancel()
        self._silent.discard(lane)
        self._told[slot] = lane
        return True
