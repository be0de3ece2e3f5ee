"""Verifying a journal: what is damaged is told with its place and with what is lost, and nothing is changed."""

import asyncio
import json
import os
import random
import shutil
import subprocess
import sys
import zlib
from dataclasses import asdict
from pathlib import Path

import pytest
from compact_kit import close, entry, fill, key

from synthkit.models.journal import Entry, Journal, sidecar
from synthkit.models.journal.block import compress, pack, read_blocks
from synthkit.models.journal.compact import compact
from synthkit.models.journal.sidecar import write_sidecar
from synthkit.models.journal.verify import Verified, verify

HALF = """
import asyncio, os, sys
from pathlib import Path
from synthkit.models.journal import Entry, Journal
async def main():
    journal = Journal(Path(sys.argv[1]))
    await journal.append(Entry(bytes(16), "answer", {"body": "x"}))
    path = Path(sys.argv[1]) / journal.segment
    with path.open("ab") as file:
        file.write(path.read_bytes()[:-1])
    os.write(1, b"r")
    sys.stdin.readline()
asyncio.run(main())
"""


def one_by_one(folder: Path, *entries: Entry) -> Path:
    """Each entry in a block of its own; the segment."""

    async def run() -> str | None:
        journal = Journal(folder)
        for each in entries:
            await journal.append(each)
        await journal.close()
        return journal.segment

    return folder / str(asyncio.run(run()))


def files(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}


def said(found: Verified) -> list[tuple[str, bool]]:
    return [(finding.said, finding.damaged) for finding in found.findings]


def edges(path: Path) -> list[int]:
    with path.open("rb") as file:
        return [part.offset for part in read_blocks(file, 0, path.stat().st_size)]


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """A segment of four blocks, the third an attempt; the folder is that of the journal."""
    folder = tmp_path / "journal"
    one_by_one(folder, entry(0), entry(1), entry(2, "attempt"), entry(3))
    return folder


def test_a_whole_journal(sample: Path) -> None:
    fill(sample, [entry(7), entry(8)])
    before = files(sample)
    seen: list[tuple[int, int]] = []
    found = verify(sample, lambda done, of: seen.append((done, of)))
    assert (found.segments, found.answers, found.attempts) == (2, 5, 1)
    assert found.blocks >= 5 and found.whole and found.findings == []
    assert files(sample) == before
    size = sum(path.stat().st_size for path in sample.glob("*.journal"))
    assert seen[-1] == (size, size) and len(seen) == 2


def test_a_damaged_block_is_told_with_what_was_in_it(sample: Path) -> None:
    path = sample / "000001.journal"
    starts = [*edges(path), path.stat().st_size]
    data = bytearray(path.read_bytes())
    data[starts[1] + 40] ^= 1
    path.write_bytes(data)
    before = files(sample)
    length = starts[2] - starts[1]
    lost = f"1 answer is lost ({key(1).hex()})"
    text = f"{path}: {length} bytes from offset {starts[1]} are damaged; {lost}: put the file back from a copy, or they"
    found = verify(sample)
    assert said(found) == [(f"{text} are asked again", True)]
    assert not found.whole and (found.blocks, found.answers, found.attempts) == (3, 2, 1)
    assert files(sample) == before
    data[starts[2] + 40] ^= 1  # the attempt's block, too: one stretch
    path.write_bytes(data)
    ((text, damaged),) = said(verify(sample))
    assert f"{starts[3] - starts[1]} bytes from offset {starts[1]} are damaged; {lost}" in text and damaged
    (sample / "000001.keys").unlink()
    ((text, damaged),) = said(verify(sample))
    assert "nobody knows which answers were there" in text and damaged


def test_every_flipped_bit_is_noticed(sample: Path, tmp_path: Path) -> None:
    rng = random.Random(6)
    data = (sample / "000001.journal").read_bytes()
    for turn in range(150):
        folder = tmp_path / f"{turn}"
        shutil.copytree(sample, folder)
        broken = bytearray(data)
        broken[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        (folder / "000001.journal").write_bytes(broken)
        found = verify(folder)
        assert not found.whole and found.answers + found.attempts == 3


def test_a_torn_end_is_explained_and_is_no_damage(sample: Path) -> None:
    path = sample / "000001.journal"
    whole = path.read_bytes()
    (sample / "000001.keys").unlink()
    path.write_bytes(whole + whole[:30])
    before = files(sample)
    found = verify(sample)
    assert found.whole and found.answers == 3
    ((text, damaged),) = said(found)
    assert text == (
        f"{path}: the last 30 bytes, from offset {len(whole)}, are an unfinished write. Its process ended before it "
        "was told that they are kept, so nothing is lost; the next run cuts them off"
    )
    assert not damaged and files(sample) == before
    close(Journal(sample))
    assert path.read_bytes() == whole and verify(sample).findings == []


@pytest.mark.parametrize("left", ["half a block", "whole blocks"])
def test_a_copy_that_broke_off_is_told_from_a_write_that_did(sample: Path, left: str) -> None:
    path = sample / "000001.journal"
    whole = path.read_bytes()
    starts = edges(path)
    size = starts[3] if left == "whole blocks" else starts[3] + 9
    path.write_bytes(whole[:size])
    text = f"{path} has {size} of the {len(whole)} bytes that it had once: copy it again from where it came from"
    assert said(verify(sample)) == [(f"{text}; 1 answer is lost ({key(3).hex()})", True)]
    for _ in range(2):  # nothing is mended: what is missing may yet come
        journal = Journal(sample)
        assert journal.problems == [text]
        assert journal.get(key(1)) == entry(1) and journal.get(key(3)) is None
        close(journal)
    assert path.read_bytes() == whole[:size]
    path.write_bytes(whole)
    journal = Journal(sample)
    assert journal.get(key(3)) == entry(3) and journal.problems == []
    close(journal)
    assert verify(sample).whole


def test_what_is_being_written_is_no_damage(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HALF, str(tmp_path / "journal")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None and child.stdout.read(1) == b"r"
        path = tmp_path / "journal" / "000001.journal"
        half = path.stat().st_size // 2
        found = verify(tmp_path / "journal")
        child.kill()
    assert said(found) == [(f"{path}: the last {half} bytes are being written right now", False)] and found.answers == 1
    assert "are an unfinished write" in verify(tmp_path / "journal").findings[0].said


def test_entries_that_are_none_are_named(tmp_path: Path) -> None:
    fill(tmp_path, [entry(1)])
    texts = [b'{"body": 1}', b"[]", b'{"body"', b"\xff\xfe"]
    path = tmp_path / "000002.journal"
    path.write_bytes(pack([(key(10 + number), 0, len(text)) for number, text in enumerate(texts)], compress(texts)))
    found = verify(tmp_path)
    text = "in the block at offset 0 is no entry: it was not written by synthkit"
    assert said(found) == [(f"{path}: the answer {key(n).hex()} {text}", True) for n in range(10, 14)]


def test_a_sidecar_that_lies_is_found(sample: Path) -> None:
    size = (sample / "000001.journal").stat().st_size
    write_sidecar(sample / "000001.keys", size, {key(0): 0, key(1): 77 << 16, key(3): 5})
    text = f"{sample}/000001.keys says something else than its segment: delete it, and it is made again"
    assert said(verify(sample)) == [(text, True)]
    (sample / "000001.keys").unlink()
    assert verify(sample).whole
    close(Journal(sample))
    assert verify(sample).whole and (sample / "000001.keys").exists()


def test_answers_behind_others_are_noted(sample: Path) -> None:
    shutil.copy(sample / "000001.journal", sample / "000005.journal")
    found = verify(sample)
    ((text, damaged),) = said(found)
    assert "3 answers are not found, because another one stands under the same key" in text and not damaged
    compact(sample)
    assert verify(sample).findings == []


def test_a_newer_format_and_a_file_without_permission_are_findings(sample: Path) -> None:
    fill(sample, [entry(7)], [entry(8)])
    data = bytearray((sample / "000002.journal").read_bytes())
    data[4] = 3
    data[24:28] = zlib.crc32(data[:24]).to_bytes(4, "big")
    (sample / "000002.journal").write_bytes(data)
    (sample / "000003.journal").chmod(0)
    (sample / "notes.txt").write_text("mine")
    (sample / ".DS_Store").write_text("not mine")
    folder = sample.parent
    if os.geteuid() == 0:
        for above in (folder, *folder.parents[:3]):
            above.chmod(above.stat().st_mode | 0o055)
        os.seteuid(65534)
    try:
        found = verify(sample)
    finally:
        if os.getuid() == 0:
            os.seteuid(0)
    newer = "was made by a newer synthkit (journal format 3; this one reads 1): upgrade synthkit"
    assert said(found) == [
        (f"{sample}/notes.txt is no file of a journal and was ignored: move it away", False),
        (f"{sample}/000002.journal {newer}", True),
        (
            f"the journal cannot read {sample}/000003.journal: Permission denied; give this user access to it and "
            "start again",
            True,
        ),
    ]
    assert found.answers == 3 and not found.whole


def test_findings_are_json(sample: Path) -> None:
    (sample / "000001.journal").write_bytes(b"nothing of ours" * 10)
    form = json.loads(json.dumps(asdict(verify(sample))))
    assert form["segments"] == 1 and form["findings"][0]["damaged"] is True


def test_large_sidecars_are_checked_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sidecar, "MAPPED_FROM", 2)
    fill(tmp_path, [entry(number) for number in range(9)])
    assert verify(tmp_path).whole
