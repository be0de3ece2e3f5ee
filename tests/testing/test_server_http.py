"""HTTP as clients that mean no good, or know no better, speak it."""

import json
import socket
import struct
from collections.abc import Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from loopback_kit import exchange, http, plugged, receive, until

from synthkit.testing import LoopbackServer, Reply
from synthkit.testing.loopback.http1 import MAX_HEAD, HttpError, Message, Parser, chunk, head
from synthkit.testing.loopback.limits import duration


def parsed(pieces: list[bytes]) -> list[Message]:
    parser, messages = Parser(), []
    for piece in pieces:
        parser.feed(piece)
        while (message := parser.next()) is not None:
            messages.append(message)
    return messages


@st.composite
def split_requests(draw: st.DrawFn) -> tuple[list[bytes], list[bytes]]:
    """Bodies, and the bytes that carry them, cut anywhere."""
    bodies = draw(st.lists(st.binary(max_size=60), min_size=1, max_size=4))
    stream = b""
    for body in bodies:
        if draw(st.booleans()):
            stream += b"POST /p?q=1 HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(body) + body
        else:
            middle = draw(st.integers(0, len(body)))
            parts = b"".join(chunk(part) for part in (body[:middle], body[middle:]) if part)
            stream += b"POST /p HTTP/1.1\r\nhost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + parts
            stream += draw(st.sampled_from([b"0\r\n\r\n", b"0;x=y\r\ntrailer: 1\r\n\r\n"]))
    cuts = sorted(draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    return bodies, [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]


@settings(deadline=None)
@given(split_requests())
def test_requests_are_the_same_wherever_they_are_split(given_requests: tuple[list[bytes], list[bytes]]) -> None:
    bodies, pieces = given_requests
    messages = parsed(pieces)
    assert [message.body for message in messages] == bodies
    assert {message.path for message in messages} == {"/p"}


@settings(deadline=None)
@given(st.lists(st.binary(max_size=40), max_size=6), st.sampled_from([b"", b"POST / HTTP/1.1\r\nhost: x\r\n"]))
@example([b"transfer-encoding: chunked\r\n\r\nfffffffffffffff\r\n"], b"POST / HTTP/1.1\r\nhost: x\r\n")
def test_any_bytes_are_a_request_an_error_or_unfinished(pieces: list[bytes], start: bytes) -> None:
    try:
        messages = parsed([start, *pieces])
    except HttpError as error:
        assert error.status in (400, 413, 431, 505)
    else:
        assert all(message.method.isupper() for message in messages)


BAD_HTTP = [
    (b"hello\r\n\r\n", 400),
    (b"\x16\x03\x01\x02\x00\x01\x00", 400),  # the first bytes of TLS
    (b"POST /v1/chat/completions\r\n\r\n", 400),
    (b"GET /v1/models HTTP/2.0\r\nhost: x\r\n\r\n", 505),
    (b"GET /v1/models HTTP/1.1\r\n\r\n", 400),
    (b"GET /v1/models HTTP/1.1\r\nhost: x\r\nno colon\r\n\r\n", 400),
    (b"GET /v1/models HTTP/1.1\r\nhost: x\r\nbad name: 1\r\n\r\n", 400),
    (b"GET /v1/models HTTP/1.1\r\nhost: x\r\na: b\r\n folded\r\n\r\n", 400),
    (b"GET /v1/models HTTP/1.1\r\nhost: x\r\na: nul\0\r\n\r\n", 400),
    (b"POST /v1/x HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n", 400),
    (b"POST /v1/x HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n", 400),
    (b"POST /v1/x HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n", 400),
    (b"POST /v1/x HTTP/1.1\r\nhost: x\r\ntransfer-encoding: gzip\r\n\r\n", 400),
    (b"POST /v1/x HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n", 400),
    (b"POST /v1/x HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n1\r\nab\r\n", 400),
    (b"POST /v1/x HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n" + b"1" * 5000, 400),
    (b"POST /v1/x HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nfffffffff\r\n", 413),
    (b"POST /v1/x HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999\r\n\r\n", 413),
    (b"POST /v1/x HTTP/1.1\r\nhost: x\r\ncontent-length: " + b"9" * 5000 + b"\r\n\r\n", 413),
    (b"GET /v1/models HTTP/1.1\r\nhost: x\r\nbig: " + b"x" * MAX_HEAD + b"\r\n\r\n", 431),
    (b"GET /v1/models HTTP/1.1\r\nhost: x\r\nbig: " + b"x" * 10 * MAX_HEAD, 431),
    (b"GET /v1/models HTTP/1.1\r\nhost: x\r\n" + b"".join(b"h%d: 1\r\n" % n for n in range(300)) + b"\r\n", 431),
]


@pytest.fixture(scope="module")
def shared() -> Iterator[LoopbackServer]:
    with LoopbackServer() as server:
        yield server


@pytest.mark.parametrize(("data", "status"), BAD_HTTP, ids=range(len(BAD_HTTP)))
def test_bad_http_is_refused_and_hung_up_on(shared: LoopbackServer, data: bytes, status: int) -> None:
    with plugged(shared) as plug:
        plug.sendall(data)
        got, headers, body = receive(plug)
        assert plug.recv(1) == b""
    assert (got, headers["connection"]) == (status, "close")
    assert json.loads(body)["error"]["message"].endswith(".")
    assert exchange(shared, http())[0] == 200


def test_half_requests_hold_nobody_up() -> None:
    with LoopbackServer() as server:
        half = http()[:-5]
        plugs = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(100)]
        for number, plug in enumerate(plugs):
            plug.sendall(half[: number % len(half)])
        assert exchange(server, http())[0] == 200
        for plug in plugs:
            plug.close()
        assert exchange(server, http())[0] == 200
        assert server.count == 2


def test_a_request_that_never_ends_is_told_so() -> None:
    with LoopbackServer(patience=0.05) as server, plugged(server) as plug:
        plug.sendall(http()[:-5])
        status, _, body = receive(plug)
        assert plug.recv(1) == b""
    assert status == 408 and b"not whole after 0.05 seconds" in body
    assert server.count == 0


def test_a_connection_serves_many_requests_in_order() -> None:
    with LoopbackServer(lambda request: Reply(text=request.prompt, delay=0.02 - request.number / 200)) as server:
        with plugged(server) as plug:
            plug.sendall(b"\r\n".join(http(text=f"n{number}") for number in range(4)))  # all at once
            texts = []
            with plug.makefile("rb") as file:
                for _ in range(4):
                    length = 0
                    while (line := file.readline()) != b"\r\n":
                        if line.startswith(b"content-length"):
                            length = int(line.split(b":")[1])
                    texts.append(json.loads(file.read(length))["choices"][0]["message"]["content"])
        assert texts == ["n0", "n1", "n2", "n3"]
        assert server.most_in_flight == 1


def test_a_flood_behind_a_slow_answer_is_held_back() -> None:
    big = http(text="x" * 300_000)
    with LoopbackServer(lambda request: Reply(text="ok", delay=0.01)) as server, plugged(server) as plug:
        plug.sendall(big * 12)
        statuses = 0
        with plug.makefile("rb") as file:
            while statuses < 12:
                statuses += b"HTTP/1.1 200 OK" in file.readline()  # the line begins with the body before
        assert server.count == 12


@pytest.mark.parametrize(
    ("version", "connection", "stays"),
    [("1.1", "", True), ("1.1", "close", False), ("1.0", "", False), ("1.0", "keep-alive", True)],
)
def test_a_connection_stays_as_the_client_wishes(version: str, connection: str, stays: bool) -> None:
    line = f"connection: {connection}\r\n" if connection else ""
    data = http(head=line).replace(b"HTTP/1.1", f"HTTP/{version}".encode())
    with LoopbackServer() as server, plugged(server) as plug:
        plug.sendall(data)
        _, headers, _ = receive(plug)
        assert (headers.get("connection") == "close") is not stays
        if stays:
            plug.sendall(data)
            assert receive(plug)[0] == 200
        else:
            assert plug.recv(1) == b""


def test_a_body_may_come_in_chunks_and_after_a_question() -> None:
    body = http().partition(b"\r\n\r\n")[2]
    start = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n"
    with LoopbackServer() as server, plugged(server) as plug:
        plug.sendall(start + b"transfer-encoding: chunked\r\n\r\n" + chunk(body[:9]) + chunk(body[9:]) + chunk(b""))
        assert receive(plug)[0] == 200
        for _ in range(2):
            plug.sendall(start + b"expect: 100-continue\r\ncontent-length: %d\r\n\r\n" % len(body))
            assert plug.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
            plug.sendall(body)
            assert receive(plug)[0] == 200
        assert server.stats()["unique"] == 1


def test_a_client_that_leaves_in_the_middle_of_a_reply_harms_nobody() -> None:
    with LoopbackServer(lambda request: "x" * 20_000_000) as server:
        with plugged(server) as plug:
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            plug.sendall(http(text="big"))
            assert plug.recv(10)
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        until(lambda: server.left == 1)
        assert (server.answered, server.in_flight) == (0, 0)
        status, _, body = exchange(server, http(text="big"))
        assert (status, len(json.loads(body)["choices"][0]["message"]["content"])) == (200, 20_000_000)
        until(lambda: server.answered == 1)
        assert server.asked_again == 0


def test_a_header_cannot_forge_another() -> None:
    with pytest.raises(ValueError, match="line break"):
        head(200, [("x", "a\r\nset-cookie: b")])
    assert head(529, [("x", "y")]).startswith(b"HTTP/1.1 529 Site Is Overloaded\r\ndate: ")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0ms"), (0.012, "12ms"), (0.0121, "13ms"), (1, "1s"), (1.5, "1.5s"), (60, "1m0s"), (360, "6m0s"),
        (3723, "1h2m3s"),
    ],
)  # fmt: skip
def test_durations_are_written_as_the_service_writes_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text
