"""What answers cost: the unit of the ledger."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from synthkit.core.answer import NO_USAGE, Usage

NO_COST = Decimal(0)


@dataclass(slots=True)
class Spent:
    """Answers used and what they cost. `asked` counts answers, `journaled` those of them for which the run made no call
    of its own, before a kill or after. `unpriced` counts answers whose price is not known; `cost` (dollars) is that of
    the others."""

    asked: int = 0
    journaled: int = 0
    usage: Usage = NO_USAGE
    cost: Decimal = NO_COST
    unpriced: int = 0

    def __bool__(self) -> bool:
        return bool(self.asked)

    def add(self, other: "Spent") -> None:
        self.asked += other.asked
        self.journaled += other.journaled
        self.usage = other.usage if self.usage is NO_USAGE else self.usage + other.usage
        self.cost += other.cost
        self.unpriced += other.unpriced

    def answer(self, usage: Usage, cost: Decimal | None, *, journaled: bool) -> None:
        """An answer is used. cost: None where it is not known."""
        self.asked += 1
        self.journaled += journaled
        self.usage = usage if self.usage is NO_USAGE else self.usage + usage
        self.cost += cost or 0
        self.unpriced += cost is None

    def take_back(self, other: "Spent") -> None:
        """Takes answers back that are used again, and then counted again."""
        self.asked -= other.asked
        self.journaled -= other.journaled
        self.usage -= other.usage
        self.cost -= other.cost
        self.unpriced -= other.unpriced

    @property
    def dollars(self) -> float | None:
        """The cost, or None where some of it is not known."""
        return None if self.unpriced else float(self.cost)

    def form(self) -> dict[str, Any]:
        """As JSON; the cost as text, since it must add up."""
        u = self.usage
        return {
            "asked": self.asked,
            "journaled": self.journaled,
            "tokens": [u.input, u.output, u.cached, u.reasoning, u.written],
            "cost": str(self.cost),
            "unpriced": self.unpriced,
        }

    @classmethod
    def of(cls, form: Mapping[str, Any]) -> "Spent":
        return cls(
            form["asked"],
            form["journaled"],
            Usage(*form["tokens"]),
            Decimal(form["cost"]),
            form["unpriced"],
        )
