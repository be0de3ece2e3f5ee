"""What became of requests, as people read it."""

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from synthkit.cli.table import GAP, Cell, Column, Line, apart, line, pairs, table
from synthkit.cli.text import count, cut, money, paragraphs, plain, several

if TYPE_CHECKING:
    from synthkit.engine.comparison import Change, Explained
    from synthkit.engine.differences import Difference
    from synthkit.engine.rehearsal import Rehearsed

COLUMNS = ("same", "changed", "new", "gone", "waiting", "calls")
LINES = 4
"""Lines of a difference, on each side."""
FIELDS = 6
"""Fields of a step that are told."""


def told(
    found: "Explained",
    title: str,
    width: int,
    hide: Callable[[str], str],
    *,
    rehearsed: "Rehearsed | None" = None,
    notes: Sequence[str] = (),
) -> Iterator[Line]:
    """All of it. hide: takes keys out of texts. rehearsed: how far a pipeline could be followed, where it was no
    run."""
    wide = [line(part) for part in paragraphs(title, width)]
    blocks: list[Sequence[Line]] = [wide, _table(found, width, calls=rehearsed is not None)]
    for change in found.changes:
        blocks += _samples(change, width, hide)
    return apart([*blocks, pairs([*_facts(found, rehearsed), *(("note", plain(note)) for note in notes)], width)])


def _table(found: "Explained", width: int, *, calls: bool) -> Sequence[Line]:
    if not found.changes:
        return [line("no model is asked")]
    shown = [
        name
        for name in COLUMNS
        if name in ("same", "changed") or (name != "calls" and any(getattr(c, name) for c in found.changes))
    ]
    shown += ["calls"] if calls else []
    rows: list[Sequence[Cell]] = []
    for change in found.changes:
        numbers: list[Cell] = []
        for name in shown:
            number = getattr(change, name)
            numbers.append((count(number), "" if number and name != "same" else "dim"))
        rows.append([plain(change.step), *numbers])
    columns = [Column("requests of", fit="middle", least=12), *(Column(name, right=True) for name in shown)]
    return table(columns, rows, width)


def _samples(change: "Change", width: int, hide: Callable[[str], str]) -> Iterator[Sequence[Line]]:
    """The fields that are other ones, each with an example."""
    fields = change.fields.most_common()
    for field, number in fields[:FIELDS]:
        lines: list[Line] = [[(plain(change.step), "bold"), (f": {plain(field)} ({count(number)})", "")]]
        sample = next(((record, one) for record, one in change.samples if one.field == field), None)
        if sample is not None and (sample[1].old is not None or sample[1].new is not None):
            lines += _difference(*sample, width, hide)
        yield lines
    if len(fields) > FIELDS:
        yield [line(f"{plain(change.step)}: and {several(len(fields) - FIELDS, 'more field')}", "dim")]


def _difference(record: str, one: "Difference", width: int, hide: Callable[[str], str]) -> Iterator[Line]:
    from synthkit.engine.differences import around

    yield line(f"{GAP}record {plain(record)}", "dim")
    old, new = (None if text is None else hide(text) for text in (one.old, one.new))
    if old is not None and new is not None:
        old, new = around(old, new)
    for sign, text, style in (("-", old, "red"), ("+", new, "green")):
        shown = ["(nothing)"] if text is None else paragraphs(text, max(width - 4, 10), LINES)
        for number, part in enumerate(shown):
            yield line(f"{GAP}{sign if number == 0 else ' '} {cut(part, max(width - 4, 10))}", style)


def _facts(found: "Explained", rehearsed: "Rehearsed | None") -> Iterator[tuple[str, str]]:
    same, new, gone = found.records
    if new or gone:
        parts = [f"{several(same, 'record')} as before"]
        parts += [f"{count(new)} new"] if new else []
        parts += [f"{count(gone)} gone"] if gone else []
        hint = "" if same else ": the generator makes other ones; a record's id hangs on what is in it"
        yield "records", ", ".join(parts) + hint
    if found.lost:
        yield (
            "note",
            f"{several(found.lost, 'old request')} cannot be compared: the journal does not have them any more",
        )
    if rehearsed is None:
        return
    cost = _cost([change.cost for change in found.changes if change.calls])
    yield "calls", f"{count(found.calls)} to make{cost}" if found.calls else "none: the journal has every answer"
    waiting = sum(change.waiting for change in found.changes)
    if rehearsed.missing and not rehearsed.last:
        stalled = several(len(rehearsed.missing), "record")
        yield "", f"{stalled} cannot be followed beyond these calls: what comes after hangs on the answers"
    if waiting:
        cost = _cost([change.waiting_cost for change in found.changes if change.waiting])
        yield "waiting", f"{several(waiting, 'later request')} of that run; at the most all are asked anew{cost}"
    for label in rehearsed.guessing:
        yield "note", f"{plain(label)} decides over many records, and some wait for answers: behind it, this is a guess"


def _cost(costs: Sequence[Decimal | None]) -> str:
    if any(cost is None for cost in costs):
        return ", at an unknown price"
    total = sum((cost for cost in costs if cost is not None), Decimal(0))
    return f", for about {money(total)}" if total else ", at no cost"
