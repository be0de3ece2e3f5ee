"""The ledger: what was accepted and what was not, read from committed parts in source order."""

import json
from collections.abc import Iterator, Mapping
from itertools import islice
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
FORM = {"kind", "id", "source", "step", "reason", "message", "error", "score", "cost", "fields"}
"""What a line of rejected.jsonl has."""
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
    if not shape.tail and all("accepted" in r for r in store.rounds):  # no need to look into a million parts
        return sum(r["accepted"] for r in store.rounds)
    return sum(parts.let_out(place, shape.stages[-1]) for place in _last_places(store, shape))


def rejects(store: Store, shape: Shape) -> Iterator[Reject]:
    """All lines of the ledger in source order; what failed and was tried again is told by the later try."""
    for _, reject in _standing(store, shape):
        yield reject
    if shape.target is None or accepted_count(store, shape) <= shape.target:
        return
    for record in islice(finished(store, shape), shape.target, None):
        yield Reject("surplus", record, "target", "target met")


def _standing(store: Store, shape: Shape) -> Iterator[tuple[int, Reject]]:
    """The rejects of all parts with their stage, in source order, without failures that were tried again."""
    places = [(stage, store.stage(r["index"], stage)) for r in store.rounds for stage in shape.body]
    places += [(stage, store.stage(None, stage)) for stage in shape.tail]
    again = _again(store)
    for stage, place in places:
        for entry in parts.rejecting(place):
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


def whole(store: Store, shape: Shape) -> None:
    """Raises `StoreError` when parts are gone that a reader of the run needs: those that `verify` misses, and, of a run
    that is complete, those of its end, which a run that goes on would make again."""
    verify(store, shape)
    if store.state["status"] != "complete":
        return
    coming = sum(
        parts.let_out(store.stage(r["index"], shape.end - 1), shape.stages[shape.end - 1]) for r in store.rounds
    )
    for stage in shape.tail:
        place = store.stage(None, stage)
        _all_there(place, coming)
        coming = parts.let_out(place, shape.stages[stage])


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
            _all_there(place, coming)
            coming = parts.let_out(place, shape.stages[stage])


def _all_there(place: Path, coming: int) -> None:
    entered = sum(len(header.entries) for header in parts.headers(place))
    if entered != coming:
        raise StoreError(
            f"{place} holds {entered} of {coming} records: put the files back that are missing, or start a new run, "
            "which gets its answers from the journal"
        )


def write(store: Store, shape: Shape) -> None:
    """Writes accepted.jsonl and rejected.jsonl."""
    lines = (line for place in _last_places(store, shape) for line in parts.rows(place))
    store.write_lines(store.folder / ACCEPTED, islice(lines, shape.target))
    store.write_lines(store.folder / REJECTED, (compact(parts.reject_form(r)) for r in rejects(store, shape)))


def rejected(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of a rejected.jsonl. Raises `StoreError` for one that is not what was written."""
    try:
        with path.open(encoding="utf-8", errors="replace") as lines:
            for number, line in enumerate(lines, 1):
                yield _rejected(line, path, number)
    except OSError as error:
        raise StoreError(f"cannot read {path} ({error.strerror or error}): make it readable") from error


def _rejected(line: str, path: Path, number: int) -> dict[str, Any]:
    try:
        form = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise unreadable(path, number) from error
    if not (isinstance(form, dict) and form.keys() >= FORM and isinstance(form["fields"], dict)):
        raise unreadable(path, number)
    if not all(isinstance(form[name], str) for name in ("kind", "id", "step", "reason")):
        raise unreadable(path, number)
    return form


def unreadable(path: Path, line: int) -> StoreError:
    """What is to be said of a file of records with a line that nobody wrote so."""
    return StoreError(
        f"{path}, line {line} is damaged: delete the file, and `synthkit resume {path.parent}` writes it again"
    )


def lacking(folder: Path) -> list[str]:
    """The files of a run that has ended which are gone. What is in them is in the parts, too."""
    return [name for name in (ACCEPTED, REJECTED) if not (folder / name).exists()]


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
    path = _retry_path(store, index)
    try:
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                yield json.loads(line)
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror or error}: put it back, or start a new run") from error
    except ValueError as error:
        raise StoreError(f"{path} is damaged ({error}): put it back from a copy, or start a new run") from error


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
