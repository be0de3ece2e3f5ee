"""`synthkit components …`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from synthkit.cli.group import Group
from synthkit.cli.options import debug_option

if TYPE_CHECKING:
    from synthkit.cli.table import Line, Piece
    from synthkit.plugins.claims import Claim
    from synthkit.plugins.registry import Registry

    Row = tuple[Piece, str, str, Piece]

KINDS = ("generator", "step", "filter", "judge", "technique", "provider", "format")
NARROW = 70
"""Columns below which a table leaves no room for text."""


@click.group(cls=Group)
def components() -> None:
    """Components, providers and formats: what there is to make pipelines of, from synthkit and from plugins."""


kind_option = click.option(
    "--kind", type=click.Choice(KINDS), metavar="KIND", help=f"Only of this kind: {', '.join(KINDS)}."
)


@components.command("list", short_help="List what is installed, in a line each.")
@click.argument("search", required=False, metavar="[SEARCH]")
@kind_option
@click.option("--plugin", metavar="PLUGIN", help="Only what this plugin brings; synthkit for what is built in.")
@debug_option
def list_components(search: str | None, kind: str | None, plugin: str | None) -> int:
    """List what is installed, in a line each; with SEARCH, what has all of its words in name or docstring."""
    from synthkit.cli import screen
    from synthkit.cli.starting import warn_of_plugins
    from synthkit.cli.table import line
    from synthkit.cli.text import plain
    from synthkit.plugins import registry

    warn_of_plugins()
    names = registry()
    if plugin is not None:
        _known_plugin(plugin, names)
    rows: list[Row] = []
    for claim in names.claims():
        if kind in (None, claim.kind) and plugin in (None, claim.entry.name):
            text, found, style = _entry(claim, names, (search or "").lower().split())
            if found:
                rows.append(((claim.name, "bold"), claim.kind, plain(claim.entry.name), (text, style)))
    if not rows:
        screen.say([line("none: `synthkit components list` without more shows all that there is")])
        return 0
    screen.say(_listed(rows, screen.width()))
    return 0


def _listed(rows: "Sequence[Row]", width: int) -> "Sequence[Line]":
    """A table; on a narrow screen each text stands beneath its name."""
    from synthkit.cli.table import GAP, Column, table
    from synthkit.cli.text import wrapped

    titles = [Column("name"), Column("kind"), Column("plugin", fit="middle")]
    if width >= NARROW:
        return table([*titles, Column("what it is", fit="wrap", least=24)], rows, width)
    lines: list[Line] = []
    for name, kind, plugin, (text, style) in rows:
        lines.append([name])
        lines.append([(GAP, ""), (f"{kind} of {plugin}", "dim")])
        lines += [[(GAP, ""), (part, style)] for part in wrapped(text, width - len(GAP)) if part]
    return lines


def _known_plugin(name: str, names: "Registry") -> None:
    from synthkit.core.columns import hint
    from synthkit.errors import ConfigError

    known = [plugin.name for plugin in names.plugins]
    if name not in known:
        raise ConfigError(f"--plugin: there is no plugin {name!r}{hint(name, known)}")


def _entry(claim: "Claim", names: "Registry", wanted: Sequence[str]) -> tuple[str, bool, str]:
    """One line on what is registered, whether it has all the words that are searched for, and how it is shown."""
    from synthkit.cli.text import plain
    from synthkit.errors import PluginError
    from synthkit.plugins.docstrings import parse

    try:
        doc = names.class_of(claim).__doc__ or ""
    except PluginError as error:
        return plain(f"cannot be imported: {error}"), not wanted, "red"
    said = f"{claim.name} {claim.target.rpartition(':')[2]} {doc}".lower()
    return plain(parse(doc).summary), all(word in said for word in wanted), ""


@components.command("show", short_help="Show all there is to know of one, with an example.")
@click.argument("name")
@kind_option
@click.option("--example", is_flag=True, help="Print its example alone, as a pipeline file that `synthkit run` takes.")
@debug_option
def show_component(name: str, kind: str | None, example: bool) -> int:
    """Show what NAME is: parameters, columns, source, an example, prompts.

    NAME is that of `synthkit components list`, or of the class: top-k or TopK.
    """
    from synthkit.cli import screen
    from synthkit.cli.component_page import WIDEST, page
    from synthkit.cli.starting import warn_of_plugins
    from synthkit.cli.table import apart
    from synthkit.cli.text import plain
    from synthkit.plugins import registry
    from synthkit.plugins.describe import describe
    from synthkit.plugins.examples import pipeline_file

    names = registry()
    found = describe(_one(name, kind, names), names)
    if example:
        text = pipeline_file(found, names)
        screen.write("\n".join(map(plain, text.split("\n"))))  # an escape is the same in Python's texts
        return 0
    warn_of_plugins()
    screen.say(apart(page(found, names, min(screen.width(), WIDEST))))
    return 0


def _one(name: str, kind: str | None, names: "Registry") -> "Claim":
    """The one that a name stands for."""
    from synthkit.errors import ConfigError

    found = [claim for claim in names.find(name) if kind in (None, claim.kind)]
    if len(found) == 1:
        return found[0]
    kinds = [claim.kind for claim in names.find(name)]
    if not found:
        raise ConfigError(f"--kind: {name} is no {kind} but a {kinds[0]}: say --kind {kinds[0]}, or leave it out")
    raise ConfigError(f"{name} is a {' and a '.join(kinds)}: say which one, as in --kind {kinds[0]}")
