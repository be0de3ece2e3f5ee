"""Reading JSON files of records: one object on each line, or one array of them, which is not loaded as a whole."""

import json
import math
import re
from codecs import BOM_UTF8, getincrementaldecoder
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from synthkit.core.source import Rows, Source, open_file, text_rows, tolerant
from synthkit.core.values import DEEPEST

CHUNK = 1 << 18
"""Bytes that are read of an array at once."""
TOO_DEEP = "lists and objects stand too deep inside each other: make that record flatter"
LONGEST = 1 << 26
"""Characters that are looked through for the end of an object that does not parse."""


def read_jsonl(path: Path, start: int = 0) -> Rows:
    """The objects of a file with one on each line. A byte order mark, CRLF and blank lines are accepted."""
    return text_rows(path, "jsonl", start, _line_rows)


def read_json(path: Path, start: int = 0) -> Rows:
    """The objects of a file that holds one array of them, or one on each line."""
    with open_file(path) as file:
        first = file.read(4096).removeprefix(BOM_UTF8).lstrip()[:1]
    return text_rows(path, "json", start, _array_rows) if first == b"[" else read_jsonl(path, start)


class _Unfit(ValueError):
    """What the parser would accept and a record cannot hold: the problem, and the token to point at."""


def _constant(token: str) -> NoReturn:
    raise _Unfit(f"{token} is no JSON: write null instead", token)


def _float(token: str) -> float:
    value = float(token)
    if math.isinf(value):
        raise _Unfit(f"{token} is too large for a number: write it as text", token)
    return value


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _Unfit(f"the key {twice!r} is there twice: remove or rename one of them", "")
    return made


_JSON = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant, parse_float=_float)
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[-+\w.]+')
_FULL = re.compile(r"[^ \t\r\n]")


def _problem(error: Exception, text: str, start: int = 0) -> tuple[str, int | None]:
    """What is wrong with the JSON that starts at `start`, and at which character, if that is known."""
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg}: repair that record or remove it", error.pos
    if isinstance(error, _Unfit):
        problem, token = error.args
        return problem, next((m.start() for m in _TOKEN.finditer(text, start) if m[0] == token), None)
    if isinstance(error, RecursionError):
        return TOO_DEEP, None
    return "a whole number has too many digits: write it as text", None


def _checked(source: Source, value: Any, line: int) -> dict[str, Any] | None:
    """The value, which must be an object; None for one that is left out."""
    if type(value) is dict:
        if _deep(value):
            source.bad(TOO_DEEP, line)
            return None
        return value
    kinds: dict[type, str] = {list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    hint = "; a file that is one JSON array has the format 'json'" if isinstance(value, list) else ""
    source.bad(f"{kinds.get(type(value), 'a number')} stands where an object must: write {{…}}{hint}", line)
    return None


def _deep(value: Any, depth: int = 0) -> bool:
    """Whether lists and objects stand deeper inside each other than a record can hold."""
    inner = value.values() if type(value) is dict else value if type(value) is list else ()
    return depth > DEEPEST or any(_deep(item, depth + 1) for item in inner if type(item) in (dict, list))


def _line_rows(source: Source, skip: int) -> Rows:
    if not tolerant():  # else a line has to be looked at to know whether it counts
        source.skip(skip)
        skip = 0
    for text in source:
        if not text or text.isspace():
            continue
        try:
            value = _JSON.decode(text)
        except (ValueError, RecursionError) as error:
            problem, at = _problem(error, text)
            source.bad(problem, column=None if at is None else at + 1)
            continue
        row = _checked(source, value, source.line)
        if row is not None and skip:
            skip -= 1
        elif row is not None:
            yield source.line, row


class _Array:
    """The text of an array, read in chunks. `at` is the next character; the source knows what is behind it."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.text, self.at, self.done = "", 0, False
        self._decoder = getincrementaldecoder("utf-8")()

    @property
    def line(self) -> int:
        """The line of the next character."""
        return self.source.line + 1

    def more(self) -> bool:
        """Reads on, at least as much as is waiting already. False at the end of the file."""
        if self.done:
            return False
        self.text, self.at = self.text[self.at :], 0
        raw = self.source.file.read(max(CHUNK, len(self.text)))
        self.done = not raw
        try:
            self.text += self._decoder.decode(raw, final=self.done)
        except UnicodeDecodeError as error:
            before = self.text.encode() + error.object[: error.start]
            line, last = self.line + before.count(b"\n"), len(before) - before.rfind(b"\n") - 1
            byte = last + 1 + (0 if b"\n" in before else self.source.column)
            code = error.object[error.start]
            self.source.fail(f"byte {byte} of the line ({code:#04x}) is not UTF-8: save the file as UTF-8", line)
        return True

    def move(self, to: int) -> None:
        """Goes on to a later character."""
        passed, source = self.text[self.at : to], self.source
        source.offset += len(passed.encode())
        lines = passed.count("\n")
        source.line += lines
        source.column = len(passed) - passed.rfind("\n") - 1 if lines else source.column + len(passed)
        self.at = to

    def peek(self) -> str:
        """Goes to the next character that is no white space, and returns it; "" at the end of the file."""
        while True:
            match = _FULL.search(self.text, self.at)
            self.move(match.start() if match else len(self.text))
            if match or not self.more():
                return match[0] if match else ""

    def value(self) -> Any:
        """The value that starts here."""
        while True:
            try:
                value, end = _JSON.raw_decode(self.text, self.at)
            except (ValueError, RecursionError) as error:
                if len(self.text) - self.at <= LONGEST and self.more():
                    continue  # perhaps it was only cut
                problem, at = _problem(error, self.text, self.at)
                self.move(self.at if at is None else at)
                self.fail(problem)
            self.move(end)
            return value

    def fail(self, problem: str) -> NoReturn:
        self.source.fail(problem, self.line, self.source.column + 1)


def _array_rows(source: Source, skip: int) -> Rows:
    array, first = _Array(source), source.offset == 0
    if first:
        source.offset = len(BOM_UTF8) if source.file.read(3) == BOM_UTF8 else 0
        source.file.seek(source.offset)
        array.peek()
        array.move(array.at + 1)
    while (found := array.peek()) != "]":
        if found == "":
            array.fail("the file ends inside its array: it was cut, or the last ']' is missing")
        if not first:
            if found != ",":
                array.fail("Expecting ',' delimiter: put a comma between two records")
            array.move(array.at + 1)
            array.peek()
        first, line = False, array.line
        row = _checked(source, array.value(), line)
        if row is not None and skip:
            skip -= 1
        elif row is not None:
            yield line, row
    array.move(array.at + 1)
    if array.peek():
        array.fail("the file goes on behind the end of its array: remove what stands there")
