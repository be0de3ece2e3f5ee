"""Records on the screen: a name and a value a line, made harmless and cut to the width."""

from collections.abc import Mapping
from typing import Any

from synthkit.cli.table import GAP, Line
from synthkit.cli.text import cut, plain, value, width_of

LONGEST_NAME = 24
USUAL = (
    "instruction", "input", "output", "prompt", "question", "answer", "messages", "chosen", "rejected", "text",
)  # fmt: skip
"""The columns that people look for first, in this order."""


def record(title: str, fields: Mapping[str, Any], width: int, *, lines: int = 3) -> list[Line]:
    """A title and the columns of a record beneath it; text in up to so many lines."""
    names = [cut(plain(name), LONGEST_NAME) for name in fields]
    first = max(map(width_of, names), default=0)
    shown: list[Line] = [[(title, "bold")]]
    for name, given in zip(names, fields.values(), strict=True):
        room = max(width - 2 * len(GAP) - first, 10)
        for number, text in enumerate(value(given, room, lines)):
            shown.append([(GAP + _padded(name if number == 0 else "", first) + GAP, "dim"), (text, "")])
    return shown


def telling(fields: Mapping[str, Any], most: int = 3) -> dict[str, Any]:
    """The columns of a rejected record that say most: those with the usual names; without any the first text; then
    what was written last, text before all else. Empty ones come last."""
    usual = [name for name in USUAL if name in fields]
    text = [name for name, given in fields.items() if isinstance(given, str) and name not in usual]
    other = [name for name in fields if name not in (*usual, *text)]
    names = [*(usual or text[:1]), *reversed(text if usual else text[1:]), *reversed(other)]
    chosen = sorted(names, key=lambda name: fields[name] in ("", None))[:most]
    return {name: given for name, given in fields.items() if name in chosen}


def _padded(text: str, width: int) -> str:
    return text + " " * (width - width_of(text))
