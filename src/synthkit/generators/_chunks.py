"""Cutting a text into pieces of so many words, at the ends of paragraphs and sentences."""

import re
from collections.abc import Iterator

from synthkit.core.scripts import UNSPACED

_WORD = re.compile(rf"[{UNSPACED}]|(?:(?![{UNSPACED}])\S)+")
_SENTENCE_END = re.compile(r"[.!?…][\"'”’»)\]]*$|[。！？]$")
_HEADING = re.compile(r"#{1,6} ")
_ITEM = re.compile(r"(?:[-*+>|]|\d{1,3}[.)]|#{1,6}) ")
_REST = 4
"""A rest of less than this part of a piece's size joins the last piece."""


class Cutter:
    """One text, its words, and where it may be cut."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.words = [found.span() for found in _WORD.finditer(text)]

    def pieces(self, size: int, overlap: int) -> Iterator[tuple[int, int]]:
        """Start and end of each piece in the text: at most `size` words (the last one a quarter more), the first
        `overlap` or fewer of which end the piece before. overlap: less than half of size."""
        place, total = 0, len(self.words)
        while place < total:
            start = self._back(place, overlap)
            end = start + size
            end = total if end + size // _REST >= total else self._end(start, end, size)
            yield self.words[start][0], self.words[end - 1][1]
            place = end

    def _end(self, start: int, limit: int, size: int) -> int:
        """Where a piece ends that may go up to `limit`: behind its last whole paragraph if that leaves it at least half
        full, else its last sentence, else its last word."""
        for wanted in (2, 1):
            for end in range(limit, start + (size + 1) // 2 - 1, -1):
                if self._cut(end) >= wanted:
                    return end
        return limit

    def _back(self, place: int, overlap: int) -> int:
        """Where the piece starts that goes on at `place`: at a sentence among the words that overlap, if one starts."""
        if place == 0 or overlap == 0:
            return place
        first = place - overlap
        return next((at for at in range(first, place) if self._cut(at)), first)

    def _cut(self, at: int) -> int:
        """How good a cut in front of a word is: 2 between paragraphs, 1 between sentences and items, 0 elsewhere."""
        if at <= 0 or at >= len(self.words):
            return 2
        before, between = self.words[at - 1], self.text[self.words[at - 1][1] : self.words[at][0]]
        if between.count("\n") > 1:
            line = self.text[self.text.rfind("\n", 0, before[0]) + 1 : before[1]]
            return 0 if _HEADING.match(line) else 2  # a heading stays with what it is the heading of
        item = "\n" in between and _ITEM.match(self.text, self.words[at][0])
        return 1 if item or _SENTENCE_END.search(self.text[before[0] : before[1]]) else 0
