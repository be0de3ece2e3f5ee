"""The journal as a lane sees it: the keeper has it, and what is asked and appended there goes in batches."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from synthkit.errors import JournalError, RunError
from synthkit.models.journal.entry import ANSWER, KINDS, Entry, from_text, to_text
from synthkit.models.journal.journal import BETWEEN, Journal

if TYPE_CHECKING:
    import numpy as np

NEAR = 1024
"""Answers that others may ask for again, and are kept at hand."""
Item = tuple[bytes, str, bytes]
"""Key, kind and text of an entry."""


def known(keys: Iterable[bytes]) -> "np.ndarray[Any, Any]":
    """The first 8 bytes of each key, sorted: by them a lane sees that an answer is not there, and asks nobody. 8 bytes
    an answer, in memory that all lanes of a node share."""
    import numpy as np

    found = np.frombuffer(b"".join(key[:8] for key in keys), dtype=">u8").astype("u8")
    found.sort()
    return found


class FarJournal(Journal):
    """A journal beyond the network. `get` knows what is at hand, `find` asks.

    append, find: calls of the keeper. known: what `known` made of the keys that were there when the run began.
    What records ask for themselves, nobody else asks for: where `known` has nothing, there is nothing. What they share
    (sample "") may have come since, and is asked for. So is everything while `wary` is not 0: records are done again
    whose lane is gone, and nobody knows how far they were.
    """

    far = True

    def __init__(
        self,
        append: Callable[[Sequence[Item]], Awaitable[Sequence[bytes | None]]],
        find: Callable[[Sequence[bytes]], Awaitable[Sequence[bytes | None]]],
        known: "np.ndarray[Any, Any]",
    ) -> None:
        self._append, self._find, self._known = append, find, known
        self._near: OrderedDict[bytes, Entry] = OrderedDict()
        self._outgoing: list[tuple[Entry, bytes, asyncio.Future[Entry]]] = []
        self._sending: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._appending = False
        self._asking: list[tuple[bytes, asyncio.Future[Entry | None]]] = []
        self.wary = 0

    @property
    def problems(self) -> list[str]:
        return []

    def get(self, key: bytes) -> Entry | None:
        """The answer, if it is at hand."""
        return self._near.get(key)

    async def find(self, key: bytes, *, shared: bool = False) -> Entry | None:
        """The answer, if there is one. shared: somebody else may have got it since the run began."""
        if (near := self._near.get(key)) is not None or not (shared or self.wary or self._may_hold(key)):
            return near
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[Entry | None] = loop.create_future()
        if not self._asking:
            loop.call_soon(self._start, self._ask)
        self._asking.append((key, waiter))
        return await waiter

    async def append(self, entry: Entry, text: bytes | None = None) -> Entry:
        """As `Journal.append`."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[Entry] = loop.create_future()
        self._outgoing.append((entry, to_text(entry) if text is None else text, waiter))
        if self._timer is None and not self._appending:
            self._timer = loop.call_later(BETWEEN, self._send)
        return await waiter

    async def close(self) -> None:
        """Waits for what is on its way."""
        if self._timer is not None:
            self._timer.cancel()
            self._send()
        while self._sending:
            await asyncio.wait(self._sending)

    def _may_hold(self, key: bytes) -> bool:
        import numpy as np

        wanted = np.uint64(int.from_bytes(key[:8], "big"))
        at = int(self._known.searchsorted(wanted))
        return at < len(self._known) and self._known[at] == wanted

    def _keep(self, entry: Entry) -> Entry:
        self._near[entry.key] = entry
        if len(self._near) > NEAR:
            self._near.popitem(last=False)
        return entry

    def _start(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        task = asyncio.ensure_future(work())
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    def _send(self) -> None:
        """Sends what is there. What comes until that is durable waits, and goes together: under load the batches grow,
        and not the number of calls."""
        self._timer, self._appending = None, True
        self._start(self._sent)

    async def _ask(self) -> None:
        batch, self._asking = self._asking, []
        try:
            texts = await self._find([key for key, _ in batch])
        except BaseException as error:
            _fail([waiter for _, waiter in batch], error)
            return
        for (key, waiter), text in zip(batch, texts, strict=True):
            if not waiter.done():
                waiter.set_result(None if text is None else self._keep(from_text(key, ANSWER, text)))

    async def _sent(self) -> None:
        batch, self._outgoing = self._outgoing, []
        try:
            await self._append_all(batch)
        finally:
            self._appending = False
            if self._outgoing:
                self._send()

    async def _append_all(self, batch: Sequence[tuple[Entry, bytes, asyncio.Future[Entry]]]) -> None:
        try:
            first = await self._append([(entry.key, entry.kind, text) for entry, text, _ in batch])
        except BaseException as error:
            _fail([waiter for _, _, waiter in batch], error)
            return
        for (entry, _, waiter), other in zip(batch, first, strict=True):
            won = entry if other is None else from_text(entry.key, ANSWER, other)
            if won.kind == KINDS[ANSWER]:
                self._keep(won)
            if not waiter.done():
                waiter.set_result(won)


def _fail(waiters: Sequence[asyncio.Future[Any]], error: BaseException) -> None:
    lost = error if isinstance(error, RunError) else JournalError(f"the journal cannot be reached: {error}")
    for waiter in waiters:
        if not waiter.done():
            waiter.set_exception(lost)
            waiter.exception()  # seen, even if nobody waits any more
