"""`synthkit export RUN PATH:FORMAT …`"""

from typing import TYPE_CHECKING

import click

from synthkit.cli.options import debug_option

if TYPE_CHECKING:
    from synthkit.cli.table import Cell
    from synthkit.engine.result import Result


@click.command()
@click.argument("run")
@click.argument("targets", nargs=-1, metavar="[PATH:FORMAT]...")
@click.option("--split", type=float, metavar="SHARE", help="This share for training, the rest for validation.")
@debug_option
def export(run: str, targets: tuple[str, ...], split: float | None) -> int:
    """Write the accepted records of RUN as training examples, one file for each PATH:FORMAT.

    RUN is a run folder or the name of one in runs/, finished or not. Records that a format refuses are left out, and
    counted by reason. Without PATH:FORMAT it says which formats the columns of the records feed.

    \b
    synthkit export instructions-001 train.jsonl:sharegpt
    synthkit export instructions-001 train.parquet:dpo,conversational=true --split 0.9
    """
    from synthkit.cli import screen
    from synthkit.cli.runs import find_run, short, status_of
    from synthkit.cli.summary import export_told
    from synthkit.cli.table import pairs
    from synthkit.cli.text import plain
    from synthkit.engine.result import Result
    from synthkit.errors import ConfigError

    result = Result(find_run(run))
    if not targets:
        result.verify()
        if split is not None:
            raise ConfigError("--split divides what is exported: name a file, as in train.jsonl:sharegpt")
        return _formats(result, screen.width())
    rows = [("export", plain(text)) for form in result.export(*targets, split=split) for text in export_told(form)]
    status, _ = status_of(result)
    if status != "complete":
        rows.append(("note", f"{short(result.folder)} is {status}: these are the records accepted so far"))
    screen.say(pairs(rows, screen.width()))
    return 0


def _formats(result: "Result", width: int) -> int:
    """Says which formats the records feed."""
    from synthkit.cli import screen
    from synthkit.cli.runs import short
    from synthkit.cli.table import Column, apart, line, table
    from synthkit.cli.text import plain
    from synthkit.engine.export import columns_of, fed

    have = columns_of(result.scan())
    names = [*sorted(have.sure), *(f"{name} (some)" for name in sorted(have.maybe))]
    if not names:
        screen.say([line(f"{short(result.folder)} has accepted no record, so there is nothing to export")])
        return 0
    rows: list[list[Cell]] = [
        [plain(name), ("no", "dim") if lacking else ("yes", "green"), (plain(lacking), "dim")]
        for name, lacking in fed(result.scan())
    ]
    columns = [Column("format"), Column("fed"), Column("", fit="wrap", least=20)]
    first = next((name for name, lacking in fed(result.scan()) if not lacking), None)
    blocks = [[line(f"columns: {plain(', '.join(names))}")], table(columns, rows, width)]
    if first:
        blocks.append([line(f"write one with `synthkit export {short(result.folder)} train.jsonl:{first}`")])
    screen.say(apart(blocks))
    return 0
