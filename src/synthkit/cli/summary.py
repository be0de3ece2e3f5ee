"""What a run came to, as people read it: status, funnel, money, and what was written."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from synthkit.cli.money import no_answer, paid
from synthkit.cli.runs import look_at, next_command, short, status_of
from synthkit.cli.table import Cell, Column, Line, apart, pairs, table
from synthkit.cli.text import count, cut, money, plain, several, wrapped

if TYPE_CHECKING:
    from synthkit.engine.result import Result
    from synthkit.engine.tally import Count
    from synthkit.models.bill import Paid
    from synthkit.models.spent import Spent

COLOURS = {"complete": "green", "partial": "yellow", "running": "yellow", "failed": "red", "killed": "red"}
COPIED = ("run folder", "look at", "go on with")
MOST_REASONS = 8
"""Reasons shown for a step; there may be thousands where a filter writes free text."""

Reasons = Mapping[tuple[str, str], Counter[str]]
"""How often each reason was given, by step and kind."""


def reasons(result: "Result") -> Reasons:
    """Counts the ledger of a run."""
    found: dict[tuple[str, str], Counter[str]] = {}
    for form in rejects(result):
        found.setdefault((form["step"], form["kind"]), Counter())[form["reason"]] += 1
    return found


def rejects(result: "Result") -> Iterator[Mapping[str, Any]]:
    """The lines of the ledger: from its file, which is quicker, where the run has written it. Raises `StoreError` for
    a file that is not as it was written."""
    from synthkit.engine.ledger import rejected

    path = result.folder / "rejected.jsonl"
    if result.status == "running" or not path.is_file():
        yield from result.rejects()
        return
    yield from rejected(path)


def headline(result: "Result", width: int) -> list[Line]:
    """Status and reason, first of all."""
    status, reason = status_of(result)
    first, *rest = wrapped(plain(reason), max(width - len(status) - 2, 20)) if reason else [""]
    indent = " " * (len(status) + 2)
    return [
        [(status, COLOURS.get(status, "")), (f": {first}" if first else "", "")],
        *([(indent, ""), (text, "")] for text in rest),
    ]


def funnel(result: "Result", width: int, why: Reasons) -> list[Line]:
    """What went in and came out of each step, with the reasons beneath."""
    tally = result.tally
    made = any(c.made for c in tally.values())
    columns = [
        Column("step", fit="middle", least=10),
        Column("in", right=True),
        *([Column("made", right=True)] if made else []),
        Column("out", right=True),
        Column("dropped", right=True),
        Column("failed", right=True),
    ]
    blank = len(columns) - 1
    start = generated(result)
    rows: list[list[Cell]] = [[result.shape.generator, "", *([""] if made else []), count(start), "", ""]]
    for label in result.shape.labels:
        c = tally.get(label)
        if c is None:
            rows.append([(label, "dim"), *[("–", "dim")] * blank])
            continue
        numbers: list[Cell] = [count(c.seen), *([_plus(c.made)] if made else []), count(c.out)]
        rows.append([label, *numbers, _number(c.dropped), _number(c.failed, "red")])
        rows += _why(label, why, len(columns))
    return table(columns, [[_safe(cell) for cell in row] for row in rows], width)


def generated(result: "Result") -> int:
    """How many records the generator made; of a round that is not done, those that went through the first step."""
    first = next(iter(result.shape.stages[0]), None)
    seen = result.tally[first].seen if first in result.tally else 0
    made: int = sum(r.get("made", 0) for r in result.state["rounds"] if not r.get("retry"))
    return max(seen, made)


def accepted(result: "Result") -> int:
    """How many records were accepted, by the counts of the last step."""
    labels = result.shape.labels
    number = generated(result)
    if labels:
        number = result.tally[labels[-1]].out if labels[-1] in result.tally else 0
    return number if result.shape.target is None else min(number, result.shape.target)


def _why(label: str, why: Reasons, width: int) -> Iterator[list[Cell]]:
    for kind, place in (("dropped", width - 2), ("failed", width - 1)):
        found = sorted(why.get((label, kind), Counter()).items(), key=lambda item: (-item[1], item[0]))
        shown = found if len(found) <= MOST_REASONS else found[: MOST_REASONS - 1]
        lines = [(reason, number) for reason, number in shown]
        if len(shown) < len(found):
            rest = found[len(shown) :]
            lines.append((f"{len(rest):,} other reasons", sum(number for _, number in rest)))
        for reason, number in lines:
            row: list[Cell] = [(f"  {reason}", "dim"), *[""] * (width - 1)]
            row[place] = (count(number), "dim")
            yield row


def _safe(cell: Cell) -> Cell:
    return plain(cell) if isinstance(cell, str) else (plain(cell[0]), cell[1])


def _plus(number: int) -> Cell:
    return f"{number:+,}" if number else ""


def _number(number: int, style: str = "") -> Cell:
    return (count(number), style) if number else ("0", "dim")


def together(tally: Mapping[str, "Count"]) -> "Spent":
    """What all steps asked and spent."""
    from synthkit.engine.tally import together as summed

    return summed(tally)


def spending(
    spent: "Spent",
    paid: "Paid",
    in_flight: int | None = None,
    unfinished: "Spent | None" = None,
    *,
    running: bool = False,
) -> list[tuple[str, str]]:
    """All calls; the tokens and the cost of answers used, named, those for unfinished records apart; nothing where no
    model was asked. running: it goes on in another process. The calls that neither failed nor were hedged, but for
    answers not used, and those from the journal are the answers used."""
    if not (spent.asked or paid.calls or in_flight or unfinished):
        return []
    calls = [count(paid.calls) + (" done" if in_flight is not None else "") + no_answer(paid)]
    if in_flight is not None:
        calls.append(f"{in_flight:,} in flight")
    journaled = spent.journaled + (unfinished.journaled if unfinished else 0)
    calls += [f"{several(journaled, 'answer')} from the journal"] if journaled else []
    used = spent.asked + (unfinished.asked if unfinished else 0) - journaled
    if in_flight is None and paid.answers > used:  # else a kill came between
        for_what = "for records on their way" if running else "not used"
        calls.append(f"{several(paid.answers - used, 'answer')} {for_what}")
    tokens = f"{count(spent.usage.input)} in, {count(spent.usage.output)} out"
    rows = [("calls", ", ".join(calls)), ("tokens", tokens), ("cost", cost(spent))]
    if not unfinished:
        return rows
    whose = f"{several(unfinished.asked, 'answer')} of records that are not finished yet"
    more = f"{count(unfinished.usage.input)} in, {count(unfinished.usage.output)} out"
    return [
        rows[0],
        ("tokens", f"{tokens}, and {more} for {whose}"),
        ("cost", f"{cost(spent)}, and {cost(unfinished)} for those"),
    ]


def cost(spent: "Spent") -> str:
    """Dollars, or why they are not known."""
    if not spent.unpriced:
        return money(spent.cost)
    least = f", at least {money(spent.cost)}" if spent.cost else ""
    have = "has" if spent.unpriced == 1 else "have"
    return f"unknown{least}: {several(spent.unpriced, 'answer')} {have} no known price"


def facts(result: "Result", why: Reasons) -> list[tuple[str, str]]:
    """All else that is to be said of a run, named."""
    state = result.state
    found = [] if "accepted" in status_of(result)[1] else [("accepted", _accepted(result))]
    used, unfinished = together(result.tally), result.unfinished
    bill, running = result.bill, status_of(result)[0] == "running"
    if running:  # what its calls on their way may take, no kill has cut off
        bill.cut_off -= bill.cut_off
    found += spending(used, bill.total, unfinished=unfinished, running=running)
    found += paid(bill, used.cost + unfinished.cost)
    surplus = sum(why.get(("target", "surplus"), Counter()).values())
    if surplus:
        found.append(("surplus", f"{several(surplus, 'good record')} beyond the target"))
    found += [("export", text) for form in state.get("written", ()) for text in export_told(form)]
    found += [("note", note) for note in state.get("notes", ())]
    for model, wishes in state.get("dropped_wishes", {}).items():
        found.append(("note", f"{model} does not take {', '.join(wishes)}, so it was asked without"))
    found += [("note", problem) for problem in state.get("journal", {}).get("problems", ())]
    found.append(("run folder", short(result.folder)))
    for name, command in (("look at", look_at(result)), ("go on with", next_command(result, why))):
        if command:
            found.append((name, command))
    return [(name, plain(text)) for name, text in found]


def missing(result: "Result") -> list[tuple[str, str]]:
    """The files that a run which has ended should have, and has not."""
    from synthkit.engine.control import go_on
    from synthkit.engine.ledger import lacking

    if result.status not in ("complete", "partial"):
        return []
    again = go_on(result.folder)
    return [("missing", f"{plain(name)} is gone: `{again}` writes it again") for name in lacking(result.folder)]


def _accepted(result: "Result") -> str:
    target = result.shape.target
    return count(accepted(result)) + ("" if target is None else f" of {count(target)}")


def export_told(form: Mapping[str, Any]) -> Iterator[str]:
    """What is to be said of a file of examples."""
    where = short(form["path"])
    yield f"{where}: {several(form['written'], 'example')} in the form {form['format']}"
    for left in form.get("left_out", ()):
        yield f"{several(left['records'], 'record')} left out, {left['reason']}: {cut(plain(left['first']), 200)}"
    yield from form.get("notes", ())


def summary(result: "Result", width: int) -> Iterator[Line]:
    """The whole of it."""
    why = reasons(result)
    told = pairs(facts(result, why), width, COPIED)
    return apart([headline(result, width), funnel(result, width, why), told])
