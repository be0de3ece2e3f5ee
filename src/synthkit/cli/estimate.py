"""`synthkit estimate FILE`."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click

from synthkit.cli.file_command import FileCommand
from synthkit.cli.options import OWN, estimate_options, own_values, settings

if TYPE_CHECKING:
    from synthkit.engine.pipeline import Pipeline
    from synthkit.engine.source import Source

MODEL = "model"


class EstimateCommand(FileCommand):
    """A command with FILE that makes no run folder."""

    options = staticmethod(estimate_options)
    whose = "every estimate"


@click.command(cls=EstimateCommand)
def estimate(
    source: "Source", pilot: int, compare: str | None, compare_as: str | None, as_json: bool, **given: Any
) -> int:
    """Say what a run of the pipeline in FILE will make, ask, cost and take: a pilot of its first source records goes
    through all steps, and what it led to is reckoned up, with intervals of 90 %.

    It leaves no run folder. What the pilot asks is in the journal: a run with the same target and seed does not pay for
    it again. Exit codes: 0 with an estimate; 1 when no total can be given; 3 when it was stopped.
    """
    from synthkit.cli.progress import watcher
    from synthkit.cli.starting import blaming, pipeline_from, warn_of_plugins
    from synthkit.engine.estimate import estimate

    warn_of_plugins()
    watch = watcher(quiet=given["quiet"] or as_json, lines=False)
    more = {"target": given["target"], "watch": watch, "file": source, **settings(given)}
    if compare is not None or compare_as is not None:
        return _compared(source, given, compare, compare_as or MODEL, pilot, as_json, more)
    from synthkit.cli import screen
    from synthkit.cli.estimated import told

    with blaming(source.path):
        made = estimate(pipeline_from(source, given), pilot, parameters=own_values(given), **more)
    if as_json:
        _write(made.form())
    else:
        screen.say(told(made, screen.width()))
    if made.problem:
        screen.complain("error", made.problem)
    return 3 if made.stopped else int(made.failed)


def _compared(
    source: "Source", given: Mapping[str, Any], models: str | None, name: str, pilot: int, as_json: bool,
    more: Mapping[str, Any],
) -> int:  # fmt: skip
    """`--compare`."""
    from synthkit.cli import screen
    from synthkit.cli.compared import told
    from synthkit.cli.starting import blaming
    from synthkit.engine.sidebyside import compare

    make = _maker(source, given, name)
    with blaming(source.path):
        made = compare(_named(models), make, pilot, **more)
    if as_json:
        _write(made.form())
    else:
        screen.say(told(made, screen.width()))
    return 3 if made.stopped else int(made.failed)


def _named(models: str | None) -> list[str]:
    """The models of `--compare`. Raises `ConfigError` for none, and for one that is named twice."""
    from synthkit.errors import ConfigError

    found = [name.strip() for name in (models or "").split(",") if name.strip()]
    if not found:
        raise ConfigError("--compare names no model: write --compare openai/gpt-5-mini,openai/gpt-5-nano")
    twice = next((name for name in found if found.count(name) > 1), None)
    if twice is not None:
        raise ConfigError(f"--compare names {twice!r} twice: name each model once")
    return found


def _maker(source: "Source", given: Mapping[str, Any], name: str) -> "Callable[[str], Pipeline]":
    """Makes the pipeline with a model in the place of one parameter. Raises `ConfigError` where there is none of that
    name."""
    from synthkit.cli.options import several_values
    from synthkit.cli.starting import pipeline_from
    from synthkit.errors import ConfigError

    name = name.removeprefix("--").replace("-", "_")
    parameters = {parameter.name: parameter for parameter in source.parameters()}
    if name not in parameters:
        there = ", ".join(parameters) or "none"
        raise ConfigError(
            f"{source.path} has no parameter {name!r} for the models of --compare: name one with --compare-as; it has "
            f"{there}"
        )
    key, many = OWN + name, several_values(parameters[name])
    return lambda model: pipeline_from(source, {**given, key: [model] if many else model})


def _write(form: Any) -> None:
    import json

    from synthkit.cli import screen

    screen.write(json.dumps(form, indent=2, default=list) + "\n")
