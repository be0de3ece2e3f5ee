"""Estimates side by side: the same pilot with one model after the other."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from synthkit.engine import api
from synthkit.engine.estimate import RECORDS, Estimate, estimate
from synthkit.engine.settings import Settings
from synthkit.errors import SynthkitError

if TYPE_CHECKING:
    from synthkit.engine.pipeline import Pipeline


@dataclass(frozen=True)
class Row:
    """One model. made: None where there was no pilot; problem: why, and why there is no total where that is so."""

    model: str
    made: Estimate | None
    problem: str = ""

    @property
    def price(self) -> float | None:
        """Dollars for an accepted record."""
        run = self.made.run if self.made else None
        return run.dollars_each.value if run and run.dollars_each else None

    def form(self) -> dict[str, Any]:
        """As JSON."""
        return {"model": self.model, "problem": self.problem, "estimate": self.made.form() if self.made else None}


@dataclass(frozen=True)
class Comparison:
    """Models by what an accepted record costs with them, those without a price behind, those without a total last.

    rivals: those that may be as cheap as the first, for all that the pilot tells. same: whether all had the same source
    records.
    """

    rows: Sequence[Row]
    rivals: Sequence[str] = ()
    same: bool = True
    stopped: bool = False

    @property
    def failed(self) -> bool:
        """Whether no model could be estimated."""
        return all(row.made is None or row.made.failed for row in self.rows)

    def form(self) -> dict[str, Any]:
        """As JSON."""
        return {"models": [row.form() for row in self.rows], "rivals": list(self.rivals), "same": self.same}


def compare(
    models: Sequence[str], pipeline: "Callable[[str], Pipeline]", records: int = RECORDS, **given: Any
) -> Comparison:
    """Estimates a pipeline with each model. pipeline: makes it with a model; given: what `estimate` takes. A budget is
    that of all pilots together."""
    left = Settings(**api.known({k: v for k, v in given.items() if k == "budget"})).dollars()
    rows: list[Row] = []
    for model in models:
        rows.append(_row(model, pipeline, records, given, left))
        made = rows[-1].made
        if made is not None and left is not None:
            left -= made.paid
        if made is not None and made.stopped:
            break
    stopped = any(row.made is not None and row.made.stopped for row in rows)
    rows += [Row(model, None, "stopped before its turn") for model in models[len(rows) :]]
    ids = {tuple(row.made.ids) for row in rows if row.made is not None and not row.made.failed}
    rows.sort(key=lambda row: (row.made is None or row.made.failed, row.price is None, row.price or 0))
    return Comparison(rows, _rivals(rows), len(ids) <= 1, stopped)


def _row(
    model: str, pipeline: "Callable[[str], Pipeline]", records: int, given: Mapping[str, Any], left: Decimal | None
) -> Row:
    """A model's own estimate, or why there is none. What is wrong with one takes no other with it."""
    if left is not None and left <= 0:
        return Row(model, None, "nothing is left of the budget: give more with --budget")
    budget = {} if left is None else {"budget": str(left)}
    try:
        made = estimate(pipeline(model), records, **{**given, **budget})
    except SynthkitError as error:
        return Row(model, None, str(error).partition("\n")[0])
    return Row(model, made, made.problem or made.why)


def _rivals(rows: Sequence[Row]) -> list[str]:
    """The models whose price for an accepted record may be that of the cheapest."""
    prices = [(row.model, row.made.run.dollars_each) for row in rows if row.made and row.made.run]
    known = [(model, price) for model, price in prices if price is not None]
    return [model for model, price in known[1:] if price.meets(known[0][1])]
