"""The ledger: what was accepted and what was not, read from committed parts in source order."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from synthkit import errors
from synthkit.core.context import Reject
from synthkit.core.record import Record
from synthkit.core.values import compact
from synthkit.engine import parts
from synthkit.engine.plan import Shape
from synthkit.engine.store import Store
from synthkit.engine.tally import Tally, total
from synthkit.errors import CallError, StoreError
from synthkit.models.spent import Spent

ACCEPTED, REJECTED, RETRY = "accepted.jsonl", "rejected.jsonl", "retry.jsonl"
UNANSWERED = {cls.__name__ for cls in vars(errors).values() if isinstance(cls, type) and issubclass(cls, CallError)}
"""The errors after which there is no answer in the journal."""


def _last_places(store: Store, shape: Shape) -> list[Path]:
    """The folders of the last stage's parts."""
    last = len(shape.stages) - 1
    return [store.stage(None, last)] if shape.tail else [store.stage(r["index"], last) for r in store.rounds]


def finished(store: Store, shape: Shape) -> Iterator[Record]:
    """What left the last stage, in source order."""
    for place in _last_places(store, shape):
        for entry in parts.entries(place):
            yield from entry.outs


def accepted(store: Store, shape: Shape) -> Iterator[Record]:
    """The accepted records: the first ones, up to the target."""
    for number, record in enumerate(finished(store, shape)):
        if shape.target is not None and number >= shape.target:
            return
        yield record


def accepted_count(store: Store, shape: Shape) -> int:
    """How many records left the last stage, the surplus included."""
    return sum(parts.let_out(place, shape.stages[-1]) for place in _last_places(store, shape))


def rejects(store: Store, shape: Shape) -> Iterator[Reject]:
    """All lines of the ledger in source order; what failed and was tried again is told by the later try."""
    for _, reject in _standing(store, shape):
        yield reject
    for number, record in enumerate(finished(store, shape)):
        if shape.target is not None and number >= shape.target:
            yield Reject("surplus", record, "target", "target met")


def _standing(store: Store, shape: Shape) -> Iterator[tuple[int, Reject]]:
    """The rejects of all parts with their stage, in source order, without failures that were tried again."""
    places = [(stage, store.stage(r["index"], stage)) for r in store.rounds for stage in shape.body]
    places += [(stage, store.stage(None, stage)) for stage in shape.tail]
    again = _again(store)
    for stage, place in places:
        for entry in parts.entries(place):
            for reject in entry.rejects:
                key = (reject.record.id, reject.step)
                if reject.kind == "failed" and again.get(key, 0):
                    again[key] -= 1
                    continue
                yield stage, reject


def tally(store: Store, shape: Shape) -> Tally:
    """The counts of all committed parts by step, in the plan's order; a failure tried again is taken back."""
    every = (place for stage in range(len(shape.stages)) for place in store.places(stage))
    summed = total(header.tally for place in every for header in parts.headers(place))
    for item in _tried(store):
        count = summed[item["step"]]
        count.failed -= 1
        count.seen -= 1
        if item.get("spent"):
            count.spent.take_back(Spent.of(item["spent"]))
    return {label: summed[label] for label in shape.labels if label in summed}


def verify(store: Store, shape: Shape) -> None:
    """Raises `StoreError` when parts of a round that was done are gone: each record that came out of a stage must have
    entered the next."""
    for round in store.rounds:
        if "accepted" not in round:
            continue
        coming = 0 if round.get("retry") else round["made"]
        for stage in shape.body:
            coming += sum(1 for _ in retried(store, round, stage))
            place = store.stage(round["index"], stage)
            entered = sum(len(header.entries) for header in parts.headers(place))
            if entered != coming:
                raise StoreError(
                    f"{place} holds {entered} of {coming} records: put the files back that are missing, or start a "
                    "new run, which gets its answers from the journal"
                )
            coming = parts.let_out(place, shape.stages[stage])


def write(store: Store, shape: Shape) -> None:
    """Writes accepted.jsonl and rejected.jsonl."""
    store.write_lines(store.folder / ACCEPTED, (compact(row(r)) for r in accepted(store, shape)))
    store.write_lines(store.folder / REJECTED, (compact(parts.reject_form(r)) for r in rejects(store, shape)))


def lacking(folder: Path) -> list[str]:
    """The files of a run that has ended which are gone. What is in them is in the parts, too."""
    return [name for name in (ACCEPTED, REJECTED) if not (folder / name).exists()]


def row(record: Record) -> dict[str, Any]:
    """A record as a line of a file: its identity, then its columns."""
    return {"_id": record.id, "_source": record.source, **record.fields}


def plan_retry(store: Store, shape: Shape) -> int:
    """Plans a round that tries failed records of the body again, each from the step where it failed; returns how
    many. The end phase, where there is one, is then done anew."""
    salt = f"retry {len(store.rounds)}"
    found: list[dict[str, Any]] = []
    for stage, reject in _standing(store, shape):
        if reject.kind != "failed" or stage not in shape.body:
            continue
        # an answer that was unfit is asked anew; one that never came is asked again
        anew = reject.error not in UNANSWERED
        how = {"stage": stage, "enter": shape.stages[stage].index(reject.step), "salt": salt if anew else ""}
        used = {} if anew else {"spent": reject.spent}
        found.append({**how, **used, **parts.reject_form(reject)})
    if found:
        index = len(store.rounds)
        store.write_lines(_retry_path(store, index), (compact(form) for form in found))
        store.rounds.append(
            {"index": index, "want": len(found), "start": 0, "made": len(found), "ended": False, "retry": True}
        )
        store.save()
    return len(found)


def retried(store: Store, round: Mapping[str, Any], stage: int) -> Iterator[tuple[Record, int, str]]:
    """The records that a retry round brings into a stage, each with the step it goes on from, and its salt."""
    if round.get("retry"):
        for form in _retries(store, round["index"]):
            if form["stage"] == stage:
                yield Record(form["id"], form["source"], form["fields"]), form["enter"], form["salt"]


def _retry_path(store: Store, index: int) -> Path:
    return store.stage(index, 0).parent / RETRY


def _retries(store: Store, index: int) -> Iterator[dict[str, Any]]:
    with _retry_path(store, index).open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def _again(store: Store) -> dict[tuple[str, str], int]:
    """How often a failure of a record at a step was tried again in a later round."""
    found: dict[tuple[str, str], int] = {}
    for item in _tried(store):
        key = (item["id"], item["step"])
        found[key] = found.get(key, 0) + 1
    return found


def _tried(store: Store) -> Iterator[dict[str, Any]]:
    """The failures that were tried again, as far as that is committed."""
    for form in store.rounds:
        if form.get("retry"):
            done = {
                (stage, id)
                for stage in range(len(Shape(**store.state["shape"]).stages))
                for header in parts.headers(store.stage(form["index"], stage))
                for _, id in header.entries
            }
            yield from (item for item in _retries(store, form["index"]) if (item["stage"], item["id"]) in done)
