"""A purchase: the money of one call, reserved before it goes out, settled by what came of it, put on the bill."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from synthkit.core.answer import Request, Usage
from synthkit.models.bill import Bill
from synthkit.models.budget import ZERO, Budget
from synthkit.models.service import Service
from synthkit.models.spans import UNSEEN, Open, Unseen
from synthkit.models.vectors import usage_of

LOST = "cost unknown"
"""The kind of the event that tells of a call which may have cost, and of which the journal has nothing."""
FREE = "cost nothing"
"""Of one that failed, and surely cost nothing."""
HEDGE = "hedge"
"""Of one, counted elsewhere, that was sent beside one which took too long."""


def calls_of(request: Request) -> int:
    """The calls that a request counts for: each of the texts that it embeds, since each is an answer of its own."""
    return max(len(request.inputs), 1)


class Purchase:
    """One call: `reserve`, `sent`, then `free`, `paid` or `unread`; `settle` whatever happened.

    A call that was sent, and of which nothing is known any more (a timeout, a broken connection, a cancelled one), may
    have been billed: its worst case stays spent, and the log of events keeps it, since the journal has nothing of it.
    """

    __slots__ = (
        "_bill", "_budget", "_cost", "_free", "_open", "_request", "_reserved", "_service", "path", "span", "told",
    )  # fmt: skip

    def __init__(self, budget: Budget, bill: Bill, service: Service, request: Request, path: str) -> None:
        self._budget, self._bill = budget, bill
        self._service, self._request, self.path = service, request, path
        self.span: Open | Unseen = UNSEEN
        self.told: Usage | None = None
        """What a body tells that it took which is no answer."""
        self._reserved = ZERO
        self._cost: Decimal | None = ZERO
        self._open = self._free = False

    async def reserve(self) -> None:
        """Sets the worst case aside. Raises `OutOfBudget` when it does not fit."""
        if self._budget.limit is not None:
            self._reserved = await self._budget.reserve(self._service.worst(self._request))

    def sent(self) -> None:
        """From here on it may cost."""
        self._cost, self._open = None, True

    def free(self) -> None:
        """It cost nothing: the service refused it. Says nothing once an answer came, whatever is wrong with that."""
        if self._open:
            self._cost, self._open, self._free = ZERO, False, True

    def paid(self, usage: Usage, *, used: bool, path: str = "", request: Request | None = None) -> None:
        """Its answer is durable. path, request: of a part of it, where each part is an answer of its own."""
        service, cost = self._service, self._service.cost(usage)
        calls = calls_of(request or self._request)
        if self._open:
            self._open, self._cost = False, ZERO
        self._cost = None if cost is None or self._cost is None else self._cost + cost
        if cost is None:
            worst = service.bound(request or self._request)
            self._bill.unknown(service.model.ref, path or self.path, worst, usage, used=used, calls=calls)
        else:
            self._bill.paid(service.model.ref, path or self.path, usage, cost, used=used, calls=calls)

    def unread(self, data: Mapping[str, Any]) -> None:
        """What came is durable, and no answer. data: its entry, which may tell all the same what it took."""
        try:
            self.told = usage_of(self._service.provider, data)
        except Exception:
            self._open = False
        else:
            self.paid(self.told, used=False)
            return
        worst = self._service.bound(self._request)
        self._bill.unknown(self._service.model.ref, self.path, worst, calls=calls_of(self._request))

    def settle(self, event: Callable[..., None], record: str, *, hedge: bool = False) -> None:
        """The end of it. event: writes into the log of events. hedge: it was sent beside another."""
        self._budget.settle(self._reserved, self._cost)
        if not (self._open or self._free or hedge):
            return
        bill, model, path, calls = self._bill, self._service.model.ref, self.path, calls_of(self._request)
        several = {"calls": calls} if calls > 1 else {}
        if hedge:
            bill.hedged(model, path, calls)
            event(HEDGE, model=model, path=path, record=record, **several)
        if self._free:
            bill.free(model, path, calls)
            event(FREE, model=model, path=path, record=record, **several)
        if self._open:
            worst = self._service.bound(self._request)
            bill.unknown(model, path, worst, calls=calls)
            may_cost = None if worst is None else str(worst)
            event(LOST, model=model, path=path, record=record, may_cost=may_cost, **several)
