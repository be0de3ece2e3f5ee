"""The record: a row with an identity."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from synthkit.core.values import FrozenDict, digest, freeze_fields

Fields = Mapping[str, Any]
"""What components take and return: columns by name. Authors never make ids."""


class Record(Mapping[str, Any]):
    """A row with an id; a read-only mapping of its columns.

    `source` is the id of the generated record that this one descends from: what a split or a group must keep
    together. Values are what JSON can say, and are never changed in place.
    """

    __slots__ = ("_fields", "id", "source")

    id: str
    source: str

    def __init__(self, id: str, source: str, fields: Fields) -> None:
        self.id = id
        self.source = source
        self._fields = fields if type(fields) is FrozenDict else freeze_fields(fields)

    @classmethod
    def generated(cls, label: str, fields: Fields, number: int) -> "Record":
        """The record of a generator: its id is the hash of label, content and how many equal ones came before."""
        frozen = freeze_fields(fields)
        id = digest(label, frozen, number)
        return cls(id, id, frozen)

    def updated(self, fields: Fields, drop: Iterable[str] = ()) -> "Record":
        """The same record with columns added, replaced and dropped."""
        return Record(self.id, self.source, self._merged(fields, drop))

    def child(self, path: str, number: int, fields: Fields, drop: Iterable[str] = ()) -> "Record":
        """A new record that a step at `path` made of this one, the `number`th."""
        return Record(digest(self.id, path, number), self.source, self._merged(fields, drop))

    def _merged(self, fields: Fields, drop: Iterable[str]) -> FrozenDict:
        merged = {**self._fields, **freeze_fields(fields)}
        for name in drop:
            merged.pop(name, None)
        return FrozenDict(merged)

    @property
    def fields(self) -> FrozenDict:
        """All columns, as a read-only dict."""
        assert isinstance(self._fields, FrozenDict)
        return self._fields

    def __getitem__(self, name: str) -> Any:
        return self._fields[name]

    def __setitem__(self, name: str, value: Any) -> None:
        raise TypeError(f"a record never changes: return {{{name!r}: …}} from the step, and declare it in writes")

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Record):
            return self.id == other.id and self.source == other.source and self._fields == other._fields
        return NotImplemented

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        return f"Record({self.id[:8]}, {dict(self._fields)!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return (_whole, (self.id, self.source, dict(self._fields)))


def _whole(id: str, source: str, fields: dict[str, Any]) -> Record:
    """A record whose values are frozen already, as one that comes from another process."""
    return Record(id, source, FrozenDict(fields))
