"""What `run`, `check` and `resume` share: the pipeline from its file, its problems, and a run from begin to end."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthkit.cli import screen
from synthkit.cli.options import pipeline_of

if TYPE_CHECKING:
    from synthkit.engine.control import Control
    from synthkit.engine.execution import Watch
    from synthkit.engine.monitor import Monitor
    from synthkit.engine.pipeline import Pipeline
    from synthkit.engine.result import Result
    from synthkit.engine.source import Source

CODES: Mapping[str, int] = {"complete": 0, "failed": 1, "partial": 3}


def pipeline_from(source: "Source", given: Mapping[str, Any]) -> "Pipeline":
    """The pipeline of a file. Raises `PipelineError` with what is wrong."""
    from synthkit.engine.pipeline import Pipeline
    from synthkit.errors import PipelineError

    made = pipeline_of(source, given)
    if not isinstance(made, Pipeline):
        raise PipelineError(
            f"{source.path}: its function returned a value of type {type(made).__name__}: let it return a Pipeline"
        )
    return made


@contextmanager
def blaming(path: Path) -> Iterator[None]:
    """Puts the file in front of each problem that does not name it, or an option, itself."""
    from synthkit.errors import PipelineError

    try:
        yield
    except PipelineError as error:
        named = (p if p.startswith((f"{path}", "--")) else f"{path}: {p}" for p in error.problems)
        raise PipelineError(*named) from error


def warn_of_plugins() -> None:
    """Says once what is wrong with the plugins: none of it is fatal."""
    from synthkit.plugins import registry

    for problem in registry().problems:
        screen.complain("warning", problem)


def warn_of_copies(project: Path, run: Path | None = None) -> None:
    """Says where a run of this project would be in a folder that Ray removes. run: its folder; None is a new one."""
    from synthkit.engine.cluster.job import passing

    if said := passing(project, run):
        screen.complain("warning", said)


def conducted(start: "Callable[[Watch], Result]", quiet: bool) -> int:
    """Runs to the end with its progress shown, writes the summary, and returns the exit code."""
    from synthkit.cli.progress import watcher
    from synthkit.cli.runs import short
    from synthkit.cli.summary import summary
    from synthkit.engine.control import go_on
    from synthkit.errors import SynthkitError, UsageError

    folders: list[Path] = []
    show = watcher(quiet)

    @contextmanager
    def watch(monitor: "Monitor", control: "Control") -> Iterator[None]:
        folders.extend([monitor.folder] if monitor.folder else [])
        with show(monitor, control):
            yield

    try:
        result = start(watch)
    except (SynthkitError, KeyboardInterrupt) as error:
        for folder in folders:
            more = f"what was done until then is in {short(folder)}"
            error.add_note(more if isinstance(error, UsageError) else f"go on with: {go_on(folder)}")
        raise
    screen.say(summary(result, screen.width(sys.stdout)))
    return CODES[result.status]
