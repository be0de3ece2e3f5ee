"""The journal as a run sees it: look-ups at once, appends that return when they are durable."""

import asyncio
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from synthkit.errors import JournalError
from synthkit.models.journal.entry import Entry, to_text
from synthkit.models.journal.store import Store
from synthkit.models.journal.writer import Writer

SEGMENT_SIZE = 64 << 20
BETWEEN = 0.01
"""Seconds between two commits at least: nobody notices beside a call, and each commit costs as much as ten entries."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """An append that is not yet durable."""

    entry: Entry
    text: bytes
    future: asyncio.Future[Entry]


class Journal:
    """Every paid response of a project, raw, under a key of 16 bytes.

    Any number of processes may read and append to one folder side by side: each writes segment files of its own.
    The first answer appended under a key counts, for all of them and for good. `get` knows what was there when
    the journal was opened, what this process appended, and what others had appended at its last own commit or
    `refresh`.

    `problems`: a sentence for each torn tail that was cut and each damaged place that was skipped.
    `far`: whether `find` knows more than `get`.
    """

    far = False

    def __init__(self, folder: Path, *, read_only: bool = False, segment_size: int = SEGMENT_SIZE) -> None:
        """Reads the keys; JournalError if a file cannot be read or is in a newer format. Writes no segment yet.

        `read_only`: never writes, cuts or seals; the folder may be one without write permission, or missing.
        `segment_size`: a segment of so many bytes is sealed, and the next one begun.
        """
        self._folder = folder
        self._read_only = read_only
        self._store = Store(folder, read_only=read_only)
        self._writer = Writer(self._store, segment_size)
        self._worker: ThreadPoolExecutor | None = None
        self._end: Future[None] | None = None
        self._failure: str | None = None
        self._next = 0.0
        self._guard = Lock()  # of the two below
        self._pending: list[Waiting] = []
        self._woken = False  # a commit is queued that has not yet taken what is pending

    @property
    def problems(self) -> list[str]:
        return self._store.problems

    @property
    def segment(self) -> str | None:
        """The name of the file that this process appends to, or appended to last; None before the first append."""
        return self._store.segment

    def __len__(self) -> int:
        """How many answers are known."""
        return len(self._store.index)

    def get(self, key: bytes) -> Entry | None:
        """The answer under a key, if there is one. Reads at most one block, and lists no folder."""
        self._refuse_closed()
        return self._store.get(key)

    def refresh(self) -> None:
        """Looks at what other processes have appended since. Costs a listing of the folder."""
        self._refuse_closed()
        self._store.refresh()

    def scan(self, holding: bytes = b"") -> Iterator[Entry]:
        """All entries, answers and attempts, of all segments in their order; keeps one block in memory. holding: only
        those with these bytes in their JSON text, which is far quicker than to read all."""
        self._refuse_closed()
        return self._store.scan(holding=holding)

    def keys(self) -> Iterator[bytes]:
        """The keys of all answers that are known, in no order; one may come twice."""
        self._refuse_closed()
        return self._store.index.keys()

    async def find(self, key: bytes, *, shared: bool = False) -> Entry | None:
        """What `get` returns; a journal that is `far` asks for it. shared: others may ask for the same right now."""
        return self.get(key)

    async def append(self, entry: Entry, text: bytes | None = None) -> Entry:
        """Returns when the entry is durable: itself, or the answer that was there first under its key. text: what
        `to_text` made of it, where that is at hand.

        Entries that come while others are made durable go together into the next commit. Who stops waiting does
        not stop the entry. JournalError if it cannot be written; then nothing more can be, and what was committed
        before stays readable.
        """
        text = to_text(entry) if text is None else text
        waiting = Waiting(entry, text, asyncio.get_running_loop().create_future())
        with self._guard:
            self._refuse_closed()
            if self._read_only:
                raise JournalError(f"the journal {self._folder} is open for reading only: open it for writing")
            if self._failure is not None:
                raise JournalError(self._failure)
            self._pending.append(waiting)
            if not self._woken:
                self._woken = True
                self._worker = self._worker or ThreadPoolExecutor(1, "journal")
                self._worker.submit(self._commit)
        return await waiting.future

    async def close(self) -> None:
        """Commits what is pending and seals the own segment. A close that is cancelled still closes."""
        with self._guard:
            if self._end is None:
                worker = self._worker or ThreadPoolExecutor(1, "journal")
                self._end = worker.submit(self._finish)
                worker.shutdown(wait=False)
        done = asyncio.get_running_loop().create_future()
        self._end.add_done_callback(lambda _: _settle([(done, None)]))
        await done

    def _refuse_closed(self) -> None:
        if self._end is not None:
            raise JournalError(f"the journal {self._folder} is closed: open it again to use it")

    # on the worker's thread

    def _commit(self) -> None:
        wait = self._next - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        self._next = time.monotonic() + BETWEEN
        with self._guard:
            batch, self._pending, self._woken = self._pending, [], False
        if not batch:
            return
        if self._failure is None:
            try:
                entries = self._writer.commit([(waiting.entry, waiting.text) for waiting in batch])
            except JournalError as error:
                self._failure = str(error)
            except Exception as error:  # whatever it is, those who wait must hear of it
                self._failure = f"the journal {self._folder} failed: {error!r}"
            else:
                _settle([(waiting.future, entry) for waiting, entry in zip(batch, entries, strict=True)])
                return
        _settle([(waiting.future, JournalError(self._failure)) for waiting in batch])

    def _finish(self) -> None:
        self._commit()
        # after a failure the segment's state is not certain: the next to open the journal looks at it anew
        self._writer.close(seal=self._failure is None)
        self._store.close()


Outcome = tuple[asyncio.Future[Any], Entry | JournalError | None]


def _settle(outcomes: Iterable[Outcome]) -> None:
    """Wakes those who wait, on their loops, from any thread."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Outcome]] = {}
    for outcome in outcomes:
        by_loop.setdefault(outcome[0].get_loop(), []).append(outcome)
    for loop, own in by_loop.items():
        with suppress(RuntimeError):  # a closed loop: nobody waits any more
            loop.call_soon_threadsafe(_wake, own)


def _wake(outcomes: Iterable[Outcome]) -> None:
    for future, outcome in outcomes:
        if future.done():
            continue  # cancelled; its entry is written nevertheless
        if isinstance(outcome, JournalError):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)
