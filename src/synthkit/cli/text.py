"""Text for a screen: made harmless, measured, cut and wrapped, and amounts in words."""

import re
import unicodedata
from datetime import timedelta
from decimal import Decimal
from typing import Any

JOINERS = "\u200c\u200d"
"""Invisible, but part of how emoji, Persian and Indic words are written."""
VECTOR = 16
"""Numbers of a list from which on it is shown by its beginning."""
HIDDEN = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Categories that are not shown as they are: control and format characters, lone surrogates, separators of lines."""


def plain(text: str) -> str:
    """One line without control characters: what a model wrote must not move the cursor, colour the screen, or turn
    the direction of writing. They are shown as escapes, line breaks as ↵."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(char) for char in text.replace("\r\n", "\n"))


def _shown(char: str) -> str:
    if char == "\n":
        return "↵"
    if char == "\t":
        return " "
    if char in JOINERS or unicodedata.category(char) not in HIDDEN:
        return char
    return char.encode("ascii", "backslashreplace").decode() if ord(char) > 127 else f"\\x{ord(char):02x}"


def width_of(text: str) -> int:
    """Columns that a text takes on a terminal."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def cut(text: str, width: int, *, middle: bool = False) -> str:
    """The text within so many columns, with an ellipsis for what is left out, at the end or in the middle."""
    if len(text) <= 4 * width and width_of(text) <= width:  # of many combining marks, too, only so many are shown
        return text
    if width < 2:
        return "…"[:width]
    if not middle:
        return _head(text, width - 1) + "…"
    tail = (width - 1) * 2 // 3
    return _head(text, width - 1 - tail) + "…" + _head(text[::-1], tail)[::-1]


def _head(text: str, width: int) -> str:
    """As much of a text's beginning as fits."""
    low, high = 0, min(len(text), 4 * width)
    while low < high:
        half = (low + high + 1) // 2
        if width_of(text[:half]) <= width:
            low = half
        else:
            high = half - 1
    return text[:low]


def wrapped(text: str, width: int, lines: int | None = None) -> list[str]:
    """The text in lines of so many columns, broken between words where that is possible; the last of at most `lines`
    lines is cut."""
    width = max(width, 2)
    found: list[str] = []
    for word in re.findall(r"\S+", text):
        if found and width_of(found[-1]) + 1 + width_of(word) <= width:
            found[-1] += " " + word
            continue
        while width_of(word) > width:
            head = _head(word, width) or word[0]
            found.append(head)
            word = word[len(head) :]
        if word:
            found.append(word)
        if lines is not None and len(found) > lines:
            break
    if lines is not None and len(found) > lines:
        found[lines - 1 :] = [cut(f"{found[lines - 1]} {found[lines]}", width)]
    return found or [""]


LEFT_OUT = re.compile(r"… (about )?[\d,]+ more (lines|characters) …")
"""The line of a text that says what of it is not shown."""


def paragraphs(text: str, width: int, most: int | None = None) -> list[str]:
    """A text with its line breaks and indents, in lines of so many columns, made harmless. Of more than `most` lines
    those in the middle are left out, and counted."""
    text = text.replace("\r\n", "\n").strip("\n")
    room = 20 * width * (most or 0)  # a megabyte is not looked at for twelve lines
    if most is None or len(text) <= room:
        lines = [line for part in text.split("\n") for line in _broken(part, width)]
        if most is None or len(lines) <= most:
            return lines
        head, tail = lines[: most - most // 3 - 1], lines[-(most // 3) :]
        return [*head, f"… {len(lines) - len(head) - len(tail):,} more lines …", *tail]
    head = [line for part in text[:room].split("\n") for line in _broken(part, width)][: most - most // 3 - 1]
    tail = [line for part in text[-room:].split("\n") for line in _broken(part, width)][-(most // 3) :]
    left = len(text) - sum(map(len, (*head, *tail)))
    return [*head, f"… about {left:,} more characters …", *tail]


def _broken(line: str, width: int) -> list[str]:
    """A line of a text in lines of so many columns, under its own indent."""
    line = plain(line.replace("\t", "    ").rstrip())
    indent = line[: min(len(line) - len(line.lstrip(" ")), width // 2)]
    return [f"{indent}{part}" for part in wrapped(line, width - len(indent))] if line else [""]


def value(given: Any, width: int, lines: int = 1) -> list[str]:
    """A record's value on the screen, in at most so many lines."""
    given = brief(given)
    most = 4 * width * lines
    text = plain(given[:most]) + ("…" if len(given) > most else "")  # a megabyte is not looked at for three lines
    if lines == 1:
        return [cut(text, width)]
    return wrapped(text, width, lines)


def shown(given: Any) -> str:
    """A value as text: text as it is, all else as JSON; a whole number without .0, however it was written."""
    import json

    if isinstance(given, str):
        return given
    if isinstance(given, float) and given.is_integer() and abs(given) < 1e15:
        given = int(given)
    return json.dumps(given, ensure_ascii=False)


def brief(given: Any) -> str:
    """The same, a vector by its beginning and its length."""
    if isinstance(given, list | tuple) and len(given) > VECTOR and all(type(n) in (int, float) for n in given):
        return f"[{', '.join(format(number, '.4g') for number in given[:4])}, … {count(len(given))} numbers]"
    return shown(given)


def count(number: int) -> str:
    """1234567 → 1,234,567."""
    return f"{number:,}"


def several(number: int, noun: str) -> str:
    """1 record, 2 records."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def money(dollars: Decimal | float) -> str:
    """$12.34 from one dollar on, $0.1234 below, and what is less than that is said to be."""
    if dollars >= 1 or not dollars:
        return f"${dollars:,.2f}"
    return f"${dollars:.4f}" if dollars >= Decimal("0.0001") else "less than $0.0001"


def duration(seconds: float) -> str:
    """1:23, or 4:05:06 from an hour on."""
    minutes, left = divmod(int(seconds), 60)
    return f"{minutes}:{left:02d}" if minutes < 60 else f"{timedelta(seconds=int(seconds))}"
