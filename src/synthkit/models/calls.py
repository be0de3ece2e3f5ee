"""The one path of every model call: journal → budget → slot → provider → journal → ledger → parse."""

import asyncio
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Any, Protocol

from synthkit.core.answer import Answer, Reply, Request, ToolCall, Usage
from synthkit.core.values import digest
from synthkit.errors import (
    AnswerError,
    BrokenBody,
    CallError,
    CallTimeout,
    ConnectionLost,
    ContentFiltered,
    FatalError,
    JournalError,
    NotInJournal,
    OptionRefused,
    Overloaded,
    RateLimited,
    ServerError,
    TransientError,
    Unreachable,
)
from synthkit.models.budget import Budget
from synthkit.models.journal import Entry, Journal
from synthkit.models.question import Question
from synthkit.models.service import UNREACHABLE, Service, Services
from synthkit.models.spent import Spent
from synthkit.models.structured import read, whole, with_repair
from synthkit.models.tools import checked

TRIES, FIRST_TRIES = 6, 3
"""Attempts for one answer, the first included; and as long as a service has not answered once."""
FIRST_DELAY, LONGEST_DELAY, LONGEST_ASKED = 0.5, 30.0, 600.0
"""Seconds: the first backoff, its cap, and the longest Retry-After that is waited for."""


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
ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|/)")


class Stopped(BaseException):
    """The run is stopping: no further question is asked. No `Exception`, so that no step swallows it."""


class Events(Protocol):
    """Where what happens on the way is written: retries, lost attempts."""

    def event(self, kind: str, **data: Any) -> None: ...


@dataclass(slots=True)
class Origin:
    """Who asks: kept with the answer, for people to read; `spent` grows by what it takes, `keys` by the journal's key
    of each answer used."""

    record: str
    path: str
    spent: Spent
    keys: list[bytes] = field(default_factory=list)


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
        tries: int = TRIES,
    ) -> None:
        self.services, self.journal, self.events = services, journal, events
        self.run, self.offline, self.tries = run, offline, tries
        self.budget = budget or Budget()
        self.in_flight = 0
        self.fatal: FatalError | None = None
        self.stopping = asyncio.Event()
        self._redact = services.project.redact
        self._asked: dict[bytes, asyncio.Task[Entry]] = {}
        self._idle = asyncio.Event()
        self._idle.set()

    async def ask(self, ref: str, question: Question, sample: Callable[[Request], str], origin: Origin) -> Answer:
        """One answer, durable. `sample` says as which sample a request is asked."""
        service = self.services[ref]
        used = Spent()
        dropped = set[str]()
        try:
            while True:
                try:
                    asked = self._first(service, question, sample)
                    return await self._whole(service, question, asked, sample, origin, used)
                except OptionRefused as error:
                    if error.option in dropped:  # a service that refuses what it was not sent
                        raise
                    dropped.add(error.option)
                    if not service.refuses(error, question):
                        raise self._stop(FatalError(service.refusal(error))) from error
        finally:
            origin.spent.add(used)

    def _first(self, service: Service, question: Question, sample: Callable[[Request], str]) -> tuple[Request, str]:
        """The request to begin with, and its sample. What the service had answered before it refused a wish of it, or
        does still answer (one value may be refused and another not), is found again in the journal."""
        request = service.request(question)
        if service.learnt(question):
            before = service.request(question, learned=False)
            if before != request:  # else it would be asked as two samples
                asked_as = sample(before)
                if self.journal.get(before.key(asked_as)) is not None:
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
        journaled = entry is not None
        if entry is None:
            journaled = key in self._asked  # somebody asks the same right now
            if not journaled:
                self._ask_first(service, request, sample, key, origin, used)
            # a waiter that is cancelled does not take the call with it: its answer is paid for
            entry = await asyncio.shield(self._asked[key])
        origin.keys.append(key)
        reply = service.provider.parse(entry.data["body"])
        used.asked += 1
        used.journaled += journaled
        self._charge(service, reply.usage, used)
        return reply, journaled

    def _charge(self, service: Service, usage: Usage, used: Spent) -> None:
        cost = service.cost(usage)
        used.usage += usage
        used.cost += cost or 0
        used.unpriced += cost is None

    def _ask_first(
        self, service: Service, request: Request, sample: str, key: bytes, origin: Origin, used: Spent
    ) -> None:
        if self.offline:
            raise self._stop(
                NotInJournal(
                    f"offline, and the journal in {self.services.project.journal} has no answer for {origin.path} of "
                    f"record {origin.record} ({service.model.ref}, request {digest(request.form())}): run without "
                    "--offline, or with the seed, models and settings it was recorded with"
                )
            )

        def ended(task: "asyncio.Task[Entry]") -> None:
            del self._asked[key]
            if not task.cancelled():
                task.exception()  # seen, even if nobody waits for it any more

        task = asyncio.create_task(self._tries(service, request, sample, key, origin, used))
        self._asked[key] = task
        task.add_done_callback(ended)

    async def _tries(
        self, service: Service, request: Request, sample: str, key: bytes, origin: Origin, used: Spent
    ) -> Entry:
        jitter = Random(digest(key.hex(), self.run))
        for number in range(1, self.tries + 1):
            try:
                return await self._attempt(service, request, sample, key, origin, used)
            except TransientError as error:
                used.retries += 1
                self.events.event(
                    "retry", model=service.model.ref, path=origin.path, record=origin.record, number=number,
                    reason=error.reason, message=self._redact(str(error)), retry_after=error.retry_after,
                )  # fmt: skip
                too_long = (error.retry_after or 0) > LONGEST_ASKED
                if number >= self._most(service, error) or too_long:
                    raise self._given_up(service, error, number) from error
                delay = min(FIRST_DELAY * 2 ** (number - 1), LONGEST_DELAY) * (0.5 + jitter.random())
                await self._pause(max(delay, error.retry_after or 0))
            except FatalError as error:
                raise self._stop(error) from error
            except JournalError:
                self.stopping.set()  # no more is paid for what cannot be kept
                raise
        raise AssertionError("unreachable")

    def _most(self, service: Service, error: TransientError) -> int:
        """How many tries a call has. A service that never answered is not there, most likely: few."""
        patient = service.answered or isinstance(error, RateLimited | Overloaded)
        return self.tries if patient else min(self.tries, FIRST_TRIES)

    async def _attempt(
        self, service: Service, request: Request, sample: str, key: bytes, origin: Origin, used: Spent
    ) -> Entry:
        if self.stopping.is_set():
            raise Stopped
        await service.slots.acquire()
        if self.stopping.is_set():
            service.slots.release()
            raise Stopped
        reserved = Decimal(0)
        cost: Decimal | None = Decimal(0)
        self.in_flight += 1
        self._idle.clear()
        try:
            reserved = await self.budget.reserve(service.worst(request) if self.budget.limit is not None else None)
            if self.stopping.is_set():
                raise Stopped
            cost = None  # from here on it may cost
            body = self._hidden(await service.provider.call(request, sample))
            entry, cost = await self._keep(service, request, key, body, origin, used)
            service.answered = True
            return entry
        except CallError as error:
            if not isinstance(error, BrokenBody | CallTimeout | ConnectionLost):  # those may be billed all the same
                cost = Decimal(0)
            raise
        finally:
            self.budget.settle(reserved, cost)
            service.slots.release()
            self.in_flight -= 1
            if not self.in_flight:
                self._idle.set()

    def _hidden(self, body: str) -> str:
        """A body without our keys, in whatever JSON's escapes a server repeats them."""
        body = self.services.project.redact(body, pieces=False)
        if "\\u" not in body and "\\/" not in body:
            return body
        plain = ESCAPE.sub(lambda m: "/" if m[1] is None else chr(int(m[1], 16)), body)
        hidden = self.services.project.redact(plain, pieces=False)
        if hidden == plain:
            return body
        try:
            return self.services.project.redact(json.dumps(json.loads(body), ensure_ascii=False), pieces=False)
        except ValueError:
            return hidden

    async def _keep(
        self, service: Service, request: Request, key: bytes, body: str, origin: Origin, used: Spent
    ) -> tuple[Entry, Decimal | None]:
        """Makes a body durable before anything else is done with it; what is no answer is kept as an attempt."""
        data = {
            "request": request.form(), "body": body, "model": service.model.ref,
            "run": self.run, "path": origin.path, "record": origin.record,
        }  # fmt: skip
        try:
            reply = service.provider.parse(body)
        except Exception as error:  # paid for, whatever a provider makes of it
            await self.journal.append(Entry(key, "attempt", data))
            if isinstance(error, CallError):
                raise
            raise BrokenBody(f"{service.model.ref}: the answer cannot be read ({type(error).__name__})") from error
        entry = await self.journal.append(Entry(key, "answer", data))
        if entry.data["body"] != body:  # another process was first: this answer is paid for, and not used
            used.retries += 1
            self.events.event("lost", model=service.model.ref, path=origin.path, record=origin.record)
        return entry, service.cost(reply.usage)

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self.stopping.wait(), seconds)
        except TimeoutError:
            return
        raise Stopped

    def _given_up(self, service: Service, error: TransientError, tries: int) -> Exception:
        service.given_up += 1
        known = self.services.answered_before and isinstance(error, RateLimited | Overloaded | ServerError)
        if service.answered or known or service.given_up < UNREACHABLE:
            return error
        where = service.model.base_url or service.model.provider
        return self._stop(
            Unreachable(
                f"{service.model.ref} at {where} has not answered once; {service.given_up} calls gave up after "
                f"{tries} tries, the last with: {self._redact(str(error))}"
            )
        )

    def _stop(self, error: FatalError) -> FatalError:
        """Stops the run: no further call is made."""
        self.fatal = self.fatal or error
        self.stopping.set()
        return error

    async def close(self) -> None:
        """Waits for the calls in flight, whose answers are paid for, and closes providers and journal."""
        try:
            await self._idle.wait()
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
