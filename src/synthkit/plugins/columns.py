"""What a component does to columns, seen in its example: it often hangs on parameters, and on what there is."""

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synthkit.core import IO, Component, DatasetStep, Filter, Format, Generator, Have, Step, chain
from synthkit.core.flow import flow
from synthkit.plugins.describe import Description
from synthkit.plugins.examples import pipeline_file, pipeline_of
from synthkit.plugins.registry import Registry

OTHER = "another-column"
"""A name that no example has for a column."""


@dataclass(frozen=True)
class Columns:
    """What a component does to columns. given: the parameters that named one, by column. default: this holds for the
    component without parameters, where there is no example. parts: the labels of what a technique stands for."""

    io: IO
    given: Mapping[str, str]
    default: bool = False
    parts: Sequence[str] = ()

    def rows(self, mark: str = "") -> Sequence[tuple[str, str]]:
        """What is done, and to which columns. mark: put around their names."""
        io = self.io
        told = {
            "reads": [*io.reads],
            "may read": [name for name in io.optional if name not in io.reads],
            "writes": [*io.writes],
            "may write": [*io.maybe],
            "drops": [*io.drops],
        }
        rows = [(what, ", ".join(self._named(name, mark) for name in names)) for what, names in told.items() if names]
        rows += [("makes", "several records of one")] if io.fans_out else []
        return [*rows, ("parts", ", ".join(f"{mark}{part}{mark}" for part in self.parts))] if self.parts else rows

    def _named(self, column: str, mark: str) -> str:
        by = f" (by `{self.given[column]}`)" if column in self.given else ""
        return f"{mark}{column}{mark}{by}"


def columns(description: Description, names: Registry) -> Columns | None:
    """What the component of the example does to columns there; without an example, what the component does that is
    made without parameters. None where neither can be known, and for what has no columns."""
    cls = description.cls
    if not issubclass(cls, Component) or issubclass(cls, Format):
        return None
    try:
        with _elsewhere():
            if description.doc.example:
                return _in_pipeline(cls, pipeline_of(pipeline_file(description, names)).parts)
            return _columns_of(cls(), Have(), default=True)
    except Exception:  # it shows less, which is no reason to show nothing
        return None


def _in_pipeline(cls: type, parts: Sequence[Component]) -> Columns | None:
    """What an instance of the class does there, which may be a part inside of another."""
    have = Have()
    for part in parts:
        inner = next((found for found in (part, *_inside(part)) if isinstance(found, cls)), None)
        if inner is not None:
            return _columns_of(inner, have)
        have = have.after(flow_of(part, have))
    return None


def _columns_of(part: Component, have: Have, *, default: bool = False) -> Columns:
    labels = [inner.name.removeprefix(f"{part.name}/") for inner in chain(part)]
    io = flow_of(part, have)
    return Columns(io, _given(part, have, io), default, labels if len(labels) > 1 else ())


def flow_of(part: Component, have: Have) -> IO:
    """What one part does to columns, whatever it stands for."""
    first, *rest = chain(part)
    if isinstance(first, Generator):
        io = first.io(have)
        behind = flow(rest, have.after(io))
        written = behind.after.sure
        return IO.of(writes=sorted(written), maybe=sorted(behind.after.maybe)) if rest else io
    if len([first, *rest]) == 1 and isinstance(first, Step | Filter | DatasetStep):
        return first.io(have)
    return flow([first, *rest], have).io


def _inside(part: Component) -> Iterator[Component]:
    for value in (getattr(part, name) for name in type(part).model_fields):
        for item in value.values() if isinstance(value, Mapping) else value if isinstance(value, tuple) else [value]:
            if isinstance(item, Component):
                yield item
                yield from _inside(item)


def _given(part: Component, have: Have, io: IO) -> Mapping[str, str]:
    """The parameters that name a column, by that column: those with which it is another one."""
    found: dict[str, str] = {}
    for name in type(part).model_fields:
        for column in dict.fromkeys([*io.reads, *io.optional, *io.writes, *io.maybe, *io.drops]):
            value = getattr(part, name)
            other = _renamed(value, column)
            if other == value or column in found:
                continue
            try:
                after = flow_of(part.model_copy(update={name: other}), have.plus(OTHER))
            except Exception:  # it takes nothing else there
                continue
            if OTHER in (*after.reads, *after.optional, *after.writes, *after.maybe, *after.drops):
                found[column] = name
    return found


def _renamed(value: Any, column: str) -> Any:
    """The value of a parameter with another name for a column: a text, texts, or a mapping of or to them."""
    if isinstance(value, Mapping):
        return {_renamed(key, column): _text(item, column) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_text(item, column) for item in value)
    return _text(value, column)


def _text(value: Any, column: str) -> Any:
    return OTHER if isinstance(value, str) and value == column else value


@contextmanager
def _elsewhere() -> Iterator[None]:
    """A working folder that is gone afterwards, for examples that write a file first."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)
