"""What a run has paid, as people read it."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import TYPE_CHECKING

from synthkit.cli.table import Line, Named, line, named_table
from synthkit.cli.text import count, money, plain, several, width_of, wrapped

if TYPE_CHECKING:
    from synthkit.core.answer import Usage
    from synthkit.models.bill import Bill, Paid

USED = "by step: its calls; tokens and cost of all answers used, also from the journal"
PAID = "by model: its calls, and what was paid for them, used or not"
KINDS = {"cached": "cached", "written": "to cache", "reasoning": "reasoning"}
"""Tokens that have prices of their own, and the titles of their columns."""
MODELS = 4
"""Models that are named with what they took, where there are several."""


def paid(bill: "Bill", used: Decimal) -> Iterator[tuple[str, str]]:
    """What the run itself has paid, where that is not what the answers cost which it used, or not for sure all: the sum
    first."""
    total = bill.total
    saved = max(used - (total.cost - total.wasted), Decimal(0))
    models = {model: line for model, line in bill.by_model().items() if line.cost}
    known = total.unknown - total.unpriced
    if saved or known or bill.cut_off or (total.cost and (total.cost != used or len(models) > 1)):
        said = money(total.cost) if total.cost or not total.unpriced else "unknown"
        if len(models) > 1:
            most = sorted(models.items(), key=lambda item: -item[1].cost)
            named = [f"{money(line.cost)} to {plain(model)}" for model, line in most[:MODELS]]
            rest = sum((line.cost for _, line in most[MODELS:]), Decimal(0))
            said += f": {', '.join([*named, *([f'{money(rest)} to others'] if rest else [])])}"
        yield "paid", said + (f"; {money(saved)} saved by the journal" if saved else "")
        if total.wasted:
            yield "paid", f"{money(total.wasted)} of it for answers that came twice, and could not be used"
    if known:
        yield "paid", f"perhaps {money(total.most)} more, at most: {_nobody(known)}"
    if bill.cut_off:
        yield "paid", f"perhaps {money(bill.cut_off)} more, at most: nobody knows what calls took that a kill cut off"


def no_answer(paid: "Paid") -> str:
    """How many calls led to no answer, in brackets: those that failed, and one for each that was sent twice."""
    kinds = [(paid.failed, "failed"), (paid.hedged, "hedged")]
    said = ", ".join(f"{count(number)} {kind}" for number, kind in kinds if number)
    return f" ({said})" if said else ""


def _nobody(calls: int) -> str:
    return f"nobody knows what {several(calls, 'call')} took that brought no whole answer"


def by_model(bill: "Bill", width: int) -> list[Line]:
    """A table of the calls to each model, and what was paid for them. Kinds of tokens that no model told of are left
    out; where there is no room for their columns, they stand beneath."""
    lines = bill.by_model()
    told = [kind for kind in KINDS if any(getattr(line.usage, kind) for line in lines.values())]
    if not lines or not (told or any(line.failed or line.hedged or line.cost for line in lines.values())):
        return []
    wide = _by_model(bill, told, width)
    fits = max(sum(width_of(text) for text, _ in made) for made in wide) <= width
    return [*heading(PAID, width), *(wide if fits else _by_model(bill, [], width))]


def _by_model(bill: "Bill", told: list[str], width: int) -> list[Line]:
    """told: the kinds of tokens that have columns."""
    lines = bill.by_model()
    vain = no_answers(lines.values())
    heads = ["calls", *vain, "tokens in", *(KINDS[kind] for kind in ("cached", "written") if kind in told)]
    heads += ["tokens out", *(KINDS[kind] for kind in ("reasoning",) if kind in told), "paid"]
    rows: list[Named] = []
    for model, paid in lines.items():
        u = paid.usage
        numbers = [paid.calls, *(getattr(paid, kind) for kind in vain), u.input]
        numbers += [getattr(u, kind) for kind in ("cached", "written") if kind in told]
        numbers += [u.output, *([u.reasoning] if "reasoning" in told else [])]
        shown = [*map(count, numbers), dollars(paid, cut_off=bool(bill.cut_off))]
        rows.append(Named([plain(model)], shown, "" if told else special(u)))
    return named_table("model", heads, rows, width)


def special(usage: "Usage") -> str:
    """Which tokens have prices of their own, in words; empty where none have."""
    stored = [(usage.cached, "from the cache"), (usage.written, "put into the cache")]
    taken = " and ".join(f"{count(number)} {what}" for number, what in stored if number)
    thought = f"{count(usage.reasoning)} reasoning" if usage.reasoning else ""
    if taken and thought:
        return f"of the tokens in {taken}, of those out {thought}"
    return f"of the tokens in {taken}" if taken else f"of the tokens out {thought}" if thought else ""


def no_answers(lines: Iterable["Paid"]) -> list[str]:
    """The columns for calls that led to no answer, where there are any."""
    every = list(lines)
    return [kind for kind in ("failed", "hedged") if any(getattr(line, kind) for line in every)]


def heading(text: str, width: int) -> list[Line]:
    """What the numbers of a table are, above it."""
    return [line(part, "dim") for part in wrapped(text, width)]


def dollars(line: "Paid", *, cut_off: bool = False) -> str:
    """What was paid, with a sign where there may be more. cut_off: whether a kill cut off calls that have cost money;
    to which model they went nobody knows."""
    if line.unpriced and not line.cost:
        return "unknown"
    return money(line.cost) + ("+" if line.unknown or cut_off else "")
