"""Finding the kind of task in an instruction's words: phrases, indexed by how their first word begins."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

_PLAIN = {n: "#" if chr(n).isdecimal() else chr(n).lower() if chr(n).isalnum() else " " for n in range(128)}
_PLAIN |= {ord(mark): mark for mark in "_*%+"} | {ord(mark): " " for mark in "“”’‘–—…"}
Entry = tuple[str, tuple[str, ...], bool, int]
"""A phrase, what else must be said, whether it decides wherever it stands, and the number of its kind."""


def plain(text: str) -> str:
    """A text as cues see it: small letters, figures as `#`, one blank in place of punctuation."""
    return f" {' '.join(text.translate(_PLAIN).split())} ".replace("####", "#").replace("##", "#").replace("##", "#")


def index(cues: Sequence[str]) -> Mapping[str, Sequence[Entry]]:
    """The phrases of cues. A cue has phrases between `|`: «a & b» wants both, `!` marks one that decides."""
    made: dict[str, list[Entry]] = defaultdict(list)
    for number, cue in enumerate(cues):
        for phrase in filter(None, cue.split("|")):
            first, *others = phrase.removeprefix("!").split("& ")
            made[_key(first.split()[0])].append((f" {first.lstrip()}", tuple(others), phrase[0] == "!", number))
    return dict(made)


def spot(text: str, phrases: Mapping[str, Sequence[Entry]]) -> int | None:
    """The number of the cue that a plain text fits: a deciding one, else the one that comes first; None for none."""
    first: int | None = None
    decided: list[int] = []
    place = 0
    for word in text.split():
        for phrase, others, decides, number in phrases.get(word[0] if word[0] in "#_" else word[:3], ()):
            if (decides or first is None) and text.startswith(phrase, place):
                if others and not all(other in text for other in others):
                    continue
                if decides:
                    decided.append(number)
                else:
                    first = number
        place += len(word) + 1
    return min(decided) if decided else first


def _key(word: str) -> str:
    return word[0] if word[0] in "#_" else word[:3]
