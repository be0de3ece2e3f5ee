"""The OpenAI provider through the real SDK, against a server on this machine."""

import asyncio
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from openai_kit import KEY, ask, error_of, fetched, http, provider, read_request, request, wire

from synthkit.core import Endpoint, Request, Token, ToolCall, Usage
from synthkit.errors import BadRequest, BrokenBody, CallTimeout, ConfigError, OptionRefused
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
HELLO = {"choices": [{"message": {"role": "assistant", "content": "Hello."}, "finish_reason": "stop"}]}


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("OPENAI_"):
            monkeypatch.delenv(name)


def reader(url: str | None = "http://127.0.0.1:1/v1") -> OpenAI:
    return OpenAI(Endpoint(url))


# what goes out


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


TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


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


# what comes back


def test_calls_of_tools_come_back_with_their_arguments_as_they_were_written() -> None:
    calls = [
        {"name": "get_weather", "arguments": {"city": "Rome"}, "id": "c1"},
        {"name": "get_weather", "arguments": '{"city": "Os', "id": "c2"},
    ]
    with LoopbackServer(lambda got: Reply(text="Let me see.", tool_calls=calls)) as server:
        reply = ask(server.url, request(tools=[TOOL]))
    assert (reply.text, reply.finish) == ("Let me see.", "tool_calls")
    assert reply.tool_calls == (
        ToolCall("c1", "get_weather", '{"city": "Rome"}'),
        ToolCall("c2", "get_weather", '{"city": "Os'),
    )


def test_calls_in_the_form_of_other_servers() -> None:
    def calls(message: dict[str, Any], finish: str = "stop") -> Any:
        reply = reader().parse(json.dumps({"choices": [{"message": message, "finish_reason": finish}]}))
        return reply.finish, list(reply.tool_calls)

    function = {"name": "t", "arguments": {"a": 1}}
    assert calls({"tool_calls": [{"function": function}, {"id": "", "function": function}]}) == (
        "tool_calls",
        [ToolCall("call_0", "t", '{"a":1}'), ToolCall("call_1", "t", '{"a":1}')],
    )
    assert calls({"function_call": {"name": "t", "arguments": "{}"}}) == ("tool_calls", [ToolCall("call_0", "t", "{}")])
    assert calls({"tool_calls": [{"id": "x", "function": function}]}, "length")[0] == "length"
    nonsense: list[Any] = [None, [], [3], [{}], [{"function": {"name": ""}}], [{"function": {"name": 3}}], "x"]
    for given in nonsense:
        assert calls({"tool_calls": given}) == ("stop", [])


def test_logprobs_come_with_the_likeliest_tokens() -> None:
    with LoopbackServer(lambda got: "two words") as server:
        reply = ask(server.url, request(options={"logprobs": True, "top_logprobs": 2}))
    assert [token.text for token in reply.logprobs] == ["two", " words"]
    assert all(len(token.top) == 2 and token.top[0] == (token.text, token.logprob) for token in reply.logprobs)
    assert all(-1 < token.logprob <= 0 for token in reply.logprobs)


def test_logprobs_that_are_none_are_left_out() -> None:
    fine = {"token": "a", "logprob": -1, "top_logprobs": None}
    for entries in (None, "x", [], [3, {"token": 3}, {"token": "b", "logprob": None}, {"token": "b", "logprob": True}]):
        given = [*entries, fine] if isinstance(entries, list) else entries
        choice = {"message": {"content": "x"}, "logprobs": {"content": given}}
        tokens = reader().parse(json.dumps({"choices": [choice]})).logprobs
        assert tokens == ((Token("a", -1.0),) if isinstance(entries, list) else ())
    infinite = '{"choices": [{"message": {}, "logprobs": {"content": [{"token": "a", "logprob": -Infinity}]}}]}'
    assert reader().parse(infinite).logprobs == ()


def test_several_answers_are_told_apart_and_counted_together() -> None:
    with LoopbackServer(lambda got: f"Answer {got.choice}.") as server:
        reply = ask(server.url, request(options={"n": 3}))
    assert (reply.text, reply.others) == ("Answer 0.", ("Answer 1.", "Answer 2."))
    assert reply.usage.output == 9


THOUGHTS = [
    ("<think>\nHm.\n</think>\n\nFour.", "stop", "Hm.", "Four."),
    ("  <think>Hm.</think>Four.", "stop", "Hm.", "Four."),
    ("<think></think>\n\nFour.", "stop", "", "Four."),
    ("<thinking>Hm.</thinking> Four.", "stop", "Hm.", "Four."),
    ("<think>Is <b> < 3? And <think> more.</think>Four.", "stop", "Is <b> < 3? And <think> more.", "Four."),
    ("Hm, hm.\n</think>\n\nFour.", "stop", "Hm, hm.", "Four."),
    ("<think>Hm, that is ha", "length", "Hm, that is ha", ""),
    ("<think> is how a thought begins.", "stop", "", "<think> is how a thought begins."),
    ("The mark is <think>, its end </think>.", "stop", "", "The mark is <think>, its end </think>."),
    ("Four.", "stop", "", "Four."),
    ("Four.", "length", "", "Four."),
]


@pytest.mark.parametrize(("said", "finish", "reasoning", "text"), THOUGHTS)
def test_thoughts_in_front_of_an_answer_are_told_apart(said: str, finish: str, reasoning: str, text: str) -> None:
    body = {"choices": [{"message": {"content": said}, "finish_reason": finish}]}
    reply = reader().parse(json.dumps(body))
    assert (reply.reasoning, reply.text) == (reasoning, text)
    several = {"choices": [body["choices"][0], body["choices"][0]]}
    assert reader().parse(json.dumps(several)).others == (text,)


def test_a_text_whose_thoughts_are_apart_already_is_left_alone() -> None:
    message = {"content": "<think> opens, </think> closes.", "reasoning": "They ask for the marks."}
    reply = reader().parse(json.dumps({"choices": [{"message": message}]}))
    assert (reply.reasoning, reply.text) == (message["reasoning"], message["content"])


def test_thoughts_among_the_parts_of_an_answer() -> None:
    parts = [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}, {"type": "text", "text": "Four."}]
    reply = reader().parse(json.dumps({"choices": [{"message": {"content": parts}}]}))
    assert (reply.reasoning, reply.text) == ("Hm.", "Four.")


def test_a_call_gives_the_body_as_it_came() -> None:
    raw = json.dumps({**HELLO, "what": "nobody reads: ü"}, ensure_ascii=False).encode()
    with LoopbackServer(lambda got: Reply(raw=raw)) as server:
        assert asyncio.run(fetched(server.url)) == raw.decode()


def test_an_answer_with_all_there_is() -> None:
    usage = {
        "prompt_tokens": 30,
        "completion_tokens": 20,
        "prompt_tokens_details": {"cached_tokens": 10},
        "completion_tokens_details": {"reasoning_tokens": 5},
    }
    answer = Reply(text="Hello.", reasoning="A greeting.", finish_reason="length", usage=usage)
    with LoopbackServer(lambda got: answer) as server:
        reply = ask(server.url, request(model="teacher"))
    assert (reply.text, reply.reasoning, reply.refusal, reply.finish) == ("Hello.", "A greeting.", "", "length")
    assert reply.usage == Usage(30, 20, 10, 5)
    assert reply.model == "teacher"


def test_a_refusal_is_a_refusal() -> None:
    with LoopbackServer(lambda got: Reply(refusal="I cannot do that.")) as server:
        reply = ask(server.url)
    assert (reply.text, reply.refusal, reply.finish) == ("", "I cannot do that.", "stop")


@pytest.mark.parametrize(
    ("told", "finish"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("content_filter", "content_filter"),
        ("tool_calls", "tool_calls"),
        ("function_call", "tool_calls"),
        ("abort", "other"),
        (None, "other"),
        (["stop"], "other"),
    ],
)
def test_why_an_answer_ended(told: object, finish: str) -> None:
    body = json.dumps({"choices": [{"message": {"content": "x"}, "finish_reason": told}]})
    assert reader().parse(body).finish == finish


def test_what_compatible_servers_say_in_their_own_way() -> None:
    parts = [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Hel"}, {"type": "text", "text": "lo."}]
    choice = {"message": {"content": parts, "reasoning": "Well."}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 8.0, "completion_tokens": None, "prompt_cache_hit_tokens": 9}
    reply = reader().parse(json.dumps({"choices": [choice], "usage": usage}))
    assert (reply.text, reply.reasoning, reply.usage) == ("Hello.", "Well.", Usage(8, 0, 8, 0))


def test_without_usage_or_with_nonsense_there_are_zeros() -> None:
    told: list[Any] = [None, [], {}, {"prompt_tokens": -3, "completion_tokens": "7"}, {"prompt_tokens_details": 3}]
    for usage in told:
        assert reader().parse(json.dumps({**HELLO, "usage": usage})).usage == Usage()
    assert reader().parse(json.dumps(HELLO)).usage == Usage()


def test_half_a_character_in_an_answer_is_read() -> None:
    assert reader().parse('{"choices": [{"message": {"content": "\\ud83d"}}]}').text == "\ud83d"


BROKEN = [
    ("", "nothing: an empty body"),
    (" \n", "nothing: an empty body"),
    ("<!DOCTYPE html><html>", "HTML, not JSON: does base_url end in /v1?"),
    ('{"choices": [{"mess', "JSON that breaks off or is none: try again"),
    ("[" * 100_000, "JSON that breaks off or is none: try again"),
    ("upstream gone", "text that is no JSON: is base_url right?"),
    ("[]", "JSON that holds no choices"),
    ("{}", "JSON that holds no choices"),
    ("null", "text that is no JSON"),
    ('"hello"', "JSON that holds no choices"),
    ('{"choices": []}', "JSON that holds no choices"),
    ('{"choices": null}', "JSON that holds no choices"),
    ('{"choices": [3]}', "JSON that holds no choices"),
    ('{"choices": [{"text": "completions of old"}]}', "JSON that holds no choices"),
    ('{"choices": [{"message": null}]}', "JSON that holds no choices"),
    ('{"error": {"message": "no\\n such thing"}}', "an error: no such thing"),
    ('{"error": "busy"}', "an error: busy"),
]


@pytest.mark.parametrize(("body", "said"), BROKEN, ids=[body[:30] or "empty" for body, _ in BROKEN])
def test_what_is_no_answer_is_said_to_be_what_it_is(body: str, said: str) -> None:
    with pytest.raises(BrokenBody) as caught:
        reader().parse(body)
    assert f"127.0.0.1:1 answered with {said}" in str(caught.value)


def test_broken_bodies_over_the_wire() -> None:
    for answer, said in [
        (Reply(html="<html>Sign in</html>"), "HTML, not JSON: does base_url end in /v1?"),
        (Reply(raw=b""), "nothing: an empty body"),
        (Reply(text="Hello.", cut=0.5), "JSON that breaks off"),
        (Reply(raw=b'{"choices": "\xff"}'), "bytes that are not UTF-8"),
    ]:
        with LoopbackServer(lambda got, answer=answer: answer) as server:  # type: ignore[misc]
            error = error_of(server.url)
        assert type(error) is BrokenBody
        assert f"127.0.0.1:{server.port} answered with {said}" in str(error)


# time, connections, loops


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
    assert OpenAI.capabilities == {"structured", "tools", "images"}
    assert OpenAI.key_env == "OPENAI_API_KEY"
    known: dict[str, Any] = {**dict.fromkeys(OpenAI.options, 1), "extra": {"chat_template_kwargs": {}}}
    sent = reader().body(request(options=known)).keys() - {"model", "messages"}
    assert sent == {*(OpenAI.options - {"extra"}), "chat_template_kwargs"}
