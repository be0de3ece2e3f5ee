"""What a component does to the columns: the static side of every check."""

import builtins
import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Types = Mapping[str, type]
Columns = str | Iterable[str] | Types
"""One name, several, or names with the types their reader expects."""
MANY, NEAREST = 24, 5
"""Names of which all are told where none is meant, and how many of more."""


def names(columns: Columns) -> dict[str, type]:
    """Names with types; `object` where none was declared."""
    if isinstance(columns, str):
        return {columns: object}
    if isinstance(columns, Mapping):
        return dict(columns)
    return dict.fromkeys(columns, object)


@dataclass(frozen=True)
class IO:
    """Columns read, written and dropped by a component, asked once, at plan time.

    `reads` must be there on every record; a type (str, int, float, bool, list, dict) makes a record of another
    type fail, and gives a dataset step a typed column. `optional` may be read where it is there. `writes` are
    on every record that leaves, `maybe` on some. `fans_out`: one record may become several. `items`: for a column
    that holds a list of mappings, what each of these surely has. `ensures`: columns that are surely there behind it,
    since records without them do not pass.
    """

    reads: Mapping[str, type] = field(default_factory=dict)
    writes: tuple[str, ...] = ()
    drops: tuple[str, ...] = ()
    maybe: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    fans_out: bool = False
    items: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ensures: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        reads: Columns = (),
        writes: Columns = (),
        drops: Columns = (),
        maybe: Columns = (),
        optional: Columns = (),
        fans_out: bool = False,
        items: Mapping[str, Columns] | None = None,
        ensures: Columns = (),
    ) -> "IO":
        """The same, from names in any form."""
        return cls(
            names(reads),
            tuple(names(writes)),
            tuple(names(drops)),
            tuple(names(maybe)),
            tuple(names(optional)),
            fans_out,
            {column: tuple(names(inside)) for column, inside in (items or {}).items()},
            tuple(names(ensures)),
        )


@dataclass(frozen=True)
class Have:
    """The columns there are at one place of a pipeline: on all records, and on some.

    gone: behind a part whose io() failed, which might have written any column: those that are surely not there.
    """

    sure: frozenset[str] = frozenset()
    maybe: frozenset[str] = frozenset()
    items: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    gone: frozenset[str] | None = None

    def after(self, io: IO) -> "Have":
        """The columns behind a component."""
        sure = (self.sure | set(io.writes) | set(io.ensures)) - set(io.drops)
        items = {c: i for c, i in self.items.items() if c not in io.writes and c not in io.drops}
        maybe = (self.maybe | set(io.maybe)) - sure - set(io.drops)
        gone = None if self.gone is None else (self.gone | set(io.drops)) - sure - maybe
        return Have(sure, maybe, {**items, **io.items}, gone)

    def __contains__(self, name: object) -> bool:
        return name in self.sure

    def plus(self, *more: str) -> "Have":
        """With further sure columns."""
        return Have(self.sure | set(more), self.maybe - set(more), self.items, self.gone)

    def behind_failure(self) -> "Have":
        """The same, where nobody knows what else there is."""
        return Have(self.sure, self.maybe, self.items, self.gone or frozenset())

    def missing(self, io: IO) -> list[str]:
        """A sentence's end for each column that is read and not surely there."""
        out = []
        for name in sorted(io.reads):
            if name in self.sure or (self.gone is not None and name not in self.gone):
                continue
            if name in self.maybe:
                out.append(f"column {name!r}, which only some records have there")
            else:
                out.append(f"column {name!r}, which nothing before it writes{hint(name, self.sure)}")
        return out


def hint(name: str, known: Iterable[str], label: str = "there are") -> str:
    """«; did you mean 'x'?», or what there is instead: of many the nearest."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, 1, 0.6)
    if near:
        return f"; did you mean {near[0]!r}?"
    more = ""
    if len(known) > MANY:
        more = f" and {len(known) - NEAREST:,} others"
        known = sorted(difflib.get_close_matches(name, known, NEAREST, 0.0))
    return f"; {label}: {', '.join(known)}{more}" if known else ""


def fits(value: Any, kind: builtins.type) -> bool:
    """Whether a value is of a declared type: whole numbers count as float, true and false only as bool."""
    if kind is object:
        return True
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, kind)
