"""OpenAI, and every service that speaks its language, through the official SDK."""

import asyncio
import contextlib
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

from synthkit.core import Endpoint, Provider, Reply, Request, Usage
from synthkit.core.answer import Finish
from synthkit.core.columns import hint
from synthkit.errors import BadKey, BadRequest, BrokenBody, ConfigError
from synthkit.providers.openai_errors import OWN, place, refused, timed_out, translated

if TYPE_CHECKING:
    from openai import AsyncOpenAI

CONNECTIONS = 65_535
"""At once, at most: a run bounds its calls itself."""
IDLE = 4.0
"""Seconds until an idle connection is closed: less than the 5 after which uvicorn and others hang up, which would
otherwise meet the next request."""
MOST_TOKENS = 10**9
"""A count of tokens from which on it is no count."""
NO_KEY = "none"
"""Sent where there is no key: the SDK wants one, local servers do not look at it."""

FINISHES: Mapping[str, Finish] = {
    "stop": "stop",
    "length": "length",
    "content_filter": "content_filter",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
}
# What a schema may hold for the service to promise that an answer fits it ("strict"). A schema with more is still
# sent, as a wish; sent as strict it would be refused.
STRICT = {
    *("type", "properties", "required", "additionalProperties", "items", "anyOf", "enum", "const", "$ref", "$defs"),
    *("title", "description", "pattern", "format", "minItems", "maxItems"),
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
}


class OpenAI(Provider):
    """Chat completions at OpenAI, or at any `base_url`.

    Settings: `organization` and `project`, as the SDK knows them. The SDK reads those, and headers, from OPENAI_ORG_ID,
    OPENAI_PROJECT_ID and OPENAI_CUSTOM_HEADERS too.
    """

    capabilities: ClassVar[frozenset[str]] = frozenset({"structured"})
    options: ClassVar[frozenset[str]] = frozenset(
        {"temperature", "top_p", "max_tokens", "stop", "presence_penalty", "frequency_penalty", "seed"}
    )
    key_env: ClassVar[str | None] = "OPENAI_API_KEY"

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__(endpoint)
        known = ("organization", "project")
        for name, value in endpoint.settings.items():
            if name not in (*known, "key_env"):
                raise ConfigError(f"the provider openai has no setting {name!r}{hint(name, known)}")
            if not isinstance(value, str):
                raise ConfigError(f"the setting {name!r} of the provider openai must be a text")
        host = urlsplit(endpoint.base_url or OWN).hostname or ""
        # OpenAI's own name for it, which its reasoning models insist on, and which other servers may not know.
        official = host.endswith((".openai.com", ".openai.azure.com"))
        self._max_tokens = "max_completion_tokens" if official else "max_tokens"
        self._client: AsyncOpenAI | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def call(self, request: Request, sample: str) -> str:
        client = await self._connected()
        import httpx2

        try:
            async with asyncio.timeout(self.endpoint.timeout):
                # The SDK's open door for what it has no method for: `chat.completions.create` would build models of
                # the reply, which doubles what a call costs.
                response = await client.post("/chat/completions", cast_to=httpx2.Response, body=self.body(request))
        except TimeoutError as error:
            raise timed_out(self.endpoint) from error
        except UnicodeEncodeError as error:
            raise BadRequest("the messages hold half a character (a lone surrogate): clean the text first") from error
        except _errors() as error:
            ours = translated(error, self.endpoint, request.model)
            raise ours from (None if isinstance(ours, BadKey) else error)  # its text may repeat parts of the key
        try:
            text = response.content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise BrokenBody(f"{place(self.endpoint)} answered with bytes that are not UTF-8: try again") from error
        self._check(text, response.headers, request.model)
        return text

    def _check(self, text: str, headers: Mapping[str, str], model: str) -> None:
        """Raises for an error that comes with status 200, as gateways send them, with the real status as its code."""
        if '"choices"' in text or '"error"' not in text:
            return
        body = _json(text)
        error = body.get("error") if isinstance(body, dict) else None
        if isinstance(error, dict) and isinstance(error.get("code"), int) and 400 <= error["code"] < 600:
            raise refused(error["code"], error, headers, self.endpoint, model)

    def body(self, request: Request) -> dict[str, Any]:
        """The body of the HTTP request."""
        body: dict[str, Any] = {"model": request.model, "messages": list(request.messages), **request.options}
        if "max_tokens" in body:
            body[self._max_tokens] = body.pop("max_tokens")
        if request.schema is not None:
            schema = {"name": "answer", "schema": dict(request.schema), "strict": strict(request.schema)}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        return body

    def parse(self, body: str) -> Reply:
        """Reads a body. A service that tells no usage leaves it at zeros, which means unknown."""
        data = _json(body)
        choice = _first(data.get("choices")) if isinstance(data, dict) else None
        message = choice.get("message") if choice else None
        if not isinstance(data, dict) or choice is None or not isinstance(message, dict):
            raise BrokenBody(f"{place(self.endpoint)} answered with {_instead(body, data)}")
        reasoning = message.get("reasoning_content") or message.get("reasoning")
        finish = choice.get("finish_reason")
        return Reply(
            text=_text(message.get("content")),
            usage=_usage(data.get("usage")),
            finish=FINISHES.get(finish, "other") if isinstance(finish, str) else "other",
            refusal=_text(message.get("refusal")),
            reasoning=_text(reasoning),
            model=_text(data.get("model")),
        )

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _connected(self) -> "AsyncOpenAI":
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

    def _connect(self) -> "AsyncOpenAI":
        import httpx2
        from openai import AsyncOpenAI, DefaultAioHttpClient

        url, _, query = (self.endpoint.base_url or OWN).partition("?")
        limits = httpx2.Limits(
            max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS, keepalive_expiry=IDLE
        )
        return AsyncOpenAI(
            base_url=url,
            api_key=self.endpoint.key or NO_KEY,
            organization=self.endpoint.settings.get("organization"),
            project=self.endpoint.settings.get("project"),
            default_query=dict(parse_qsl(query)),
            max_retries=0,
            timeout=None,  # the deadline is ours
            http_client=DefaultAioHttpClient(timeout=None, limits=limits, follow_redirects=False),
        )


def _errors() -> tuple[type[Exception], ...]:
    """What a call can raise. Some of the transport's errors come through the SDK as they are."""
    import aiohttp
    import httpx2
    import openai

    return (openai.OpenAIError, httpx2.HTTPError, aiohttp.ClientError, OSError)


def strict(schema: object) -> bool:
    """Whether a service can promise that answers fit this schema: each object closed, with all its columns required."""
    return isinstance(schema, Mapping) and schema.get("type") == "object" and _closed(schema)


def _closed(schema: object) -> bool:
    if not isinstance(schema, Mapping) or not schema.keys() <= STRICT or ("$ref" in schema and len(schema) > 1):
        return False
    properties = schema.get("properties", {})
    kind = schema.get("type")
    if kind == "object" or "properties" in schema or (isinstance(kind, Sequence) and "object" in kind):
        required = schema.get("required", ())
        if schema.get("additionalProperties") is not False or {*required} != {*properties}:
            return False
    inner = [*properties.values(), *schema.get("$defs", {}).values(), *schema.get("anyOf", ())]
    return all(map(_closed, [*inner, schema["items"]] if "items" in schema else inner))


def _json(text: str) -> Any:
    """The JSON value of a text, or None."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _first(values: object) -> dict[str, Any] | None:
    return values[0] if isinstance(values, list) and values and isinstance(values[0], dict) else None


def _text(content: object) -> str:
    """A text, or the texts among parts."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(part["text"] for part in content if isinstance(part, dict) and isinstance(part.get("text"), str))
    return ""


def _usage(told: object) -> Usage:
    if not isinstance(told, dict):
        return Usage()
    inside, outside = told.get("prompt_tokens_details"), told.get("completion_tokens_details")
    cached = inside.get("cached_tokens") if isinstance(inside, dict) else told.get("prompt_cache_hit_tokens")
    reasoning = outside.get("reasoning_tokens") if isinstance(outside, dict) else None
    sent, made = _count(told.get("prompt_tokens")), _count(told.get("completion_tokens"))
    return Usage(sent, made, min(_count(cached), sent), min(_count(reasoning), made))


def _count(value: object) -> int:
    return int(value) if isinstance(value, int | float) and 0 < value < MOST_TOKENS else 0


def _instead(body: str, data: object) -> str:
    """What came in place of an answer, and what may be wrong."""
    start = body.lstrip()
    if not start:
        return "nothing: an empty body"
    if start.startswith("<"):
        return "HTML, not JSON: does base_url end in /v1?"
    if data is None:
        return (
            "JSON that breaks off or is none: try again"
            if start[0] in "{["
            else "text that is no JSON: is base_url right?"
        )
    error = data.get("error") if isinstance(data, dict) else None
    said = error.get("message") if isinstance(error, dict) else error
    if isinstance(said, str) and said:
        return f"an error: {' '.join(said.split())[:500]}"
    return "JSON that holds no choices: does base_url name a service for chat completions?"
