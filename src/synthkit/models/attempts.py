"""Attempts: a request goes out until it is answered, its answer is durable, or there is no hope.

budget → limiter → provider → journal, each attempt anew. What passes is tried again, what does not fails the record or
stops the run; an outage of the service is waited for.
"""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any

from synthkit.core.answer import Reply, Request, Usage
from synthkit.core.values import digest
from synthkit.errors import (
    BrokenBody,
    CallError,
    CallTimeout,
    FatalError,
    JournalError,
    Outage,
    Overloaded,
    RateLimited,
    ServerError,
    TransientError,
    Unreachable,
)
from synthkit.models.bill import Bill
from synthkit.models.budget import Budget
from synthkit.models.hedging import Race, Rival
from synthkit.models.journal import Entry, Journal
from synthkit.models.limiter import Place, Stopped
from synthkit.models.origin import Events, Origin
from synthkit.models.purchase import Purchase
from synthkit.models.service import UNREACHABLE, Service, Services
from synthkit.models.spans import UNSEEN, Open, Spans, Unseen
from synthkit.models.surplus import Surplus

TRIES, FIRST_TRIES, REFUSALS = 6, 3, 30
"""Attempts for one answer, the first included; as long as a service has not answered once; and of those that are
refused because of a limit, which say nothing about the request, unless it is too large for the limit."""
GRACE = 5.0
"""Seconds that a provider has for calling off what takes longer than its `timeout`."""
TOGETHER = 2
"""Attempts of what can be divided, before it is."""
FIRST_DELAY, LONGEST_DELAY = 0.5, 30.0
"""Seconds: the first backoff, and its cap."""


@dataclass(slots=True)
class Asked:
    """One request on its way, as one sample. A subclass may call otherwise, and keep otherwise what comes."""

    service: Service
    request: Request
    sample: str
    key: bytes
    origin: Origin
    sent: int = field(default=0, kw_only=True)

    def said(self, **more: Any) -> dict[str, Any]:
        """What an event tells of it."""
        return {"model": self.service.model.ref, "path": self.origin.path, "record": self.origin.record, **more}

    def divisible(self, error: Exception) -> bool:
        """Whether it asks for several things at once, of which one may be to blame for an error."""
        return False

    async def call(self) -> str:
        """One attempt at the provider: the raw body."""
        return await self.service.provider.call(self.request, self.sample)

    async def keep(self, attempts: "Attempts", body: str, purchase: Purchase) -> tuple[Entry, Usage]:
        """Makes a body durable before anything else is done with it; what is no answer is kept as an attempt."""
        try:
            reply = self.service.read_first(body)
            if not isinstance(reply, Reply):
                raise TypeError("no Reply")
        except Exception as error:  # paid for, whatever a provider makes of it
            await attempts.keep_attempt(self, body, purchase)
            if isinstance(error, CallError):
                raise
            ref = self.service.model.ref
            raise BrokenBody(f"{ref}: the answer cannot be read ({type(error).__name__})") from error
        self.service.limiter.armed = True  # it is there, also where its answer is not yet durable
        purchase.span.answered(reply, self.service.cost)
        own = attempts.entry(self, "answer", body)
        entry = await attempts.journal.append(own)
        purchase.paid(reply.usage, used=entry is own)
        if entry.data["body"] != body:
            attempts.lost(self)
        return entry, reply.usage


class Attempts:
    """The attempts of a run, for all its models."""

    def __init__(
        self,
        services: Services,
        journal: Journal,
        events: Events,
        *,
        run: str,
        budget: Budget,
        bill: Bill,
        tries: int,
    ) -> None:
        self.services, self.journal, self.events = services, journal, Surplus(events)
        self.run, self.budget, self.bill, self.tries = run, budget, bill, tries
        self.spans: Spans | None = None
        self.in_flight = 0
        self.fatal: FatalError | None = None
        self.stopping = asyncio.Event()
        self._redact = services.project.redact
        self._idle = asyncio.Event()
        self._idle.set()
        self._watch: asyncio.Task[None] | None = None
        self._lost: set[bytes] = set()
        """What was given up: when it is tried once more, it says nothing about the service."""

    def stop(self, error: FatalError) -> FatalError:
        """Stops the run: no further call is made."""
        self.fatal = self.fatal or error
        self.stopping.set()
        return error

    async def answer(self, asked: Asked) -> Entry:
        """The journal's entry of the answer. Raises what failed for good."""
        service, limiter = asked.service, asked.service.limiter
        if self._watch is None:
            self._watch = asyncio.create_task(self._send_away())
        if limiter.used_up is None:
            limiter.used_up, limiter.given_up = partial(self._used_up, service), partial(self._gone, service)
        place = limiter.place(*self._size(service, asked.request), who=asked.key)
        jitter: Random | None = None
        lost, number, refusals, probes, after = 0, 0, 0, 0, 0.0
        while True:
            try:
                return await self._attempt(asked, place, after)
            except TransientError as error:
                jitter = jitter or Random(digest(asked.key.hex(), self.run))
                lost += 1
                self._note(asked, error, lost)
                after = 0.0
                if lost >= TOGETHER and asked.divisible(error):
                    raise
                if limiter.breaker.open:
                    # Mostly that says nothing about this request, which waits for better times. But where it comes to
                    # be probed again and again, few are left, and they may be what breaks the service.
                    probes += isinstance(error, ServerError | BrokenBody | CallTimeout)
                    if probes >= self.tries:
                        raise
                    continue
                if isinstance(error, RateLimited):
                    refusals += 1
                    if limiter.overdue:  # also where it is the only request left, for which no breaker opens
                        self._gone(service)
                        raise Stopped from error
                else:
                    number += 1
                too_long = (error.retry_after or 0) > limiter.patience
                if too_long and (isinstance(error, RateLimited) or limiter.breaker.widespread):
                    # it holds for all requests, as quotas of a day do
                    said = f"asks to wait {error.retry_after:g} s ({error.reason}), longer than a run waits"
                    raise self.stop(_outage(service, said)) from error
                if too_long or self._hopeless(service, error, number, refusals):
                    self._lost.add(asked.key)
                    raise self._given_up(service, error, number + refusals) from error
                backoff = min(FIRST_DELAY * 2 ** (number + refusals - 1), LONGEST_DELAY) * (0.5 + jitter.random())
                after = max(backoff, error.retry_after or 0)
            except FatalError as error:
                raise self.stop(error) from error
            except JournalError:
                self.stopping.set()  # no more is paid for what cannot be kept
                raise

    def _note(self, asked: Asked, error: TransientError, number: int) -> None:
        message = self._redact(str(error))
        told = asked.said(number=number, reason=error.reason, message=message, retry_after=error.retry_after)
        self.events.event("retry", **told)

    def _size(self, service: Service, request: Request) -> tuple[int, int]:
        if not service.limiter.counts_tokens:
            return 0, 0
        return len(request.canonical), int(request.options.get("max_tokens", 0))

    def _failed(self, service: Service, place: Place, error: TransientError) -> None:
        """A call failed for a passing reason, which says something about the service."""
        limiter = service.limiter
        if self.services.answered_before or isinstance(error, RateLimited | Overloaded):
            limiter.armed = True  # it is there, or was: what it has now will pass
        if place.who in self._lost:
            return
        if limiter.failed(place, error):
            self.events.event("outage", model=service.model.ref, reason=error.reason)

    def _used_up(self, service: Service, wait: float) -> None:
        """The service says that nothing is left, for longer than anybody waits."""
        said = f"says that its limits are used up: the next call may go out in {wait:.0f} s, longer than a run waits"
        self.stop(_outage(service, said))

    def _gone(self, service: Service) -> None:
        """The service has answered nothing good for as long as the user gives it."""
        seconds, reason = service.limiter.give_up_after, service.limiter.breaker.reason
        said = f"has answered nothing good for {seconds:g} s (last: {reason})"
        self.stop(_outage(service, said, "when it is back"))

    def _hopeless(self, service: Service, error: TransientError, number: int, refusals: int) -> bool:
        """Whether no further try is made. A service that never answered is not there, most likely: few."""
        if not service.limiter.armed:
            return number >= min(self.tries, FIRST_TRIES) or number + refusals >= self.tries
        return number >= self.tries or refusals >= REFUSALS

    def _given_up(self, service: Service, error: TransientError, tries: int) -> Exception:
        service.given_up += 1
        if service.limiter.armed or service.given_up < UNREACHABLE:
            return error
        where = service.model.base_url or service.model.provider
        return self.stop(
            Unreachable(
                f"{service.model.ref} at {where} has not answered once; {service.given_up} calls gave up after "
                f"{tries} tries, the last with: {self._redact(str(error))}"
            )
        )

    async def _attempt(self, asked: Asked, place: Place, after: float) -> Entry:
        """One attempt, or two where the first takes too long."""
        limiter, hedges = asked.service.limiter, asked.service.hedges
        await limiter.enter(place, after)
        if self.stopping.is_set():
            limiter.give_back(place)
            raise Stopped
        if not hedges.on:
            return await self._out(asked, place)
        return await Race(_Rival(self, asked, place)).run(self._out(asked, place))

    async def _out(self, asked: Asked, place: Place, *, hedge: bool = False) -> Entry:
        """One call, whose place is taken: from the reservation of its dollars until its answer is durable."""
        service, request = asked.service, asked.request
        purchase = Purchase(self.budget, self.bill, service, request, asked.origin.path)
        usage: Usage | None = Usage()
        went = False
        self.in_flight += 1
        self._idle.clear()
        try:
            await purchase.reserve()
            if self.stopping.is_set():
                raise Stopped
            purchase.sent()
            usage, went = None, True  # from here on it may cost
            with self._span(self.spans, asked, hedge) if self.spans else UNSEEN as purchase.span:
                body = await self._call(asked, place, purchase)
                entry, usage = await asked.keep(self, body, purchase)
            if service.limiter.answered(place):
                self.events.event("outage over", model=service.model.ref)
            return entry
        except CallError as error:
            usage = Usage() if error.free else purchase.told
            if isinstance(error, TransientError):
                if not asked.divisible(error):
                    self._failed(service, place, error)
            elif went and not isinstance(error, FatalError) and service.limiter.talked():
                self.events.event("outage over", model=service.model.ref)
            raise
        finally:
            purchase.settle(self.events.event, asked.origin.record, hedge=hedge and went)
            if went:
                service.limiter.leave(place, usage)
            else:
                service.limiter.give_back(place)
            self.in_flight -= 1
            if not self.in_flight:
                self._idle.set()

    def _span(self, spans: Spans, asked: Asked, hedge: bool) -> Open | Unseen:
        asked.sent += 1
        at, model = asked.origin, asked.service.model
        return spans.attempt(model, asked.request, path=at.path, record=at.record, number=asked.sent, hedge=hedge)

    async def _call(self, asked: Asked, place: Place, purchase: Purchase) -> str:
        service = asked.service
        clock = asyncio.get_running_loop().time
        service.hedges.sent += 1
        place.came, place.out = False, clock()
        try:
            if service.hedges.on:  # then the race sees to the deadline, for less
                body = await asked.call()
            else:
                async with asyncio.timeout(_deadline(service)):
                    body = await asked.call()
        except CallError as error:
            if isinstance(error.body, str):
                place.came = True
                await self.keep_attempt(asked, self.services.project.redact_body(error.body), purchase)
            elif error.free:
                purchase.free()
            raise
        except TimeoutError as error:  # ours, or of a provider that does not say it in our words
            raise _too_late(service) from error
        place.came = True
        if not isinstance(body, str):
            raise BrokenBody(f"the provider of {service.model.ref} returned no text, but {type(body).__name__}")
        service.hedges.answered(asked.origin.path, clock() - place.out)
        return self.services.project.redact_body(body)

    def entry(self, asked: Asked, kind: str, body: str) -> Entry:
        """What the journal keeps of a body."""
        origin = asked.origin
        data = {
            "request": asked.request.form(), "body": body, "model": asked.service.model.ref,
            "run": self.run, "path": origin.path, "record": origin.record,
        }  # fmt: skip
        return Entry(asked.key, kind, data)

    def own(self, entry: Entry, origin: Origin) -> bool:
        """Whether an entry that was found is what this very run was answered here before, as one that goes on finds it:
        it counts as its own call, as if the run had never ended."""
        asker = {"run": self.run, "path": origin.path, "record": origin.record}
        return entry.data.items() >= asker.items() and entry.key not in origin.keys

    async def keep_attempt(self, asked: Asked, body: str, purchase: Purchase) -> None:
        """Makes a body durable that is no answer, and counts what it tells that it took."""
        purchase.unread((await self.journal.append(self.entry(asked, "attempt", body))).data)

    def lost(self, asked: Asked) -> None:
        """Another answer was first: this one is paid for, and not used."""
        self.events.event("lost", **asked.said())

    async def _send_away(self) -> None:
        """Sends all who wait for a place away when the run stops."""
        await self.stopping.wait()
        for service in self.services.made.values():
            service.limiter.stop()

    async def close(self) -> None:
        """Waits for the calls in flight, whose answers are paid for."""
        await self._idle.wait()
        self.events.flush()
        if self._watch is not None:
            self._watch.cancel()


def _outage(service: Service, said: str, back: str = "then") -> Outage:
    return Outage(
        f"{service.model.ref} {said}; no record has failed because of it: go on {back}, or give it longer with "
        "--give-up-after"
    )


def _deadline(service: Service) -> float:
    """Seconds after which a call is called off whose provider should have done so itself: `timeout`, and a little."""
    return service.model.timeout + GRACE


def _too_late(service: Service) -> CallTimeout:
    return CallTimeout(
        f"{service.model.ref} gave no whole answer within {service.model.timeout:g} s, nor did its provider give up"
    )


class _Rival(Rival[Entry]):
    """A second call for what is asked, beside the first that holds `place`."""

    __slots__ = ("_asked", "_attempts", "_first", "_other")

    def __init__(self, attempts: Attempts, asked: Asked, place: Place) -> None:
        self._attempts, self._asked, self._first = attempts, asked, place
        self._other: Place | None = None

    def late(self) -> float | None:
        return self._asked.service.hedges.late(self._asked.origin.path)

    def since(self) -> float | None:
        return self._first.out

    def longest(self) -> float:
        return _deadline(self._asked.service)

    def too_late(self) -> CallTimeout:
        return _too_late(self._asked.service)

    def may(self) -> bool:
        attempts, service = self._attempts, self._asked.service
        self._other = service.limiter.place(*attempts._size(service, self._asked.request), who=self._asked.key)
        return service.hedges.left and not attempts.stopping.is_set() and service.limiter.try_enter(self._other)

    def second(self) -> Coroutine[Any, Any, Entry]:
        assert self._other is not None
        self._asked.service.hedges.hedged += 1
        return self._attempts._out(self._asked, self._other, hedge=True)

    def unsent(self) -> None:
        if self._other is not None and self._other.taken:
            self._asked.service.limiter.give_back(self._other)

    def came(self, *, second: bool) -> bool:
        place = self._other if second else self._first
        return place is not None and place.came
