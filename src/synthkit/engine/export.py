"""Exports: accepted records as training examples in a file."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from synthkit.core.interfaces import Format
from synthkit.core.record import Record
from synthkit.core.values import compact
from synthkit.engine.parts import write_atomic
from synthkit.errors import ConfigError, RecordError
from synthkit.plugins import Registry


def target_of(text: str, registry: Registry) -> tuple[Path, Format]:
    """A path and a format from «train.jsonl:sharegpt». Raises `ConfigError` naming what is wrong."""
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
        raise ConfigError(f"--export {text}: there is no folder {place.parent}")
    return place, cls()


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
