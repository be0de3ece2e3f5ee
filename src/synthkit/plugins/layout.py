"""Long lines of Python, broken inside brackets: an example is read on a screen of 80 columns, where no word is torn."""

import ast
import io
import tokenize
from collections.abc import Iterator
from itertools import pairwise

WIDEST = 78
"""Columns of an example: the screens that show it indent it by two."""
OPENING, CLOSING = "([{", ")]}"

Span = tuple[int, int, list[int]]
"""A pair of brackets on one line: where it opens, where it closes, and the commas right inside it."""


def laid_out(text: str) -> str:
    """The same program in lines of at most 78 columns, as far as brackets allow that."""
    done: set[str] = set()
    while True:
        lines = text.split("\n")
        spans = _spans(text)
        for number, line in enumerate(lines):
            if len(line) <= WIDEST or line in done or number + 1 not in spans:
                continue
            done.add(line)
            changed = "\n".join([*lines[:number], *_opened(line, spans[number + 1]), *lines[number + 1 :]])
            if ast.dump(ast.parse(changed)) == ast.dump(ast.parse(text)):
                text = changed
                break
        else:
            return text


def steps_of(text: str) -> list[str]:
    """The parts of `a >> b >> c` on one line, each but the first with its operator in front."""
    places, depth, quoted = [0], 0, 0
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        quoted += _quotes(token)
        if token.type == tokenize.OP and not quoted:
            depth += (token.string in OPENING) - (token.string in CLOSING)
            places += [token.start[1]] if token.string == ">>" and not depth else []
    return [text[start:end].rstrip() for start, end in pairwise([*places, len(text)])]


def _opened(line: str, spans: list[Span]) -> Iterator[str]:
    """The line with what stands between its widest brackets in lines of its own."""
    start, end, commas = max(spans, key=lambda span: span[1] - span[0])
    inner = next((s for s in spans if s[0] == start + 1 and s[1] == end - 1), None)
    last = end
    while inner is not None:  # brackets that hold nothing but brackets are opened as one
        start, last, commas = inner
        inner = next((s for s in spans if s[0] == start + 1 and s[1] == last - 1), None)
    indent = " " * (len(line) - len(line.lstrip()))
    yield line[: start + 1]
    ends = [*commas, last]
    for first, behind in pairwise([start, *ends]):
        part = line[first + 1 : behind].strip()
        if part:
            yield f"{indent}    {part}{',' if commas else ''}"
    yield f"{indent}{line[last:]}"


def _spans(text: str) -> dict[int, list[Span]]:
    """The pairs of brackets that open and close on one line and hold something, by line."""
    found: dict[int, list[Span]] = {}
    open_: list[tuple[tuple[int, int], list[int]]] = []
    quoted = 0
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        quoted += _quotes(token)
        if token.type != tokenize.OP or quoted:
            continue
        if token.string in OPENING:
            open_.append((token.start, []))
        elif token.string == "," and open_:
            open_[-1][1].append(token.start[1])
        elif token.string in CLOSING and open_:
            (row, column), commas = open_.pop()
            if row == token.start[0] and token.start[1] > column + 1:
                found.setdefault(row, []).append((column, token.start[1], commas))
    return found


def _quotes(token: tokenize.TokenInfo) -> int:
    """Whether an f-string begins or ends: Python 3.12 has tokens for what is inside."""
    name = tokenize.tok_name[token.type]
    return (name == "FSTRING_START") - (name == "FSTRING_END")
