"""All that a run folder says of one generated record and of what became of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from synthkit.core.record import Record
from synthkit.core.values import digest
from synthkit.engine import parts
from synthkit.engine.parts import Entry
from synthkit.engine.plan import Shape
from synthkit.engine.store import Store
from synthkit.engine.trail import Mark


@dataclass(frozen=True)
class Seen:
    """An entry of a stage, and where it stands. round: None at the end of the run."""

    round: int | None
    stage: int
    entry: Entry


class Family:
    """A generated record and its descendants.

    seen: their entries, in the order in which they went through the stages. parents: for each descendant the record
    that it was made of, and the step that made it. inside: records that live inside a step only, and in which record's.
    """

    def __init__(self, store: Store, shape: Shape, source: str) -> None:
        self.shape, self.source = shape, source
        self.seen: list[Seen] = []
        self.parents: dict[str, tuple[str, str]] = {}
        self.inside: dict[str, str] = {}
        self._ids = {source: None}
        for round, stage, place in places(store, shape):
            for entry in parts.naming(place, *self._ids):
                ended = [*entry.outs, *(reject.record for reject in entry.rejects)]
                if entry.id in self._ids or any(record.source == source for record in ended):
                    self._learn(Seen(round, stage, entry))

    def __contains__(self, id: str) -> bool:
        return id in self._ids

    def _learn(self, seen: Seen) -> None:
        entry = seen.entry
        self.seen.append(seen)
        self._ids[entry.id] = None
        for mark in entry.trail:
            for child in children(mark):
                self.parents[child] = (mark.record, mark.step)
                self._ids[child] = None
            for inner in _inner(mark):
                for child in children(inner):
                    self.inside[child] = mark.record
                    self._ids[child] = None
        for out in entry.outs:
            if out.id != entry.id and out.id not in self.parents:  # a group became one record
                self.parents[out.id] = (self._first(seen, out), self.shape.stages[seen.stage][0])
            self._ids[out.id] = None

    def _first(self, last: Seen, merged: Record) -> str:
        """The member that a group's record is a child of, as far as that can be told."""
        waiting = [s.entry for s in self.seen if s.stage == last.stage and not s.entry.outs and not s.entry.rejects]
        return waiting[0].id if waiting and merged.source == self.source else last.entry.id

    def lineage(self, id: str) -> list[str]:
        """A record's ancestors, the generated one first, and itself."""
        line = [id]
        while line[-1] in self.parents and self.parents[line[-1]][0] not in line:
            line.append(self.parents[line[-1]][0])
        return line[::-1]


def places(store: Store, shape: Shape) -> Iterator[tuple[int | None, int, Path]]:
    """The folders of all stages, in the order in which records went through them, with round and stage."""
    for round in store.rounds:
        for stage in shape.body:
            yield round["index"], stage, store.stage(round["index"], stage)
    for stage in shape.tail:
        yield None, stage, store.stage(None, stage)


def children(mark: Mark) -> Sequence[str]:
    """The ids of the children that a step made."""
    return [digest(mark.record, mark.step, number) for number in range(mark.made or 0)]


def _inner(mark: Mark) -> Iterator[Mark]:
    for _, marks in mark.inner:
        for inner in marks:
            yield inner
            yield from _inner(inner)
