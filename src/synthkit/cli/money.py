"""What a run has paid, as people read it."""

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING

from synthkit.cli.table import Cell, Column, Line, table
from synthkit.cli.text import count, money, plain, several

if TYPE_CHECKING:
    from synthkit.models.bill import Bill, Paid

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


def _nobody(calls: int) -> str:
    return f"nobody knows what {several(calls, 'call')} took that brought no whole answer"


def by_model(bill: "Bill", width: int) -> list[Line]:
    """A table of what each model was paid for. Kinds of tokens that no model told of are left out."""
    lines = bill.by_model()
    kinds = {"cached": "cached", "written": "to cache", "reasoning": "reasoning"}
    told = [kind for kind in kinds if any(getattr(line.usage, kind) for line in lines.values())]
    if not lines or not (told or any(line.unused or line.cost for line in lines.values())):
        return []
    unused = any(line.unused for line in lines.values())
    heads = ["calls", *(["unused"] if unused else []), "tokens in", *_input(told, kinds), "tokens out"]
    heads += [kinds["reasoning"]] if "reasoning" in told else []
    columns = [Column("model", fit="middle", least=10), *(Column(head, right=True) for head in (*heads, "paid"))]
    rows: list[list[Cell]] = []
    for model, line in lines.items():
        u = line.usage
        numbers = [line.calls, *([line.unused] if unused else []), u.input]
        numbers += [getattr(u, kind) for kind in ("cached", "written") if kind in told]
        numbers += [u.output, *([u.reasoning] if "reasoning" in told else [])]
        rows.append([plain(model), *map(count, numbers), dollars(line)])
    return table(columns, rows, width)


def _input(told: list[str], kinds: dict[str, str]) -> list[str]:
    return [kinds[kind] for kind in ("cached", "written") if kind in told]


def dollars(line: "Paid") -> str:
    """What was paid, with a sign where there may be more."""
    if line.unpriced and not line.cost:
        return "unknown"
    return money(line.cost) + ("+" if line.unknown else "")
