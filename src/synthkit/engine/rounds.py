"""Rounds: how many records the next one makes, and what its generator may know."""

import math
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Any

from synthkit.core.interfaces import Round
from synthkit.core.record import Record
from synthkit.core.values import digest
from synthkit.engine import parts
from synthkit.engine.plan import Plan
from synthkit.engine.store import Store
from synthkit.errors import RecordError, SynthkitError, UsageError

PILOT, SMALLEST, SHARE = 64, 4, 8
"""The first round of a chain that may fan out: its yield can be more than 1, so more would be paid for in vain. It is
an eighth of the goal, from 4 to 64."""
GROWTH = 4
"""A round makes at most so many times what all before it made."""
MARGIN = 1.1
BARREN = 3
"""Rounds in a row that led to nothing before a run gives up."""
ALL = 2**53
"""Wanted where there is no target: whatever the generator has."""


def outs(store: Store, stage: int, before: int | None = None) -> Iterator[Record]:
    """The records that left a stage, in order of emission: of the rounds before one, or of all of the body."""
    for round in store.rounds:
        if before is None or round["index"] < before:
            for entry in parts.entries(store.stage(round["index"], stage)):
                yield from entry.outs


class Committed(Round):
    """A round as its generator sees it: read from what earlier rounds committed."""

    def __init__(self, store: Store, plan: Plan, form: Mapping[str, Any], seed: int) -> None:
        self.index, self.want, self.start = form["index"], form["want"], form["start"]
        self.goal = plan.goal
        self._store, self._plan, self._seed = store, plan, seed

    def accepted(self, columns: Sequence[str]) -> Iterator[Mapping[str, Any]]:
        return self._read(self._plan.body[-1].index, columns)

    def tap(self, label: str, columns: Sequence[str]) -> Iterator[Mapping[str, Any]]:
        technique, _, _ = self._plan.generator.label.rpartition("/")
        full = f"{technique}/{label}" if technique else label
        for stage in self._plan.body:
            if stage.parts and stage.parts[-1].label == full:
                return self._read(stage.index, columns)
        raise UsageError(f"{self._plan.generator.label} taps {label!r} without naming it in taps()")

    def _read(self, stage: int, columns: Sequence[str]) -> Iterator[Mapping[str, Any]]:
        return ({c: r[c] for c in columns if c in r} for r in outs(self._store, stage, before=self.index))

    def rng(self, *key: str | int) -> Random:
        return Random(digest(self._seed, self._plan.generator.label, "round", *key))


def next_want(plan: Plan, rounds: Sequence[Mapping[str, Any]]) -> int:
    """How many records the next round makes, planned from committed rounds only."""
    goal = plan.goal
    if goal is None:
        return PILOT if plan.generator.component.endless else ALL
    fresh = [r for r in rounds if not r.get("retry")]
    if not fresh:
        return min(goal, PILOT, max(SMALLEST, goal // SHARE)) if plan.fans_out else goal
    made: int = sum(r["made"] for r in fresh)
    accepted: int = sum(r["accepted"] for r in rounds)
    each = max(accepted, 0.5) / max(made, 1)
    return max(1, min(math.ceil((goal - accepted) / each * MARGIN), GROWTH * max(made, 1)))


def barren(rounds: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the last rounds led to nothing, so that more of them will not either."""
    last = rounds[-BARREN:]
    return len(last) == BARREN and not any(r["accepted"] for r in last) and sum(r["made"] for r in last) >= PILOT


class Identity:
    """Gives generated records their ids: the hash of label, content, and how many equal ones came before."""

    def __init__(self, label: str, seen: Iterator[str]) -> None:
        self.label = label
        self._seen = {bytes.fromhex(id) for id in seen}
        self._equal: dict[bytes, int] = {}

    def record(self, fields: Mapping[str, Any]) -> Record:
        record = Record.generated(self.label, fields, 0)
        id = first = bytes.fromhex(record.id)
        if first in self._seen:
            number = self._equal.get(first, 0)
            while id in self._seen:
                number += 1
                record = Record.generated(self.label, record.fields, number)
                id = bytes.fromhex(record.id)
            self._equal[first] = number
        self._seen.add(id)
        return record


def generated(plan: Plan, round: Round, identity: Identity) -> Iterator[Record]:
    """The records of a round, with their ids; checks what the generator promised."""
    bound = plan.generator
    needed, known = frozenset(bound.io.writes), frozenset((*bound.io.writes, *bound.io.maybe))
    try:
        made = bound.component.generate(round)
        for number, fields in enumerate(made):
            if number >= round.want:
                break
            if not isinstance(fields, Mapping):
                what = "None" if fields is None else type(fields).__name__
                raise UsageError(f"{bound.label}: record {round.start + number} is {what}, not a mapping of columns")
            if not needed <= fields.keys() <= known:
                missing = [name for name in bound.io.writes if name not in fields]
                extra = [name for name in fields if name not in known]
                what = f"lacks the column {missing[0]!r}" if missing else f"has the undeclared column {extra[0]!r}"
                raise UsageError(f"{bound.label}: record {round.start + number} {what}, against what it declares")
            try:
                record = identity.record(fields)
            except RecordError as error:
                raise UsageError(f"{bound.label}: record {round.start + number}: {error}") from error
            yield record
    except SynthkitError:
        raise
    except (Exception, SystemExit) as error:
        raise UsageError(f"the generator {bound.label} failed: {type(error).__name__}: {error}") from error
