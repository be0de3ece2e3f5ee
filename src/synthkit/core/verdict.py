"""What a filter says of a record."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Verdict:
    """Keep or drop.

    reason: a code, one of few, counted in the funnel («too short»). detail: this record's own words, which `Loop`
    feeds back into the next prompt. score: higher is better; `Loop` compares rounds by it.
    """

    keep: bool
    reason: str = ""
    detail: str = ""
    score: float | None = None

    def __bool__(self) -> bool:
        return self.keep


KEEP = Verdict(True)


def drop(reason: str, detail: str = "", score: float | None = None) -> Verdict:
    """A verdict that drops the record."""
    return Verdict(False, reason, detail, score)
