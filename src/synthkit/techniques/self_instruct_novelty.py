"""The novelty filter of Self-Instruct: ROUGE-L against the seeds and everything kept before."""

from pathlib import Path
from typing import TYPE_CHECKING

from synthkit.core import IO, DatasetStep, Have, View
from synthkit.techniques.rouge import too_similar
from synthkit.techniques.self_instruct_seeds import read_seeds

if TYPE_CHECKING:
    import polars as pl


class Novel(DatasetStep):
    """Drops instructions that are too like a seed or one kept before, by the F-measure of ROUGE-L.

    Greedy in the order of the records: a rejected instruction rejects nobody else, and a record's fate depends on
    earlier ones only. threshold: the highest score (0 to 1) that is still novel; the paper's is 0.7.
    """

    seeds: Path
    threshold: float = 0.7

    def io(self, have: Have) -> IO:
        return IO.of(reads={"instruction": str})

    def sketch(self, frame: "pl.DataFrame") -> "pl.DataFrame":
        return frame.select("_id", "instruction")

    def resolve(self, view: View) -> "pl.DataFrame":
        import polars as pl

        known = [*read_seeds(self.seeds), *view.kept["instruction"].to_list()]
        likes = list(too_similar(view.new["instruction"].to_list(), known, self.threshold))
        return pl.DataFrame(
            {
                "_id": view.new["_id"],
                "keep": [like is None for like in likes],
                "reason": ["" if like is None else "too similar" for like in likes],
                "detail": ["" if like is None else f"ROUGE-L {like[0]:.2f} with {like[1]!r}" for like in likes],
            },
            schema={"_id": pl.String, "keep": pl.Boolean, "reason": pl.String, "detail": pl.String},
        )
