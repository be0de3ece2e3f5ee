"""What the tests of the OpenAI providers share: one call, and servers of raw bytes."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from synthkit.core import Endpoint, Reply, Request
from synthkit.errors import CallError
from synthkit.providers.openai import OpenAI
from synthkit.providers.openai_responses import OpenAIResponses

APIS: Mapping[str, type[OpenAI] | type[OpenAIResponses]] = {"openai": OpenAI, "openai-responses": OpenAIResponses}
KEY = "sk-proj-abcdefghijklmnop1234"


HELLO = {"choices": [{"message": {"role": "assistant", "content": "Hello."}, "finish_reason": "stop"}]}
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def reader(url: str | None = "http://127.0.0.1:1/v1") -> OpenAI:
    """The provider of chat completions, to make bodies and to read them."""
    return OpenAI(Endpoint(url))


def request(text: str = "Say hello.", model: str = "m", api: str = "openai", **more: Any) -> Request:
    return Request(api, model, [{"role": "user", "content": text}], **more)


@asynccontextmanager
async def provider(
    url: str | None,
    *,
    key: str | None = KEY,
    timeout: float = 20.0,  # noqa: ASYNC109
    api: str = "openai",
    **settings: str,
) -> AsyncIterator[OpenAI | OpenAIResponses]:
    made = APIS[api](Endpoint(url, key, timeout, settings))
    try:
        yield made
    finally:
        await made.close()


async def fetched(url: str, asked: Request | None = None, **options: Any) -> str:
    """The raw body of one call."""
    asked = asked or request()
    async with provider(url, api=asked.provider, **options) as made:
        return await made.call(asked, "0")


def ask(url: str, asked: Request | None = None, **options: Any) -> Reply:
    """One call in a loop of its own, parsed."""
    asked = asked or request()
    body = asyncio.run(fetched(url, asked, **options))
    return APIS[asked.provider](Endpoint(url)).parse(body)


def error_of(url: str, asked: Request | None = None, **options: Any) -> CallError:
    """The error that one call, or reading its answer, ends with."""
    try:
        reply = ask(url, asked, **options)
    except CallError as error:
        return error
    raise AssertionError(f"the call went well: {reply}")


def http(body: bytes, status: str = "200 OK", **headers: str) -> bytes:
    """A whole HTTP reply."""
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


@asynccontextmanager
async def wire(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any],
) -> AsyncIterator[str]:
    """A server in this loop that does with each connection what it is told; gives the base URL."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, backlog=4096)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    finally:
        server.close()
        await server.wait_closed()


async def read_request(reader: asyncio.StreamReader) -> tuple[str, Mapping[str, str], bytes]:
    """One request: its first line, its headers, its body."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    first, *lines = head.strip().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    return first, headers, await reader.readexactly(int(headers["content-length"]))


def raw_error(reply: bytes, *, tls: bool = False, asked: Request | None = None, **options: Any) -> CallError:
    """The error of one call to a server that answers with these bytes and hangs up."""

    async def go() -> CallError:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(65536)
            writer.write(reply)
            await writer.drain()

        async with wire(serve) as url:
            try:
                body = await fetched(url.replace("http:", "https:") if tls else url, asked, **options)
            except CallError as error:
                return error
            raise AssertionError(f"the call went well: {body}")

    return asyncio.run(go())
