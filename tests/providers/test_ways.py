"""The two ways to a service, beneath the SDK and through it: they send the same bytes."""

import asyncio
import os
import platform
from collections.abc import Mapping
from typing import Any

import anthropic._base_client
import openai._base_client
import pytest
from anthropic_kit import MODEL
from openai_kit import TOOL, http, wire
from ways_kit import KEY, PROVIDERS, WAYS, asked, called

from synthkit import errors
from synthkit.core import Endpoint, Request
from synthkit.providers import _headers
from synthkit.providers._wire import written
from synthkit.providers.openai import OpenAI

SCHEMA = {
    "type": "object",
    "properties": {"naïve": {"type": "string", "description": "«x» \u2028"}},
    "required": ["naïve"],
    "additionalProperties": False,
}


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("OPENAI_", "ANTHROPIC_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


def sent(api: str, request: Request, way: str, query: str = "", **settings: Any) -> tuple[str, dict[str, str], bytes]:
    """What goes out: the first line, the headers in small letters, the body."""
    came: list[tuple[str, dict[str, str], bytes]] = []

    async def go() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").strip().split("\r\n")
            pairs = [line.split(": ", 1) for line in lines]
            headers = {name.lower(): value for name, value in pairs}
            assert len(headers) == len(pairs)
            headers["host"] = headers["host"].partition(":")[0]  # each server has a port of its own
            came.append((first, headers, await reader.readexactly(int(headers["content-length"]))))
            writer.write(http(b"{}"))
            await writer.drain()

        async with wire(serve) as url:
            made = PROVIDERS[api](Endpoint(url + query, KEY, 20.0, {**WAYS[way], **settings}))
            answer = await called(made, request, way)
            assert answer == "{}"

    asyncio.run(go())
    return came[0]


BODIES: Mapping[str, Mapping[str, Any]] = {
    "plain": {},
    "unicode": {"content": 'Grüße, 世界 😀 \u2028 \x7f \x00 "\\/ </script>'},
    "tools": {"tools": [TOOL], "tool_choice": "required" if MODEL != "claude-opus-5-5" else "auto"},
    "schema": {"schema": SCHEMA},
    "images": {
        "content": [
            {"type": "text", "text": "What is this?"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}},
        ]
    },
    "numbers": {"options": {"max_tokens": 100, "extra": {"metadata": {"a": 1e22, "b": 0.1, "c": None, "d": [True]}}}},
}


@pytest.mark.parametrize("case", BODIES)
@pytest.mark.parametrize("api", PROVIDERS)
def test_both_ways_send_the_same_bytes(api: str, case: str) -> None:
    request = asked(api, **BODIES[case])
    assert sent(api, request, "Wire") == sent(api, request, "_Sdk")


HEADERS: Mapping[str, str] = {
    "more": "X-Team: red\nx-other:  two words ",
    "agent": "User-Agent: mine/1\nX-Stainless-Lang: other",
    "small": "authorization: Bearer other\nopenai-project: p2\nanthropic-version: 2023-06-01",
    "large": "Authorization: Bearer other\nOpenAI-Project: p2\nOpenAI-Organization: o2\nx-api-key: k",
    "count": "x-stainless-retry-count: 7\nX-Stainless-Async: no",
    "rubbish": "no colon\nX-Team: red:blue\n\nX-Team : green",
}


@pytest.mark.parametrize("case", HEADERS)
@pytest.mark.parametrize("api", PROVIDERS)
def test_both_ways_send_the_headers_of_the_environment(api: str, case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", HEADERS[case])
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", HEADERS[case])
    assert sent(api, asked(api), "Wire") == sent(api, asked(api), "_Sdk")


@pytest.mark.parametrize(
    ("api", "variables", "settings"),
    [
        ("openai", {"OPENAI_ORG_ID": "org-1", "OPENAI_PROJECT_ID": "proj_1"}, {}),
        ("openai", {"OPENAI_ORG_ID": "org-1"}, {"organization": "org-2", "project": "proj_2"}),
        ("openai-responses", {"OPENAI_CUSTOM_HEADERS": "OpenAI-Project: p3"}, {"project": "proj_2"}),
        ("anthropic", {}, {"version": "2023-06-01"}),
        ("anthropic", {"ANTHROPIC_CUSTOM_HEADERS": "anthropic-version: 1\nX-Api-Key: k"}, {"version": "2023-06-01"}),
        ("anthropic", {}, {"version": "2026-10-21", "cache": False}),
        ("anthropic", {"ANTHROPIC_AUTH_TOKEN": "t", "ANTHROPIC_API_KEY": "k", "OPENAI_API_KEY": "k"}, {}),
    ],
)
def test_both_ways_mind_settings_and_the_environment(
    api: str, variables: Mapping[str, str], settings: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert sent(api, asked(api), "Wire", **settings) == sent(api, asked(api), "_Sdk", **settings)


@pytest.mark.parametrize("query", ["?api-version=2024-10-21", "?a=1&b=x_y.z~-&a=2", "?a=&b=1", "?"])
@pytest.mark.parametrize("api", PROVIDERS)
def test_both_ways_send_the_same_query(api: str, query: str) -> None:
    assert sent(api, asked(api), "Wire", query) == sent(api, asked(api), "_Sdk", query)


@pytest.mark.parametrize(
    ("settings", "variables"),
    [
        ({"base_url": "http://127.0.0.1:1/v1?a=b c"}, {}),
        ({"base_url": "http://user:word@127.0.0.1:1/v1"}, {}),
        ({"base_url": "http://127.0.0.1:1/a/../v1"}, {}),
        ({"base_url": "http://127.0.0.1:1/ü/v1"}, {}),
        ({}, {"http_proxy": "http://127.0.0.1:1"}),
        ({}, {"ALL_PROXY": "http://127.0.0.1:1"}),
        ({}, {"OPENAI_CUSTOM_HEADERS": "Host: other"}),
        ({}, {"OPENAI_CUSTOM_HEADERS": "Content-Type: multipart/form-data"}),
        ({}, {"OPENAI_CUSTOM_HEADERS": "X-Name: Jürgen"}),
        ({"key": "sk-ü"}, {}),
    ],
    ids=str,
)
def test_what_the_sdk_may_send_otherwise_it_sends_itself(
    settings: Mapping[str, str], variables: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    made = OpenAI(Endpoint(**{"base_url": "http://127.0.0.1:1/v1", "key": KEY, **settings}))  # type: ignore[arg-type]
    address = _headers.address(made.endpoint.base_url or "")
    assert address is None or made._client.headers() is None


@pytest.mark.parametrize("spared", ["127.0.0.1", "a.example, 127.0.0.1 ,b", "*"])
def test_a_host_that_no_proxy_stands_before_is_called_directly(spared: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", spared)
    assert sent("openai", asked("openai"), "Wire") == sent("openai", asked("openai"), "_Sdk")


def test_a_proxy_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    came: list[str] = []

    async def go() -> str | errors.CallError:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            came.append((await reader.readuntil(b"\r\n")).decode().strip())
            await reader.readuntil(b"\r\n\r\n")
            writer.write(http(b"{}"))
            await writer.drain()

        async with wire(serve) as url:
            monkeypatch.setenv("http_proxy", url.removesuffix("/v1"))
            monkeypatch.setenv("no_proxy", "127.0.0.1,where.example")
            return await called(OpenAI(Endpoint("http://nowhere.example/v1", KEY)), asked("openai"), "_Sdk")

    assert asyncio.run(go()) == "{}"
    assert came == ["POST http://nowhere.example/v1/chat/completions HTTP/1.1"]


@pytest.mark.parametrize("system", ["Linux", "Darwin", "Windows", "FreeBSD", "Plan9", ""])
@pytest.mark.parametrize("machine", ["x86_64", "AMD64", "aarch64", "arm64", "arm", "riscv64", ""])
def test_the_sdks_describe_a_machine_alike(system: str, machine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    made = _headers.sdk.__wrapped__("openai", "AsyncOpenAI")
    if not machine or system not in ("Linux", "Darwin", "Windows"):
        assert made is None  # the SDK says it itself
        return
    for sdk in (openai._base_client, anthropic._base_client):
        headers = sdk.platform_headers.__wrapped__(openai.__version__, platform=None)
        assert made is not None and headers.items() <= made.items()


def test_bodies_are_written_as_the_sdks_do_it() -> None:
    from datetime import UTC, date, datetime
    from types import MappingProxyType

    from anthropic._utils._json import openapi_dumps as theirs
    from openai._utils._json import openapi_dumps as also_theirs

    plain = {"a": 'é\u2028\x00\x7f/\\"', "b": [1, 1.5, 1e300, -0.0, True, None], "c": {"1": (1, 2)}, "d": ""}
    times = {"d": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)}
    assert written(plain) == theirs(plain) == also_theirs(plain)
    assert written(times) == theirs(times) == also_theirs(times)
    odd = {"e": date(2026, 1, 2), "m": MappingProxyType({"x": [1]}), "r": range(3)}
    assert written(odd) == theirs(odd)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), b"x", {1}], ids=str)
@pytest.mark.parametrize("way", WAYS)
def test_a_body_that_is_no_json_is_a_bad_request(way: str, value: object) -> None:
    request = asked("openai", options={"extra": {"x": value}})
    made = OpenAI(Endpoint("http://127.0.0.1:1/v1", KEY, 5.0, WAYS[way]))
    with pytest.raises(errors.BadRequest, match="the request is no JSON"):
        asyncio.run(made.call(request, "0"))


@pytest.mark.parametrize(
    "head", [f"X-Passed-On: {'y' * 8300}\r\n", "".join(f"X-{n}: y\r\n" for n in range(130))], ids=["long", "many"]
)
def test_headers_that_a_gateway_passes_on_cost_no_answer(head: str) -> None:
    async def go() -> str:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(f"HTTP/1.1 200 OK\r\n{head}Content-Length: 2\r\n\r\n{{}}".encode())
            await writer.drain()

        async with wire(serve) as url:
            made = PROVIDERS["openai"](Endpoint(url, KEY, 20.0, {}))
            return await called(made, Request("openai", "m", [{"role": "user", "content": "Hi"}]), "Wire")

    assert asyncio.run(go()) == "{}"
