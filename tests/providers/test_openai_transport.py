"""What goes wrong below the SDK: when to try again, broken lines, endless bodies, each exception of the transport."""

import gzip
import json
import socket
import tracemalloc
from collections.abc import Mapping

import aiohttp
import httpx2
import openai
import pytest
from openai_kit import APIS, KEY, ask, error_of, http, raw_error, request

from synthkit import errors
from synthkit.core import Endpoint
from synthkit.providers import _transport
from synthkit.providers._errors import below as below_the_sdk
from synthkit.providers._errors import retry_after
from synthkit.providers.openai_errors import place, translated
from synthkit.testing import LoopbackServer, Reply

PLACE = place(Endpoint("http://127.0.0.1:1/v1", KEY, 5.0, {"key_env": "MY_KEY"}))
ASKED = httpx2.Request("POST", "http://127.0.0.1:1/v1/chat/completions")


def below(*roots: type[Exception]) -> list[type[Exception]]:
    """The classes and all that descend from them in their own libraries."""
    found: list[type[Exception]] = []
    for kind in [*roots, *(inner for root in roots for inner in below(*root.__subclasses__()))]:
        if kind not in found and kind.__module__.split(".")[0] in ("aiohttp", "httpx2"):
            found.append(kind)
    return found


def made(kind: type[Exception]) -> Exception:
    """An exception of a class, whatever it takes to make one."""
    error = kind.__new__(kind)
    Exception.__init__(error, "x")
    return error


TRANSPORT = below(httpx2.HTTPError, aiohttp.ClientError)


@pytest.mark.parametrize("kind", TRANSPORT, ids=lambda kind: f"{kind.__module__.split('.')[0]}.{kind.__name__}")
@pytest.mark.parametrize("wrapped", [False, True], ids=["bare", "wrapped"])
def test_an_exception_of_the_transport_becomes_ours(kind: type[Exception], wrapped: bool) -> None:
    error: Exception = made(kind)
    assert isinstance(error, below_the_sdk())
    if wrapped:
        error = openai.APIConnectionError(request=ASKED)
        error.__cause__ = made(kind)
    ours = translated(error, PLACE, "m")
    assert isinstance(ours, errors.TransientError)
    assert str(ours).startswith("127.0.0.1:1 ")


def test_the_transports_have_as_many_exceptions_as_when_this_was_written() -> None:
    names = {kind.__name__ for kind in TRANSPORT}
    assert {"ReadTimeout", "ConnectError", "DecodingError", "ClientPayloadError", "ServerDisconnectedError"} <= names
    assert len(TRANSPORT) > 35


# when to try again


def test_how_long_to_wait_comes_over_the_wire() -> None:
    for name in ("rate_limit_exceeded", "overloaded", "server_error"):
        with LoopbackServer(lambda got, name=name: Reply(error=name, retry_after=1.25)) as server:  # type: ignore[misc]
            error = error_of(server.url)
        assert isinstance(error, errors.TransientError)
        assert error.retry_after == 1.25


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "7", "retry-after-ms": "250"}, 0.25),
        ({"retry-after": "7", "retry-after-ms": "soon"}, 7.0),
        ({"retry-after": "-7"}, 0.0),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "later"}, None),
        ({"retry-after": "Mon, 01 Jan 2024 00:00:00 +9999999999999", "date": "Sat, 21 Nov 2026 00:00:10 GMT"}, None),
        ({"retry-after": "Sat, 21 Nov 2026 00:00:30 GMT", "date": "Sat, 21 Nov 2026 00:00:10 GMT"}, 20.0),
        ({"retry-after": "Sat, 21 Nov 2026 00:00:00 GMT", "date": "Sat, 21 Nov 2026 00:00:10 GMT"}, 0.0),
        ({"retry-after": "Sat, 21 Nov 2026 00:00:30 GMT"}, None),
        ({"retry-after": "Sat, 21 Nov 2026 00:00:30 GMT", "date": "today"}, None),
    ],
)
def test_how_long_a_reply_asks_to_wait(headers: Mapping[str, str], seconds: float | None) -> None:
    assert retry_after(httpx2.Headers(dict(headers))) == seconds


# broken lines


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as plug:
        port: int = plug.getsockname()[1]
        return port


def test_a_server_that_is_down() -> None:
    for host in ("127.0.0.1", "localhost"):
        port = closed_port()
        error = error_of(f"http://{host}:{port}/v1")
        assert type(error) is errors.ConnectionLost
        assert str(error) == f"{host}:{port} refuses connections: is the server running, at this port?"


def test_a_host_that_nobody_knows() -> None:
    error = error_of("http://nobody.invalid/v1")
    assert type(error) is errors.ConnectionLost
    assert "nobody.invalid cannot be found (DNS)" in str(error)


@pytest.mark.parametrize("answer", [Reply(reset=True), Reply(text="Hello.", close_early=True)], ids=["reset", "early"])
def test_a_connection_that_breaks(answer: Reply) -> None:
    with LoopbackServer(lambda got: answer) as server:
        error = error_of(server.url)
    assert type(error) is errors.ConnectionLost
    assert str(error) == f"127.0.0.1:{server.port} broke the connection off: try again"


@pytest.mark.parametrize(
    ("reply", "tls", "ours", "said"),
    [
        (b"", False, errors.ConnectionLost, "broke the connection off"),
        (b"SSH-2.0-OpenSSH_9\r\n", False, errors.BrokenBody, "answered with what is not HTTP"),
        (http(b"no gzip", content_encoding="gzip"), False, errors.BrokenBody, "bytes that do not decompress"),
        (http(b""), True, errors.ConnectionLost, "cannot be reached over TLS"),
    ],
    ids=["nothing", "not http", "bad gzip", "no tls"],
)
def test_lines_that_speak_something_else(reply: bytes, tls: bool, ours: type[Exception], said: str) -> None:
    error = raw_error(reply, tls=tls)
    assert type(error) is ours
    assert said in str(error)


BOMB = gzip.compress(bytes(256 * 2**20))


@pytest.mark.parametrize("status", ["200 OK", "500 X"])
@pytest.mark.parametrize("api", APIS)
def test_a_small_body_that_unpacks_to_a_large_one_is_not_unpacked(status: str, api: str) -> None:
    error_of(f"http://127.0.0.1:{closed_port()}/v1", request(api=api))  # what is imported is no matter here
    tracemalloc.start()
    error = raw_error(http(BOMB, status, content_encoding="gzip"), asked=request(api=api))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert type(error) is errors.BrokenBody
    assert "answered with more than 64 MB, which is no answer of a model" in str(error)
    assert most < 3 * _transport.LARGEST


def test_a_body_of_the_largest_size_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = json.dumps({"choices": [{"message": {"content": "x" * 1000}}]}).encode()
    monkeypatch.setattr(_transport, "LARGEST", len(whole))
    for sent in (whole, gzip.compress(whole)):
        headers = {"content-encoding": "gzip"} if sent is not whole else {}
        with LoopbackServer(lambda got, sent=sent, headers=headers: Reply(raw=sent, headers=headers)) as server:  # type: ignore[misc]
            assert ask(server.url).text == "x" * 1000
    monkeypatch.setattr(_transport, "LARGEST", len(whole) - 1)
    with LoopbackServer(lambda got: Reply(raw=whole)) as server:
        assert type(error_of(server.url)) is errors.BrokenBody


def test_an_error_that_a_caller_is_handling_is_not_taken_for_the_cause() -> None:
    try:
        raise ConnectionRefusedError("an earlier one")
    except ConnectionRefusedError:
        with LoopbackServer(lambda got: Reply(reset=True)) as server:
            error = error_of(server.url)
    assert "broke the connection off" in str(error)


def test_a_message_that_no_request_can_carry() -> None:
    error = error_of(f"http://127.0.0.1:{closed_port()}/v1", request("half a smile: \ud83d"))
    assert type(error) is errors.BadRequest
    assert "lone surrogate" in str(error)
