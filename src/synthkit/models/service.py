"""A service: a model as it was named, its provider, its slots and its price."""

import asyncio
import math
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from synthkit.core.answer import Message, Messages, Request, Schema, Usage
from synthkit.core.provider import Provider
from synthkit.core.values import canonical
from synthkit.errors import ConfigError
from synthkit.models.prices import Prices
from synthkit.models.project import Model, Project
from synthkit.models.structured import with_schema

MAX_TOKENS = 2048
"""The output limit where nobody set one; a limit is always sent, so that no answer costs without bounds."""
REAL = ("temperature", "top_p", "presence_penalty", "frequency_penalty")
UNREACHABLE = 3
"""How many calls may use up their tries before a service that never answered stops the run."""


class Service:
    """One model of one run. A slot is held from the call until its answer is durable."""

    def __init__(self, model: Model, provider: Provider, prices: Prices, concurrency: int) -> None:
        self.model = model
        self.provider = provider
        self.prices = prices
        self.concurrency = model.concurrency or concurrency
        self.slots = asyncio.Semaphore(self.concurrency)
        self.answered = False
        self.given_up = 0
        self.refused: set[str] = set()

    def request(
        self, messages: Messages, schema: Schema | None, wishes: Mapping[str, Any], demands: Mapping[str, Any]
    ) -> Request:
        """The canonical request. Demands beat the model's own options, those beat wishes; a wish that the provider
        does not take is dropped and noted in `refused`."""
        takes = self.provider.options
        for name in {**demands, **self.model.options}:
            if name not in takes:
                raise ConfigError(f"{self.model.ref} takes no option {name!r}: it takes {', '.join(sorted(takes))}")
        for name, value in demands.items():
            wrong = _wrong(name, value)
            if wrong:
                raise ConfigError(f"{self.model.ref}: {name}={value!r} must be {wrong}")
        self.refused.update(name for name in wishes if name not in takes)
        options = {"max_tokens": MAX_TOKENS, **{k: v for k, v in wishes.items() if k in takes}}
        options = {
            name: float(value) if name in REAL and isinstance(value, int) else value  # 1 and 1.0 are one request
            for name, value in {**options, **self.model.options, **demands}.items()
            if value is not None
        }
        request = Request(
            self.model.provider, self.model.name, conversation(messages), options, None, self.model.endpoint
        )
        if schema is None:
            return request
        native = self.model.structured != "prompt" and "structured" in self.provider.capabilities
        return with_schema(request, schema, native)

    def cost(self, usage: Usage) -> Decimal | None:
        """Dollars, or None where the price is not known."""
        return self.prices.cost(self.model, usage)

    @property
    def priced(self) -> bool:
        """Whether the price is known."""
        return self.cost(Usage(1, 1)) is not None

    def worst(self, request: Request) -> Decimal | None:
        """The most that a request can cost: every byte a token, and the whole output limit."""
        size = len(canonical(request.form()).encode("utf-8", "surrogatepass"))
        return self.cost(Usage(size, int(request.options.get("max_tokens", MAX_TOKENS))))


def _wrong(name: str, value: Any) -> str:
    """What an option must be that is something else; empty where it is fine."""
    if value is None:
        return ""
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if name in REAL:
        return "" if number else "a number"
    if name == "max_tokens":
        return "" if number and value == int(value) and value >= 1 else "a whole number from 1 on"
    if name == "stop":
        texts = [value] if isinstance(value, str) else value
        fine = isinstance(texts, list | tuple) and all(isinstance(text, str) and text for text in texts)
        return "" if fine else "a text, or several"
    return ""


class Services:
    """The services of a project, made when they are first named."""

    def __init__(
        self,
        project: Project,
        providers: Callable[[str], type[Provider]],
        concurrency: int = 64,
        at: date | None = None,
        *,
        answered_before: bool = False,
    ) -> None:
        """at: the day whose prices count; today if it is not given. answered_before: the run has had answers, so that
        a service which fails now is there all the same."""
        self.answered_before = answered_before
        self.project, self.providers, self.concurrency = project, providers, concurrency
        self.made: dict[str, Service] = {}
        self._prices = Prices(project.prices, at)

    def __getitem__(self, ref: str) -> Service:
        """The service behind a model's name. Raises `ConfigError` and `PluginError` for names there are not."""
        if ref not in self.made:
            model = self.project.model(ref)
            cls = self.providers(model.provider)
            problem = cls.problem(model.name)
            if problem is not None:
                raise ConfigError(problem)
            provider = cls(self.project.endpoint(model, cls))
            self.made[ref] = Service(model, provider, self._prices, self.concurrency)
        return self.made[ref]

    async def close(self) -> None:
        for service in self.made.values():
            await service.provider.close()


def conversation(messages: Messages) -> list[Message]:
    """Messages in full: a text alone is one user message."""
    if isinstance(messages, str):
        return [{"role": "user", "content": messages}]
    return [dict(message) for message in messages]
