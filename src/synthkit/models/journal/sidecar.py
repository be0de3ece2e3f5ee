"""The sidecar: the sorted keys of a sealed segment, so that opening a journal reads no segment.

    magic 4 | format 1 | zero 3 | bytes of the segment 8 | rows 4 | digest of the rows 8
    rows of (key 16, place 8), sorted by key

A sidecar is a cache: one that is missing, damaged or of another segment size is made again from its segment.
"""

import mmap
import os
import struct
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from pathlib import Path

from synthkit.models.journal.block import FORMAT

MAPPED_FROM = 50_000  # keys: fewer are folded into a dict (133 bytes a key), more stay in the file (24)

_MAGIC = b"\xffSKK"
_HEAD = struct.Struct(">4sB3xQI8s")
_ROW = struct.Struct(">16sQ")


class Sidecar:
    """The keys of one sealed segment, each with its place there."""

    def __init__(self, data: bytes | mmap.mmap, rows: int, covered: int) -> None:
        """covered: bytes that the segment had when it was sealed."""
        self._data = data
        self._rows = rows
        self.covered = covered

    @classmethod
    def load(cls, path: Path, segment_size: int | None = None) -> "Sidecar | None":
        """None if there is none that fits a segment of this size, or one of any size."""
        try:
            with path.open("rb") as file:
                head = file.read(_HEAD.size)
                size = os.fstat(file.fileno()).st_size
                if len(head) < _HEAD.size:
                    return None
                magic, version, covered, rows, digest = _HEAD.unpack(head)
                known = magic == _MAGIC and version == FORMAT and segment_size in (covered, None)
                if not known or size != _HEAD.size + rows * _ROW.size:
                    return None
                data: bytes | mmap.mmap
                if rows < MAPPED_FROM:
                    data = head + file.read()
                else:
                    data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except OSError:
            return None
        sidecar = cls(data, rows, covered)
        with memoryview(data) as view, view[_HEAD.size :] as body:
            right = blake2b(body, digest_size=8).digest() == digest
        if right:
            return sidecar
        sidecar.close()
        return None

    @property
    def mapped(self) -> bool:
        """Whether the keys stay in the file, and `close` has something to do."""
        return isinstance(self._data, mmap.mmap)

    def __len__(self) -> int:
        return self._rows

    def __iter__(self) -> Iterator[tuple[bytes, int]]:
        with memoryview(self._data) as view, view[_HEAD.size :] as body:
            yield from _ROW.iter_unpack(body)

    def find(self, key: bytes) -> int | None:
        row = bisect_left(range(self._rows), key, key=self._key)
        if row == self._rows or self._key(row) != key:
            return None
        return int(_ROW.unpack_from(self._data, _HEAD.size + row * _ROW.size)[1])

    def close(self) -> None:
        if isinstance(self._data, mmap.mmap):
            self._data.close()

    def _key(self, row: int) -> bytes:
        start = _HEAD.size + row * _ROW.size
        return self._data[start : start + 16]


def write_sidecar(path: Path, segment_size: int, places: Mapping[bytes, int]) -> None:
    """Appears whole or not at all; OSError if it cannot be written. The caller syncs the folder."""
    body = b"".join([_ROW.pack(key, places[key]) for key in sorted(places)])
    digest = blake2b(body, digest_size=8).digest()
    new = aside(path)
    try:
        with new.open("wb") as file:
            file.write(_HEAD.pack(_MAGIC, FORMAT, segment_size, len(places), digest) + body)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError:
        new.unlink(missing_ok=True)
        raise


def aside(path: Path) -> Path:
    """Where a file is written before it takes its place."""
    return path.with_name(f"{path.name}.tmp")
