"""LoadRecords: the rows of a file."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from synthkit.core import IO, Fields, Generator, Have, Round
from synthkit.core.columns import hint
from synthkit.core.files import Kind, kind_of, read_rows, unit
from synthkit.core.values import RESERVED
from synthkit.errors import InputError, PipelineError

WHOLE = 64 << 20
"""Bytes up to which a file is looked through as a whole before a run."""
FEW = 1_000
"""Rows that are looked at in a larger file, and in Parquet, where the columns are those of the file."""
NOT_NAMES = ("", *RESERVED)


class Look(NamedTuple):
    """The columns that every row looked at has, and those that some have, in the order of the file."""

    sure: tuple[str, ...]
    maybe: tuple[str, ...]


_looks: dict[tuple[Any, ...], Look] = {}


class LoadRecords(Generator):
    """The rows of a JSON lines, JSON, CSV or Parquet file, in the file's order.

    path: the file; a relative path is relative to the working folder. columns: which of the file's columns to take,
    and how to call them here, as in {"prompt": "instruction"}; by default all, under their own names. limit: how many
    rows to take at most. format: "jsonl", "json", "csv" or "parquet"; by default what the suffix says.

    Before a run the whole file is looked through (of a file over 64 MB, or of Parquet, the first 1,000 rows): columns
    that every row has can be relied on, the others are there on some records only. Raises `InputError`, naming file
    and line, for whatever cannot be read, then or later.

    Example:
        Path("example-people.jsonl").write_text('{"Name": "Ada", "Born": 1815}')
        Pipeline("example") >> LoadRecords("example-people.jsonl", columns={"Name": "name"})
    """

    path: Path
    columns: dict[str, str] | None = None
    limit: int | None = None
    format: Kind | None = None

    def __init__(self, path: Path | str, **parameters: Any) -> None:
        super().__init__(path=path, **parameters)

    def io(self, have: Have) -> IO:
        problems = list(self._problems())
        if problems:
            raise PipelineError(*problems)
        found = _looks[self._key()] = self._look()
        return IO.of(writes=found.sure, maybe=found.maybe)

    def generate(self, round: Round) -> Iterator[Fields]:
        want = round.want if self.limit is None else min(round.want, self.limit - round.start)
        key = self._key()
        if key not in _looks:  # this process did not plan the run
            _looks[key] = self._look()
        promised = set(_looks[key].sure)
        with closing(read_rows(self.path, self.format, round.start)) as rows:
            for place, row in islice(rows, max(want, 0)):
                fields = self._fields(place, row)
                if not promised <= fields.keys():
                    lost = min(promised - fields.keys())
                    self._fail(place, f"the column {lost!r}, which all rows looked at before the run have, is missing")
                yield fields

    def _problems(self) -> Iterator[str]:
        if self.limit is not None and self.limit < 1:
            yield f"limit={self.limit} takes no rows: use 1 or more, or leave it out"
        if self.columns is not None:
            new = list(self.columns.values())
            if not new:
                yield "columns={} takes no columns: name some, or leave it out for all of them"
            for name in dict.fromkeys(new):
                if new.count(name) > 1:
                    yield f"columns={self.columns!r} gives the name {name!r} twice: names must differ"
                if name in NOT_NAMES:
                    yield f"columns={self.columns!r}: {name!r} cannot be a column's name: choose another"

    def _key(self) -> tuple[Any, ...]:
        """Parameters, and the file as it is now."""
        try:
            stat = self.path.stat()
        except OSError:
            return ()
        names = tuple((self.columns or {}).items())
        return (str(self.path), names, self.limit, self.format, stat.st_ino, stat.st_size, stat.st_mtime_ns)

    def _look(self) -> Look:
        kind = kind_of(self.path, self.format)
        whole = kind != "parquet" and not (self.path.is_file() and self.path.stat().st_size > WHOLE)
        most = self.limit if whole else min(self.limit or FEW, FEW)
        alike, ours = Counter[tuple[str, ...]](), dict[tuple[str, ...], Sequence[str]]()  # by the columns of rows
        with closing(read_rows(self.path, self.format)) as rows:
            for place, row in islice(rows, most):
                names = tuple(row)
                if names not in ours:
                    ours[names] = tuple(self._fields(place, row))
                alike[names] += 1
        theirs = {name for names in ours for name in names}
        counts = Counter[str]()
        for names, times in alike.items():
            counts.update(dict.fromkeys(ours[names], times))
        for name in self.columns or ():
            if name not in theirs and (whole or kind == "parquet"):
                raise InputError(f"{self.path}: no record has the column {name!r}{hint(name, theirs)}")
        later = [name for name in (self.columns or {}).values() if name not in counts]
        return Look(
            tuple(name for name, count in counts.items() if count == alike.total()),
            (*(name for name, count in counts.items() if count < alike.total()), *later),
        )

    def _fields(self, place: int, row: dict[str, Any]) -> Fields:
        """What is taken of a row."""
        if self.columns is not None:
            row = {ours: row[theirs] for theirs, ours in self.columns.items() if theirs in row}
        for name in NOT_NAMES:
            if name in row:
                self._fail(place, f"{name!r} cannot be a column's name: rename it, as in columns={{{name!r}: 'old'}}")
        return row

    def _fail(self, place: int, problem: str) -> NoReturn:
        raise InputError(f"{self.path}, {unit(kind_of(self.path, self.format))} {place}: {problem}")
