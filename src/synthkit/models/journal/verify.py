"""Looking at every byte of a journal: which blocks are damaged, and what was in them. Nothing is changed."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path

from synthkit.errors import JournalError
from synthkit.models.journal.block import Block, Gap, read_blocks
from synthkit.models.journal.entry import ANSWER, KINDS, Entry
from synthkit.models.journal.folder import Folder, naming, try_lock
from synthkit.models.journal.index import Index
from synthkit.models.journal.segment import cut_short, short
from synthkit.models.journal.sidecar import Sidecar
from synthkit.models.journal.store import Store

MOST_KEYS = 3
"""Keys of lost answers that are named; the others are counted."""

Watch = Callable[[int, int], None]
"""Is told how many bytes are done, and of how many."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A sentence on a file. damaged: something that was kept once cannot be read now."""

    said: str
    damaged: bool


@dataclass(slots=True)
class Verified:
    """What was looked at, and what was found, in the order of the files."""

    segments: int = 0
    blocks: int = 0
    answers: int = 0
    attempts: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        """Whether all that was kept can be read."""
        return not any(finding.damaged for finding in self.findings)

    def say(self, said: str, *, damaged: bool = True) -> None:
        """Adds a finding, once."""
        finding = Finding(said, damaged)
        if finding not in self.findings:
            self.findings.append(finding)


def verify(path: Path, watch: Watch = lambda done, of: None) -> Verified:
    """Checks every block, every entry and every sidecar of the journal in a folder. Runs may go on meanwhile.

    Raises `JournalError` for a folder that cannot be read; what is wrong with single files is found.
    """
    folder = Folder(path)
    found = Verified()
    with naming(path, "read"), folder.listed():
        numbers = folder.numbers(lambda said: found.say(said, damaged=False))
        found.segments = len(numbers)
        total = sum(folder.segment(number).stat().st_size for number in numbers)
        done = 0
        with _index(path) as index:
            for number in numbers:
                segment = folder.segment(number)
                try:
                    with naming(segment, "read"):
                        _check(folder, number, index, found)
                except JournalError as error:  # of one file: no permission, a newer format
                    found.say(str(error))
                done += segment.stat().st_size
                watch(done, total)
    return found


@contextmanager
def _index(path: Path) -> Iterator[Index]:
    """Where each answer is found; empty where the journal cannot be opened, as will be said of its files."""
    try:
        store = Store(path, read_only=True)
    except JournalError:
        yield Index()
        return
    try:
        yield store.index
    finally:
        store.close()


def _check(folder: Folder, number: int, index: Index, found: Verified) -> None:
    path = folder.segment(number)
    sidecar = Sidecar.load(folder.sidecar(number))
    known = hidden = 0
    with FileIO(str(path)) as lock, path.open("rb") as file:
        living = not try_lock(lock, fcntl.LOCK_SH)
        size = os.fstat(file.fileno()).st_size
        gaps: list[Gap] = []
        for part in read_blocks(file, 0, size):
            if isinstance(part, Gap):
                gaps.append(part)
            elif not _block(path, part, found):
                gaps.append(Gap(part.offset, part.end))
            else:
                places = dict(part.places())
                known += sum(sidecar.find(key) == place for key, place in places.items()) if sidecar else 0
                hidden += sum(index.find(key) not in (None, (number, place)) for key, place in places.items())
    _gaps(path, size, gaps, sidecar, living, found)
    if sidecar is not None and sidecar.covered == size and not gaps and known != len(sidecar):
        keys = folder.sidecar(number)
        found.say(f"{keys} says something else than its segment: delete it, and it is made again")
    elif hidden:
        found.say(
            f"{path}: {_several(hidden)} not found, because another one stands under the same key, as it happens when "
            "files are copied in by hand",
            damaged=False,
        )


def _block(path: Path, block: Block, found: Verified) -> bool:
    """Counts what is in a block, and looks at each entry; False where its frame is not what its rows say."""
    texts = block.texts()
    if texts is None:
        return False
    found.blocks += 1
    for number, (key, kind, _) in enumerate(block.rows):
        found.answers += kind == ANSWER
        found.attempts += kind != ANSWER
        try:
            fine = _is_entry(texts.entry(number))
        except ValueError:
            fine = False
        if not fine:
            found.say(
                f"{path}: the {KINDS[kind]} {key.hex()} in the block at offset {block.offset} is no entry: it was not "
                "written by synthkit"
            )
    return True


def _is_entry(entry: Entry) -> bool:
    return isinstance(entry.data, dict) and isinstance(entry.data.get("body"), str)


def _gaps(path: Path, size: int, gaps: list[Gap], sidecar: Sidecar | None, living: bool, found: Verified) -> None:
    cut = sidecar is not None and not living and cut_short(path, size, sidecar)
    for gap in gaps:
        length = gap.end - gap.offset
        if gap.end == size and living:
            found.say(f"{path}: the last {length} bytes are being written right now", damaged=False)
        elif gap.torn and not cut:
            found.say(
                f"{path}: the last {length} bytes, from offset {gap.offset}, are an unfinished write. Its process "
                "ended before it was told that they are kept, so nothing is lost; the next run cuts them off",
                damaged=False,
            )
        elif not gap.torn:
            found.say(
                f"{path}: {length} bytes from offset {gap.offset} are damaged; {_lost(sidecar, gap.offset, gap.end)}: "
                "put the file back from a copy, or they are asked again"
            )
    if cut and sidecar is not None:
        last = min((gap.offset for gap in gaps if gap.torn), default=size)
        found.say(f"{short(path, size, sidecar.covered)}; {_lost(sidecar, last, sidecar.covered)}")


def _lost(sidecar: Sidecar | None, start: int, end: int) -> str:
    """What was there, as far as the sidecar knows it."""
    if sidecar is None or sidecar.covered < end:
        return "nobody knows which answers were there"
    keys = [key.hex() for key, place in sidecar if start <= place >> 16 < end]
    if not keys:
        return "no answer was there, but attempts may have been"
    more = f" and {len(keys) - MOST_KEYS:,} more" if len(keys) > MOST_KEYS else ""
    return f"{_several(len(keys))} lost ({', '.join(keys[:MOST_KEYS])}{more})"


def _several(number: int) -> str:
    """1 answer is, 2 answers are."""
    return "1 answer is" if number == 1 else f"{number:,} answers are"
