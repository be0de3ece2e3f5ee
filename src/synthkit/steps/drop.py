"""Drop: columns go."""

from typing import Any

from synthkit.core import IO, Context, Fields, Have, Record, Step
from synthkit.steps._columns import named, reading


class Drop(Step):
    """Drops these columns, and keeps all others: `Drop("draft", "rationale")`. Records stay; filters drop those.

    A column that nothing before it writes is refused before the run.

    columns: the names of those that go.

    Example:
        (
            Pipeline("example")
            >> Rows([{"text": "one", "note": "x"}])
            >> Drop("note")
        )
    """

    columns: tuple[str, ...]

    def __init__(self, *column: str, **parameters: Any) -> None:
        super().__init__(**({"columns": column} if column else {}), **parameters)

    def io(self, have: Have) -> IO:
        named(self.columns, "to drop")
        return reading(have, self.columns, drops=self.columns)

    async def process(self, record: Record, ctx: Context) -> Fields:
        return {}
