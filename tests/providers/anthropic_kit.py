"""What the tests of the Anthropic provider share: one call, and what it ends with."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from openai_kit import wire

from synthkit.core import Endpoint, Reply, Request
from synthkit.errors import CallError
from synthkit.providers.anthropic import Anthropic

KEY = "sk-ant-api03-abcdefghijklmnop1234"
MODEL = "claude-opus-5-5"


def request(text: str = "Say hello.", model: str = MODEL, **more: Any) -> Request:
    more.setdefault("options", {"max_tokens": 100})
    return Request("anthropic", model, more.pop("messages", [{"role": "user", "content": text}]), **more)


@asynccontextmanager
async def provider(
    url: str | None,
    *,
    key: str | None = KEY,
    timeout: float = 20.0,  # noqa: ASYNC109
    **settings: Any,
) -> AsyncIterator[Anthropic]:
    made = Anthropic(Endpoint(url, key, timeout, settings))
    try:
        yield made
    finally:
        await made.close()


async def fetched(url: str, asked: Request | None = None, **options: Any) -> str:
    """The raw body of one call."""
    async with provider(url, **options) as made:
        return await made.call(asked or request(), "0")


def ask(url: str, asked: Request | None = None, **options: Any) -> Reply:
    """One call in a loop of its own, parsed."""
    body = asyncio.run(fetched(url, asked, **options))
    return Anthropic(Endpoint(url)).parse(body)


def error_of(url: str, asked: Request | None = None, **options: Any) -> CallError:
    """The error that one call, or reading its answer, ends with."""
    try:
        reply = ask(url, asked, **options)
    except CallError as error:
        return error
    raise AssertionError(f"the call went well: {reply}")


def raw_error(reply: bytes, *, tls: bool = False, **options: Any) -> CallError:
    """The error of one call to a server that answers with these bytes and hangs up."""

    async def go() -> CallError:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(65536)
            writer.write(reply)
            await writer.drain()

        async with wire(serve) as url:
            try:
                body = await fetched(url.replace("http:", "https:") if tls else url, **options)
                return_value = Anthropic(Endpoint(url)).parse(body)
            except CallError as error:
                return error
            raise AssertionError(f"the call went well: {return_value}")

    return asyncio.run(go())
