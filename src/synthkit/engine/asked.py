"""What a run asked, by step and record: read from the trails that its parts keep."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from synthkit.engine import parts
from synthkit.engine.plan import Shape
from synthkit.engine.store import Store
from synthkit.engine.trail import Mark

Place = tuple[str, str]
"""A step's path and a record's id."""
NUMBER = re.compile(r"(?<=/)\d+(?=/|$)")


@dataclass(frozen=True, slots=True)
class Asking:
    """A request. path: where a step asked it, as far as that is known. form: the request itself, where it is at hand
    because the journal does not have it; ref: the model as the pipeline names it, then."""

    key: bytes
    path: str = ""
    form: Mapping[str, Any] | None = None
    ref: str = ""


@dataclass
class Asked:
    """The requests of a run, in the order of each place, and the generated record that each place descends from."""

    places: dict[Place, list[Asking]] = field(default_factory=dict)
    sources: dict[Place, str] = field(default_factory=dict)
    generated: set[str] = field(default_factory=set)

    def add(self, place: Place, source: str, asking: Asking) -> None:
        self.places.setdefault(place, []).append(asking)
        self.sources[place] = source

    def __len__(self) -> int:
        return sum(map(len, self.places.values()))


def asked(folder: Path, watch: Callable[[int, int], None] = lambda done, of: None) -> Asked:
    """What the run in a folder asked. Raises `StoreError` for a folder that cannot be read."""
    store = Store.open(folder, write=False)
    stages = [
        store.stage(round, stage) for round, stages in _rounds(store, Shape(**store.state["shape"])) for stage in stages
    ]
    found = Asked()
    for number, stage in enumerate(stages):
        for entry in parts.naming(stage, ""):
            source = next((one.source for one in entry.outs), "")
            source = source or next((one.record.source for one in entry.rejects), entry.id)
            found.generated.add(source)
            for mark in _marks(entry.trail):
                for key in mark.keys:
                    found.add((mark.step, mark.record), source, Asking(bytes.fromhex(key)))
        watch(number + 1, len(stages))
    return found


def _rounds(store: Store, shape: Shape) -> Iterator[tuple[int | None, Sequence[int]]]:
    for round in store.rounds:
        yield round["index"], shape.body
    yield None, shape.tail


def _marks(trail: Sequence[Mark]) -> Iterator[Mark]:
    """All marks, those of inner parts before the step that ran them."""
    for mark in trail:
        for _, inner in mark.inner:
            yield from _marks(inner)
        yield mark


def step_of(path: str) -> str:
    """A path as it is counted: the turns of a loop together."""
    return NUMBER.sub("*", path)
