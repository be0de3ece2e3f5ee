"""Compaction: the same entries in fewer segments, and those who read or write meanwhile."""

import asyncio
import json
import os
import random
import shutil
from collections import Counter
from pathlib import Path

import pytest
from compact_kit import close, entry, fill, key, names, scan

from synthkit.errors import JournalError, LockedError
from synthkit.models.journal import Entry, Journal, sidecar
from synthkit.models.journal.block import read_blocks
from synthkit.models.journal.compact import compact
from synthkit.models.journal.folder import Folder
from synthkit.models.journal.replaced import replacing


@pytest.fixture
def many(tmp_path: Path) -> list[Entry]:
    """A journal of twelve segments, with attempts in every third."""
    rng = random.Random(4)
    commits = [[entry(10 * segment + number) for number in range(rng.randrange(1, 9))] for segment in range(12)]
    for commit in commits[::3]:
        commit.append(entry(rng.randrange(10**6, 10**7), "attempt"))
    return fill(tmp_path, *commits)


def test_many_segments_become_one_with_the_same_entries_in_their_order(tmp_path: Path, many: list[Entry]) -> None:
    assert len(list(tmp_path.glob("*.journal"))) == 12
    size = sum(path.stat().st_size for path in tmp_path.glob("*.journal"))
    done = compact(tmp_path)
    assert (done.before, done.after[0], done.dropped, done.kept, done.waiting) == ((12, size), 1, 0, [], False)
    assert done.after[1] == (tmp_path / "000013.journal").stat().st_size < size
    assert names(tmp_path) == ["000013.journal", "000013.keys"]
    assert scan(tmp_path) == many
    again = compact(tmp_path)
    assert again.before == again.after == done.after
    assert names(tmp_path) == ["000013.journal", "000013.keys"]
    assert fill(tmp_path, [entry(1000)]) and names(tmp_path)[2] == "000014.journal"


def test_segments_are_filled_up_to_a_size_and_then_left_alone(tmp_path: Path, many: list[Entry]) -> None:
    seen: list[tuple[int, int]] = []
    done = compact(tmp_path, size=900, watch=lambda done, of: seen.append((done, of)))
    assert 2 <= done.after[0] < done.before[0]
    assert all(path.stat().st_size <= 900 for path in tmp_path.glob("*.journal"))
    found = scan(tmp_path)  # a commit in two blocks, as a busy machine writes it, may be large enough to stay in front
    assert sorted(found, key=lambda one: one.key) == sorted(many, key=lambda one: one.key)
    assert seen == sorted(seen) and all(0 < now <= of for now, of in seen)
    left = {path.name for path in tmp_path.glob("*.journal") if path.stat().st_size >= 450}
    assert left and left <= set(names(tmp_path))


def test_attempts_are_left_out_on_demand(tmp_path: Path, many: list[Entry]) -> None:
    compact(tmp_path)
    done = compact(tmp_path, drop_attempts=True)
    assert (done.before[0], done.after[0], done.dropped) == (1, 1, 4)
    assert scan(tmp_path) == [one for one in many if one.kind == "answer"]
    assert compact(tmp_path, drop_attempts=True).dropped == 0
    folder = tmp_path / "attempts"
    fill(folder, [entry(1, "attempt")], [entry(2, "attempt")])
    assert compact(folder, drop_attempts=True).dropped == 2 and scan(folder) == []
    assert compact(folder, drop_attempts=True).after == (1, 0)


@pytest.mark.parametrize("mapped_from", [3, 50_000])
def test_who_has_the_journal_open_finds_all_answers(
    tmp_path: Path, many: list[Entry], monkeypatch: pytest.MonkeyPatch, mapped_from: int
) -> None:
    monkeypatch.setattr(sidecar, "MAPPED_FROM", mapped_from)
    answers = [one for one in many if one.kind == "answer"]

    async def run() -> None:
        reader, writer, other = Journal(tmp_path, read_only=True), Journal(tmp_path), Journal(tmp_path)
        compact(tmp_path)
        assert not (tmp_path / "000001.journal").exists()
        assert [reader.get(one.key) for one in answers] == answers
        again = Entry(answers[3].key, "answer", {"body": "asked again"})
        assert await writer.append(again) == answers[3]  # the first one counts
        assert await writer.append(entry(5000)) == entry(5000)
        compact(tmp_path)  # its segment is locked: it stays
        assert [writer.get(one.key) for one in answers] == answers and writer.get(key(5000)) == entry(5000)
        other.refresh()
        assert other.get(key(5000)) == entry(5000) and other.get(answers[0].key) == answers[0]
        assert len(reader) == len(answers) and len(writer) == len(other) == len(answers) + 1
        assert reader.problems == writer.problems == other.problems == []
        for journal in (reader, writer, other):
            await journal.close()

    asyncio.run(run())
    assert len(scan(tmp_path)) == len(many) + 2


def test_the_segment_of_a_living_run_is_left_and_named(tmp_path: Path, many: list[Entry]) -> None:
    async def run() -> None:
        journal = Journal(tmp_path)
        await journal.append(entry(777))
        done = compact(tmp_path)
        assert (done.before[0], done.after[0]) == (13, 2)
        assert done.kept == [f"{tmp_path}/000013.journal is being written by another process"]
        await journal.append(entry(778))
        await journal.close()

    asyncio.run(run())
    assert names(tmp_path) == ["000013.journal", "000013.keys", "000014.journal", "000014.keys"]
    assert sorted(one.key for one in scan(tmp_path)) == sorted(one.key for one in [*many, entry(777), entry(778)])


def test_who_reads_all_of_it_is_not_disturbed(
    tmp_path: Path, many: list[Entry], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("synthkit.models.journal.folder.PAUSE", 0.0)
    reader = Journal(tmp_path, read_only=True)
    scanning = reader.scan()
    assert next(scanning) == many[0]
    done = compact(tmp_path)
    assert (done.after[0], done.waiting) == (1, True)
    assert len(list(tmp_path.glob("*.journal"))) == 13  # the old ones wait, and do not count
    assert scan(tmp_path) == many
    with pytest.raises(LockedError) as caught:
        compact(tmp_path)
    assert str(caught.value) == f"{tmp_path} is being read as a whole by another process: wait for it"
    assert list(scanning) == many[1:]
    close(reader)
    close(Journal(tmp_path))  # whoever opens it next removes them
    assert names(tmp_path) == ["000013.journal", "000013.keys"] and scan(tmp_path) == many


def test_two_do_not_compact_at_once(tmp_path: Path, many: list[Entry]) -> None:
    with replacing(Folder(tmp_path)), pytest.raises(LockedError) as caught:
        compact(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path} is being compacted by process {os.getpid()} on ")
    assert scan(tmp_path) == many


def test_what_is_damaged_is_left_as_it_is(tmp_path: Path, many: list[Entry]) -> None:
    path = tmp_path / "000004.journal"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)
    short = tmp_path / "000006.journal"
    rest = short.read_bytes()[:-5]
    short.write_bytes(rest)
    done = compact(tmp_path, drop_attempts=True)
    assert done.kept == [f"{one} is damaged: `synthkit journal verify` says where" for one in (path, short)]
    assert path.read_bytes() == data and short.read_bytes() == rest
    journal = Journal(tmp_path)
    for one in many:
        if one.kind == "answer" and journal.get(one.key) != one:
            assert one.key in {*keys(tmp_path / "000004.keys"), *keys(tmp_path / "000006.keys")}
    assert len(journal.problems) >= 2
    close(journal)


def keys(path: Path) -> set[bytes]:
    loaded = sidecar.Sidecar.load(path)
    assert loaded is not None
    return {each for each, _ in loaded}


def test_an_answer_that_was_copied_in_twice_stays_once(tmp_path: Path) -> None:
    folder, other = tmp_path / "journal", tmp_path / "other"
    made = fill(folder, [entry(1), entry(2)])
    fill(other, [entry(2), entry(3), entry(1, body="another body of")])
    shutil.copy(other / "000001.journal", folder / "000002.journal")
    journal = Journal(folder)
    counted = {number: journal.get(key(number)) for number in (1, 2, 3)}
    close(journal)
    compact(folder)
    found = scan(folder)
    assert {one.key: one for one in found if one.kind == "answer"} == {key(n): one for n, one in counted.items()}
    assert Counter(one.kind for one in found) == {"answer": 3, "attempt": 1}
    assert made[1] in found


def test_another_file_of_that_number_stands_for_nothing(tmp_path: Path, many: list[Entry]) -> None:
    """After a crash between the announcement and the name, a run may get the number that was announced."""
    text = json.dumps({"13": ["ab" * 28, list(range(1, 13))], "99": ["cd", [1]]})
    (tmp_path / "compaction.replaced").write_text(text)
    fill(tmp_path, [entry(5000)])
    (tmp_path / "compaction.replaced").write_text(text)
    assert names(tmp_path)[-3:-1] == ["000013.journal", "000013.keys"]
    assert scan(tmp_path) == [*many, entry(5000)]
    close(Journal(tmp_path))
    assert scan(tmp_path) == [*many, entry(5000)] and not (tmp_path / "compaction.replaced").exists()


def test_a_folder_without_a_journal_is_named(tmp_path: Path) -> None:
    with pytest.raises(JournalError) as caught:
        compact(tmp_path / "nothing")
    assert str(caught.value) == f"there is no journal in {tmp_path}/nothing"
    assert not (tmp_path / "nothing").exists()


def test_blocks_are_put_together(tmp_path: Path, many: list[Entry]) -> None:
    compact(tmp_path)
    path = tmp_path / "000013.journal"
    with path.open("rb") as file:
        assert len(list(read_blocks(file, 0, path.stat().st_size))) == 1
