"""Sort: records in the order of their values."""

import json
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from synthkit.core import IO, DatasetStep, Have, View
from synthkit.core.columns import hint
from synthkit.errors import PipelineError
from synthkit.steps._columns import named, reading
from synthkit.steps._decisions import decisions

if TYPE_CHECKING:
    import polars as pl


class Sort(DatasetStep):
    """Puts the records in the order of a column: `Sort("score", descending=True)`.

    Numbers stand before text, text is in the order of its characters' code points (capitals before small letters),
    false before true; records without a value come last in either direction. Equal records stay in their order.

    It runs once, when all records are there. Under a target, the first of that order count: best first, then
    `target=100`, gives the best hundred of those that were made.

    by: the column; of several, `Sort("topic", "score", descending=["score"])`, the first counts, then the second, and
    so on. descending: whether it runs from large to small; for some of several columns, their names.

    Example:
        (
            Pipeline("example")
            >> Rows([{"n": 1}, {"n": 3}, {"n": 2}])
            >> Sort("n", descending=True)
        )
    """

    when: ClassVar[Literal["round", "end"]] = "end"

    by: tuple[str, ...]
    descending: bool | tuple[str, ...] = False

    def __init__(self, *by: str, **parameters: Any) -> None:
        super().__init__(**({"by": by} if by else {}), **parameters)

    def io(self, have: Have) -> IO:
        named(self.by, "to sort by")
        for name in () if isinstance(self.descending, bool) else self.descending:
            if name not in self.by:
                raise PipelineError(f"descending names {name!r}, by which it does not sort{hint(name, self.by)}")
        return reading(have, self.by)

    def resolve(self, view: View) -> "pl.DataFrame":
        order = list(range(view.new.height))
        for name in reversed(self.by):
            falls = self.descending if isinstance(self.descending, bool) else name in self.descending
            keys = [_key(text, falls) for text in view.new[name]]
            order.sort(key=keys.__getitem__, reverse=falls)
        places = [0] * len(order)
        for place, at in enumerate(order):
            places[at] = place
        return decisions(view.new["_id"].to_list(), order=places)


def _key(text: str | None, falls: bool) -> tuple[Any, ...]:
    """What stands for a value, given as JSON text: one without comes last also where the order is turned round."""
    value = None if text is None else json.loads(text)
    if value is None:
        return (not falls,)
    if isinstance(value, bool):
        return (falls, 2, value)
    if isinstance(value, int | float):
        return (falls, 0, value)
    return (falls, 1, value) if isinstance(value, str) else (falls, 3, text)
