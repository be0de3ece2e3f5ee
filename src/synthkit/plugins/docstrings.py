"""Docstrings taken apart: what a class is, what its parameters mean, where it comes from, an example."""

import ast
import inspect
import re
import textwrap
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise

SENTENCE = re.compile(r"[.!?](?=\s|$)")
CODE = re.compile(r"`[^`]*`")
USAGE = re.compile(r": `[^`]*`\.?$")
SOURCE = re.compile(r"(?:\A|(?<=[.;])\s+)Source:\s(.+?)(?:(?<=\.)(?<! al\.)(?<![ .][A-Z]\.)(?=\s+[A-Z])|\Z)", re.DOTALL)
"""A sentence; «et al.» and initials do not end it."""
RAISES = re.compile(r"(?<=[.;])\s+Raises `.*", re.DOTALL)
EXAMPLE = re.compile(r"^Example:[ \t]*\n((?:[ \t]*\n|[ \t]+\S.*(?:\n|$))+)", re.MULTILINE)


@dataclass(frozen=True)
class Doc:
    """What a docstring says.

    summary: its first sentence, without a usage at its end. usage: that, `Rubric(model="teacher")`, say. text: its
    paragraphs, without what is in the other fields, but with the first sentence. meanings: what is said of each
    parameter. source: where the method comes from. example: Python, its last statement being a pipeline.
    """

    summary: str = ""
    usage: str = ""
    text: tuple[str, ...] = ()
    meanings: Mapping[str, str] = field(default_factory=dict)
    source: str = ""
    example: str = ""


def parse(docstring: str | None, parameters: Collection[str] = ()) -> Doc:
    """Takes a docstring apart. parameters: the names whose meanings are looked for."""
    whole = inspect.cleandoc(docstring or "")
    example = EXAMPLE.search(whole)
    shown = textwrap.dedent(example[1]).strip("\n") if example else ""
    paragraphs = re.split(r"\n\s*\n", EXAMPLE.sub("", whole).strip())
    meanings: dict[str, str] = {}
    text, source = [], ""
    for paragraph in paragraphs:
        if is_code(paragraph):
            text.append(paragraph)
            continue
        found = SOURCE.search(paragraph)
        if found and not source:
            source = _line(found[1]).rstrip(".")
            paragraph = paragraph[: found.start()] + paragraph[found.end() :]
        rest, said = _meanings(paragraph.strip(), parameters)
        for name, meaning in said.items():
            meanings.setdefault(name, meaning)
        if rest:
            text.append(rest)
    first = _first_sentence(_line(text[0])) if text else ""
    usage = USAGE.search(first)
    summary = first[: usage.start()] if usage else first.rstrip(".:")
    return Doc(summary, usage[0].strip(": .").strip("`") if usage else "", tuple(text), meanings, source, shown)


def _meanings(paragraph: str, parameters: Collection[str]) -> tuple[str, dict[str, str]]:
    """The paragraph before its first parameter, and what is said of each: from its name and a colon at the start of a
    line, of a sentence, or behind a semicolon, to the next one or the end of the paragraph. What is raised belongs to
    none of them."""
    if not parameters:
        return paragraph, {}
    raised = RAISES.search(paragraph)
    paragraph, last = (paragraph[: raised.start()], raised[0].strip()) if raised else (paragraph, "")
    marks = list(_pattern(frozenset(parameters)).finditer(paragraph))
    found: dict[str, str] = {}
    ends = [*(mark.start() for mark in marks[1:]), len(paragraph)]
    for mark, end in zip(marks, ends, strict=False):
        meaning = _line(paragraph[mark.end() : end])
        meaning = re.sub(r"[;,]$", ".", meaning)
        for name in re.split(r",\s+", mark["names"]):
            found[name.strip("`")] = meaning
    rest = paragraph[: marks[0].start()].rstrip() if marks else paragraph
    return " ".join(filter(None, [rest, last])), found


@lru_cache(256)
def _pattern(parameters: frozenset[str]) -> re.Pattern[str]:
    one = f"`?(?:{'|'.join(map(re.escape, sorted(parameters)))})`?"
    return re.compile(rf"(?:^[ \t]*|(?<=[.;])\s+)(?P<names>{one}(?:,\s+{one})*):\s+", re.MULTILINE)


def _first_sentence(text: str) -> str:
    """Up to the first full stop that is not inside of code."""
    blank = CODE.sub(lambda code: "x" * len(code[0]), text)
    end = SENTENCE.search(blank)
    return text[: end.end()] if end else text


def is_code(paragraph: str) -> bool:
    """Whether a paragraph is an indented block."""
    return paragraph.startswith("    ")


def points(paragraph: str) -> list[str]:
    """A paragraph as one text, or the points of a list, each with its dash in front."""
    return [
        " ".join(point.split()) for point in re.split(r"^\s*(?=- )", paragraph, flags=re.MULTILINE) if point.strip()
    ]


def _line(text: str) -> str:
    return " ".join(text.split())


def attribute_docs(cls: type) -> Mapping[str, str]:
    """The docstrings beneath the attributes of a class, by name; none where its source cannot be read."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
    except (OSError, TypeError, SyntaxError, ValueError):
        return {}
    body = tree.body[0].body if tree.body and isinstance(tree.body[0], ast.ClassDef) else []
    found = {}
    for node, following in pairwise(body):
        target = node.target if isinstance(node, ast.AnnAssign) else None
        if isinstance(target, ast.Name) and isinstance(following, ast.Expr):
            said = following.value
            if isinstance(said, ast.Constant) and isinstance(said.value, str):
                found[target.id] = _line(said.value)
    return found
