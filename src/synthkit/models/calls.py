"""The one path of every model call: journal → attempts (budget → limiter → provider → journal) → ledger → parse."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from synthkit.core.answer import Answer, Reply, Request, ToolCall
from synthkit.core.values import digest
from synthkit.errors import AnswerError, ContentFiltered, FatalError, NotInJournal, OptionRefused
from synthkit.models.attempts import TRIES, Asked, Attempts
from synthkit.models.bill import Bill
from synthkit.models.budget import Budget
from synthkit.models.embeddings import Embeddings
from synthkit.models.hindrance import Hindrance, hindrances
from synthkit.models.journal import Entry, Journal
from synthkit.models.origin import Events, Origin
from synthkit.models.question import Question
from synthkit.models.service import Service, Services
from synthkit.models.spent import Spent
from synthkit.models.structured import read, whole, with_repair
from synthkit.models.tools import checked

CUT = {
    "length": (
        "breaks off at its limit of {}: raise max_tokens, or set on_length to more (room) or keep (it as it is)"
    ),
    "context": "breaks off where the model's context ends: ask with less text, or a model with more context",
    "pause": "was paused by the service before it was whole: ask without the service's own tools",
}
"""Why an answer is not whole."""
MORE_ROOM = (2, 4)
"""How much longer an answer may become that was cut off, where `on_length` is "more"."""


@dataclass(slots=True)
class _Asking:
    """A call on its way, and who waits for its answer."""

    task: asyncio.Task[None]
    waiters: list[asyncio.Future[Entry]] = field(default_factory=list)


class Models:
    """All models of a run, in one event loop."""

    def __init__(
        self,
        services: Services,
        journal: Journal,
        events: Events,
        *,
        run: str,
        offline: bool = False,
        budget: Budget | None = None,
        bill: Bill | None = None,
        tries: int = TRIES,
    ) -> None:
        self.services, self.journal, self.events, self.offline = services, journal, events, offline
        self.budget, self.bill = budget or Budget(), Bill() if bill is None else bill
        self.attempts = Attempts(
            services, journal, events, run=run, budget=self.budget, bill=self.bill, tries=tries
        )  # fmt: skip
        self._asked: dict[bytes, _Asking] = {}
        self._embeddings = Embeddings(self.attempts, self._not_offline)

    @property
    def in_flight(self) -> int:
        """Calls that are being answered right now."""
        return self.attempts.in_flight

    @property
    def hindrances(self) -> Sequence[Hindrance]:
        """What holds calls back right now. May be read from any thread."""
        return hindrances(list(self.services.made.values()))

    @property
    def stopping(self) -> asyncio.Event:
        """Set when no further call is made."""
        return self.attempts.stopping

    @property
    def fatal(self) -> FatalError | None:
        """What has stopped the run."""
        return self.attempts.fatal

    async def ask(self, ref: str, question: Question, sample: Callable[[Request], str], origin: Origin) -> Answer:
        """One answer, durable. `sample` says as which sample a request is asked."""
        service = self.services[ref]
        used = Spent()
        dropped = set[str]()
        try:
            while True:
                try:
                    asked = await self._first(service, question, sample)
                    return await self._whole(service, question, asked, sample, origin, used)
                except OptionRefused as error:
                    if error.option in dropped:  # a service that refuses what it was not sent
                        raise
                    dropped.add(error.option)
                    if not service.refuses(error, question):
                        raise self.attempts.stop(FatalError(service.refusal(error))) from error
        finally:
            origin.spent.add(used)

    async def embed(
        self,
        ref: str,
        texts: Sequence[str],
        options: Mapping[str, Any],
        sample: Callable[[Request], str],
        origin: Origin,
    ) -> list[list[float]]:
        """The vectors of texts, each durable, in their order."""
        return await self._embeddings.embed(ref, texts, options, sample, origin)

    async def _first(
        self, service: Service, question: Question, sample: Callable[[Request], str]
    ) -> tuple[Request, str]:
        """The request to begin with, and its sample. What the service had answered before it refused a wish of it, or
        does still answer (one value may be refused and another not), is found again in the journal."""
        request = service.request(question)
        if service.learnt(question):
            before = service.request(question, learned=False)
            if before != request:  # else it would be asked as two samples
                asked_as = sample(before)
                if await self.journal.find(before.key(asked_as), shared=not asked_as) is not None:
                    return before, asked_as
        return request, sample(request)

    async def _whole(
        self, service: Service, question: Question, asked: tuple[Request, str],
        sample: Callable[[Request], str], origin: Origin, used: Spent,
    ) -> Answer:  # fmt: skip
        """An answer that is not cut off and fits what was asked for, after repairs if need be."""
        request, asked_as = asked
        limit = int(request.options["max_tokens"])
        repairs, room = question.repairs, list(MORE_ROOM if question.on_length == "more" else ())
        while True:
            reply, journaled = await self._reply(service, request, asked_as, origin, used)
            if reply.finish == "content_filter":
                raise ContentFiltered(f"the content filter of {service.model.ref} stopped the answer")
            if reply.finish == "length" and room:
                request = request.replaced(options={**request.options, "max_tokens": room.pop(0) * limit})
                asked_as = sample(request)
                continue
            try:
                data, calls = _read(service, question, reply, request)
            except AnswerError as error:
                if repairs <= 0 or error.reason == "cut off":
                    raise
                repairs -= 1
                request = with_repair(request, reply, error)
                asked_as = sample(request)
                continue
            return Answer(
                reply.text, data, used.usage, used.dollars, reply.finish, reply.refusal, reply.reasoning, reply.model,
                journaled, calls, reply.logprobs, reply.others,
            )  # fmt: skip

    async def _reply(
        self, service: Service, request: Request, sample: str, origin: Origin, used: Spent
    ) -> tuple[Reply, bool]:
        key = request.key(sample)
        entry = self.journal.get(key)
        if entry is None and self.journal.far:
            entry = await self.journal.find(key, shared=not sample)
        journaled = entry is not None
        if entry is None:
            journaled = key in self._asked  # somebody asks the same right now
            if not journaled:
                self._ask_first(service, request, sample, key, origin)
            # a waiter that is cancelled does not take the call with it: its answer is paid for
            waiter: asyncio.Future[Entry] = asyncio.get_running_loop().create_future()
            self._asked[key].waiters.append(waiter)
            entry = await waiter
        others = journaled and not self.attempts.own(entry, origin)
        origin.keys.append(key)
        reply = service.read(entry.data["body"])
        used.answer(reply.usage, service.cost(reply.usage), journaled=others)
        return reply, journaled

    def _ask_first(self, service: Service, request: Request, sample: str, key: bytes, origin: Origin) -> None:
        self._not_offline(service, request, origin)
        asked = Asked(service, request, sample, key, origin)
        self._asked[key] = _Asking(asyncio.create_task(self._answered(asked)))

    async def _answered(self, asked: Asked) -> None:
        """Asks, and tells all who wait for it."""
        try:
            entry = await self.attempts.answer(asked)
        except BaseException as error:
            for waiter in self._waiting(asked):
                waiter.set_exception(error)
                waiter.exception()  # seen, even if it is stopped before it looks
            if isinstance(error, asyncio.CancelledError | KeyboardInterrupt | SystemExit):
                raise
        else:
            for waiter in self._waiting(asked):
                waiter.set_result(entry)

    def _waiting(self, asked: Asked) -> list[asyncio.Future[Entry]]:
        """Those who still wait for an answer, which is asked for no longer."""
        return [waiter for waiter in self._asked.pop(asked.key).waiters if not waiter.done()]

    def _not_offline(self, service: Service, request: Request, origin: Origin) -> None:
        """Stops a run that may not ask for what the journal does not have."""
        if self.offline:
            raise self.attempts.stop(
                NotInJournal(
                    f"offline, and the journal in {self.services.project.journal} has no answer for {origin.path} of "
                    f"record {origin.record} ({service.model.ref}, request {digest(request.form())}): run without "
                    "--offline, or with the seed, models and settings it was recorded with"
                )
            )

    async def close(self) -> None:
        """Waits for the calls in flight, whose answers are paid for, and closes providers and journal."""
        self._embeddings.close()
        try:
            await self.attempts.close()
            await self.budget.close()
        finally:
            await self.services.close()
            await self.journal.close()


def _read(service: Service, question: Question, reply: Reply, request: Request) -> tuple[Any, Sequence[ToolCall]]:
    """The data and the calls of tools in an answer. Raises `AnswerError` for one that is cut off or unfit."""
    if reply.refusal:
        return None, ()
    cut = reply.finish in CUT
    if cut and question.on_length != "keep" and not (question.answer is not None and whole(reply.text)):
        limit, thought = request.options["max_tokens"], reply.usage.reasoning
        said = CUT[reply.finish].format(f"{limit} tokens{f', {thought} of them spent on reasoning' if thought else ''}")
        raise AnswerError(f"the answer of {service.model.ref} {said}", reason="cut off")
    calls = checked(reply.tool_calls, question.tools, request.tools, cut=cut) if question.tools else ()
    if question.tools and not calls and question.tool_choice not in ("auto", "none"):
        raise AnswerError("no tool was called, and one must be", reason="unfit call")
    if question.answer is None or calls:
        return None, calls
    return read(reply.text, question.answer, natively=request.schema is not None, cut=cut), calls
