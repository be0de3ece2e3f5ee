"""The Responses API as a provider, through the real SDK, against a server that is as strict as the service."""

import asyncio
import json
from typing import Any

import pytest
from openai.types.responses import response_create_params
from openai_kit import KEY, ask, error_of, provider, request
from pydantic import TypeAdapter

from synthkit.core import Endpoint, Request, Token, ToolCall, Usage
from synthkit.core import Reply as Read
from synthkit.errors import BadRequest, BrokenBody, ConfigError, OptionRefused
from synthkit.providers.openai_responses import OpenAIResponses
from synthkit.testing import ApiError, LoopbackServer, Reply
from synthkit.testing.loopback.strict import strict_fault

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "integer"}}, "required": ["a"]}
TOOL = {
    "type": "function",
    "function": {"name": "look", "description": "Looks.", "parameters": {"type": "object", "properties": {}}},
}
PARAMS: TypeAdapter[Any] = TypeAdapter(response_create_params.ResponseCreateParamsNonStreaming)


def reader(url: str | None = None) -> OpenAIResponses:
    return OpenAIResponses(Endpoint(url, KEY))


def asking(*messages: Any, **more: Any) -> Request:
    return Request("openai-responses", "m", messages or [{"role": "user", "content": "Say hello."}], **more)


def body(url: str | None, asked: Request) -> dict[str, Any]:
    """The body for a request, which the SDK's types find in order."""
    made = reader(url).body(asked)
    PARAMS.validate_python(made)
    return made


# what goes out


def test_the_body_on_the_wire() -> None:
    options = {"temperature": 0.5, "top_p": 0.9, "max_tokens": 100, "reasoning_effort": "low"}
    options |= {"logprobs": True, "top_logprobs": 2}
    with LoopbackServer(lambda got: '{"a": "x"}', key=KEY) as server:
        reply = ask(server.url, asking(options=options, schema=SCHEMA))
        [received] = server.requests
    assert reply.text == '{"a": "x"}'
    assert received.path == "/v1/responses"
    assert received.body == {
        "model": "m",
        "input": [{"role": "user", "content": "Say hello."}],
        "store": False,
        "temperature": 0.5,
        "top_p": 0.9,
        "max_output_tokens": 100,
        "reasoning": {"effort": "low"},
        "include": ["message.output_text.logprobs"],
        "top_logprobs": 2,
        "text": {"format": {"type": "json_schema", "name": "answer", "schema": SCHEMA, "strict": False}},
    }


def test_openai_s_own_models_get_the_schema_in_strict_form() -> None:
    form = body(None, asking(schema=SCHEMA))["text"]["format"]
    assert form["strict"] is True and strict_fault(form["schema"]) is None
    assert form["schema"]["properties"]["b"] == {"type": ["integer", "null"]}


PICTURE = "data:image/png;base64,eA=="
CALLS = [
    {"id": f"c{n}", "type": "function", "function": {"name": "look", "arguments": f'{{"n": {n}}}'}} for n in (1, 2)
]


def test_a_conversation_becomes_items() -> None:
    shown = [{"type": "image_url", "image_url": {"url": PICTURE, "detail": "low"}}]
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "What is it?"}, *shown]},
        {"role": "assistant", "content": "Let me look.", "tool_calls": CALLS},
        {"role": "tool", "tool_call_id": "c1", "content": "A cat."},
        {"role": "tool", "tool_call_id": "c2", "content": [{"type": "text", "text": "Look:"}, *shown]},
        {"role": "assistant", "content": [{"type": "text", "text": "A cat."}]},
        {"role": "user", "content": "Sure?"},
    ]
    image = {"type": "input_image", "image_url": PICTURE, "detail": "low"}
    asked = asking(*messages, tools=[TOOL])
    assert body("http://localhost:1/v1", asked)["input"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "input_text", "text": "What is it?"}, image]},
        {"role": "assistant", "content": "Let me look."},
        {"type": "function_call", "call_id": "c1", "name": "look", "arguments": '{"n": 1}'},
        {"type": "function_call", "call_id": "c2", "name": "look", "arguments": '{"n": 2}'},
        {"type": "function_call_output", "call_id": "c1", "output": "A cat."},
        {"type": "function_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "Look:"}, image]},
        {"role": "assistant", "content": "A cat."},
        {"role": "user", "content": "Sure?"},
    ]
    with LoopbackServer(lambda got: "Sure.") as server:
        assert ask(server.url, asked).text == "Sure."


def test_an_image_without_a_detail_gets_the_usual_one() -> None:
    part = {"type": "image_url", "image_url": {"url": PICTURE}}
    [item] = body(None, asking({"role": "user", "content": [part]}))["input"]
    assert item["content"] == [{"type": "input_image", "image_url": PICTURE, "detail": "auto"}]


def test_a_part_that_there_is_not_is_named() -> None:
    with pytest.raises(BadRequest, match='"input_audio" is no part of a message that the Responses API takes'):
        reader().body(asking({"role": "user", "content": [{"type": "input_audio"}]}))


@pytest.mark.parametrize(
    "message",
    [
        {"role": "assistant", "content": "", "tool_calls": [{"id": "c"}]},
        {"role": "assistant", "content": "", "tool_calls": ["look"]},
        {"role": "user", "content": [{"type": "text"}]},
        {"role": "user", "content": [{"type": "image_url", "image_url": "a.png"}]},
    ],
)
def test_messages_of_another_form_are_a_bad_request(message: Any) -> None:
    with pytest.raises(BadRequest, match=r"the messages are not in the chat form \(\w+: "):
        reader().body(asking(message))


@pytest.mark.parametrize(
    ("chosen", "sent"),
    [("auto", None), ("required", "required"), ("none", "none"), ("look", {"type": "function", "name": "look"})],
)
def test_tools_go_out_in_the_form_of_this_api(chosen: str, sent: Any) -> None:
    made = body(None, asking(tools=[TOOL], tool_choice=chosen))
    assert made["tools"] == [{"type": "function", **TOOL["function"], "strict": False}]  # type: ignore[dict-item]
    assert made.get("tool_choice") == sent
    own = {"type": "function", "function": {**TOOL["function"], "strict": True}}  # type: ignore[dict-item]
    assert body(None, asking(tools=[own]))["tools"][0]["strict"] is True


def test_extra_goes_beside_what_is_there_and_never_over_it() -> None:
    extra = {
        "reasoning": {"summary": "auto", "effort": "high"},
        "text": {"verbosity": "low", "format": {"type": "text"}},
        "include": ["reasoning.encrypted_content", "message.output_text.logprobs"],
        "store": True,
        "service_tier": "flex",
    }
    options = {"reasoning_effort": "low", "logprobs": True, "extra": extra}
    made = body(None, asking(options=options, schema=SCHEMA))
    assert made["reasoning"] == {"effort": "low", "summary": "auto"}
    assert made["text"]["verbosity"] == "low" and made["text"]["format"]["type"] == "json_schema"
    assert made["include"] == ["message.output_text.logprobs", "reasoning.encrypted_content"]
    assert made["store"] is True and made["service_tier"] == "flex"
    assert body(None, asking(options={"extra": extra}))["reasoning"] == extra["reasoning"]


# what comes back


def test_an_answer_with_all_there_is() -> None:
    usage = {
        "input_tokens": 30,
        "output_tokens": 20,
        "input_tokens_details": {"cached_tokens": 10, "cache_write_tokens": 4},
        "output_tokens_details": {"reasoning_tokens": 5},
    }
    answer = Reply(text="Hello you.", reasoning="A greeting.", usage=usage)
    options = {"logprobs": True, "top_logprobs": 1, "extra": {"reasoning": {"summary": "auto"}}}
    with LoopbackServer(lambda got: answer) as server:
        reply = ask(server.url, asking(options=options))
    assert (reply.text, reply.reasoning, reply.refusal, reply.finish) == ("Hello you.", "A greeting.", "", "stop")
    assert reply.usage == Usage(30, 20, 10, 5, 4)
    assert reply.model == "m"
    assert [(token.text, len(token.top)) for token in reply.logprobs] == [("Hello", 1), (" you.", 1)]


def test_calls_of_tools() -> None:
    calls = [{"name": "look", "arguments": {"n": 1}, "id": "c1"}, {"name": "look", "arguments": '{"n', "id": "c2"}]
    with LoopbackServer(lambda got: Reply(text="Let me.", tool_calls=calls)) as server:
        reply = ask(server.url, asking(tools=[TOOL]))
    assert (reply.text, reply.finish) == ("Let me.", "tool_calls")
    assert reply.tool_calls == (ToolCall("c1", "look", '{"n": 1}'), ToolCall("c2", "look", '{"n'))


@pytest.mark.parametrize(
    ("answer", "finish", "text"),
    [
        (Reply(text="word " * 100), "length", ("word " * 100)[:64]),
        (Reply(text="I was", finish_reason="content_filter"), "content_filter", "I was"),
        (Reply(text="Fine."), "stop", "Fine."),
    ],
)
def test_why_an_answer_ended(answer: Reply, finish: str, text: str) -> None:
    with LoopbackServer(lambda got: answer) as server:
        reply = ask(server.url, asking(options={"max_tokens": 16}))
    assert (reply.finish, reply.text) == (finish, text)


def test_a_refusal_is_a_refusal() -> None:
    with LoopbackServer(lambda got: Reply(refusal="I cannot do that.")) as server:
        reply = ask(server.url, asking())
    assert (reply.text, reply.refusal, reply.finish) == ("", "I cannot do that.", "stop")


def read(*output: Any, **more: Any) -> Read:
    return reader().parse(json.dumps({"object": "response", "status": "completed", "output": output, **more}))


def said(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}], **more}


def test_comments_on_the_way_are_no_answer() -> None:
    thought = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]}
    reply = read(thought, said("I will look.", phase="commentary"), said("Four.", phase="final_answer"))
    assert (reply.text, reply.reasoning) == ("Four.", "Hm.\n\nI will look.")
    assert read(said("Two"), said(" parts.")).text == "Two parts."
    assert read(said("Only this.", phase="commentary")).text == "Only this."


def test_what_other_services_say_in_their_own_way() -> None:
    thought = {"type": "reasoning", "content": [{"type": "reasoning_text", "text": "Hm."}], "summary": []}
    call = {"type": "function_call", "name": "look", "arguments": {"n": 1}}
    reply = read(thought, {"type": "web_search_call"}, call, 3, usage=None, incomplete_details=None)
    assert (reply.text, reply.reasoning, reply.usage) == ("", "Hm.", Usage())
    assert reply.tool_calls == (ToolCall("call_2", "look", '{"n":1}'),)
    assert read(said("x"), status="incomplete", incomplete_details={"reason": "steered"}).finish == "other"
    assert read(said("x"), status="incomplete").finish == "other"
    logprobs = [{"token": "x", "logprob": -0.5, "top_logprobs": []}]
    part = {"type": "output_text", "text": "x", "logprobs": logprobs}
    assert read({"type": "message", "content": [part, 3]}).logprobs == (Token("x", -0.5),)
    for nonsense in (None, 3, "x", {}, [3]):
        assert read({"type": "message", "content": nonsense}, {"type": "reasoning", "summary": nonsense}).text == ""


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("", "nothing: an empty body"),
        ("<html>", "HTML, not JSON"),
        ('{"output": [', "JSON that breaks off"),
        ("{}", "JSON that holds no output: does base_url name a service with a Responses API?"),
        ('{"choices": []}', "JSON that holds no output"),
        ('{"output": null}', "JSON that holds no output"),
        ('{"output": [], "status": "in_progress"}', "JSON that holds no output"),
        ('{"output": [], "status": "failed", "error": {"message": "gone"}}', "an error: gone"),
    ],
)
def test_what_is_no_answer_is_said_to_be_what_it_is(given: str, told: str) -> None:
    with pytest.raises(BrokenBody) as caught:
        reader().parse(given)
    assert f"api.openai.com answered with {told}" in str(caught.value)


# errors, settings


def test_a_service_without_this_api_is_named() -> None:
    with LoopbackServer(prefix="/other/v1") as server:
        url = server.url.replace("/other", "")
        error = str(error_of(url, asking()))
    assert f"{url}/responses is not there, or knows no model 'm' (404)" in error


def test_an_option_that_is_refused_is_named_without_a_code_too() -> None:
    told = ApiError(400, "Unsupported parameter: 'temperature' is not supported with this model.", param="temperature")
    with LoopbackServer(lambda got: Reply(error=told)) as server:
        error = error_of(server.url, asking(options={"temperature": 0.5}))
    assert type(error) is OptionRefused and error.option == "temperature"


def test_settings_are_those_of_the_other_provider() -> None:
    with pytest.raises(ConfigError, match=r"the provider openai-responses has no setting 'org'"):
        OpenAIResponses(Endpoint(settings={"org": "x"}))

    async def go(url: str) -> None:
        async with provider(url, api="openai-responses", organization="org-1") as made:
            await made.call(request(api="openai-responses"), "0")

    with LoopbackServer(lambda got: "Hello.") as server:
        asyncio.run(go(server.url))
        assert server.headers[0]["openai-organization"] == "org-1"
