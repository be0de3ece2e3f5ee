"""A data file being read as text: opened with care, read line by line, and gone on with where it was left."""

import difflib
import os
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections import OrderedDict
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from io import BufferedReader
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from synthkit.errors import InputError

Rows = Generator[tuple[int, dict[str, Any]], None, None]
"""The rows of a file, each with its place: the number of the line it starts on, from 1."""


class Skipped:
    """The bad lines that were left out of a run's input files: how many of each file, and what was wrong with the first
    of them."""

    def __init__(self) -> None:
        self._lines: dict[str, dict[str, None]] = {}

    def add(self, path: Path, problem: str) -> None:
        self._lines.setdefault(str(path), {})[problem] = None  # files are read more than once

    def notes(self, names: Mapping[str, str] | None = None) -> list[str]:
        """A sentence for each file. names: what people call a file of which a copy was read."""
        said = []
        for path, found in sorted(self._lines.items()):
            lines = "line was" if len(found) == 1 else "lines were"
            first = next(iter(found)).removeprefix(path).lstrip(", ")
            said.append(f"{(names or {}).get(path, path)}: {len(found):,} bad {lines} left out; the first: {first}")
        return said


_skipped: ContextVar[Skipped | None] = ContextVar("skipped", default=None)


@contextmanager
def skipping(skipped: Skipped | None) -> Iterator[None]:
    """Within this, lines of input files that are no records are left out and noted, instead of raised; with None they
    are raised. It holds for the thread, and what is started from it with its context: how files are read is a matter of
    the run, and no reader's parameter."""
    token = _skipped.set(skipped)
    try:
        yield
    finally:
        _skipped.reset(token)


def bad_line(path: Path, error: InputError) -> None:
    """Leaves a bad line out where the run said so, else raises the error. Readers call it for each."""
    skipped = _skipped.get()
    if skipped is None:
        error.add_note("such lines are left out with --on-bad-line skip (in Python: on_bad_line='skip')")
        raise error
    skipped.add(path, str(error))


def tolerant() -> bool:
    """Whether bad lines are left out."""
    return _skipped.get() is not None


def open_file(path: Path) -> BufferedReader:
    """Opens a data file to read bytes. Raises `InputError` when it is missing, no file, not readable or empty."""
    try:
        if path.is_dir():
            raise InputError(f"{path} is a directory: name a file in it{_nearest(path / '_')}")
        if path.exists() and not path.is_file():
            raise InputError(f"{path} is no regular file: write what it gives into one first")
        file = path.open("rb")
        if os.fstat(file.fileno()).st_size:
            return file
        file.close()
    except FileNotFoundError:
        raise InputError(_missing(path)) from None
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror or error}): check the path and its rights") from error
    raise InputError(f"{path} is empty: it needs at least one record")


def _missing(path: Path) -> str:
    if not path.parent.is_dir():
        return f"{path} does not exist, nor does the folder {path.parent}: check the path"
    return f"{path} does not exist: check the name{_nearest(path)}"


def _nearest(path: Path) -> str:
    """«; did you mean …?» with the nearest name in that folder, or what the folder holds."""
    try:
        names = sorted(p.name for p in islice(path.parent.iterdir(), 1000) if not p.name.startswith("."))
    except OSError:
        return ""
    near = difflib.get_close_matches(path.name, names, 1, 0.6)
    if near:
        return f"; did you mean {str(path.with_name(near[0]))!r}?"
    return f"; there are: {', '.join(names[:8])}{', …' if len(names) > 8 else ''}" if names else "; there is none"


class Place(NamedTuple):
    """Where the next row of a file starts: its number, and the lines, columns and bytes in front of it."""

    row: int = 0
    line: int = 0
    column: int = 0
    offset: int = 0


_reached: OrderedDict[tuple[Any, ...], Place] = OrderedDict()
"""How far this process has read which files: a short cut, so that reading on in rounds is not reading anew."""


class Source:
    """A text file being read: its lines, decoded, and the lines, columns and bytes that are behind."""

    def __init__(self, path: Path, file: BufferedReader, kind: str) -> None:
        self.path = path
        self.file = file
        self.line = self.column = self.offset = 0
        stat = os.fstat(file.fileno())
        self._key = (kind, stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns)
        if file.peek(2).startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
            raise InputError(f"{path} is UTF-16, not UTF-8: save it as UTF-8")

    def recall(self, start: int) -> int:
        """Goes to the last known place at or before row `start`; returns the number of the row there."""
        at = _reached.get(self._key, Place())
        if at.row > start:
            return 0
        self.file.seek(at.offset)
        self.line, self.column, self.offset = at.line, at.column, at.offset
        return at.row

    def remember(self, row: int) -> None:
        """Notes that row `row` starts here."""
        _reached[self._key] = Place(row, self.line, self.column, self.offset)
        _reached.move_to_end(self._key)
        while len(_reached) > 64:
            _reached.popitem(last=False)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        while raw := self.file.readline():
            if self.offset == 0:
                self.offset, raw = len(raw), raw.removeprefix(BOM_UTF8)
            else:
                self.offset += len(raw)
            self.line += 1
            try:
                return raw.decode()
            except UnicodeDecodeError as error:
                byte = raw[error.start]
                self.bad(f"byte {error.start + 1} of the line ({byte:#04x}) is not UTF-8: save the file as UTF-8")
        raise StopIteration

    def skip(self, count: int) -> None:
        """Passes over this many lines that are not blank, without looking into them."""
        while count and (raw := self.file.readline()):
            self.offset += len(raw)
            self.line += 1
            count -= bool(raw.strip())

    def fail(self, problem: str, line: int | None = None, column: int | None = None) -> NoReturn:
        """Raises `InputError` for this line, or another."""
        raise self._error(problem, line, column) from None

    def bad(self, problem: str, line: int | None = None, column: int | None = None) -> None:
        """Leaves this line out, where the run said so; else raises `InputError` for it."""
        bad_line(self.path, self._error(problem, line, column))

    def _error(self, problem: str, line: int | None, column: int | None) -> InputError:
        where = f", column {column}" if column is not None else ""
        return InputError(f"{self.path}, line {line or self.line}{where}: {problem}")


def text_rows(path: Path, kind: str, start: int, rows: Callable[[Source, int], Rows]) -> Rows:
    """The rows of a text file from number `start` on. rows: reads them off a source, after skipping some."""
    with open_file(path) as file:
        source = Source(path, file, kind)
        number = source.recall(start)
        skip = start - number
        try:
            for line, row in rows(source, skip):
                number, skip = number + skip + 1, 0
                yield line, row
        except GeneratorExit:  # whoever reads has enough, for now
            source.remember(number)
            raise
        if start == number == 0:
            raise InputError(f"{path} holds no {'good ' if tolerant() else ''}records: it needs at least one")
