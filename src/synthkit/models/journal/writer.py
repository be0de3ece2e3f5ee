"""The writing side: one commit at a time, into this process' own segment."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from synthkit.errors import JournalError
from synthkit.models.journal.block import MAX_ROWS, compress, pack
from synthkit.models.journal.entry import ANSWER, ATTEMPT, KINDS, Entry
from synthkit.models.journal.folder import naming, sync_folder
from synthkit.models.journal.segment import Own, seal
from synthkit.models.journal.store import Store

BLOCK_BYTES = 1 << 20  # of text: a look-up decompresses a whole block

Item = tuple[Entry, bytes]
"""An entry and its text."""


@dataclass(slots=True)
class Draft:
    """A block that is compressed while the kinds of its rows are still open."""

    items: Sequence[Item]
    frame: bytes
    rows: list[tuple[bytes, int, int]] = field(default_factory=list)


class Writer:
    """Appends to the journal of a store. All of it belongs to one thread."""

    def __init__(self, store: Store, segment_size: int) -> None:
        self._store = store
        self._segment_size = segment_size
        self._places: dict[bytes, int] = {}

    def commit(self, items: Sequence[Item]) -> list[Entry]:
        """Makes entries durable; for each the entry that counts: the first answer anywhere under its key."""
        drafts = [Draft(part, compress([text for _, text in part])) for part in _split(items)]
        store, folder = self._store, self._store.folder
        with naming(folder.path, "write"):
            if store.own is None:
                folder.create()
            with folder.locked():
                own, new = self._look_around()
                winners, borrowed = self._decide(drafts)
                blocks = [pack(draft.rows, draft.frame) for draft in drafts]
                with naming(own.path, "write"):
                    start = own.write(b"".join(blocks))
            if new:
                sync_folder(folder.path)
            with naming(own.path, "write"):
                own.sync()
            for number, place in borrowed:
                store.make_durable(number, place)
        self._publish(start, drafts, blocks)
        if own.size >= self._segment_size:
            self.seal()
        return winners

    def seal(self) -> None:
        """Ends the own segment; the next commit claims another."""
        store, own = self._store, self._store.own
        if own is None:
            return
        sidecar = None
        try:
            with naming(own.path, "seal"):
                sidecar = seal(store.folder, own.number, self._places, own.size)
        except JournalError as error:
            store.note(str(error))  # nothing is lost: the next to open the journal makes the sidecar
        if sidecar is not None:
            store.index.seal(own.number, sidecar)
        else:
            store.index.fold(own.number, self._places)
        store.own = None
        own.close()

    def close(self, *, seal: bool) -> None:
        if seal:
            self.seal()
        elif self._store.own is not None:
            self._store.own.close()

    def _look_around(self) -> tuple[Own, bool]:
        """Reads what the others appended; the own segment, and whether it is new. The folder is locked."""
        store = self._store
        with store.following:
            store.follow()
            if store.own is not None:
                return store.own, False
            own = store.claim()
        self._places = store.index.grow(own.number)
        return own, True

    def _decide(self, drafts: Sequence[Draft]) -> tuple[list[Entry], list[tuple[int, int]]]:
        """Fills the drafts' rows; the entries that count, and the places of those that others wrote."""
        winners: list[Entry] = []
        borrowed: list[tuple[int, int]] = []
        first: dict[bytes, Entry] = {}
        for draft in drafts:
            for entry, text in draft.items:
                kind, winner = KINDS.index(entry.kind), entry
                if kind == ANSWER:
                    known = first.get(entry.key)
                    if known is None and (found := self._store.find(entry.key)) is not None:
                        known = found[0]
                        borrowed.append(found[1])
                    if known is None:
                        first[entry.key] = entry
                    else:
                        kind, winner = ATTEMPT, known
                draft.rows.append((entry.key, kind, len(text)))
                winners.append(winner)
        return winners, borrowed

    def _publish(self, start: int, drafts: Sequence[Draft], blocks: Sequence[bytes]) -> None:
        """Only now, durable, may they be found."""
        for draft, block in zip(drafts, blocks, strict=True):
            for number, (key, kind, _) in enumerate(draft.rows):
                if kind == ANSWER:
                    self._places[key] = start << 16 | number
            start += len(block)


def _split(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    first, size = 0, 0
    for number, (_, text) in enumerate(items):
        if number > first and (size + len(text) > BLOCK_BYTES or number - first == MAX_ROWS):
            yield items[first:number]
            first, size = number, 0
        size += len(text)
    yield items[first:]
