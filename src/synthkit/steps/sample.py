"""Sample: some of all records, by chance."""

import math
from typing import TYPE_CHECKING, Any

from pydantic import Field

from synthkit.core import IO, Have, View
from synthkit.errors import PipelineError
from synthkit.steps._decisions import Selection, by_chance, kept

if TYPE_CHECKING:
    import polars as pl


class Sample(Selection):
    """Keeps some records by chance, each as likely as any other: `Sample(100)`.

    It runs once, when all records are there; those kept stay in their order. Chance comes from the run's seed, the
    step's label and the records' ids: another seed is another sample, and a record more changes the sample of n in one
    place at most. Reason «not in the sample».

    n: how many to keep; all, where there are fewer. share: instead, which part of all, to the nearest number:
    `Sample(share=0.1)`. of: under a target, how many candidates are made before it draws; unless it is said, as many as
    the target, or, with a share, as it takes.

    Example:
        (
            Pipeline("example")
            >> Rows([{"n": 1}, {"n": 2}, {"n": 3}])
            >> Sample(2)
        )
    """

    n: int | None = Field(None, ge=1)
    share: float | None = Field(None, gt=0, lt=1)

    def __init__(self, n: int | None = None, **parameters: Any) -> None:
        super().__init__(n=n, **parameters)

    def io(self, have: Have) -> IO:
        if (self.n is None) == (self.share is None):
            raise PipelineError("give either how many records to keep, Sample(100), or which share, Sample(share=0.1)")
        if self.n is not None and self.of is not None and self.of < self.n:
            raise PipelineError(f"of={self.of} is less than the {self.n} records to keep")
        return IO()

    def wants(self, goal: int) -> int:
        # a half is rounded to an even number, hence the check
        if self.of is not None or self.share is None:
            return super().wants(goal)
        least = math.ceil(goal / self.share)
        return least if round(least * self.share) >= goal else least + 1

    def lets_through(self) -> int | None:
        return self.n

    def resolve(self, view: View) -> "pl.DataFrame":
        ids = view.new["_id"].to_list()
        count = self.n if self.n is not None else round(len(ids) * (self.share or 0))
        return kept(ids, dict.fromkeys(by_chance(view, ids)[count:], ("not in the sample", "")))
