"""Running a dataset step: sketches of all its records, one decision, then the records again, shard by shard."""

import contextlib
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from synthkit.core.columns import fits
from synthkit.core.context import Reject
from synthkit.core.interfaces import DatasetStep, View
from synthkit.core.record import Record
from synthkit.core.values import canonical, digest
from synthkit.engine import order, parts
from synthkit.engine.advance import dropped, ordered
from synthkit.engine.context import Lane
from synthkit.engine.plan import Bound
from synthkit.engine.tally import Count
from synthkit.errors import ColumnError, RunError, SynthkitError

if TYPE_CHECKING:
    import polars as pl

OWN = ("_id", "keep", "reason", "detail", "score", "group", "order")
"""The columns of a decision that are not columns of the records."""
Reader = Callable[[], Iterator[Record]]


class Sketches(View):
    """A view over records on disk; only sketches are in memory."""

    def __init__(self, new: "pl.DataFrame", kept: "pl.DataFrame", read: Reader, seed: int, label: str) -> None:
        self.new, self.kept, self._read, self._seed, self._label = new, kept, read, seed, label

    def rows(self, ids: Sequence[str], columns: Sequence[str]) -> Iterator[Record]:
        left, found = Counter(ids), dict[str, Record]()
        records = (r for r in self._read() if left[r.id])
        for id in ids:  # those that come before their turn wait; in source order, none does
            while id not in found:
                r = next(records, None)
                if r is None:
                    raise KeyError(id)
                found[r.id] = Record(r.id, r.source, {c: r[c] for c in columns if c in r})
            left[id] -= 1
            yield found[id] if left[id] else found.pop(id)

    def rng(self, *key: str | int) -> Random:
        return Random(digest(self._seed, self._label, *key))


def frame(records: Sequence[Record], reads: Mapping[str, type]) -> "pl.DataFrame":
    """A frame of `_id` and the columns read, under declared types; what has none is JSON text."""
    import polars as pl

    types: dict[type, Any] = {str: pl.String, int: pl.Int64, float: pl.Float64, bool: pl.Boolean}
    data: dict[str, Any] = {"_id": [r.id for r in records]}
    schema: dict[str, Any] = {"_id": pl.String}
    for name, kind in reads.items():
        schema[name] = types.get(kind, pl.String)
        values = [r.get(name) for r in records]
        data[name] = values if kind in types else [None if v is None else canonical(v) for v in values]
    return pl.DataFrame(data, schema=schema)


def misfit(record: Record, bound: Bound) -> str | None:
    """What is wrong with a record's columns for this step."""
    for name, kind in bound.io.reads.items():
        if name not in record:
            return f"{bound.label} reads {name!r}, which this record does not have"
        value = record[name]
        if not fits(value, kind):
            return f"column {name!r} is {type(value).__name__}, and {bound.label} needs {kind.__name__}"
        if not _encodes(value, kind):
            return f"column {name!r} holds half a character (a lone surrogate), which {bound.label} cannot take"
        if kind is int and not -(2**63) <= value < 2**63:
            return f"column {name!r} is a number of more than 64 bits"
        if kind is float and abs(value) > sys.float_info.max:
            return f"column {name!r} is a number beyond what a float can be"
    for name in bound.io.optional:
        if not _encodes(record.get(name), object):
            return f"column {name!r} holds half a character (a lone surrogate), which {bound.label} cannot take"
    return None


def _encodes(value: Any, kind: type) -> bool:
    """Whether a column's value can stand in a frame: text there is UTF-8."""
    if kind in (int, float, bool):
        return True
    try:
        (value if kind is str else canonical(value)).encode()
    except UnicodeEncodeError:
        return False
    return True


def sketched(bound: Bound, records: Sequence[Record]) -> "pl.DataFrame":
    """The sketches of a shard's records, without those whose columns do not fit."""
    step: DatasetStep = bound.component
    fitting = [record for record in records if misfit(record, bound) is None]
    made = step.sketch(frame(fitting, {**bound.io.reads, **dict.fromkeys(bound.io.optional, object)}))
    if "_id" not in made.columns or made.height != len(fitting):
        raise RunError(f"{bound.label}.sketch must return a row with `_id` for each of {len(fitting)} records")
    return made


def sketches(bound: Bound, records: Iterable[Record], size: int) -> "Sequence[pl.DataFrame]":
    """The sketches of records, shard by shard: one in memory at a time."""
    rest, found = iter(records), []
    while chunk := list(islice(rest, size)):
        found.append(sketched(bound, chunk))
    return found


def joined(bound: Bound, made: "Sequence[pl.DataFrame]") -> "pl.DataFrame":
    """All sketches in one frame."""
    import polars as pl

    return pl.concat(made) if made else sketched(bound, [])


@dataclass(frozen=True)
class Resolved:
    """What a dataset step has decided. rows: by the record's id; shards: of which sketches they were, shard by shard.
    kept: the sketches of all records that stay, those of earlier rounds included."""

    bound: Bound
    rows: Mapping[str, Mapping[str, Any]]
    shards: "Sequence[pl.DataFrame]"
    kept: "pl.DataFrame"

    @property
    def by_shard(self) -> bool:
        """Whether each shard can be written by itself: nothing changes its place, and nothing is merged."""
        return all(row.get("order") is None and row.get("group") is None for row in self.rows.values())

    def of(self, shard: int) -> dict[str, Mapping[str, Any]]:
        """What was decided on the records of one shard."""
        return {id: self.rows[id] for id in self.shards[shard]["_id"]}


def resolve(
    bound: Bound,
    read: Reader,
    shards: "Sequence[pl.DataFrame]",
    kept: "pl.DataFrame | None",
    *,
    seed: int,
    goal: int | None = None,
) -> Resolved:
    """Has a dataset step decide on the records that `read` gives, by their sketches and those that it kept before.
    goal: what `View.goal` says."""
    import polars as pl

    fitting = joined(bound, shards)
    before = fitting.clear() if kept is None else kept
    view = Sketches(fitting, before, read, seed, bound.label)
    view.goal = goal
    rows = _decisions(bound, bound.component.resolve(view), fitting)
    stay = [id for id, row in rows.items() if row["keep"]]
    return Resolved(bound, rows, shards, pl.concat([before, fitting.filter(pl.col("_id").is_in(stay))]))


def write(resolved: Resolved, read: Reader, place: Path, size: int) -> dict[str, Count]:
    """Commits what was decided, and returns what was counted. Parts that were committed before are left as they are:
    the decision is the same one."""
    done = {index for header in parts.headers(place) for index, _ in header.entries}
    counts: dict[str, Count] = {}
    rest = order.in_order(read(), resolved.rows, place)
    groups = Groups(resolved.bound, resolved.rows)
    number = 0
    while chunk := list(islice(rest, size)):
        made = part(resolved.bound, number, chunk, resolved.rows, groups)
        if chunk[0][0] not in done:
            parts.save(place, made)
            for label, count in made.tally.items():
                counts.setdefault(label, Count()).add(count)
        number += 1
    return counts


@contextlib.contextmanager
def blamed(bound: Bound, lane: Lane) -> Iterator[None]:
    """Turns what a step raises that is not ours into a sentence that names it; the traceback goes into the events."""
    try:
        yield
    except SynthkitError:
        raise
    except (Exception, SystemExit, KeyboardInterrupt) as error:
        if ordered(error, lane):
            raise
        trace = "".join(traceback.format_exception(error))
        lane.events.event("exception", path=bound.label, traceback=lane.redact(trace)[-8000:])
        raise RunError(f"the step {bound.label} failed: {type(error).__name__}: {error}") from error


def _decisions(bound: Bound, decided: "pl.DataFrame", asked: "pl.DataFrame") -> dict[str, dict[str, Any]]:
    missing = {"_id", "keep"} - set(decided.columns)
    if missing:
        raise RunError(f"{bound.label}.resolve must return the columns `_id` and `keep`: {sorted(missing)} is missing")
    extra = [c for c in decided.columns if c not in OWN and c not in bound.io.writes and c not in bound.io.maybe]
    if extra:
        raise ColumnError(f"{bound.label}.resolve returned the column {extra[0]!r}, which it does not declare")
    order.check(bound, decided)
    rows = {row["_id"]: row for row in decided.iter_rows(named=True)}
    if len(rows) != decided.height or rows.keys() != set(asked["_id"].to_list()):
        raise RunError(f"{bound.label}.resolve must decide once on each of {asked.height} records")
    return rows


class Groups:
    """Members of groups on their way: each group waits for its last member and becomes one record there."""

    def __init__(self, bound: Bound, decisions: Mapping[str, Mapping[str, Any]]) -> None:
        self._bound = bound
        self._left: dict[str, int] = {}
        self._members: dict[str, list[Record]] = {}
        for row in decisions.values():
            if row["keep"] and row.get("group") is not None:
                self._left[row["group"]] = self._left.get(row["group"], 0) + 1

    def add(self, group: str, member: Record) -> Record | None:
        """Takes a member in; returns the group's record with the last one."""
        members = self._members.setdefault(group, [])
        members.append(member)
        self._left[group] -= 1
        if self._left[group]:
            return None
        del self._members[group]
        merged = self._bound.component.merge(members)
        return members[0].child(f"{self._bound.label}/{group}", 0, merged, self._bound.io.drops)


def part(
    bound: Bound,
    number: int,
    chunk: Sequence[tuple[int, Record]],
    decisions: Mapping[str, Mapping[str, Any]],
    groups: Groups,
) -> parts.Part:
    """The part of a shard: its records by index, and what was decided on them."""
    part, count = parts.Part(number), Count()
    for index, record in chunk:
        count.seen += 1
        row = decisions.get(record.id)
        if row is None:
            problem = misfit(record, bound) or ""
            reject = Reject("failed", record, bound.label, "column", problem, "ColumnError")
            part.entries.append(parts.Entry(index, record.id, (), (reject,)))
            count.failed += 1
        elif row["keep"]:
            added = {name: value for name, value in row.items() if name not in OWN and value is not None}
            if row.get("group") is not None:
                merged = groups.add(row["group"], record.updated(added))
                outs = () if merged is None else (merged,)
                count.made += len(outs) - 1
            else:
                outs = (record.updated(added, bound.io.drops) if added or bound.io.drops else record,)
            lacking = [name for out in outs for name in bound.io.writes if name not in out]
            if lacking:
                raise RunError(f"{bound.label} declares that it writes {lacking[0]!r}, and did not: move it to maybe")
            part.entries.append(parts.Entry(index, record.id, outs, ()))
            count.out += len(outs)
        else:
            reason = row.get("reason") or f"not {bound.component.name}"
            reject = dropped(record, bound.label, reason, row.get("detail"), row.get("score"))
            part.entries.append(parts.Entry(index, record.id, (), (reject,)))
            count.dropped += 1
    part.tally = {bound.label: count}
    return part
