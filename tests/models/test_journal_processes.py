"""The journal and real processes: several at once, killed ones, full disks."""

import asyncio
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from synthkit.errors import JournalError
from synthkit.models.journal import Entry, Journal

COMMON = """
import asyncio, json, os, sys
from pathlib import Path
from synthkit.errors import JournalError
from synthkit.models.journal import Entry, Journal
folder, me = Path(sys.argv[1]), int(sys.argv[2])
def key(number): return number.to_bytes(16, "big")
def say(value): os.write(1, json.dumps(value).encode() + b"\\n")
"""

TOGETHER = (
    COMMON
    + """
import random
async def main():
    journal = Journal(folder, segment_size=20_000)
    say("ready")
    sys.stdin.readline()
    numbers = [*range(300), *range(1000 * me, 1000 * me + 100)]
    random.Random(me).shuffle(numbers)
    async def one(number):
        counts = await journal.append(Entry(key(number), "answer", {"by": me, "number": number}))
        assert journal.get(key(number)) == counts
        return [number, counts.data["by"], counts.data["number"]]
    for start in range(0, len(numbers), 7):
        for result in await asyncio.gather(*map(one, numbers[start : start + 7])):
            say(result)
    assert journal.problems == [], journal.problems
    await journal.close()
asyncio.run(main())
"""
)

ENDLESS = (
    COMMON
    + """
async def main():
    journal = Journal(folder)
    numbers = iter(range(me, 1 << 40))
    async def one():
        for number in numbers:
            await journal.append(Entry(key(number), "answer", {"body": f"body {number} " * (number % 50)}))
            say(number)
    await asyncio.gather(*(one() for _ in range(16)))
asyncio.run(main())
"""
)

HALF = (
    COMMON
    + """
async def main():
    journal = Journal(folder)
    await journal.append(Entry(key(me), "answer", {"by": me}))
    path = folder / journal.segment
    with path.open("ab") as file:
        file.write(path.read_bytes()[:-1])
    say("half")
    sys.stdin.readline()
asyncio.run(main())
"""
)

LIMITED = (
    COMMON
    + """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (me, me))
async def main():
    journal = Journal(folder)
    for number in range(1 << 40):
        try:
            await journal.append(Entry(key(number), "answer", {"body": os.urandom(100 + number % 1000).hex()}))
        except JournalError as error:
            say(str(error))
            break
        assert journal.get(key(number)) is not None
        say(number)
    results = await asyncio.gather(*(journal.append(Entry(key(n), "answer", {})) for n in (1, 2)),
                                   return_exceptions=True)
    assert all(isinstance(result, JournalError) for result in results), results
    assert journal.get(key(0)) is not None
    await journal.close()
asyncio.run(main())
"""
)


def key(number: int) -> bytes:
    return number.to_bytes(16, "big")


def child(script: str, folder: Path, me: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, str(folder), str(me)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def line(process: subprocess.Popen[str]) -> object:
    assert process.stdout is not None
    return json.loads(process.stdout.readline())


def rest(process: subprocess.Popen[str]) -> list[object]:
    """What it still prints; it has ended then. A killed process may leave half a line."""
    out, _ = process.communicate()
    return [json.loads(text) for text in out.splitlines(keepends=True) if text.endswith("\n")]


def close(journal: Journal) -> None:
    asyncio.run(journal.close())


@pytest.mark.parametrize("count", [2, 4])
def test_processes_agree_on_one_answer_for_each_key(tmp_path: Path, count: int) -> None:
    processes = [child(TOGETHER, tmp_path, me) for me in range(1, count + 1)]
    assert [line(process) for process in processes] == ["ready"] * count
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    results = [rest(process) for process in processes]
    assert [process.returncode for process in processes] == [0] * count
    assert [len(result) for result in results] == [400] * count
    journal = Journal(tmp_path)
    entries = list(journal.scan())
    answers = {entry.key: entry for entry in entries if entry.kind == "answer"}
    kinds = Counter(entry.kind for entry in entries)
    assert kinds == {"answer": 300 + 100 * count, "attempt": 300 * (count - 1)}
    assert len(answers) == len(journal) == kinds["answer"]
    for number, by, said in (result for found in results for result in found):  # type: ignore[misc]
        assert said == number and answers[key(number)].data == {"by": by, "number": number}
    assert all(journal.get(each) == entry for each, entry in answers.items())
    assert journal.problems == []
    close(journal)


@pytest.mark.parametrize("after", [1, 7, 60, 333, 1500])
def test_a_killed_writer_has_lost_nothing_that_it_was_promised(tmp_path: Path, after: int) -> None:
    process = child(ENDLESS, tmp_path, 0)
    promised = [line(process) for _ in range(after)]
    process.kill()
    promised += rest(process)
    assert process.returncode == -9
    journal = Journal(tmp_path)
    for number in promised:
        assert isinstance(number, int)
        entry = journal.get(key(number))
        assert entry is not None and entry.data == {"body": f"body {number} " * (number % 50)}
    scanned = {entry.key for entry in journal.scan()}
    assert scanned >= {key(number) for number in promised if isinstance(number, int)}
    assert len(scanned) == len(journal) <= len(promised) + 32  # what was on its way when it was killed
    assert all("unfinished write and were cut" in problem for problem in journal.problems)
    close(journal)
    again = Journal(tmp_path)
    assert again.problems == [] and {entry.key for entry in again.scan()} == scanned
    close(again)


def test_a_killed_writer_does_not_stop_the_others(tmp_path: Path) -> None:
    async def run() -> None:
        journal = Journal(tmp_path)
        for turn in range(3):
            process = child(ENDLESS, tmp_path, turn << 20)
            first = line(process)
            assert isinstance(first, int)
            found = await journal.append(Entry(key(first), "answer", {"mine": True}))
            assert "body" in found.data
            process.kill()
            rest(process)
            assert await journal.append(Entry(key(turn + (1 << 50)), "answer", {})) is not None
        await journal.close()

    asyncio.run(run())
    journal = Journal(tmp_path)
    assert all(count == 1 for count in Counter(e.key for e in journal.scan() if e.kind == "answer").values())
    close(journal)


@pytest.mark.parametrize("read_only", [True, False])
def test_the_unfinished_write_of_a_live_writer_is_left_alone(tmp_path: Path, read_only: bool) -> None:
    process = child(HALF, tmp_path, 3)
    assert line(process) == "half"
    path = tmp_path / "000001.journal"
    size = path.stat().st_size
    other = Journal(tmp_path, read_only=read_only)
    entry = Entry(key(3), "answer", {"by": 3})
    assert other.get(key(3)) == entry and list(other.scan()) == [entry] and other.problems == []
    other.refresh()
    close(other)
    assert path.stat().st_size == size and not (tmp_path / "000001.keys").exists()
    process.kill()
    rest(process)
    other = Journal(tmp_path)
    assert path.stat().st_size == (size + 1) // 2 and len(other.problems) == 1
    assert "unfinished write and were cut" in other.problems[0] and other.get(key(3)) == entry
    close(other)


@pytest.mark.parametrize("limit", [10_000, 33_333])
def test_a_limit_on_file_sizes_fails_clearly_and_loses_nothing(tmp_path: Path, limit: int) -> None:
    process = child(LIMITED, tmp_path, limit)
    *numbers, error = rest(process)
    assert process.returncode == 0
    path = tmp_path / "000001.journal"
    assert error == (f"the journal cannot write {path}: File too large; raise the limit on file sizes and start again")
    assert numbers == list(range(len(numbers))) and len(numbers) > 2
    journal = Journal(tmp_path)
    assert journal.problems == [] and len(journal) == len(numbers)  # the half-written block was cut at once
    assert [entry.key for entry in journal.scan()] == [key(number) for number in range(len(numbers))]
    close(journal)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 256 KB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("only root may mount a small disk")
    try:
        yield disk
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_fails_clearly_and_loses_nothing(small_disk: Path) -> None:
    def entry(number: int) -> Entry:
        return Entry(key(number), "answer", {"body": os.urandom(1000).hex(), "n": number})

    async def fill() -> list[Entry]:
        journal = Journal(small_disk / "journal")
        kept: list[Entry] = []
        with pytest.raises(JournalError, match=r"000001\.journal: No space left on device; free some space"):
            for number in range(10_000):
                kept.append(await journal.append(entry(number)))
        results = await asyncio.gather(
            *(journal.append(entry(number)) for number in range(10_000, 10_050)), return_exceptions=True
        )
        assert all("No space left" in str(result) for result in results)
        assert len(kept) > 50 and [journal.get(one.key) for one in kept] == kept
        await journal.close()
        return kept

    async def go_on(kept: list[Entry]) -> None:
        journal = Journal(small_disk / "journal")
        last = entry(20_000)
        assert await journal.append(last) is last
        assert list(journal.scan()) == [*kept, last] and journal.problems == []
        await journal.close()

    kept = asyncio.run(fill())
    journal = Journal(small_disk / "journal")
    assert journal.problems == [] and list(journal.scan()) == kept  # the full disk can be read
    close(journal)
    subprocess.run(["mount", "-o", "remount,size=1m", str(small_disk)], check=True)
    asyncio.run(go_on(kept))
