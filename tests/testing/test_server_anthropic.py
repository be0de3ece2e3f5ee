"""The loopback server as Anthropic's service, seen through the official SDK."""

import asyncio
import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import anthropic
import pytest
from anthropic.types import Message
from loopback_kit import KEY, exchange, http, receive

from synthkit.testing import ApiError, Faults, Limits, LoopbackServer, Reply, Request, demo
from synthkit.testing.loopback.anthropic import Messages
from synthkit.testing.loopback.wire import Api

MODEL = "claude-opus-5-5"
SAYS = [{"role": "user", "content": "Say hello."}]
TOOL = {"name": "weather", "input_schema": {"type": "object", "properties": {}}}
USE = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {}}
RESULT = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "12"}
PLAIN: Mapping[str, Any] = {"model": MODEL, "max_tokens": 100, "messages": SAYS}


def client(server: LoopbackServer, key: str = KEY, **options: Any) -> anthropic.Anthropic:
    url = server.url.removesuffix("/v1")
    return anthropic.Anthropic(base_url=url, api_key=key, max_retries=0, timeout=20.0, **options)


def ask(server: LoopbackServer, **changes: Any) -> Message:
    body = {**PLAIN, **changes}
    extra = {name: body.pop(name) for name in ("temperature", "top_p", "n") if name in body}
    with client(server) as connected:
        answer = connected.messages.create(**body, extra_body=extra)
        assert isinstance(answer, Message)
        return answer


def refused(**changes: Any) -> str:
    """What a server says to a body that it does not take."""
    body = {name: value for name, value in {**PLAIN, **changes}.items() if value is not None}
    with LoopbackServer() as server:
        head = "anthropic-version: 2026-10-21\r\n"
        status, _, answer = exchange(server, http(body, head=head, path="/v1/messages"))
        assert server.by_fault == {"bad_request": 1}
    document = json.loads(answer)
    assert status == 400 and document["error"]["type"] == "invalid_request_error"
    return str(document["error"]["message"])


def test_an_answer_is_what_the_sdk_expects() -> None:
    with LoopbackServer(lambda got: f"You said: {got.prompt}", key=KEY) as server:
        answer = ask(server, system="Be brief.")
        (headers,) = server.headers
    (block,) = answer.content
    assert block.type == "text" and block.text == "You said: Say hello."
    assert (answer.role, answer.stop_reason, answer.stop_sequence, answer.model) == (
        "assistant",
        "end_turn",
        None,
        MODEL,
    )
    assert answer.id.startswith("msg_") and answer.stop_details is None
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (6, 5)
    assert answer.usage.cache_read_input_tokens == answer.usage.cache_creation_input_tokens == 0
    assert headers["authorization"] == "(hidden)" and headers["anthropic-version"] == "2026-10-21"


def test_the_whole_body_fits_the_sdks_types() -> None:
    reply = Reply(text="Hi.", reasoning="Hm.", tool_calls=[{"name": "weather", "arguments": {"a": 1}}])
    with LoopbackServer(lambda got: reply) as server, client(server, _strict_response_validation=True) as connected:
        answer = connected.messages.create(**PLAIN, tools=[TOOL])
    thinking, text, use = answer.content
    assert thinking.type == "thinking" and thinking.thinking == "Hm." and thinking.signature
    assert text.type == "text" and use.type == "tool_use" and use.input == {"a": 1}
    assert answer.stop_reason == "tool_use"
    assert answer.usage.output_tokens_details is not None
    assert answer.usage.output_tokens_details.thinking_tokens == 1


def test_how_answers_end() -> None:
    with LoopbackServer(lambda got: Reply(text="one two three four five six")) as server:
        assert ask(server, max_tokens=2).stop_reason == "max_tokens"
        cut = ask(server, stop_sequences=[" three", "six"])
        assert (cut.stop_reason, cut.stop_sequence) == ("stop_sequence", " three")
        assert cut.content[0].type == "text" and cut.content[0].text == "one two"
    with LoopbackServer(lambda got: Reply(refusal="It is not safe.")) as server:
        answer = ask(server)
    assert answer.stop_reason == "refusal" and answer.content == []
    assert answer.stop_details is not None and answer.stop_details.explanation == "It is not safe."
    for reason in ("pause_turn", "model_context_window_exceeded"):
        with LoopbackServer(lambda got, reason=reason: Reply(text="x", finish_reason=reason)) as server:  # type: ignore[misc]
            assert ask(server).stop_reason == reason


@pytest.mark.parametrize(
    ("openais", "anthropics"),
    [("stop", "end_turn"), ("length", "max_tokens"), ("tool_calls", "tool_use"), ("content_filter", "refusal")],
)
def test_each_service_says_in_its_own_words_why_an_answer_ends(openais: str, anthropics: str) -> None:
    for given in (openais, anthropics):
        with LoopbackServer(lambda got, given=given: Reply(text="x", finish_reason=given)) as server:  # type: ignore[misc]
            assert ask(server).stop_reason == anthropics
            status, _, answer = exchange(server, http())
        assert (status, json.loads(answer)["choices"][0]["finish_reason"]) == (200, openais)


def test_thoughts_are_shown_where_they_are_asked_for() -> None:
    with LoopbackServer(lambda got: Reply(text="4", reasoning="2 and 2")) as server:
        hidden = ask(server, thinking={"type": "adaptive", "display": "omitted"}).content[0]
        shown = ask(server, thinking={"type": "adaptive", "display": "summarized"}).content[0]
    assert hidden.type == shown.type == "thinking"
    assert (hidden.thinking, shown.thinking) == ("", "2 and 2")


def test_a_stream_builds_the_same_message() -> None:
    reply = Reply(
        text="Hello to all of you.", reasoning="Be kind.", tool_calls=[{"name": "weather", "arguments": {"a": 1}}]
    )
    with LoopbackServer(lambda got: reply) as server, client(server) as connected:
        with connected.messages.stream(**PLAIN, tools=[TOOL]) as stream:
            kinds = [event.type for event in stream]
            built = stream.get_final_message()
        whole = connected.messages.create(**PLAIN, tools=[TOOL])
    assert [b.to_dict() for b in built.content][1:2] == [b.to_dict() for b in whole.content][1:2]
    assert (built.stop_reason, built.usage.output_tokens) == (whole.stop_reason, whole.usage.output_tokens)
    assert (
        built.content[0].type == "thinking" and built.content[0].thinking == "Be kind." and built.content[0].signature
    )
    assert built.content[2].type == "tool_use" and built.content[2].input == {"a": 1}
    assert kinds[0] == "message_start" and kinds[-1] == "message_stop"
    assert {"content_block_start", "content_block_delta", "content_block_stop", "message_delta"} <= {*kinds}


def test_a_schema_is_seen_and_answered() -> None:
    schema = {
        "type": "object",
        "properties": {"word": {"type": "string"}, "level": {"enum": ["low", "high"]}},
        "required": ["word", "level"],
        "additionalProperties": False,
    }
    with LoopbackServer() as server:
        answer = ask(server, output_config={"format": {"type": "json_schema", "schema": schema}})
    assert answer.content[0].type == "text"
    assert json.loads(answer.content[0].text).keys() == {"word", "level"}


def test_the_demo_handler_reads_the_system_prompt_and_the_stops() -> None:
    seen: list[Request] = []

    def handler(got: Request) -> Reply:
        seen.append(got)
        return demo(got)

    with LoopbackServer(handler) as server:
        assert ask(server, system="You write poems.", stop_sequences=["END"]).content
    assert [message["role"] for message in seen[0].messages] == ["system", "user"]


# errors


@pytest.mark.parametrize(
    ("error", "kind", "type_"),
    [
        ("bad_request", anthropic.BadRequestError, "invalid_request_error"),
        ("invalid_api_key", anthropic.AuthenticationError, "authentication_error"),
        ("insufficient_quota", anthropic.APIStatusError, "billing_error"),
        ("forbidden", anthropic.PermissionDeniedError, "permission_error"),
        ("model_not_found", anthropic.NotFoundError, "not_found_error"),
        ("rate_limit_exceeded", anthropic.RateLimitError, "rate_limit_error"),
        ("server_error", anthropic.InternalServerError, "api_error"),
        ("overloaded", anthropic.InternalServerError, "overloaded_error"),
        (ApiError(413, "x"), anthropic.APIStatusError, "request_too_large"),
        (ApiError(504, "x"), anthropic.InternalServerError, "timeout_error"),
        (ApiError(418, "x"), anthropic.APIStatusError, "invalid_request_error"),
    ],
)
def test_errors_have_anthropics_shape(error: str | ApiError, kind: type[anthropic.APIStatusError], type_: str) -> None:
    with LoopbackServer(lambda got: Reply(error=error)) as server, pytest.raises(kind) as caught:
        ask(server)
    assert caught.value.type == type_
    body = caught.value.body
    assert isinstance(body, dict) and body["type"] == "error"
    assert body["request_id"] == caught.value.request_id
    assert re.fullmatch(r"req_[0-9a-f]{24}", body["request_id"])


def test_an_error_code_stands_in_the_details() -> None:
    error = ApiError(429, "Spent.", code="enforced_spend_limit_reached")
    with LoopbackServer(lambda got: Reply(error=error)) as server:
        with pytest.raises(anthropic.RateLimitError) as caught:
            ask(server)
        assert server.by_fault == {"enforced_spend_limit_reached": 1}
    assert caught.value.error_code == "enforced_spend_limit_reached"


def test_keys_models_context_and_limits_are_kept() -> None:
    with LoopbackServer(key=KEY) as server:
        with client(server, key="another") as stranger, pytest.raises(anthropic.AuthenticationError):
            stranger.messages.create(**PLAIN)
        head = f"anthropic-version: 2023-06-01\r\nx-api-key: {KEY}\r\n"
        assert exchange(server, http(dict(PLAIN), head=head, path="/v1/messages"))[0] == 200
        status, _, body = exchange(
            server, http(dict(PLAIN), head="anthropic-version: 2023-06-01\r\n", path="/v1/messages")
        )
        assert status == 401 and "x-api-key header is required" in body.decode()
    with LoopbackServer(models=[MODEL]) as server:
        with pytest.raises(anthropic.NotFoundError, match="model: claude-x"):
            ask(server, model="claude-x")
        assert ask(server).model == MODEL
    with (
        LoopbackServer(context=10) as server,
        pytest.raises(anthropic.BadRequestError, match="prompt is too long: 25 tok"),
    ):
        ask(server, messages=[{"role": "user", "content": "x" * 100}])
    with LoopbackServer(limits=Limits(requests=1)) as server:
        ask(server)
        with pytest.raises(anthropic.RateLimitError) as caught:
            ask(server)
        assert float(caught.value.response.headers["retry-after"]) > 0


def test_limits_are_told_in_anthropics_headers() -> None:
    with LoopbackServer(limits=Limits(requests=60, tokens=6000)) as server, client(server) as connected:
        headers = connected.messages.with_raw_response.create(**PLAIN).headers
    for name, limit in (("requests", 60), ("tokens", 6000), ("input-tokens", 6000), ("output-tokens", 6000)):
        assert headers[f"anthropic-ratelimit-{name}-limit"] == str(limit)
        assert 0 < int(headers[f"anthropic-ratelimit-{name}-remaining"]) <= limit
        assert datetime.fromisoformat(headers[f"anthropic-ratelimit-{name}-reset"]).tzinfo is not None
    assert headers["request-id"].startswith("req_")
    assert not [name for name in headers if name.startswith(("openai-", "x-ratelimit"))]


@pytest.mark.parametrize(
    ("head", "said"),
    [("", "anthropic-version: header is required"), ("anthropic-version: 2020-01-01\r\n", "is not a valid version")],
)
def test_a_version_is_required(head: str, said: str) -> None:
    with LoopbackServer() as server:
        status, _, body = exchange(server, http(dict(PLAIN), head=head, path="/v1/messages"))
    assert status == 400 and said in json.loads(body)["error"]["message"]


def test_what_is_no_json_is_refused_in_the_same_shape() -> None:
    with LoopbackServer() as server:
        head = "anthropic-version: 2026-10-21\r\n"
        status, _, body = exchange(server, http(b"{", head=head, path="/v1/messages"))
        assert (status, json.loads(body)["error"]["type"]) == (400, "invalid_request_error")
        status, _, body = exchange(server, b"GET /v1/messages HTTP/1.1\r\nhost: x\r\n\r\n")
        assert (status, json.loads(body)["type"]) == (405, "error")


def test_faults_come_as_the_service_sends_them() -> None:
    with (
        LoopbackServer(faults=Faults(overloaded=1.0)) as server,
        pytest.raises(anthropic.InternalServerError) as caught,
    ):
        ask(server)
    assert caught.value.status_code == 529 and caught.value.type == "overloaded_error"


# what is refused


def conversation(*blocks: Any, role: str = "user") -> list[Any]:
    return [
        {"role": "user", "content": "x"},
        {"role": "assistant", "content": [USE]},
        {"role": role, "content": [*blocks]},
    ]


FORMAT = {"type": "json_schema", "schema": {"type": "object", "properties": {}, "additionalProperties": False}}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"max_tokens": None}, "max_tokens: Field required"),
        ({"max_tokens": 0}, "max_tokens: Input should be greater than or equal to 1"),
        ({"model": None}, "model: Field required"),
        ({"messages": None}, "messages: Field required"),
        ({"messages": []}, "at least one message is required"),
        ({"temperature": 1.0}, "temperature: Extra inputs are not permitted"),
        ({"n": 2}, "n: Extra inputs are not permitted"),
        ({"response_format": {}}, "response_format: Extra inputs are not permitted"),
        ({"messages": [{"role": "system", "content": "x"}]}, 'Unexpected role "system"'),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages.0.role: Input should be 'user' or 'assistant'"),
        ({"messages": [{"role": "user", "content": "x", "name": "y"}]}, "messages.0.name: Extra inputs"),
        ({"messages": [{"role": "assistant", "content": "x"}, *SAYS]}, 'first message must use the "user" role'),
        ({"messages": [*SAYS, {"role": "assistant", "content": "x"}]}, "does not support assistant message prefill"),
        ({"messages": [{"role": "user", "content": ""}]}, "all messages must have non-empty content"),
        ({"messages": [{"role": "user", "content": " "}]}, "must contain non-whitespace text"),
        ({"messages": [{"role": "user", "content": [USE]}]}, "does not match any of the expected tags"),
        ({"messages": conversation({"type": "text", "text": "x"})}, "`tool_use` ids were found without `tool_result`"),
        ({"messages": conversation({"type": "text", "text": "x"}, RESULT)}, "`tool_use` ids were found without"),
        ({"messages": conversation(RESULT, {**RESULT, "tool_use_id": "b"})}, "unexpected `tool_use_id` found"),
        ({"messages": conversation({**RESULT, "tool_use_id": "a b"})}, "String should match pattern"),
        ({"messages": conversation(RESULT)}, "must define tools"),
        ({"messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "base64"}}]}]}, "media_type"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "url", "url": "http://x"}}]}]},
            "Only HTTPS URLs are supported",
        ),
        ({"system": " "}, "system: text content blocks must contain non-whitespace text"),
        ({"stop_sequences": ["\n"]}, "each stop sequence must contain non-whitespace"),
        ({"tools": [{"name": "a b", "input_schema": {"type": "object"}}]}, "tools.0.custom.name"),
        ({"tools": [{"name": "a", "input_schema": {}}]}, "tools.0.custom.input_schema.type: Field required"),
        ({"tools": [TOOL, TOOL]}, "Tool names must be unique"),
        ({"tools": [{**TOOL, "strict": True}]}, "'additionalProperties' must be explicitly set to false"),
        ({"tool_choice": {"type": "auto"}}, "may only be specified while providing tools"),
        ({"tools": [TOOL], "tool_choice": {"type": "any"}}, 'type "tool" and "any" are not supported for this model'),
        ({"tools": [TOOL], "tool_choice": {"type": "required"}}, "Input tag 'required'"),
        (
            {"model": "claude-haiku-5-5", "tools": [TOOL], "tool_choice": {"type": "tool", "name": "b"}},
            "Tool 'b' not found in provided tools",
        ),
        ({"thinking": {"type": "disabled"}}, '"thinking.type.disabled" is not supported for this model'),
        ({"thinking": {"type": "adaptive", "budget_tokens": 1}}, "thinking.adaptive.budget_tokens: Extra inputs"),
        ({"model": "claude-haiku-4-5", "thinking": {"type": "adaptive"}}, "adaptive thinking is not supported"),
        (
            {"model": "claude-haiku-4-5-20251001", "thinking": {"type": "enabled", "budget_tokens": 2000}},
            "`max_tokens` must be greater than `thinking.budget_tokens`",
        ),
        (
            {"model": "claude-opus-5", "thinking": {"type": "disabled"}, "output_config": {"effort": "max"}},
            "is not supported at effort max",
        ),
        ({"model": "claude-haiku-4-5", "output_config": {"effort": "low"}}, "effort: 'low' is not supported"),
        ({"output_config": {"effort": "minimal"}}, "output_config.effort: 'minimal' is not supported"),
        ({"output_config": {"task": 1}}, "output_config.task: Extra inputs are not permitted"),
        ({"output_config": {"format": {"type": "json_object"}}}, "Input should be 'json_schema'"),
        (
            {"output_config": {"format": {**FORMAT, "schema": {"type": "integer", "minimum": 1}}}},
            "For 'integer' type, properties minimum are not supported",
        ),
        ({"output_config": {"format": {**FORMAT, "schema": {"type": "object"}}}}, "'additionalProperties' must"),
        ({"system": [{"type": "text", "text": "x", "cache_control": {"type": "x"}}]}, "cache_control: Input should be"),
        (
            {"system": [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}] * 5},
            "A maximum of 4 blocks with cache_control may be provided. Found 5.",
        ),
    ],
)  # fmt: skip
def test_what_the_service_would_refuse(changes: Mapping[str, Any], said: str) -> None:
    assert said in refused(**changes)


def test_the_old_version_takes_sampling_for_old_models() -> None:
    def status(model: str, **changes: Any) -> int:
        head = "anthropic-version: 2023-06-01\r\n"
        return exchange(server, http({**PLAIN, "model": model, **changes}, head=head, path="/v1/messages"))[0]

    with LoopbackServer() as server:
        assert status("claude-sonnet-4-6", temperature=0.5) == 200
        assert status("claude-sonnet-4-6", temperature=1.5) == 400
        assert status("claude-sonnet-4-6", temperature=0.5, top_p=0.5) == 400
        assert status("claude-opus-4-7", temperature=0.5) == 400


def test_a_right_conversation_with_tools_is_taken() -> None:
    with LoopbackServer() as server:
        ask(server, tools=[TOOL], messages=conversation(RESULT, {"type": "text", "text": "And?"}))
        ask(server, model="claude-haiku-4-5", messages=[*SAYS, {"role": "assistant", "content": "The"}])
        assert server.answered == 2


# the prompt cache


def test_what_is_marked_is_kept_and_read() -> None:
    mark = {"type": "ephemeral"}
    long = {"type": "text", "text": "word " * 1000, "cache_control": mark}

    def usage(**changes: Any) -> tuple[int, int, int]:
        told = ask(server, **changes).usage
        return told.input_tokens, told.cache_creation_input_tokens or 0, told.cache_read_input_tokens or 0

    with LoopbackServer() as server:
        assert usage(system=[long]) == (3, 1250, 0)
        assert usage(system=[long]) == (3, 0, 1250)
        assert usage(system=[{**long, "cache_control": None}]) == (1253, 0, 0)
        assert usage(system=[long], model="claude-fable-5") == (3, 1250, 0)
        assert usage(system=[long], output_config={"effort": "low"}) == (3, 1250, 0)
        assert usage(system=[{**long, "text": "x" * 400}]) == (103, 0, 0)  # too short
        turns = [{"role": "user", "content": [{**long, "text": "y" * 4000}]}]
        assert usage(system=[long], messages=turns) == (0, 1000, 1250)
        assert server.asked_again == 2  # marks make no other question


def test_the_lookback_ends_after_twenty_blocks() -> None:
    def turns(count: int, *marked: int) -> list[Any]:
        blocks = [{"type": "text", "text": f"{n} " * 200} for n in range(count)]
        for place in marked:
            blocks[place] = {**blocks[place], "cache_control": {"type": "ephemeral"}}  # type: ignore[dict-item]
        return [{"role": "user", "content": blocks}]

    with LoopbackServer() as server:
        ask(server, messages=turns(10, 9))
        near = ask(server, messages=turns(29, 28)).usage
        far = ask(server, messages=turns(60, 59)).usage
        again = ask(server, messages=turns(60, 28, 59)).usage
    assert near.cache_read_input_tokens and not far.cache_read_input_tokens
    assert again.cache_read_input_tokens


def test_it_is_one_of_the_servers_apis() -> None:
    api: Api = Messages()
    assert api.prompt_tokens({"messages": SAYS}) == 3


def test_many_calls_at_once_and_a_closed_connection() -> None:
    async def go(url: str) -> list[Any]:
        async with anthropic.AsyncAnthropic(
            base_url=url, api_key=KEY, max_retries=0, http_client=anthropic.DefaultAioHttpClient(timeout=20.0)
        ) as connected:
            calls = (
                connected.messages.create(**{**PLAIN, "messages": [{"role": "user", "content": str(n)}]})
                for n in range(50)
            )
            return await asyncio.gather(*calls)

    with LoopbackServer(lambda got: got.prompt) as server:
        answers = asyncio.run(go(server.url.removesuffix("/v1")))
        assert [a.content[0].text for a in answers] == [str(n) for n in range(50)]
        import socket

        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as plug:
            head = "anthropic-version: 2026-10-21\r\nconnection: close\r\n"
            plug.sendall(http(dict(PLAIN), head=head, path="/v1/messages"))
            status, headers, _ = receive(plug)
    assert status == 200 and headers["connection"] == "close"
