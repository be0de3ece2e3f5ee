"""The bill that a server keeps, as services do: for what it has generated, whoever reads it."""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from synthkit.testing.loopback.replies import Reply, Request
from synthkit.testing.loopback.wire import Api

Prices = Mapping[str, tuple[Decimal | float | str, Decimal | float | str]]
"""Dollars for a million tokens of input and of output, by the name of a model; "" stands for all others."""
MILLION = 1_000_000


class Billing:
    """Charges each call that is not refused, when it comes: the client may be gone, the answer late, cut or lost."""

    def __init__(self, prices: Prices | None) -> None:
        given = prices or {}
        self._prices = {name: (Decimal(str(a)), Decimal(str(b))) for name, (a, b) in given.items()}
        self.total = Decimal(0)
        self.calls = 0

    def charges(self, reply: Reply) -> bool:
        """Whether there is something to charge: errors are free, and so is all where there are no prices."""
        healthy = reply.error is None and (reply.status is None or reply.status < 400)
        return bool(self._prices) and healthy

    def told(self, reply: Reply, streamed: bool) -> bool:
        """Whether the reply's own body tells the usage."""
        return reply.raw is None and reply.html is None and not reply.reset and not streamed

    def charge(self, model: str, usage: Mapping[str, Any]) -> None:
        """Puts a call on the bill. usage: as the service tells it, in whatever API."""
        price = self._prices.get(model) or self._prices.get("")
        if price is None:
            return
        read = ("input_tokens", "prompt_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
        wrote = ("output_tokens", "completion_tokens")
        tokens = [sum(int(usage.get(name) or 0) for name in names) for names in (read, wrote)]
        self.total += (tokens[0] * price[0] + tokens[1] * price[1]) / MILLION
        self.calls += 1


def usage_in(body: bytes) -> Mapping[str, Any]:
    """The usage that an answer's body tells."""
    usage = json.loads(body)["usage"]
    return usage if isinstance(usage, Mapping) else {}


def usage_of(api: Api, request: Request, replies: Sequence[Reply]) -> Mapping[str, Any]:
    """The usage of an answer of which nobody hears."""
    usage = api.whole(request, replies, 0)["usage"]
    return usage if isinstance(usage, Mapping) else {}
