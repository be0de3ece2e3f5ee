"""The money of a run: its bill, made again from the journal and the log of events, and the budget that it keeps."""

import contextlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from synthkit.core.answer import Request
from synthkit.engine.store import Store
from synthkit.errors import SynthkitError
from synthkit.models.bill import Bill
from synthkit.models.budget import ZERO, Budget
from synthkit.models.journal import Entry, Journal
from synthkit.models.journal.store import Store as Entries
from synthkit.models.leases import Leases
from synthkit.models.project import Project
from synthkit.models.purchase import FREE, HEDGE, LOST, calls_of
from synthkit.models.service import Services
from synthkit.models.vectors import usage_of
from synthkit.plugins import registry

LEASES = "budget.jsonl"
KINDS = (LOST, FREE, HEDGE)
"""Events that tell of calls."""


@dataclass
class Money:
    """What one execution of a run has paid, and may pay. leases: where the run has, or ever had, a budget."""

    bill: Bill
    budget: Budget
    leases: Leases | None = None

    @classmethod
    def of(
        cls, store: Store, labels: Sequence[str], journal: Journal, services: Services, limit: Decimal | None
    ) -> "Money":
        """As the run begins or goes on. limit: its budget. Raises `StoreError` where the leases cannot be read or
        written."""
        bill = Bill(labels)
        if store.rounds:  # else nothing was ever asked
            charge(bill, run_entries(journal, store.state["run"]), services)
            charge_lost(bill, store.folder / "events.jsonl")
        path = store.folder / LEASES
        if limit is None and not path.exists():
            return cls(bill, Budget())
        leases = Leases.open(path, bill.most)
        bill.cut_off = max(leases.spent - bill.most, ZERO)
        leases.begin(bill.most, limit or ZERO)
        if limit is None:
            return cls(bill, Budget())
        return cls(bill, Budget(limit, leases.spent, leases, kept=bill.cut_off), leases)

    def end(self) -> None:
        """Takes down what was spent, exactly: no call is on its way any more. Raises `StoreError`."""
        if self.leases is not None:
            self.leases.end(self.budget.spent, self.bill.most)


def read(store: Store, labels: Sequence[str], project: Project) -> Bill:
    """The bill of a run by its project's journal and its folder, which it may be writing. Raises `RunError` where they
    cannot be read."""
    bill = Bill(labels)
    services = Services(project, registry().provider, at=datetime.fromisoformat(store.state["began"]).date())
    with contextlib.closing(Entries(project.journal, read_only=True)) as entries:
        charge(bill, run_entries(entries, store.state["run"]), services)
    charge_lost(bill, store.folder / "events.jsonl")
    if (store.folder / LEASES).exists():
        bill.cut_off = max(Leases.open(store.folder / LEASES, bill.most).spent - bill.most, ZERO)
    return bill


def run_entries(journal: Journal | Entries, run: str) -> Iterator[Entry]:
    """What a run has put into the journal."""
    for entry in journal.scan(holding=f'"run":"{run}"'.encode()):
        if entry.data.get("run") == run:
            yield entry


def charge(bill: Bill, entries: Iterable[Entry], services: Services) -> None:
    """Puts entries of the journal on a bill, as they were put there when they came."""
    for entry in entries:
        data, used = entry.data, entry.kind == "answer"
        model, path = str(data["model"]), str(data["path"])
        try:
            service = services[model]
        except SynthkitError:  # the project does not know the model any more
            bill.unknown(model, path, None, used=used, calls=calls_of(_request(data["request"])))
            continue
        try:
            usage = usage_of(service.provider, data)
        except Exception:  # no answer that tells what it took, or none that a plugin of today can read
            asked = _request(data["request"])
            bill.unknown(model, path, service.bound(asked), used=used, calls=calls_of(asked))
            continue
        cost = service.cost(usage)
        if cost is None:
            asked = _request(data["request"])
            bill.unknown(model, path, service.bound(asked), usage, used=used, calls=calls_of(asked))
        else:
            bill.paid(model, path, usage, cost, used=used, calls=1 if used else calls_of(_request(data["request"])))


def charge_lost(bill: Bill, events: Path) -> None:
    """Puts the calls on a bill of which the journal has nothing, and which calls were hedged, by the log of events."""
    kinds = [f'"kind":"{kind}"'.encode() for kind in KINDS]
    try:
        lines = events.open("rb")
    except OSError:  # nothing happened
        return
    with lines:
        for line in lines:
            form = _form(line) if any(kind in line for kind in kinds) else None
            if form is None:
                continue
            model, path, worst = str(form.get("model")), str(form.get("path")), form.get("may_cost")
            told = form.get("calls", 1)  # a line may tell of a batch, or of many calls in a storm
            calls = told if isinstance(told, int) else 1
            if form["kind"] == HEDGE:
                bill.hedged(model, path, calls)
            elif form["kind"] == FREE:
                bill.free(model, path, calls)
            else:
                bill.unknown(model, path, None if worst is None else Decimal(worst), calls=calls)


def _form(line: bytes) -> Mapping[str, Any] | None:
    try:
        form = json.loads(line)
    except ValueError:  # cut off by a kill
        return None
    return form if isinstance(form, Mapping) and form.get("kind") in KINDS else None


def _request(form: Mapping[str, Any]) -> Request:
    """A request as the journal keeps it."""
    given = form.get("input", ())
    return Request(
        form["provider"], form["model"], form.get("messages", ()), form.get("options", {}), form.get("schema"),
        form.get("endpoint", ""), form.get("tools", ()), form.get("tool_choice", "auto"),
        (given,) if isinstance(given, str) else tuple(given),
    )  # fmt: skip
