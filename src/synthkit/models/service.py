"""A service: a model as it was named, its provider, its limiter and its price."""

import asyncio
import contextlib
import math
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from synthkit.core.answer import Reply, Request, Schema, Usage
from synthkit.core.provider import Provider
from synthkit.core.values import canonical
from synthkit.errors import ConfigError, OptionRefused, RecordError
from synthkit.models.hedging import FACTOR, Hedges
from synthkit.models.learned import Learned
from synthkit.models.limiter import Limiter
from synthkit.models.prices import Prices
from synthkit.models.project import Model, Project
from synthkit.models.question import Question
from synthkit.models.share import UNDIVIDED, Share
from synthkit.models.structured import in_words, native
from synthkit.models.tools import definitions
from synthkit.models.worst import Sizes

MAX_TOKENS = 2048
"""The output limit where nobody set one; a limit is always sent, so that no answer costs without bounds."""
REAL = ("temperature", "top_p", "min_p", "presence_penalty", "frequency_penalty", "repetition_penalty")
WHOLE = {
    "max_tokens": (1, math.inf),
    "n": (1, 128),
    "seed": (-(2**63), 2**63 - 1),
    "top_k": (-1, math.inf),
    "top_logprobs": (0, 20),
    "dimensions": (1, math.inf),
}
"""Options that are whole numbers, with the least and the most."""
MOST_FRESH = 4096
"""Answers that are kept as they were read, until who asked has read them too."""
UNREACHABLE = 3
"""How many calls may use up their tries before a service that never answered stops the run."""


class Service:
    """One model of one run. A place at its limiter is held from the call until its answer is durable."""

    def __init__(
        self, model: Model, provider: Provider, prices: Prices, limiter: Limiter, hedges: Hedges, learned: Learned
    ) -> None:
        self.model = model
        self.learned = learned
        self.provider = provider
        self.prices = prices
        self.limiter = limiter
        self.hedges = hedges
        self._sizes = Sizes(provider, model.name)
        self.given_up = 0
        self._fresh: dict[str, Reply] = {}
        self.refused: set[str] = set()

    def request(self, question: Question, *, learned: bool = True) -> Request:
        """The canonical request. Demands beat the model's own options, those beat wishes; a wish that the model does
        not take is dropped and noted in `refused`. Raises `ConfigError` for a demand that it does not take. learned:
        False for the request as it was before the service refused a wish."""
        request = Request(
            self.model.provider,
            self.model.name,
            question.conversation(),
            self._options(question, learned),
            endpoint=self.model.endpoint,
            tools=definitions(question.tools),
            tool_choice=question.tool_choice,
        )
        chosen = request.tool_choice
        names = [tool["function"]["name"] for tool in request.tools]
        if chosen not in ("auto", "none", *(["required", *names] if names else ())):
            raise RecordError(
                f"tool_choice is {chosen!r}: give auto, required, none or the name of one of the tools"
                f"{'' if names else ', of which there are none'}",
                reason="tools",
            )
        if question.answer is not None:
            request = self._with_schema(request, question.answer)
        if objection := self.provider.objection(request):
            raise ConfigError(objection)
        return request

    def embedding(self, options: Mapping[str, Any]) -> Request:
        """The canonical request for the vector of a text, which is still to be put in; of the model's own options only
        `extra` is for it. Raises `ConfigError` for a model that makes none, and an option that it does not take."""
        provider, name = self.provider, self.model.name
        if "embeddings" not in provider.can(name):
            raise ConfigError(f"{self.model.ref} makes no vectors of texts: name an embedding model")
        extra = self.model.options.get("extra")
        given = {"extra": extra, **options}
        chosen = {option: value for option, value in given.items() if value is not None}
        for option, value in chosen.items():
            if option not in provider.embedding_options:
                takes = ", ".join(sorted(provider.embedding_options)) or "none"
                raise ConfigError(f"{self.model.ref} takes no option {option!r} for vectors: it takes {takes}")
            if wrong := _wrong(option, value):
                raise ConfigError(f"{self.model.ref}: {option}={value!r} must be {wrong}")
        request = Request(self.model.provider, name, (), chosen, endpoint=self.model.endpoint, inputs=("",))
        if objection := provider.objection(request):
            raise ConfigError(objection)
        return request

    def _with_schema(self, request: Request, schema: Schema) -> Request:
        way, provider = self.model.structured, self.provider
        able = provider.capabilities if way == "native" else provider.can(self.model.name)
        if way == "prompt" or "structured" not in able:
            return in_words(request, schema)
        form = native(schema)
        if unfit := provider.unfit(self.model.name, form):
            raise ConfigError(
                f'{self.model.ref} cannot promise answers of this schema: {unfit}; or set structured = "prompt" in its '
                "table of synthkit.toml, and the schema goes into the prompt"
            )
        return request.replaced(schema=form)

    def _options(self, question: Question, learned: bool) -> dict[str, Any]:
        takes, known = self.provider.takes(self.model.name), self.learned.options(self.identity)
        demands = {k: v for k, v in {**self.model.options, **question.options}.items() if v is not None}
        for name, value in demands.items():
            if name not in takes:
                where = "" if name in question.options else "its table in synthkit.toml"
                raise ConfigError(self._untaken(name, where))
            wrong = _wrong(name, value)
            if wrong:
                raise ConfigError(f"{self.model.ref}: {name}={value!r} must be {wrong}")
            if learned and known and _demand(name, value) in known:
                raise ConfigError(f"{self.model.ref} has refused {name}={value!r}: leave it out, or give another value")
        if clash := sorted(self.provider.clashes(self.model.name, demands)):
            beside = ", ".join(f"{name}={value!r}" for name, value in demands.items() if name not in clash)
            raise ConfigError(self._untaken(clash[0], f"beside {beside}" if beside else ""))
        unset = {
            k: v for k, v in question.wishes.items() if v is not None and k not in question.options and k not in demands
        }
        if learned:
            takes -= known
        chosen = dict(demands)
        for name, value in unset.items():
            more = {**chosen, name: value}
            if name in takes and not self.provider.clashes(self.model.name, more):
                chosen = more
            elif learned:
                self.refused.add(name)
        return {
            name: float(value) if name in REAL and isinstance(value, int) else value  # 1 and 1.0 are one request
            for name, value in {"max_tokens": MAX_TOKENS, **chosen}.items()
        }

    def learnt(self, question: Question) -> bool:
        """Whether something is not wished for any more that the model was found to refuse."""
        return not self.learned.options(self.identity).isdisjoint(question.wishes)

    @property
    def identity(self) -> str:
        """The model's name, and where it is served if that is not the provider's own service."""
        name = f"{self.model.provider}/{self.model.name}"
        return f"{name} at {self.model.endpoint}" if self.model.endpoint else name

    def refuses(self, error: OptionRefused, question: Question) -> bool:
        """Keeps that the model refuses an option. Whether it was a wish, without which it can be asked."""
        option, demands = error.option, {**self.model.options, **question.options}
        if option in question.wishes and option not in demands:
            self.refused.add(option)
            self.learned.add(self.identity, option)
            return True
        if option in demands:
            self.learned.add(self.identity, _demand(option, demands[option]))
        return False

    def refusal(self, error: OptionRefused) -> str:
        """What is said of a demand that the model refused."""
        return f"{self.model.ref} does not take {error.option}: leave it out; {error}"

    def _untaken(self, name: str, where: str) -> str:
        takes = ", ".join(sorted(self.provider.takes(self.model.name) - {name}))
        if name in self.provider.options:
            return (
                f"{self.model.ref} does not take {name}{f' ({where})' if where else ''}: leave it out; it takes {takes}"
            )
        return f"{self.model.ref} takes no option {name!r}: it takes {takes}"

    def read(self, body: str) -> Reply:
        """What a body holds. One that has just come is read twice: before it is kept, and by who asked."""
        reply = self._fresh.pop(body, None)
        return self.provider.parse(body) if reply is None else reply

    def read_first(self, body: str) -> Reply:
        """The same, kept for the second time."""
        reply = self.provider.parse(body)
        if len(self._fresh) >= MOST_FRESH:  # they were asked for by nobody in the end
            self._fresh.clear()
        self._fresh[body] = reply
        return reply

    def cost(self, usage: Usage) -> Decimal | None:
        """Dollars, or None where the price is not known."""
        return self.prices.cost(self.model, usage)

    @property
    def priced(self) -> bool:
        """Whether the price is known."""
        return self.cost(Usage(1, 1)) is not None

    @property
    def input_priced(self) -> bool:
        """Whether the price of what is only read is known: all that an embedding costs."""
        return self.cost(Usage(1)) is not None

    def worst(self, request: Request) -> Decimal | None:
        """The most that a request can cost, in dollars: as many tokens of input as it can have, read anew, from a cache
        or into one, whichever costs most, and the whole output limit. None where the price is not known. Raises
        `RecordError` for a request of which no bound is known."""
        size = self._sizes.input(request)
        if request.inputs:
            return self.cost(Usage(size))
        room = int(request.options.get("max_tokens", MAX_TOKENS)) * int(request.options.get("n", 1))
        reads = ((0, 0), (size, 0), (0, size))
        usages = (Usage(size, room, read, thought, put) for read, put in reads for thought in (0, room))
        costs = [cost for usage in usages if (cost := self.cost(usage)) is not None]
        return max(costs, default=None)

    def bound(self, request: Request) -> Decimal | None:
        """The same of a request that has gone out; None also where no bound is known."""
        if not self.input_priced:
            return None
        try:
            return self.worst(request)
        except Exception:  # the money of a call is counted whatever a provider of today makes of its request
            return None


def _demand(option: str, value: Any) -> str:
    """An option with its value, as it is learnt where another value may be taken."""
    return f"{option}={canonical(value)}"


def _wrong(name: str, value: Any) -> str:
    """What an option must be that is something else; empty where it is fine."""
    if value is None:
        return ""
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if name in REAL:
        return "" if number else "a number"
    if name in WHOLE:
        least, most = WHOLE[name]
        fine = number and value == int(value) and least <= value <= most
        return "" if fine else f"a whole number from {least} {'on' if most == math.inf else f'to {most}'}"
    if name == "logprobs":
        return "" if isinstance(value, bool) else "true or false"
    if name == "extra":
        return "" if isinstance(value, Mapping) and _is_json(value) else "a mapping of JSON values by names"
    if name == "reasoning_effort":
        return "" if isinstance(value, str) and value else "a text"
    if name == "stop":
        texts = [value] if isinstance(value, str) else value
        fine = isinstance(texts, list | tuple) and all(isinstance(text, str) and text for text in texts)
        return "" if fine else "a text, or several"
    return ""


def _is_json(value: Any) -> bool:
    try:
        canonical(value)
    except (TypeError, ValueError, RecursionError, RecordError):  # it holds itself, perhaps
        return False
    return not isinstance(value, Mapping) or all(isinstance(name, str) for name in value)


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
        give_up_after: float = math.inf,
        hedge: bool = True,
        share: Share = UNDIVIDED,
    ) -> None:
        """at: the day whose prices count; today if it is not given. answered_before: the run has had answers, so that
        a service which fails now is there all the same. give_up_after: seconds for which a service may answer nothing
        good. hedge: False: no request is sent a second time because it takes long. share: the part of all limits that
        these services may use; see `divide`."""
        self.answered_before = answered_before
        self.project, self.providers, self.concurrency = project, providers, concurrency
        self.give_up_after, self.hedge = give_up_after, hedge
        self._shares: tuple[Share, ...] = (share,)
        self._since: float | None = None
        self.made: dict[str, Service] = {}
        self._limiters: dict[tuple[str, ...], Limiter] = {}
        self._prices = Prices(project.prices, at)
        self.learned = Learned(project.refused)

    def __getitem__(self, ref: str) -> Service:
        """The service behind a model's name. Raises `ConfigError` and `PluginError` for names there are not."""
        if ref not in self.made:
            model = self.project.model(ref)
            cls = self.providers(model.provider)
            problem = cls.problem(model.name)
            if problem is not None:
                raise ConfigError(problem)
            provider = cls(self.project.endpoint(model, cls))
            limiter = self._limiter(model, provider.endpoint.key or "")
            provider.notice = limiter.notice
            factor = FACTOR if isinstance(model.hedge, bool) else model.hedge
            hedges = Hedges(on=self.hedge and bool(model.hedge), factor=factor)
            self.made[ref] = Service(model, provider, self._prices, limiter, hedges, self.learned)
        return self.made[ref]

    def _limiter(self, model: Model, key: str) -> Limiter:
        """The limiter for a model, shared by all names for it: limits are kept by key."""
        concurrency = model.concurrency or self.concurrency
        where = (model.provider, model.base_url or "", key, model.name)
        limiter = self._limiters.get(where)
        if limiter is None:
            limiter = Limiter(concurrency, model.limits, self.give_up_after, self._shares, self._since)
            self._limiters[where] = limiter
        else:
            limiter.narrow(concurrency, model.limits)
        return limiter

    def divide(self, *shares: Share, anew: bool = False) -> None:
        """From now on they may use the least of these shares of all limits. anew: nobody has used that before; for the
        first ones."""
        self._shares, self._since = shares, None if anew else asyncio.get_running_loop().time()
        for limiter in self._limiters.values():
            limiter.divide(*shares, anew=anew)

    async def settled(self) -> None:
        """Returns when no more calls are in flight than there may be now."""
        for limiter in list(self._limiters.values()):
            await limiter.settled()

    @property
    def wants(self) -> float:
        """The width of the share that those would use who ask now. May be read from any thread."""
        return max((limiter.wants for limiter in list(self._limiters.values())), default=0.0)

    async def close(self) -> None:
        for service in self.made.values():
            with contextlib.suppress(Exception):  # nothing hangs on it any more
                await service.provider.close()
