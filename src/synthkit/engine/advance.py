"""How one record goes through parts in a row. Failure is per record: what a step raises ends that record alone."""

import asyncio
import math
import re
import traceback
from collections.abc import Mapping, Sequence
from typing import Any

from synthkit.core.columns import fits
from synthkit.core.context import Outcome, Reject
from synthkit.core.interfaces import Filter
from synthkit.core.record import Record
from synthkit.core.verdict import Verdict
from synthkit.core.waiting import all_of
from synthkit.engine.context import Lane, RunContext, Visit, settled
from synthkit.engine.plan import Bound
from synthkit.engine.trail import mark
from synthkit.errors import ColumnError, FatalError, RecordError, RunError, TransientError, UsageError
from synthkit.models.limiter import Stopped
from synthkit.models.spent import Spent

NOISE = re.compile(r"0x[0-9a-f]{4,}|\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b|\breq_\w+")
LONGEST_MESSAGE = 500


async def advance(
    lane: Lane,
    parts: Sequence[Bound],
    start: int,
    record: Record,
    visit: Visit,
    parent: Spent | None = None,
    salt: str = "",
) -> Outcome:
    """Takes a record through the parts from `start` on; its children go on side by side, in order of emission.

    visit: where the steps are counted and leave their marks. What inner parts of composites count goes nowhere but to
    `parent`'s cost.
    salt: makes other samples of what is asked.
    """
    rejects: list[Reject] = []
    own = Spent()
    for number in range(start, len(parts)):
        bound = parts[number]
        spent = Spent()
        context = RunContext(lane, record, bound.label, spent, bound.items, salt)
        try:
            result, reject = await _applied(bound, record, context)
        finally:  # the answers of a step that is stopped are paid for, too
            if spent:
                own.add(spent)
                visit.at(bound.label).spent.add(spent)
                if parent is not None:
                    parent.add(spent)
        visit.trail.append(mark(bound.label, record, result, context.asked, lane.whole))
        rejects += context.attempts
        count = visit.at(bound.label)
        count.seen += 1
        if reject is not None:
            rejects.append(_costed(reject, own, spent))
            count.failed += reject.kind == "failed"
            count.dropped += reject.kind == "dropped"
            return Outcome((), rejects)
        if isinstance(result, list):
            count.made += len(result) - 1
            count.out += len(result)
            if number + 1 == len(parts):
                return Outcome(result, rejects)
            tasks = (advance(lane, parts, number + 1, child, visit, parent, salt) for child in result)
            outcomes = await all_of(tasks)
            rejects += [r for outcome in outcomes for r in outcome.rejects]
            return Outcome([r for outcome in outcomes for r in outcome.records], rejects)
        count.out += 1
        record = result
    return Outcome((record,), rejects)


async def _applied(bound: Bound, record: Record, context: RunContext) -> tuple[Any, Reject | None]:
    """What a part makes of a record: a record, a list of children, or a reject."""
    component = bound.component
    try:
        for name, kind in bound.io.reads.items():
            if kind is not object and not fits(record[name], kind):
                raise ColumnError(f"column {name!r} is {_type(record[name])}, and {bound.label} needs {kind.__name__}")
        work = component.check(record, context) if isinstance(component, Filter) else component.process(record, context)
        result = await (asyncio.to_thread(settled, work) if component.cpu else work)
        if isinstance(result, Verdict):
            if result.keep:
                return _made(bound, record, {}) if bound.io.writes or bound.io.drops else (record, None)
            reason = result.reason or f"not {component.name}"
            return None, dropped(record, bound.label, reason, result.detail, result.score)
        if isinstance(component, Filter):
            raise RecordError(
                f"{bound.label} returned {_type(result)}: a filter returns a Verdict", reason="bad result"
            )
        return _made(bound, record, result)
    except (FatalError, UsageError, RunError, Stopped):  # these concern the run
        raise
    except BaseException as error:  # a step that exits or cancels ends its record, not the run
        if ordered(error, context.lane):
            raise
        return None, _failure(bound, record, context, error)


def ordered(error: BaseException, lane: Lane) -> bool:
    """Whether this is an order to stop, and nothing that a step has raised: an interrupt where somebody may send one,
    or the cancelling of this task, and not of something that the step waited for."""
    task = asyncio.current_task()
    cancelled = isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling() > 0
    return cancelled or (isinstance(error, KeyboardInterrupt) and lane.attended)


def dropped(record: Record, step: str, reason: Any, detail: Any = None, score: Any = None) -> Reject:
    """The line of the ledger for a dropped record. Authors hand over all sorts of details and scores."""
    message = "" if detail is None else str(detail)
    try:
        number = None if score is None or not math.isfinite(score) else float(score)
    except (TypeError, ValueError, OverflowError):
        number = None
    return Reject("dropped", record, step, str(reason), message, score=number)


def _made(bound: Bound, record: Record, result: Any) -> tuple[Any, Reject | None]:
    drops = bound.io.drops
    if isinstance(result, Mapping):
        _declared(bound, result)
        return record.updated(result, drops), None
    if isinstance(result, Sequence) and not isinstance(result, str | bytes):
        if not result:
            return None, dropped(record, bound.label, "nothing made")
        for fields in result:
            if not isinstance(fields, Mapping):
                raise RecordError(
                    f"{bound.label} returned a list with {_type(fields)} in it, not mappings only", reason="bad result"
                )
            _declared(bound, fields)
        return [record.child(bound.label, number, fields, drops) for number, fields in enumerate(result)], None
    raise RecordError(
        f"{bound.label} returned {_type(result)}: a step returns a mapping of columns, a list of them, or a Verdict",
        reason="bad result",
    )


def _declared(bound: Bound, fields: Mapping[str, Any]) -> None:
    io = bound.io
    for name in fields:
        if name not in io.writes and name not in io.maybe:
            raise ColumnError(
                f"{bound.label} returned the column {name!r}, which it does not declare: add it to writes"
            )
    for name in io.writes:
        if name not in fields:
            raise ColumnError(f"{bound.label} declares that it writes {name!r}, and did not: move it to maybe")


def _failure(bound: Bound, record: Record, context: RunContext, error: BaseException) -> Reject:
    name = type(error).__name__
    if isinstance(error, RecordError):
        text, reason = str(error), str(error.reason)
    elif isinstance(error, KeyError) and _of_record(error):
        text, reason = f"{bound.label} reads {error}, which this record does not have", "column"
    else:
        text, reason = f"{name}: {words(error)}", name
    if not isinstance(error, RecordError):
        trace = "".join(traceback.format_exception(error))
        context.lane.events.event(
            "exception", path=bound.label, record=record.id, traceback=context.lane.redact(trace)[-8000:]
        )
    transient = isinstance(error, TransientError)
    message = normal(context.lane.redact(text))
    return Reject("failed", record, bound.label, reason, message, name, transient=transient)


def words(error: BaseException) -> str:
    """What an error says; some cannot say it."""
    try:
        return str(error)
    except Exception:
        return "(it has no words)"


def _of_record(error: KeyError) -> bool:
    """Whether it was a record that lacked the key, and not some dict of the step."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and trace.tb_frame.f_code is Record.__getitem__.__code__


def normal(text: str) -> str:
    """A message without what differs from run to run: addresses, request ids, line breaks."""
    return NOISE.sub("…", " ".join(text.split()))[:LONGEST_MESSAGE]


def _costed(reject: Reject, own: Spent, spent: Spent) -> Reject:
    return Reject(
        reject.kind, reject.record, reject.step, reject.reason, reject.message, reject.error, reject.score,
        own.dollars, reject.transient, spent.form() if spent and reject.kind == "failed" else None,
    )  # fmt: skip


def _type(value: Any) -> str:
    return "None" if value is None else f"{type(value).__name__}"
