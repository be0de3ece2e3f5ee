"""The result of a run, read from its folder."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from synthkit.core.record import Record
from synthkit.engine import ledger, views
from synthkit.engine.plan import Shape
from synthkit.engine.store import Store
from synthkit.engine.tally import Count, Tally, together, total
from synthkit.errors import SynthkitError
from synthkit.models.bill import Bill
from synthkit.models.project import find_project
from synthkit.models.spent import Spent


def unfinished(state: Mapping[str, Any], tally: Tally, now: Spent | None = None) -> Spent:
    """What was spent on records that are not finished: what a run knew of when it last ended, as far as it does not
    stand in the tally by now; or what it knows `now`, if that is more."""
    known, counted = Spent.of(state["unfinished"]) if state.get("unfinished") else Spent(), together(tally)
    for form in state.get("totals", {}).values():
        known.add(Count.of(form).spent)
    if known.asked <= counted.asked + (now.asked if now else 0):
        return now or Spent()
    known.take_back(counted)
    return known


class Result:
    """A run as it is on disk.

    status: complete, partial or failed (running while it runs, or after it was killed). reason: one sentence.

    `accepted` and `rejected` are read into memory; `scan` and `rejects` read line by line what does not fit.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._store = Store.open(folder, write=False)
        self.state: Mapping[str, Any] = self._store.state

    @property
    def status(self) -> str:
        return str(self.state["status"])

    @property
    def reason(self) -> str:
        return str(self.state.get("reason", ""))

    @property
    def shape(self) -> Shape:
        """The steps by stage."""
        return Shape(**self.state["shape"])

    @cached_property
    def tally(self) -> Tally:
        """What each step did, in order."""
        totals = self.state.get("totals")
        if totals is not None and self.status in ("complete", "partial"):  # written when nothing was under way any more
            return {label: Count.of(form) for label, form in totals.items()}
        return ledger.tally(self._store, self.shape)

    @property
    def cost(self) -> float | None:
        """Dollars of all answers used, journaled ones too; None where a price is not known."""
        return total([{"": count} for count in self.tally.values()])[""].spent.dollars if self.tally else 0.0

    @cached_property
    def bill(self) -> Bill:
        """What the run has paid, by model and step: every attempt, whether its answer was used or not. It adds up with
        the journal, from which it is made where the run is running, or was killed."""
        from synthkit.engine import api, money

        kept = self.state.get("bill")
        if kept is not None and self.status != "running":
            return Bill.of(kept)
        try:
            return money.read(self._store, self.shape.labels, find_project(api.home(self.folder)))
        except SynthkitError:  # what is said of a run does not end because its journal is gone
            return Bill.of(kept) if kept is not None else Bill()

    @property
    def unfinished(self) -> Spent:
        """What was spent on records that were on their way when the run was stopped, and are not finished since. The
        answers are in the journal: a resumed run takes them from there, and counts them with their records."""
        return unfinished(self.state, self.tally)

    @property
    def accepted(self) -> list[Record]:
        """All accepted records, in source order."""
        return list(self.scan())

    @property
    def rejected(self) -> list[dict[str, Any]]:
        """All lines of the ledger: kind, id, step, reason, message, …, fields."""
        return list(self.rejects())

    def scan(self) -> Iterator[Record]:
        """The accepted records one by one."""
        yield from ledger.accepted(self._store, self.shape)

    def rejects(self) -> Iterator[dict[str, Any]]:
        """The lines of the ledger one by one."""
        from synthkit.engine.parts import reject_form

        for reject in ledger.rejects(self._store, self.shape):
            yield reject_form(reject)

    def verify(self) -> None:
        """Raises `StoreError` where parts of the run are gone, so that what can be read of it is not all of it."""
        ledger.whole(self._store, self.shape)

    def export(self, *targets: str, split: float | None = None) -> list[dict[str, Any]]:
        """Writes the accepted records in one format or several: `result.export("train.jsonl:dpo", split=0.9)`.

        Returns for each file its path, format and part (train, validation), how many examples it has, and what was left
        out, by reason: records that the format refuses. Raises `UsageError` for what cannot be written, and `RunError`
        where that leaves nothing, or parts of the run are gone.
        """
        from synthkit.engine import export

        self.verify()
        return export.write_accepted(targets, self.scan, split=split, seed=self.state["settings"]["seed"])

    def summary(self) -> str:
        """What `synthkit run` says at its end: status, what each step did, cost, exports. `print(result)` shows it."""
        return views.current().summary(self)

    def __str__(self) -> str:
        return self.summary()

    def __repr__(self) -> str:
        return f"<Result {self.status}: {self.reason}; {self.folder}>"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """What a notebook shows of it: what `print` does."""
        printer.text(repr(self) if cycle else str(self))
