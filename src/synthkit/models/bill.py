"""The bill: what a run has paid, by model and step, every attempt counted, whether its answer was used or not."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from synthkit.core.answer import Usage

ZERO = Decimal(0)


@dataclass(slots=True)
class Paid:
    """Calls and what was paid for them. `calls` are all that went out: `answers` in use, `unused` ones that cost
    something or may have (cut bodies, lost races, timeouts, broken connections), and `free` ones that failed at no
    cost. `hedged` of them were a second one beside one that took too long; the other calls that led to no answer
    `failed`. Each text of a batch that was embedded counts as a call. `cost` (dollars) is that of all calls whose cost
    is known, `wasted` the part of it that the unused ones took. `unknown` counts those which may have cost: together
    `most` dollars at most, but for `unpriced` of them, whose price nobody knows. `usage` is what services told, of
    priced calls or not."""

    calls: int = 0
    unused: int = 0
    usage: Usage = field(default_factory=Usage)
    cost: Decimal = ZERO
    wasted: Decimal = ZERO
    unknown: int = 0
    most: Decimal = ZERO
    unpriced: int = 0
    free: int = 0
    hedged: int = 0

    @property
    def answers(self) -> int:
        """Those in the journal as answers."""
        return self.calls - self.unused - self.free

    @property
    def failed(self) -> int:
        """Calls that led to no answer, but for one for each that was hedged: calls = answers + failed + hedged."""
        return max(self.unused + self.free - self.hedged, 0)

    def add(self, other: "Paid") -> None:
        self.calls += other.calls
        self.unused += other.unused
        self.usage += other.usage
        self.cost += other.cost
        self.wasted += other.wasted
        self.unknown += other.unknown
        self.most += other.most
        self.unpriced += other.unpriced
        self.free += other.free
        self.hedged += other.hedged

    def form(self) -> dict[str, Any]:
        """As JSON; dollars as text, since they must add up."""
        u = self.usage
        return {
            "calls": self.calls,
            "unused": self.unused,
            "tokens": [u.input, u.output, u.cached, u.reasoning, u.written],
            "cost": str(self.cost),
            "wasted": str(self.wasted),
            "unknown": self.unknown,
            "most": str(self.most),
            "unpriced": self.unpriced,
            "free": self.free,
            "hedged": self.hedged,
        }

    @classmethod
    def of(cls, form: Mapping[str, Any]) -> "Paid":
        return cls(
            form["calls"],
            form["unused"],
            Usage(*form["tokens"]),
            Decimal(form["cost"]),
            Decimal(form["wasted"]),
            form["unknown"],
            Decimal(form["most"]),
            form["unpriced"],
            form.get("free", 0),
            form.get("hedged", 0),
        )


class Bill:
    """What one run has paid, by model (as the pipeline names it) and step.

    steps: the labels of the run's steps; what is asked inside of one is put down to it. `cut_off`: dollars that calls
    may have cost which a kill cut off; known under a budget only.
    """

    def __init__(self, steps: Sequence[str] = ()) -> None:
        self.lines: dict[tuple[str, str], Paid] = {}
        self.cut_off = ZERO
        self._steps = frozenset(steps)
        self._places: dict[str, str] = {}

    def __bool__(self) -> bool:
        return bool(self.lines or self.cut_off)

    def paid(self, model: str, path: str, usage: Usage, cost: Decimal, *, used: bool = True, calls: int = 1) -> None:
        """A durable answer of known cost. used: False for one that came second. calls: of a batch that was of no use,
        its texts."""
        line = self._line(model, path)
        line.calls += calls
        line.unused += 0 if used else calls
        line.usage += usage
        line.cost += cost
        if not used:
            line.wasted += cost

    def unknown(
        self,
        model: str,
        path: str,
        worst: Decimal | None,
        usage: Usage | None = None,
        *,
        used: bool = False,
        calls: int = 1,
    ) -> None:
        """A call whose cost is not known, or a batch of as many. worst: the most that it can have cost, all together;
        None without a price."""
        line = self._line(model, path)
        line.calls += calls
        line.unused += 0 if used else calls
        line.unknown += calls
        if usage is not None:
            line.usage += usage
        if worst is None:
            line.unpriced += calls
        else:
            line.most += worst

    def free(self, model: str, path: str, calls: int = 1) -> None:
        """A call that failed, and surely cost nothing, or a batch of as many."""
        line = self._line(model, path)
        line.calls += calls
        line.free += calls

    def hedged(self, model: str, path: str, calls: int = 1) -> None:
        """A call that is counted elsewhere was a second one, beside one that took too long."""
        self._line(model, path).hedged += calls

    def copy(self) -> "Bill":
        """What it says now. May be made from any thread."""
        made = Bill(tuple(self._steps))
        made.lines = {place: replace(paid) for place, paid in list(self.lines.items())}
        made.cut_off = self.cut_off
        return made

    def add(self, other: "Bill") -> None:
        """Adds the lines of another bill."""
        for place, paid in other.lines.items():
            self.lines.setdefault(place, Paid()).add(paid)

    @property
    def total(self) -> Paid:
        """All of it. May be read from any thread."""
        return _sum(list(self.lines.values()))

    @property
    def most(self) -> Decimal:
        """The most dollars that were spent, as far as calls are known and have a price."""
        total = self.total
        return total.cost + total.most

    def by_model(self) -> dict[str, Paid]:
        """The lines together by model, in order of their names."""
        return self._by(lambda model, step: model)

    def by_step(self) -> dict[str, Paid]:
        """The lines together by step, in order of their labels."""
        return self._by(lambda model, step: step)

    def form(self) -> dict[str, Any]:
        """As JSON."""
        lines = [{"model": model, "step": step, **paid.form()} for (model, step), paid in sorted(self.lines.items())]
        return {"lines": lines, "cut_off": str(self.cut_off)}

    @classmethod
    def of(cls, form: Mapping[str, Any]) -> "Bill":
        bill = cls()
        bill.lines = {(line["model"], line["step"]): Paid.of(line) for line in form["lines"]}
        bill.cut_off = Decimal(form["cut_off"])
        return bill

    def _by(self, name: Callable[[str, str], str]) -> dict[str, Paid]:
        found: dict[str, Paid] = {}
        for (model, step), paid in self.lines.items():
            found.setdefault(name(model, step), Paid()).add(paid)
        return dict(sorted(found.items()))

    def _line(self, model: str, path: str) -> Paid:
        step = self._places.get(path)
        if step is None:
            step = self._places[path] = self._step(path)
        line = self.lines.get((model, step))
        if line is None:
            line = self.lines[model, step] = Paid()
        return line

    def _step(self, path: str) -> str:
        """The label of the step at the beginning of a path; labels of expanded parts have slashes themselves."""
        step = path
        while step not in self._steps and "/" in step:
            step = step.rpartition("/")[0]
        return step if step in self._steps else path.partition("/")[0]


def _sum(lines: Iterable[Paid]) -> Paid:
    total = Paid()
    for line in lines:
        total.add(line)
    return total
