"""`synthkit journal compact`."""

from typing import TYPE_CHECKING

import click

from synthkit.cli.journal_place import at_option, place, size
from synthkit.cli.options import debug_option

if TYPE_CHECKING:
    from synthkit.models.journal.compact import Compacted


@click.command(short_help="Make a few large files of many small ones.")
@at_option
@click.option("--drop-attempts", is_flag=True, help="Leave out what was paid for and is of no use.")
@debug_option
def compact(at: str | None, drop_attempts: bool) -> int:
    """Make a few large files of the many small ones that runs leave.

    No answer is lost, whenever it is stopped or killed. Runs may go on meanwhile: files that they write are left as
    they are, and so is what is damaged. Without its attempts, a journal knows no more what these have cost.
    """
    from synthkit.cli import screen
    from synthkit.cli.table import pairs
    from synthkit.cli.waiting import waiting
    from synthkit.models.journal.compact import compact as compacted

    folder, _ = place(at)
    with waiting("compacting the journal") as watch:
        made = compacted(folder, drop_attempts=drop_attempts, watch=watch)
    screen.say(pairs(_facts(str(folder), made), screen.width()))
    return 0


def _facts(folder: str, made: "Compacted") -> list[tuple[str, str]]:
    from synthkit.cli.runs import short
    from synthkit.cli.text import plain, several

    before = f"{size(made.before[1])} in {several(made.before[0], 'segment')}"
    if made.after == made.before and not made.dropped:
        rows = [("journal", f"{short(folder)}: {before}; there is nothing to put together")]
    else:
        after = f"{size(made.after[1])} in {several(made.after[0], 'segment')}"
        rows = [("journal", short(folder)), ("before", before), ("now", after)]
    rows += [("dropped", several(made.dropped, "attempt"))] if made.dropped else []
    rows += [("left", plain(text)) for text in made.kept]
    if made.waiting:
        text = "somebody reads the whole journal: the old files are still there, and whoever opens it next removes them"
        rows.append(("note", text))
    return rows
