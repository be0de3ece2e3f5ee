"""Where each answer is: the number of its segment and its place there."""

from collections.abc import Iterator
from threading import Lock

from synthkit.models.journal.sidecar import Sidecar

_PLACE_BITS = 48  # 32 of the offset, 16 of the row


class Index:
    """The keys of all segments. Any thread may ask and add; who asks takes no lock, as no table is iterated."""

    def __init__(self) -> None:
        self._growing: dict[int, dict[bytes, int]] = {}
        self._folded: dict[bytes, int] = {}
        self._mapped: dict[int, Sidecar] = {}
        self._lost: frozenset[tuple[int, int]] = frozenset()
        self._guard = Lock()  # of those who change something

    def __len__(self) -> int:
        growing = sum(len(table) for table in self._growing.values())
        return len(self._folded) + growing + sum(len(sidecar) for sidecar in self._mapped.values())

    def find(self, key: bytes) -> tuple[int, int] | None:
        """Segment and place."""
        for number, place in self._all(key):
            if (number, place >> 16) not in self._lost:
                return number, place
        return None

    def grow(self, number: int) -> dict[bytes, int]:
        """The table of a segment that still grows; its owner or follower adds to it."""
        table: dict[bytes, int] = {}
        with self._guard:
            self._growing = {**self._growing, number: table}
        return table

    def fold(self, number: int, places: dict[bytes, int]) -> None:
        """A segment that grows no more and has no sidecar that could be mapped."""
        base = number << _PLACE_BITS
        with self._guard:
            self._folded.update({key: base | place for key, place in places.items()})
            self._ungrow(number)

    def seal(self, number: int, sidecar: Sidecar) -> None:
        """A segment that grows no more. Its growing table, if it had one, is let go."""
        if not sidecar.mapped:
            self.fold(number, dict(sidecar))
            return
        with self._guard:
            self._mapped = {**self._mapped, number: sidecar}
            self._ungrow(number)

    def lose(self, number: int, offset: int) -> None:
        """The block there turned out to be damaged: its answers are no more."""
        with self._guard:
            self._lost |= {(number, offset)}

    def close(self) -> None:
        for sidecar in self._mapped.values():
            sidecar.close()
        self._growing, self._folded, self._mapped = {}, {}, {}

    def _all(self, key: bytes) -> Iterator[tuple[int, int]]:
        for number, table in self._growing.items():
            if (place := table.get(key)) is not None:
                yield number, place
        if (folded := self._folded.get(key)) is not None:
            yield folded >> _PLACE_BITS, folded & ((1 << _PLACE_BITS) - 1)
        for number, sidecar in self._mapped.items():
            if (place := sidecar.find(key)) is not None:
                yield number, place

    def _ungrow(self, number: int) -> None:
        self._growing = {other: table for other, table in self._growing.items() if other != number}
