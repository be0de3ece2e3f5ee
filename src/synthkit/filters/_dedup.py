"""What steps that drop duplicates share."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

SHORT = 12
"""Characters of an id that name a record: enough to find it, also among millions."""


def decided(ids: Sequence[str], details: Mapping[str, str], reason: str) -> "pl.DataFrame":
    """The decisions on these records: those with a detail are dropped."""
    import polars as pl

    return pl.DataFrame(
        {
            "_id": ids,
            "keep": [id not in details for id in ids],
            "reason": [reason if id in details else "" for id in ids],
            "detail": [details.get(id, "") for id in ids],
        },
        schema={"_id": pl.String, "keep": pl.Boolean, "reason": pl.String, "detail": pl.String},
    )
