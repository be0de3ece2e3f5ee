"""Where the command line writes: results to stdout, all else to stderr; never with an error of its own."""

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TextIO

from synthkit.errors import RunError

PIPED = 120
"""Columns where the output is no terminal."""
STYLES = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
}


def prepare() -> None:
    """Makes the streams take any text: what their encoding cannot say is escaped. One that is closed takes all."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def is_terminal(stream: TextIO) -> bool:
    """Whether this is a terminal that can move its cursor."""
    try:
        return stream.isatty() and os.environ.get("TERM", "dumb") not in ("dumb", "unknown")
    except ValueError:  # closed
        return False


def width(stream: TextIO | None = None) -> int:
    """The columns to write in."""
    import shutil

    if (stream or sys.stdout).isatty() or os.environ.get("COLUMNS"):
        return max(shutil.get_terminal_size().columns, 20)
    return PIPED


def looked_at() -> bool:
    """Whether somebody sees stdout, in the width that `width` gives: what is piped is searched and copied."""
    return sys.stdout.isatty() or bool(os.environ.get("COLUMNS"))


def say(lines: Iterable[Sequence[tuple[str, str]]]) -> None:
    """Writes styled lines to stdout."""
    coloured = is_terminal(sys.stdout) and not os.environ.get("NO_COLOR")
    write("".join("".join(_styled(*piece, coloured) for piece in line).rstrip(" ") + "\n" for line in lines))


def text(lines: Iterable[Sequence[tuple[str, str]]]) -> str:
    """Lines as plain text."""
    return "\n".join("".join(piece for piece, _ in line).rstrip(" ") for line in lines)


def write(text: str, stream: TextIO | None = None) -> None:
    """Writes text to stdout or another stream. That its reader has left is no error; a full disk is, of results."""
    out = stream or sys.stdout
    try:
        out.write(text)
        out.flush()
    except BrokenPipeError:
        _mute(out)
    except OSError as error:
        _mute(out)
        if out is sys.stdout:
            raise RunError(f"cannot write the output: {error.strerror}") from error


def complain(kind: str, text: str) -> None:
    """`synthkit: error: …` on stderr: in one line, but for a terminal, where it is wrapped at words."""
    from synthkit.cli.text import plain

    said = f"synthkit: {kind}: {plain(' '.join(text.split()))}"
    write("\n".join(_hanging(said, _columns(sys.stderr))) + "\n", sys.stderr)


def _columns(stream: TextIO) -> int | None:
    """The columns of a terminal; None where it is none."""
    try:
        return max(os.get_terminal_size(stream.fileno()).columns, 20) if stream.isatty() else None
    except (OSError, ValueError):  # closed, or without a file
        return None


def _hanging(text: str, width: int | None) -> list[str]:
    """The text in lines of so many columns. Words are never broken: they may be paths, to be copied."""
    from synthkit.cli.text import width_of

    lines: list[str] = []
    for word in text.split(" "):
        if lines and (width is None or width_of(lines[-1]) + 1 + width_of(word) <= width):
            lines[-1] += f" {word}"
        else:
            lines.append(f"  {word}" if lines else word)
    return lines


def _mute(stream: TextIO) -> None:
    """Points a stream whose reader has left to nowhere, so that nothing fails later, at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, stream.fileno())
    except (OSError, ValueError):
        pass
    finally:
        os.close(nowhere)


def _styled(text: str, style: str, coloured: bool) -> str:
    return f"\x1b[{STYLES[style]}m{text}\x1b[0m" if coloured and style and text.strip() else text
