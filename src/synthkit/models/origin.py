"""Who asks a model, and where it is told what happens on the way."""

from dataclasses import dataclass, field
from typing import Any, Protocol

from synthkit.models.spent import Spent


class Events(Protocol):
    """Where what happens on the way is written: retries, lost attempts."""

    def event(self, kind: str, **data: Any) -> None: ...


@dataclass(slots=True)
class Origin:
    """Who asks: kept with the answer, for people to read; `spent` grows by what it takes, `keys` by the journal's key
    of each answer used."""

    record: str
    path: str
    spent: Spent
    keys: list[bytes] = field(default_factory=list)
