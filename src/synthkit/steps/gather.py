"""Gather: columns side by side become one list."""

from typing import Any

from synthkit.core import IO, Context, Fields, Have, Record, Step
from synthkit.steps._columns import named, reading


class Gather(Step):
    """Puts the values of several columns into one list: `Gather("draft_a", "draft_b", into="drafts")`.

    Columns that only some records have are left out where they are not there. The columns themselves stay (`Drop`
    removes them).

    columns: their names, in the order of the list. into: the column with the list.

    Example:
        (
            Pipeline("example")
            >> Rows([{"a": "one", "b": "two"}])
            >> Gather("a", "b", into="both")
        )
    """

    columns: tuple[str, ...]
    into: str

    def __init__(self, *column: str, **parameters: Any) -> None:
        super().__init__(**({"columns": column} if column else {}), **parameters)

    def io(self, have: Have) -> IO:
        named(self.columns, "to gather")
        named([self.into], "to write")
        return reading(have, self.columns, writes=self.into)

    async def process(self, record: Record, ctx: Context) -> Fields:
        return {self.into: [record[name] for name in self.columns if name in record]}
