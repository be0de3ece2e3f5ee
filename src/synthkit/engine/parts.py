"""Parts: what is committed of a stage. Each is one file that appears whole or not at all, and is never changed."""

import contextlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from synthkit.core.context import Reject
from synthkit.core.record import Record
from synthkit.core.values import compact
from synthkit.engine.tally import Count, Tally, prove
from synthkit.engine.trail import Mark
from synthkit.errors import StoreError
from synthkit.models.journal.folder import sync_folder

VERSION = 2
NAME = re.compile(r"([0-9]+)-[0-9]+\.zst")
GAP = 4
"""Parts of a shard that may be missing, one after the other, where more follow."""
SHORT = "it ends too soon"
NEAR = 1 << 13
"""Bytes in which a header mostly is."""
_TRAIL = '{"trail":'
"""How a line begins that only those read who follow a record."""
_OUT = re.compile(r'\{"at":\d+,"id":("[0-9a-f]+"),"source":("[0-9a-f]+"),"fields":\{')
"""How the line of a record begins that goes on."""
_REJECT, _NEAR = ',"kind":', 32
"""What stands behind the number at the beginning of a reject's line, and how far behind at most."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A record that entered a stage, and what became of it: outs and rejects in order of emission, and its trail, where
    it was asked for."""

    index: int
    id: str
    outs: Sequence[Record]
    rejects: Sequence[Reject]
    trail: Sequence[Mark] = ()


@dataclass(slots=True)
class Part:
    """Entries that are committed together, all of one shard, sorted by index."""

    shard: int
    entries: list[Entry] = field(default_factory=list)
    tally: Tally = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Header:
    """The first line of a part: which entries it holds, what was counted, and how many rejects there are."""

    shard: int
    entries: Sequence[tuple[int, str]]
    tally: Mapping[str, Count]
    rejects: int


def write_atomic(path: Path, chunks: Iterator[bytes] | Sequence[bytes]) -> None:
    """Writes a file aside, syncs it and renames it. Raises `StoreError`; a half-written file never has the name."""
    aside = path.with_name(f".{path.name}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with aside.open("wb") as file:
            for chunk in chunks:
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)
        raise StoreError(
            f"cannot write {path}: {error.strerror or error}; what was committed before is safe"
        ) from error


def save(folder: Path, part: Part) -> Path:
    """Commits a part: proves that nothing is missing, then writes it under the next free number of its shard."""
    return put(folder, part.shard, packed(part, folder.name))


def packed(part: Part, where: str) -> bytes:
    """A part as its file holds it: its header compressed on its own, since that is read more often than the rest.
    Proves that nothing is missing; where: the name of its stage."""
    import zstandard

    prove(part.tally, f"{where}, shard {part.shard}")
    compressor = zstandard.ZstdCompressor(level=1, write_checksum=True)
    header, *lines = (f"{line}\n" for line in _lines(part))
    return b"".join(compressor.compress(text.encode()) for text in (header, "".join(lines)))


def put(folder: Path, shard: int, data: bytes) -> Path:
    """Writes a part under the next free number of its shard."""
    number = max(_numbered(folder, shard), default=-1) + 1
    path = _path(folder, shard, number)
    write_atomic(path, [data])
    return path


def _path(folder: Path, shard: int, number: int) -> Path:
    return folder / f"{shard:08d}-{number:04d}.zst"


def _numbered(folder: Path, shard: int) -> list[int]:
    """The numbers of the parts of one shard. A folder may hold a million files, so it is not listed: each is looked
    for, and some more behind the last, since one that is gone may be put back."""
    found: list[int] = []
    number = 0
    while number <= (found[-1] if found else -1) + GAP:
        if _path(folder, shard, number).exists():
            found.append(number)
        number += 1
    return found


def _lines(part: Part) -> Iterator[str]:
    yield compact(
        {
            "version": VERSION,
            "shard": part.shard,
            "entries": [[e.index, e.id] for e in part.entries],
            "tally": {label: count.form() for label, count in part.tally.items()},
            "rejects": sum(len(e.rejects) for e in part.entries),
        }
    )
    for entry in part.entries:
        for record in entry.outs:
            yield compact({"at": entry.index, "id": record.id, "source": record.source, "fields": record.fields})
        for reject in entry.rejects:
            spent = {"spent": reject.spent} if reject.spent else {}
            yield compact({"at": entry.index, **reject_form(reject), **spent})
        if entry.trail:
            yield compact({"trail": [mark.form() for mark in entry.trail], "at": entry.index})


def reject_form(reject: Reject) -> dict[str, Any]:
    """A line of the ledger as JSON."""
    form: dict[str, Any] = {
        "kind": reject.kind, "id": reject.record.id, "source": reject.record.source, "step": reject.step,
        "reason": reject.reason, "message": reject.message, "error": reject.error, "score": reject.score,
        "cost": reject.cost, "fields": reject.record.fields,
    }  # fmt: skip
    return form


def reject_of(form: Mapping[str, Any]) -> Reject:
    """A line of the ledger read back."""
    record = Record(form["id"], form["source"], form["fields"])
    return Reject(
        form["kind"], record, form["step"], form["reason"], form["message"], form["error"], form["score"], form["cost"],
        spent=form.get("spent"),
    )  # fmt: skip


def shards(folder: Path) -> dict[int, list[Path]]:
    """The parts of a stage by shard, in order; leftovers of a write that was cut off are none. Raises `StoreError` for
    a folder that cannot be read: that is not one without parts."""
    try:
        paths = sorted(folder.iterdir())
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise StoreError(
            f"cannot read {folder} ({error.strerror or error}): make it a folder that can be read"
        ) from error
    found: dict[int, list[Path]] = {}
    for path in paths:
        if named := NAME.fullmatch(path.name):
            found.setdefault(int(named[1]), []).append(path)
    return found


def headers(folder: Path) -> Iterator[Header]:
    """The headers of all parts of a stage, in order."""
    for paths in shards(folder).values():
        for path in paths:
            yield _headed(path)


def headers_of(folder: Path, numbers: Iterable[int]) -> Iterator[Header]:
    """The headers of the parts of some shards."""
    for shard in numbers:
        yield from (_headed(_path(folder, shard, number)) for number in _numbered(folder, shard))


def _headed(path: Path) -> Header:
    with _blamed(path):
        return _header(_first_line(path), path)


def let_out(folder: Path, labels: Sequence[str]) -> int:
    """How many records left a stage of these steps, by the headers alone."""
    return sum(count for _, count in counted(folder, labels))


def counted(folder: Path, labels: Sequence[str]) -> Iterator[tuple[Sequence[Path], int]]:
    """The files of each shard of a stage of these steps, in order, and how many records left it there."""
    for paths in shards(folder).values():
        found = [_headed(path) for path in paths]
        if labels:
            yield paths, sum(header.tally[labels[-1]].out for header in found if labels[-1] in header.tally)
        else:
            yield paths, sum(len(header.entries) for header in found)


def contents(folder: Path, names: Sequence[str]) -> list[bytes]:
    """The files of a shard, for `left`. Raises `StoreError`."""
    found = []
    for name in names:
        with _blamed(folder / name):
            found.append((folder / name).read_bytes())
    return found


def left(files: Mapping[Path, bytes]) -> list[Record]:
    """The records that left a shard, in order, by the content of its files."""
    found = []
    for path, data in files.items():
        with _blamed(path):
            text = _unpressed(data)
        found += _part(path, text).entries
    return [record for entry in sorted(found, key=lambda e: e.index) for record in entry.outs]


def entries(folder: Path) -> Iterator[Entry]:
    """All entries of a stage in order, a shard in memory at a time."""
    for paths in shards(folder).values():
        if len(paths) == 1:
            yield from load(paths[0]).entries
        else:
            yield from sorted((e for path in paths for e in load(path).entries), key=lambda e: e.index)


def rows(folder: Path) -> Iterator[str]:
    """The records that left a stage, in order, as lines of a file: what `row` makes of each, in compact JSON. A
    part holds nearly that text, so it is cut out and not read and written again."""
    for paths in shards(folder).values():
        if len(paths) > 1:
            for entry in sorted((e for path in paths for e in load(path).entries), key=lambda e: e.index):
                yield from (compact(row(record)) for record in entry.outs)
            continue
        with _blamed(paths[0]):
            lines = _text(paths[0]).decode().split("\n")[1:-1]
        for line in lines:
            if found := _OUT.match(line):
                id, source = found.groups()
                columns = line[found.end() : -2]
                yield f'{{"_id":{id},"_source":{source}{"," if columns else ""}{columns}}}'


def row(record: Record) -> dict[str, Any]:
    """A record as a line of a file: its identity, then its columns."""
    return {"_id": record.id, "_source": record.source, **record.fields}


def rejecting(folder: Path) -> Iterator[Entry]:
    """The entries that have rejects in order, with those alone: the records, mostly many more, are not read."""
    for paths in shards(folder).values():
        found: list[Entry] = []
        for path in paths:
            if not _headed(path).rejects:
                continue
            with _blamed(path):
                data = _text(path)
            found += (entry for entry in _part(path, data, outs=False).entries if entry.rejects)
        yield from sorted(found, key=lambda e: e.index) if len(paths) > 1 else found


def naming(folder: Path, *ids: str) -> Iterator[Entry]:
    """The entries, with their trails, of those parts in which one of these ids (or what they begin with) stands."""
    wanted = [f'"{id}'.encode() for id in ids]
    for paths in shards(folder).values():
        for path in paths:
            with _blamed(path):
                data = _text(path)
            if any(text in data for text in wanted):
                yield from _part(path, data, trail=True).entries


def load(path: Path) -> Part:
    """A part read back exactly, but for the trails. Raises `StoreError` for one that is damaged."""
    with _blamed(path):
        data = _text(path)
    return _part(path, data)


def _text(path: Path) -> bytes:
    return _unpressed(path.read_bytes())


def _unpressed(data: bytes) -> bytes:
    import zstandard

    text = b""
    for _ in ("the header", "the rest"):
        frame = zstandard.ZstdDecompressor().decompressobj()  # it proves what it reads, as `decompress` does not always
        text += frame.decompress(data)
        if not frame.eof:
            raise ValueError(SHORT)
        data = frame.unused_data
    if data:
        raise ValueError("it goes on behind its end")
    return text


def _part(path: Path, data: bytes, *, trail: bool = False, outs: bool = True) -> Part:
    with _blamed(path):
        first, _, rest = data.decode().partition("\n")
        header = _header(first, path)
        lines = rest.split("\n")[:-1]
        records: dict[int, list[Record]] = {}
        rejects: dict[int, list[Reject]] = {}
        trails: dict[int, list[Mark]] = {}
        for line in lines:
            if (not trail and line.startswith(_TRAIL)) or (not outs and line.find(_REJECT, 0, _NEAR) < 0):
                continue
            form = json.loads(line)
            if "trail" in form:
                trails[form["at"]] = [Mark.of(mark) for mark in form["trail"]]
            elif "kind" in form:
                rejects.setdefault(form["at"], []).append(reject_of(form))
            else:
                records.setdefault(form["at"], []).append(Record(form["id"], form["source"], form["fields"]))
    made = [Entry(i, id, records.get(i, ()), rejects.get(i, ()), trails.get(i, ())) for i, id in header.entries]
    return Part(header.shard, made, dict(header.tally))


def _header(line: str, path: Path) -> Header:
    form = json.loads(line)
    if form["version"] > VERSION:
        raise StoreError(
            f"{path} was made by a newer synthkit (part format {form['version']}; this one reads {VERSION}): upgrade "
            "synthkit"
        )
    if form["version"] != VERSION:
        raise StoreError(f"{path} was written by another version of synthkit (format {form['version']}): use that one")
    tally = {label: Count.of(count) for label, count in form["tally"].items()}
    return Header(form["shard"], [(index, id) for index, id in form["entries"]], tally, form["rejects"])


@contextlib.contextmanager
def _blamed(path: Path) -> Iterator[None]:
    """Turns what reading a part raises, when it is not what was written, into a sentence that names it."""
    import zstandard

    try:
        yield
    except (zstandard.ZstdError, ValueError, LookupError, TypeError, StopIteration) as error:
        raise StoreError(
            f"{path} is damaged ({str(error) or SHORT}): put it back from a copy, or start a new run, "
            "which gets its answers from the journal"
        ) from error
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror or error}") from error


def _first_line(path: Path) -> str:
    """The header of a part; the rest is mostly not even read."""
    import zstandard

    first, header = zstandard.ZstdDecompressor().decompressobj(), b""
    with path.open("rb") as file:
        while not first.eof and (data := file.read(NEAR)):
            header += first.decompress(data)
    if not first.eof:
        raise ValueError(SHORT)
    return header.partition(b"\n")[0].decode()  # parts of older versions go on
