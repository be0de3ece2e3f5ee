"""The two ways to a service, beneath the SDK and through it: they end in the same errors, and answers."""

import asyncio
import gzip
import json
import os
import socket
from collections.abc import Mapping
from typing import Any

import pytest
from openai_kit import http, wire
from ways_kit import KEY, PROVIDERS, WAYS, asked, called

from synthkit import errors
from synthkit.core import Endpoint
from synthkit.errors import CallError
from synthkit.providers import _transport
from synthkit.providers.openai import OpenAI
from synthkit.testing import ApiError, LoopbackServer, Reply


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("OPENAI_", "ANTHROPIC_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


def ended(api: str, way: str, reply: Reply, text: str = "Say hello.", **options: Any) -> str:
    """What a call ends with at a server that answers so, as text, the port left out."""

    async def go(url: str) -> str | CallError:
        settings = {**WAYS[way], **options.get("settings", {})}
        return await called(
            PROVIDERS[api](Endpoint(url, KEY, options.get("timeout", 20.0), settings)), asked(api, text), way
        )

    with LoopbackServer(lambda got: reply) as server:
        end = asyncio.run(go(server.url))
        return described(end).replace(f":{server.port}", "")


def described(end: str | CallError) -> str:
    if isinstance(end, str):
        return f"answer {end}"
    cause = type(end.__cause__).__name__ if isinstance(end, errors.BadKey) else ""
    return f"{type(end).__name__} {end} {getattr(end, 'retry_after', '')} {end.free} {cause}"


STATUSES = (*range(300, 309), *range(400, 432), 451, 499, 500, 501, 502, 503, 504, 520, 529, 599)
CODES = (
    "bad_request",
    "context_length_exceeded",
    "content_filter",
    "invalid_api_key",
    "forbidden",
    "model_not_found",
    "rate_limit_exceeded",
    "insufficient_quota",
    "server_error",
    "service_unavailable",
    "overloaded",
)
ZIPPED = {"content-encoding": "gzip"}
DATES = {"retry-after": "Sat, 21 Nov 2026 00:00:30 GMT"}
LATIN = {"content-type": "application/json; charset=latin-1"}
BROKEN: Mapping[str, Reply] = {
    "html": Reply(status=502, html="<html>Bad gateway</html>"),
    "page": Reply(html="<html>Hello</html>"),
    "reset": Reply(reset=True),
    "early": Reply(text="Hello.", close_early=True),
    "cut": Reply(text="Hello.", cut=0.5),
    "latin": Reply(raw=b'{"x":"\xfc"}'),
    "empty": Reply(raw=b""),
    "no content": Reply(status=204, raw=b""),
    "mark": Reply(raw=b'\xef\xbb\xbf{"error": 1}'),
    "array": Reply(status=400, raw=b"[1]"),
    "null": Reply(status=400, raw=b"null"),
    "number": Reply(status=500, raw=b"7"),
    "text": Reply(status=400, raw=b"  plain words  "),
    "marked error": Reply(status=400, raw=b'\xef\xbb\xbf{"error": {"message": "m"}}'),
    "error text": Reply(status=400, raw=b'{"error": "words", "detail": "d"}'),
    "detail": Reply(status=422, raw=b'{"detail": [{"loc": ["body"]}]}'),
    "errors in errors": Reply(status=400, raw=b'{"error": {"message": "m", "error": {"code": "insufficient_quota"}}}'),
    "deep": Reply(status=400, raw=b"[" * 100_000),
    "charset": Reply(status=400, raw=b'{"message": "f\xfcr"}', headers=LATIN),
    "no charset": Reply(status=400, raw=b'{"message": "f\xfcr"}', headers={"content-type": "a/b; charset=none"}),
    "bytes": Reply(status=400, raw=b"\xff\xfe\x00"),
    "gzip": Reply(raw=gzip.compress(b'{"a": 1}'), headers=ZIPPED),
    "gzip error": Reply(status=429, raw=gzip.compress(b'{"error": {"message": "m"}}'), headers=ZIPPED),
    "odd encoding": Reply(raw=b'{"a": 1}', headers={"content-encoding": "odd"}),
    "no gzip": Reply(raw=b"no gzip", headers=ZIPPED),
    "half gzip": Reply(raw=gzip.compress(os.urandom(5000))[:2000], headers=ZIPPED),
    "two gzips": Reply(raw=gzip.compress(gzip.compress(b"{}")), headers={"content-encoding": "gzip, gzip"}),
    "moved": Reply(status=307, raw=b"", headers={"location": "http://example.com/v1"}),
    "wait": Reply(error="rate_limit_exceeded", retry_after=2.5),
    "later": Reply(status=503, raw=b"", headers=DATES),
    "echo": Reply(error=ApiError(401, f"Incorrect key: {KEY}", code="invalid_api_key")),
    "option": Reply(error=ApiError(400, "no", code="unsupported_parameter", param="max_tokens")),
    "in 200": Reply(raw=b'{"error": {"code": 502, "message": "m"}}'),
    "type in 200": Reply(raw=b'{"type": "error", "error": {"type": "overloaded_error", "message": "m"}}'),
}


@pytest.mark.parametrize("api", PROVIDERS)
def test_both_ways_end_in_the_same_error_for_a_status(api: str) -> None:
    body = b'{"error": {"message": "Words", "type": "x"}}'
    for status in STATUSES:
        ends = {ended(api, way, Reply(status=status, raw=body)) for way in WAYS}
        assert len(ends) == 1, ends
        assert not ends.pop().startswith("answer")


@pytest.mark.parametrize("api", PROVIDERS)
def test_both_ways_end_in_the_same_error_for_a_code(api: str) -> None:
    for code in CODES:
        ends = {ended(api, way, Reply(error=code)) for way in WAYS}
        assert len(ends) == 1, ends
        assert not ends.pop().startswith("answer")


@pytest.mark.parametrize("case", BROKEN)
@pytest.mark.parametrize("api", ["openai", "anthropic"])
def test_both_ways_end_alike(api: str, case: str) -> None:
    ends = {ended(api, way, BROKEN[case]) for way in WAYS}
    assert len(ends) == 1, ends


@pytest.mark.parametrize("api", ["openai", "anthropic"])
def test_both_ways_bound_what_they_read(api: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_transport, "LARGEST", 5000)
    large = json.dumps({"a": "x" * 5000}).encode()
    replies = [
        Reply(raw=large),
        Reply(status=500, raw=large),
        Reply(raw=gzip.compress(large), headers=ZIPPED),
    ]
    for reply in replies:
        ends = {ended(api, way, reply) for way in WAYS}
        assert len(ends) == 1, ends
        assert ends.pop().startswith("BrokenBody 127.0.0.1 answered with more than 64 MB")


@pytest.mark.parametrize("api", ["openai", "anthropic"])
def test_both_ways_bound_a_body_without_a_length(api: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_transport, "LARGEST", 5000)

    async def go(way: str, size: int) -> str:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
            writer.write(b"".join(b"a\r\n0123456789\r\n" for _ in range(size // 10)) + b"0\r\n\r\n")
            await writer.drain()

        async with wire(serve) as url:
            return described(await called(PROVIDERS[api](Endpoint(url, KEY, 20.0, WAYS[way])), asked(api), way))

    for way in WAYS:
        assert asyncio.run(go(way, 5000)) == "answer " + "0123456789" * 500
        assert "more than 64 MB" in asyncio.run(go(way, 5010))


@pytest.mark.parametrize("api", ["openai", "anthropic"])
def test_both_ways_end_alike_where_no_answer_comes(api: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as plug:
        closed = plug.getsockname()[1]
    places = [f"http://127.0.0.1:{closed}/v1", f"http://localhost:{closed}/v1", f"https://127.0.0.1:{closed}/v1"]

    async def go(way: str, url: str) -> str:
        return described(await called(PROVIDERS[api](Endpoint(url, KEY, 20.0, WAYS[way])), asked(api), way))

    for url in [*places, "http://nobody.invalid/v1"]:
        ends = {asyncio.run(go(way, url)) for way in WAYS}
        assert len(ends) == 1, ends
        assert ends.pop().startswith("ConnectionLost ")
    for way in WAYS:
        assert "gave no whole answer within 0.3 s" in ended(api, way, Reply(text="late", hang=30), timeout=0.3)


def test_what_is_no_tls_ends_alike_and_was_free() -> None:
    async def go(way: str) -> str:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(100)
            writer.write(http(b""))
            await writer.drain()

        async with wire(serve) as url:
            end = await called(
                OpenAI(Endpoint(url.replace("http:", "https:"), KEY, 20.0, WAYS[way])), asked("openai"), way
            )
            assert isinstance(end, errors.ConnectionLost) and end.free
            return str(end).partition(" ")[2]

    assert {asyncio.run(go(way)) for way in WAYS} == {
        "cannot be reached over TLS: check its certificate, and http or https in base_url"
    }
