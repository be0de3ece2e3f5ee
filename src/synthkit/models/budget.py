"""The budget: dollars that a run may spend."""

import asyncio
from decimal import Decimal

from synthkit.errors import OutOfBudget


class Budget:
    """Admits a call while its worst case fits what is left. Without a limit it admits all.

    Calls on their way mostly cost less than was reserved for them: one that does not fit beside them waits for them.
    """

    def __init__(self, limit: Decimal | None = None, spent: Decimal = Decimal(0)) -> None:
        self.limit = limit
        self.spent = spent
        self.reserved = Decimal(0)
        self._settled = asyncio.Event()

    async def reserve(self, worst: Decimal | None) -> Decimal:
        """Reserves the worst case and returns it. Raises `OutOfBudget` when it does not fit."""
        if self.limit is None:
            return Decimal(0)
        if worst is None:
            raise OutOfBudget("a model without a known price cannot be used under a budget: add it to [prices]")
        while self.spent + self.reserved + worst > self.limit:
            if self.spent + worst > self.limit or not self.reserved:
                raise OutOfBudget(
                    f"the budget of ${self.limit} is used up: ${self.spent:.4f} are spent, and the next call may cost "
                    f"${worst:.4f}; resume with a larger one"
                )
            self._settled.clear()
            await self._settled.wait()
        self.reserved += worst
        return worst

    def settle(self, reserved: Decimal, cost: Decimal | None) -> None:
        """Replaces a reservation by what the call cost; one of unknown cost keeps the worst case as spent."""
        if self.limit is None:
            return
        self.reserved -= reserved
        self.spent += reserved if cost is None else cost
        self._settled.set()
