"""The records of a stage by where they lie: the same shards as when they are read, whatever was dropped before."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest

from synthkit.core.context import Reject
from synthkit.core.record import Record
from synthkit.engine import parts
from synthkit.engine.cluster.parcel import packed, unpacked
from synthkit.engine.cluster.pieces import Archive, Cutter, Lying
from synthkit.engine.executor import Upstream
from synthkit.engine.segment import Admission, Reader, Shard
from synthkit.engine.tally import Count
from synthkit.errors import StoreError

LABEL, SIZE = "some", 8


def committed(folder: Path, chance: Random, shards: int) -> list[Record]:
    """Parts of a stage in which each record becomes none, one or several; returns those that left it, in order."""
    found = []
    for shard in range(shards):
        entries = []
        for index in range(shard * SIZE, shard * SIZE + chance.randint(1, SIZE)):
            record = Record.generated("g", {"number": index}, 0)
            outs = [record.child("c", n, {"child": n}) for n in range(chance.choice([0, 0, 1, 1, 3]))]
            rejects = [] if outs else [Reject("dropped", record, LABEL, "unwanted")]
            entries.append(parts.Entry(index, record.id, outs, rejects))
            found += outs
        chance.shuffle(entries)
        half = chance.randint(0, len(entries))  # a shard that was cut off has several parts
        for some in filter(None, (entries[:half], entries[half:])):
            made = parts.Part(shard, sorted(some, key=lambda entry: entry.index))
            out = sum(len(entry.outs) for entry in some)
            dropped = sum(not entry.outs for entry in some)
            made.tally = {LABEL: Count(seen=len(some), out=out, dropped=dropped, made=out + dropped - len(some))}
            parts.save(folder, made)
    return found


async def all_of(feed: Reader | Cutter) -> list[Shard]:
    found = []
    while (shard := await feed.next()) is not None:
        found.append(shard)
    return found


def plain(admissions: Sequence[Admission]) -> list[tuple[int, Record]]:
    return [(admission.index, admission.record) for admission in admissions]


@pytest.mark.parametrize("seed", range(20))
def test_the_same_shards_as_when_they_are_read(tmp_path: Path, seed: int) -> None:
    chance = Random(seed)
    upstream = [Upstream(tmp_path / name, [LABEL]) for name in ("one", "two", "none")]
    records = [r for one in upstream[:2] for r in committed(one.place, chance, chance.randint(1, 9))]
    done = {index for index in range(len(records)) if chance.random() < 0.2} | set(range(SIZE))
    reader = Reader((Admission(i, r) for i, r in enumerate(records)), SIZE, done)
    cutter = Cutter(tmp_path, upstream, SIZE, done)
    expected, cut = asyncio.run(all_of(reader)), asyncio.run(all_of(cutter))
    assert cutter.count == reader.count == len(records)
    assert [shard.number for shard in cut] == [shard.number for shard in expected]

    fetched: list[tuple[str, ...]] = []

    async def fetch(files: Sequence[str]) -> Sequence[bytes]:
        fetched.append(tuple(files))
        return parts.contents(tmp_path, files)

    async def far() -> list[list[Admission]]:
        archive = Archive(fetch, tmp_path)
        return [await unpacked(packed(shard.admissions), archive) for shard in cut]

    for one, near, there in zip(expected, cut, asyncio.run(far()), strict=True):
        assert len(near.admissions) == len(one.admissions)
        assert plain(near.admissions) == plain(one.admissions) == plain(there)
        assert plain(near.admissions[1:]) == plain(one.admissions[1:])
    assert len(set(fetched)) == len(fetched), "what lies in two shards is read once"


def test_only_names_and_numbers_travel(tmp_path: Path) -> None:
    committed(tmp_path / "one", Random(1), 3)
    first = asyncio.run(Cutter(tmp_path, [Upstream(tmp_path / "one", [LABEL])], SIZE, ()).next())
    assert first is not None and isinstance(first.admissions, Lying)
    assert packed(first.admissions) is first.admissions.slip
    assert all(name.startswith("one/") for piece in first.admissions.slip.pieces for name in piece.files)


def test_a_part_that_is_gone_or_damaged_is_named(tmp_path: Path) -> None:
    committed(tmp_path / "one", Random(1), 2)
    cutter = Cutter(tmp_path, [Upstream(tmp_path / "one", [LABEL])], SIZE, ())
    shard = asyncio.run(cutter.next())
    assert shard is not None and isinstance(shard.admissions, Lying)
    path = tmp_path / shard.admissions.slip.pieces[0].files[0]
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(StoreError, match=f"{path.name} is damaged"):
        list(shard.admissions)
    path.unlink()
    with pytest.raises(StoreError, match=f"cannot read .*{path.name}"):
        list(shard.admissions)
    again = Archive(lambda files: asyncio.to_thread(parts.contents, tmp_path, files), tmp_path)

    async def twice() -> None:
        for _ in range(2):
            with pytest.raises(StoreError, match="cannot read"):
                await again.admissions(shard.admissions.slip)

    asyncio.run(twice())


def test_fewer_records_than_the_header_tells_of_are_missed(tmp_path: Path) -> None:
    """As when somebody puts another file in the place of a part while a run goes on."""
    committed(tmp_path / "one", Random(1), 2)
    shard = asyncio.run(Cutter(tmp_path, [Upstream(tmp_path / "one", [LABEL])], SIZE, ()).next())
    assert shard is not None and isinstance(shard.admissions, Lying)
    path = tmp_path / shard.admissions.slip.pieces[0].files[0]
    part = parts.load(path)
    path.write_bytes(parts.packed(parts.Part(part.shard, part.entries[:1]), "one"))
    archive = Archive(lambda files: asyncio.to_thread(parts.contents, tmp_path, files), tmp_path)
    said = f"{path} holds fewer records than its header tells of: put it back"
    with pytest.raises(StoreError, match=said):
        list(shard.admissions)
    with pytest.raises(StoreError, match=said):
        asyncio.run(archive.admissions(shard.admissions.slip))
