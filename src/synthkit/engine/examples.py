"""Training examples on their way to a file: as JSON lines, as a JSON array, or as Parquet, by the suffix."""

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from io import BufferedWriter
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from synthkit.core.interfaces import Format
from synthkit.core.values import compact
from synthkit.errors import RecordError, StoreError
from synthkit.models.journal.folder import sync_folder


def encoded(format: Format, record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The examples of a record. Raises `RecordError` for a record of which there is none."""
    made = format.encode(record)
    examples = made if isinstance(made, list) else [made]
    if not examples:
        raise RecordError(f"{format.name} makes no example of it", reason="no example")
    return examples


class Sink(ABC):
    """A file being written aside: `add` examples, then `close` (all is on the disk), then `publish` (it has its name).
    Left without that, as by an error, it was never there. Raises `StoreError`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self.notes: list[str] = []
        self._aside = path.with_name(f".{path.name}.tmp")
        self._file = self._opened()

    def add(self, example: Mapping[str, Any]) -> None:
        """Takes an example."""
        try:
            self._add(example)
        except OSError as error:
            raise self._failed(error) from error
        self.count += 1

    def close(self) -> None:
        """Writes and syncs what is left."""
        try:
            self._finish()
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
        except OSError as error:
            raise self._failed(error) from error

    def publish(self) -> None:
        """Gives the file its name."""
        try:
            self._aside.replace(self.path)
            sync_folder(self.path.parent)
        except OSError as error:
            raise self._failed(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with suppress(OSError):
            self._file.close()
        for leftover in self.leftovers():
            with suppress(OSError):
                leftover.unlink(missing_ok=True)

    def leftovers(self) -> tuple[Path, ...]:
        """What may still lie beside the file."""
        return (self._aside,)

    def _opened(self) -> BufferedWriter:
        try:
            return self._aside.open("wb")
        except OSError as error:
            raise self._failed(error) from error

    def _failed(self, error: OSError) -> StoreError:
        return StoreError(f"cannot write {self.path}: {error.strerror or error}; what stood there before is as it was")

    @abstractmethod
    def _add(self, example: Mapping[str, Any]) -> None: ...

    def _finish(self) -> None:
        """Writes what comes behind the last example."""
        return


class Lines(Sink):
    """JSON lines: an example on each."""

    def _add(self, example: Mapping[str, Any]) -> None:
        self._file.write(f"{compact(example)}\n".encode())


class Array(Sink):
    """One JSON array, an example on each line."""

    def _add(self, example: Mapping[str, Any]) -> None:
        self._file.write((",\n" if self.count else "[\n").encode() + compact(example).encode())

    def _finish(self) -> None:
        self._file.write(b"\n]\n" if self.count else b"[]\n")


KINDS = (".jsonl", ".json", ".parquet", ".ndjson", "")
"""Suffixes of files that can be written."""


def sink(path: Path) -> Sink:
    """The file to write, by its suffix."""
    from synthkit.engine.parquet import Columns

    kinds: dict[str, type[Sink]] = {".json": Array, ".parquet": Columns}
    return kinds.get(path.suffix.lower(), Lines)(path)
