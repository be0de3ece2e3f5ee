"""Rows: records written down where the pipeline is."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Annotated, Any

from pydantic import AfterValidator

from synthkit.core import IO, Fields, Generator, Have, Round
from synthkit.core.values import freeze_fields
from synthkit.errors import ColumnError, PipelineError


def _frozen(records: tuple[dict[str, Any], ...]) -> tuple[Mapping[str, Any], ...]:
    """Copies that nobody changes later: what a run has noted down is what it made."""
    frozen = []
    for number, fields in enumerate(records):
        try:
            frozen.append(freeze_fields(fields))
        except ColumnError as error:
            raise ValueError(f"in [{number}], {error}") from error
    return tuple(frozen)


class Rows(Generator):
    """Records written down in the pipeline itself: `Rows([{"city": "Rome"}, {"city": "Oslo"}])`.

    records: a list of mappings, one a record, in this order. Columns that every mapping has can be relied on, the
    others are there on some records only. Values are what JSON can say: text, numbers, true and false, None, lists and
    mappings of these; anything else is refused before the run, with the record's number.

    For a handful of seeds, an example, a notebook, a test: the run folder notes all of them down as parameters. More
    than some thousands belong in a file, for `LoadRecords`.

    Example:
        Pipeline("example") >> Rows([{"city": "Rome"}, {"city": "Oslo"}])
    """

    records: Annotated[tuple[dict[str, Any], ...], AfterValidator(_frozen)]

    def __init__(self, records: Iterable[Mapping[str, Any]], **parameters: Any) -> None:
        if isinstance(records, Mapping | str) or not isinstance(records, Iterable):
            raise PipelineError(f"Rows takes a list of mappings, not a {type(records).__name__}: Rows([{{…}}, {{…}}])")
        super().__init__(records=tuple(records), **parameters)

    def io(self, have: Have) -> IO:
        if not self.records:
            raise PipelineError("records is empty: write down at least one, as in Rows([{'city': 'Rome'}])")
        names = dict.fromkeys(name for fields in self.records for name in fields)
        sure = [name for name in names if all(name in fields for fields in self.records)]
        return IO.of(writes=sure, maybe=[name for name in names if name not in sure])

    def generate(self, round: Round) -> Iterator[Fields]:
        return islice(self.records, round.start, round.start + round.want)
