"""What the code of a pipeline prints in a lane: people look for it on the terminal of the run."""

import io
import re
import sys
import threading
from collections.abc import Callable, Sequence
from typing import TextIO

LINES, LONGEST = 20, 1000
"""Lines that are told at a time, of one lane, and characters of each."""
COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Overheard(io.TextIOBase):
    """Stands for `sys.stdout` or `sys.stderr`: what is written goes where it went, and is kept until it is told."""

    def __init__(self, behind: TextIO) -> None:
        self._behind = behind
        self._guard = threading.Lock()
        self._begun = ""
        self._lines: list[str] = []
        self._more = 0

    @property
    def encoding(self) -> str:  # type: ignore[override]  # what it writes to has one
        return self._behind.encoding

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self._behind.write(text)
        with self._guard:
            *lines, begun = (self._begun + text).split("\n")
            self._begun = begun[-LONGEST:]
            room = max(0, LINES - len(self._lines))
            self._lines += lines[:room]
            self._more += len(lines[room:])
        return len(text)

    def flush(self) -> None:
        self._behind.flush()

    def fileno(self) -> int:
        return self._behind.fileno()

    def taken(self) -> Sequence[str]:
        """The lines since the last time, some of very many."""
        with self._guard:
            lines, self._lines = self._lines, []
            more, self._more = self._more, 0
        return [*lines, f"… and {more:,} lines more"] if more else lines


def overhear(redact: Callable[[str], str]) -> Callable[[], Sequence[str]]:
    """Listens to what this process prints from now on; gives what returns the lines since the last time, without keys
    and without what would move a cursor."""
    both = [Overheard(sys.stdout), Overheard(sys.stderr)]
    sys.stdout, sys.stderr = both
    return lambda: [_shown(redact(line)[:LONGEST]) for one in both for line in one.taken() if line.strip()]


def _shown(line: str) -> str:
    bare = COLOURS.sub("", line).replace("\t", " ").rstrip("\r")
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in bare)
