"""Models side by side, as people read it."""

from collections.abc import Iterator
from math import ceil
from typing import TYPE_CHECKING

from synthkit.cli.estimated import about, dollars, listed, paid, percent, priced, quoted, timing, unbatched
from synthkit.cli.table import Cell, Column, Line, apart, pairs, table
from synthkit.cli.text import count, duration, money, plain, several

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
    costs = any(row.made is not None and row.made.run and row.made.run.dollars_each for row in made.rows)
    order = ", the cheapest first" if costs else ""
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
        _name(made, row), _yield(one.rate), *scores, _few(run.calls_each.value), about(run.tokens_each.value),
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
        time = ("≥ " if run.untimed else "") + duration(ceil(run.seconds.value)) if run.seconds else "–"
        rows.append([_name(made, row), _price(each), batch, _price(run.total.dollars), time])
    return table(titles, rows, width) if rows else []


def _name(made: "Comparison", row: "Row") -> Cell:
    best = row is made.rows[0] and row.price is not None
    return (f"{MARK if best else '  '}{plain(row.model)}", "green" if best else "")


def _few(number: float) -> str:
    return f"{number:.1f}" if number < 9.95 else about(number)


def _yield(found: "Interval | None") -> str:
    if found is None:
        return ""
    return percent(found) if found.high <= 1 else f"{found.value:.2f} ({found.low:.2f} to {found.high:.2f})"


def _score(found: "Interval") -> str:
    return f"{found.value:.1f} ({found.low:.1f} to {found.high:.1f})"


def _price(found: "Interval | None") -> Cell:
    return priced(found) if found else ("not known", "yellow")


def _facts(made: "Comparison", known: "list[tuple[Row, Estimate]]") -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    best = made.rows[0]
    number = sum(row.price is not None for row in made.rows)
    if number > 1:
        name = plain(best.model) + (" of those with a price" if number < len(known) else "")
        if made.rivals:
            others = listed([plain(model) for model in made.rivals])
            rows.append(("cheapest", f"{name}, but the pilot cannot tell it apart from {others}: their intervals meet"))
        else:
            rows.append(("cheapest", f"{name}, by more than the pilot may be wrong"))
    rows += [("failed", f"{plain(row.model)}: {plain(row.problem)}") for row in made.rows if row.problem]
    if made.budget is not None and any(row.made is not None and row.made.short for row in made.rows):
        share = "each model may take an equal part of what those before it left"
        rows.append(("budget", f"{money(made.budget)}: {share}; give a larger one: what is paid is in the journal"))
    if known:
        rows.append(("pilot", f"{_seen([one.records for _, one in known])} for each model"))
    rows += [*paid([row.made for row in made.rows if row.made is not None]), *_prices([one for _, one in known])]
    if known:
        rows.append(("brackets", "hold the truth in about 9 of 10 cases; each: for each accepted record"))
    if not made.same:
        rows.append(("note", "the models had different source records, since the generator makes others for each"))
    return rows + [("note", plain(note)) for note in _notes(known)]


def _seen(records: list[int]) -> str:
    """How many source records the pilots saw: fewer where these met the target."""
    least, most = min(records), max(records)
    return several(most, "source record") if least == most else f"{count(least)} to {several(most, 'source record')}"


def _prices(known: "list[Estimate]") -> Iterator[tuple[str, str]]:
    """Which prices are missing in the table, be they those of models that all ask, and where they are added."""
    unpriced = dict.fromkeys(model for one in known for model in one.unpriced)
    unbatching = dict.fromkeys(model for one in known for model in unbatched(one))
    for model in unpriced:
        yield "no price", f"{plain(model)}: add it to synthkit.toml as [prices.{plain(quoted(model))}]"
    if unbatching:
        tables = listed([f"[prices.{plain(quoted(model))}]" for model in unbatching])
        whose = "its service takes" if len(unbatching) == 1 else "their services take"
        said = f"no price is known for {listed([plain(model) for model in unbatching])}: if {whose} any"
        yield "batches", f"{said}, add batch_input and batch_output to {tables}"


def _notes(known: "list[tuple[Row, Estimate]]") -> Iterator[str]:
    """What else is to be known, and of which models."""
    about: dict[str, list[str]] = {}
    for row, one in known:
        notes = list(one.notes)
        notes += timing(one)
        sees = [step.label for step in one.steps if step.sees_all]
        if sees:
            notes.append(f"{', '.join(sees)} saw the pilot's records alone, and may decide otherwise among many")
        for note in notes:
            about.setdefault(note, []).append(row.model)
    for note, models in about.items():
        yield f"{'all models' if len(models) == len(known) > 1 else ', '.join(models)}: {note}"
