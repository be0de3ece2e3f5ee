"""TopK: the best records by a score."""

from typing import TYPE_CHECKING, Any

from pydantic import Field

from synthkit.core import IO, Have, View
from synthkit.errors import PipelineError
from synthkit.steps._columns import reading
from synthkit.steps._decisions import Selection, decisions

if TYPE_CHECKING:
    import polars as pl


class TopK(Selection):
    """Keeps the k records with the highest score: `TopK(100)`.

    It runs once, when all records are there. Of equal ones the earlier stay; those kept stay in their order (`Sort`
    changes it). A record whose score is no number fails. Reason «not in the top»; the detail gives its rank.

    k: how many to keep. by: the column with the number; judges write `score`. per: a column; k records of each of its
    values stay, as in `TopK(2, per="topic")`. lowest: whether to keep the lowest instead. of: under a target, how many
    candidates are made before it chooses, as in `TopK(100, of=1000)` with `target=100`; as many as the target, unless
    it is said.

    Example:
        (
            Pipeline("example")
            >> Rows([{"n": 1}, {"n": 3}, {"n": 2}])
            >> TopK(2, by="n")
        )
    """

    k: int = Field(ge=1)
    by: str = "score"
    per: str | None = None
    lowest: bool = False

    def __init__(self, k: int, **parameters: Any) -> None:
        super().__init__(k=k, **parameters)

    def io(self, have: Have) -> IO:
        if self.per is None and self.of is not None and self.of < self.k:
            raise PipelineError(f"of={self.of} is less than the {self.k} records to keep")
        if self.per == self.by:
            raise PipelineError(f"by and per are both {self.by!r}: name another column")
        groups = reading(have, () if self.per is None else (self.per,))
        return IO.of({self.by: float, **groups.reads}, optional=groups.optional)

    def lets_through(self) -> int | None:
        return self.k if self.per is None else None

    def resolve(self, view: View) -> "pl.DataFrame":
        scores = view.new[self.by].to_list()
        groups = view.new[self.per].to_list() if self.per else [None] * len(scores)
        seen, ranks = dict[str | None, int](), [0] * len(scores)
        # sorting is stable in both directions, so equal ones stay as they are
        for at in sorted(range(len(scores)), key=scores.__getitem__, reverse=not self.lowest):
            ranks[at] = seen[groups[at]] = seen.get(groups[at], 0) + 1
        return decisions(
            view.new["_id"].to_list(),
            keep=[rank <= self.k for rank in ranks],
            reason=["" if rank <= self.k else "not in the top" for rank in ranks],
            detail=[
                "" if rank <= self.k else f"rank {rank} of {seen[group]}"
                for rank, group in zip(ranks, groups, strict=True)
            ],
            score=scores,
        )
