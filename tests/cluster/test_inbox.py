"""What a lane tells of the shards that it begins: each once, by the reply that goes first."""

import asyncio

import pytest

from synthkit.core.record import Record
from synthkit.engine import parts
from synthkit.engine.cluster import inbox
from synthkit.engine.cluster.inbox import Begun, Inbox
from synthkit.engine.segment import Admission, Shard
from synthkit.engine.tally import Count


def shard(number: int, size: int = 2) -> Shard:
    records = [Record(f"{index:024x}", f"{index:024x}", {"n": index}) for index in range(number, number + size)]
    return Shard(number, [Admission(number + place, record) for place, record in enumerate(records)])


def part(of: Shard, size: int) -> parts.Part:
    entries = [parts.Entry(a.index, a.record.id, [a.record], []) for a in of.admissions[:size]]
    return parts.Part(of.number, entries, {"step": Count(seen=size, out=size)})


def test_what_is_begun_is_told_once() -> None:
    async def told() -> None:
        begun = Begun()
        made = Inbox(begun)
        for number in (7, 8, 9):
            made.lease(shard(number))
        waiting = asyncio.create_task(begun.told())
        await made.next()
        await made.next()
        assert begun.taken() == [7, 8], "a commit is first"
        await made.next()
        assert await waiting == [9]
        assert begun.taken() == []

    asyncio.run(told())


def test_who_waits_is_told_without_a_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "SOON", 0.0)

    async def told() -> None:
        begun = Begun()
        made = Inbox(begun)
        waiting = asyncio.create_task(begun.told())
        await asyncio.sleep(0.01)
        assert not waiting.done()
        made.lease(shard(3))
        assert not waiting.done(), "it is there, and not begun"
        await made.next()
        assert await waiting == [3]

    asyncio.run(told())


def test_a_part_of_a_shard_is_none_that_is_done() -> None:
    async def committed() -> None:
        made = Inbox(Begun())
        whole, half = shard(0), shard(2)
        first, second = made.lease(whole), made.lease(half)
        made.done(part(whole, 2))
        made.done(part(half, 1))
        assert first.result() == {"step": Count(seen=2, out=2)}
        assert not second.done()

    asyncio.run(committed())
