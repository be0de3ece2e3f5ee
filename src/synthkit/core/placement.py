"""Placement: what a step asks of the machines that it runs on."""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, field_validator

from synthkit.core.component import complaints
from synthkit.errors import PipelineError

SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt])(i?)b?", re.IGNORECASE)
LEAST_MEMORY = 1_000_000
"""Bytes. Who asks for fewer meant another unit."""
OWN = {"cpu": "cpus", "gpu": "gpus", "memory": "memory", "object_store_memory": "memory"}
"""Resources of Ray that have a parameter here."""
FINEST = 0.0001
"""The smallest share of a resource that Ray counts."""


class Placement(BaseModel):
    """What a step asks for on a cluster. Each of its lanes, the processes in which it works, gets that much to itself.

    cpus: processors; by default as many as a lane gets that asks for nothing. gpus: graphics cards, a whole number of
    them or a share of one. memory: in bytes, or as text, "4GB" (4,000,000,000) or "4GiB" (4 · 1024³); Ray counts it and
    does not enforce it. resources: what nodes were started with, under names of one's own: `{"licence": 1}`. replicas:
    how many lanes there are; by default as the executor thinks fit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    cpus: float | None = None
    gpus: float = 0
    memory: int | None = None
    resources: dict[str, float] = {}
    replicas: int | None = None

    def __init__(
        self,
        *,
        cpus: float | None = None,
        gpus: float = 0,
        memory: str | int | None = None,
        resources: Mapping[str, float] | None = None,
        replicas: int | None = None,
        **unknown: Any,
    ) -> None:
        """Raises `PipelineError` with a sentence for each value that cannot be."""
        given = {"cpus": cpus, "gpus": gpus, "memory": memory, "resources": resources or {}, "replicas": replicas}
        try:
            super().__init__(**given, **unknown)
        except ValidationError as error:
            raise PipelineError(*complaints(type(self), error)) from error

    @field_validator("cpus", "gpus", mode="before")
    @classmethod
    def _countable(cls, given: Any, info: ValidationInfo) -> float | None:
        if given is None and info.field_name == "cpus":
            return None
        number = _quantity(given)
        if info.field_name == "gpus" and number > 1 and number % 1:
            raise ValueError(f"{given!r} cannot be had: ask for a share of one card, or for whole ones")
        return number

    @field_validator("memory", mode="before")
    @classmethod
    def _bytes(cls, given: Any) -> int | None:
        if given is None:
            return None
        size = given
        if isinstance(given, str) and (found := SIZE.fullmatch(given.strip())):
            number, unit, binary = found.groups()
            size = int(float(number) * (1024 if binary else 1000) ** (" kmgt".index(unit.lower())))
        if not isinstance(size, int) or isinstance(size, bool):
            raise ValueError(f"{given!r} is no size: write '4GB' or '500MB', or a whole number of bytes")
        if size < LEAST_MEMORY:
            raise ValueError(f"{given!r} is too little to work with: a whole number is bytes, and '4GB' is more")
        return size

    @field_validator("resources", mode="before")
    @classmethod
    def _named(cls, given: Any) -> dict[str, float]:
        if not isinstance(given, Mapping) or not all(isinstance(name, str) and name.strip() for name in given):
            raise ValueError(f"{given!r} is no mapping of names to numbers: write {{'licence': 1}}")
        for name in given:
            if name.lower() in OWN:
                raise ValueError(f"{name!r} has a parameter of its own: write {OWN[name.lower()]}=…")
        try:
            return {name: _quantity(given[name], least=FINEST) for name in sorted(given)}
        except ValueError as error:
            raise ValueError(f"{given!r}: {error}") from None

    @field_validator("replicas", mode="before")
    @classmethod
    def _lanes(cls, given: Any) -> int | None:
        if given is not None and (not isinstance(given, int) or isinstance(given, bool) or given < 1):
            raise ValueError(f"{given!r} is no number of lanes: give 1 or more, or leave it out")
        return given

    def alike(self, other: "Placement | None") -> bool:
        """Whether both ask for the same; None asks for nothing."""
        return self == (other or Placement())

    def options(self) -> dict[str, Any]:
        """What it asks for, and nothing else, as options of a Ray actor. `replicas` is none of them."""
        options: dict[str, Any] = {}
        if self.cpus is not None:
            options["num_cpus"] = self.cpus
        if self.gpus:
            options["num_gpus"] = self.gpus
        if self.memory is not None:
            options["memory"] = self.memory
        if self.resources:
            options["resources"] = dict(self.resources)
        return options

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """What differs from the default, as it would be written."""
        for name, info in type(self).model_fields.items():
            value = getattr(self, name)
            if value != info.default:
                yield name, _size(value) if name == "memory" else _plain(value)

    def __str__(self) -> str:
        return repr(self)


def placement_of(component: Any) -> Placement:
    """What a component asks for: nothing, where it does not say."""
    asked = getattr(component, "placement", None)
    return asked if isinstance(asked, Placement) else Placement()


def _quantity(given: Any, least: float = 0) -> float:
    """A number of things, of which there may be shares. Raises `ValueError`."""
    if not isinstance(given, int | float) or isinstance(given, bool) or not math.isfinite(given) or given < 0:
        raise ValueError(f"{given!r} is no quantity: give a number, 0 or more")
    if given < least or 0 < given < FINEST:
        raise ValueError(f"{given!r} is too little: the least that can be asked for is {FINEST}")
    return float(given)


def _size(value: int) -> int | str:
    """Bytes as text, where that says it exactly."""
    for number, unit in ((10**9, "GB"), (1024**3, "GiB"), (10**6, "MB"), (1024**2, "MiB")):
        if value % number == 0:
            return f"{value // number}{unit}"
    return value


def _plain(value: Any) -> Any:
    """A value with whole numbers written as such."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return int(value) if isinstance(value, float) and value.is_integer() else value
