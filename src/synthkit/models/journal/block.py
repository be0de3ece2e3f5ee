"""The block: what one commit adds to a segment file.

    magic 4 | format 1 | zero 3 | rows 4 | payload bytes 4 | digest 8 | crc32 of all this 4
    payload: rows of (key 16, kind 1, text bytes 4), then one zstd frame of the texts, joined

The rows are outside the frame: keys are hashes, which do not compress; who only wants keys need not decompress;
and a kind can still change after the compression, when another process turns out to have been first.
The crc attests the header alone, so that a flipped bit in a length or in the format is damage and not a longer
block or a newer format. The first 28 bytes keep their place in every later format.
No UTF-8 text holds the magic's first byte, so that no stored text can pose as a block.
"""

import struct
import threading
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import accumulate
from typing import BinaryIO

import zstandard

from synthkit.errors import JournalError
from synthkit.models.journal.entry import ANSWER, KINDS, Entry, from_text

FORMAT = 1
MAGIC = b"\xffSKJ"
MAX_ROWS = 1 << 16  # a row's number fits 16 bits of a place

_HEAD = struct.Struct(">4sB3xII8sI")
_SIGNED = struct.Struct(">4sB3xII")
_ROW = struct.Struct(">16sBI")
_WINDOW = 1 << 20
_kept = threading.local()


@dataclass(frozen=True, slots=True)
class Texts:
    """A block, decompressed: what `get` keeps for the next questions."""

    rows: list[tuple[bytes, int, int]]
    ends: list[int]
    joined: bytes

    def entry(self, row: int) -> Entry:
        key, kind, size = self.rows[row]
        end = self.ends[row]
        return from_text(key, kind, self.joined[end - size : end])

    def holding(self, part: bytes, rows: Iterable[int]) -> Iterator[int]:
        """Those of the rows whose text has these bytes in it."""
        if part not in self.joined:
            return
        for row in rows:
            end = self.ends[row]
            if self.joined.find(part, end - self.rows[row][2], end) >= 0:
                yield row


@dataclass(frozen=True, slots=True)
class Block:
    """A block whose digest is right. `offset` and `end` are bytes in its file."""

    offset: int
    end: int
    rows: list[tuple[bytes, int, int]]
    frame: bytes

    def places(self) -> Iterator[tuple[bytes, int]]:
        """The answers' keys, each with its place in the file: offset and row in one number."""
        base = self.offset << 16
        return ((row[0], base | number) for number, row in enumerate(self.rows) if row[1] == ANSWER)

    def texts(self) -> Texts | None:
        """None where the frame is not what the rows say, which a right digest all but rules out."""
        try:
            joined = zstandard.ZstdDecompressor().decompress(self.frame)
        except zstandard.ZstdError:
            return None
        ends = list(accumulate(size for _, _, size in self.rows))
        known = all(kind < len(KINDS) for _, kind, _ in self.rows)
        return Texts(self.rows, ends, joined) if known and ends and ends[-1] == len(joined) else None


@dataclass(frozen=True, slots=True)
class Gap:
    """Bytes that are no block. `torn`: they are the file's last, and what an interrupted write leaves."""

    offset: int
    end: int
    torn: bool = False


def compress(texts: Sequence[bytes], level: int = 1) -> bytes:
    """One zstd frame. Compressors are kept, one a thread: making one takes as long as a commit, and a megabyte."""
    kept: dict[int, zstandard.ZstdCompressor] = _kept.__dict__.setdefault("compressors", {})
    if level not in kept:
        kept[level] = zstandard.ZstdCompressor(level=level)
    return kept[level].compress(b"".join(texts))


def pack(rows: Sequence[tuple[bytes, int, int]], frame: bytes) -> bytes:
    """A whole block; `rows` are (key, kind, bytes of its text)."""
    payload = b"".join([_ROW.pack(*row) for row in rows]) + frame
    signed = _SIGNED.pack(MAGIC, FORMAT, len(rows), len(payload))
    head = signed + _digest(signed, payload)
    return head + zlib.crc32(head).to_bytes(4, "big") + payload


def read_block(file: BinaryIO, offset: int, end: int) -> Block | None:
    """The block at `offset` of a file of `end` bytes; None if there is no whole, undamaged one."""
    head = _read_head(file, offset)
    if head is None or head[2] > end - offset:
        return None
    signed, rows, size, digest = head
    payload = file.read(size - _HEAD.size)
    if len(payload) != size - _HEAD.size or _digest(signed, payload) != digest:
        return None
    split = rows * _ROW.size
    return Block(offset, offset + size, list(_ROW.iter_unpack(payload[:split])), payload[split:])


def read_blocks(file: BinaryIO, start: int, end: int) -> Iterator[Block | Gap]:
    """All blocks between two offsets, and the gaps between them."""
    while start < end:
        block = read_block(file, start, end)
        if block is None:
            block = _next_block(file, start + 1, end)
            if block is None:
                yield Gap(start, end, _is_torn(file, start, end))
                return
            yield Gap(start, block.offset)
        yield block
        start = block.end


def _digest(signed: bytes, payload: bytes) -> bytes:
    state = blake2b(signed, digest_size=8)
    state.update(payload)
    return state.digest()


def _read_head(file: BinaryIO, offset: int) -> tuple[bytes, int, int, bytes] | None:
    """Signed part, number of rows, bytes of the whole block, digest."""
    file.seek(offset)
    head = file.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    magic, version, rows, size, digest, crc = _HEAD.unpack(head)
    if magic != MAGIC or zlib.crc32(head[:-4]) != crc:
        return None
    if version != FORMAT:
        raise JournalError(
            f"{file.name} was made by a newer synthkit (journal format {version}; this one reads {FORMAT}): "
            "upgrade synthkit"
        )
    return head[: _SIGNED.size], rows, _HEAD.size + size, digest


def _next_block(file: BinaryIO, start: int, end: int) -> Block | None:
    while start < end:
        file.seek(start)
        # the window overlaps the next one: a magic may lie across
        window = file.read(min(_WINDOW + len(MAGIC) - 1, end - start))
        at = window.find(MAGIC)
        while at >= 0:
            if (block := read_block(file, start + at, end)) is not None:
                return block
            at = window.find(MAGIC, at + 1)
        start += _WINDOW
    return None


def _is_torn(file: BinaryIO, start: int, end: int) -> bool:
    """Whether an interrupted write explains these last bytes. Anything else is kept for whoever can mend it."""
    if (head := _read_head(file, start)) is not None:
        return head[2] > end - start
    file.seek(start)
    first = file.read(min(_HEAD.size, end - start))
    if len(first) < _HEAD.size:
        return first.startswith(MAGIC[: len(first)]) or not first.strip(b"\0")
    rest = first
    while rest and not rest.strip(b"\0"):  # a file system may grow a file before it fills it
        rest = file.read(min(_WINDOW, end - file.tell()))
    return not rest
