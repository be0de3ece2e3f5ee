"""What is going on in a run, for displays to read at any time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from synthkit.engine.tally import Count, Tally

if TYPE_CHECKING:
    from synthkit.core.context import Outcome
    from synthkit.models.calls import Models


@dataclass
class Monitor:
    """Live numbers of a run. Written by its loop, read by a display in any thread.

    goal: how many records the body, the steps of every round, must make for the target; `body` are its labels.
    """

    name: str = ""
    target: int | None = None
    round: int = 0
    labels: list[str] = field(default_factory=list)
    tally: Tally = field(default_factory=dict)
    accepted: int = 0
    generated: int = 0
    stopping: str = ""
    note: str = ""
    models: "Models | None" = None
    ended: int = 0
    failed: int = 0
    folder: Path | None = None
    goal: int | None = None
    body: Sequence[str] = ()

    def add(self, tally: Mapping[str, Count]) -> None:
        """Counts what was done now."""
        for label, count in tally.items():
            self.tally.setdefault(label, Count()).add(count)

    def end(self, outcome: "Outcome", sign: int = 1) -> None:
        """Counts how an entry ended; with sign -1 takes it back, because it is tried again."""
        failed = sum(reject.kind == "failed" for reject in outcome.rejects)
        dropped = sum(reject.kind == "dropped" for reject in outcome.rejects)
        self.failed += sign * failed
        self.ended += sign * (failed + dropped + len(outcome.records))

    @property
    def in_flight(self) -> int:
        """Calls that are being answered right now."""
        return self.models.in_flight if self.models else 0
