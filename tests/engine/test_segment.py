"""A segment that is allowed more and fewer records in flight while it runs: nothing is left, never more are out."""

import asyncio
from pathlib import Path
from random import Random

import pytest

import synthkit as sk
from synthkit.core.record import Record
from synthkit.engine import parts
from synthkit.engine.context import FileArtifacts, Lane
from synthkit.engine.monitor import Monitor
from synthkit.engine.names import Names
from synthkit.engine.plan import Plan, compile_plan
from synthkit.engine.segment import Admission, Segment, Shard, no_limit
from synthkit.generators import Rows
from synthkit.models.calls import Models
from synthkit.models.journal import Journal
from synthkit.models.project import find_project
from synthkit.models.service import Services
from synthkit.plugins import registry

SIZE = 5
OUT = {"now": 0, "most": 0}


@sk.step(reads="n", writes="m")
async def slow(record: Record) -> dict[str, int]:
    """Takes a moment, and counts how many are at it."""
    OUT["now"] += 1
    OUT["most"] = max(OUT["most"], OUT["now"])
    await asyncio.sleep(0.001 * (record["n"] % 3))
    OUT["now"] -= 1
    return {"m": record["n"]}


class Slowly:
    """A feed that gives shards when it is told to."""

    def __init__(self) -> None:
        self.shards: asyncio.Queue[Shard | None] = asyncio.Queue()

    async def next(self) -> Shard | None:
        return await self.shards.get()


def plan() -> Plan:
    return compile_plan("p", None, (sk.Pipeline("p") >> Rows([{"n": 1}]) >> slow).parts, Names(registry()))


@pytest.mark.parametrize("seed", range(30))
def test_nothing_is_left_when_fewer_or_more_are_allowed(project: Path, seed: int) -> None:
    random = Random(seed)

    async def main() -> None:
        services = Services(find_project(), registry().provider)
        models = Models(services, Journal(project / "journal"), Unread(), run="r")
        lane = Lane(models, 0, FileArtifacts(project / "artifacts"), Unread(), str)
        feed, done = Slowly(), list[int]()

        async def commit(part: parts.Part) -> None:
            done.extend(entry.index for entry in part.entries)

        allowed = random.randint(1, 20)
        segment = Segment(
            lane, plan().stages[0], feed, commit, size=SIZE, in_flight=allowed, monitor=Monitor(), limit=no_limit
        )
        running = asyncio.create_task(segment.run())
        shards = random.randint(1, 12)
        for number in range(shards):
            await asyncio.sleep(random.choice([0, 0, 0.002, 0.01]))
            segment.allow(random.choice([1, 1, 2, 3, random.randint(1, 20)]))
            await asyncio.sleep(random.choice([0, 0, 0.001]))
            found = [Record.generated("g", {"n": number * SIZE + n}, 0) for n in range(SIZE)]
            feed.shards.put_nowait(Shard(number, [Admission(r["n"], r) for r in found]))
            if random.random() < 0.3:
                segment.allow(random.randint(1, 20))
        segment.allow(lowest := random.randint(1, 4))
        while OUT["now"] > lowest:  # noqa: ASYNC110 - a step counts, which sets nothing
            await asyncio.sleep(0.001)
        OUT["most"] = OUT["now"]
        feed.shards.put_nowait(None)
        assert await asyncio.wait_for(running, 10)
        assert sorted(done) == list(range(shards * SIZE))
        assert OUT["most"] <= lowest
        await models.close()

    asyncio.run(main())


class Unread:
    """Where nobody reads."""

    def event(self, kind: str, **data: object) -> None:
        return
