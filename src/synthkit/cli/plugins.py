"""`synthkit plugins …`."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from synthkit.cli.group import Group
from synthkit.cli.options import debug_option

if TYPE_CHECKING:
    from synthkit.cli.table import Cell, Line
    from synthkit.plugins.registry import PluginInfo

COLOURS = {"ok": "green", "off": "yellow", "broken": "red"}


@click.group(cls=Group)
def plugins() -> None:
    """Plugins: distributions that bring generators, steps, filters, judges, techniques, providers and formats."""


@plugins.command("list")
@debug_option
def list_plugins() -> int:
    """List the installed plugins: what they provide, what is wrong."""
    from synthkit.cli import screen
    from synthkit.cli.table import Column, apart, table
    from synthkit.cli.text import plain
    from synthkit.plugins import registry

    found = registry()
    width = screen.width()
    rows: list[Sequence[Cell]] = [
        (plain(p.name), plain(p.distribution), plain(p.version), (p.status, COLOURS[p.status])) for p in found.plugins
    ]
    columns = [
        Column("plugin", fit="middle"),
        Column("distribution", fit="middle"),
        Column("version", fit="middle"),
        Column("status"),
    ]
    screen.say(apart([table(columns, rows, width), *(list(_details(plugin, width)) for plugin in found.plugins)]))
    told = [plugin.problem for plugin in found.plugins]
    for problem in found.problems:
        if not any(problem in said for said in told):
            screen.complain("warning", problem)
    return 0


def _details(plugin: "PluginInfo", width: int) -> "Iterator[Line]":
    """What a plugin provides, by kind, and its problem."""
    from synthkit.cli.table import GAP, line, pairs
    from synthkit.cli.text import plain

    rows = [(f"{plain(kind)}s", ", ".join(map(plain, names))) for kind, names in plugin.provides.items()]
    rows += [("problem", plain(plugin.problem))] if plugin.problem else []
    if rows:
        yield line(plain(plugin.name), "bold")
        yield from ([(GAP, ""), *pieces] for pieces in pairs(rows, width - len(GAP)))
