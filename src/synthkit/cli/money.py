"""What a run has paid, as people read it."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import TYPE_CHECKING

from synthkit.cli.table import Cell, Column, Line, line, table
from synthkit.cli.text import count, money, plain, several, wrapped

if TYPE_CHECKING:
    from synthkit.models.bill import Bill, Paid

USED = "by step: its calls; tokens and cost of all answers used, also from the journal"
PAID = "by model: its calls, and what was paid for them, used or not"
MODELS = 4
"""Models that are named with what they took, where there are several."""


def paid(bill: "Bill", used: Decimal) -> Iterator[tuple[str, str]]:
    """What the run itself has paid, where that is not what the answers cost which it used."""
    total = bill.total
    saved = max(used - (total.cost - total.wasted), Decimal(0))
    models = {model: line for model, line in bill.by_model().items() if line.cost}
    if saved or (total.cost and (total.cost != used or len(models) > 1)):
        said = money(total.cost)
        if len(models) > 1:
            most = sorted(models.items(), key=lambda item: -item[1].cost)
            named = [f"{money(line.cost)} to {plain(model)}" for model, line in most[:MODELS]]
            rest = sum((line.cost for _, line in most[MODELS:]), Decimal(0))
            said += f": {', '.join([*named, *([f'{money(rest)} to others'] if rest else [])])}"
        yield "paid", said + (f"; {money(saved)} saved by the journal" if saved else "")
        if total.wasted:
            yield "paid", f"{money(total.wasted)} of it for answers that came twice, and could not be used"
    known = total.unknown - total.unpriced
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
    out."""
    lines = bill.by_model()
    kinds = {"cached": "cached", "written": "to cache", "reasoning": "reasoning"}
    told = [kind for kind in kinds if any(getattr(line.usage, kind) for line in lines.values())]
    if not lines or not (told or any(line.failed or line.hedged or line.cost for line in lines.values())):
        return []
    vain = no_answers(lines.values())
    heads = ["calls", *vain, "tokens in", *_input(told, kinds), "tokens out"]
    heads += [kinds["reasoning"]] if "reasoning" in told else []
    columns = [Column("model", fit="middle", least=10), *(Column(head, right=True) for head in (*heads, "paid"))]
    rows: list[list[Cell]] = []
    for model, paid in lines.items():
        u = paid.usage
        numbers = [paid.calls, *(getattr(paid, kind) for kind in vain), u.input]
        numbers += [getattr(u, kind) for kind in ("cached", "written") if kind in told]
        numbers += [u.output, *([u.reasoning] if "reasoning" in told else [])]
        rows.append([plain(model), *map(count, numbers), dollars(paid)])
    return [*heading(PAID, width), *table(columns, rows, width)]


def no_answers(lines: Iterable["Paid"]) -> list[str]:
    """The columns for calls that led to no answer, where there are any."""
    every = list(lines)
    return [kind for kind in ("failed", "hedged") if any(getattr(line, kind) for line in every)]


def heading(text: str, width: int) -> list[Line]:
    """What the numbers of a table are, above it."""
    return [line(part, "dim") for part in wrapped(text, width)]


def _input(told: list[str], kinds: dict[str, str]) -> list[str]:
    return [kinds[kind] for kind in ("cached", "written") if kind in told]


def dollars(line: "Paid") -> str:
    """What was paid, with a sign where there may be more."""
    if line.unpriced and not line.cost:
        return "unknown"
    return money(line.cost) + ("+" if line.unknown else "")
