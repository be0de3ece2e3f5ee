"""Split: which part of the data a record is in, `train` or `validation`."""

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from synthkit.core import IO, DatasetStep, Have, View
from synthkit.core.neighbours import Signatures, divided, joined
from synthkit.errors import PipelineError
from synthkit.steps._columns import named, reading
from synthkit.steps._decisions import TAKEN, decisions

if TYPE_CHECKING:
    import polars as pl

REST = "validation"


class Split(DatasetStep):
    """Says of every record which part of the data it is in: `Split("instruction", train=0.9)`.

    Records that are nearly the same, and all that come from one source (the questions to one document, say), are in
    the same part, so that nothing of the one can be learnt from the other. All records stay, with a column more.

    It runs once, when all records are there. The parts are drawn by chance, which comes from the run's seed and the
    step's label, and are as near to their shares as whole groups allow; none is empty if there are groups enough. Where
    one record is near a second, that one near a third, and so on, all of them are one group: with a low threshold, that
    may become most of the data.

    columns: those whose texts are compared, one after the other, also inside of lists and mappings; without any, all
    columns. shares: which part of all records each is, under names of your own: `Split("text", train=0.8, test=0.1)`.
    What they lack to 1 is called `validation`. into: the column with the name of the part. threshold: from which
    similarity on two texts are nearly the same, as for `MinHashDedup`.

    Example:
        (
            Pipeline("example")
            >> Rows([{"text": "a"}, {"text": "A"}, {"text": "b"}])
            >> Split("text", train=0.5)
        )
    """

    when: ClassVar[Literal["round", "end"]] = "end"

    columns: tuple[str, ...] = ()
    shares: dict[str, float]
    into: str = "split"
    threshold: float = Field(0.8, gt=0, le=1)

    def __init__(self, *column: str, **parameters: Any) -> None:
        known = {name: value for name, value in parameters.items() if name in type(self).model_fields}
        shares = {name: value for name, value in parameters.items() if name not in known}
        super().__init__(
            **({"columns": column} if column else {}), **({"shares": shares} if shares else {}), **known
        )  # fmt: skip

    def io(self, have: Have) -> IO:
        for name, share in self.shares.items():
            if not 0 < share < 1:
                raise PipelineError(f"{name}={share} must be over 0 and under 1, as in Split(train=0.9)")
        total = sum(self.shares.values())
        if total > 1 + 1e-9 or (total < 1 - 1e-9 and REST in self.shares):
            shares = ", ".join(f"{name}={share}" for name, share in self.shares.items())
            raise PipelineError(f"the shares {shares} make {total:.6g}: they must make 1")
        if not self.shares:
            raise PipelineError("it has no shares: say how much is for training, as in Split(train=0.9)")
        named([self.into], "to write")
        if self.into in TAKEN:
            raise PipelineError(f"into={self.into!r} is a name that decisions use: choose another")
        return reading(have, self.columns or sorted((have.sure | have.maybe) - {self.into}), writes=self.into)

    def sketch(self, frame: "pl.DataFrame") -> "pl.DataFrame":
        import polars as pl

        # the columns named, in this order; without any, all that the frame has
        chosen = frame.select(self.columns) if self.columns else frame.drop("_id")
        rows = chosen.iter_rows() if chosen.width else ((),) * frame.height
        values = ([json.loads(value) for value in row if value is not None] for row in rows)
        texts = ("\n".join(_texts(row)) for row in values)
        data = {"_id": frame["_id"], "signature": list(Signatures().of(texts))}
        return pl.DataFrame(data, schema={"_id": pl.String, "signature": pl.Binary})

    def resolve(self, view: View) -> "pl.DataFrame":
        ids = view.new["_id"].to_list()
        sources = [record.source for record in view.rows(ids, ())]
        groups = joined(view.new["signature"], self.threshold, keys=sources)
        parts = self._parts()
        names, left, share_left = [parts[-1][0]] * len(ids), list(range(len(ids))), 1.0
        for name, share in parts[:-1]:
            here = divided([groups[at] for at in left], share / share_left, view.rng(name))
            for at, inside in zip(left, here, strict=True):
                names[at] = name if inside else names[at]
            left = [at for at, inside in zip(left, here, strict=True) if not inside]
            share_left -= share
        return decisions(ids, **{self.into: names})

    def _parts(self) -> list[tuple[str, float]]:
        """All parts with their shares."""
        rest = 1 - sum(self.shares.values())
        return [*self.shares.items(), *([(REST, rest)] if rest > 1e-9 else [])]


def _texts(value: Any) -> Iterator[str]:
    """The texts in a value, in order: of a conversation, what was said and by whom."""
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
    elif value is not None:
        yield str(value)
