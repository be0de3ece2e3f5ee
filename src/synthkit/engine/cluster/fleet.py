"""The fleet: the lanes of a run, as the driver sees them: started, listened to, given up, replaced."""

import asyncio
import contextlib
import importlib
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from synthkit.core.placement import Placement
from synthkit.engine import parts
from synthkit.engine.cluster.kept import kept
from synthkit.engine.cluster.lane import Duty, Pulse, Worker
from synthkit.engine.cluster.parcel import packed
from synthkit.engine.plan import Stage, walk
from synthkit.engine.segment import Shard
from synthkit.engine.tally import Tally, total
from synthkit.errors import RunError, SynthkitError
from synthkit.models.service import Share

if TYPE_CHECKING:
    from synthkit.models.keys import Keys

BEAT = 1.0
"""Seconds between two looks at a lane."""
PATIENCE = 8.0
"""Seconds without a sign of life after which a lane is given up: stopped by a signal, it would hold its shards for
ever, and Ray does not notice."""
FEW = 4
"""Lanes of a node at most, where no step is heavy on the CPU: one process drives some thousand calls at once."""


class Lost(Exception):
    """A lane that is gone, or says nothing any more."""


class Remote:
    """One lane from afar. in_flight: records on their way in it at once. committed: what it counted in shards that are
    safe."""

    def __init__(self, name: str, actor: Any, in_flight: int) -> None:
        self.name, self._actor, self.in_flight = name, actor, in_flight
        self.told: Pulse | None = None
        self.committed: Tally = {}

    async def call(self, method: str, *given: Any, group: str | None = None) -> Any:
        """Calls it. Raises `Lost`, and the `SynthkitError` that the call ended with."""
        from ray.exceptions import RayError

        remote = getattr(self._actor, method)
        if group:
            remote = remote.options(concurrency_group=group)
        try:
            came = await remote.remote(*given)
        except RayError as error:
            raise Lost(f"{type(error).__name__}: {' '.join(str(error).split())[:300]}") from error
        if isinstance(came, SynthkitError):
            raise came
        return came

    async def pulse(self) -> Pulse:
        """A sign of life. Raises `Lost` where none comes in time."""
        try:
            told: Pulse = await asyncio.wait_for(self.call("pulse", group="pulse"), PATIENCE)
        except TimeoutError as error:
            raise Lost(f"no sign of life for {PATIENCE:g} s") from error
        self.told = told
        return told

    async def lease(self, stage: int, place: str, shard: Shard, *, again: bool = False) -> Tally:
        """Has it do a shard; returns what was counted. again: another lane had it. Raises `Lost`, and what ends the
        run."""
        tally: Tally = await self.call("lease", stage, place, shard.number, packed(shard.admissions), again)
        self.committed = total([self.committed, tally])
        return tally

    def kill(self) -> None:
        """Ends it, whatever it does."""
        ray: Any = importlib.import_module("ray")

        with contextlib.suppress(Exception):
            ray.kill(self._actor, no_restart=True)


class Fleet:
    """Starts lanes. keeper: the actor. assignment, known: references to what all lanes get. most: calls at once that
    all lanes together may make, the least of all models."""

    def __init__(
        self, keeper: Any, assignment: Any, keys: "Keys", known: Any, *, in_flight: int, most: int,
        budget: Decimal | None,
    ) -> None:  # fmt: skip
        self._keeper, self._keys = keeper, keys
        self._assignment, self._known = assignment, known
        self._in_flight, self._most, self._budget = in_flight, most, budget
        self._number = 0

    def size(self, stage: Stage) -> int:
        """How many lanes a stage gets. Raises `RunError` where no node has what one needs."""
        from synthkit.engine.cluster.start import nodes

        alive = [node for node in nodes() if node.alive]
        wanted = needs(stage.placement)
        if not any(all(node.resources.get(name, 0) >= much for name, much in wanted.items()) for node in alive):
            said = ", ".join(f"{much:g} {name}" for name, much in wanted.items() if much)
            steps = ", ".join(part.label for part in stage.parts)
            raise RunError(f"no node of the cluster has {said}, which {steps} asks for: add one, or ask for less")
        if stage.placement.replicas is not None:
            return stage.placement.replicas
        heavy = any(part.component.cpu for part in stage.parts)
        cores = [int(node.cpus) for node in alive]
        lanes = max(1, sum(count if heavy else min(count, FEW) for count in cores))
        asks = any(component.models() for part in stage.parts for _, component in walk(part.label, part.component))
        return min(lanes, self._most) if asks else lanes

    async def start(self, placement: Placement, share: Share, *, answered: bool) -> Remote:
        """A new lane. Returns when it can be used; waits for as long as no node has room for it. Raises `Lost`, and
        what is wrong with the node."""
        ray: Any = importlib.import_module("ray")

        self._number += 1
        name = f"lane {self._number}"
        make = ray.remote(
            max_restarts=0, max_task_retries=0, max_concurrency=1000, concurrency_groups={"pulse": 1},
            scheduling_strategy="SPREAD", **_options(placement),
        )  # fmt: skip
        actor = make(Worker).remote()
        lane = Remote(name, actor, max(1, self._in_flight // share.parts))
        duty = Duty(name, share, lane.in_flight, self._budget, answered)
        try:
            await lane.call("begin", duty, self._assignment, self._keys, self._keeper, self._known)
        except BaseException:
            lane.kill()
            raise
        return lane

    async def commit(self, place: str, part: parts.Part) -> None:
        """Writes a part that no lane has made."""
        await kept(self._keeper, "commit", "", place, part.shard, parts.packed(part, place))

    async def close(self) -> tuple[Decimal, list[str]]:
        """Ends the keeper; what was spent of its leases, and what is wrong with the journal."""
        ended: tuple[Decimal, list[str]] = await kept(self._keeper, "close")
        return ended

    async def fence(self, lane: Remote) -> None:
        """Gives a lane up: it commits nothing more, whatever becomes of it."""
        try:
            await kept(self._keeper, "fence", lane.name)
        finally:
            lane.kill()


def needs(placement: Placement) -> Mapping[str, float]:
    """What a lane needs of a node, by Ray's names."""
    options = _options(placement)
    own = {"CPU": options["num_cpus"], "GPU": options.get("num_gpus", 0), "memory": options.get("memory", 0)}
    return {**own, **options.get("resources", {})}


def _options(placement: Placement) -> Mapping[str, Any]:
    """What Ray is told of a lane: a processor of its own, where nothing else is asked for."""
    return {"num_cpus": 1, **placement.options()}
