"""The fleet: the lanes of a run, as the driver sees them: started, listened to, given up, replaced."""

import asyncio
import contextlib
import importlib
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from synthkit.core.placement import Placement
from synthkit.engine import parts
from synthkit.engine.cluster.duty import Duty, Pulse
from synthkit.engine.cluster.equipment import bare
from synthkit.engine.cluster.kept import kept
from synthkit.engine.cluster.lane import Worker
from synthkit.engine.cluster.overheard import COLOURS
from synthkit.engine.cluster.parcel import Parcel, packed
from synthkit.engine.cluster.runtime_env import Unfit, failed
from synthkit.engine.plan import Stage
from synthkit.engine.segment import Shard
from synthkit.engine.tally import Tally, total
from synthkit.errors import PluginError, RunError, SynthkitError

if TYPE_CHECKING:
    import polars as pl

    from synthkit.engine.cluster.runtime_env import Fitting
    from synthkit.engine.cluster.start import Node
    from synthkit.models.keys import Keys

BEAT = 1.0
"""Seconds between two looks at a lane."""
PATIENCE = 8.0
"""Seconds without a sign of life after which a lane is given up: stopped by a signal, it would hold its shards for
ever, and Ray does not notice."""
SILENT = 60.0
"""Seconds after which a keeper that does not answer is given up, and the run with it: a disk may be slow."""
LOOK = 3.0
"""Seconds between two looks for nodes that have come."""
FEW = 4
"""Lanes of a node at most, where no step is heavy on the CPU: one process drives some thousand calls at once."""

USED = re.compile(r"\bwas (\d\S*) used / (\d\S*) limit")
"""Where Ray says how much memory a node has, when it ends processes there."""


class Lost(Exception):
    """A lane that is gone, or says nothing any more."""


class Starved(Lost):
    """A lane that Ray has ended because memory ran short on its node."""

    def __init__(self, said: str) -> None:
        found = USED.search(said)
        used = f"{found[1]} of {found[2]} used" if found else " ".join(said.split())[:300]
        super().__init__(f"Ray ended it, since memory ran short on its node ({used})")


class Remote:
    """One lane from afar. node: the address of the one it is on. load: the records that it has. begun: its shards of
    which records are on their way; stirred: done when it begins one. hear: what is to be done with each pulse.
    committed: what it counted in shards that are safe."""

    def __init__(self, name: str, actor: Any) -> None:
        self.name, self._actor, self.load, self.node = name, actor, 0, ""
        self.begun: set[int] = set()
        self.stirred: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._leased: set[int] = set()
        self._listening: asyncio.Task[None] | None = None
        self.told: Pulse | None = None
        self.hear: Callable[[Pulse], None] = _nothing
        self.committed: Tally = {}

    async def call(self, method: str, *given: Any, group: str | None = None) -> Any:
        """Calls it. Raises `Lost`, and the `SynthkitError` that the call ended with."""
        from ray.exceptions import OutOfMemoryError, RayError, RuntimeEnvSetupError

        remote = getattr(self._actor, method)
        if group:
            remote = remote.options(concurrency_group=group)
        try:
            came = await remote.remote(*given)
        except RuntimeEnvSetupError as error:
            raise failed(str(error)) from error
        except OutOfMemoryError as error:
            raise Starved(str(error)) from error
        except RayError as error:
            if said := bare(str(error)):
                raise PluginError(said) from error
            text = " ".join(COLOURS.sub("", str(error)).split())
            raise Lost(f"{type(error).__name__}: {text[:300]}") from error
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
        self.hear(told)
        return told

    async def attended(self, method: str, *given: Any) -> Any:
        """Calls it and listens for signs of life meanwhile: for calls that nobody else would notice to hang."""
        called = asyncio.ensure_future(self.call(method, *given))
        try:
            while not (await asyncio.wait([called], timeout=BEAT))[0]:
                await self.pulse()
            return called.result()
        finally:
            called.cancel()

    async def lease(self, stage: int, place: str, shard: Shard, *, again: bool = False) -> Tally:
        """Has it do a shard; returns what was counted. again: another lane had it. Raises `Lost`, and what ends the
        run."""
        tally: Tally
        if self._listening is None or self._listening.done():
            self._listening = asyncio.create_task(self._listen())
        self._leased.add(shard.number)
        try:
            tally, begun = await self.call("lease", stage, place, shard.number, await _parcel(shard), again)
            self._begin(begun)
        finally:
            self._leased.discard(shard.number)
            self.begun.discard(shard.number)
        self.committed = total([self.committed, tally])
        return tally

    async def _listen(self) -> None:
        with contextlib.suppress(Lost, SynthkitError):  # its pulse tells, too
            while True:
                self._begin(await self.call("begun"))

    def _begin(self, numbers: Sequence[int]) -> None:
        new = self._leased.intersection(numbers)
        if new:  # what came late may be committed by now
            self.begun |= new
            stirred, self.stirred = self.stirred, asyncio.get_running_loop().create_future()
            stirred.set_result(None)

    async def sketch(self, stage: int, shard: Shard) -> "pl.DataFrame":
        """Has it make the sketches of a dataset step. Raises as `lease` does."""
        made: pl.DataFrame = await self.call("sketch", stage, await _parcel(shard))
        return made

    async def write(self, stage: int, place: str, shard: Shard, rows: Mapping[str, Mapping[str, Any]]) -> Tally:
        """Has it write what a dataset step decided on a shard; returns what was counted. Raises as `lease` does."""
        tally: Tally = await self.call("write", stage, place, shard.number, await _parcel(shard), rows)
        return tally

    def kill(self) -> None:
        """Ends it, whatever it does."""
        ray: Any = importlib.import_module("ray")

        if self._listening is not None:
            self._listening.cancel()
        with contextlib.suppress(Exception):
            ray.kill(self._actor, no_restart=True)


class Fleet:
    """Starts lanes. keeper: the actor. assignment, known: references to what all lanes get. most: calls at once that
    all lanes together may make, the least of all models. home: the node of the run's folder, and its path there.
    fitting: what is installed for them."""

    def __init__(
        self, keeper: Any, assignment: Any, keys: "Keys", known: Any, *, in_flight: int, most: int,
        budget: Decimal | None, home: tuple[str, str], fitting: "Fitting | None" = None,
    ) -> None:  # fmt: skip
        self._keeper, self._keys, self._home = keeper, keys, home
        self._assignment, self._known = assignment, known
        self.in_flight, self.most, self._budget = in_flight, most, budget
        self._fitting = fitting
        self._number = 0
        self._worker: Any = None

    def size(self, stage: Stage) -> int:
        """How many lanes a stage gets. Raises `RunError` where no node has what one needs."""
        from synthkit.engine.cluster.start import nodes

        alive = [node for node in nodes() if node.alive]
        if lacks := lacking(stage, alive):
            raise RunError(f"no node of the cluster has {lacks}: add one, or ask for less")
        if stage.placement.replicas is not None:
            return stage.placement.replicas
        cores = [int(node.cpus) for node in alive]
        lanes = max(1, sum(count if stage.heavy else min(count, FEW) for count in cores))
        return min(lanes, self.most) if stage.asks else lanes

    async def crowded(self, placement: Placement) -> bool:
        """Whether no lane that asks for this has room now."""
        ray: Any = importlib.import_module("ray")
        free = await asyncio.to_thread(ray.available_resources)
        return any(free.get(name, 0) < much for name, much in needs(placement).items())

    async def larger(self, stage: Stage, size: int) -> int:
        """How many lanes a stage gets, when that is more than so many: since nodes have come."""
        while True:
            await asyncio.sleep(LOOK)
            with contextlib.suppress(Exception):  # what ails the cluster, the lanes that there are tell
                if (found := await asyncio.to_thread(self.size, stage)) > size:
                    return found

    async def start(self, placement: Placement, *, answered: bool) -> Remote:
        """A new lane, which may make no calls yet. Returns when it can be used; waits for as long as no node has room
        for it. Raises `Lost`, and what is wrong with the node."""
        ray: Any = importlib.import_module("ray")

        self._number += 1
        name = f"lane {self._number}"
        if self._worker is None:  # made once: Ray looks through the class each time, for 0.1 s
            self._worker = ray.remote(
                max_restarts=0, max_task_retries=0, max_concurrency=1000, concurrency_groups={"pulse": 1},
                scheduling_strategy="SPREAD",
            )(Worker)  # fmt: skip
        given = {"runtime_env": self._fitting.env} if self._fitting else {}
        actor = self._worker.options(**_options(placement), **given).remote()
        lane = Remote(name, actor)
        duty = Duty(name, self.in_flight, self._budget, answered, *self._home)
        try:
            with self._fitting or contextlib.nullcontext():
                await lane.call("pulse", group="pulse")  # as long as it takes to have room, and what is to be installed
                lane.node = await lane.attended("begin", duty, self._assignment, self._keys, self._keeper, self._known)
        except BaseException as error:
            lane.kill()
            if isinstance(error, Unfit) and self._fitting is not None and self._fitting.there:
                raise Lost(str(error)) from error  # of one node: others go on
            raise
        return lane

    async def watch(self) -> None:
        """Ends a keeper that hangs: all who wait for it are told then, and the run can be resumed."""
        ray: Any = importlib.import_module("ray")
        while True:
            await asyncio.sleep(BEAT)
            try:
                await asyncio.wait_for(kept(self._keeper, "alive"), SILENT)
            except TimeoutError:
                ray.kill(self._keeper, no_restart=True)
                return
            except RunError:
                return

    async def commit(self, place: str, part: parts.Part) -> None:
        """Writes a part that no lane has made."""
        await kept(self._keeper, "commit", "", place, part.shard, parts.packed(part, place))

    async def close(self) -> tuple[Decimal, list[str]]:
        """Ends the keeper; what was spent of its leases, and what is wrong with the journal."""
        if self._fitting is not None:
            self._fitting.close()
        ended: tuple[Decimal, list[str]] = await kept(self._keeper, "close")
        return ended

    async def fence(self, lane: Remote) -> None:
        """Gives a lane up: it commits nothing more, whatever becomes of it."""
        try:
            await kept(self._keeper, "fence", lane.name)
        finally:
            lane.kill()


def lacking(stage: Stage, alive: "Sequence[Node]") -> str:
    """What a lane of a stage needs and none of these nodes has, for people; nothing where one has all of it."""
    wanted = needs(stage.placement)
    if any(all(node.resources.get(name, 0) >= much for name, much in wanted.items()) for node in alive):
        return ""
    lacks = {name: much for name, much in wanted.items() if all(node.resources.get(name, 0) < much for node in alive)}
    return f"{_words(lacks or wanted)}, which {steps(stage)} asks for"


def _nothing(told: Pulse) -> None:
    return


async def _parcel(shard: Shard) -> Parcel:
    return await asyncio.to_thread(packed, shard.admissions)


def needs(placement: Placement) -> Mapping[str, float]:
    """What a lane needs of a node, by Ray's names."""
    options = _options(placement)
    own = {"CPU": options["num_cpus"], "GPU": options.get("num_gpus", 0), "memory": options.get("memory", 0)}
    return {**own, **options.get("resources", {})}


def wish(placement: Placement) -> str:
    """The same, for people."""
    return _words(needs(placement))


def _words(wanted: Mapping[str, float]) -> str:
    named = [(much / 1e9, "GB of memory") if name == "memory" else (much, name) for name, much in wanted.items()]
    return ", ".join(f"{much:g} {name}" for much, name in named if much)


def steps(stage: Stage) -> str:
    """The steps of a stage, for people."""
    return ", ".join(part.label for part in stage.parts)


def _options(placement: Placement) -> Mapping[str, Any]:
    """What Ray is told of a lane: a processor of its own, where nothing else is asked for."""
    return {"num_cpus": 1, **placement.options()}
