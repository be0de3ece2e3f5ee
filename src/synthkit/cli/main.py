"""The command `synthkit`. Commands are imported when they are called, so that help is instant."""

import importlib
import sys
from collections.abc import Mapping, Sequence
from typing import NoReturn

import click

from synthkit.cli.group import Group

COMMANDS: Mapping[str, tuple[str, str]] = {
    "run": ("synthkit.cli.run:run", "Run a pipeline file."),
    "resume": ("synthkit.cli.resume:resume", "Go on with a run."),
    "check": ("synthkit.cli.check:check", "Check a pipeline file without running it."),
    "preview": ("synthkit.cli.preview:preview", "Show each step's prompts and answers for the first records."),
    "estimate": ("synthkit.cli.estimate:estimate", "Say what a run will cost and take, from a pilot of a few records."),
    "show": ("synthkit.cli.show:show", "Show what a run came to, the story of a record, or all runs."),
    "rejected": ("synthkit.cli.rejected:rejected", "Show what a run did not accept, and why."),
    "export": ("synthkit.cli.export:export", "Write a run's records as training examples."),
    "convert": ("synthkit.cli.convert:convert", "Turn a file of training examples into another format."),
    "journal": ("synthkit.cli.journal:journal", "The journal: every answer that was paid for."),
    "components": ("synthkit.cli.components:components", "List and show what pipelines are made of."),
    "plugins": ("synthkit.cli.plugins:plugins", "List the installed plugins."),
}
"""For each command where it is, and its short help."""

EPILOG = """\b
Exit codes:
  0    complete
  1    failed, or cannot go on
  2    what was asked for cannot run: an option, a file, a check
  3    partial: less than was asked for; `synthkit resume` goes on
  130  stopped at once, by Ctrl-C twice"""


class Lazy(Group):
    """A group whose commands are imported when they are needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order in which they are used."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Imports a command."""
        if name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[name][0].partition(":")
        found = getattr(importlib.import_module(module), attribute)
        assert isinstance(found, click.Command)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """From the table above."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


def _version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        click.echo(f"synthkit {version('synthkit')}")
        ctx.exit()


@click.group(cls=Lazy, epilog=EPILOG)
@click.option("--debug", is_flag=True, expose_value=False, help="Show where an error comes from.")
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version, and exit."
)
def synthkit() -> None:
    """Synthetic training, preference and evaluation data with language models: pipelines written in Python, made of
    generators, steps, filters and judges."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Runs the command line and exits."""
    from synthkit.cli import screen
    from synthkit.errors import RunError

    screen.prepare()
    given = list(sys.argv[1:] if arguments is None else arguments)
    code = _run(given)
    try:
        screen.write("")  # what is still held back, now, where it can be said that its reader has left
    except RunError as error:  # a full disk
        screen.complain("error", str(error))
        code = code or 1
    sys.exit(code)


def _run(given: list[str]) -> int:
    from synthkit.cli import screen
    from synthkit.cli.screen import complain
    from synthkit.errors import SynthkitError

    debug = "--debug" in given
    try:
        code = synthkit.main(given, prog_name="synthkit", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except (click.Abort, KeyboardInterrupt):
        return 130
    except BrokenPipeError:
        return 1
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return 2
    except click.ClickException as error:
        _trace(debug)
        complain("error", sentence(error))
        return error.exit_code
    except SynthkitError as error:
        _trace(debug)
        for problem in getattr(error, "problems", [str(error)]):
            complain("error", problem)
        for note in getattr(error, "__notes__", ()):
            screen.write(f"{note}\n", sys.stderr)
        return error.exit_code
    except Exception as error:
        _trace(debug)
        hint = "" if debug else " (--debug shows where)"
        complain("error", f"{type(error).__name__}: {error}{hint}")
        return 1


def _trace(debug: bool) -> None:
    if debug:
        import traceback

        from synthkit.cli import screen
        from synthkit.cli.text import plain

        for text in traceback.format_exc().splitlines():
            screen.write(f"{plain(text)}\n", sys.stderr)


def sentence(error: click.ClickException) -> str:
    """What click says, as one of our sentences."""
    command = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "synthkit"
    if isinstance(error, click.NoSuchOption):
        return _no_option(error, command)
    if isinstance(error, click.MissingParameter) and error.param:
        return f"`{command}` needs {error.param.make_metavar(error.ctx) if error.ctx else ''}: see `{command} --help`"
    if isinstance(error, click.BadParameter) and error.param:
        return f"{error.param.opts[0]}: {error.message.rstrip('.')}"
    if isinstance(error, click.BadOptionUsage):
        return f"{error.option_name} needs a value"
    return error.format_message().rstrip(".").replace("Got unexpected", "unexpected")


def _no_option(error: click.NoSuchOption, command: str) -> str:
    from synthkit.cli.options import nearest, run_options

    params = error.ctx.command.get_params(error.ctx) if error.ctx else []
    if command == "synthkit resume" and any(error.option_name in option.opts for option in run_options()):
        return f"there is no option {error.option_name} of {command}: a run keeps what it began with"
    near = nearest(error.option_name, params)
    hint = f"did you mean {near[0]}?" if near else f"see `{command} --help`"
    return f"there is no option {error.option_name}: {hint}"


if __name__ == "__main__":
    main()
