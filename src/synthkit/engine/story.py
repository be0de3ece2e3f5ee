"""The story of a record: where it came from, what each step did with it, and how it ended, read from its run folder."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from synthkit.core.context import Reject
from synthkit.core.record import Record
from synthkit.engine.exchange import Answers, Exchange
from synthkit.engine.family import Family, Seen, children
from synthkit.engine.trail import Mark


@dataclass(frozen=True)
class Act:
    """What one step did with one record.

    end: what came of it: "on" (it went on), "made" (children), "dropped", "failed", or "grouped" (it became part of
    another record). columns: those that are new or other; wrote: their values, as far as they are known: not where a
    later step wrote others, nor, but in previews, inside of steps. before: what the step saw, known in previews.
    children: their ids. inner: what parts inside the step did, by their place in it. retries: what the log of events
    says of calls that were tried again. round: None at the end of the run.
    """

    step: str
    record: str
    round: int | None
    end: str = "on"
    reason: str = ""
    message: str = ""
    score: float | None = None
    before: Mapping[str, Any] | None = None
    columns: Sequence[str] = ()
    wrote: Mapping[str, Any] = field(default_factory=dict)
    lost: Sequence[str] = ()
    children: Sequence[str] = ()
    asked: Sequence[Exchange] = ()
    inner: Sequence[tuple[str, Sequence["Act"]]] = ()
    retries: Sequence[str] = ()

    def exchanges(self) -> Iterator[Exchange]:
        """All that was asked, inside too."""
        yield from self.asked
        for _, acts in self.inner:
            for act in acts:
                yield from act.exchanges()


@dataclass(frozen=True)
class Story:
    """One record. began: its columns at first, as far as they are known; now: its last ones. maker: the step that made
    it, empty for a generated record; parent: of which record. end: "accepted", "surplus", "made", "dropped", "failed",
    "grouped", or "under way"; number: its line in accepted.jsonl."""

    id: str
    source: str
    began: Mapping[str, Any]
    now: Mapping[str, Any]
    acts: Sequence[Act]
    maker: str = ""
    parent: str | None = None
    end: str = "under way"
    number: int | None = None

    def exchanges(self) -> Iterator[Exchange]:
        """All that was asked about it."""
        for act in self.acts:
            yield from act.exchanges()

    def form(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


Retries = Mapping[str, Sequence[tuple[str, str]]]
"""What the log of events says of calls that were tried again: by record, with the path."""
Rejects = Mapping[tuple[str, str], Reject]
"""The rejects of an entry, by record and step."""


class Teller:
    """Tells the stories of a family's records."""

    def __init__(self, family: Family, answers: Answers, retries: Retries, last: int) -> None:
        """last: the number of the last stage."""
        self.family, self._answers, self._retries, self._last = family, answers, retries, last

    def story(self, id: str) -> Story:
        """The story of one record of the family."""
        acts: list[Act] = []
        states: list[Record] = []
        end = "under way"
        for place, seen in enumerate(self.family.seen):
            found = self._acts(place, seen, id)
            acts += found
            entry = seen.entry
            states += [record for record in _ended(entry) if record.id == id]
            if any(record.id == id for record in entry.outs):
                end = "out" if seen.stage == self._last else "under way"
            elif found and found[-1].end != "on":
                end = found[-1].end
        parent, maker = self.family.parents.get(id, (None, ""))
        began = self._began(id, acts, states)
        now = states[-1].fields if states else began
        return Story(id, self.family.source, began, now, acts, maker, parent, end)

    def _acts(self, place: int, seen: Seen, id: str) -> list[Act]:
        entry, labels = seen.entry, self.family.shape.stages[seen.stage]
        rejects = {(r.record.id, r.step): r for r in entry.rejects}
        if entry.trail:
            return [
                self._act(seen, mark, rejects, entry.trail[number + 1 :])
                for number, mark in enumerate(entry.trail)
                if mark.record == id
            ]
        return [self._decided(place, seen, labels[0], rejects)] if labels and entry.id == id else []

    def _act(self, seen: Seen, mark: Mark, rejects: Rejects, later: Sequence[Mark] | None) -> Act:
        """What a mark tells. later: the marks behind it in its stage; None inside another step."""
        reject = rejects.get((mark.record, mark.step))
        tried = self._retries.get(mark.record, ()) if later is not None else ()
        return Act(
            mark.step, mark.record, seen.round, _end(mark, reject), *_told(reject), mark.before, mark.wrote,
            self._wrote(mark, seen, later), mark.lost, children(mark), self._answers.of(mark),
            [(at, [self._act(seen, inner, rejects, None) for inner in marks]) for at, marks in _together(mark.inner)],
            [said for path, said in tried if f"{path}/".startswith(f"{mark.step}/")],
        )  # fmt: skip

    def _wrote(self, mark: Mark, seen: Seen, later: Sequence[Mark] | None) -> dict[str, Any]:
        """The columns that a step wrote on the record itself, with their values."""
        if mark.made is not None:  # these are the children's
            return {}
        if mark.values or later is None:
            return dict(mark.values[0]) if mark.values else {}
        behind = [other for other in later if mark.record in self.family.lineage(other.record)]
        again = {name for other in behind for name in (*other.wrote, *other.lost)}
        ended = [record for record in _ended(seen.entry) if mark.record in self.family.lineage(record.id)]
        known = sorted(ended, key=lambda record: record.id != mark.record)[:1]
        return {name: record[name] for record in known for name in mark.wrote if name in record and name not in again}

    def _decided(self, place: int, seen: Seen, label: str, rejects: Rejects) -> Act:
        """What a dataset step decided; its columns are those that the stages before did not let out."""
        entry = seen.entry
        reject = next((r for (id, _), r in rejects.items() if id == entry.id), None)
        earlier = (r for s in reversed(self.family.seen[:place]) for r in s.entry.outs)
        before = next((record for record in earlier if record.id == entry.id), None)
        out = next((record for record in entry.outs if record.id == entry.id), None)
        end = reject.kind if reject else "on" if out else "grouped"
        wrote = {n: v for n, v in (out or {}).items() if before is not None and (n not in before or before[n] != v)}
        lost = [name for name in before or () if out is not None and name not in out]
        merged = [record.id for record in entry.outs if record.id != entry.id]
        return Act(label, entry.id, seen.round, end, *_told(reject), None, list(wrote), wrote, lost, merged)

    def _began(self, id: str, acts: Sequence[Act], states: Sequence[Record]) -> Mapping[str, Any]:
        if acts and acts[0].before is not None:
            return acts[0].before
        later = {name for act in acts for name in act.columns}
        known: Iterable[Record] = states[:1] or self._descended(id)
        return {name: value for record in known for name, value in record.items() if name not in later}

    def _descended(self, id: str) -> Iterator[Record]:
        """The first record that is known of those made of this one; it lends its columns."""
        for seen in self.family.seen:
            for record in _ended(seen.entry):
                line = self.family.lineage(record.id)
                if id in line:
                    since = line[line.index(id) :]
                    trails = (mark for s in self.family.seen for mark in s.entry.trail if mark.record in since)
                    written = {name for mark in trails for name in mark.wrote}
                    yield Record(record.id, record.source, {n: v for n, v in record.items() if n not in written})
                    return


def _ended(entry: Any) -> Iterator[Record]:
    """The records with which an entry left its stage, or ended there."""
    yield from entry.outs
    for reject in entry.rejects:
        if reject.kind != "attempt":
            yield reject.record


def _end(mark: Mark, reject: Reject | None) -> str:
    if reject is not None:
        return reject.kind if reject.kind != "attempt" else "failed" if reject.error else "dropped"
    return "on" if mark.made is None else "made"


def _told(reject: Reject | None) -> tuple[str, str, float | None]:
    return (reject.reason, reject.message, reject.score) if reject else ("", "", None)


def _together(inner: Sequence[tuple[str, Sequence[Mark]]]) -> Iterator[tuple[str, list[Mark]]]:
    """Parts at one place, one after the other: a loop's step and its gate."""
    at, marks = None, list[Mark]()
    for place, more in inner:
        if place != at and at is not None:
            yield at, marks
            marks = []
        at, marks = place, [*marks, *more]
    if at is not None:
        yield at, marks
