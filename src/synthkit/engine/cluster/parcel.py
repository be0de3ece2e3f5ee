"""Parcels: what goes from process to process in a form that costs little to make and to open."""

import asyncio
import pickle
from collections.abc import Sequence

from synthkit import errors
from synthkit.core.record import Record
from synthkit.core.values import FrozenDict
from synthkit.engine.cluster.pieces import Archive, Lying, Slip
from synthkit.engine.segment import Admission
from synthkit.errors import RunError, SynthkitError

Parcel = bytes | Slip


def packed(admissions: Sequence[Admission]) -> Parcel:
    """Admissions for `unpacked` in a process with the same synthkit: where they are, if they are in parts, or as bytes.
    Those cost a third of what pickling them as they are costs, where columns are texts and numbers. Compressed, most
    shards stay below the 100 KB from which on Ray puts an argument into its store, which costs ten times as much."""
    import zstandard

    if isinstance(admissions, Lying):
        return admissions.slip
    plain = [(a.index, a.record.id, a.record.source, dict(a.record.fields), a.step, a.salt) for a in admissions]
    return zstandard.ZstdCompressor(level=1).compress(pickle.dumps(plain, 5))


async def unpacked(parcel: Parcel, archive: Archive) -> list[Admission]:
    """The admissions of a parcel. archive: where those are read that are in parts. Raises `StoreError`."""
    if isinstance(parcel, Slip):
        return await archive.admissions(parcel)
    return await asyncio.to_thread(_opened, parcel)


def _opened(parcel: bytes) -> list[Admission]:
    import zstandard

    plain = pickle.loads(zstandard.ZstdDecompressor().decompress(parcel))  # noqa: S301 - from a process of this run
    return [
        Admission(index, Record(id, source, FrozenDict(fields)), step, salt)  # frozen inside, as it was packed
        for index, id, source, fields, step, salt in plain
    ]


def portable(error: BaseException) -> SynthkitError:
    """An error as another process can read it: one of synthkit's own, with its text. A class of a plugin or a pipeline
    file, which the other may know by another name or not at all, becomes the nearest of ours."""
    ours = vars(errors).values()
    cls = next((c for c in type(error).__mro__ if c in ours and issubclass(c, SynthkitError)), None)
    if cls is None:
        text = " ".join(str(error).split())
        return RunError(f"{type(error).__name__}: {text}" if text else type(error).__name__)
    made = cls.__new__(cls, *error.args)
    made.args = error.args
    for name, value in vars(error).items():
        try:
            pickle.dumps(value)
        except Exception:  # what a subclass holds besides
            continue
        setattr(made, name, value)
    if isinstance(error, errors.RecordError) and isinstance(made, errors.RecordError) and made.reason != error.reason:
        made.reason = error.reason
    return made
