"""`synthkit run FILE`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from synthkit.cli.file_command import FileCommand
from synthkit.cli.options import own_values, settings

if TYPE_CHECKING:
    from synthkit.engine.source import Source


@click.command(cls=FileCommand)
def run(source: "Source", **given: Any) -> int:
    """Run the pipeline in FILE.

    Ctrl-C once stops orderly and keeps all that is done, twice stops at once.
    """
    from synthkit.cli.starting import blaming, conducted, pipeline_from, warn_of_copies, warn_of_plugins
    from synthkit.engine import api
    from synthkit.models.project import find_project

    warn_of_plugins()
    folder = _new(given["run_dir"])
    warn_of_copies(find_project().folder, folder)
    with blaming(source.path):
        pipeline = pipeline_from(source, given)
        return conducted(
            lambda watch: api.run(
                pipeline,
                target=given["target"],
                folder=folder,
                exports=given["export"],
                watch=watch,
                file=source,
                parameters=own_values(given),
                ray=given["ray"],
                runtime_env=given["runtime_env"],
                **settings(given),
            ),
            given["quiet"],
        )


def _new(name: str | None) -> Path | None:
    """The folder of a new run. Raises `ConfigError` for one that is there and not empty."""
    from synthkit.engine.control import go_on
    from synthkit.errors import ConfigError

    if name is None:
        return None
    if not name.strip():
        raise ConfigError("--run-dir names no folder: give a new one, or leave the option out")
    folder = Path(name)
    try:
        there = sorted(path.name for path in folder.iterdir() if path.name != "run.lock")
    except FileNotFoundError:
        return folder
    except NotADirectoryError as error:
        raise ConfigError(f"--run-dir: {name} is a file, or below one: name a new folder") from error
    except OSError as error:
        raise ConfigError(f"--run-dir: {name}: {error.strerror or error}: name another folder") from error
    if "run.json" in there:
        raise ConfigError(f"--run-dir: {name} holds a run: go on with it by `{go_on(folder)}`, or name another folder")
    if there:
        raise ConfigError(f"--run-dir: {name} is not empty (there is {there[0]}): name a new folder")
    return folder
