"""What a lane is told when it begins, and what it tells of itself from then on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from synthkit.engine.tally import Tally
from synthkit.models.bill import Bill
from synthkit.models.hindrance import Hindrance
from synthkit.models.spent import Spent


@dataclass(frozen=True, slots=True)
class Duty:
    """What a lane is told when it begins, beside its `Assignment` and the keys. name: of the lane. in_flight:
    records on their way at once, in all lanes. budget: dollars of the run, None without one. answered:
    whether the run has had answers. node, folder: where the run's folder is."""

    name: str
    in_flight: int
    budget: Decimal | None
    answered: bool
    node: str
    folder: str


@dataclass(frozen=True, slots=True)
class Pulse:
    """What a lane tells of itself. tally, failed, ended, bill: of all it has done. events: since the last one.
    wants: the share of the run's limits that it would use. under_way: records that it has begun, and not finished.
    said: lines that its code has printed since the last one. finished: how many records each step is done with."""

    tally: Tally
    failed: int
    ended: int
    in_flight: int
    bill: Bill
    hindrances: Sequence[Hindrance] = ()
    events: Sequence[tuple[str, Mapping[str, Any]]] = ()
    refused: Mapping[str, frozenset[str]] = field(default_factory=dict)
    unfinished: Spent = field(default_factory=Spent)
    failures: Mapping[tuple[str, str], int] = field(default_factory=dict)
    messages: Mapping[tuple[str, str], str] = field(default_factory=dict)
    wants: float = 0.0
    under_way: int = 0
    said: Sequence[str] = ()
    finished: Mapping[str, int] = field(default_factory=dict)
