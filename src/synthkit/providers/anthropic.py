"""Anthropic's Claude models, and services that speak their language."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from synthkit.core import Endpoint, Provider, Reply, Request, Usage
from synthkit.providers import anthropic_replies, anthropic_requests
from synthkit.providers._errors import late
from synthkit.providers._reading import json_value
from synthkit.providers._schema_merge import Unfit
from synthkit.providers.anthropic_cache import Beginnings
from synthkit.providers.anthropic_client import OLD, Client
from synthkit.providers.anthropic_errors import SAMPLING, refused
from synthkit.providers.anthropic_models import traits
from synthkit.providers.anthropic_schema import translated as native

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic


class Anthropic(Provider):
    """The Messages API at Anthropic, or at any `base_url`, which may end in /v1 or not.

    Settings: `version`, the API version, where it is not that of the SDK: with "2023-06-01", models up to 4.6 take
    temperature (or top_p) and top_k. `cache`: false sends no hints for the prompt cache. `transport`: "sdk" sends each
    request through Anthropic's SDK, which costs more and changes nothing else. Headers in ANTHROPIC_CUSTOM_HEADERS are
    sent too, as the SDK does it.
    """

    capabilities: ClassVar[frozenset[str]] = frozenset({"structured", "tools", "images"})
    options: ClassVar[frozenset[str]] = SAMPLING | {"max_tokens", "stop", "reasoning_effort", "extra"}
    key_env: ClassVar[str | None] = "ANTHROPIC_API_KEY"
    variables: ClassVar[tuple[str, ...]] = ("ANTHROPIC_CUSTOM_HEADERS",)

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__(endpoint)
        self._client = Client(endpoint, self.connect, lambda quotas: self.notice(quotas))
        self._old = endpoint.settings.get("version") == OLD
        self._hints = endpoint.settings.get("cache", True)
        self._beginnings = Beginnings()

    def connect(self) -> "AsyncAnthropic | None":
        """A client of the SDK that every request is to go through, made once for each event loop: for subclasses whose
        service wants more than a key (Bedrock, a token that expires). None: no such client."""
        return None

    def can(self, model: str) -> frozenset[str]:
        known = traits(model)
        return self.capabilities if known and known.structured else self.capabilities - {"structured"}

    def takes(self, model: str) -> frozenset[str]:
        known = traits(model)
        if known is None:  # somebody else's model: what its server makes of them is its affair
            return self.options - {"reasoning_effort"}
        untaken = frozenset() if self._old and known.sampling else SAMPLING
        return self.options - untaken - (frozenset() if known.efforts else {"reasoning_effort"})

    def clashes(self, model: str, options: Mapping[str, Any]) -> frozenset[str]:
        known = traits(model)
        if known is None:
            return frozenset()
        if known.adaptive and options.get("reasoning_effort", "none") != "none":
            return SAMPLING & options.keys()  # none of these while they think
        return frozenset({"top_p"} if {"temperature", "top_p"} <= options.keys() else ())

    def unfit(self, model: str, schema: Mapping[str, Any]) -> str | None:
        try:
            native(schema)
        except Unfit as error:
            return str(error)
        return None

    def native(self, model: str, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        return native(schema)

    def objection(self, request: Request) -> str | None:
        return anthropic_requests.objection(request)

    async def call(self, request: Request, sample: str) -> str:
        body, known = anthropic_requests.body(request), traits(request.model)
        marks = self._beginnings.mark(body, known.least) if self._hints and known else None
        answered = False
        try:
            text, headers = await self._client.post(self._client.place.path, body, request.model, request.options)
            self._check(text, headers, request.model)
            answered = True
        finally:
            if marks is not None:
                self._beginnings.ended(marks, answered=answered)
        return text

    def _check(self, text: str, headers: Mapping[str, str], model: str) -> None:
        """Raises for an error that comes with status 200, as gateways send them."""
        if '"error"' in text and '"role"' not in text:
            body = json_value(text)
            if isinstance(body, dict) and body.get("type") == "error":
                ours = refused(None, body, headers, self._client.place, model)
                raise late(ours, text, told=anthropic_replies.usage(body.get("usage")) != Usage())

    def parse(self, body: str) -> Reply:
        return anthropic_replies.read(body, self._client.place.host)

    def took(self, body: str) -> Usage:
        data = json_value(body)
        return anthropic_replies.usage(data.get("usage")) if isinstance(data, dict) else Usage()

    async def close(self) -> None:
        await self._client.close()
