"""Flatten: what a mapping holds becomes columns."""

from collections.abc import Sequence
from typing import Any

from synthkit.core import IO, Context, Fields, Have, Record, Step
from synthkit.errors import ColumnError
from synthkit.steps._columns import named, taken


class Flatten(Step):
    """Makes columns of what a mapping holds: `Flatten("meta", ["topic", "level"])`.

    The mapping itself goes, and with it the keys that are not named. A record whose column is no mapping, or lacks one
    of the keys, fails. A list of mappings is for `Expand`.

    column: the one with the mapping. into: the keys that become columns; as a mapping, {"topic": "subject"}, under
    other names.

    Example:
        (
            Pipeline("example")
            >> Rows([{"meta": {"topic": "sums", "level": 2}}])
            >> Flatten("meta", ["topic"])
        )
    """

    column: str
    into: list[str] | dict[str, str]

    def __init__(self, column: str, into: Sequence[str] | dict[str, str], **parameters: Any) -> None:
        super().__init__(column=column, into=[into] if isinstance(into, str) else into, **parameters)

    @property
    def _names(self) -> dict[str, str]:
        return self.into if isinstance(self.into, dict) else {name: name for name in self.into}

    def io(self, have: Have) -> IO:
        writes = list(self._names.values())
        named(writes, "to make")
        return IO.of({self.column: dict}, writes, [] if self.column in writes else [self.column])

    async def process(self, record: Record, ctx: Context) -> Fields:
        try:
            return taken(record[self.column], self._names)
        except ColumnError as error:
            raise ColumnError(f"column {self.column!r} {error}") from error
