"""Run folders as they are named and shown on the command line."""

import contextlib
import os
import re
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from synthkit.cli.summary import Reasons
    from synthkit.cli.table import Line
    from synthkit.engine.result import Result

PASSING = ("rate limit", "overloaded", "server error", "timeout", "connection", "broken body", "content filter")
UNFIT = ("unfit answer", "unfit call", "cut off")
"""Reasons for which a record may fail once and not again: of a service that was out, and of answers, which are others
when they are asked for anew. A request that is refused, and a step that raises, do the same again."""


def near(path: Path | str) -> Path:
    """A path seen from the working folder, where that is shorter."""
    text = str(path)
    with contextlib.suppress(OSError, ValueError):  # the working folder may be gone
        text = min(text, os.path.relpath(text), key=len)
    return Path(text)


def short(path: Path | str) -> str:
    """A path as it is shown: seen from the working folder where that is shorter, and made harmless."""
    from synthkit.cli.text import plain

    return plain(str(near(path)))


def find_run(name: str) -> Path:
    """The run folder of this path, or of this name under `runs/`. Raises `ConfigError` naming those there are."""
    from synthkit.core.columns import hint
    from synthkit.engine.store import read_state
    from synthkit.errors import ConfigError, StoreError
    from synthkit.models.project import find_project

    folder = Path(name)
    runs = find_project().runs
    try:
        (folder / "run.json").exists()
    except OSError as error:
        raise ConfigError(f"cannot look for the run {name}: {error.strerror or error}") from error
    if not (folder / "run.json").exists() and (runs / name / "run.json").exists():
        folder = near(runs / name)
    if not folder.exists():
        there = {path.parent.name for path in runs.glob("*/run.json")}
        known = hint(folder.name, there, f"in {short(runs)} there are") or f"; there are none in {short(runs)}"
        raise ConfigError(f"there is no run {name}{known}")
    try:
        read_state(folder)
    except StoreError as error:
        if (folder / "run.json").exists():
            raise
        raise ConfigError(str(error)) from error
    return folder


def listing(width: int) -> "Iterator[Line]":
    """All runs of the project, the last one last."""
    from synthkit.cli.summary import COLOURS
    from synthkit.cli.table import Cell, Column, line, table
    from synthkit.cli.text import count, cut, money, plain

    forms = runs_form()
    if not forms:
        yield line(f"there are no runs in {short(_runs())}: `synthkit run FILE` makes one")
        return
    columns = [
        Column("run", fit="middle", least=12),
        Column("status"),
        Column("accepted", right=True),
        Column("paid", right=True),
        Column("began"),
    ]
    rows: list[list[Cell]] = []
    for form in forms:
        if form["status"] == "unreadable":
            rows.append([plain(form["run"]), ("unreadable", "red"), "", "", ""])
            continue
        target = "" if form["target"] is None else f" of {count(form['target'])}"
        status = (form["status"], COLOURS.get(form["status"], ""))
        paid = "unknown" if form["paid"] is None else money(form["paid"]) + ("+" if form["paid_may_be_more"] else "")
        rows.append([plain(form["run"]), status, f"{count(form['accepted'])}{target}", paid, _when(form["began"])])
    yield from table(columns, rows, width)
    yield from ([(cut(plain(form["problem"]), width), "dim")] for form in forms if form["status"] == "unreadable")


def runs_form() -> list[dict[str, Any]]:
    """What there is to say of all runs of the project, as JSON, by the time they began."""
    found = [_run_form(path.parent) for path in _runs().glob("*/run.json")]
    return sorted(found, key=lambda form: (form["began"], form["run"]))


def _run_form(folder: Path) -> dict[str, Any]:
    from synthkit.cli.summary import accepted
    from synthkit.engine.result import Result
    from synthkit.errors import SynthkitError

    try:
        result = Result(folder)
        status, reason = status_of(result)
        bill = result.bill
        total = bill.total
        return {
            "run": folder.name, "status": status, "reason": reason, "accepted": accepted(result),
            "target": result.shape.target, "cost": result.cost,
            "paid": float(total.cost) if total.cost or not total.unpriced else None,
            "paid_may_be_more": bool(total.unknown or bill.cut_off), "began": str(result.state["began"]),
            "ended": result.state.get("ended") if status not in ("running", "killed") else None,
        }  # fmt: skip
    except (SynthkitError, LookupError, TypeError, ValueError) as error:  # a folder that is no run, or a damaged one
        return {"run": folder.name, "status": "unreadable", "problem": str(error), "began": ""}


def _runs() -> Path:
    from synthkit.models.project import find_project

    return find_project().runs


def _when(text: str) -> str:
    """A time as it is here, to the minute."""
    from datetime import datetime

    with contextlib.suppress(ValueError):
        return datetime.fromisoformat(text).astimezone().strftime("%Y-%m-%d %H:%M")
    return text


def status_of(result: "Result") -> tuple[str, str]:
    """Status and reason as they are now: a run that says it is running may have been killed."""
    from synthkit.engine.store import holder

    if result.status != "running":
        return result.status, result.reason
    held = holder(result.folder)
    if held is None:
        return "killed", "its process ended before the run did; all that was committed or answered is kept"
    return "running", held


def next_command(result: "Result", why: "Reasons") -> str | None:
    """The command that goes on with a run; None where there is nothing to go on with. why: what its records failed
    of."""
    from synthkit.engine.control import go_on

    status, reason = status_of(result)
    failed = any(count.failed for count in result.tally.values())
    if status == "complete" and failed and result.state["target"] is None:
        return go_on(result.folder, "--retry-failed")
    if status in ("complete", "running"):
        return None
    return " ".join([go_on(result.folder), *_options(result.state, reason, failed, why)])


def look_at(result: "Result") -> str | None:
    """The command that shows why a run stopped, where that was because too many records failed, and some are kept that
    did."""
    status, reason = status_of(result)
    if status != "failed" or not too_many_failed(reason) or not any(count.failed for count in result.tally.values()):
        return None
    return f"synthkit rejected {shlex.quote(short(result.folder))}"


def too_many_failed(reason: str) -> bool:
    """Whether that is why a run stopped."""
    return re.match(r"[\d,]+ (of [\d,]+ )?records? failed\b", reason) is not None


def _past(why: "Reasons") -> list[str]:
    """How a run comes further of which too many records failed: by trying most of them again where that can help. Where
    none is kept that failed, it was for a passing reason, and they are tried again in any case."""
    failed: Counter[str] = Counter()
    for (_, kind), found in why.items():
        if kind == "failed":
            failed.update(found)
    if not failed:
        return []
    hopeful = sum(failed[reason] for reason in (*PASSING, *UNFIT))
    return ["--retry-failed"] if 2 * hopeful >= failed.total() else ["--max-failures", "N"]


def _options(state: Mapping[str, Any], reason: str, failed: bool, why: "Reasons") -> list[str]:
    """What has to be different for a run to come further."""
    if "--max-rounds" in reason:
        return ["--max-rounds", "N"]
    if state["settings"]["offline"] and reason.startswith("offline"):
        return ["--no-offline"]
    if state["settings"]["budget"] and "budget" in reason:
        return ["--budget", "DOLLARS"]
    if too_many_failed(reason):
        return _past(why)
    if failed and "no more records" in reason:
        return ["--retry-failed"]
    return []
