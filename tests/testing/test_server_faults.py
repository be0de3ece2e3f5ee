"""Faults as the SDK meets them, the scripts that choose them, and the counts."""

import asyncio
import errno
import json
import socket
import threading
from contextlib import suppress
from typing import Any

import openai
import pytest
from loopback_kit import KEY, TRANSPORTS, ask, client, exchange, http, plugged, receive, says, text_of, until

from synthkit.errors import ConfigError
from synthkit.testing import Faults, LoopbackServer, Reply, Request, Script, fresh, steady
from synthkit.testing.loopback.faults import PAGE


def serving(reply: Reply) -> LoopbackServer:
    return LoopbackServer(lambda request: reply)


@pytest.mark.parametrize("transport", TRANSPORTS)
class TestWhatTheSdkMakesOf:
    def test_cut_json(self, transport: str) -> None:
        with serving(Reply(text="x" * 500, cut=0.55)) as server:
            with pytest.raises(json.JSONDecodeError):
                ask(server, transport=transport)
            assert server.answered == 0

    def test_a_cut_stream(self, transport: str) -> None:
        with serving(Reply(text="word " * 100, cut=0.5)) as server:
            events = ask(server, transport=transport, stream=True)
        assert 10 < len(events) < 100
        assert events[-1].choices[0].finish_reason is None

    def test_a_reset(self, transport: str) -> None:
        with serving(Reply(reset=True)) as server:
            with pytest.raises(openai.APIConnectionError) as caught:
                ask(server, transport=transport)
            assert server.stats()["in_flight"] == 0
        causes, cause = [], caught.value.__cause__
        while cause is not None:
            causes.append(getattr(cause, "errno", None))
            cause = cause.__cause__ or cause.__context__
        assert errno.ECONNRESET in causes

    @pytest.mark.parametrize("stream", [False, True])
    def test_an_early_close(self, transport: str, stream: bool) -> None:
        with serving(Reply(text="x" * 500, close_early=True)) as server:
            with pytest.raises(openai.APIConnectionError) as caught:
                ask(server, transport=transport, stream=stream)
            assert server.answered == 0
        assert not isinstance(caught.value, openai.APITimeoutError)

    def test_a_hang(self, transport: str) -> None:
        with serving(Reply(text="late", hang=60)) as server:
            with pytest.raises(openai.APITimeoutError):
                ask(server, transport=transport, patience=0.2)
            until(lambda: server.left == 1)
            assert (server.answered, server.in_flight) == (0, 0)

    def test_a_short_hang_is_an_answer(self, transport: str) -> None:
        with serving(Reply(text="late", hang=0.05)) as server:
            assert text_of(ask(server, transport=transport)) == "late"
            assert server.answered == 1

    def test_a_page(self, transport: str) -> None:
        with serving(Reply(html=PAGE)) as server:
            assert ask(server, transport=transport) == PAGE  # the SDK hands it on as text
        with serving(Reply(html=PAGE, status=502)) as server, pytest.raises(openai.InternalServerError) as caught:
            ask(server, transport=transport)
        assert caught.value.status_code == 502 and caught.value.code is None

    def test_an_empty_body(self, transport: str) -> None:
        with serving(Reply(raw=b"")) as server, pytest.raises(json.JSONDecodeError):
            ask(server, transport=transport)

    def test_a_server_that_is_gone(self, transport: str) -> None:
        with serving(Reply(text="once")) as server:
            assert text_of(ask(server, transport=transport)) == "once"
        with pytest.raises(openai.APIConnectionError):
            ask(server, transport=transport)

    def test_200_calls_at_once(self, transport: str) -> None:
        """Each gets its own answer."""

        async def all_at_once(url: str) -> list[str]:
            async with client(url, transport) as connected:
                calls = [
                    connected.chat.completions.create(model="m", messages=says(f"call {number}"))
                    for number in range(200)
                ]
                return [text_of(answer) for answer in await asyncio.gather(*calls)]

        with LoopbackServer(lambda request: f"You: {request.prompt}", latency=(0.0, 0.05)) as server:
            answers = asyncio.run(all_at_once(server.url))
            assert (server.count, server.answered, server.in_flight) == (200, 200, 0)
            assert sorted(r.number for r in server.requests) == list(range(200))
        assert answers == [f"You: call {number}" for number in range(200)]


def test_what_is_in_flight_is_counted_and_what_leaves_is_not_answered() -> None:
    with LoopbackServer(lambda request: Reply(text="x", hang=60)) as server:
        plugs = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(200)]
        for number, plug in enumerate(plugs):
            plug.sendall(http(text=f"call {number}"))
        server.wait(200)
        assert (server.in_flight, server.most_in_flight) == (200, 200)
        for plug in plugs:
            plug.close()
        until(lambda: server.in_flight == 0)
        assert (server.left, server.answered, server.most_in_flight) == (200, 0, 200)


def test_only_a_body_that_was_answered_is_asked_again() -> None:
    script = Script([Reply(error="server_error"), Reply(text="x", cut=0.5), None, "a scripted one"])
    with LoopbackServer(steady, faults=script) as server:
        asked_again = []
        for _ in range(5):
            exchange(server, http(text="the same"))
            asked_again.append(server.asked_again)
        exchange(server, http(text="another"))
        assert asked_again == [0, 0, 0, 1, 2]
        assert server.stats() == {
            "count": 6,
            "unique": 2,
            "answered": 4,
            "asked_again": 2,
            "in_flight": 0,
            "most_in_flight": 1,
            "left": 0,
            "by_fault": {"script": 3},
        }
    bodies = [received.body["messages"][0]["content"] for received in server.requests]
    assert bodies == ["the same"] * 5 + ["another"]


def test_a_script_speaks_first() -> None:
    script = Script(["one", None, Reply(error="insufficient_quota"), Reply(text="four", fault="mine")])
    with LoopbackServer(lambda request: f"normal {request.number}", faults=script) as server:
        assert [text_of(ask(server)) for _ in range(2)] == ["one", "normal 1"]
        with pytest.raises(openai.RateLimitError) as caught:
            ask(server)
        assert [text_of(ask(server)) for _ in range(2)] == ["four", "normal 4"]
        assert server.by_fault == {"script": 2, "mine": 1}
    assert caught.value.code == "insufficient_quota"


def test_faults_choose_by_number_and_seed_alone() -> None:
    faults = Faults.mixed(seed=1)
    kinds = [faults.kind(number) for number in range(20_000)]
    assert kinds == [Faults.mixed(seed=1).kind(number) for number in range(20_000)]
    assert kinds != [Faults.mixed(seed=2).kind(number) for number in range(20_000)]
    shares = {kind: kinds.count(kind) / len(kinds) for kind in sorted(set(kinds))}
    expected = {
        "": 0.89,
        "close_early": 0.01,
        "cut": 0.01,
        "empty": 0.005,
        "hang": 0.01,
        "html": 0.005,
        "overloaded": 0.01,
        "rate_limit": 0.04,
        "reset": 0.01,
        "server_error": 0.01,
    }
    assert shares == pytest.approx(expected, abs=0.004)


@pytest.mark.parametrize(
    ("faults", "status"),
    [
        (Faults(rate_limit=1), 429),
        (Faults(server_error=1), 500),
        (Faults(overloaded=1), 503),
        (Faults(html=1), 200),
        (Faults(empty=1), 200),
        (Faults(cut=1), 200),
        (Faults(close_early=1), 200),
        (Faults(hang=(1, 0.01)), 200),
    ],
    ids=lambda value: value.kind(0) if isinstance(value, Faults) else None,
)
def test_each_fault_is_served_and_counted(faults: Faults, status: int) -> None:
    calls: list[Request] = []

    def handler(request: Request) -> str:
        calls.append(request)
        return "x" * 100

    with LoopbackServer(handler, faults=faults) as server:
        got, headers, body = exchange(server, http())
    kind = faults.kind(0)
    assert got == status
    assert server.by_fault == {kind: 1}
    assert len(calls) == (kind in ("cut", "close_early", "hang"))
    assert server.answered == (kind == "hang")
    if kind == "close_early":
        assert len(body) == int(headers["content-length"]) // 2
    if kind == "rate_limit":
        assert (headers["retry-after"], headers["retry-after-ms"]) == ("1", "1000")


def test_faults_are_read_from_words() -> None:
    assert Faults.parse("none") is None
    assert Faults.parse("mixed") == Faults.mixed()
    read = Faults.parse("rate_limit=0.05, hang=0.01:2.5, seed=7")
    assert read == Faults(rate_limit=0.05, hang=(0.01, 2.5), seed=7)
    for text, message in [
        ("rate=0.1", "no fault is called 'rate'"),
        ("reset=often", "'often' is no value for the fault reset"),
        ("reset=0.6,cut=0.6", "add up to 1.2"),
        ("reset=-0.1", "give shares of 0 to 1"),
    ]:
        with pytest.raises(ValueError, match=message):
            Faults.parse(text)


def test_latencies_are_drawn_by_number_and_seed() -> None:
    def waits(seed: int) -> list[float]:
        packer = LoopbackServer(latency=(0.001, 0.03), seed=seed)._desk._packer
        return [packer._drawn(number) for number in range(100)]

    assert waits(1) == waits(1) != waits(2)
    assert 0.001 <= min(waits(1)) < 0.003 and 0.028 < max(waits(1)) <= 0.03
    with LoopbackServer(latency=(0.02, 0.03)) as server:
        assert int(exchange(server, http())[1]["openai-processing-ms"]) >= 20


def test_a_replys_own_delay_takes_the_latencys_place() -> None:
    with LoopbackServer(lambda request: Reply(text="now", delay=0), latency=60.0) as server:
        assert text_of(ask(server)) == "now"


def test_it_leaves_nothing_behind_and_can_come_back() -> None:
    before = threading.active_count()
    server = LoopbackServer(fresh)
    with server:
        port = server.port
        assert server.start() is server  # once more is no harm
        assert threading.active_count() == before + 1
        with plugged(server) as plug:
            plug.sendall(http())
            assert receive(plug)[0] == 200
            server.stop()
            with suppress(ConnectionResetError):
                assert plug.recv(10) == b""
    assert threading.active_count() == before
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
    with server:
        assert server.port == port
        assert exchange(server, http())[0] == 200
        assert server.count == 2
    server.stop()


def test_it_listens_on_this_machine_alone() -> None:
    with LoopbackServer() as server:
        assert server.url == f"http://127.0.0.1:{server.port}/v1"
        with pytest.raises(ConfigError, match=f"Port {server.port} of 127.0.0.1 cannot be had"):
            LoopbackServer(port=server.port).start()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.2", server.port), timeout=5)


def test_waiting_for_calls_that_do_not_come_says_so() -> None:
    with LoopbackServer() as server, pytest.raises(TimeoutError, match=r"0 of 1 calls came within 0\.01 s"):
        server.wait(1, seconds=0.01)


def test_a_long_run_can_keep_counts_alone() -> None:
    with LoopbackServer(keep=False) as server:
        for _ in range(3):
            exchange(server, http())
        assert (server.count, server.asked_again, server.requests, server.headers) == (3, 2, [], [])


def test_a_client_with_the_sync_sdk_and_retries_gets_through() -> None:
    script = Script([Reply(error="rate_limit_exceeded", retry_after=0.01)] * 2)
    with (
        LoopbackServer(steady, faults=script) as server,
        openai.OpenAI(base_url=server.url, api_key=KEY, max_retries=3) as sync,
    ):
        options: dict[str, Any] = {"model": "m", "messages": says("hi")}
        assert text_of(sync.chat.completions.create(**options))
        assert (server.count, server.answered, server.stats()["unique"]) == (3, 1, 1)
