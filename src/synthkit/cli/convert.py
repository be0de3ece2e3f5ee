"""`synthkit convert IN OUT --from FORMAT --to FORMAT`"""

from collections.abc import Collection
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from synthkit.cli.options import debug_option

if TYPE_CHECKING:
    from synthkit.core.interfaces import Format


@click.command()
@click.argument("source", metavar="IN", type=click.Path(path_type=Path))
@click.argument("out", metavar="OUT", type=click.Path(path_type=Path))
@click.option("--from", "came", metavar="FORMAT", help="The format of IN.  [default: records, a column a key]")
@click.option("--to", metavar="FORMAT", help="The format of OUT.  [required]")
@click.option("--drop", multiple=True, metavar="KEY", help="Leave this key of IN behind; may repeat.")
@click.option(
    "--on-bad-line",
    type=click.Choice(["fail", "skip"]),
    default="fail",
    help="What to do with lines that are no examples.  [default: fail]",
)
@debug_option
def convert(source: Path, out: Path, came: str | None, to: str | None, drop: tuple[str, ...], on_bad_line: str) -> int:
    """Turn IN, a file of training examples, into OUT, one of another format.

    IN may be JSON lines, a JSON array, Parquet or CSV, OUT all but CSV, by their suffixes. OUT is written whole or not
    at all.

    \b
    synthkit convert alpaca_data.json train.jsonl --from alpaca --to sharegpt
    synthkit convert pairs.parquet kto.jsonl --from dpo --to kto
    """
    from synthkit.cli import screen
    from synthkit.cli.runs import short
    from synthkit.cli.table import pairs
    from synthkit.cli.text import plain, several
    from synthkit.engine.convert import convert as converted
    from synthkit.engine.target import format_named, writable
    from synthkit.errors import ConfigError, InputError, RunError
    from synthkit.plugins import registry

    if to is None:
        names = ", ".join(registry().names("format"))
        raise ConfigError(f"--to: name the format to write, as in --to sharegpt; there are {names}")
    before = format_named(came, registry(), "--from") if came is not None else None
    behind = format_named(to, registry(), "--to")
    writable(out, "OUT")
    try:
        form = converted(source, out, before, behind, drop=drop, skip=on_bad_line == "skip")
    except (InputError, RunError) as error:
        alike = _alike(source, before, drop) if before is not None else []
        if not alike:
            raise
        raise type(error)(f"{error}; it looks like {' or '.join(alike)}: --from {alike[0]}") from error
    said = f"{several(form['written'], 'example')} in the form {plain(to)}"
    of = "" if form["read"] == form["written"] else f" of {several(form['read'], 'line')}"
    rows = [("written", f"{short(out)}: {said}{of}"), *(("note", plain(note)) for note in form["notes"])]
    screen.say(pairs(rows, screen.width()))
    return 0


def _alike(source: Path, came: "Format", drop: Collection[str]) -> list[str]:
    """The formats that the first line of a file has, where that is not the one it was said to have."""
    from synthkit.core.files import read_rows
    from synthkit.errors import SynthkitError
    from synthkit.plugins import registry

    try:
        with closing(read_rows(source)) as rows:
            first = next((row for _, row in rows), {})
    except SynthkitError:
        return []
    example = {key: value for key, value in first.items() if key not in drop}
    if not example or _decodes(came, example):
        return []
    names = registry()
    found = []
    for name in names.names("format"):
        try:
            fits = _decodes(names.format(name)(label=name), example)
        except Exception:  # a plugin's, which is not what was asked for
            fits = False
        found += [name] if fits else []
    return found


def _decodes(form: "Format", example: dict[str, object]) -> bool:
    from synthkit.errors import RecordError

    try:
        form.decode(example)
    except RecordError:
        return False
    return True
