"""A split: which records are for training, and which for validation."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from synthkit.core.interfaces import Format
from synthkit.core.neighbours import divided, groups
from synthkit.core.values import digest
from synthkit.errors import RecordError

SILENT = {"role", "from", "id", "type", "tool_call_id", "system", "tools"}
"""Keys whose values are none of an example's own words: what many examples share would make all of them alike."""
THRESHOLD = 0.8
"""The similarity from which texts are near-duplicates, that of `MinHashDedup`."""


@dataclass(frozen=True)
class Halves:
    """training: for each record, in order, whether it is for training; None for one without an example. groups: how
    many there are of records that stay together. largest: how many records the largest of them has."""

    training: list[bool | None]
    groups: int
    largest: int


def halves(records: Iterable[tuple[str, str | None]], share: float, seed: int) -> Halves:
    """Divides records, each given by its source and the text of its examples (None without any). Those of one source,
    and near-duplicates, are on one side; whole groups come as near to the share as they can."""
    sources: list[str] = []
    there: list[bool] = []

    def texts() -> Iterator[str]:
        for source, text in records:
            there.append(text is not None)
            if text is not None:
                sources.append(source)
                yield text

    grouped = groups(texts(), THRESHOLD, keys=sources)  # it reads all texts before it looks at the keys
    sides = iter(divided(grouped, share, Random(digest("split", seed))))
    sizes: dict[int, int] = {}
    for group in grouped:
        sizes[group] = sizes.get(group, 0) + 1
    return Halves([next(sides) if it else None for it in there], len(sizes), max(sizes.values(), default=0))


def words(format: Format, example: Mapping[str, Any]) -> Iterator[str]:
    """The texts of an example but for system messages and tools: what makes it like another."""
    try:
        yield from _texts(format.decode(example))
    except RecordError:
        yield from _texts(example)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        if "system" not in (value.get("role"), value.get("from")):
            for key, item in value.items():
                if key not in SILENT:
                    yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
