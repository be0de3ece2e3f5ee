"""`synthkit show`: all runs, one run, one record."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from synthkit.cli.options import debug_option

if TYPE_CHECKING:
    from synthkit.cli.summary import Reasons
    from synthkit.cli.table import Cell, Line
    from synthkit.engine.result import Result
    from synthkit.models.bill import Paid
    from synthkit.models.spent import Spent

SAMPLES = 3
NARROW, NARROWEST = 72, 54
"""Columns that the table of all numbers needs, and that of the tokens."""


@click.command()
@click.argument("run", required=False)
@click.argument("record", required=False)
@click.option("--full", is_flag=True, help="Long texts of a record's story whole.")
@click.option("--json", "as_json", is_flag=True, help="All of it, for programs.")
@debug_option
def show(run: str | None, record: str | None, full: bool, as_json: bool) -> int:
    """Show RUN, a run folder or the name of one in runs/: what each step did, what was spent, three records.

    With RECORD, an id, the beginning of one, or a line number of accepted.jsonl, the story of that record: where it
    came from, every prompt and answer, what each step changed, what it cost. Without RUN, all runs.
    """
    from synthkit.cli import screen
    from synthkit.cli.runs import find_run, listing, runs_form
    from synthkit.engine.result import Result

    width = screen.width()
    if run is None:
        if as_json:
            _write(runs_form())
        else:
            screen.say(listing(width))
        return 0
    folder = find_run(run)
    if record is not None:
        _record(folder, record, full, as_json)
        return 0
    result = Result(folder)
    if as_json:
        _write(numbers(result, _reasons(result)))
    else:
        screen.say(_run(result, width))
    return _whole(result)


def _whole(result: "Result") -> int:
    """The exit code: 1 where parts are gone, so that the numbers above are not all, which is said."""
    from synthkit.cli import screen
    from synthkit.errors import StoreError

    try:
        result.verify()
    except StoreError as error:
        screen.complain("error", f"parts of this run are gone, so the numbers above are too small: {error}")
        return 1
    return 0


def _write(form: Any) -> None:
    import json

    from synthkit.cli import screen

    screen.write(json.dumps(form, indent=2, default=list) + "\n")


def _reasons(result: "Result") -> "Reasons":
    from synthkit.cli.summary import reasons

    return reasons(result)


def _record(folder: Path, record: str, full: bool, as_json: bool) -> None:
    from synthkit.cli import screen
    from synthkit.cli.lineage import lineage
    from synthkit.engine.api import home
    from synthkit.engine.book import Book
    from synthkit.models.project import find_project

    with Book(folder, find_project(home(folder))) as book:
        stories = book.lineage(book.find(record))
        if as_json:
            _write([story.form() for story in stories])
        else:
            screen.say(lineage(book, stories, screen.width(), full=full))


def _run(result: "Result", width: int) -> "Iterator[Line]":
    from synthkit.cli.money import by_model
    from synthkit.cli.summary import COPIED, facts, funnel, headline, missing
    from synthkit.cli.table import apart, pairs

    why = _reasons(result)
    told = pairs([*_times(result), *facts(result, why), *missing(result)], width, COPIED)
    blocks = [
        headline(result, width),
        funnel(result, width, why),
        _asked(result, width),
        by_model(result.bill, width),
        told,
    ]
    return apart([*blocks, *_samples(result, width)])


def _times(result: "Result") -> list[tuple[str, str]]:
    from synthkit.cli.text import several

    state = result.state
    rounds = several(len(state["rounds"]), "round")
    times = [("began", f"{_time(state['began'])}, {rounds}")]
    if result.status != "running" and state.get("ended"):
        times.append(("ended", _time(state["ended"])))
    return times


def _time(text: str) -> str:
    return text.replace("T", " ").replace("+00:00", " UTC")


def _asked(result: "Result", width: int) -> "list[Line]":
    """What each step asked and used; nothing where only one did, which the sum says."""
    from synthkit.cli.money import USED, heading, no_answers
    from synthkit.cli.table import Column, table
    from synthkit.cli.text import count

    asking = _by_step(result)
    if len(asking) < 2:
        return []
    vain = no_answers(paid for _, paid in asking.values()) if width >= NARROW else []
    journal = width >= NARROW and any(spent.journaled for spent, _ in asking.values())
    tokens = width >= NARROWEST
    titles = ["calls", *vain, *(["journal"] if journal else []), *(["tokens in", "tokens out"] if tokens else [])]
    columns = [Column("step", fit="middle", least=10), *(Column(title, right=True) for title in (*titles, "cost"))]
    rows: list[list[Cell]] = []
    for label, (spent, paid) in asking.items():
        numbers = [paid.calls, *(getattr(paid, kind) for kind in vain), *([spent.journaled] if journal else [])]
        numbers += [spent.usage.input, spent.usage.output] if tokens else []
        rows.append([label, *map(count, numbers), _dollars(spent)])
    return [*heading(USED, width), *table(columns, rows, width)]


def _by_step(result: "Result") -> "Mapping[str, tuple[Spent, Paid]]":
    """The answers that each step used and its calls, of those that asked."""
    from synthkit.models.bill import Paid
    from synthkit.models.spent import Spent

    calls = result.bill.by_step()
    every = {
        label: (result.tally[label].spent if label in result.tally else Spent(), calls.get(label, Paid()))
        for label in result.shape.labels
    }
    return {label: (spent, paid) for label, (spent, paid) in every.items() if spent.asked or paid.calls}


def _dollars(spent: "Spent") -> str:
    from synthkit.cli.text import money

    return "unknown" if spent.unpriced else money(spent.cost)


def _samples(result: "Result", width: int) -> "Iterator[list[Line]]":
    from itertools import islice

    from synthkit.cli.records import record
    from synthkit.cli.text import plain

    for number, accepted in enumerate(islice(result.scan(), SAMPLES), 1):
        yield record(f"accepted record {number}  {plain(accepted.id)}", accepted.fields, width)


def numbers(result: "Result", why: "Reasons") -> Mapping[str, Any]:
    """All that `show` counts, as JSON. A cost is null where it is not known."""
    from synthkit.cli.runs import status_of
    from synthkit.cli.summary import accepted, generated, together

    state = result.state
    status, reason = status_of(result)
    steps, calls = [], result.bill.by_step()
    for label in result.shape.labels:
        if label in result.tally:
            c = result.tally[label]
            counts = {"in": c.seen, "made": c.made, "out": c.out, "dropped": c.dropped, "failed": c.failed}
            reasons = {kind: dict(why.get((label, kind), {})) for kind in ("dropped", "failed")}
            steps.append({"step": label, **counts, "reasons": reasons, **_calls(calls.get(label)), **_spent(c.spent)})
    return {
        "folder": str(result.folder), "name": state["name"], "status": status, "reason": reason,
        "began": state["began"], "ended": state.get("ended") if status not in ("running", "killed") else None,
        "target": state["target"], "rounds": len(state["rounds"]),
        "generated": generated(result), "accepted": accepted(result),
        "surplus": sum(why.get(("target", "surplus"), {}).values()),
        "steps": steps, **_calls(result.bill.total), **_spent(together(result.tally)),
        "unfinished": _spent(result.unfinished), "bill": result.bill.form(), "exports": state.get("written", []),
        "notes": state.get("notes", []),
    }  # fmt: skip


def _calls(paid: "Paid | None") -> Mapping[str, Any]:
    if paid is None:
        return {"calls": 0, "calls_failed": 0, "calls_hedged": 0}
    return {"calls": paid.calls, "calls_failed": paid.failed, "calls_hedged": paid.hedged}


def _spent(spent: "Spent") -> Mapping[str, Any]:
    return {
        "answers": spent.asked,
        "journaled": spent.journaled,
        "tokens_in": spent.usage.input,
        "tokens_out": spent.usage.output,
        "cost": spent.dollars,
    }
