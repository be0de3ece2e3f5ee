"""`synthkit journal explain`."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from synthkit.cli.file_command import FileCommand, find_file
from synthkit.cli.journal_place import hiding
from synthkit.cli.options import debug_option, own_values, run_options, settings

if TYPE_CHECKING:
    from synthkit.engine.settings import Settings
    from synthkit.engine.source import Source

KEPT = ("--target", "--seed", "--export", "--split", "--on-bad-line", "--max-rounds", "--debug")
HELP = """Say which requests are other ones now, in which field, and what asking them anew would cost.

With RUN_A RUN_B: what two runs asked, compared. With a pipeline FILE: what it would ask now, compared with its last
run that did not fail; parameters, target and seed are those of that run, unless they are given. No call is made: it
goes as far as the journal has answers, and says what it cannot know. Your own steps do run.
"""


def explain_options() -> list[click.Option]:
    """The options of every explanation."""
    option = click.Option
    return [
        option(
            ["--against"], metavar="RUN", help="The run to compare with.  [default: the last of FILE that did not fail]"
        ),
        option(["as_json", "--json"], is_flag=True, help="All numbers, for programs."),
        *(given for given in run_options() if given.opts[0] in KEPT),
    ]


class ExplainCommand(FileCommand):
    """A command with FILE, or with two runs."""

    options = staticmethod(explain_options)
    whose = "every explanation"

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Hands over to the command for two runs where no argument is a pipeline file."""
        file = None if extra.get("resilient_parsing") else find_file(args, self.params)
        if file is not None and not file.endswith(".py"):
            return of_runs.make_context(info_name, args, parent, **extra)
        first = args[0] if args else ""  # click uses the list up
        try:
            return super().make_context(info_name, args, parent, **extra)
        except click.UsageError as error:
            if file is None or "unexpected extra argument" not in error.message.lower():
                raise
            run = first if first not in ("", file) and not first.startswith("-") else "RUN"
            raise click.UsageError(
                f"for a file against a run: `synthkit journal explain {file} --against {run}`", error.ctx
            ) from error

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """What stands behind the command's name in its help."""
        return ["FILE | RUN_A RUN_B", "[OPTIONS]"]


@click.command(help=HELP)
@click.argument("old", metavar="RUN_A")
@click.argument("new", metavar="RUN_B", required=False)
@click.option("--json", "as_json", is_flag=True, help="All numbers, for programs.")
@debug_option
def of_runs(old: str, new: str | None, as_json: bool) -> int:
    """Compares two runs."""
    from synthkit.cli import screen
    from synthkit.cli.journal_changes import told
    from synthkit.cli.runs import find_run, short
    from synthkit.cli.waiting import waiting
    from synthkit.engine import explain
    from synthkit.errors import ConfigError
    from synthkit.models.project import find_project

    if new is None:
        raise ConfigError(f"{old} is one run: name a second one behind it, or a pipeline file, to compare it with")
    before, now = find_run(old), find_run(new)
    hide = hiding(find_project())
    with waiting("reading the runs") as watch:
        found = explain.runs(before, now, watch)
    if as_json:
        _write({"old": str(before), "new": str(now), **found.form()}, hide)
    else:
        screen.say(told(found, f"{short(now)}, compared with {short(before)}", screen.width(), hide))
    return 0


@click.command(cls=ExplainCommand, help=HELP, short_help="Say which requests are other ones now, and in which field.")
def explain(source: "Source", against: str | None, as_json: bool, **given: Any) -> int:
    """Compares a pipeline file with its last run."""
    from synthkit.cli import screen
    from synthkit.cli.journal_changes import told
    from synthkit.cli.runs import find_run, short, status_of
    from synthkit.cli.starting import blaming, pipeline_from, warn_of_plugins
    from synthkit.cli.waiting import waiting
    from synthkit.engine import api
    from synthkit.engine import explain as engine
    from synthkit.engine.result import Result
    from synthkit.models.project import find_project

    warn_of_plugins()
    run = find_run(against) if against else last_run(source)
    as_before = As(source, run, given)
    with blaming(source.path):
        pipeline = pipeline_from(source, as_before.given)
        told_settings = as_before.settings()
        project = find_project()
        hide = hiding(project)
        plan = api.checked(pipeline, told_settings, as_before.target, project, source)
        with waiting("rehearsing") as watch:
            found, rehearsed = engine.edit(run, plan, told_settings, project, watch)
    if as_json:
        left = {"waiting_records": len(rehearsed.missing), "guessing": list(rehearsed.guessing)}
        _write({"old": str(run) if run else None, "new": str(source.path), **found.form(), **left}, hide)
        return 0
    if run and (status := status_of(Result(run))[0]) != "complete":
        as_before.notes.append(f"that run is {status}: what it did not come to is new")
    title = f"{short(source.path)} as it is now, " + (f"compared with {short(run)}" if run else "which has no run yet")
    screen.say(told(found, title, screen.width(), hide, rehearsed=rehearsed, notes=as_before.notes))
    return 0


class As:
    """What a run was given, where the command says nothing else. notes: what was taken from it, to be told."""

    def __init__(self, source: "Source", run: Path | None, given: Mapping[str, Any]) -> None:
        from synthkit.cli.options import OWN
        from synthkit.engine.store import read_state

        self.given = dict(given)
        self._run = run
        self.notes: list[str] = []
        self._state: Mapping[str, Any] = read_state(run) if run else {}
        taken = []
        told = own_values(given)
        for parameter in source.parameters():
            text = self._state.get("parameters", {}).get(parameter.name)
            flag = f"--{parameter.name.replace('_', '-')}"
            if text is None or parameter.name in told:
                continue
            value = _read(parameter.type, text)
            if value is None:
                self.notes.append(f"that run was given {flag}: give it here, too")
            else:
                self.given[OWN + parameter.name] = value
                taken.append(_said(flag, value))
        self.target: int | None = given["target"]
        if self.target is None and self._state.get("target") is not None:
            self.target = self._state["target"]
            taken.append(f"--target {self.target}")
        if taken:
            self.notes.insert(0, f"as that run: {', '.join(taken)}")

    def settings(self) -> "Settings":
        """The settings of the run, with what was given now."""
        from dataclasses import replace

        from synthkit.engine.settings import Settings

        now = settings(self.given)
        before = Settings.of(self._state["settings"]) if self._state else Settings()
        exports = tuple(self.given["export"]) or tuple(self._exports())
        return replace(before, **now, exports=exports, offline=True, budget=None)

    def _exports(self) -> Iterator[str]:
        """Those of the run, in its own folder: nothing is written, and where they went may be gone."""
        for number, text in enumerate(self._state.get("exports", ())):
            path, _, format = text.rpartition(":")
            yield f"{self._run}/{number}-{Path(path).name}:{format}"


def last_run(source: "Source") -> Path | None:
    """The run of a pipeline file that began last among those that did not fail, else among all; by the name of the
    file. A clock may be wrong, so it is told."""
    from synthkit.engine.store import read_state
    from synthkit.errors import StoreError
    from synthkit.models.project import find_project

    found: list[tuple[bool, str, str, Path]] = []
    for path in find_project().runs.glob("*/run.json"):
        try:
            state = read_state(path.parent)
        except StoreError:
            continue
        if state.get("source") == source.path.name:
            found.append((state["status"] != "failed", state["began"], path.parent.name, path.parent))
    return max(found)[-1] if found else None


def _read(kind: Any, text: str) -> Any:
    """The value of a parameter that run.json keeps as text; None where it cannot be had back."""
    import ast

    from pydantic import TypeAdapter, ValidationError

    for read in (lambda: text, lambda: ast.literal_eval(text)):
        with contextlib.suppress(ValidationError, ValueError, SyntaxError, RecursionError):
            return TypeAdapter(kind).validate_python(read())
    return None


def _said(flag: str, value: Any) -> str:
    """An option as it is typed."""
    import shlex

    if isinstance(value, bool):
        return flag if value else flag.replace("--", "--no-", 1)
    values = value if isinstance(value, list | tuple | set | frozenset) else [value]
    return " ".join(f"{flag} {shlex.quote(str(one))}" for one in values)


def _write(form: Mapping[str, Any], hide: Callable[[str], str]) -> None:
    import json

    from synthkit.cli import screen

    screen.write(hide(json.dumps(form, indent=2)) + "\n")
