"""Exports: accepted records as training examples in a file."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from synthkit.core.columns import IO, Have
from synthkit.core.context import Context
from synthkit.core.interfaces import Filter, Format
from synthkit.core.record import Record
from synthkit.core.values import compact
from synthkit.core.verdict import KEEP, Verdict, drop
from synthkit.engine.parts import write_atomic
from synthkit.errors import ConfigError, RecordError
from synthkit.plugins import Registry


class Exportable(Filter):
    """Drops records that an export's format refuses, so that a target counts examples that can be written."""

    format: Format

    def io(self, have: Have) -> IO:
        read = self.format.io(have)
        return IO.of(dict.fromkeys(read.reads, object), optional=read.optional)

    async def check(self, record: Record, ctx: Context) -> Verdict:
        try:
            self.format.encode(record)
        except RecordError as error:
            return drop(error.reason, str(error))
        return KEEP


def exportable(formats: Mapping[str, Format]) -> list[Exportable]:
    """The filters for a run's exports, one for each format."""
    unlike = {format.name: format for format in formats.values()}
    return [Exportable(label=f"export-{name}", format=format) for name, format in unlike.items()]


def target_of(text: str, registry: Registry, otherwise: Path | None = None) -> tuple[Path, Format]:
    """A path and a format from «train.jsonl:sharegpt». Raises `ConfigError` naming what is wrong.

    otherwise: the folder that takes the file where its own is gone; without it, that is an error.
    """
    path, colon, name = text.rpartition(":")
    names = ", ".join(registry.names("format"))
    if not colon or not path or not name or "/" in name:
        raise ConfigError(f"--export {text}: say which format, as in {text.rstrip(':')}:sharegpt; there are {names}")
    cls = registry.format(name)
    place = Path(path)
    if place.is_dir():
        raise ConfigError(
            f"--export {text}: {path} is a folder; name a file in it, as in {path.rstrip('/')}/train.jsonl"
        )
    if place.suffix not in (".jsonl", ".json", ""):
        raise ConfigError(f"--export {text}: formats are written as JSON lines; let the file end in .jsonl")
    if not place.absolute().parent.is_dir():
        if otherwise is not None:
            return otherwise / place.name, cls(label=name)
        raise ConfigError(f"--export {text}: there is no folder {place.parent}")
    return place, cls(label=name)


def write(path: Path, format: Format, records: Iterable[Record]) -> dict[str, Any]:
    """Writes the file whole. Returns how many examples it has, and why records were left out, by message."""
    left: Counter[str] = Counter()
    written = 0

    def lines() -> Iterator[bytes]:
        nonlocal written
        for record in records:
            try:
                example: Mapping[str, Any] = format.encode(record)
            except RecordError as error:
                left[str(error)] += 1
                continue
            written += 1
            yield f"{compact(example)}\n".encode()

    write_atomic(path, lines())
    return {"path": str(path), "format": format.name, "written": written, "left_out": dict(left.most_common(5))}
