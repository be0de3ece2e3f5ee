"""The budget: dollars that a run may spend, leased in slices before they are spent."""

import asyncio
from collections import deque
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from synthkit.errors import OutOfBudget, SynthkitError

ZERO = Decimal(0)
SPARE = Decimal("0.04")
"""The part of a budget that may be leased and not reserved before it is given back: a kill would lose it."""


class Lender(Protocol):
    """Where a budget's dollars come from: a file that is written ahead; for one lane of several, what they share."""

    async def lease(self, least: Decimal) -> Decimal:
        """Dollars that may be spent from now on, and count as spent for whoever goes on after a kill. `least` or more
        where there is so much; else all that is left, and at last 0."""
        ...

    async def give_back(self, dollars: Decimal) -> None:
        """Takes back what was leased and is not needed now. Neither is called before the other has returned."""
        ...


@dataclass(slots=True, eq=False)
class Waiting:
    """A call that is not admitted yet."""

    worst: Decimal
    admitted: asyncio.Future[None]


class Budget:
    """Admits a call while its worst case fits what is left. Without a limit it admits all.

    limit: dollars; spent: of these, before. lender: where they are leased from; None: all are at hand, and nothing
    outlives the process.

    At every moment `spent + reserved <= leased`, and a lease is durable before the call that needs it goes out. Calls
    on their way mostly cost less than was reserved for them: one that does not fit beside them waits for them. Those
    that wait are admitted in their order, and share one lease.
    """

    def __init__(
        self,
        limit: Decimal | None = None,
        spent: Decimal = ZERO,
        lender: Lender | None = None,
        kept: Decimal = ZERO,
        *,
        alone: bool = True,
    ) -> None:
        """kept: what of `spent` may have been spent by calls that a kill cut off; said when the budget is used up.
        alone: whether nobody else spends of the limit."""
        self._alone = alone
        self.limit = limit
        self.spent = spent
        self.reserved = ZERO
        self.leased = spent if lender is not None else (limit or ZERO)
        self._kept = kept
        self._lender = lender
        self._exhausted = lender is None
        self._spare = (limit or ZERO) * SPARE
        self._waiting: deque[Waiting] = deque()
        self._extending: asyncio.Task[None] | None = None

    async def reserve(self, worst: Decimal | None) -> Decimal:
        """Reserves the worst case and returns it. Raises `OutOfBudget` when it does not fit."""
        if self.limit is None:
            return ZERO
        if worst is None:
            raise OutOfBudget("a model without a known price cannot be used under a budget: add it to [prices]")
        if not self._waiting and self._fits(worst):
            self.reserved += worst
            return worst
        waiting = Waiting(worst, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._serve()
        try:
            await waiting.admitted
        except asyncio.CancelledError:
            if waiting in self._waiting:
                self._waiting.remove(waiting)
                self._serve()  # those behind it may fit
            elif not waiting.admitted.cancelled() and waiting.admitted.exception() is None:
                self.settle(worst, ZERO)  # admitted and cancelled at once: it never goes out
            raise
        return worst

    def settle(self, reserved: Decimal, cost: Decimal | None) -> None:
        """Replaces a reservation by what the call cost; one of unknown cost keeps the worst case as spent."""
        if self.limit is None:
            return
        self.reserved -= reserved
        self.spent += reserved if cost is None else cost
        if self._waiting:
            self._serve()
        elif self._lender is not None and self._extending is None:
            spare = self.leased - self.spent - self.reserved
            if spare > max(self._spare, self.reserved):
                self.leased -= spare - self._spare / 2
                self._extending = asyncio.create_task(self._return(self._lender, spare - self._spare / 2))

    async def close(self) -> None:
        """Waits for a lease that is being written."""
        while self._extending is not None:
            await asyncio.wait([self._extending])

    def _fits(self, worst: Decimal) -> bool:
        return self.spent + self.reserved + worst <= self.leased

    def _serve(self) -> None:
        """Admits those that wait, as far as the lease goes; else has it extended."""
        while self._waiting:
            first = self._waiting[0]
            if not first.admitted.done():  # else it is cancelled
                if self._fits(first.worst):
                    self.reserved += first.worst
                    first.admitted.set_result(None)
                elif self._extending is not None:
                    return
                elif self._lender is not None and not self._exhausted:
                    self._extending = asyncio.create_task(self._extend(self._lender))
                    return
                elif self.spent + first.worst > self.leased:
                    first.admitted.set_exception(OutOfBudget(self._used_up(first.worst)))
                else:
                    return  # it will fit when others have cost less than was reserved for them
            self._waiting.popleft()

    async def _extend(self, lender: Lender) -> None:
        try:
            wanted = sum((waiting.worst for waiting in self._waiting), self.spent + self.reserved) - self.leased
            more = await lender.lease(wanted)
            self.leased += more
            self._exhausted = more < wanted
        except Exception as error:
            while self._waiting:
                waiting = self._waiting.popleft()
                if not waiting.admitted.done():
                    waiting.admitted.set_exception(error)
        finally:
            self._extending = None
        self._serve()

    async def _return(self, lender: Lender, dollars: Decimal) -> None:
        try:
            await lender.give_back(dollars)
        except SynthkitError:  # then a kill loses more, and nothing else
            pass
        finally:
            self._exhausted, self._extending = False, None
        self._serve()

    def _used_up(self, worst: Decimal) -> str:
        more = f"the next call may cost ${worst:.4f}; resume with a larger --budget"
        limit = _exact(self.limit or Decimal(0))
        if not self._alone and worst <= (self.limit or ZERO):
            return f"the budget of {limit} is used up, with what calls on their way may cost: {more}"
        if not self.spent:
            return f"the budget of {limit} is too small: {more}"
        cut = f" (up to ${self._kept:.4f} of it by calls that a kill cut off)" if self._kept else ""
        return f"the budget of {limit} is used up: ${self.spent:.4f} are spent{cut}, and {more}"


def _exact(dollars: Decimal) -> str:
    """Dollars as other sums are shown, with two digits, below one dollar with four, and with all that were given."""
    digits = -int(dollars.normalize().as_tuple().exponent)
    return f"${dollars:.{max(digits, 2 if dollars >= 1 else 4)}f}"
