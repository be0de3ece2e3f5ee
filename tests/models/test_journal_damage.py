"""The journal on broken files: every byte of a torn segment, flipped bits, lost sidecars, other people's files."""

import asyncio
import random
import shutil
import zlib
from pathlib import Path

import pytest

from synthkit.errors import JournalError
from synthkit.models.journal import Entry, Journal, sidecar
from synthkit.models.journal.block import Block, read_blocks

HEAD = 28


def key(number: int) -> bytes:
    return number.to_bytes(16, "big")


def answer(number: int) -> Entry:
    return Entry(key(number), "answer", {"body": f"the body of {number}", "record": number})


def fill(folder: Path, *commits: list[Entry]) -> Path:
    """Each list in a block of its own; the segment."""

    async def run() -> str | None:
        journal = Journal(folder)
        for commit in commits:
            await asyncio.gather(*map(journal.append, commit))
        await journal.close()
        return journal.segment

    return folder / str(asyncio.run(run()))


def look(folder: Path, *, read_only: bool = False) -> tuple[list[Entry], list[str]]:
    """All entries by scan, each answer by its key as well, and the problems after opening."""
    journal = Journal(folder, read_only=read_only)
    problems = list(journal.problems)
    found = list(journal.scan())
    for entry in found:
        assert entry.kind == "attempt" or journal.get(entry.key) == entry
    asyncio.run(journal.close())
    return found, problems


def ends(path: Path) -> list[int]:
    with path.open("rb") as file:
        return [part.end for part in read_blocks(file, 0, path.stat().st_size)]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A journal of one segment with three answers and an attempt, each in a block of its own."""
    folder = tmp_path_factory.mktemp("sample")
    fill(folder, [answer(0)], [answer(1)], [Entry(key(9), "attempt", {"body": "cut"})], [answer(2)])
    return folder


def test_a_segment_torn_at_any_byte_keeps_its_whole_blocks(sample: Path, tmp_path: Path) -> None:
    whole = (sample / "000001.journal").read_bytes()
    edges = [0, *ends(sample / "000001.journal")]
    everything, _ = look(sample)
    path, keys = tmp_path / "000001.journal", tmp_path / "000001.keys"
    for size in range(len(whole) + 1):
        path.write_bytes(whole[:size])
        keys.unlink(missing_ok=True)
        kept = max(edge for edge in edges if edge <= size)
        found, problems = look(tmp_path)
        assert found == everything[: edges.index(kept)]
        assert problems == (
            []
            if kept == size
            else [f"{path}: the last {size - kept} bytes, from offset {kept}, are an unfinished write and were cut"]
        )
        assert path.stat().st_size == kept
        assert look(tmp_path) == (found, [])


def test_a_torn_end_of_zeros_is_cut(sample: Path, tmp_path: Path) -> None:
    for zeros in (1, 27, 28, 5000):
        path = tmp_path / "000001.journal"
        path.write_bytes((sample / "000001.journal").read_bytes() + bytes(zeros))
        found, problems = look(tmp_path)
        assert len(found) == 4 and len(problems) == 1 and f"the last {zeros} bytes" in problems[0]


@pytest.mark.parametrize("which", ["000001.journal", "000001.keys"])
@pytest.mark.parametrize("with_sidecar", [True, False])
def test_flipped_bits_never_make_a_wrong_answer(sample: Path, tmp_path: Path, which: str, with_sidecar: bool) -> None:
    rng = random.Random(f"{which} {with_sidecar}")
    right, _ = look(sample)
    for turn in range(250):
        folder = tmp_path / f"{turn}"
        shutil.copytree(sample, folder)
        data = bytearray((folder / which).read_bytes())
        for _ in range(rng.choice((1, 1, 2, 8))):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        (folder / which).write_bytes(data)
        if not with_sidecar:
            (folder / "000001.keys").unlink()
        journal = Journal(folder)
        got = [entry for number in range(10) if (entry := journal.get(key(number))) is not None]
        scanned = list(journal.scan())
        assert all(entry in right for entry in (*got, *scanned))
        if which == "000001.keys":
            assert scanned == right and len(got) == 3 and journal.problems == []
        else:
            assert len(scanned) == len(right) or journal.problems
        asyncio.run(journal.close())


@pytest.mark.parametrize("with_sidecar", [True, False])
@pytest.mark.parametrize("at", [0, 8, HEAD + 3, HEAD + 40])
def test_a_damaged_block_costs_only_itself(sample: Path, tmp_path: Path, at: int, with_sidecar: bool) -> None:
    folder = tmp_path / "journal"
    shutil.copytree(sample, folder)
    path = folder / "000001.journal"
    first, second = ends(path)[:2]
    data = bytearray(path.read_bytes())
    data[first + at] ^= 0x10
    path.write_bytes(data)
    if not with_sidecar:
        (folder / "000001.keys").unlink()

    async def run() -> None:
        journal = Journal(folder)
        assert journal.get(key(0)) == answer(0) and journal.get(key(2)) == answer(2)
        assert journal.get(key(1)) is None
        if not with_sidecar:  # with one, no segment is read before it is asked
            assert journal.problems == [
                f"{path}: {second - first} bytes from offset {first} are damaged and were skipped"
            ]
        assert len(journal.problems) == 1 and f"offset {first}" in journal.problems[0]
        # the lost answer may be bought again, and counts
        assert await journal.append(answer(1)) == answer(1)
        assert journal.get(key(1)) == answer(1)
        await journal.close()

    asyncio.run(run())
    assert path.read_bytes() == bytes(data)  # damage is left for whoever can mend it
    found, _ = look(folder)
    assert [entry.key for entry in found] == [key(0), key(9), key(2), key(1)]


def test_blocks_after_a_long_damage_are_found(sample: Path, tmp_path: Path) -> None:
    path = tmp_path / "000001.journal"
    whole = (sample / "000001.journal").read_bytes()
    junk = random.Random(3).randbytes((1 << 20) - 2) + b"\xffSKJ\xffSKJ"  # magics, one across the windows' edge
    path.write_bytes(whole + junk + whole[: ends(sample / "000001.journal")[0]])
    journal = Journal(tmp_path)
    assert len(list(journal.scan())) == 5
    assert journal.problems == [f"{path}: {len(junk)} bytes from offset {len(whole)} are damaged and were skipped"]
    asyncio.run(journal.close())


@pytest.mark.parametrize("mapped_from", [1, 50_000])
@pytest.mark.parametrize("damage", ["gone", "empty", "cut", "long", "stale", "newer"])
def test_a_sidecar_is_made_again(
    sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str, mapped_from: int
) -> None:
    monkeypatch.setattr(sidecar, "MAPPED_FROM", mapped_from)
    folder = tmp_path / "journal"
    shutil.copytree(sample, folder)
    path = folder / "000001.keys"
    right = path.read_bytes()
    if damage == "gone":
        path.unlink()
    elif damage == "stale":
        sidecar.write_sidecar(path, 17, {key(77): 0})
    else:
        broken = {"empty": b"", "cut": right[:-1], "long": right + b"x", "newer": right[:4] + b"\2" + right[5:]}
        path.write_bytes(broken[damage])
    (folder / "000001.keys.tmp").write_bytes(b"left by a process that was killed")
    found, problems = look(folder)
    assert len(found) == 4 and problems == []
    assert path.read_bytes() == right
    assert look(folder) == (found, [])


def test_a_newer_format_is_refused(sample: Path, tmp_path: Path) -> None:
    data = bytearray((sample / "000001.journal").read_bytes())
    data[4] = 2
    data[HEAD - 4 : HEAD] = zlib.crc32(data[: HEAD - 4]).to_bytes(4, "big")
    path = tmp_path / "000001.journal"
    path.write_bytes(data)
    for read_only in (True, False):
        with pytest.raises(JournalError) as caught:
            Journal(tmp_path, read_only=read_only)
        said = "was made by a newer synthkit (journal format 2; this one reads 1): upgrade synthkit"
        assert str(caught.value) == f"{path} {said}"
    assert path.read_bytes() == data


@pytest.mark.parametrize("read_only", [True, False])
def test_other_peoples_files_are_ignored(sample: Path, tmp_path: Path, read_only: bool) -> None:
    folder = tmp_path / "journal"
    shutil.copytree(sample, folder)
    garbage = {"000002.journal": b"not a segment", "000003.journal": random.Random(1).randbytes(3000)}
    foreign = {"notes.txt": b"mine", "7.journal": b"", "0000005.journal": b""}
    for name, data in {**garbage, **foreign}.items():
        (folder / name).write_bytes(data)
    (folder / "000004.journal").mkdir()
    for _ in range(2):
        found, problems = look(folder, read_only=read_only)
        assert len(found) == 4
        assert sorted(problems) == sorted(
            [
                *(
                    f"{folder}/{name}: {len(data)} bytes from offset 0 are damaged and were skipped"
                    for name, data in garbage.items()
                ),
                *(
                    f"{folder}/{name} is no file of a journal and was ignored: move it away"
                    for name in (*foreign, "000004.journal")
                ),
            ]
        )
    assert all((folder / name).read_bytes() == data for name, data in garbage.items())
    assert not read_only or not (folder / "000002.keys").exists()
    appended = fill(folder, [answer(5)])
    assert appended.name == "000006.journal" and look(folder)[0][-1] == answer(5)


def test_every_block_knows_its_own_bytes(sample: Path) -> None:
    path = sample / "000001.journal"
    with path.open("rb") as file:
        parts = list(read_blocks(file, 0, path.stat().st_size))
    assert all(isinstance(part, Block) for part in parts)
    assert [part.offset for part in parts] == [0, *(part.end for part in parts[:-1])]
    assert parts[-1].end == path.stat().st_size
