"""Rename: columns under other names."""

from collections.abc import Mapping
from typing import Any

from synthkit.core import IO, Context, Fields, Have, Record, Step
from synthkit.errors import PipelineError
from synthkit.steps._columns import named, reading


class Rename(Step):
    """Gives columns other names: `Rename({"prompt": "instruction", "completion": "output"})`.

    Names may be swapped. A new name that another column has already is refused before the run, and so is an old one
    that nothing writes.

    columns: new names by old ones.

    Example:
        (
            Pipeline("example")
            >> Rows([{"prompt": "Say one.", "n": 1}])
            >> Rename({"prompt": "instruction"})
        )
    """

    columns: dict[str, str]

    def __init__(self, columns: Mapping[str, str], **parameters: Any) -> None:
        super().__init__(columns=columns, **parameters)

    def io(self, have: Have) -> IO:
        named(self.columns, "to rename")
        named(self.columns.values(), "as a new one")
        there = (have.sure | have.maybe) - self.columns.keys()
        for old, new in self.columns.items():
            if new in there:
                raise PipelineError(f"{old!r} cannot become {new!r}, which is there already: drop or rename that one")
        new_names = self.columns.values()
        return reading(
            have,
            self.columns,
            writes=[new for old, new in self.columns.items() if old not in have.maybe],
            maybe=[new for old, new in self.columns.items() if old in have.maybe],
            drops=[old for old in self.columns if old not in new_names],
            items={new: have.items[old] for old, new in self.columns.items() if old in have.items},
        )

    async def process(self, record: Record, ctx: Context) -> Fields:
        return {new: record[old] for old, new in self.columns.items() if old in record}
