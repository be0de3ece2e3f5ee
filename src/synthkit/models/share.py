"""Shares: parts of what is allowed, that together are the whole."""

import math
from fractions import Fraction
from typing import NamedTuple


class Share(NamedTuple):
    """The part of a whole from `begin` to `end`: fractions of one. Shares that divide it meet end to begin."""

    begin: Fraction
    end: Fraction

    @property
    def width(self) -> Fraction:
        """How large a part it is."""
        return self.end - self.begin

    def of(self, whole: int) -> int:
        """So many of these, that all parts together make the whole; 1 at least of a part that is wide enough."""
        return math.floor(whole * self.end) - math.floor(whole * self.begin)

    def holds(self, other: "Share") -> bool:
        """Whether the other one is a part of it: then it is at least as much of any whole."""
        return self.begin <= other.begin and other.end <= self.end


UNDIVIDED = Share(Fraction(0), Fraction(1))
NOTHING = Share(Fraction(0), Fraction(0))
