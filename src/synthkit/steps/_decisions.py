"""What steps that see many records at once share."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from synthkit.core import DatasetStep, View
from synthkit.core.values import digest

if TYPE_CHECKING:
    import polars as pl


TAKEN = ("_id", "keep", "reason", "detail", "score", "group", "order")
"""The columns of a decision that are not columns of records."""


class Selection(DatasetStep):
    """Runs once, at the end, and lets fewer records out than came in; nothing is topped up behind it."""

    when: ClassVar[Literal["round", "end"]] = "end"

    of: int | None = Field(None, ge=1)
    """Under a target: how many candidates are made before it chooses. Without it, as many as the target, so that there
    is nothing to choose from."""

    def wants(self, goal: int) -> int:
        return self.of or goal


def decisions(ids: Sequence[str], **columns: Iterable[Any]) -> "pl.DataFrame":
    """A decision on each record: `keep`, true unless it is given, and what else it may hold."""
    import polars as pl

    types: dict[str, Any] = {"keep": pl.Boolean, "score": pl.Float64, "order": pl.Int64}
    data: dict[str, Any] = {"_id": ids, "keep": [True] * len(ids), **columns}
    return pl.DataFrame(data, schema={name: types.get(name, pl.String) for name in data})


def kept(ids: Sequence[str], dropped: Mapping[str, tuple[str, str]]) -> "pl.DataFrame":
    """Decisions from the records that are dropped, each with reason and detail."""
    nothing = ("", "")
    return decisions(
        ids,
        keep=[id not in dropped for id in ids],
        reason=[dropped.get(id, nothing)[0] for id in ids],
        detail=[dropped.get(id, nothing)[1] for id in ids],
    )


def by_chance(view: View, ids: Sequence[str]) -> list[str]:
    """These records in an order that depends on the run's seed, the step and their ids alone: another record more or
    less moves none of the others."""
    salt = view.rng().getrandbits(64)
    return sorted(ids, key=lambda id: digest(salt, id))
