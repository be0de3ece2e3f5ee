"""Group: records with the same value become one."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pydantic import Field

from synthkit.core import IO, Fields, Have, Record, View
from synthkit.core.values import digest
from synthkit.errors import PipelineError
from synthkit.steps._columns import named, reading
from synthkit.steps._decisions import Selection, decisions

if TYPE_CHECKING:
    import polars as pl


class Group(Selection):
    """Makes one record of all that have the same value: `Group("topic", collect="answer")`.

    It runs once, when all records are there. Groups stand in the order of their first members, members in their own.
    Columns that are not named go. Reason «too few in its group»; the detail gives how many there are.

    by: the column, or several, whose values must be the same. collect: the column, or several, that become lists, with
    an entry for each member (None where it has no such column); as a mapping, {"answer": "answers"}, under other names.
    first: columns of which the first member's value stays. at_least: how many members a group must have. of: under a
    target, how many records are made before they are grouped; as many as the target, unless it is said.

    Example:
        (
            Pipeline("example")
            >> Rows([{"topic": "a", "n": 1}, {"topic": "b", "n": 2}, {"topic": "a", "n": 3}])
            >> Group("topic", collect="n")
        )
    """

    by: tuple[str, ...]
    collect: str | list[str] | dict[str, str]
    first: tuple[str, ...] = ()
    at_least: int = Field(1, ge=1)

    def __init__(self, *by: str, **parameters: Any) -> None:
        super().__init__(**({"by": by} if by else {}), **parameters)

    @property
    def _lists(self) -> dict[str, str]:
        """The columns that become lists, with the names of these."""
        if isinstance(self.collect, dict):
            return self.collect
        return {name: name for name in ([self.collect] if isinstance(self.collect, str) else self.collect)}

    def io(self, have: Have) -> IO:
        lists = self._lists
        named(self.by, "to group by")
        named(lists, "to collect")
        named([*self.by, *self.first, *lists.values()], "in the groups")
        both = sorted({*self.by, *self.first} & lists.keys())
        if both:
            raise PipelineError(f"{both[0]!r} is collected, and stays as it is, too: name it once")
        stay = {*self.by, *self.first, *lists.values()}
        others = sorted((have.sure | have.maybe) - stay)
        return reading(have, [*self.by, *self.first, *lists], writes=list(lists.values()), drops=others)

    def sketch(self, frame: "pl.DataFrame") -> "pl.DataFrame":
        import polars as pl

        groups = [digest(*values) for values in frame.select(self.by).iter_rows()]
        return pl.DataFrame({"_id": frame["_id"], "group": groups}, schema={"_id": pl.String, "group": pl.String})

    def resolve(self, view: View) -> "pl.DataFrame":
        groups = view.new["group"].to_list()
        sizes, places = dict[str, int](), dict[str, int]()
        for place, group in enumerate(groups):
            sizes[group] = sizes.get(group, 0) + 1
            places.setdefault(group, place)
        large = [sizes[group] >= self.at_least for group in groups]
        return decisions(
            view.new["_id"].to_list(),
            keep=large,
            reason=["" if enough else "too few in its group" for enough in large],
            detail=[
                "" if enough else f"{sizes[group]}, at least {self.at_least}"
                for enough, group in zip(large, groups, strict=True)
            ],
            group=groups,
            order=[places[group] for group in groups],
        )

    def merge(self, members: Sequence[Record]) -> Fields:
        return {new: [member.get(old) for member in members] for old, new in self._lists.items()}
