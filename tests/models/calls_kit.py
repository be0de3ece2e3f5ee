"""What the tests of model calls share: the call path over a project folder, and contexts to ask with."""

from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from synthkit.core import Record
from synthkit.engine.context import FileArtifacts, Lane, RunContext
from synthkit.models.budget import Budget
from synthkit.models.calls import Models
from synthkit.models.journal import Journal
from synthkit.models.project import find_project
from synthkit.models.service import Services
from synthkit.models.spent import Spent
from synthkit.plugins import registry


class Log:
    """Keeps the events of a run."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []

    def event(self, kind: str, **data: Any) -> None:
        self.lines.append({"kind": kind, **data})

    def reasons(self) -> list[str]:
        """Why calls were tried again, in order."""
        return [line["reason"] for line in self.lines if line["kind"] == "retry"]


@asynccontextmanager
async def calls(folder: Path, *, offline: bool = False, budget: Budget | None = None) -> AsyncIterator[Models]:
    """The call path of a run in this project, and its log as `events`."""
    project = find_project(folder)
    journal = Journal(project.journal, read_only=offline)
    models = Models(
        Services(project, registry().provider, 64), journal, Log(), run="a run", offline=offline, budget=budget
    )
    try:
        yield models
    finally:
        await models.close()


def context(models: Models, number: int = 0, path: str = "step", seed: int = 0) -> RunContext:
    """The context of a record, the `number`th of its kind, in a step."""
    lane = Lane(models, seed, FileArtifacts(Path("artifacts")), models.events, str)
    return RunContext(lane, Record.generated("g", {"n": number}, 0), path, Spent())


async def outcome(asking: Coroutine[Any, Any, Any]) -> Any:
    """What is asked, or the error."""
    try:
        return await asking
    except BaseException as error:
        return error
