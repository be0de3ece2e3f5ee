"""What `synthkit components show` shows of one component, provider or format."""

from collections.abc import Iterator, Sequence

from synthkit.cli.table import GAP, Line, line, pairs
from synthkit.cli.text import plain, width_of, wrapped
from synthkit.errors import PluginError
from synthkit.plugins.columns import columns
from synthkit.plugins.describe import Description
from synthkit.plugins.docstrings import is_code, points
from synthkit.plugins.examples import pipeline_file
from synthkit.plugins.registry import Registry

INDENT = " " * 6
WIDEST = 100
"""Columns beyond which prose is no longer easy to read."""


def page(found: Description, names: Registry, width: int) -> Iterator[Sequence[Line]]:
    """The blocks of the page."""
    claim = found.claim
    plugin = f"{claim.entry.name} {claim.entry.version}" if claim.entry.version[:1].isdigit() else claim.entry.name
    yield [
        [(claim.name, "bold"), (f"  {claim.kind} of {plain(plugin)}", "dim")],
        line(found.import_line),
    ]
    for paragraph in found.doc.text:
        yield _prose(paragraph, width)
    yield list(_parameters(found, width))
    yield list(_columns(found, names, width))
    yield list(_use(found, width))
    yield list(_source(found, width))
    if found.doc.example:
        yield [*_example(found, names)]
    for name, prompt in found.prompts.items():
        yield [line(f"Prompt `{name}`", "bold"), *_verbatim(prompt, width)]


def _prose(text: str, width: int) -> Sequence[Line]:
    """A paragraph, or the points of a list, wrapped; code as it stands."""
    if is_code(text):
        return [line(plain(row)) for row in text.split("\n")]
    lines: list[Line] = []
    for point in points(text):
        mark = "- " if point.startswith("- ") else ""
        made = wrapped(plain(point.removeprefix("- ")), width - len(mark))
        lines += [line(f"{mark if number == 0 else '  ' if mark else ''}{part}") for number, part in enumerate(made)]
    return lines


def _parameters(found: Description, width: int) -> Iterator[Line]:
    """Each with its type and default, and beneath them what it means."""
    rows = [(parameter.name, parameter.about, parameter.meaning) for parameter in found.parameters]
    rows += [(name, "set in a class of one's own", meaning) for name, meaning in found.settable.items()]
    if rows:
        yield line("Parameters", "bold")
    for number, (name, about, meaning) in enumerate(rows):
        same = number + 1 < len(rows) and rows[number + 1][2] == meaning  # said once, beneath the last of them
        yield from _parameter(name, about, "" if same else meaning, width)


def _parameter(name: str, about: str, meaning: str, width: int) -> Iterator[Line]:
    room = width - len(INDENT)
    first, *more = wrapped(plain(f"{name} {about}"), room - 1, 4)
    yield [(GAP, ""), (name, "bold"), (f" {first.removeprefix(name)}", "dim")]
    for text in more:
        yield line(f"{INDENT}{text}", "dim")
    for text in wrapped(plain(meaning), room) if meaning else ():
        yield line(f"{INDENT}{text}")


def _columns(found: Description, names: Registry, width: int) -> Iterator[Line]:
    seen = columns(found, names)
    if seen is not None and seen.rows():
        where = "without parameters" if seen.default else "in the example below"
        yield [("Columns", "bold"), (f", {where}", "dim")]
        yield from _named(seen.rows(), width)


def _use(found: Description, width: int) -> Iterator[Line]:
    """What a provider declares of itself, or how a format is used."""
    if found.facts:
        yield line("In use", "bold")
        yield from _named([(name, text) for name, text in found.facts.items() if text], width)


def _source(found: Description, width: int) -> Iterator[Line]:
    if found.doc.source:
        yield line("Source", "bold")
        yield from ([(GAP, ""), *pieces] for pieces in _prose(found.doc.source, width - len(GAP)))


def _named(rows: Sequence[tuple[str, str]], width: int) -> Iterator[Line]:
    told = pairs([(name, plain(text)) for name, text in rows], width - len(GAP))
    return ([(GAP, ""), *pieces] for pieces in told)


def _verbatim(text: str, width: int) -> Iterator[Line]:
    """A text with its own lines, the long ones wrapped."""
    for row in map(plain, text.split("\n")):
        indent = " " * min(len(row) - len(row.lstrip()), 20)
        fits = width_of(row) <= width - 4
        for part in [row] if fits else wrapped(row, width - 4 - len(indent)):
            yield [("  │ ", "dim"), (part if fits else f"{indent}{part}", "")]


def _example(found: Description, names: Registry) -> Iterator[Line]:
    """The pipeline file, to be copied; as it stands in the docstring where that is no Python."""
    try:
        text = pipeline_file(found, names).partition("\n\n")[2]
        yield [("Example", "bold"), (", which `--example` prints alone, as a file for `synthkit run`", "dim")]
    except PluginError as error:
        text = found.doc.example
        yield [("Example", "bold"), (f", which cannot run: {plain(str(error))}", "red")]
    for row in text.rstrip("\n").split("\n"):
        yield [("  ", ""), (plain(row), "")]
