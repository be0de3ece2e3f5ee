"""What a line to a service is made of: settings, clients of the SDK, what is imported, what an attempt surely cost."""

import asyncio
import errno
import json
import os
import socket
import ssl
import subprocess
import sys
import types
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import anthropic_kit
import httpx2
import openai
import pytest
from aiohttp.client_reqrep import ConnectionKey
from openai_kit import HELLO, KEY, ask, error_of, fetched, read_request, request, wire
from openai_kit import http as reply

from synthkit import errors
from synthkit.core import Endpoint
from synthkit.providers._errors import unconnected
from synthkit.providers.openai import OpenAI
from synthkit.providers.openai_errors import place
from synthkit.testing import LoopbackServer, Reply

PLACE = place(Endpoint("http://127.0.0.1:1/v1", KEY, 5.0))
# For 127.0.0.1 and localhost alone, and of no use elsewhere.
CERTIFICATE = """-----BEGIN CERTIFICATE-----
MIIBnDCCAUGgAwIBAgIUZzWLpzBoMuApiv4eipEJKnQkOtcwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMTA2MzAyOVoYDzIxMjYxMDI4
MDYzMDI5WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAASaSqlKf/v/uiiw827CH4IFQtP2Z3uZVYjNt2ECFh7GEM4g0B8iPr9N
Z0ng5mGTs4H7tRj1sPNrDpK/aiBvk9Ngo28wbTAdBgNVHQ4EFgQUzbhq9w7PL7ME
kbfT2/K2sIV4wGYwHwYDVR0jBBgwFoAUzbhq9w7PL7MEkbfT2/K2sIV4wGYwDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDSQAwRgIhAMBAXtd5OP00utQC9uGN+mpKdRPICAxIFU9dVDH0yIE9AiEA
8LP4B4wq3UO8kueWpb1XcOm9ec9j+sBJICqowHz+Now=
-----END CERTIFICATE-----
"""
PRIVATE = """-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgyvofm3iqsxpDkIaC
pfbFLVu1UM4tLCWdfajBRFlg71GhRANCAASaSqlKf/v/uiiw827CH4IFQtP2Z3uZ
VYjNt2ECFh7GEM4g0B8iPr9NZ0ng5mGTs4H7tRj1sPNrDpK/aiBvk9Ng
-----END PRIVATE KEY-----
"""
ASKED = httpx2.Request("POST", "http://127.0.0.1:1/v1/chat/completions")


def connector(error: OSError) -> aiohttp.ClientConnectorError:
    key = ConnectionKey("h", 1, False, True, None, None, None)
    kind = aiohttp.ClientConnectorSSLError if isinstance(error, ssl.SSLError) else aiohttp.ClientConnectorError
    return kind(key, error)


def through_the_sdk(error: Exception, kind: type[Exception]) -> Exception:
    """An error as the SDK raises it for one from below."""
    raised = kind(request=ASKED)  # type: ignore[call-arg]
    raised.__cause__ = error
    return raised


@pytest.mark.parametrize(
    ("error", "free"),
    [
        (connector(ConnectionRefusedError(errno.ECONNREFUSED, "x")), True),
        (connector(socket.gaierror(socket.EAI_NONAME, "x")), True),
        (connector(ssl.SSLError(1, "x")), True),
        (connector(OSError(errno.EMFILE, "x")), True),
        (connector(OSError(errno.ENFILE, "x")), True),
        (connector(OSError(errno.EHOSTUNREACH, "x")), True),
        (connector(TimeoutError(errno.ETIMEDOUT, "x")), True),
        (httpx2.ConnectError("x"), True),
        (ssl.SSLError(1, "in the middle"), False),
        (aiohttp.ClientOSError(errno.ECONNRESET, "x"), False),
        (aiohttp.ServerDisconnectedError(), False),
        (aiohttp.ClientPayloadError("x"), False),
        (aiohttp.ServerTimeoutError("x"), False),
        (ConnectionResetError(errno.ECONNRESET, "x"), False),
        (BrokenPipeError(errno.EPIPE, "x"), False),
        (httpx2.DecodingError("x"), False),
    ],
    ids=repr,
)
def test_what_ended_before_anything_was_sent_was_free(error: Exception, free: bool) -> None:
    kinds = {type(unconnected(error, PLACE))}
    assert unconnected(error, PLACE).free is free
    for kind in (openai.APIConnectionError, openai.APITimeoutError):
        ours = unconnected(through_the_sdk(error, kind), PLACE, openai.APITimeoutError)
        assert ours.free is free
        kinds.add(type(ours))
    if free or isinstance(error, aiohttp.ClientError):
        assert len(kinds) == 1  # what lies below decides


@pytest.mark.parametrize(
    ("status", "free"), [(400, True), (429, True), (500, True), (502, False), (503, True), (504, False), (529, True)]
)
def test_a_gateway_that_lost_an_answer_may_have_cost_it(status: int, free: bool) -> None:
    with LoopbackServer(lambda got: Reply(status=status, raw=b"{}")) as server:
        assert error_of(server.url).free is free
        assert error_of(server.url, request(api="openai-responses")).free is free
        assert anthropic_kit.error_of(server.url).free is free


def test_a_port_that_is_closed_was_free_and_a_broken_connection_was_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as plug:
        closed = plug.getsockname()[1]
    assert error_of(f"http://127.0.0.1:{closed}/v1").free
    with LoopbackServer(lambda got: Reply(reset=True)) as server:
        assert not error_of(server.url).free


@pytest.mark.parametrize("api", ["openai", "openai_responses", "anthropic"])
def test_a_call_imports_no_sdk(api: str) -> None:
    kind = {"openai": "OpenAI", "openai_responses": "OpenAIResponses", "anthropic": "Anthropic"}[api]
    code = (
        "import asyncio, sys\n"
        "from synthkit.core import Endpoint, Request\n"
        "from synthkit.errors import CallError\n"
        f"from synthkit.providers.{api} import {kind}\n"
        "async def go():\n"
        f"    made = {kind}(Endpoint(sys.argv[1], 'k'))\n"
        "    asked = Request('x', 'claude-opus-5-5', [{'role': 'user', 'content': 'x'}], options={'max_tokens': 100})\n"
        "    print(len(await made.call(asked, '0')) > 10)\n"
        "    try:\n"
        "        await made.call(asked, '0')\n"
        "    except CallError as error:\n"
        "        print(type(error).__name__)\n"
        "    await made.close()\n"
        "asyncio.run(go())\n"
        "print(sorted({'openai', 'anthropic', 'httpx2'} & set(sys.modules)))\n"
    )
    with LoopbackServer(lambda got: Reply(error="rate_limit_exceeded") if server.count > 1 else "Hello.") as server:
        command = [sys.executable, "-c", code, server.url]
        clean = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=clean)
    assert done.stdout.split("\n")[:3] == ["True", "RateLimited", "[]"]


class Tokens(OpenAI):
    """A plugin's provider, whose service wants a new token for each request."""

    def connect(self) -> openai.AsyncOpenAI:
        self.made = getattr(self, "made", 0) + 1
        self.asked = 0

        async def token() -> str:
            self.asked += 1
            return f"token-{self.asked}"

        return openai.AsyncOpenAI(api_key=token, base_url=self.endpoint.base_url, timeout=30)


def test_a_client_of_a_plugins_own_makes_every_request_and_retries_none() -> None:
    made = Tokens(Endpoint("http://127.0.0.1:1/v1", "unused"))
    came: list[tuple[str, str]] = []

    async def go() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while True:
                try:
                    _, headers, body = await read_request(reader)
                except asyncio.IncompleteReadError:
                    return
                came.append((headers["authorization"], json.loads(body)["messages"][0]["content"]))
                writer.write(reply(b"{}", "500 X") if len(came) == 3 else reply(json.dumps(HELLO).encode()))
                await writer.drain()

        async with wire(serve) as url:
            made.endpoint = Endpoint(url, "unused")
            for number in range(2):
                assert made.parse(await made.call(request(f"{number}"), "0")).text == "Hello."
            with pytest.raises(errors.ServerError):
                await made.call(request("2"), "0")
            await made.close()

    asyncio.run(go())
    assert came == [("Bearer token-1", "0"), ("Bearer token-2", "1"), ("Bearer token-3", "2")]
    assert made.made == 1


class AzureError(Exception):
    """As azure-core has it."""


class ClientAuthenticationError(AzureError):
    """As azure-core has it."""


class Azure:
    """The package azure-identity, as far as it is used."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.closed = 0
        self.fails: Exception | None = None
        for name in ("azure", "azure.identity", "azure.identity.aio", "azure.core", "azure.core.exceptions"):
            module = types.ModuleType(name)
            module.__spec__ = types.SimpleNamespace(name=name)  # type: ignore[assignment]
            module.__path__ = []
            monkeypatch.setitem(sys.modules, name, module)
        sys.modules["azure.identity.aio"].__dict__.update(
            DefaultAzureCredential=lambda: self,
            get_bearer_token_provider=lambda credential, scope: self.provider(scope),
        )
        sys.modules["azure.core.exceptions"].__dict__.update(
            AzureError=AzureError, ClientAuthenticationError=ClientAuthenticationError
        )

    def provider(self, scope: str) -> Callable[[], Awaitable[str]]:
        async def token() -> str:
            if self.fails is not None:
                raise self.fails
            return f"token for {scope}"

        return token

    async def close(self) -> None:
        self.closed += 1


def test_an_identity_of_azure_gives_a_token_for_each_request(monkeypatch: pytest.MonkeyPatch) -> None:
    azure = Azure(monkeypatch)
    with LoopbackServer(lambda got: "Hello.", key="token for https://cognitiveservices.azure.com/.default") as server:
        assert ask(server.url, key=None, identity="azure").text == "Hello."
        azure.fails = ClientAuthenticationError("secret")
        error = error_of(server.url, key=None, identity="azure")
        assert type(error) is errors.BadKey and "run az login" in str(error) and "secret" not in str(error)
        assert error.__cause__ is None and error.__suppress_context__
        azure.fails = AzureError("no network")
        error = error_of(server.url, key=None, identity="azure")
        assert type(error) is errors.ConnectionLost and error.free
        assert server.count == 1
    assert azure.closed == 3


def test_an_identity_without_its_package_is_a_sentence() -> None:
    with pytest.raises(errors.ConfigError, match='identity = "azure" needs the package azure-identity: install it'):
        OpenAI(Endpoint(settings={"identity": "azure"}))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"identity": "google"}, "the setting 'identity' of the provider openai can be \"azure\" only"),
        ({"transport": "http"}, "the setting 'transport' of the provider openai can be \"sdk\" only"),
        ({"transport": True}, "the setting 'transport' of the provider openai must be a text"),
        ({"projet": "x"}, "the provider openai has no setting 'projet'"),
    ],
)
def test_settings_that_are_none(settings: Mapping[str, Any], said: str) -> None:
    with pytest.raises(errors.ConfigError, match=said):
        OpenAI(Endpoint(settings=settings))


@pytest.mark.parametrize("transport", [{}, {"transport": "sdk"}], ids=["wire", "sdk"])
def test_a_certificate_that_ssl_cert_file_names_is_trusted(
    transport: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "own.pem").write_text(CERTIFICATE)
    (tmp_path / "key.pem").write_text(PRIVATE)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "own.pem", tmp_path / "key.pem")

    async def go() -> str:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            writer.write(reply(json.dumps(HELLO).encode()))
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
        async with server:
            return await fetched(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", **transport)

    with pytest.raises(errors.ConnectionLost, match="cannot be reached over TLS: check its certificate") as caught:
        asyncio.run(go())
    assert caught.value.free
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "own.pem"))
    assert json.loads(asyncio.run(go())) == HELLO


@pytest.mark.parametrize("transport", [{}, {"transport": "sdk"}], ids=["wire", "sdk"])
def test_certificates_that_cannot_be_read_stop_the_run(
    transport: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "none.pem").write_text("no certificate")
    for name in ("none.pem", "missing.pem"):
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / name))
        error = error_of("https://127.0.0.1:1/v1", **transport)
        assert type(error) is errors.FatalError
        assert "the certificates to trust 127.0.0.1:1 by cannot be read" in str(error)
        assert "correct SSL_CERT_FILE" in str(error)
