"""The OpenAI provider through the real SDK, against a server on this machine."""

import asyncio
import json
import os
from collections.abc import Callable
from typing import Any

import pytest
from openai_kit import HELLO, KEY, TOOL, ask, error_of, fetched, http, provider, read_request, reader, request, wire

from synthkit.core import Endpoint, Request
from synthkit.errors import BadRequest, ConfigError, OptionRefused
from synthkit.providers._schema import is_strict as strict
from synthkit.providers.openai import OpenAI
from synthkit.providers.openai_client import NO_KEY
from synthkit.testing import ApiError, LoopbackServer, Reply
from synthkit.testing.loopback.strict import strict_fault

SCHEMA = {
    "type": "object",
    "properties": {"question": {"type": "string", "description": "one sentence"}},
    "required": ["question"],
}
CLOSED = {**SCHEMA, "additionalProperties": False}


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("OPENAI_"):
            monkeypatch.delenv(name)


def test_the_body_on_the_wire() -> None:
    options = {"temperature": 0.7, "top_p": 0.5, "max_tokens": 100, "stop": ["END"], "seed": 1}
    more = {"presence_penalty": 2, "frequency_penalty": -1, "top_k": 20, "min_p": 0.1, "repetition_penalty": 1.1}
    more |= {"reasoning_effort": "low", "logprobs": True, "n": 1}
    extra = {"chat_template_kwargs": {"enable_thinking": False}, "model": "another", "messages": []}
    asked = request("Was heißt «größer»?", "Qwen/Qwen3-8B", options={**options, **more, "extra": extra}, schema=SCHEMA)
    with LoopbackServer(lambda got: json.dumps({"question": "Why?"}), key=KEY) as server:
        assert ask(server.url, asked).text == '{"question": "Why?"}'
        [received] = server.requests
    assert received.path == "/v1/chat/completions"
    assert received.body == {
        "model": "Qwen/Qwen3-8B",
        "messages": [{"role": "user", "content": "Was heißt «größer»?"}],
        **options,
        **more,
        "chat_template_kwargs": {"enable_thinking": False},
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": SCHEMA, "strict": False},
        },
    }


@pytest.mark.parametrize(
    ("url", "name"),
    [
        (None, "max_completion_tokens"),
        ("https://eu.api.openai.com/v1", "max_completion_tokens"),
        ("https://mine.openai.azure.com/openai/v1/", "max_completion_tokens"),
        ("http://localhost:8000/v1", "max_tokens"),
        ("https://api.openai.com.example.org/v1", "max_tokens"),
    ],
)
def test_the_output_limit_goes_under_the_name_that_the_service_knows(url: str | None, name: str) -> None:
    body = reader(url).body(request(options={"max_tokens": 5}))
    assert body == {"model": "m", "messages": [{"role": "user", "content": "Say hello."}], name: 5}


def test_without_a_key_a_placeholder_goes_out_and_the_query_is_kept() -> None:
    async def go() -> tuple[str, str, str]:
        seen: list[tuple[str, str, str]] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            first, headers, _ = await read_request(reader)
            seen.append((first, headers["authorization"], headers["openai-organization"]))
            writer.write(http(json.dumps(HELLO).encode()))
            await writer.drain()

        async with wire(serve) as url:
            await fetched(f"{url}/?api-version=7", key=None, organization="org-1")
        return seen[0]

    first, key, organization = asyncio.run(go())
    assert first == "POST /v1/chat/completions?api-version=7 HTTP/1.1"
    assert key == f"Bearer {NO_KEY}"
    assert organization == "org-1"


def test_a_setting_that_there_is_not_is_named() -> None:
    with pytest.raises(ConfigError, match=r"no setting 'organisation'; did you mean 'organization'\?"):
        OpenAI(Endpoint(settings={"organisation": "x"}))
    with pytest.raises(ConfigError, match="'project' of the provider openai must be a text"):
        OpenAI(Endpoint(settings={"project": 3}))


def test_a_schema_is_strict_only_where_the_service_can_promise_it() -> None:
    optional = {**CLOSED, "properties": {**CLOSED["properties"], "hint": {"type": "string"}}}  # type: ignore[dict-item]
    nested = {"type": "object", "properties": {"a": SCHEMA}, "required": ["a"], "additionalProperties": False}
    refs = {**CLOSED, "properties": {"question": {"$ref": "#/$defs/Q"}}, "$defs": {"Q": CLOSED}}
    listed = {**CLOSED, "properties": {"question": {"type": "array", "items": CLOSED, "minItems": 2}}}
    either = {**CLOSED, "properties": {"question": {"anyOf": [{"type": "null"}, CLOSED]}}}
    free = {**CLOSED, "properties": {"question": {"type": "object"}}}
    assert all(strict(schema) for schema in (CLOSED, refs, listed, either))
    assert not any(strict(schema) for schema in (SCHEMA, optional, nested, free, {"type": "array", "items": CLOSED}))
    assert not strict({**CLOSED, "properties": {"question": {"type": "string", "maxLength": 9}}})
    assert not strict(
        {**CLOSED, "properties": {"question": {"$ref": "#/$defs/Q", "title": "x"}}, "$defs": {"Q": CLOSED}}
    )
    assert not strict({**CLOSED, "properties": {"question": {"anyOf": [SCHEMA, CLOSED]}}})
    assert not strict({**CLOSED, "$defs": {"Q": SCHEMA}})
    assert reader().body(request(schema=CLOSED))["response_format"]["json_schema"]["strict"] is True


def test_openai_s_own_models_get_the_schema_in_strict_form() -> None:
    optional = {"type": "object", "properties": {"a": {"type": "string", "minLength": 2}}}
    sent = reader(None).body(request(schema=optional))["response_format"]["json_schema"]
    assert sent == {
        "name": "answer",
        "strict": True,
        "schema": {
            "type": "object",
            "properties": {"a": {"type": ["string", "null"], "description": "(minLength: 2)"}},
            "required": ["a"],
            "additionalProperties": False,
        },
    }
    assert strict_fault(sent["schema"]) is None
    assert reader().body(request(schema=optional))["response_format"]["json_schema"]["schema"] == optional
    bounded = {**CLOSED, "properties": {"question": {"type": "string", "pattern": "^W"}}}
    for model, kept in (("gpt-4.1", True), ("ft:gpt-4.1:mine::x", False)):
        schema = reader(None).body(request(schema=bounded, model=model))["response_format"]["json_schema"]["schema"]
        assert ("pattern" in schema["properties"]["question"]) == kept
    with pytest.raises(BadRequest, match="the answer's schema cannot be promised: the answer itself is a mapping with"):
        reader(None).body(request(schema={"type": "object"}))


@pytest.mark.parametrize(
    ("chosen", "sent"),
    [
        ("auto", {}),
        ("required", {"tool_choice": "required"}),
        ("none", {"tool_choice": "none"}),
        ("get_weather", {"tool_choice": {"type": "function", "function": {"name": "get_weather"}}}),
    ],
)
def test_tools_go_out_as_they_are_defined(chosen: str, sent: dict[str, Any]) -> None:
    body = reader().body(request(tools=[TOOL], tool_choice=chosen))
    assert body["tools"] == [TOOL]
    assert {key: value for key, value in body.items() if key not in ("model", "messages", "tools")} == sent


def test_a_conversation_with_calls_results_and_images_goes_out_as_it_is() -> None:
    picture = {"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "low"}}
    call = {"id": "c", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Where is this?"}, picture]},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": "Sunny."},
    ]
    asked = Request("openai", "m", messages, tools=[TOOL])
    with LoopbackServer(lambda got: "In the sun.") as server:
        assert ask(server.url, asked).text == "In the sun."
        assert server.requests[0].body["messages"] == messages


def test_likeliest_tokens_are_not_told_without_their_logprobs() -> None:
    body = reader().body(request(options={"top_logprobs": 3}))
    assert (body["logprobs"], body["top_logprobs"]) == (True, 3)
    assert "logprobs" not in reader().body(request(options={"top_logprobs": 0}))


def refusing(name: str, only: str = "") -> Callable[[Any], Reply]:
    """A service that does not take an option under this name."""

    def answer(got: Any) -> Reply:
        if name in got.body and only in got.model:
            text = f"Unsupported parameter: '{name}' is not supported with this model."
            return Reply(error=ApiError(400, text, param=name, code="unsupported_parameter"))
        return Reply(text="fine")

    return answer


@pytest.mark.parametrize("own", [True, False])
def test_the_limit_of_tokens_goes_by_the_other_name_where_one_is_refused(own: bool) -> None:
    first, other = ("max_completion_tokens", "max_tokens") if own else ("max_tokens", "max_completion_tokens")

    async def go(url: str) -> None:
        async with provider(url) as made:
            made._client.own = own  # as if it were OpenAI's own address
            for model in ("o9", "o9", "m"):
                await made.call(request(model=model, options={"max_tokens": 7}), "0")

    with LoopbackServer(refusing(first, only="o9")) as server:
        asyncio.run(go(server.url))
        sent = [(r.body["model"], r.body.get(first), r.body.get(other)) for r in server.requests]
    assert sent == [("o9", 7, None), ("o9", None, 7), ("o9", None, 7), ("m", 7, None)]


def test_a_limit_that_is_refused_by_both_names_is_no_matter_of_its_name() -> None:
    def answer(got: Any) -> Reply:
        name = "max_tokens" if "max_tokens" in got.body else "max_completion_tokens"
        return Reply(error=ApiError(400, f"No {name}.", param=name, code="unsupported_value"))

    with LoopbackServer(answer) as server:
        error = error_of(server.url, request(options={"max_tokens": 7}))
        assert type(error) is BadRequest and "No max_completion_tokens." in str(error)
        assert server.count == 2


def test_an_option_that_is_refused_is_named() -> None:
    with LoopbackServer(refusing("temperature")) as server:
        error = error_of(server.url, request(options={"temperature": 0.5, "max_tokens": 7}))
        assert type(error) is OptionRefused and error.option == "temperature"
        assert "Unsupported parameter: 'temperature' is not supported with this model." in str(error)
        assert server.count == 1
