"""`synthkit journal verify`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from synthkit.cli.journal_place import at_option, place
from synthkit.cli.options import debug_option

if TYPE_CHECKING:
    from synthkit.cli.table import Line
    from synthkit.models.journal.verify import Verified


@click.command(short_help="Check every byte, and say what is lost.")
@at_option
@click.option("--json", "as_json", is_flag=True, help="All of it, for programs.")
@debug_option
def verify(at: str | None, as_json: bool) -> int:
    """Read the whole journal and check every byte: what is damaged, and which answers are lost.

    Nothing is changed. What a killed run left unfinished is no damage; the next run mends it. Exit codes: 0 when all
    that was kept can be read, 1 when something is damaged.
    """
    from synthkit.cli import screen
    from synthkit.cli.waiting import waiting
    from synthkit.models.journal.verify import verify as verified

    folder, _ = place(at)
    with waiting("reading the journal") as watch:
        found = verified(folder, watch)
    if as_json:
        import json
        from dataclasses import asdict

        screen.write(json.dumps({"folder": str(folder), "whole": found.whole, **asdict(found)}, indent=2) + "\n")
    else:
        screen.say(_told(str(folder), found, screen.width()))
    return 0 if found.whole else 1


def _told(folder: str, found: "Verified", width: int) -> "Iterator[Line]":
    from synthkit.cli.runs import short
    from synthkit.cli.table import pairs
    from synthkit.cli.text import count, plain, several

    state = ("whole", "green") if found.whole else ("damaged", "red")
    seen = f"{several(found.segments, 'segment')}, {several(found.blocks, 'block')}"
    yield [state, (f": {short(folder)}", "")]
    kinds = f"{several(found.answers, 'answer')}, {several(found.attempts, 'attempt')}"
    rows = [("checked", f"{seen}: {kinds} can be read")]
    rows += [("damaged" if finding.damaged else "note", plain(finding.said)) for finding in found.findings]
    if len(rows) > 1:
        damaged = sum(finding.damaged for finding in found.findings)
        rows += [("", f"{count(damaged)} damaged")] if damaged > 1 else []
    yield from pairs(rows, width)
