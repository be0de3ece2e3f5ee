"""An estimate as people read it: the yield of each step, what a run takes, and what was not seen."""

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from synthkit.cli.money import no_answer
from synthkit.cli.table import Cell, Column, Line, apart, pairs, table
from synthkit.cli.text import count, cut, duration, money, plain, several, wrapped

if TYPE_CHECKING:
    from synthkit.engine.estimate import Asks, Estimate, StepYield
    from synthkit.engine.intervals import Interval

UNKNOWN = "not known"
OFTEN = "in 9 of 10 cases"


def told(made: "Estimate", width: int) -> Iterator[Line]:
    """The whole of it."""
    return apart([_headline(made, width), _steps(made, width), _run(made, width), pairs(_facts(made), width)])


def about(number: float) -> str:
    """A number of things, to three figures: more of them would be pretence."""
    return count(round(number if number < 100 else float(f"{number:.3g}")))


def dollars(amount: float) -> str:
    """Dollars to the cent, below a tenth of one to two figures, from a thousand on to three: more would be pretence."""
    if 0 < amount < 0.0995:  # what is more becomes $0.10
        return f"${amount:#.2g}" if amount >= 0.0001 else "less than $0.0001"
    return f"${amount:,.2f}" if amount < 999.5 else f"${about(amount)}"


def to(found: "Interval", say: Callable[[float], str] = about) -> str:
    """Bounds in words; one number where both are the same."""
    low, high = say(found.low), say(found.high)
    return low if low == high else f"{low} to {high}"


def priced(found: "Interval") -> str:
    """«$0.25 (0.21 to 0.30)»: dollars, and their bounds if these are others."""
    value, bounds = dollars(found.value), to(found, dollars)
    return value if bounds == value else f"{value} ({bounds.replace('$', '')})"


def percent(found: "Interval") -> str:
    """«81 % (60 to 94)»: a share, and its bounds."""
    low, high = f"{found.low:.0%}".rstrip("%"), f"{found.high:.0%}".rstrip("%")
    return f"{found.value:.0%}".replace("%", " %") + f" ({low} to {high})"


def rated(found: "Interval | None") -> str:
    """A yield: a share, or how many come of one."""
    if found is None:
        return ""
    if found.high <= 1:
        return percent(found)
    return f"× {found.value:.2f} ({found.low:.2f} to {found.high:.2f})"


def _headline(made: "Estimate", width: int) -> list[Line]:
    run = made.run
    if run is None:
        status, said, style = "no estimate", made.why, "red"
        if made.barren:
            said += f"; the yield may be up to {made.most:.0%} (rule of three)".replace("%", " %")
            said += ", and no total can be given"
    else:
        status, style = "estimate", "green"
        said = f"{about(run.accepted.value)} accepted records from {about(run.sources.value)} source records"
        calls = run.total.calls.value
        if calls:
            price = dollars(run.total.dollars.value) if run.total.dollars else "a price not known"
            said += f", in {about(calls)} calls, for {price}"
    first, *rest = wrapped(plain(said), max(width - len(status) - 2, 20))
    return [
        [(status, style), (f": {first}", "")],
        *([(" " * (len(status) + 2), ""), (text, "")] for text in rest),
    ]


def _steps(made: "Estimate", width: int) -> list[Line]:
    """What each step let through."""
    if not any(step.seen for step in made.steps):
        return []
    failing = any(step.failed for step in made.steps)
    columns = [
        Column("step in the pilot", fit="middle", least=10),
        *(Column(title, right=True) for title in ("seen", "out", "dropped", *(["failed"] if failing else ()))),
        Column(f"yield ({OFTEN})"),
    ]
    return table(columns, [_step(step, failing) for step in made.steps], width)


def _step(step: "StepYield", failing: bool) -> list[Cell]:
    if not step.seen:
        return [(plain(step.label), "dim"), *[("–", "dim")] * (4 + failing)]
    lost: Cell = (count(step.dropped), "yellow") if step.dropped else "0"
    failed: Cell = (count(step.failed), "red") if step.failed else "0"
    dot = "*" if step.sees_all else ""
    numbers: list[Cell] = [count(step.seen), count(step.out), lost, *([failed] if failing else [])]
    return [plain(step.label) + dot, *numbers, rated(step.rate)]


def _run(made: "Estimate", width: int) -> list[Line]:
    """What the run will come to."""
    run = made.run
    if run is None:
        return []
    rows: list[list[Cell]] = [
        ["source records", about(run.sources.value), to(run.sources)],
        ["accepted records", about(run.accepted.value), to(run.accepted)],
    ]
    if run.total.calls.high:
        rows += _asks(run.total, "")
        if run.seconds is not None and run.untimed:
            rows.append(["time", f"at least {_time(run.seconds.value)}", ""])
        elif run.seconds is not None:
            rows.append(["time", _time(run.seconds.value), to(run.seconds, _time)])
        else:
            rows.append(["time", UNKNOWN, ""])
    if len(run.models) > 1:
        for model, asks in run.models.items():
            rows += [[("of these " + cut(plain(model), max(width - 40, 12)), "dim"), "", ""], *_asks(asks, "  ")]
    what = "the whole run" if made.target is None else f"a run for {count(made.target)}"
    return table([Column(what, fit="middle"), Column("expected", right=True), Column(OFTEN)], rows, width)


def _asks(asks: "Asks", indent: str) -> Iterator[list[Cell]]:
    yield [f"{indent}calls", about(asks.calls.value), to(asks.calls)]
    names = (("input", "tokens in"), ("cached", "  cached"), ("output", "tokens out"), ("reasoning", "  reasoning"))
    for name, title in names:
        found = getattr(asks, name)
        if found.high or name in ("input", "output"):
            yield [indent + title, about(found.value), to(found)]
    for title, cost in (("dollars", asks.dollars), ("dollars in batches", asks.batch)):
        if cost is None:
            yield [indent + title, UNKNOWN, ""]
        else:
            yield [indent + title, dollars(cost.value), to(cost, dollars)]


def _time(seconds: float) -> str:
    return duration(round(seconds)) if seconds >= 1 else "under 0:01"


def _facts(made: "Estimate") -> list[tuple[str, str]]:
    """The pilot, and what is to be known of it."""
    rows = [("pilot", _pilot(made)), *paid([made])]
    if made.rate is not None and not made.barren:
        what = "candidates for the steps at the end" if made.ends else "accepted"
        of = " of the source records are" if made.rate.high <= 1 else ""
        rows.append(("yield", f"{rated(made.rate)}{of} {what}{'' if of else ', of each source record'}"))
    for column, (score, number) in made.scores.items():
        said = f"{score.value:.2f} ({score.low:.2f} to {score.high:.2f}), of {several(number, 'scored record')}"
        rows.append((plain(column), said))
    if made.run is not None and made.run.dollars_each is not None and made.run.total.calls.high:
        each = made.run.dollars_each.times(1000)
        batch = made.run.batch_each
        batches = f"; in batches {dollars(batch.value * 1000)}" if batch is not None else ""
        rows.append(("price", f"{priced(each)} for 1,000 accepted records{batches}"))
    return rows + [("note", plain(note)) for note in [*_seen(made), *_prices(made), *made.notes]]


def paid(pilots: "Sequence[Estimate]") -> list[tuple[str, str]]:
    """What pilots themselves cost, and what they found in the journal; nothing where they asked no model."""
    if not any(made.spent or made.paid.calls for made in pilots):
        return []
    cost, most, found = (
        sum(amounts, Decimal(0))
        for amounts in zip(*((made.paid.cost, made.paid.most, made.found) for made in pilots), strict=True)
    )
    if any(made.paid.unpriced for made in pilots):
        said = [f"at least {money(cost)} now" if cost else "unknown, since a price is missing"]
    else:
        said = [f"{money(cost)} now"]
    if found:
        said.append(f"{money(found)} found in the journal")
    if most:
        said.append(f"perhaps {money(most)} more for calls that brought no whole answer")
    return [("paid", ", ".join(said) + ("; the run does not pay it again" if cost or found else ""))]


def _pilot(made: "Estimate") -> str:
    spent = made.spent
    said = [several(made.records, "source record")]
    if made.problem:  # of what it should have seen
        said = [f"{made.records - made.unfinished} of {several(made.wanted, 'source record')}"]
    if made.paid.calls or spent.journaled:
        said.append(several(made.paid.calls, "call") + no_answer(made.paid))
    if spent.journaled:
        said.append(f"{several(spent.journaled, 'answer')} from the journal")
    return ", ".join(said)


def _seen(made: "Estimate") -> Iterator[str]:
    """What so few records do not show."""
    if made.records < made.wanted and not made.problem:
        if made.available is not None and made.available <= made.records:
            yield f"{made.generator} has no more than {several(made.records, 'source record')}"
        else:
            yield f"{several(made.records, 'source record')} of {made.wanted} were enough to meet the target"
    run = made.run
    if run is not None and made.target is not None and run.accepted.high < made.target:
        there = "" if made.available is None else f", since there are only {count(made.available)} source records"
        yield f"the target of {count(made.target)} is most likely not met{there}"
    sees = [step.label for step in made.steps if step.sees_all and step.seen and step.label not in made.ends]
    if sees:
        yield (
            f"* {', '.join(sees)} saw these {made.records} source records alone: near-duplicates are more among many, "
            "so that fewer records may stay and the run may cost more"
        )
    if made.ends:
        yield f"* {', '.join(made.ends)} chose among the pilot's records only, and may choose otherwise among all"
    yield from timing(made)


def timing(made: "Estimate") -> Iterator[str]:
    """What the time does not tell, because answers came from the journal."""
    run = made.run
    if run is None or not run.total.calls.high or not (run.found or run.untimed):
        return
    found = f"{several(run.found, 'answer')} came from the journal, which keeps no times"
    if run.seconds is None and not made.paid.answers:
        yield "the time is not known, since all answers came from the journal, which keeps no times"
    elif run.seconds is None:
        yield f"the time is not known: {found}, and {several(made.paid.answers, 'new one')} tell too little"
    elif run.untimed:
        yield f"the time is without that of calls to {listed(run.untimed)}, of which too few were new: {found}"
    else:
        yield f"the time is that of {several(run.timed, 'new answer')}: {found}"


def _prices(made: "Estimate") -> Iterator[str]:
    """Which prices are missing, and where they are added."""
    for model in made.unpriced:
        yield f"no price is known for {model}: add it to synthkit.toml as [prices.{quoted(model)}]"
    for model in unbatched(made) if made.run is not None else ():
        yield (
            f"no price in batches is known for {model}: if its service takes any, add batch_input and batch_output "
            f"to [prices.{quoted(model)}]"
        )


def unbatched(made: "Estimate") -> list[str]:
    """Models of which only the price in batches is missing."""
    return [model for model in made.unbatched if model not in made.unpriced]


def listed(names: Sequence[str]) -> str:
    """«a», «a and b», «a, b and c»."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def quoted(model: str) -> str:
    return model if model.replace("-", "").replace("_", "").isalnum() else f'"{model}"'
