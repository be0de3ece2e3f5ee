"""Anthropic's Claude models, and services that speak their language, through the official SDK."""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qsl

from synthkit.core import Endpoint, Provider, Reply, Request
from synthkit.core.columns import hint
from synthkit.errors import BadKey, BadRequest, BrokenBody, ConfigError
from synthkit.providers import anthropic_replies, anthropic_requests
from synthkit.providers._errors import timed_out
from synthkit.providers._schema_merge import Unfit
from synthkit.providers._transport import TooLarge, client_options
from synthkit.providers.anthropic_cache import Beginnings
from synthkit.providers.anthropic_errors import OWN, path, place, refused, translated
from synthkit.providers.anthropic_models import traits
from synthkit.providers.anthropic_schema import translated as native

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic

NO_KEY = "none"
"""Sent where there is no key: without one the SDK would look for credentials itself, and local servers do not care."""
OLD = "2023-06-01"
"""The API version that still has temperature, top_p and top_k, for the models that took them."""
SAMPLING = frozenset({"temperature", "top_p", "top_k"})


class Anthropic(Provider):
    """The Messages API at Anthropic, or at any `base_url`, which may end in /v1 or not.

    Settings: `version`, the API version, where it is not that of the SDK: with "2023-06-01", models up to 4.6 take
    temperature (or top_p) and top_k. `cache`: false sends no hints for the prompt cache. The SDK reads headers from
    ANTHROPIC_CUSTOM_HEADERS too.
    """

    capabilities: ClassVar[frozenset[str]] = frozenset({"structured", "tools", "images"})
    options: ClassVar[frozenset[str]] = SAMPLING | {"max_tokens", "stop", "reasoning_effort", "extra"}
    key_env: ClassVar[str | None] = "ANTHROPIC_API_KEY"

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__(endpoint)
        known = {"version": str, "cache": bool}
        for name, value in endpoint.settings.items():
            if name not in (*known, "key_env"):
                raise ConfigError(f"the provider anthropic has no setting {name!r}{hint(name, known)}")
            if not isinstance(value, known.get(name, str)):
                kind = "true or false" if name == "cache" else "a text"
                raise ConfigError(f"the setting {name!r} of the provider anthropic must be {kind}")
        self._old = endpoint.settings.get("version") == OLD
        self._hints = endpoint.settings.get("cache", True)
        self._beginnings = Beginnings()
        self._client: AsyncAnthropic | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

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

    def objection(self, request: Request) -> str | None:
        return anthropic_requests.objection(request)

    async def call(self, request: Request, sample: str) -> str:
        body, known = anthropic_requests.body(request), traits(request.model)
        client = await self._connected()
        import httpx2

        marks = self._beginnings.mark(body, known.least) if self._hints and known else None
        answered = False
        try:
            async with asyncio.timeout(self.endpoint.timeout):
                # The SDK's open door for what it has no method for: `messages.create` would build models of the reply,
                # and refuse what it thinks will take too long.
                response = await client.post(path(self.endpoint), cast_to=httpx2.Response, body=body)
            text = self._answer(response.content, response.headers, request.model)
            answered = True
        except TimeoutError as error:
            raise timed_out(place(self.endpoint)) from error
        except UnicodeEncodeError as error:
            raise BadRequest("the messages hold half a character (a lone surrogate): clean the text first") from error
        except _errors() as error:
            ours = translated(error, self.endpoint, request.model)
            raise ours from (None if isinstance(ours, BadKey) else error)  # its text may repeat parts of the key
        finally:
            if marks is not None:
                self._beginnings.ended(marks, answered=answered)
        return text

    def _answer(self, content: bytes, headers: Mapping[str, str], model: str) -> str:
        """The body as text. Raises for an error that comes with status 200, as gateways send them."""
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            where = place(self.endpoint).host
            raise BrokenBody(f"{where} answered with bytes that are not UTF-8: try again") from error
        if '"error"' in text and '"role"' not in text:
            body = anthropic_replies.json_value(text)
            if isinstance(body, dict) and body.get("type") == "error":
                raise refused(None, body, headers, self.endpoint, model)
        return text

    def parse(self, body: str) -> Reply:
        return anthropic_replies.read(body, place(self.endpoint).host)

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _connected(self) -> "AsyncAnthropic":
        """The client of the running loop: connections cannot move to another one."""
        loop = asyncio.get_running_loop()
        if self._client is not None and self._loop is loop:
            return self._client
        left = self._client
        client = self._client = self._connect()
        self._loop = loop
        if left is not None:  # its loop has ended without `close`: as far as that goes now
            with contextlib.suppress(RuntimeError):
                await left.close()
        return client

    def _connect(self) -> "AsyncAnthropic":
        from anthropic import AsyncAnthropic, DefaultAioHttpClient

        url, _, query = (self.endpoint.base_url or OWN).partition("?")
        key, version = self.endpoint.key or NO_KEY, self.endpoint.settings.get("version")
        headers = {"anthropic-version": version} if version else {}
        if self._old:
            headers["x-api-key"] = key  # where keys went then; the SDK sends them as bearer tokens
        return AsyncAnthropic(
            base_url=url,
            api_key=key,
            default_headers=headers,
            default_query=dict(parse_qsl(query)),
            max_retries=0,
            timeout=None,  # the deadline is ours
            open_telemetry=False,
            http_client=DefaultAioHttpClient(**client_options()),
        )


def _errors() -> tuple[type[Exception], ...]:
    """What a call can raise. Some of the transport's errors come through the SDK as they are."""
    import aiohttp
    import anthropic
    import httpx2

    return (anthropic.AnthropicError, httpx2.HTTPError, aiohttp.ClientError, OSError, TooLarge)
