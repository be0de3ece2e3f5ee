"""Shuffle: records in an order by chance."""

from typing import TYPE_CHECKING, ClassVar, Literal

from synthkit.core import DatasetStep, View
from synthkit.steps._decisions import by_chance, decisions

if TYPE_CHECKING:
    import polars as pl


class Shuffle(DatasetStep):
    """Puts the records in an order by chance: `Shuffle()`.

    It runs once, when all records are there. Chance comes from the run's seed, the step's label and the records' ids,
    so that a resumed run, and a run of the same records, have the same order. Under a target, the first of that order
    count.

    Example:
        (
            Pipeline("example")
            >> Rows([{"n": 1}, {"n": 2}, {"n": 3}, {"n": 4}])
            >> Shuffle()
        )
    """

    when: ClassVar[Literal["round", "end"]] = "end"

    def resolve(self, view: View) -> "pl.DataFrame":
        ids = view.new["_id"].to_list()
        places = {id: place for place, id in enumerate(by_chance(view, ids))}
        return decisions(ids, order=[places[id] for id in ids])
