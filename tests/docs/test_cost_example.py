"""The README's example of what 500 records cost is what the price list says."""

import re
from datetime import date

import pytest
from doc_blocks import ROOT

from synthkit.core import Usage
from synthkit.models.prices import Prices
from synthkit.models.project import Model

README = (ROOT / "README.md").read_text("utf-8")
SECTION = README.partition("## What it costs\n")[2].partition("\n## ")[0]
MODEL = Model("openai/gpt-5.6-luna", "openai", "gpt-5.6-luna")
PRICES = Prices({}, date(2026, 11, 1))
ROW = re.compile(r"\((\d+) × ([\d.]+) \+ (\d+) × ([\d.]+)\) / 1,000,000 \| \$([\d.]+) \|")


def row(name: str) -> str:
    (found,) = [line for line in SECTION.splitlines() if line.startswith(f"| {name}")]
    return found


def amount(line: str) -> float:
    """The dollars at the end of a row."""
    return float(line.rstrip(" |").rpartition("$")[2])


@pytest.mark.parametrize("name", ["written", "judged"])
def test_each_row_is_tokens_times_the_listed_price(name: str) -> None:
    assert f"`{MODEL.ref}`" in SECTION
    found = ROW.search(row(name))
    assert found is not None and "500 × (" in row(name)
    read, price_in, wrote, price_out, dollars = found.groups()
    thousand = [PRICES.cost(MODEL, usage) for usage in (Usage(1000), Usage(0, 1000))]
    assert [float(1000 * (one or 0)) for one in thousand] == [float(price_in), float(price_out)]
    cost = PRICES.cost(MODEL, Usage(int(read), int(wrote)))
    assert cost is not None and f"{500 * cost:.3f}" == dollars
    assert f"${price_in} for a million tokens in and ${price_out} out" in " ".join(SECTION.split())


def test_the_sums_are_right() -> None:
    written, judged = amount(row("written")), amount(row("judged"))
    both, batch = amount(row("both")), amount(row("the same"))
    assert f"({written:.3f} + {judged:.3f})" in row("both") and f"{both:.3f} / 2" in row("the same")
    assert both == pytest.approx(500 / 0.8 / 500 * (written + judged), abs=0.0005) and "625 / 500" in row("both")
    assert 0.10 <= written <= 0.15
    usages = [Usage(200, 150), Usage(350, 60)]
    listed = sum(PRICES.cost(MODEL, usage, batch=True) or 0 for usage in usages)
    assert float(625 * listed) == pytest.approx(batch, abs=0.0005)
    for usage in usages:
        assert f"{usage.input}" in SECTION and f"{usage.output}" in SECTION
