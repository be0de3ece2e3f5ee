"""What stands in the bodies of a journal: each is read by the provider that it came from."""

from collections import Counter
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, TypeVar

from synthkit.core.answer import Reply, Usage
from synthkit.core.provider import Endpoint, Provider
from synthkit.errors import PluginError
from synthkit.models.journal.entry import Entry
from synthkit.models.prices import Prices
from synthkit.models.project import Model, Project
from synthkit.models.vectors import reply_of, usage_of

T = TypeVar("T")


class Replies:
    """Reads entries. absent: how many could not be read because their provider is not installed, by its name."""

    def __init__(self, project: Project, providers: Callable[[str], type[Provider]]) -> None:
        """Prices are those of today."""
        self.absent: Counter[str] = Counter()
        self._providers = providers
        self._prices = Prices(project.prices)
        self._made: dict[str, Provider | None] = {}

    def of(self, entry: Entry) -> Reply | None:
        """None where the body is no answer, or nobody here can read it."""
        return self._read(entry, reply_of)

    def usage(self, entry: Entry) -> Usage | None:
        """What it took, answer or not; None where it does not tell, or nobody here can read it."""
        return self._read(entry, usage_of)

    def _read(self, entry: Entry, read: Callable[[Provider, Mapping[str, Any]], T]) -> T | None:
        name = str(request_of(entry).get("provider", ""))
        provider = self._provider(name)
        if provider is None:
            self.absent[name] += 1
            return None
        try:
            return read(provider, entry.data)
        except Exception:  # cut, HTML, or what a plugin of today does not know any more
            return None

    def cost(self, entry: Entry, usage: Usage) -> Decimal | None:
        """Dollars of one answer, None where the price is not known."""
        return self._prices.cost(model_of(entry), usage)

    def _provider(self, name: str) -> Provider | None:
        if name not in self._made:
            try:
                self._made[name] = self._providers(name)(Endpoint())
            except PluginError:
                self._made[name] = None
        return self._made[name]


def request_of(entry: Entry) -> Mapping[str, Any]:
    """The request of an entry; empty where it has none."""
    found = entry.data.get("request")
    return found if isinstance(found, Mapping) else {}


def model_of(entry: Entry) -> Model:
    """The model that was asked, as far as the entry knows it."""
    request = request_of(entry)
    provider, name = str(request.get("provider", "")), str(request.get("model", ""))
    ref = str(entry.data.get("model") or f"{provider}/{name}")
    return Model(ref, provider, name, endpoint=str(request.get("endpoint", "")))
