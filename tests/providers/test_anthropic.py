"""The Anthropic provider on the wire: what goes out, what comes back, and how it is read."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any

import pytest
from anthropic_kit import KEY, MODEL, ask, error_of, fetched, provider, request
from openai_kit import http, read_request, wire

from synthkit import errors
from synthkit.core import Endpoint, Provider, Reply, Usage
from synthkit.core.answer import ToolCall
from synthkit.providers.anthropic import Anthropic
from synthkit.testing import LoopbackServer
from synthkit.testing import Reply as Sent

HELLO: Mapping[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": MODEL,
    "content": [{"type": "text", "text": "Hello."}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 8, "output_tokens": 2},
}


def read(**changes: Any) -> Reply:
    return Anthropic(Endpoint()).parse(json.dumps({**HELLO, **changes}))


# what goes out


def test_a_call_goes_out_as_the_service_wants_it() -> None:
    with LoopbackServer(lambda got: "Hello.", key=KEY) as server:
        reply = ask(server.url)
        (sent,), (headers,) = server.requests, server.headers
    assert (reply.text, reply.finish, reply.model) == ("Hello.", "stop", MODEL)
    assert sent.path == "/v1/messages"
    assert sent.body == {
        "model": MODEL,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Say hello."}]}],
        "max_tokens": 100,
        "thinking": {"type": "adaptive", "display": "summarized"},
    }
    assert headers["anthropic-version"] == "2026-10-21"
    assert "authorization" in headers and "x-api-key" not in headers


@pytest.mark.parametrize("ending", ["", "/", "/v1", "/v1/"])
def test_the_address_may_end_in_v1_or_not(ending: str) -> None:
    with LoopbackServer(lambda got: "Hello.") as server:
        assert ask(server.url.removesuffix("/v1") + ending).text == "Hello."


def test_a_path_and_a_query_in_the_address_are_kept() -> None:
    async def go() -> tuple[str, Mapping[str, str]]:
        lines: list[tuple[str, Mapping[str, str]]] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            first, headers, _ = await read_request(reader)
            lines.append((first, headers))
            writer.write(http(json.dumps(HELLO).encode(), content_type="application/json"))

        async with wire(serve) as url:
            await fetched(url.removesuffix("/v1") + "/anthropic?team=a")
        return lines[0]

    first, headers = asyncio.run(go())
    assert first == "POST /anthropic/v1/messages?team=a HTTP/1.1"
    assert headers["authorization"] == f"Bearer {KEY}"


def test_the_old_version_of_the_api_takes_its_header_and_its_options() -> None:
    asked = request(model="claude-sonnet-4-6", options={"max_tokens": 9, "temperature": 0.5, "top_k": 5})
    with LoopbackServer(lambda got: "Hello.", key=KEY) as server:
        assert ask(server.url, asked, version="2023-06-01").text == "Hello."
        assert server.headers[0]["anthropic-version"] == "2023-06-01"
        assert "x-api-key" in server.headers[0]
        assert server.requests[0].body["temperature"] == 0.5
        refused = error_of(server.url, asked)
    assert isinstance(refused, errors.OptionRefused) and refused.option == "temperature"
    assert "temperature: Extra inputs are not permitted" in str(refused)


def test_without_a_key_no_credentials_are_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-from-the-environment")
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "a-token-from-the-environment")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:1")
    seen: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, headers, _ = await read_request(reader)
        seen.append(headers["authorization"])
        writer.write(http(json.dumps(HELLO).encode(), content_type="application/json"))

    async def go() -> None:
        async with wire(serve) as url:
            await fetched(url, key=None)

    asyncio.run(go())
    assert seen == ["Bearer none"]


def test_settings_that_are_none_are_refused() -> None:
    with pytest.raises(errors.ConfigError, match=r"the provider anthropic has no setting 'verison'.*'version'"):
        Anthropic(Endpoint(settings={"verison": "2023-06-01"}))
    with pytest.raises(errors.ConfigError, match="the setting 'version' of the provider anthropic must be a text"):
        Anthropic(Endpoint(settings={"version": 2023}))
    with pytest.raises(errors.ConfigError, match="the setting 'cache' of the provider anthropic must be true or false"):
        Anthropic(Endpoint(settings={"cache": "no"}))


def test_a_redirect_is_never_followed() -> None:
    with LoopbackServer(lambda got: "Hello.") as goal:
        away = Sent(raw=b"", status=307, headers={"location": f"{goal.url}/messages"})
        with LoopbackServer(lambda got: away) as server:
            error = error_of(server.url)
        assert goal.count == 0
    assert type(error) is errors.NoSuchModel
    assert f"redirects to 127.0.0.1:{goal.port} (307), which is never followed" in str(error)


def test_the_deadline_counts_for_the_whole_answer() -> None:
    with LoopbackServer(lambda got: Sent(text="Hello.", delay=30.0)) as server:
        began = time.monotonic()
        error = error_of(server.url, timeout=0.2)
    assert type(error) is errors.CallTimeout
    assert "gave no whole answer within 0.2 s" in str(error)
    assert time.monotonic() - began < 15


def test_many_calls_go_out_at_once() -> None:
    async def go(server: LoopbackServer) -> None:
        async with provider(server.url, timeout=120.0) as made:
            calls = [asyncio.create_task(made.call(request(str(n)), "0")) for n in range(300)]
            await asyncio.to_thread(server.wait, 300, seconds=60.0)
            assert server.most_in_flight == 300
            for call in calls:
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)

    with LoopbackServer(lambda got: Sent(text=got.prompt, delay=100.0)) as server:
        asyncio.run(go(server))


def test_another_loop_gets_a_client_of_its_own() -> None:
    with LoopbackServer(lambda got: "Hello.") as server:
        made = Anthropic(Endpoint(server.url, KEY))
        first, second = asyncio.new_event_loop(), asyncio.new_event_loop()
        for loop in (first, second, second):
            assert made.parse(loop.run_until_complete(made.call(request(), "0"))).text == "Hello."
        second.run_until_complete(made.close())
        for loop in (first, second):
            loop.run_until_complete(asyncio.sleep(0))
            loop.close()


def test_nothing_heavy_is_imported_before_the_first_call() -> None:
    code = (
        "import sys; from synthkit.core import Endpoint; from synthkit.providers.anthropic import Anthropic\n"
        "made = Anthropic(Endpoint()); made.takes('claude-opus-5-5')\n"
        'made.parse(\'{"content": [], "stop_reason": "end_turn"}\')\n'
        "assert not {'anthropic', 'httpx2', 'aiohttp'} & {*sys.modules}"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=60)


def test_it_is_a_provider_by_name() -> None:
    from synthkit.plugins import registry

    assert registry().provider("anthropic") is Anthropic
    assert issubclass(Anthropic, Provider)


# what comes back


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "context"),
        ("tool_use", "tool_calls"),
        ("pause_turn", "pause"),
        ("a_new_one", "other"),
        (None, "other"),
        (7, "other"),
    ],
)
def test_why_an_answer_ended(reason: object, finish: str) -> None:
    assert read(stop_reason=reason).finish == finish


def test_every_stop_reason_of_the_sdk_has_a_name_here() -> None:
    from typing import get_args

    from anthropic.types import StopReason

    assert all(read(stop_reason=reason).finish != "other" for reason in get_args(StopReason))


def test_thoughts_stay_apart_from_the_answer() -> None:
    reply = read(
        content=[
            {"type": "thinking", "thinking": "First this.", "signature": "x"},
            {"type": "redacted_thinking", "data": "opaque"},
            {"type": "thinking", "thinking": "", "signature": "y"},
            {"type": "thinking", "thinking": "Then that.", "signature": "z"},
            {"type": "text", "text": "Hel"},
            {"type": "text", "text": "lo."},
        ],
        usage={"input_tokens": 1, "output_tokens": 50, "output_tokens_details": {"thinking_tokens": 40}},
    )
    assert (reply.text, reply.reasoning) == ("Hello.", "First this.\n\nThen that.")
    assert reply.usage == Usage(1, 50, reasoning=40)


def test_thoughts_come_over_the_wire() -> None:
    with LoopbackServer(lambda got: Sent(text="Four.", reasoning="Two and two.")) as server:
        reply = ask(server.url)
    assert (reply.text, reply.reasoning, reply.usage.reasoning) == ("Four.", "Two and two.", 3)


def test_calls_of_tools_come_with_their_arguments_as_json_text() -> None:
    reply = read(
        content=[
            {"type": "text", "text": "Let me see."},
            {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Köln"}},
            {"type": "tool_use", "id": "toolu_2", "name": "now", "input": {}},
        ],
        stop_reason="tool_use",
    )
    assert reply.text == "Let me see." and reply.finish == "tool_calls"
    assert reply.tool_calls == [ToolCall("toolu_1", "weather", '{"city": "Köln"}'), ToolCall("toolu_2", "now", "{}")]


def test_a_refusal_says_why() -> None:
    told = {"type": "refusal", "category": "bio", "explanation": "It asks for dangerous methods."}
    assert read(stop_reason="refusal", stop_details=told, content=[]).refusal == "It asks for dangerous methods."
    assert read(stop_reason="refusal", stop_details={**told, "explanation": None}, content=[]).refusal == (
        "the service declined to answer (bio)"
    )
    assert read(stop_reason="refusal", content=[]).refusal == "the service declined to answer"
    assert read(stop_reason="refusal").refusal == "Hello."
    assert read().refusal == ""
    with LoopbackServer(lambda got: Sent(refusal="No.")) as server:
        reply = ask(server.url)
    assert (reply.refusal, reply.text) == ("No.", "")


@pytest.mark.parametrize(
    ("told", "usage"),
    [
        ({"input_tokens": 8, "output_tokens": 2}, Usage(8, 2)),
        (
            {
                "input_tokens": 5,
                "cache_creation_input_tokens": 100,
                "cache_read_input_tokens": 1000,
                "output_tokens": 2,
            },
            Usage(1105, 2, 1000, 0, 100),
        ),
        ({"input_tokens": None, "cache_read_input_tokens": "x", "output_tokens": -3}, Usage()),
        ({"input_tokens": 10**12, "output_tokens": 2}, Usage()),  # half of it would make the other half free
        ({"output_tokens": 3}, Usage()),
        (
            {"input_tokens": 4, "output_tokens": 3, "output_tokens_details": {"thinking_tokens": 9}},
            Usage(4, 3, reasoning=3),
        ),
        (None, Usage()),
        ("none", Usage()),
    ],
)
def test_usage_counts_what_was_read_from_the_cache_and_put_there(told: object, usage: Usage) -> None:
    assert read(usage=told).usage == usage


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("", "nothing: an empty body"),
        ("<html>", "HTML, not JSON: is base_url right?"),
        ('{"content": [', "JSON that breaks off or is none: try again"),
        ("upstream gone", "text that is no JSON: is base_url right?"),
        ('{"type": "error", "error": {"type": "api_error", "message": "worker\\n gone"}}', "an error: worker gone"),
        ('{"choices": []}', "JSON that holds no content: does base_url name a service for Anthropic's messages?"),
        ("[1]", "JSON that holds no content"),
    ],
)
def test_what_is_no_answer_is_a_broken_body(body: str, said: str) -> None:
    with pytest.raises(errors.BrokenBody) as caught:
        Anthropic(Endpoint("http://here:9/v1")).parse(body)
    assert f"here:9 answered with {said}" in str(caught.value)


def test_odd_content_is_read_as_far_as_it_goes() -> None:
    reply = read(content=[None, "x", {"type": "text", "text": 7}, {"type": "new", "text": "y"}], model=3, usage=[])
    assert (reply.text, reply.model, reply.usage) == ("", "", Usage())


@pytest.mark.parametrize("spoilt", [Sent(raw=b""), Sent(html="<html></html>"), Sent(text="Hello there.", cut=0.5)])
def test_spoilt_bodies_over_the_wire(spoilt: Sent) -> None:
    with LoopbackServer(lambda got: spoilt) as server:
        assert type(error_of(server.url)) is errors.BrokenBody
