"""Run folders as they are named and shown on the command line."""

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from synthkit.engine.result import Result


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
    """The run folder of this path, or of this name under `runs/`. Raises `StoreError` naming those there are."""
    from synthkit.core.columns import hint
    from synthkit.engine.store import read_state
    from synthkit.errors import StoreError
    from synthkit.models.project import find_project

    folder = Path(name)
    runs = find_project().runs
    if not (folder / "run.json").exists() and (runs / name / "run.json").exists():
        folder = near(runs / name)
    if not folder.exists():
        there = {path.parent.name for path in runs.glob("*/run.json")}
        known = hint(folder.name, there, f"in {short(runs)} there are") or f"; there are none in {short(runs)}"
        raise StoreError(f"there is no run {name}{known}")
    read_state(folder)
    return folder


def status_of(result: "Result") -> tuple[str, str]:
    """Status and reason as they are now: a run that says it is running may have been killed."""
    from synthkit.engine.store import holder

    if result.status != "running":
        return result.status, result.reason
    held = holder(result.folder)
    if held is None:
        return "killed", "its process ended before the run did; all that was committed or answered is kept"
    return "running", held


def next_command(result: "Result") -> str | None:
    """The command that goes on with a run; None where there is nothing to go on with."""
    from synthkit.engine.control import go_on

    status, reason = status_of(result)
    failed = any(count.failed for count in result.tally.values())
    if status == "complete" and failed and result.state["target"] is None:
        return go_on(result.folder, "--retry-failed")
    if status in ("complete", "running"):
        return None
    return " ".join([go_on(result.folder), *_options(result.state, reason, failed)])


def _options(state: Mapping[str, Any], reason: str, failed: bool) -> list[str]:
    """What has to be different for a run to come further."""
    if "--max-rounds" in reason:
        return ["--max-rounds", "N"]
    if state["settings"]["offline"] and reason.startswith("offline"):
        return ["--no-offline"]
    if state["settings"]["budget"] and "budget" in reason:
        return ["--budget", "DOLLARS"]
    if "records failed" in reason or " failed, more than " in reason:
        return ["--max-failures", "N"]
    if failed and "no more records" in reason:
        return ["--retry-failed"]
    return []
