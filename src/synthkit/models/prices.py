"""What a call costs: the user's own prices first, then the price list that genai-prices brings."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any

from synthkit.core.answer import Usage

if TYPE_CHECKING:
    from genai_prices.data_snapshot import DataSnapshot

    from synthkit.models.project import Model

MILLION = 1_000_000
FREE = ("demo",)
"""Providers that cost nothing, because they run in this process."""
LISTED = {"openai-responses": "openai"}
"""What the price list calls providers that have another name here."""
BATCH = ("anthropic", "openai", "openai-responses")
"""Providers whose own service takes questions in batches, answered within a day at half the price."""

TEXT_KEYS = frozenset(
    {
        *("input_mtok", "cache_read_mtok", "cache_write_mtok"),
        *("output_mtok", "output_reasoning_mtok", "requests_kcount"),
    }
)
"""The prices of the list that a call of text pays; others (audio, searches, pages) are for what is never asked for."""


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars for a million tokens. `cached` is for the part of the input that the service had in its cache, `written`
    for the part that it put there; None: the same as `input`. Reasoning is output, and costs the same, unless
    `reasoning` says otherwise. `call` is dollars for each call, however short. `batch` are the prices of the service's
    batches; None where it has none, or they are not known."""

    input: Decimal
    output: Decimal
    cached: Decimal | None = None
    reasoning: Decimal | None = None
    call: Decimal = Decimal(0)
    written: Decimal | None = None
    batch: "Price | None" = None

    def cost(self, usage: Usage) -> Decimal:
        """Dollars for one call."""
        cached = min(usage.cached, usage.input) if self.cached is not None else 0
        written = min(usage.written, usage.input - cached) if self.written is not None else 0
        reasoning = min(usage.reasoning, usage.output) if self.reasoning is not None else 0
        dollars = self.input * (usage.input - cached - written) + self.output * (usage.output - reasoning)
        if cached:
            dollars += (self.cached or 0) * cached
        if written:
            dollars += (self.written or 0) * written
        if reasoning:
            dollars += (self.reasoning or 0) * reasoning
        return dollars / MILLION + self.call


Tariff = Callable[[Usage], Decimal | None]


class Prices:
    """Prices of models, looked up once for each.

    table: the user's own, by a model's name in synthkit.toml or by `provider/name`; it wins over the list.
    at: the day whose prices hold (UTC): the list knows price changes by their day, past and announced. None: today,
    taken once, when this is made. Give the day on which a run began, and a resumed run counts as it did before. Where
    a price changes with the hour, that of noon UTC holds.

    The list is the one installed with genai-prices; it is imported at the first question that needs it, and nothing
    is ever fetched.
    """

    def __init__(self, table: Mapping[str, Price], at: date | None = None) -> None:
        self._table = dict(table)
        self._at = datetime.combine(at or datetime.now(UTC).date(), time(12), UTC)
        self._tariffs: dict[tuple[str, str, str, str, bool], Tariff | None] = {}

    def cost(self, model: "Model", usage: Usage, *, batch: bool = False) -> Decimal | None:
        """Dollars for one call, or None where that is not known; never a 0 that only means «unknown».

        batch: for one that is sent in a batch; None also where the service takes none.

        Not known are models that neither the table nor the list has, models at an address of their own (somebody
        else's server) that the table does not have, and calls whose usage the service did not tell.
        """
        if model.provider in FREE:
            return Decimal(0)
        if not usage.input and not usage.output:
            return None
        key = (model.ref, model.provider, model.name, model.endpoint, batch)
        try:
            tariff = self._tariffs[key]
        except KeyError:
            tariff = self._tariffs[key] = self._tariff(model, batch)
        return None if tariff is None else tariff(usage)

    def _tariff(self, model: "Model", batch: bool) -> Tariff | None:
        for name in (model.ref, f"{model.provider}/{model.name}"):
            if name in self._table:
                price = self._table[name].batch if batch else self._table[name]
                return None if price is None else price.cost
        if model.endpoint or model.base_url or (batch and model.provider not in BATCH):
            return None
        return _listed(LISTED.get(model.provider, model.provider), model.name, self._at, batch)


@cache
def _list() -> "DataSnapshot":
    """The list as it was installed: not the one that another library in this process may be updating over the net."""
    from genai_prices.data import providers
    from genai_prices.data_snapshot import DataSnapshot

    return DataSnapshot(providers=providers, from_auto_update=False)


def _listed(provider: str, name: str, at: datetime, batch: bool = False) -> Tariff | None:
    """The tariff on the list, or None."""
    try:
        _, info = _list().find_provider_model(name, None, provider, None)
    except LookupError:
        return None
    context = {"processing": "batch"} if batch else None
    if batch and not any(variant.when == context for variant in info.price_variants or ()):
        return None  # not every model of a service can be asked in batches
    listed = info.get_prices(at, context)
    if batch and listed == info.get_prices(at):
        return None  # its batch prices are not in force on that day
    prices: dict[str, Any] = {key: value for key, value in vars(listed).items() if value is not None}
    if "input_mtok" not in prices:
        return None  # sells something else: hours of audio, pages, characters
    starts = sorted({tier.start for key in TEXT_KEYS for tier in getattr(prices.get(key), "tiers", ())}, reverse=True)
    steps = _Steps([(start, _price(prices, start + 1)) for start in starts], _price(prices, 0))
    tariff = steps.cost if starts else steps.base.cost
    if "output_mtok" not in prices:  # embeddings and the like; what their words would cost nobody knows
        return lambda usage: None if usage.output else tariff(usage)
    return tariff


def _price(prices: Mapping[str, Any], size: int) -> Price:
    """The price of a call whose input has this many tokens."""

    def at(key: str) -> Decimal | None:
        price = prices.get(key)
        for tier in reversed(getattr(price, "tiers", ())):
            if size > tier.start:
                return Decimal(tier.price)
        return getattr(price, "base", price)

    call = at("requests_kcount") or Decimal(0)
    return Price(
        at("input_mtok") or Decimal(0),
        at("output_mtok") or Decimal(0),
        at("cache_read_mtok"),
        at("output_reasoning_mtok"),
        call / 1000,
        at("cache_write_mtok"),
    )


@dataclass(frozen=True, slots=True)
class _Steps:
    """Prices that rise for the whole call when its input is longer than a step, the highest step first."""

    steps: list[tuple[int, Price]]
    base: Price

    def cost(self, usage: Usage) -> Decimal:
        for start, price in self.steps:
            if usage.input > start:
                return price.cost(usage)
        return self.base.cost(usage)
