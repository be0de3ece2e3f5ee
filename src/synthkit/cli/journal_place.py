"""Which journal the commands look at, and how they name what is in it."""

import contextlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from synthkit.models.project import Project

F = TypeVar("F", bound=Callable[..., Any])
UNITS = ("bytes", "KB", "MB", "GB", "TB")


def at_option(command: F) -> F:
    """`--at`: another journal than the project's."""
    text = "Another journal than that of this project: its folder, or that of its project."
    return click.option("--at", metavar="FOLDER", help=text)(command)


def place(at: str | None) -> tuple[Path, "Project"]:
    """The folder of a journal, and the project that it is looked at from: its own, or else that of the working folder.

    Raises `ConfigError` where there is no journal.
    """
    from synthkit.cli.runs import short
    from synthkit.errors import ConfigError
    from synthkit.models.project import find_project

    here = find_project()
    if at is None:
        if not here.journal.is_dir():
            raise ConfigError(
                f"there is no journal in {short(here.journal)}: the first run that asks a model makes it; --at names "
                "another one"
            )
        return here.journal, here
    given = Path(at)
    inner = given / ".synthkit" / "journal"
    folder = inner if inner.is_dir() else given
    if not folder.is_dir() or not any(folder.glob("*.journal")):
        raise ConfigError(f"--at: there is no journal in {at}: name a folder with files like 000001.journal in it")
    around = find_project(folder)
    return folder, around if around.file.is_file() or inner.is_dir() else here


def hiding(project: "Project") -> Callable[[str], str]:
    """What hides the keys of a project's models in a text, wherever they may stand in it."""
    from synthkit.errors import SynthkitError
    from synthkit.models.project import Model
    from synthkit.plugins import registry

    found = registry()
    models = [Model(name, name, "") for name in found.names("provider")]
    with contextlib.suppress(SynthkitError):
        models += [project.model(ref) for ref in project.names]
    for model in models:
        with contextlib.suppress(SynthkitError):  # a plugin that is broken, a key that cannot be one
            project.endpoint(model, found.provider(model.provider))
    return project.redact


def run_names(project: "Project") -> Mapping[str, str]:
    """The names of the runs of a project, by the ids that the journal knows them by."""
    from synthkit.engine.store import read_state
    from synthkit.errors import StoreError

    found: dict[str, str] = {}
    for path in sorted(project.runs.glob("*/run.json")):
        try:
            found[read_state(path.parent)["run"]] = path.parent.name
        except StoreError:  # of another version, or damaged: its answers are there all the same
            continue
    return found


def named(provider: str, name: str, endpoint: str) -> str:
    """A model as it is shown: its name, and where it was asked if not at the provider's own service."""
    from synthkit.cli.text import plain

    return plain(f"{provider}/{name} at {endpoint}" if endpoint else f"{provider}/{name}")


def size(number: int) -> str:
    """1234567 → 1.2 MB."""
    amount, unit = float(number), 0
    while amount >= 999.5 and unit + 1 < len(UNITS):
        amount /= 1000
        unit += 1
    return f"{amount:.1f} {UNITS[unit]}" if unit and amount < 99.95 else f"{amount:.0f} {UNITS[unit]}"


def complain_of(problems: Iterable[str]) -> None:
    """Warns of what is wrong with the journal's files."""
    from synthkit.cli import screen

    for problem in problems:
        screen.complain("warning", problem)
