"""Keep: some columns stay, the others go."""

from typing import Any

from synthkit.core import IO, Context, Fields, Have, Record, Step
from synthkit.steps._columns import named, reading


class Keep(Step):
    """Keeps these columns, and drops all others: `Keep("instruction", "output")`.

    A column that only some records have stays on those. One that nothing before it writes is refused before the run.

    columns: the names of those that stay.

    Example:
        (
            Pipeline("example")
            >> Rows([{"text": "one", "note": "x", "n": 1}])
            >> Keep("text", "n")
        )
    """

    columns: tuple[str, ...]

    def __init__(self, *column: str, **parameters: Any) -> None:
        super().__init__(**({"columns": column} if column else {}), **parameters)

    def io(self, have: Have) -> IO:
        named(self.columns, "to keep")
        return reading(have, self.columns, drops=sorted((have.sure | have.maybe) - set(self.columns)))

    async def process(self, record: Record, ctx: Context) -> Fields:
        return {}
