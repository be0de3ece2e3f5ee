"""Converting: a file of training examples, or of records, into one of another format."""

from collections.abc import Generator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from synthkit.core.columns import hint
from synthkit.core.files import kind_of, read_rows, unit
from synthkit.core.interfaces import Format
from synthkit.core.source import Skipped, bad_line, skipping
from synthkit.engine.examples import Sink, encoded, sink
from synthkit.errors import ConfigError, InputError, RecordError, RunError

Examples = Generator[list[dict[str, Any]], None, None]


def convert(
    source: Path, out: Path, came: Format | None, to: Format, *, drop: Sequence[str] = (), skip: bool = False
) -> dict[str, Any]:
    """Writes what `source` holds in another format, whole or not at all; returns path, format, how many examples were
    written and read, and notes.

    came: the format of the source; None for records, whose columns feed the other as those of a run do. drop: keys that
    are left behind. skip: lines that are no example are left out, and noted; else the first of them is an `InputError`
    with its place. Raises `RunError` where nothing is left to write.
    """
    if out.exists() and source.exists() and out.samefile(source):
        raise ConfigError(f"{out} is what is read, too: name another file to write")
    skipped = Skipped() if skip else None
    read = 0
    with skipping(skipped), sink(out) as file, closing(_examples(source, came, to, drop)) as examples:
        for made in examples:
            read += 1
            for example in made:
                file.add(example)
        notes = skipped.notes() if skipped else []
        if not file.count:
            raise RunError(f"nothing is written to {out}, since no line is left; {'; '.join(notes)}")
        return _published(file, to, read, notes)


def _published(file: Sink, to: Format, read: int, notes: Sequence[str]) -> dict[str, Any]:
    file.close()
    file.publish()
    told = {"path": str(file.path), "format": to.name, "written": file.count, "read": read}
    return {**told, "notes": [*notes, *file.notes]}


def _examples(source: Path, came: Format | None, to: Format, drop: Sequence[str]) -> Examples:
    """The examples of each line."""
    left, seen = set(drop), dict[str, None]()
    for place, row in read_rows(source):
        if left:
            seen.update(dict.fromkeys(row))
            left -= row.keys()
        kept = {key: value for key, value in row.items() if key not in drop}
        try:
            yield encoded(to, came.decode(kept) if came else kept)
        except RecordError as error:
            more = f"; leave it behind with --drop {_extra(kept, error)}" if _extra(kept, error) else ""
            bad_line(source, InputError(f"{source}, {unit(kind_of(source))} {place}: {error}{more}"))
    if left:
        name = min(left)
        raise ConfigError(f"--drop {name}: no line of {source} has that key{hint(name, seen)}")


def _extra(row: dict[str, Any], error: RecordError) -> str:
    """The key of the row that a format cannot hold, if that is what is wrong."""
    return next((key for key in row if str(error).startswith(f"the example has {key!r}, which")), "")
