"""What calls cost."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pytest
from genai_prices import Usage as ListUsage
from genai_prices import data_snapshot
from genai_prices.types import StartDateConstraint

from synthkit.core import Usage
from synthkit.models import prices
from synthkit.models.prices import Price, Prices
from synthkit.models.project import Model

DAY = date(2026, 11, 1)
USAGES = [
    Usage(1000, 100),
    Usage(200_001, 5, 3),
    Usage(300_000, 1000, 50_000, 400),
    Usage(1_500_000, 70_000),
    Usage(90_000, 10, 20_000, 0, 30_000),
    Usage(250_000, 10, written=250_000),
]


def model(ref: str, base_url: str | None = None, endpoint: str = "") -> Model:
    provider, _, name = ref.partition("/")
    return Model(ref, provider, name, base_url, endpoint)


def price(input: str, output: str, cached: str | None = None) -> Price:
    return Price(Decimal(input), Decimal(output), None if cached is None else Decimal(cached))


def test_the_users_price_wins_and_is_exact() -> None:
    table = {"teacher": price("1", "2"), "openai/gpt-4o-mini": price("0.1", "0.4", "0.05")}
    own = Prices(table, DAY)
    teacher = Model("teacher", "openai", "gpt-4o-mini")
    assert own.cost(teacher, Usage(1_000_000, 500_000)) == Decimal(2)
    assert own.cost(model("openai/gpt-4o-mini"), Usage(3, 7, 1, 5)) == Decimal("0.00000305")
    assert own.cost(Model("other", "openai", "gpt-4o-mini"), Usage(1_000_000, 0)) == Decimal("0.1")


def test_cached_input_costs_as_much_as_other_input_unless_told() -> None:
    own = Prices({"a/b": price("1", "1")}, DAY)
    assert own.cost(model("a/b"), Usage(1_000_000, 0, 900_000)) == Decimal(1)


def test_a_service_that_counts_more_cached_tokens_than_input_costs_no_less_than_nothing() -> None:
    own = Prices({"a/b": price("1", "1", "0")}, DAY)
    assert own.cost(model("a/b"), Usage(10, 0, 1000)) == Decimal(0)


def test_input_that_is_put_into_the_cache_costs_more_where_that_has_a_price() -> None:
    there, million = Prices({}, DAY), Usage(1_000_000, 0)
    written, mixed = Usage(1_000_000, 0, written=1_000_000), Usage(1_000_000, 0, 600_000, 0, 400_000)
    assert there.cost(model("anthropic/claude-opus-4-8"), million) == Decimal(5)
    assert there.cost(model("anthropic/claude-opus-4-8"), written) == Decimal("6.25")
    assert there.cost(model("anthropic/claude-opus-4-8"), mixed) == Decimal("0.5") * Decimal("0.6") + Decimal("2.5")
    assert there.cost(model("openai/gpt-4o-mini"), written) == there.cost(model("openai/gpt-4o-mini"), million)
    own = Prices({"a/b": Price(Decimal(1), Decimal(1), written=Decimal(2)), "a/c": price("1", "1")}, DAY)
    assert (own.cost(model("a/b"), written), own.cost(model("a/c"), written)) == (Decimal(2), Decimal(1))


def test_the_list_knows_cached_input() -> None:
    there = Prices({}, DAY)
    plain = there.cost(model("openai/gpt-4o-mini"), Usage(1_000_000, 0))
    cached = there.cost(model("openai/gpt-4o-mini"), Usage(1_000_000, 0, 1_000_000))
    assert plain is not None and cached is not None
    assert 0 < cached < plain


def test_costs_are_those_of_the_list_for_every_model_on_it() -> None:
    there, noon, compared, unknown = Prices({}, DAY), datetime.combine(DAY, time(12), UTC), 0, 0
    for provider in data_snapshot.get_snapshot().providers:
        for info in provider.models:
            if provider.find_model(info.id) is not info:
                continue  # shadowed by another of the list: its id finds that one
            for usage in USAGES:
                ours = there.cost(model(f"{provider.id}/{info.id}"), usage)
                if ours is None:
                    listed = info.get_prices(noon)
                    assert listed.input_mtok is None or listed.output_mtok is None
                    unknown += 1
                    continue
                theirs = info.calc_price(
                    ListUsage(
                        input_tokens=usage.input,
                        output_tokens=usage.output,
                        cache_read_tokens=usage.cached,
                        cache_write_tokens=usage.written,
                        output_reasoning_tokens=usage.reasoning,
                    ),
                    provider,
                    genai_request_timestamp=noon,
                )
                assert ours == theirs.total_price, f"{provider.id}/{info.id} {usage}"
                compared += 1
    assert compared > unknown > 0  # it sells hours, pages and searches too


def test_what_is_not_known_is_none_and_never_zero() -> None:
    there = Prices({"openai/local": price("1", "1")}, DAY)
    some = Usage(10, 10)
    assert there.cost(model("openai/no-such-model-anywhere"), some) is None
    assert there.cost(model("nobody/gpt-4o-mini"), some) is None
    elsewhere = model("openai/gpt-4o-mini", base_url="http://here/v1", endpoint="http://here/v1")
    assert there.cost(elsewhere, some) is None
    assert there.cost(model("openai/gpt-4o-mini", base_url="http://here/v1", endpoint="lab"), some) is None
    assert there.cost(model("openai/gpt-4o-mini"), Usage()) is None
    assert there.cost(model("openai/local", base_url="http://here/v1", endpoint="lab"), some) == Decimal("0.00002")


def test_the_demo_costs_exactly_nothing() -> None:
    assert Prices({}, DAY).cost(model("demo/slow"), Usage(10, 10)) == Decimal(0)
    assert Prices({}, DAY).cost(model("demo/default"), Usage()) == Decimal(0)


def test_a_day_decides_where_the_list_knows_a_change() -> None:
    ref, change, before, after = next(_changes())
    million = Usage(1_000_000, 0)
    assert Prices({}, change - timedelta(days=1)).cost(model(ref), million) == before
    assert Prices({}, change).cost(model(ref), million) == after


def _changes() -> Iterator[tuple[str, date, Decimal, Decimal]]:
    """The models whose one change of price the list knows: name, day, price of input before and after."""
    for provider in data_snapshot.get_snapshot().providers:
        for info in provider.models:
            if provider.find_model(info.id) is not info or not isinstance(info.prices, list) or len(info.prices) != 2:
                continue
            (first, then), constraint = (c.prices for c in info.prices), info.prices[1].constraint
            old, new = first.input_mtok, then.input_mtok
            if not (isinstance(old, Decimal) and isinstance(new, Decimal) and first.output_mtok and then.output_mtok):
                continue
            if isinstance(constraint, StartDateConstraint) and old != new:
                yield f"{provider.id}/{info.id}", constraint.start_date, old, new


def test_nothing_is_fetched_and_no_others_update_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object) -> None:
        raise AssertionError("a price list must not touch the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    empty = data_snapshot.DataSnapshot(providers=[], from_auto_update=True)
    data_snapshot.set_custom_snapshot(empty)
    try:
        assert Prices({}, DAY).cost(model("openai/gpt-4o-mini"), Usage(10, 10)) is not None
    finally:
        data_snapshot.set_custom_snapshot(None)


def test_a_model_is_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(prices, "_listed", lambda provider, name, at, batch: asked.append(name))
    there = Prices({}, DAY)
    for _ in range(3):
        assert there.cost(model("openai/x"), Usage(1, 1)) is None
        assert there.cost(model("openai/y"), Usage(1, 1)) is None
    assert asked == ["x", "y"]


def test_the_list_is_loaded_only_when_it_is_needed() -> None:
    code = (
        "import sys\n"
        "from decimal import Decimal\n"
        "from synthkit.core import Usage\n"
        "from synthkit.models.prices import Price, Prices\n"
        "from synthkit.models.project import Model\n"
        "own = Prices({'a/b': Price(Decimal(1), Decimal(1))})\n"
        "own.cost(Model('a/b', 'a', 'b'), Usage(1, 1)), own.cost(Model('demo/x', 'demo', 'x'), Usage(1, 1))\n"
        "own.cost(Model('openai/x', 'openai', 'x', base_url='http://h/v1', endpoint='e'), Usage(1, 1))\n"
        "print('genai_prices' in sys.modules)\n"
        "own.cost(Model('openai/x', 'openai', 'x'), Usage(1, 1))\n"
        "print('genai_prices' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]


def test_both_apis_of_a_service_have_its_prices() -> None:
    there, usage = Prices({}, DAY), Usage(1000, 1000)
    cost = there.cost(model("openai/gpt-5-mini"), usage)
    assert cost is not None and cost > 0
    assert there.cost(model("openai-responses/gpt-5-mini"), usage) == cost


def test_batches_cost_what_the_list_says_or_nobody_knows() -> None:
    there, usage = Prices({}, DAY), Usage(2_000, 1_000)
    for name in (
        "openai/gpt-5-mini",
        "openai-responses/gpt-5-mini",
        "anthropic/claude-haiku-4-5",
        "openai/gpt-4o-mini",
    ):
        single, batch = there.cost(model(name), usage), there.cost(model(name), usage, batch=True)
        assert single is not None and batch == single / 2, name
    assert there.cost(model("openai/gpt-5-search-api"), usage, batch=True) is None, "not asked in batches"
    assert there.cost(model("groq/llama-3.1-8b-instant"), usage, batch=True) is None, "synthkit knows no such service"
    elsewhere = model("openai/gpt-5-mini", "http://localhost:8000/v1", "http://localhost:8000/v1")
    assert there.cost(elsewhere, usage, batch=True) is None
    assert there.cost(model("demo/default"), usage, batch=True) == 0
    assert Prices({}, date(2025, 1, 1)).cost(model("openai/gpt-4o-mini"), usage, batch=True) is None, "not known then"


def test_cached_input_in_batches_is_priced_as_it_is_documented() -> None:
    there, cached = Prices({}, DAY), Usage(1_000_000, 0, 1_000_000)
    assert there.cost(model("openai/gpt-5-mini"), cached, batch=True) == Decimal("0.0125")
    assert there.cost(model("openai/gpt-4o-mini"), cached) == there.cost(
        model("openai/gpt-4o-mini"), cached, batch=True
    )


def test_the_users_own_price_in_batches() -> None:
    own = Price(Decimal(1), Decimal(2), batch=Price(Decimal("0.4"), Decimal("0.8")))
    there = Prices({"a/b": own, "openai/gpt-5-mini": price("1", "2")}, DAY)
    assert there.cost(model("a/b"), Usage(1_000_000, 1_000_000), batch=True) == Decimal("1.2")
    assert there.cost(model("a/b"), Usage(1_000_000, 1_000_000)) == Decimal(3)
    assert there.cost(model("openai/gpt-5-mini"), Usage(1, 1), batch=True) is None, "the user's price has none"
