"""Vectors of texts: each journaled by itself, and asked for together with those of other records."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from synthkit.core.answer import Request, Usage
from synthkit.core.values import canonical
from synthkit.errors import BadRequest, FatalError, OptionRefused, RecordError
from synthkit.models import vectors
from synthkit.models.attempts import Asked, Attempts
from synthkit.models.embedding_batch import TEXTS, Batch, Uneven, divisible, read
from synthkit.models.journal import Entry
from synthkit.models.limiter import Stopped
from synthkit.models.origin import Origin
from synthkit.models.purchase import Purchase
from synthkit.models.service import Service
from synthkit.models.spent import Spent

QUIET, LONGEST = 0.01, 0.1
"""Seconds without another text after which a batch leaves, and the longest that its first text waits."""


@dataclass(slots=True)
class Asking:
    """A text that is being asked for, and who was first to."""

    future: "asyncio.Future[Entry]"
    origin: Origin


@dataclass(slots=True)
class AskedTogether(Asked):
    """A batch on its way. kept: makes its vectors durable."""

    kept: "Callable[[AskedTogether, str, Purchase], Awaitable[tuple[Entry, Usage]]]"

    def divisible(self, error: Exception) -> bool:
        return len(self.request.inputs) > 1 and divisible(error)

    def single(self, text: str, origin: Origin) -> Asked:
        """One of its texts, as if that had been asked for alone."""
        request = self.request.replaced(inputs=(text,))
        return Asked(self.service, request, self.sample, request.key(self.sample), origin)

    async def call(self) -> str:
        return await self.service.provider.embed(self.request)

    async def keep(self, attempts: Attempts, body: str, purchase: Purchase) -> tuple[Entry, Usage]:
        return await self.kept(self, body, purchase)


class Embeddings:
    """The texts of one run, in one event loop. A batch leaves when it is full, or when nothing has come for a moment;
    then it is one call like any other."""

    def __init__(self, attempts: Attempts, offline: Callable[[Service, Request, Origin], None]) -> None:
        """offline: told of a request that has no answer; raises where none may be asked for."""
        self._attempts, self._offline = attempts, offline
        self._asked: dict[bytes, Asking] = {}
        self._open: dict[tuple[str, str], Batch] = {}
        self._leaving: set[asyncio.Task[None]] = set()
        self._most: dict[str, int] = {}
        """How many texts the services take at once that were found to take fewer than others."""
        self._closed = False

    def close(self) -> None:
        """Lets no further batch leave; those on their way are waited for elsewhere."""
        self._closed = True
        batches, self._open = [*self._open.values()], {}
        for batch in batches:
            self._fail(batch, Stopped())

    async def embed(
        self,
        ref: str,
        texts: Sequence[str],
        options: Mapping[str, Any],
        sample: Callable[[Request], str],
        origin: Origin,
    ) -> list[list[float]]:
        """The vectors of texts, durable, in their order. sample: is told each request; what it says is the sample."""
        service = self._attempts.services[ref]
        used = Spent()
        try:
            waiting = []
            for request in _requests(service, texts, options):
                key = request.key(sample(request))
                if self._attempts.journal.far:
                    await self._attempts.journal.find(key, shared=True)  # from then on it is near
                waiting.append((key, *self._found(service, request, key, origin)))
            made = []
            for key, found, journaled in waiting:
                # a waiter that is cancelled does not take the call with it: its answer is paid for
                entry = found if isinstance(found, Entry) else await asyncio.shield(found)
                others = journaled and not self._attempts.own(entry, origin)
                origin.keys.append(key)
                one = vectors.one(entry.data["body"])
                used.answer(one.usage, service.cost(one.usage), journaled=others)
                made.append(vectors.numbers(one.items[0]))
            return made
        finally:
            origin.spent.add(used)

    def _found(
        self, service: Service, request: Request, key: bytes, origin: Origin
    ) -> "tuple[Entry | asyncio.Future[Entry], bool]":
        """A text's entry or what will be it, and whether no call is made for it."""
        entry = self._attempts.journal.get(key)
        if entry is not None:
            return entry, True
        if key in self._asked:
            return self._asked[key].future, True
        self._offline(service, request, origin)
        future = asyncio.get_running_loop().create_future()
        self._asked[key] = Asking(future, origin)

        def ended(future: "asyncio.Future[Entry]") -> None:
            del self._asked[key]
            if not future.cancelled():
                future.exception()  # seen, even if nobody waits for it any more

        future.add_done_callback(ended)
        self._join(service, request, origin)
        return future, False

    # batches

    def _join(self, service: Service, request: Request, origin: Origin) -> None:
        """Puts a text into the batch of its model that is filling, or into a new one."""
        (text,) = request.inputs
        loop, most = asyncio.get_running_loop(), self._most.get(service.model.ref, TEXTS)
        place = (service.model.ref, canonical(request.options))
        batch = self._open.get(place)
        if batch is not None and batch.full(most, len(text)):
            self._leave(place, batch)
            batch = None
        if batch is None:
            now = loop.time()
            batch = self._open[place] = Batch(service, request, origin, now, now)
            loop.call_later(min(QUIET, LONGEST), self._look, place, batch)
        batch.add(text, loop.time())
        if batch.full(most):
            self._leave(place, batch)

    def _look(self, place: tuple[str, str], batch: Batch) -> None:
        """Lets a batch leave to which nothing has come for a moment."""
        if self._open.get(place) is not batch:
            return
        loop = asyncio.get_running_loop()
        due = min(batch.last + QUIET, batch.began + LONGEST)
        if due > loop.time():
            loop.call_at(due, self._look, place, batch)
        else:
            self._leave(place, batch)

    def _leave(self, place: tuple[str, str], batch: Batch) -> None:
        del self._open[place]
        task = asyncio.create_task(self._ask(batch))
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    async def _ask(self, batch: Batch) -> None:
        try:
            error = await self._tried(batch)
            if error is not None:
                await self._divide(batch, error)
        except BaseException as error:
            self._fail(batch, error)
            if isinstance(error, asyncio.CancelledError | KeyboardInterrupt | SystemExit):
                raise

    async def _tried(self, batch: Batch) -> Exception | None:
        """A batch with all its tries. Returns what went wrong for good."""
        if self._closed:
            raise Stopped
        service, request = batch.service, batch.whole()
        asked = AskedTogether(service, request, "", request.key(""), batch.origin, self.keep)
        try:
            await self._attempts.answer(asked)
        except OptionRefused as error:
            fatal = FatalError(service.refusal(error))
            fatal.__cause__ = error
            return self._attempts.stop(fatal)
        except Exception as error:
            return error
        return None

    async def _divide(self, batch: Batch, error: Exception) -> None:
        """Asks again in halves, until what cannot be embedded stands alone; one half after the other, since it may be
        the number of texts that a service does not take."""
        if len(batch.texts) == 1 or not divisible(error):
            self._fail(batch, error)
            return
        halves = batch.halves()
        errors = [await self._tried(half) for half in halves]
        ref, one_each = batch.service.model.ref, all(isinstance(left, Uneven) for left in errors)
        if isinstance(error, BadRequest | Uneven) and not any(errors):
            self._most[ref] = min(self._most.get(ref, TEXTS), len(halves[0].texts))
        if isinstance(error, Uneven) and one_each:  # it does not take several, whatever it says
            self._most[ref] = 1
            halves = [single for half in halves for single in half.singles()]
            errors = [await self._tried(single) for single in halves]
        for half, left in zip(halves, errors, strict=True):
            if left is not None:
                await self._divide(half, left)

    def _fail(self, batch: Batch, error: BaseException) -> None:
        for text in batch.texts:
            asking = self._asked.get(_key(batch.request, text))
            if asking is not None and not asking.future.done():
                asking.future.set_exception(error)

    # what came back

    async def keep(self, asked: AskedTogether, body: str, purchase: Purchase) -> tuple[Entry, Usage]:
        """Makes the vectors of a batch durable, each under the key of its text; what is no answer to all of it is kept
        as an attempt. The last of the entries, and what all took."""
        service, request, attempts = asked.service, asked.request, self._attempts
        try:
            found = read(service, request, body)
        except Exception:  # paid for, whatever a provider makes of it
            await attempts.keep_attempt(asked, body, purchase)
            raise
        purchase.span.answered(found, service.cost)
        parts = vectors.shares(found.usage, request.inputs)
        singles = [asked.single(text, self._origin(asked, text)) for text in request.inputs]
        bodies = [vectors.body(item, usage, found.model) for item, usage in zip(found.items, parts, strict=True)]
        entries = [attempts.entry(one, "answer", kept) for one, kept in zip(singles, bodies, strict=True)]
        first = await asyncio.gather(*map(attempts.journal.append, entries))
        for one, own, entry, usage in zip(singles, entries, first, parts, strict=True):
            purchase.paid(usage, used=entry is own, path=one.origin.path, request=one.request)
            if entry.data["body"] != own.data["body"]:
                attempts.lost(asked)
            asking = self._asked.get(own.key)
            if asking is not None and not asking.future.done():
                asking.future.set_result(entry)
        return first[-1], found.usage

    def _origin(self, asked: Asked, text: str) -> Origin:
        """Who was first to ask for a text of a batch."""
        asking = self._asked.get(_key(asked.request, text))
        return asking.origin if asking is not None else asked.origin


def _requests(service: Service, texts: Sequence[str], options: Mapping[str, Any]) -> list[Request]:
    """A request for each text. Raises `RecordError` for what is no text."""
    for text in texts:
        if not isinstance(text, str):
            raise RecordError(f"{str(text)[:80]!r} is no text, so it has no vector: give a text", reason="text")
        if not text:
            raise RecordError("an empty text has no vector: leave out records without a text", reason="empty text")
    asked = service.embedding(options)
    return [asked.replaced(inputs=(text,)) for text in texts]


def _key(request: Request, text: str) -> bytes:
    return request.replaced(inputs=(text,)).key("")
