"""The journal in one process: what is appended comes back, exactly, and the first answer under a key counts."""

import asyncio
import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthkit.errors import JournalError
from synthkit.models.journal import Entry, Journal, sidecar
from synthkit.models.journal.block import Block, read_blocks


def key(number: int) -> bytes:
    return number.to_bytes(16, "big")


def answer(number: int, body: str = "a body") -> Entry:
    return Entry(key(number), "answer", {"body": body, "record": number})


def fill(folder: Path, *commits: list[Entry], **options: Any) -> None:
    """Each list in a commit of its own."""

    async def run() -> None:
        journal = Journal(folder, **options)
        for commit in commits:
            await asyncio.gather(*map(journal.append, commit))
        await journal.close()

    asyncio.run(run())


def read(folder: Path) -> list[Entry]:
    """All entries, through a journal that finds nothing wrong."""
    journal = Journal(folder, read_only=True)
    found = list(journal.scan())
    assert journal.problems == []
    asyncio.run(journal.close())
    return found


def blocks(path: Path) -> list[Any]:
    with path.open("rb") as file:
        return list(read_blocks(file, 0, path.stat().st_size))


@contextmanager
def stalled(folder: Path) -> Iterator[None]:
    """No commit gets past the folder's lock meanwhile."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def open_files() -> int:
    return len(list(Path("/dev/fd").iterdir()))


def test_an_answer_is_found_by_its_key_at_once_and_after_a_reopening(tmp_path: Path) -> None:
    async def run() -> None:
        journal = Journal(tmp_path / "a" / "journal")
        assert journal.segment is None and len(journal) == 0
        assert not (tmp_path / "a").exists()  # nothing is written before the first append
        entry = answer(1)
        assert await journal.append(entry) is entry
        assert journal.get(key(1)) == entry and journal.get(key(2)) is None
        assert journal.segment == "000001.journal" and len(journal) == 1
        await journal.close()

    asyncio.run(run())
    again = Journal(tmp_path / "a" / "journal")
    assert again.get(key(1)) == answer(1) and len(again) == 1 and again.problems == []
    asyncio.run(again.close())


def test_an_attempt_is_kept_and_never_found(tmp_path: Path) -> None:
    attempt = Entry(key(1), "attempt", {"body": '{"cut'})
    fill(tmp_path, [attempt], [answer(1), attempt])
    journal = Journal(tmp_path)
    assert list(journal.scan()) == [attempt, answer(1), attempt]
    assert journal.get(key(1)) == answer(1) and len(journal) == 1
    asyncio.run(journal.close())


text = st.text(st.characters(exclude_categories=()), max_size=20)  # lone surrogates, too
scalars = st.none() | st.booleans() | st.integers() | st.integers(-(1 << 200), 1 << 200) | st.floats() | text
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(text, inner), max_leaves=12)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.dictionaries(text, values, max_size=4), min_size=1, max_size=5))
def test_nested_values_come_back_exactly(datas: list[dict[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        fill(Path(name), [Entry(key(number), "answer", data) for number, data in enumerate(datas)])
        journal = Journal(Path(name))
        # repr tells True from 1, 1 from 1.0, 0.0 from -0.0, and has nan equal to nan
        assert [repr(entry.data) for entry in journal.scan()] == [repr(data) for data in datas]
        for number, data in enumerate(datas):
            found = journal.get(key(number))
            assert found is not None and repr(found.data) == repr(data)
        asyncio.run(journal.close())


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        (Entry(b"short", "answer", {}), "16 bytes"),
        (Entry(key(1), "guess", {}), "'guess'"),
        (Entry(key(1), "answer", {"body": b"bytes"}), f"entry {key(1).hex()} is not JSON"),
    ],
)
def test_what_is_no_entry_is_refused_and_the_rest_goes_on(tmp_path: Path, entry: Entry, says: str) -> None:
    async def run() -> None:
        journal = Journal(tmp_path)
        bad, good = await asyncio.gather(journal.append(entry), journal.append(answer(2)), return_exceptions=True)
        assert isinstance(bad, JournalError) and says in str(bad)
        assert good == answer(2)
        await journal.close()

    asyncio.run(run())
    assert read(tmp_path) == [answer(2)]


def test_entries_that_come_during_a_commit_go_together(tmp_path: Path) -> None:
    async def run() -> None:
        journal = Journal(tmp_path)
        with stalled(tmp_path):
            tasks = [asyncio.create_task(journal.append(answer(number))) for number in range(300)]
            await asyncio.sleep(0)
            assert len(journal) == 0
        await asyncio.gather(*tasks)
        await journal.close()

    asyncio.run(run())
    # the first block has what was there when the worker began, the second the rest
    assert 1 <= len(blocks(tmp_path / "000001.journal")) <= 2
    assert read(tmp_path) == [answer(number) for number in range(300)]


def test_one_commit_of_many_bytes_is_several_blocks(tmp_path: Path) -> None:
    made = [answer(number, f"{number}" * 200_000) for number in range(10, 20)]
    fill(tmp_path, made)
    assert len(blocks(tmp_path / "000001.journal")) > 2
    journal = Journal(tmp_path)
    assert [journal.get(entry.key) for entry in made] == made
    asyncio.run(journal.close())


@pytest.mark.parametrize("together", [True, False])
def test_the_first_of_two_appends_under_a_key_counts(tmp_path: Path, together: bool) -> None:
    async def run() -> None:
        journal = Journal(tmp_path)
        with stalled(tmp_path):
            first = asyncio.create_task(journal.append(answer(1, "first")))
            await asyncio.sleep(0)
            second = asyncio.create_task(journal.append(answer(1, "second"))) if together else None
            await asyncio.sleep(0)
        await first
        assert await (second or journal.append(answer(1, "second"))) == answer(1, "first")
        assert journal.get(key(1)) == answer(1, "first")
        await journal.close()

    asyncio.run(run())
    assert read(tmp_path) == [answer(1, "first"), Entry(key(1), "attempt", answer(1, "second").data)]


def test_the_first_of_two_journals_counts_for_both(tmp_path: Path) -> None:
    async def run() -> None:
        one, two = Journal(tmp_path), Journal(tmp_path)
        assert await one.append(answer(1, "one")) == answer(1, "one")
        assert two.get(key(1)) is None  # not looked for: a miss costs nothing
        assert await two.append(answer(1, "two")) == answer(1, "one")
        assert two.get(key(1)) == answer(1, "one")
        assert await one.append(answer(2, "one")) == answer(2, "one")
        two.refresh()
        assert two.get(key(2)) == answer(2, "one")
        assert await two.append(answer(3, "two")) == answer(3, "two")
        assert await one.append(answer(3, "one")) == answer(3, "two")
        assert (one.segment, two.segment) == ("000001.journal", "000002.journal")
        assert len(one) == len(two) == 3
        await asyncio.gather(one.close(), two.close())

    asyncio.run(run())
    answers = [entry for entry in read(tmp_path) if entry.kind == "answer"]
    assert answers == [answer(1, "one"), answer(2, "one"), answer(3, "two")]


def test_a_full_segment_is_sealed_and_the_next_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sidecar, "MAPPED_FROM", 6)  # some sidecars are mapped, some folded

    async def run() -> None:
        journal = Journal(tmp_path, segment_size=2000)
        seen = []
        for number in range(60):
            await journal.append(answer(number, os.urandom(50 + number * 3).hex()))
            seen.append(journal.segment)
        assert len(set(seen)) > 5 and seen == sorted(seen, key=str)
        assert len(journal) == 60
        found = [journal.get(key(number)) for number in range(60)]
        assert found == list(journal.scan())
        assert await journal.append(answer(0, "late")) == found[0]
        await journal.close()

    asyncio.run(run())
    segments = sorted(tmp_path.glob("*.journal"))
    assert [path.stem for path in segments] == [path.stem for path in sorted(tmp_path.glob("*.keys"))]
    assert all(path.stat().st_size < 4000 for path in segments)
    journal = Journal(tmp_path)
    assert [entry.key for entry in journal.scan()] == [key(number) for number in (*range(60), 0)]
    assert len(journal) == 60 and journal.get(key(60)) is None
    assert all(journal.get(key(number)) is not None for number in range(60))
    asyncio.run(journal.close())


def test_whoever_stops_waiting_does_not_stop_the_entry(tmp_path: Path) -> None:
    async def run() -> None:
        journal = Journal(tmp_path)
        with stalled(tmp_path):
            tasks = [asyncio.create_task(journal.append(answer(number))) for number in range(20)]
            await asyncio.sleep(0)
            for task in tasks[::2]:
                task.cancel()
            await asyncio.sleep(0)
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert results[1::2] == [answer(number) for number in range(1, 20, 2)]
        assert all(isinstance(result, asyncio.CancelledError) for result in results[::2])
        await journal.close()

    asyncio.run(run())
    assert read(tmp_path) == [answer(number) for number in range(20)]


def test_a_cancelled_close_closes(tmp_path: Path) -> None:
    async def run() -> None:
        journal = Journal(tmp_path)
        with stalled(tmp_path):
            append = asyncio.create_task(journal.append(answer(1)))
            close = asyncio.create_task(journal.close())
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            close.cancel()
            await asyncio.gather(close, return_exceptions=True)
            assert close.cancelled() and not append.done()
            with pytest.raises(JournalError, match="is closed"):
                await journal.append(answer(2))
        assert await append == answer(1)
        await journal.close()

    asyncio.run(run())
    assert (tmp_path / "000001.keys").exists()
    assert read(tmp_path) == [answer(1)]


def test_a_journal_outlives_its_loop(tmp_path: Path) -> None:
    journal = Journal(tmp_path)

    async def leave() -> None:
        tasks.append(asyncio.create_task(journal.append(answer(1))))
        await asyncio.sleep(0)

    async def come_back() -> None:
        await journal.append(answer(2))
        await journal.close()
        await journal.close()

    tasks: list[asyncio.Task[Entry]] = []
    with stalled(tmp_path):
        asyncio.run(leave())
    assert tasks[0].cancelled()
    asyncio.run(come_back())
    assert read(tmp_path) == [answer(1), answer(2)]


def test_nothing_stays_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sidecar, "MAPPED_FROM", 1)

    async def cycle(start: int) -> None:
        journal, other = Journal(tmp_path, segment_size=300), Journal(tmp_path)
        for number in range(start, start + 5):
            await journal.append(answer(number))
            await other.append(answer(number))
            assert journal.get(key(number)) == answer(number) == other.get(key(number))
        assert len(list(journal.scan())) == (start + 5) * 2
        await journal.close()
        await other.close()
        with pytest.raises(JournalError, match="is closed"):
            journal.get(key(start))

    asyncio.run(cycle(0))
    before = open_files()
    asyncio.run(cycle(5))
    assert open_files() == before


def test_read_only_never_writes(tmp_path: Path) -> None:
    missing = Journal(tmp_path / "none", read_only=True)
    assert missing.get(key(1)) is None and list(missing.scan()) == []
    asyncio.run(missing.close())
    fill(tmp_path, [answer(1)], [answer(2)])
    (tmp_path / "000001.keys").unlink()
    (tmp_path / "lock").unlink()
    path = tmp_path / "000001.journal"
    os.truncate(path, path.stat().st_size - 1)

    async def run() -> None:
        journal = Journal(tmp_path, read_only=True)
        assert journal.get(key(1)) == answer(1) and journal.get(key(2)) is None
        assert len(journal.problems) == 1 and "unfinished write and were left" in journal.problems[0]
        with pytest.raises(JournalError, match="open for reading only"):
            await journal.append(answer(3))
        await journal.close()

    size = path.stat().st_size
    asyncio.run(run())
    assert list(tmp_path.iterdir()) == [path] and path.stat().st_size == size


def test_a_number_is_never_used_twice(tmp_path: Path) -> None:
    for number in (1, 2):
        fill(tmp_path, [answer(number)])
    for path in tmp_path.glob("00000*"):
        path.unlink()
    fill(tmp_path, [answer(3)])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["000003.journal", "000003.keys", "lock"]
    assert all(isinstance(part, Block) for part in blocks(tmp_path / "000003.journal"))
