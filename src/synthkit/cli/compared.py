"""Models side by side, as people read it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from synthkit.cli.estimated import about, dollars, percent, to
from synthkit.cli.table import Cell, Column, Line, apart, pairs, table
from synthkit.cli.text import count, duration, plain, several

if TYPE_CHECKING:
    from synthkit.engine.estimate import Estimate
    from synthkit.engine.intervals import Interval
    from synthkit.engine.sidebyside import Comparison, Row

MARK = "→ "


def told(made: "Comparison", width: int) -> Iterator[Line]:
    """The whole of it."""
    known = [(row, row.made) for row in made.rows if row.made is not None and not row.made.failed]
    blocks = [_headline(made), _quality(made, known, width), _costs(made, known, width)]
    return apart([*blocks, pairs(_facts(made, known), width)])


def _headline(made: "Comparison") -> list[Line]:
    done = sum(row.made is not None and not row.made.failed for row in made.rows)
    if not done:
        return [[("no estimate", "red"), (" with any of these models", "")]]
    priced = any(row.made is not None and row.made.run and row.made.run.dollars_each for row in made.rows)
    order = ", the cheapest first" if priced else ""
    return [[("estimate", "green"), (f": {done} of {several(len(made.rows), 'model')}{order}", "")]]


def _quality(made: "Comparison", known: "list[tuple[Row, Estimate]]", width: int) -> list[Line]:
    columns = list(dict.fromkeys(name for _, one in known for name in one.scores))
    titles = [Column("model", fit="middle", least=12), Column("yield")]
    titles += [Column(plain(name), fit="middle") for name in columns]
    titles += [Column("calls each", right=True), Column("tokens each", right=True)]
    rows = [_made(made, row, one, columns) for row, one in known]
    return table(titles, rows, width) if rows else []


def _made(made: "Comparison", row: "Row", one: "Estimate", columns: list[str]) -> list[Cell]:
    run = one.run
    assert run is not None
    scores = [_score(one.scores[name][0]) if name in one.scores else "" for name in columns]
    return [
        _name(made, row), _yield(one.rate), *scores, f"{run.calls_each.value:.2g}", about(run.tokens_each.value),
    ]  # fmt: skip


def _costs(made: "Comparison", known: "list[tuple[Row, Estimate]]", width: int) -> list[Line]:
    target = next((one.target for _, one in known), None)
    titles = [
        Column("model", fit="middle", least=12), Column("1,000 accepted"), Column("in batches", right=True),
        Column("the whole run" if target is None else f"run for {count(target)}"), Column("time", right=True),
    ]  # fmt: skip
    rows: list[list[Cell]] = []
    for row, one in known:
        run = one.run
        assert run is not None
        each = run.dollars_each.times(1000) if run.dollars_each else None
        batch = dollars(run.batch_each.value * 1000) if run.batch_each else "–"
        time = duration(run.seconds.value) if run.seconds else "–"
        rows.append([_name(made, row), _price(each), batch, _price(run.total.dollars), time])
    return table(titles, rows, width) if rows else []


def _name(made: "Comparison", row: "Row") -> Cell:
    best = row is made.rows[0] and row.price is not None
    return (f"{MARK if best else '  '}{plain(row.model)}", "green" if best else "")


def _yield(found: "Interval | None") -> str:
    if found is None:
        return ""
    return percent(found) if found.high <= 1 else f"{found.value:.2f} ({found.low:.2f} to {found.high:.2f})"


def _score(found: "Interval") -> str:
    return f"{found.value:.1f} ({found.low:.1f} to {found.high:.1f})"


def _price(found: "Interval | None") -> Cell:
    return f"{dollars(found.value)} ({to(found, dollars)})" if found else ("not known", "yellow")


def _facts(made: "Comparison", known: "list[tuple[Row, Estimate]]") -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    best = made.rows[0]
    if best.price is not None and len(known) > 1:
        name = plain(best.model)
        if made.rivals:
            others = ", ".join(map(plain, made.rivals))
            rows.append(("cheapest", f"{name}, but the pilot cannot tell it apart from {others}: their intervals meet"))
        else:
            rows.append(("cheapest", f"{name}, by more than the pilot may be wrong"))
    rows += [("failed", f"{plain(row.model)}: {plain(row.problem)}") for row in made.rows if row.problem]
    for row, one in known:
        if one.unpriced:
            said = f"{plain(row.model)}: no price is known for {', '.join(map(plain, one.unpriced))}"
            rows.append(("no price", f"{said}: add it to [prices] in synthkit.toml"))
    if known:
        rows.append(("pilot", f"{several(known[0][1].records, 'source record')} for each model"))
    if not made.same:
        rows.append(("note", "the models had different source records, since the generator makes others for each"))
    notes = list(dict.fromkeys(note for _, one in known for note in one.notes))
    if any(step.sees_all for _, one in known for step in one.steps):
        notes.append("steps that see all records saw the pilot's alone: near-duplicates are more among many")
    if any(one.run is not None and one.run.seconds is None for _, one in known):
        notes.append("no time is known where answers came from the journal, which keeps none")
    if known:
        rows.append(("brackets", "hold the truth in about 9 of 10 cases; each: for each accepted record"))
    return rows + [("note", plain(note)) for note in notes]
