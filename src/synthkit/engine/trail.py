"""The trail of a record: what each step did with it. It is kept with the record's part, for people to follow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from synthkit.core.record import Record

_MISSING = object()


@dataclass(slots=True)
class Mark:
    """What one step did with one record.

    step: its path. wrote, lost: the columns that are new or other than before, and those that are gone. made: how many
    children, None where the record itself went on or ended here. keys: the journal's keys of the answers it used, in
    hexadecimal and in order. inner: what parts inside it did, by their place in it.
    Only a preview knows more, since all of it would be as much as the records again: before, the columns it saw;
    values, the columns it wrote, for each record that came out; unanswered, the requests that got no answer.
    """

    record: str
    step: str
    wrote: Sequence[str] = ()
    lost: Sequence[str] = ()
    made: int | None = None
    keys: Sequence[str] = ()
    inner: Sequence[tuple[str, Sequence["Mark"]]] = ()
    before: Mapping[str, Any] | None = None
    values: Sequence[Mapping[str, Any]] = ()
    unanswered: Sequence[Mapping[str, Any]] = ()

    def form(self) -> dict[str, Any]:
        """As JSON, without what is empty."""
        form: dict[str, Any] = {"id": self.record, "step": self.step}
        for name in ("wrote", "lost", "keys", "values", "unanswered"):
            if given := getattr(self, name):
                form[name] = list(given)
        for name in ("made", "before"):
            if getattr(self, name) is not None:
                form[name] = getattr(self, name)
        if self.inner:
            form["inner"] = [[at, [mark.form() for mark in marks]] for at, marks in self.inner]
        return form

    @classmethod
    def of(cls, form: Mapping[str, Any]) -> "Mark":
        names = ("wrote", "lost", "made", "keys", "before", "values", "unanswered")
        inner = [(at, [cls.of(mark) for mark in marks]) for at, marks in form.get("inner", ())]
        return cls(form["id"], form["step"], inner=inner, **{name: form[name] for name in names if name in form})


@dataclass(slots=True)
class Asked:
    """What a step asked and ran: the keys of answers by context, and there in their order; in a preview the requests by
    their keys, too. inner: the contexts that ran a part, the place of each part, and the marks it left."""

    keys: dict[str, list[bytes]] = field(default_factory=dict)
    requests: dict[bytes, Mapping[str, Any]] = field(default_factory=dict)
    inner: list[tuple[str, str, list[Mark]]] = field(default_factory=list)

    def order(self) -> list[bytes]:
        """All keys, in an order that does not depend on what was answered first."""
        return [key for path in sorted(self.keys, key=_natural) for key in self.keys[path]]


def mark(step: str, record: Record, result: Record | Sequence[Record] | None, asked: Asked, whole: bool) -> Mark:
    """The mark of a step that made this of a record: a record, children, or nothing. whole: in a preview."""
    made = Mark(record.id, step)
    outs = () if result is None else (result,) if isinstance(result, Record) else result
    changes = [_changes(record, out) for out in outs]
    if isinstance(result, Record):  # as nearly always, and once for each step and record
        made.wrote, made.lost = changes[0]
    elif result is not None:
        made.wrote = list(dict.fromkeys(name for wrote, _ in changes for name in wrote))
        made.lost = list(dict.fromkeys(name for _, lost in changes for name in lost))
        made.made = len(result)
    keys = asked.order() if asked.keys else []
    made.keys = [key.hex() for key in keys]
    if asked.inner:
        made.inner = [(at, marks) for _, at, marks in sorted(asked.inner, key=lambda item: _natural(item[0]))]
    if whole:
        made.before = record.fields
        made.values = [{name: out[name] for name in wrote} for out, (wrote, _) in zip(outs, changes, strict=True)]
        made.unanswered = [form for key, form in asked.requests.items() if key not in keys]
    return made


def _changes(before: Record, after: Record) -> tuple[list[str], list[str]]:
    """The columns that are new or other, and those that are gone."""
    if after is before:
        return [], []
    old, new = before.fields, after.fields
    wrote = [name for name, value in new.items() if old.get(name, _MISSING) is not value]
    return wrote, [name for name in old if name not in new] if len(new) - len(wrote) < len(old) else []


def _natural(path: str) -> list[tuple[int, str]]:
    """Sorts 9 before 10."""
    return [(int(part), "") if part.isdecimal() and len(part) < 10 else (-1, part) for part in path.split("/")]
