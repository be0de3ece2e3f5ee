"""What is going on in a run, for displays to read at any time."""

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from synthkit.engine.tally import Count, Tally, total
from synthkit.models.bill import Bill
from synthkit.models.spent import Spent

if TYPE_CHECKING:
    import asyncio

    from synthkit.core.context import Outcome, Reject
    from synthkit.models.hindrance import Hindrance

MOST_OPEN = 10_000
"""Counts of entries on their way that are added up for a look at a run; a display looks five times a second."""

MOST_KINDS = 1000
"""Kinds of failures that are counted, where each has a reason of its own."""


class Calls(Protocol):
    """Who knows of the calls to models."""

    @property
    def in_flight(self) -> int:
        """Those that are being answered right now."""
        ...

    @property
    def hindrances(self) -> "Sequence[Hindrance]":
        """What holds them back."""
        ...

    @property
    def stopping(self) -> "asyncio.Event":
        """Set when no further one is made."""
        ...


@dataclass
class Monitor:
    """Live numbers of a run. Written by its loop, read by a display in any thread.

    goal: how many records the body, the steps of every round, must make for the target; `body` are its labels.
    tally: what committed and finished entries did; open: the counts of those that are on their way through a stage;
    halted: those of entries that were stopped there. unfinished: what was spent on entries that the run ends without.
    bill: what the run has paid, all its calls counted. stages: the labels by stage; stage: the one that is running.
    coming: how many records the rounds so far bring into the first stage, None where nobody knows. failures: what
    failed since the run began or went on, by step and reason, and messages: the first one of each. away: how many
    records are on their way in other processes, None where all are here; elsewhere: how many are finished there, by
    step, that are in no tally yet. ray: the Ray it runs on: its address, nodes and cpus. note: what a display must
    tell; awaits: what the run waits for before it can do anything.
    """

    name: str = ""
    target: int | None = None
    round: int = 0
    labels: list[str] = field(default_factory=list)
    tally: Tally = field(default_factory=dict)
    open: dict[int, Tally] = field(default_factory=dict)
    halted: list[Tally] = field(default_factory=list)
    unfinished: Spent = field(default_factory=Spent)
    bill: Bill = field(default_factory=Bill)
    accepted: int = 0
    stopping: str = ""
    stopped_by: str = ""
    note: str = ""
    awaits: str = ""
    away: int | None = None
    elsewhere: dict[int, Mapping[str, int]] = field(default_factory=dict)
    models: "Calls | None" = None
    ended: int = 0
    failed: int = 0
    folder: Path | None = None
    ray: Mapping[str, Any] | None = None
    goal: int | None = None
    body: Sequence[str] = ()
    stages: Sequence[Sequence[str]] = ()
    stage: int = 0
    coming: int | None = None
    failures: Counter[tuple[str, str]] = field(default_factory=Counter)
    messages: dict[tuple[str, str], str] = field(default_factory=dict)
    _moving: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, tally: Mapping[str, Count]) -> None:
        """Counts what was done now."""
        for label, count in tally.items():
            self.tally.setdefault(label, Count()).add(count)

    def move(self, key: int, tally: Mapping[str, Count], left: Tally, finished: Mapping[str, int]) -> None:
        """Something of what another process has is committed. left: what is not, and finished: how many of those a step
        is done with. At no time is it counted twice, or not."""
        with self._moving:
            self.open[key], self.elsewhere[key] = left, finished
            self.add(tally)

    def finished(self, label: str) -> int:
        """How many records a step is done with."""
        with self._moving:
            here = self.tally[label].seen if label in self.tally else 0
            return here + sum(told.get(label, 0) for told in self.elsewhere.values())

    def leave(self, key: int, *, halted: bool = False) -> None:
        """An entry is on its way no more: it is finished, or was stopped. At no time is it counted twice, or not."""
        with self._moving:
            tally = self.open.pop(key)
            if halted:
                self.halted.append(tally)
            else:
                self.add(tally)

    def take_back(self, tally: Mapping[str, Count]) -> None:
        """Takes back what became of an entry that is tried again, and what it used: that is found in the journal."""
        for label, count in tally.items():
            kept = self.tally[label]
            kept.seen -= count.seen
            kept.made -= count.made
            kept.out -= count.out
            kept.dropped -= count.dropped
            kept.failed -= count.failed
            kept.spent.take_back(count.spent)

    def now(self) -> Tally:
        """The counts of this moment, in a copy: those of entries on their way too, unless that were too much work."""
        with self._moving:
            under_way = list(self.open.values())
            if len(under_way) * len(self.labels) > MOST_OPEN:
                under_way = []
            return total([dict(self.tally), *map(dict, under_way), *map(dict, self.halted)])

    def end(self, outcome: "Outcome", sign: int = 1) -> None:
        """Counts how an entry ended; with sign -1 takes it back, because it is tried again."""
        failed = 0
        for reject in outcome.rejects:
            if reject.kind == "failed":
                failed += 1
                self._note(reject, sign)
        dropped = sum(reject.kind == "dropped" for reject in outcome.rejects)
        self.failed += sign * failed
        self.ended += sign * (failed + dropped + len(outcome.records))

    def _note(self, reject: "Reject", sign: int) -> None:
        kind = reject.step, reject.reason
        if kind in self.messages or len(self.messages) < MOST_KINDS:
            self.messages.setdefault(kind, reject.message)
            self.failures[kind] += sign

    @property
    def under_way(self) -> int:
        """Records that have begun and are not finished."""
        return len(self.open) if self.away is None else self.away

    @property
    def in_flight(self) -> int:
        """Calls that are being answered right now."""
        return self.models.in_flight if self.models else 0
