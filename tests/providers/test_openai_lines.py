"""The OpenAI provider and its connections: deadlines, many calls at once, event loops, what is imported."""

import asyncio
import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from openai_kit import HELLO, KEY, error_of, fetched, http, provider, read_request, reader, request, wire

from synthkit.core import Endpoint
from synthkit.errors import CallTimeout
from synthkit.providers.openai import OpenAI
from synthkit.testing import LoopbackServer, Reply


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("OPENAI_"):
            monkeypatch.delenv(name)


def test_silence_ends_at_the_deadline() -> None:
    with LoopbackServer(lambda got: Reply(text="late", hang=30)) as server:
        error = error_of(server.url, timeout=0.2)
    assert type(error) is CallTimeout
    assert "gave no whole answer within 0.2 s: give it longer with `timeout`" in str(error)


def test_the_deadline_is_for_the_whole_answer_however_busy_the_line() -> None:
    async def go() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
            while not reader.at_eof():
                writer.write(b" ")
                await asyncio.sleep(0.01)
                await writer.drain()

        async with wire(serve) as url:
            await fetched(url, timeout=0.3)

    with pytest.raises(CallTimeout):
        asyncio.run(go())


def test_a_cancelled_call_is_cancelled_and_its_connection_freed() -> None:
    async def go() -> bool:
        came, gone = asyncio.Event(), asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            came.set()
            await reader.read()  # until the client hangs up
            gone.set()

        async with wire(serve) as url, provider(url) as made:
            task = asyncio.create_task(made.call(request(), "0"))
            await came.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await asyncio.wait_for(gone.wait(), 10)  # before the provider is closed
        return task.cancelled()

    assert asyncio.run(go())


@pytest.fixture
def open_files() -> Iterator[None]:
    before = soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    need = 6000
    if hard != resource.RLIM_INFINITY and hard < need:
        pytest.skip(f"this machine lets a process open {hard} files only")
    if soft != resource.RLIM_INFINITY and soft < need:
        resource.setrlimit(resource.RLIMIT_NOFILE, (need, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.usefixtures("open_files")
def test_two_thousand_calls_at_once() -> None:
    async def go(many: int) -> list[str]:
        waiting, all_there = 0, asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal waiting
            await read_request(reader)
            waiting += 1
            if waiting == many:
                all_there.set()
            await all_there.wait()  # nobody is answered before all have asked
            writer.write(http(json.dumps(HELLO).encode()))
            await writer.drain()

        async with wire(serve) as url, provider(url, timeout=60) as made:
            return await asyncio.gather(*(made.call(request(), "0") for _ in range(many)))

    assert len(asyncio.run(go(2000))) == 2000


def test_connections_are_used_again() -> None:
    async def go() -> int:
        connections = 0

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal connections
            connections += 1
            while not reader.at_eof():
                try:
                    await read_request(reader)
                except asyncio.IncompleteReadError:
                    return
                writer.write(http(json.dumps(HELLO).encode()))
                await writer.drain()

        async with wire(serve) as url, provider(url) as made:
            for _ in range(5):
                await made.call(request(), "0")
        return connections

    assert asyncio.run(go()) == 1


def test_another_loop_gets_a_client_of_its_own() -> None:
    with LoopbackServer(lambda got: "Hello.") as server:
        made = OpenAI(Endpoint(server.url, KEY))
        first, second = asyncio.new_event_loop(), asyncio.new_event_loop()
        for loop in (first, second, second):
            assert made.parse(loop.run_until_complete(made.call(request(), "0"))).text == "Hello."
        second.run_until_complete(made.close())
        for loop in (first, second):
            loop.run_until_complete(asyncio.sleep(0))
            loop.close()
        assert server.count == 3


def test_after_closing_it_can_be_used_again() -> None:
    async def go(url: str) -> None:
        async with provider(url) as made:
            await made.close()
            for _ in range(2):
                await made.call(request(), "0")
                await made.close()

    with LoopbackServer(lambda got: "Hello.") as server:
        asyncio.run(go(server.url))
        assert server.count == 2


def test_nothing_is_imported_before_the_first_call() -> None:
    code = (
        "import sys\n"
        "from synthkit.core import Endpoint\n"
        "from synthkit.providers.openai import OpenAI\n"
        f"print(OpenAI(Endpoint()).parse({json.dumps(HELLO)!r}).text)\n"
        "print(sorted({'openai', 'httpx2', 'aiohttp'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["Hello.", "[]"]


def test_what_the_provider_declares() -> None:
    assert OpenAI.capabilities == {"structured", "tools", "images", "embeddings"}
    assert OpenAI.key_env == "OPENAI_API_KEY"
    known: dict[str, Any] = {**dict.fromkeys(OpenAI.options, 1), "extra": {"chat_template_kwargs": {}}}
    sent = reader().body(request(options=known)).keys() - {"model", "messages"}
    assert sent == {*(OpenAI.options - {"extra"}), "chat_template_kwargs"}
