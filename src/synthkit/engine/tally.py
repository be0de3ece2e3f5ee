"""Counts of what happened at a step; with them every commit proves that nothing was lost."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from synthkit.errors import RunError
from synthkit.models.spent import Spent


@dataclass(slots=True)
class Count:
    """What one step did. seen + made = out + dropped + failed; `made` are records beyond one for one seen."""

    seen: int = 0
    made: int = 0
    out: int = 0
    dropped: int = 0
    failed: int = 0
    spent: Spent = field(default_factory=Spent)

    def add(self, other: "Count") -> None:
        self.seen += other.seen
        self.made += other.made
        self.out += other.out
        self.dropped += other.dropped
        self.failed += other.failed
        if other.spent:
            self.spent.add(other.spent)

    def form(self) -> dict[str, Any]:
        numbers = {name: getattr(self, name) for name in ("seen", "made", "out", "dropped", "failed")}
        return {**numbers, "spent": self.spent.form()} if self.spent else numbers

    @classmethod
    def of(cls, form: Mapping[str, Any]) -> "Count":
        numbers = {name: form[name] for name in ("seen", "made", "out", "dropped", "failed")}
        return cls(**numbers, spent=Spent.of(form["spent"]) if "spent" in form else Spent())


Tally = dict[str, Count]
"""Counts by the label of a step."""


def total(tallies: Iterable[Mapping[str, Count]]) -> Tally:
    """The sum of tallies."""
    summed: Tally = {}
    for tally in tallies:
        for label, count in tally.items():
            summed.setdefault(label, Count()).add(count)
    return summed


def without(tally: Mapping[str, Count], part: Mapping[str, Count]) -> Tally:
    """What is in a tally beyond a part of it."""
    left: Tally = {}
    for label, count in tally.items():
        other = part.get(label, Count())
        names = ("seen", "made", "out", "dropped", "failed")
        left[label] = Count(*(max(0, getattr(count, name) - getattr(other, name)) for name in names))
        if count.spent.asked > other.spent.asked:
            left[label].spent.add(count.spent)
            left[label].spent.take_back(other.spent)
    return left


def together(tally: Mapping[str, Count]) -> Spent:
    """What all steps asked and spent."""
    spent = Spent()
    for count in tally.values():
        spent.add(count.spent)
    return spent


def prove(tally: Mapping[str, Count], where: str) -> None:
    """Raises when records went missing between the entrance and the exits of a step."""
    for label, c in tally.items():
        if c.seen + c.made != c.out + c.dropped + c.failed:
            raise RunError(
                f"{where}, step {label!r}: {c.seen} in and {c.made} made do not add up to {c.out} out, "
                f"{c.dropped} dropped and {c.failed} failed; nothing of it was committed. Please report this."
            )
