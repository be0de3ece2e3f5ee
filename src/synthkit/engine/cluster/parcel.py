"""Parcels: what goes from process to process in a form that costs little to make and to open."""

import pickle
from collections.abc import Sequence

from synthkit import errors
from synthkit.core.record import Record
from synthkit.core.values import FrozenDict
from synthkit.engine.segment import Admission
from synthkit.errors import RunError, SynthkitError


def packed(admissions: Sequence[Admission]) -> bytes:
    """Admissions as bytes, for `unpacked` in a process with the same synthkit. A third of what pickling them as they
    are costs, where columns are texts and numbers."""
    plain = [(a.index, a.record.id, a.record.source, dict(a.record.fields), a.step, a.salt) for a in admissions]
    return pickle.dumps(plain, 5)


def unpacked(parcel: bytes) -> list[Admission]:
    """The admissions of a parcel."""
    return [
        Admission(index, Record(id, source, FrozenDict(fields)), step, salt)  # frozen inside, as it was packed
        for index, id, source, fields, step, salt in pickle.loads(parcel)  # noqa: S301 - from a process of this run
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
