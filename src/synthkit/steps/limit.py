"""Limit: the first records, and no more."""

from typing import TYPE_CHECKING, Any

from pydantic import Field

from synthkit.core import DatasetStep, View
from synthkit.steps._decisions import kept

if TYPE_CHECKING:
    import polars as pl


class Limit(DatasetStep):
    """Keeps the first n records, in all rounds together: `Limit(10)`.

    Put it in front of what costs: what stands behind it is asked for n records only. (How many records a run has in
    the end is what its target says; how many rows a file gives, `LoadRecords(limit=…)`.) Reason «over the limit».

    n: how many to keep.

    Example:
        (
            Pipeline("example")
            >> Rows([{"n": 1}, {"n": 2}, {"n": 3}])
            >> Limit(2)
        )
    """

    n: int = Field(ge=1)

    def __init__(self, n: int, **parameters: Any) -> None:
        super().__init__(n=n, **parameters)

    def lets_through(self) -> int | None:
        return self.n

    def resolve(self, view: View) -> "pl.DataFrame":
        ids = view.new["_id"].to_list()
        left = max(self.n - view.kept.height, 0)
        return kept(ids, dict.fromkeys(ids[left:], ("over the limit", "")))
