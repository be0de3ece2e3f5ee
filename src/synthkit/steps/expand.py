"""Expand: a list becomes records."""

from collections.abc import Sequence
from typing import Any

from synthkit.core import IO, Context, Fields, Have, Record, Step
from synthkit.core.columns import hint
from synthkit.errors import ColumnError, PipelineError
from synthkit.steps._columns import named, taken


class Expand(Step):
    """Makes a record of every entry of a list: `Expand("questions", into="question")`.

    The new records have all other columns of the old one; the list itself goes. An empty list drops its record
    («nothing made»). A record whose column is no list, or with an entry that lacks one of the keys, fails.

    column: the one with the list. into: the column that an entry goes into; without it, the list's own. Where entries
    are mappings, a list of names takes these keys as columns, `Expand("pairs", into=["question", "answer"])`, and a
    mapping takes them under other names, `into={"q": "question"}`.

    Example:
        (
            Pipeline("example")
            >> Rows([{"topic": "sums", "tasks": ["1 + 1", "2 + 2"]}])
            >> Expand("tasks", into="task")
        )
    """

    column: str
    into: str | list[str] | dict[str, str] | None = None

    def __init__(self, column: str, **parameters: Any) -> None:
        super().__init__(column=column, **parameters)

    @property
    def _names(self) -> dict[str, str] | None:
        """The keys taken of entries that are mappings, with their columns; None where an entry is taken whole."""
        if self.into is None or isinstance(self.into, str):
            return None
        return self.into if isinstance(self.into, dict) else {name: name for name in self.into}

    @property
    def _whole(self) -> str:
        """The column of an entry that is taken whole."""
        return self.into if isinstance(self.into, str) else self.column

    def io(self, have: Have) -> IO:
        names = self._names
        writes = [self._whole] if names is None else list(names.values())
        named(writes, "to make")
        known = have.items.get(self.column, ())
        for key in names or () if known else ():
            if key not in known:
                raise PipelineError(f"the entries of {self.column!r} do not surely have {key!r}{hint(key, known)}")
        drops = [] if self.column in writes else [self.column]
        return IO.of({self.column: list}, writes, drops, fans_out=True)

    async def process(self, record: Record, ctx: Context) -> Sequence[Fields]:
        names = self._names
        if names is None:
            return [{self._whole: entry} for entry in record[self.column]]
        found = []
        for number, entry in enumerate(record[self.column]):
            try:
                found.append(taken(entry, names))
            except ColumnError as error:
                raise ColumnError(f"{self.column}[{number}] {error}") from error
        return found
