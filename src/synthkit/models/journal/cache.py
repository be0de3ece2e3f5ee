"""Blocks that were decompressed lately."""

from collections import OrderedDict
from threading import Lock

from synthkit.models.journal.block import Texts


class Cache:
    """The least recently used go first; bounded by bytes of text. Any thread may ask."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self._texts: OrderedDict[tuple[int, int], Texts] = OrderedDict()
        self._guard = Lock()

    def get(self, block: tuple[int, int]) -> Texts | None:
        """`block` is a segment's number and an offset there."""
        with self._guard:
            if (texts := self._texts.get(block)) is not None:
                self._texts.move_to_end(block)
            return texts

    def put(self, block: tuple[int, int], texts: Texts) -> None:
        with self._guard:
            if block in self._texts:
                return
            self._texts[block] = texts
            self._size += len(texts.joined)
            while self._size > self._limit and len(self._texts) > 1:
                self._size -= len(self._texts.popitem(last=False)[1].joined)

    def clear(self) -> None:
        with self._guard:
            self._texts.clear()
            self._size = 0
