"""The page of commands: what each says for `--help`."""

import contextlib
import io
import os
from collections.abc import Iterator, Mapping

import click

INTRO = """\
# Commands

What each command says for `--help`. An error is one sentence on stderr; `--debug` shows where it comes from. Results go
to stdout; all else, progress and warnings, to stderr. `NO_COLOR` turns colours off.
"""


def pages() -> Mapping[str, str]:
    """The page, by its path."""
    from synthkit.cli.main import synthkit

    parts = [INTRO]
    for words in _commands(synthkit, ()):
        parts.append(
            f"{'#' * (2 if len(words) < 2 else 3)} {' '.join(('synthkit', *words))}\n\n```text\n{said(words)}```\n"
        )
    return {"commands.md": "\n".join(parts)}


def _commands(command: click.Command, words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Every command with its subcommands behind it, in the order of the help."""
    yield words
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            if found is not None and not found.hidden:
                yield from _commands(found, (*words, name))


def said(words: tuple[str, ...]) -> str:
    """What a command says for `--help`, on a terminal of 80 columns."""
    from synthkit.cli.main import main

    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = "80"
    try:
        with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.suppress(SystemExit):
            main([*words, "--help"])
    finally:
        del os.environ["COLUMNS"]
        if before is not None:
            os.environ["COLUMNS"] = before
    return out.getvalue()
