"""The requests of two runs, compared by step and record.

What has the same journal key is the same; of the rest, those of one step and record are compared field by field. A
request that is only new because the step has another name, or the record another id, is told apart from one that nobody
asked before.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any

from synthkit.core.answer import Usage
from synthkit.core.values import digest
from synthkit.engine.asked import Asked, Asking, Place, step_of
from synthkit.engine.differences import Difference, differences
from synthkit.engine.rehearsal import Rehearsed
from synthkit.engine.usual import Answers, Usual, Usuals, size_of
from synthkit.models.journal.replies import request_of

SAMPLES = 2
"""Differences of a field that are kept to be shown."""


@dataclass(slots=True)
class Change:
    """What became of the requests of one step.

    same, changed, new, gone: requests. waiting: those of the old run that hang on answers which are not there. calls:
    how many of the changed and new ones have no answer in the journal; cost: what they would cost, roughly, in dollars,
    None where that is not known; waiting_cost: the same of those that wait, if all are asked anew. fields: how often
    each field is another one. samples: the record and the difference, for some.
    """

    step: str
    same: int = 0
    changed: int = 0
    new: int = 0
    gone: int = 0
    waiting: int = 0
    calls: int = 0
    cost: Decimal | None = Decimal(0)
    waiting_cost: Decimal | None = Decimal(0)
    fields: Counter[str] = field(default_factory=Counter)
    samples: list[tuple[str, Difference]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.same or self.changed or self.new or self.gone or self.waiting)

    def note(self, record: str, found: Sequence[Difference]) -> None:
        """Counts a changed request."""
        self.changed += 1
        for one in found:
            self.fields[one.field] += 1
            if self.fields[one.field] <= SAMPLES:
                self.samples.append((record, one))


@dataclass
class Explained:
    """changes: by step, in the order of the newer run. records: how many generated records both have, how many are new
    and how many gone; lost: old requests whose answers are not in the journal any more."""

    changes: list[Change] = field(default_factory=list)
    records: tuple[int, int, int] = (0, 0, 0)
    lost: int = 0

    @property
    def calls(self) -> int:
        return sum(change.calls for change in self.changes)

    def form(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "steps": [_form(change) for change in self.changes],
            "records": dict(zip(("same", "new", "gone"), self.records, strict=True)),
            "calls": self.calls,
            "lost": self.lost,
        }


def _form(change: Change) -> dict[str, Any]:
    samples = [{"record": record, **asdict(difference)} for record, difference in change.samples]
    costs = {name: getattr(change, name) for name in ("cost", "waiting_cost")}
    numbers = {name: getattr(change, name) for name in ("same", "changed", "new", "gone", "waiting", "calls")}
    dollars = {name: None if cost is None else float(cost) for name, cost in costs.items()}
    return {"step": change.step, **numbers, **dollars, "fields": dict(change.fields), "samples": samples}


class Comparison:
    """The requests of an old run and of a new one. rehearsed: the new one has only been rehearsed."""

    def __init__(
        self, old: Asked, new: Asked, before: Answers, now: Answers, rehearsed: Rehearsed | None = None
    ) -> None:
        self.old, self.new, self.before, self.now, self.rehearsed = old, new, before, now, rehearsed
        self.found = Explained()
        self._changes: dict[str, Change] = {}
        self._calls: dict[str, dict[bytes, Asking]] = {}
        self._left_old: dict[Place, list[Asking]] = {}
        self._left_new: dict[Place, list[Asking]] = {}
        self._twins: set[str] = set()  # generated records of the old run that others stand for now, and wait

    def run(self, steps: Sequence[str]) -> Explained:
        """steps: in the order in which they are told."""
        for place, askings in self.new.places.items():
            self._pair(place, askings, self.old.places.get(place, []))
        for place, askings in self.old.places.items():
            if place not in self.new.places:
                self._left_old[place] = list(askings)
        self._moved()
        for place, askings in self._left_new.items():
            self._change(place).new += len(askings)
            for asking in askings:
                self._called(place, asking)
        self._rest()
        self._costs()
        same = len(self.old.generated & self.new.generated)
        self.found.records = (same, len(self.new.generated) - same, len(self.old.generated) - same)
        order = {step: number for number, step in enumerate(steps)}
        changes = [change for change in self._changes.values() if change]
        self.found.changes = sorted(changes, key=lambda change: _rank(change.step, order))
        return self.found

    def _change(self, place: Place) -> Change:
        step = step_of(place[0])
        if step not in self._changes:
            self._changes[step] = Change(step)
        return self._changes[step]

    def _pair(self, place: Place, new: Sequence[Asking], old: Sequence[Asking]) -> None:
        """Requests of one step and record: those with one key are the same; the rest go together in their order, those
        of one inner path first."""
        change = self._change(place)
        left = list(old)
        rest: list[Asking] = []
        for asking in new:
            match = next((one for one in left if one.key == asking.key), None)
            if match is None:
                rest.append(asking)
                continue
            left.remove(match)
            change.same += 1
            self._called(place, asking)  # its answer may have been deleted
        for asking in rest:
            if not left:
                self._left_new.setdefault(place, []).append(asking)
                continue
            match = next((one for one in left if self._path(one, self.before) == self._path(asking, self.now)), left[0])
            left.remove(match)
            self._differ(place, match, asking)
        if left:
            self._left_old[place] = left

    def _differ(self, place: Place, old: Asking, new: Asking) -> None:
        was, now = self._request(old, self.before), self._request(new, self.now)
        if was is None or now is None:
            self.found.lost += 1
            found = [Difference("(its old request is not in the journal)", None, None)]
        else:
            found = differences(was, now) or [Difference("seed", None, None)]
        self._change(place).note(place[1], found)
        self._called(place, new)

    def _moved(self) -> None:
        """Finds requests that were asked before by another step for the same record, or for another record by the same
        step."""
        if not self._left_new or not self._left_old:
            return
        by_record: dict[str, list[tuple[Place, Asking]]] = {}
        by_step: dict[str, list[tuple[Place, Asking]]] = {}
        for place, askings in self._left_old.items():
            for asking in askings:
                text = self._digest(asking, self.before)
                by_record.setdefault(f"{place[1]} {text}", []).append((place, asking))
                by_step.setdefault(f"{step_of(place[0])} {text}", []).append((place, asking))
        for place, askings in [*self._left_new.items()]:
            rest = []
            for asking in askings:
                text = self._digest(asking, self.now)
                if self._take(by_record.get(f"{place[1]} {text}", []), place, asking, "step"):
                    continue
                if not self._take(by_step.get(f"{step_of(place[0])} {text}", []), place, asking, "record"):
                    rest.append(asking)
            self._left_new[place] = rest

    def _take(self, found: list[tuple[Place, Asking]], place: Place, asking: Asking, name: str) -> bool:
        while found:
            where, old = found.pop()
            if old not in self._left_old.get(where, []):
                continue  # it was taken by the other way
            self._left_old[where].remove(old)
            was, now = (where[0], place[0]) if name == "step" else (where[1], place[1])
            if name == "record" and asking.form is not None:
                self._twins.add(self.old.sources[where])
            self._change(place).note(place[1], [Difference(f"its {name}", was, now)])
            self._called(place, asking)
            return True
        return False

    def _rest(self) -> None:
        """What the new run did not ask: it is gone, or it waits for an answer."""
        ahead = self.rehearsed
        for place, askings in self._left_old.items():
            source = self.old.sources[place]
            change = self._change(place)
            if ahead is not None and (
                source in ahead.missing or source in self._twins or (ahead.more and source not in self.new.generated)
            ):
                change.waiting += len(askings)
            else:
                change.gone += len(askings)

    def _called(self, place: Place, asking: Asking) -> None:
        """Notes a request that would be a call, once for each key: a shared answer is asked for once."""
        if asking.form is not None:
            self._calls.setdefault(step_of(place[0]), {})[asking.key] = asking

    def _costs(self) -> None:
        usual = Usuals(self.old, self.before)
        for step, askings in self._calls.items():
            change = self._changes[step]
            change.calls = len(askings)
            change.cost = _sum(self._estimate(usual(step), asking) for asking in askings.values())
        for change in self._changes.values():
            if change.waiting:
                each = usual(change.step).cost
                change.waiting_cost = None if each is None else each * change.waiting

    def _estimate(self, usual: Usual, asking: Asking) -> Decimal | None:
        form = asking.form or {}
        output = usual.output or int(form.get("options", {}).get("max_tokens", 0)) / 2
        written = 0 if "input" in form else max(1, round(output))  # vectors are no words
        return self.now.price(asking.ref, Usage(max(1, round(size_of(form) * usual.rate)), written))

    def _path(self, asking: Asking, answers: Answers) -> str:
        if asking.path:
            return asking.path
        entry = answers.entry(asking.key)
        return "" if entry is None else str(entry.data.get("path", ""))

    def _request(self, asking: Asking, answers: Answers) -> Mapping[str, Any] | None:
        if asking.form is not None:
            return asking.form
        entry = answers.entry(asking.key)
        return None if entry is None else request_of(entry)

    def _digest(self, asking: Asking, answers: Answers) -> str:
        return digest(self._request(asking, answers))


def _sum(costs: Iterator[Decimal | None]) -> Decimal | None:
    total = Decimal(0)
    for cost in costs:
        if cost is None:
            return None
        total += cost
    return total


def _rank(step: str, order: Mapping[str, int]) -> int:
    """The place of the outermost step; inner ones stay in the order in which they were found."""
    return min((number for name, number in order.items() if _within(step, name)), default=len(order))


def _within(step: str, name: str) -> bool:
    return step == step_of(name) or step.startswith(f"{step_of(name)}/")
