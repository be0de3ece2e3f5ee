"""Texts that fit a simple regular expression: literals, classes, groups, alternatives and counts."""

import re
import string

from synthkit.providers.demo.dice import Dice

_CLASSES = {"d": string.digits, "w": string.ascii_lowercase, "s": " ", "D": "abc", "W": "-", "S": "abc"}
_MOST = 400
"""Characters of a pattern beyond which nothing is tried."""


def fitting(dice: Dice, pattern: str, low: int = 0, high: int | None = None) -> str | None:
    """A text that fits the pattern and these lengths, None where none was found."""
    if len(pattern) > _MOST or re.search(r"[+*}]\)+[+*{]", pattern):  # nested counts can take for ever to check
        return None
    try:
        compiled = re.compile(pattern)
        for extra in (0, 1, 3, low):
            made = _Maker(dice, pattern, extra).alternatives(0)[0]
            if len(made) >= low and (high is None or len(made) <= high) and compiled.search(made):
                return made
    except (re.error, IndexError, ValueError, RecursionError):
        return None
    return None


class _Maker:
    """Reads a pattern from left to right and writes one text that it describes."""

    def __init__(self, dice: Dice, pattern: str, extra: int) -> None:
        self.dice, self.pattern, self.extra = dice, pattern, extra

    def alternatives(self, at: int) -> tuple[str, int]:
        """One of the alternatives up to a closing bracket or the end, and where it ends."""
        made: list[str] = []
        text, at = self.sequence(at)
        made.append(text)
        while at < len(self.pattern) and self.pattern[at] == "|":
            text, at = self.sequence(at + 1)
            made.append(text)
        return self.dice.pick(made), at

    def sequence(self, at: int) -> tuple[str, int]:
        made = ""
        while at < len(self.pattern) and self.pattern[at] not in "|)":
            begin = at
            text, at = self.atom(at)
            low, high, end = self.count(at)
            for number in range(min(high, low + self.extra, 200)):
                made += text if number == 0 else self.atom(begin)[0]
            at = end
        return made, at

    def atom(self, at: int) -> tuple[str, int]:
        char = self.pattern[at]
        if char == "(":
            start = at + 1
            if self.pattern.startswith("?:", start):
                start += 2
            elif self.pattern.startswith("?P<", start):
                start = self.pattern.index(">", start) + 1
            elif self.pattern.startswith("?", start):
                raise ValueError("look-arounds are not imitated")
            text, end = self.alternatives(start)
            return text, end + 1
        if char == "[":
            return self.bracket(at + 1)
        if char == "\\":
            kind = self.pattern[at + 1]
            if kind in "bBAZ":
                return "", at + 2
            return (self.dice.pick(_CLASSES[kind]) if kind in _CLASSES else kind), at + 2
        if char in "^$":
            return "", at + 1
        return (self.dice.pick(string.ascii_lowercase) if char == "." else char), at + 1

    def bracket(self, at: int) -> tuple[str, int]:
        chars, negated = "", self.pattern[at] == "^"
        at += negated
        first = True
        while self.pattern[at] != "]" or first:
            first = False
            if self.pattern[at] == "\\":
                kind = self.pattern[at + 1]
                chars += _CLASSES.get(kind, kind)
                at += 2
            elif self.pattern[at + 1] == "-" and self.pattern[at + 2] != "]":
                chars += "".join(map(chr, range(ord(self.pattern[at]), min(ord(self.pattern[at + 2]), 0x250) + 1)))
                at += 3
            else:
                chars += self.pattern[at]
                at += 1
        if negated:
            chars = "".join(c for c in string.ascii_letters + string.digits if c not in chars)
        return self.dice.pick(chars), at + 1

    def count(self, at: int) -> tuple[int, int, int]:
        rest = self.pattern[at : at + 12]
        marks = {"?": (0, 1), "*": (0, 99), "+": (1, 99)}
        low, high, end = 1, 1, at
        if rest[:1] in marks and rest:
            (low, high), end = marks[rest[0]], at + 1
        elif found := re.match(r"\{(\d*)(,?)(\d*)\}", rest):
            low = int(found[1] or 0)
            high = int(found[3]) if found[3] else 99 if found[2] else low
            end = at + found.end()
        return low, high, end + (self.pattern[end : end + 1] in ("?", "+") and end > at)
