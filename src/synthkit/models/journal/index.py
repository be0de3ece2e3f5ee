"""Where each answer is: the number of its segment and its place there."""

from collections.abc import Collection, Iterator, Mapping
from threading import Lock
from typing import NamedTuple

from synthkit.models.journal.sidecar import Sidecar

_PLACE_BITS = 48  # 32 of the offset, 16 of the row


class Index:
    """The keys of all segments. Any thread may ask and add; who asks takes no lock: the tables are looked up together,
    and none is iterated."""

    def __init__(self) -> None:
        self._tables = Tables({}, {}, {})
        self._lost: frozenset[tuple[int, int]] = frozenset()
        self._guard = Lock()  # of those who change something

    def __len__(self) -> int:
        growing, folded, mapped = self._tables
        return len(folded) + sum(map(len, growing.values())) + sum(map(len, mapped.values()))

    def keys(self) -> Iterator[bytes]:
        """All keys, as they are now; one may come twice."""
        growing, folded, mapped = self._tables
        for table in (*growing.values(), folded):
            yield from list(table)
        for sidecar in mapped.values():
            yield from (key for key, _ in sidecar)

    def find(self, key: bytes) -> tuple[int, int] | None:
        """Segment and place."""
        growing, folded, mapped = self._tables
        for number, table in growing.items():
            if (place := table.get(key)) is not None and (number, place >> 16) not in self._lost:
                return number, place
        if (whole := folded.get(key)) is not None:
            number, place = whole >> _PLACE_BITS, whole & ((1 << _PLACE_BITS) - 1)
            if (number, place >> 16) not in self._lost:
                return number, place
        for number, sidecar in mapped.items():
            if (place := sidecar.find(key)) is not None and (number, place >> 16) not in self._lost:
                return number, place
        return None

    def grow(self, number: int) -> dict[bytes, int]:
        """The table of a segment that still grows; its owner or follower adds to it."""
        table: dict[bytes, int] = {}
        with self._guard:
            self._tables = self._tables._replace(growing={**self._tables.growing, number: table})
        return table

    def fold(self, number: int, places: Mapping[bytes, int]) -> None:
        """A segment that grows no more and has no sidecar that could be mapped."""
        with self._guard:
            _fold(self._tables.folded, number, places)
            self._ungrow(number)

    def seal(self, number: int, sidecar: Sidecar) -> None:
        """A segment that grows no more. Its growing table, if it had one, is let go."""
        if not sidecar.mapped:
            self.fold(number, dict(sidecar))
            return
        with self._guard:
            self._tables = self._tables._replace(mapped={**self._tables.mapped, number: sidecar})
            self._ungrow(number)

    def replace(self, gone: Collection[int], added: Mapping[int, Sidecar]) -> None:
        """Segments that are there no more, and those that hold their answers now. Nobody misses an answer meanwhile."""
        with self._guard:
            growing, folded, mapped = self._tables
            left = {key: place for key, place in folded.items() if place >> _PLACE_BITS not in gone}
            kept = {number: sidecar for number, sidecar in mapped.items() if number not in gone}
            for number, sidecar in added.items():
                if sidecar.mapped:
                    kept[number] = sidecar
                else:
                    _fold(left, number, dict(sidecar))
            # a sidecar that is gone is not closed: somebody may be looking into it
            self._tables = Tables({n: table for n, table in growing.items() if n not in gone}, left, kept)

    def lose(self, number: int, offset: int) -> None:
        """The block there turned out to be damaged: its answers are no more."""
        with self._guard:
            self._lost |= {(number, offset)}

    def close(self) -> None:
        for sidecar in self._tables.mapped.values():
            sidecar.close()
        self._tables = Tables({}, {}, {})

    def _ungrow(self, number: int) -> None:
        growing = {other: table for other, table in self._tables.growing.items() if other != number}
        self._tables = self._tables._replace(growing=growing)


class Tables(NamedTuple):
    """The tables of an index, which are replaced together."""

    growing: Mapping[int, dict[bytes, int]]
    folded: dict[bytes, int]
    mapped: Mapping[int, Sidecar]


def _fold(folded: dict[bytes, int], number: int, places: Mapping[bytes, int]) -> None:
    """Of two answers the later one is found: it was bought because the other one's block is damaged."""
    base = number << _PLACE_BITS
    folded.update({key: base | place for key, place in places.items()})
