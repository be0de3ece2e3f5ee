"""Calls to OpenAI's service, or one that speaks its language, through the official SDK."""

import asyncio
import contextlib
import json
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from synthkit.core import Endpoint
from synthkit.core.columns import hint
from synthkit.errors import BadKey, BadRequest, BrokenBody, ConfigError
from synthkit.providers._errors import timed_out
from synthkit.providers._transport import TooLarge, client_options
from synthkit.providers.openai_errors import OWN, place, refused, translated

if TYPE_CHECKING:
    from openai import AsyncOpenAI

NO_KEY = "none"
"""Sent where there is no key: the SDK wants one, local servers do not look at it."""
SETTINGS = ("organization", "project")


class Client:
    """One endpoint, and the connections of one event loop. `own`: OpenAI's service; `azure`: its models at Azure."""

    def __init__(self, endpoint: Endpoint, path: str, provider: str) -> None:
        for name, value in endpoint.settings.items():
            if name not in (*SETTINGS, "key_env"):
                raise ConfigError(f"the provider {provider} has no setting {name!r}{hint(name, SETTINGS)}")
            if not isinstance(value, str):
                raise ConfigError(f"the setting {name!r} of the provider {provider} must be a text")
        host = urlsplit(endpoint.base_url or OWN).hostname or ""
        self.own, self.azure = host.endswith(".openai.com"), host.endswith(".openai.azure.com")
        self.place = place(endpoint, path)
        self._endpoint, self._path = endpoint, path
        self._client: AsyncOpenAI | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def post(self, body: Mapping[str, Any], model: str, sent: Collection[str]) -> tuple[str, Mapping[str, str]]:
        """One attempt: the text and the headers of the reply. sent: the common names of the options in the body."""
        client = await self._connected()
        import httpx2

        try:
            async with asyncio.timeout(self._endpoint.timeout):
                # The SDK's open door for what it has no method for: its methods would build models of the reply,
                # which doubles what a call costs.
                response = await client.post(self._path, cast_to=httpx2.Response, body=body)
        except TimeoutError as error:
            raise timed_out(self.place) from error
        except UnicodeEncodeError as error:
            raise BadRequest("the messages hold half a character (a lone surrogate): clean the text first") from error
        except errors() as error:
            ours = translated(error, self.place, model, sent)
            raise ours from (None if isinstance(ours, BadKey) else error)  # its text may repeat parts of the key
        try:
            return response.content.decode("utf-8-sig"), response.headers
        except UnicodeDecodeError as error:
            raise BrokenBody(f"{self.place.host} answered with bytes that are not UTF-8: try again") from error

    def check(self, text: str, headers: Mapping[str, str], model: str, mark: str) -> None:
        """Raises for an error that comes with status 200, as gateways send them, with the real status as its code.
        mark: what answers hold, so that they need not be read for this."""
        if mark in text or '"error"' not in text:
            return
        body = json_value(text)
        error = body.get("error") if isinstance(body, dict) else None
        if isinstance(error, dict) and isinstance(error.get("code"), int) and 400 <= error["code"] < 600:
            raise refused(error["code"], error, headers, self.place, model)

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
        from openai import AsyncOpenAI, DefaultAioHttpClient

        url, _, query = (self._endpoint.base_url or OWN).partition("?")
        return AsyncOpenAI(
            base_url=url,
            api_key=self._endpoint.key or NO_KEY,
            organization=self._endpoint.settings.get("organization"),
            project=self._endpoint.settings.get("project"),
            default_query=dict(parse_qsl(query)),
            max_retries=0,
            timeout=None,  # the deadline is ours
            http_client=DefaultAioHttpClient(**client_options()),
        )


def errors() -> tuple[type[Exception], ...]:
    """What a call can raise. Some of the transport's errors come through the SDK as they are."""
    import aiohttp
    import httpx2
    import openai

    return (openai.OpenAIError, httpx2.HTTPError, aiohttp.ClientError, OSError, TooLarge)


def json_value(text: str) -> Any:
    """The JSON value of a text, or None."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def instead(body: str, data: object, what: str) -> str:
    """What came in place of an answer, and what may be wrong. what: what an answer holds, and for which service."""
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
    return f"JSON that holds no {what}?"
