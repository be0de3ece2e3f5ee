"""BalanceBy: no value of a column has too many records."""

import json
import math
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from synthkit.core import IO, Have, View
from synthkit.errors import PipelineError
from synthkit.steps._columns import reading
from synthkit.steps._decisions import Selection, kept

if TYPE_CHECKING:
    import polars as pl

LONGEST = 60
"""Characters of a value that a detail shows."""
ENOUGH, OTHER, NONE = "enough of its value", "value not in the mix", "nothing of another value"


class BalanceBy(Selection):
    """Evens out how many records there are of each value of a column: `BalanceBy("label", per_value=100)`.

    With per_value it runs in every round, so that a target is topped up: five labels, `per_value=100` and `target=500`
    give a hundred of each. So it does with values, and takes the number from the target, whatever that is. A ratio
    needs all records: it runs once, at the end, and nothing is topped up.

    The first records of a value stay (put `Shuffle` in front, or choose the best by `TopK(100, per="label")`). None and
    a missing column are a value, too. Reasons «enough of its value», «value not in the mix» and «nothing of another
    value», which the mix then lacks; the detail names the value.

    column: the one whose values are counted. per_value: at most so many records of each value. values: the values that
    share the target evenly, none of others; where it cannot be divided, the first of them get one more. ratio: at most
    so many times the records of the rarest value; 1 makes all equal, and one record of a rare value then leaves one of
    each. As a mapping, {"easy": 2, "hard": 1}, it is the mix: the most records that stand in this ratio, and none of
    other values. of: under a target, with a ratio, how many candidates are made before it chooses; as many as the
    target, unless it is said.

    Example:
        (
            Pipeline("example")
            >> Rows([{"kind": "a"}, {"kind": "a"}, {"kind": "b"}])
            >> BalanceBy("kind", per_value=1)
        )
    """

    column: str
    per_value: int | None = Field(None, ge=1)
    values: list[str] | None = None
    ratio: float | dict[str, float] | None = None

    def __init__(self, column: str, **parameters: Any) -> None:
        super().__init__(column=column, **parameters)

    @property
    def when(self) -> Literal["round", "end"]:  # type: ignore[override]
        """Numbers hold in every round; what is to be compared has to be there as a whole."""
        return "round" if self.ratio is None else "end"

    def io(self, have: Have) -> IO:
        if [self.per_value, self.values, self.ratio].count(None) != 2:
            raise PipelineError("give either per_value, as in per_value=100, or ratio, as in ratio=1, or values=[…]")
        if self.ratio is None and self.of is not None:
            given = "per_value is" if self.values is None else "values are"
            raise PipelineError(f"{given} topped up in rounds: leave `of` out")
        if self.values is not None and not 0 < len(set(self.values)) == len(self.values):
            raise PipelineError(f"values={self.values} must name some values, each of them once")
        if isinstance(self.ratio, dict):
            if not self.ratio or min(self.ratio.values()) <= 0 or not all(map(math.isfinite, self.ratio.values())):
                raise PipelineError(f"ratio={self.ratio} must give each value a number over 0")
        elif self.ratio is not None and not 1 <= self.ratio < math.inf:
            raise PipelineError(f"ratio={self.ratio} must be 1 or more")
        return reading(have, [self.column])

    def resolve(self, view: View) -> "pl.DataFrame":
        values = [_text(value) for value in view.new[self.column]]
        seen = Counter(_text(value) for value in view.kept[self.column])
        most = self._most(Counter(values), view.goal)
        dropped = dict[str, tuple[str, str]]()
        for id, value in zip(view.new["_id"], values, strict=True):
            if seen[value] < most.get(value, 0):
                seen[value] += 1
            else:
                dropped[id] = (ENOUGH if value in most else OTHER, value[:LONGEST])
        if dropped and isinstance(self.ratio, dict) and not any(most.values()):
            none = next(value for value in most if value not in values)
            dropped = dict.fromkeys(dropped, (NONE, f"there is no {none}"))
        return kept(view.new["_id"].to_list(), dropped)

    def _most(self, counts: Counter[str], goal: int | None) -> dict[str, int]:
        """How many records of each value may stay."""
        if self.values is not None:
            each, more = divmod(sys.maxsize if goal is None else goal, len(self.values))
            return {value: each + (number < more) for number, value in enumerate(self.values)}
        if self.per_value is not None:
            return dict.fromkeys(counts, self.per_value)
        if isinstance(self.ratio, dict):
            times = min(counts[value] / weight for value, weight in self.ratio.items())
            # the rarest stays whole, whatever the division did to it
            return {value: math.floor(times * weight + 1e-9) for value, weight in self.ratio.items()}
        least = min(counts.values(), default=0)
        return {value: math.floor(least * (self.ratio or 1)) for value in counts}


def _text(value: str | None) -> str:
    """A value, given as JSON text, as people write it."""
    read = None if value is None else json.loads(value)
    return read if isinstance(read, str) else value or "null"
