"""What the OpenAI provider reads out of replies, its own and those of servers that speak alike."""

import asyncio
import contextlib
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openai_kit import APIS, HELLO, TOOL, ask, error_of, fetched, reader, request

from synthkit.core import Endpoint, Token, ToolCall, Usage
from synthkit.errors import BrokenBody
from synthkit.testing import LoopbackServer, Reply


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
    for made in nonsense:
        assert calls({"tool_calls": made}) == ("stop", [])


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
    usage = {"prompt_tokens": 8.0, "completion_tokens": 2.0, "prompt_cache_hit_tokens": 9}
    reply = reader().parse(json.dumps({"choices": [choice], "usage": usage}))
    assert (reply.text, reply.reasoning, reply.usage) == ("Hello.", "Well.", Usage(8, 2, 8, 0))


def test_without_usage_or_with_nonsense_there_are_zeros() -> None:
    told: list[Any] = [None, [], {}, {"prompt_tokens": -3, "completion_tokens": "7"}, {"prompt_tokens_details": 3}]
    told += [{"prompt_tokens": 5}, {"completion_tokens": 5}, {"prompt_tokens": 5, "completion_tokens": True}]
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


KEYS = st.sampled_from(
    [
        *(
            "choices",
            "message",
            "content",
            "text",
            "type",
            "tool_calls",
            "function",
            "name",
            "arguments",
            "id",
            "usage",
        ),
        *("logprobs", "token", "logprob", "top_logprobs", "finish_reason", "refusal", "reasoning", "thinking", "model"),
        *("prompt_tokens", "prompt_tokens_details", "cached_tokens", "error", "function_call", "output", "status"),
        *("summary", "phase", "incomplete_details", "reason", "call_id", "input_tokens", "output_tokens_details"),
    ]
)
LEAVES = st.one_of(
    *(st.none(), st.booleans(), st.integers(-5, 10**12), st.floats(), st.text(max_size=5)),
    st.sampled_from(["message", "output_text", "refusal", "function_call", "reasoning", "completed", "incomplete"]),
    st.sampled_from(["<think>", "</think>", "<think>a</think>b"]),
)  # fmt: skip
ANYTHING = st.recursive(LEAVES, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner)))


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(ANYTHING, st.sampled_from(["choices", "output"]))
def test_whatever_a_service_says_is_an_answer_or_a_broken_body(value: Any, key: str) -> None:
    for whole in (
        value,
        {key: value},
        {key: [value]},
        {key: [{"message": value, "type": "message", "content": value}]},
    ):
        for api, provider in APIS.items():
            made = provider(Endpoint("http://127.0.0.1:1/v1"))
            with contextlib.suppress(BrokenBody):
                reply = made.parse(json.dumps(whole))
                assert isinstance(reply.text, str) and isinstance(reply.refusal, str), api
                assert all(isinstance(call.arguments, str) for call in reply.tool_calls)
                assert 0 <= reply.usage.cached <= reply.usage.input
