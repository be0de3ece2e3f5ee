"""What the tests of the loopback server share: SDK clients, raw sockets, the server as a process."""

import asyncio
import json
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import openai
from openai.types.chat import ChatCompletion

from synthkit.testing import LoopbackServer

TRANSPORTS = ("httpx", "aiohttp")
KEY = "sk-a-key-nobody-may-keep"


@asynccontextmanager
async def client(
    url: str, transport: str = "httpx", *, key: str = KEY, patience: float = 20.0
) -> AsyncIterator[openai.AsyncOpenAI]:
    own = openai.DefaultAioHttpClient(timeout=patience) if transport == "aiohttp" else None
    async with openai.AsyncOpenAI(
        base_url=url, api_key=key, max_retries=0, timeout=patience, http_client=own
    ) as connected:
        yield connected


def says(text: str) -> list[Any]:
    return [{"role": "user", "content": text}]


def ask(server: LoopbackServer, text: str = "hi", transport: str = "httpx", **options: Any) -> Any:
    """One call through the SDK. `key` and `patience` are the client's."""

    async def call() -> Any:
        own = {name: options.pop(name) for name in ("key", "patience") if name in options}
        async with client(server.url, transport, **own) as connected:
            options.setdefault("model", "m")
            options.setdefault("messages", says(text))
            answer = await connected.chat.completions.create(**options)
            return [event async for event in answer] if options.get("stream") else answer

    return asyncio.run(call())


def text_of(answer: ChatCompletion, choice: int = 0) -> str:
    content = answer.choices[choice].message.content
    assert content is not None
    return content


def until(happened: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.002)


def http(body: object = None, *, text: str = "hi", head: str = "", path: str = "/v1/chat/completions") -> bytes:
    """A raw POST."""
    document = {"model": "m", "messages": says(text)} if body is None else body
    encoded = document if isinstance(document, bytes) else json.dumps(document).encode()
    return f"POST {path} HTTP/1.1\r\nhost: x\r\n{head}content-length: {len(encoded)}\r\n\r\n".encode() + encoded


@contextmanager
def plugged(server: LoopbackServer) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as plug:
        yield plug


def receive(plug: socket.socket) -> tuple[int, dict[str, str], bytes]:
    """One reply with a Content-Length, read from a raw socket: status, headers, body."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = plug.recv(65536)
        assert more, f"hung up after {data!r}"
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    while len(body) < int(headers["content-length"]):
        more = plug.recv(65536)
        if not more:
            break
        body += more
    return int(first.split()[1]), headers, body


def exchange(server: LoopbackServer, data: bytes) -> tuple[int, dict[str, str], bytes]:
    """Sends bytes, reads one reply, hangs up."""
    with plugged(server) as plug:
        plug.sendall(data)
        return receive(plug)


@contextmanager
def process(*arguments: str, cwd: Any = None) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The server as a process, and its URL. Killed at the end if it still runs."""
    command = [sys.executable, "-W", "error", "-m", "synthkit.testing.server", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=cwd) as child:
        try:
            assert child.stdout is not None
            yield child, child.stdout.readline().strip()
        finally:
            child.kill()
