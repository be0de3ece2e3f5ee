"""What the journal says and keeps when it cannot read or write."""

import asyncio
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from synthkit.errors import JournalError
from synthkit.models.journal import Entry, Journal, segment


def key(number: int) -> bytes:
    return number.to_bytes(16, "big")


def answer(number: int) -> Entry:
    return Entry(key(number), "answer", {"body": "a body", "record": number})


@pytest.fixture
def unprivileged() -> Iterator[Path]:
    """A folder that its user may not write to: as root, who may everything, we are somebody else meanwhile."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@contextmanager
def powerless(folder: Path) -> Iterator[None]:
    mode, root = folder.stat().st_mode, os.geteuid() == 0
    folder.chmod(0o555)
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(mode)


@pytest.mark.parametrize("sealed", [True, False])
def test_a_folder_without_write_permission_can_be_read(unprivileged: Path, sealed: bool) -> None:
    folder = unprivileged / "journal"

    async def fill() -> None:
        journal = Journal(folder)
        await journal.append(answer(1))
        await journal.close()

    asyncio.run(fill())
    for path in folder.iterdir():
        path.chmod(0o444)
    if not sealed:
        (folder / "000001.keys").unlink()

    async def run() -> None:
        for read_only in (True, False):
            journal = Journal(folder, read_only=read_only)
            assert journal.get(key(1)) == answer(1) and journal.problems == []
            with pytest.raises(JournalError, match="reading only" if read_only else "cannot write .*ermission"):
                await journal.append(answer(2))
            assert journal.get(key(1)) == answer(1)
            await journal.close()

    with powerless(folder):
        asyncio.run(run())


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(JournalError, match=rf"cannot read {tmp_path}/file: Not a directory; use a path"):
        Journal(tmp_path / "file")

    async def run() -> None:
        journal = Journal(tmp_path / "file" / "journal")
        with pytest.raises(JournalError, match=f"cannot write {tmp_path}/file/journal"):
            await journal.append(answer(1))
        await journal.close()

    asyncio.run(run())


def test_a_failed_sync_fails_all_who_wait_and_all_who_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(handle: int) -> None:
        raise OSError(5, "Input/output error")

    async def run() -> None:
        journal = Journal(tmp_path)
        await journal.append(answer(1))
        with monkeypatch.context() as patch:
            patch.setattr(segment, "_sync", broken)
            failed = await asyncio.gather(
                *(journal.append(answer(number)) for number in range(2, 9)), return_exceptions=True
            )
        assert {str(error) for error in failed} == {
            f"the journal cannot write {tmp_path}/000001.journal: Input/output error; mend that and start again"
        }
        assert len({id(error) for error in failed}) == 7  # one each: tracebacks must not pile up in one
        with pytest.raises(JournalError, match="Input/output error"):
            await journal.append(answer(9))
        assert journal.get(key(1)) == answer(1) and journal.get(key(2)) is None
        await journal.close()

    asyncio.run(run())
    assert not (tmp_path / "000001.keys").exists()  # its state is not certain: the next one looks
    journal = Journal(tmp_path)
    assert journal.problems == [] and len(journal) >= 1  # what was written may have reached the disk
    asyncio.run(journal.close())


def test_a_deleted_segment_is_not_written_to(tmp_path: Path) -> None:
    async def run() -> None:
        journal = Journal(tmp_path)
        await journal.append(answer(1))
        (tmp_path / "000001.journal").unlink()
        with pytest.raises(JournalError, match=r"000001\.journal: No such file"):
            await journal.append(answer(2))
        assert journal.get(key(1)) is None
        await journal.close()

    asyncio.run(run())
