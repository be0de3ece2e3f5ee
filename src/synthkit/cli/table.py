"""Tables and other lines for a screen, styled piece by piece, so that a terminal and the live display share them."""

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from synthkit.cli.text import cut, width_of, wrapped

Piece = tuple[str, str]
"""A text and its style: "", "bold", "dim", "red", "green" or "yellow"."""
Line = Sequence[Piece]
Cell = str | Piece
GAP = "  "
LEAST, MOST_LINES = 14, 4
"""Columns that names have at least, and lines that they take at most, where they do not fit."""


@dataclass(frozen=True)
class Column:
    """A column of a table. fit: what is done when the screen is too narrow; least: what is always left of it; wide:
    what it has at least, so that it does not jump when its numbers grow."""

    title: str
    right: bool = False
    fit: Literal["keep", "middle", "wrap"] = "keep"
    least: int = 8
    wide: int = 0


def line(text: str, style: str = "") -> Line:
    """A line of one piece."""
    return [(text, style)]


def table(columns: Sequence[Column], rows: Iterable[Sequence[Cell]], width: int, *, indent: str = "") -> list[Line]:
    """The lines of a table: titles, then rows, aligned and within the width as far as the columns allow."""
    cells = [[_piece(cell) for cell in row] for row in rows]
    titles = [(column.title, "dim") for column in columns]
    full = [titles, *cells] if any(column.title for column in columns) else cells
    widths = [max([column.wide, *(width_of(row[i][0]) for row in full)]) for i, column in enumerate(columns)]
    _shrink(columns, widths, width - len(indent) - len(GAP) * (len(columns) - 1))
    return [made for row in full for made in _lines(columns, row, widths, indent)]


@dataclass(frozen=True)
class Named:
    """A row of a table of numbers: its name, in parts that may stand beneath each other, and what is told beneath."""

    parts: Sequence[str]
    numbers: Sequence[str]
    note: str = ""


def named_table(title: str, titles: Sequence[str], rows: Sequence[Named], width: int) -> list[Line]:
    """A table of numbers. Names that do not fit are broken, so that none looks like another."""
    taken = sum(max(map(len, column)) + len(GAP) for column in zip(titles, *(row.numbers for row in rows), strict=True))
    cells: list[Sequence[Cell]] = []
    beneath: list[list[str]] = []
    for row in rows:
        (first, *rest), more = _name(row.parts, max(width - taken, LEAST))
        cells += [[first, *row.numbers], *([text, *[""] * len(titles)] for text in rest)]
        told = [text for one in (more, row.note) for text in wrapped(one, width - len(GAP)) if text]
        beneath += [*([] for _ in rest), told]
    lines: list[Line] = []
    columns = [Column(title), *(Column(name, right=True) for name in titles)]
    for made, told in zip(table(columns, cells, width), [[], *beneath], strict=True):
        lines += [made, *(line(f"{GAP}{text}", "dim") for text in told)]
    return lines


def _name(parts: Sequence[str], room: int) -> tuple[list[str], str]:
    """A name in lines of so many columns, and what of it stands beneath these, where it does not fit."""
    whole = " ".join(parts)
    if width_of(whole) <= room:
        return [whole], ""
    first, *rest = parts
    names = wrapped(cut(first, MOST_LINES * room, middle=True), room)
    return names, cut(" ".join(rest), MOST_LINES * room, middle=True)


def pairs(rows: Iterable[tuple[str, str]], width: int, whole: Container[str] = ()) -> list[Line]:
    """Names and what is to be said of them, wrapped beneath itself, but for the names in `whole`, which hold what
    is copied. A name that follows itself is not repeated."""
    given = list(rows)
    first = max((width_of(name) for name, _ in given), default=0)
    room = max(width - first - len(GAP), 20)
    lines: list[Line] = []
    before = None
    for name, text in given:
        for part in [text] if name in whole else wrapped(text, room):
            lines.append([(_padded("" if name == before else name, first) + GAP, "dim"), (part, "")])
            before = name
    return lines


def apart(blocks: Iterable[Sequence[Line]]) -> Iterator[Line]:
    """Blocks of lines with an empty line between them; those without lines are left out."""
    for number, block in enumerate(block for block in blocks if block):
        if number:
            yield line("")
        yield from block


def _piece(cell: Cell) -> Piece:
    return (cell, "") if isinstance(cell, str) else cell


def _shrink(columns: Sequence[Column], widths: list[int], room: int) -> None:
    """Takes from the widest column that can give until all fits."""
    while sum(widths) > room:
        able = [i for i, column in enumerate(columns) if column.fit != "keep" and widths[i] > column.least]
        if not able:
            return
        widest = max(able, key=lambda i: widths[i])
        second = max((widths[i] for i in able if i != widest), default=0)
        least = max(columns[widest].least, min(second, widths[widest] - 1))
        widths[widest] = max(least, widths[widest] - (sum(widths) - room))


def _lines(columns: Sequence[Column], row: Sequence[Piece], widths: Sequence[int], indent: str) -> list[Line]:
    shown = [_fitted(column, text, width) for column, (text, _), width in zip(columns, row, widths, strict=True)]
    lines: list[Line] = []
    for number in range(max(map(len, shown))):
        pieces: list[Piece] = [(indent, "")] if indent else []
        for i, parts in enumerate(shown):
            text = parts[number] if number < len(parts) else ""
            last = i == len(columns) - 1
            space = "" if last and not columns[i].right else " " * (widths[i] - width_of(text))
            pieces.append((space + text if columns[i].right else text + space, row[i][1]))
            if not last:
                pieces.append((GAP, ""))
        lines.append(pieces)
    return lines


def _fitted(column: Column, text: str, width: int) -> list[str]:
    if width_of(text) <= width or column.fit == "keep":
        return [text]
    return wrapped(text, width) if column.fit == "wrap" else [cut(text, width, middle=True)]


def _padded(text: str, width: int) -> str:
    return text + " " * (width - width_of(text))
