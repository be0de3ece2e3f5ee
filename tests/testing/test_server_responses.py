"""`POST /responses` of the loopback server, through the SDK and its types."""

import asyncio
import base64
import json
from collections.abc import Mapping
from typing import Any

import openai
import pytest
from loopback_kit import client
from openai.types.responses import Response
from pydantic import BaseModel

from synthkit.testing import LoopbackServer, Reply, demo, fresh, steady


def create(server: LoopbackServer, given: Any = "hi", **options: Any) -> Any:
    """One call through the SDK: the response, or all events of a stream."""

    async def call() -> Any:
        async with client(server.url) as connected:
            answer = await connected.responses.create(model="m", input=given, **options)
            return [event async for event in answer] if options.get("stream") else answer

    return asyncio.run(call())


def checked(response: Response) -> Response:
    """The response, which the SDK builds without looking, looked at by its types."""
    return Response.model_validate(response.to_dict())


def error_of(server: LoopbackServer, **body: Any) -> openai.BadRequestError:
    async def call() -> None:
        async with client(server.url) as connected:
            await connected.post("/responses", cast_to=object, body={"model": "m", "input": "hi", **body})

    with pytest.raises(openai.BadRequestError) as caught:
        asyncio.run(call())
    return caught.value


def test_an_answer_has_the_form_that_the_sdk_knows() -> None:
    with LoopbackServer(lambda request: "Hello there.") as server:
        response = checked(create(server, instructions="Be brief.", store=False, metadata={"a": "b"}))
    assert response.output_text == "Hello there."
    assert (response.status, response.model, response.store) == ("completed", "m", False)
    assert response.usage is not None and response.usage.total_tokens == response.usage.input_tokens + 3
    assert response.metadata == {"a": "b"} and response.instructions == "Be brief."
    assert server.requests[0].path == "/v1/responses"


def test_the_handlers_see_the_same_as_over_chat_completions() -> None:
    seen: list[Any] = []

    def handler(request: Any) -> str:
        seen.append((request.prompt, [dict(message) for message in request.messages], request.schema))
        return "{}"

    form = {"type": "json_schema", "name": "x", "strict": False, "schema": {"type": "object"}}
    picture = f"data:image/png;base64,{base64.b64encode(b'x').decode()}"
    parts = [{"type": "input_text", "text": "What?"}, {"type": "input_image", "image_url": picture}]
    given = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": parts},
        {"role": "assistant", "content": "Let me look."},
        {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "A cat."},
    ]  # fmt: skip
    with LoopbackServer(handler) as server:
        create(server, given, text={"format": form})
    [(prompt, messages, schema)] = seen
    assert prompt == "A cat." and schema == {"type": "object"}
    assert [message["role"] for message in messages] == ["system", "user", "assistant", "assistant", "tool"]
    assert messages[1]["content"][1] == {"type": "image_url", "image_url": {"url": picture}}
    assert messages[3]["tool_calls"][0]["function"] == {"name": "look", "arguments": "{}"}


class Verdict(BaseModel):
    good: bool
    why: str


def test_the_sdk_parses_a_structured_answer() -> None:
    async def call(server: LoopbackServer) -> Any:
        async with client(server.url) as connected:
            return await connected.responses.parse(model="m", input="Judge.", text_format=Verdict)

    with LoopbackServer(steady) as server:
        assert isinstance(asyncio.run(call(server)).output_parsed, Verdict)
        assert isinstance(server.requests[0].body["text"]["format"]["schema"], dict)


@pytest.mark.parametrize("handler", [steady, fresh, demo])
def test_the_ready_handlers_answer(handler: Any) -> None:
    with LoopbackServer(handler) as server:
        assert create(server, "Write a poem about the sea.").output_text


def test_a_tool_that_must_be_called_is_called() -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    tools = [{"type": "function", "name": name, "parameters": schema, "strict": False} for name in ("a", "b")]
    with LoopbackServer(steady) as server:
        for chosen, name in (("required", "a"), ({"type": "function", "name": "b"}, "b")):
            [item] = checked(create(server, tools=tools, tool_choice=chosen)).output
            assert item.type == "function_call" and item.name == name
            assert set(json.loads(item.arguments)) == {"city"}


def test_what_is_cut_is_incomplete() -> None:
    with LoopbackServer(lambda request: "word " * 100) as server:
        response = checked(create(server, max_output_tokens=16))
    assert response.status == "incomplete" and response.incomplete_details is not None
    assert response.incomplete_details.reason == "max_output_tokens"
    assert len(response.output_text) == 64
    with LoopbackServer(lambda request: Reply(text="I", finish_reason="content_filter")) as server:
        details = checked(create(server)).incomplete_details
    assert details is not None and details.reason == "content_filter"


def test_reasoning_is_told_where_it_is_asked_for() -> None:
    with LoopbackServer(lambda request: Reply(text="4", reasoning="Two and two.")) as server:
        silent = checked(create(server, reasoning={"effort": "low"}))
        told = checked(create(server, reasoning={"effort": "low", "summary": "auto"}))
    assert silent.output[0].type == told.output[0].type == "reasoning"
    assert silent.output[0].summary == []
    assert told.output[0].summary[0].text == "Two and two."
    assert told.usage is not None and told.usage.output_tokens_details.reasoning_tokens == 3


def test_logprobs_come_where_they_are_included() -> None:
    with LoopbackServer(lambda request: "two words") as server:
        response = checked(create(server, include=["message.output_text.logprobs"], top_logprobs=2))
    entries = response.output[0].content[0].logprobs  # type: ignore[union-attr]
    assert [entry.token for entry in entries] == ["two", " words"]  # type: ignore[union-attr]
    assert all(len(entry.top_logprobs) == 2 for entry in entries)  # type: ignore[union-attr]


def test_a_stream_says_the_same_as_a_whole_response() -> None:
    answer = Reply(
        text="Some words to say.", reasoning="Hm, hm.", tool_calls=[{"name": "t", "arguments": {"a": "b c"}}]
    )
    options = {"include": ["message.output_text.logprobs"], "reasoning": {"summary": "auto"}}
    with LoopbackServer(lambda request: answer) as server:
        whole = create(server, **options)
        events = create(server, **options, stream=True)
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert [event.type for event in events[:3]] == [
        "response.created", "response.in_progress", "response.output_item.added",
    ]  # fmt: skip
    assert events[-1].type == "response.completed"
    last = events[-1].response.to_dict()
    assert last["output"][1]["content"] == whole.to_dict()["output"][1]["content"]
    for kind, said in [
        ("response.output_text.delta", "Some words to say."),
        ("response.reasoning_summary_text.delta", "Hm, hm."),
        ("response.function_call_arguments.delta", '{"a": "b c"}'),
    ]:
        assert "".join(event.delta for event in events if event.type == kind) == said
    for event in events:
        type(event).model_validate(event.to_dict())


def test_the_sdk_puts_a_stream_together() -> None:
    async def call(server: LoopbackServer) -> Any:
        async with client(server.url) as connected, connected.responses.stream(model="m", input="hi") as stream:
            return await stream.get_final_response()

    for answer, text in ((Reply(text="Hello there."), "Hello there."), (Reply(refusal="No."), "")):
        with LoopbackServer(lambda request, answer=answer: answer) as server:  # type: ignore[misc]
            response = asyncio.run(call(server))
        assert response.output_text == text
    assert response.output[0].content[0].refusal == "No."


CALL = {"type": "function_call", "call_id": "c", "name": "n", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "c"}
FORM = {"type": "json_schema", "name": "n", "strict": True, "schema": {"type": "object"}}
TEXT, PICTURE = {"type": "text", "text": "x"}, {"type": "input_image", "image_url": "cat.png"}
BAD_TOOL = {"type": "function", "name": "n", "parameters": {"type": "array"}}
REFUSED: list[tuple[Mapping[str, Any], str | None, str | None]] = [
    ({"seed": 1}, "seed", "unknown_parameter"),
    ({"messages": []}, "messages", "unknown_parameter"),
    ({"max_tokens": 100}, "max_tokens", "unknown_parameter"),
    ({"max_output_tokens": 15}, "max_output_tokens", "integer_below_min_value"),
    ({"input": 3}, "input", "invalid_type"),
    ({"input": [{"role": "tool", "content": "x"}]}, "input[0].role", "invalid_value"),
    ({"input": [{"role": "user"}]}, "input[0].content", "missing_required_parameter"),
    ({"input": [{"role": "user", "content": [TEXT]}]}, "input[0].content[0].type", "invalid_value"),
    ({"input": [{"role": "assistant", "content": [PICTURE]}]}, "input[0].content[0].type", "invalid_value"),
    ({"input": [{"role": "user", "content": [PICTURE]}]}, "input[0].content[0].image_url", "invalid_value"),
    ({"input": [{**CALL, "call_id": None}, OUTPUT]}, "input[0].call_id", "missing_required_parameter"),
    ({"input": [CALL]}, "input", None),
    ({"input": [{**OUTPUT, "output": "x"}]}, "input", None),
    ({"input": [CALL, OUTPUT]}, "input[1].output", "missing_required_parameter"),
    ({"temperature": 3}, "temperature", "decimal_above_max_value"),
    ({"reasoning": {"effort": "huge"}}, "reasoning.effort", "invalid_value"),
    ({"reasoning": {"summary": "long"}}, "reasoning.summary", "invalid_value"),
    ({"include": ["everything"]}, "include[0]", "invalid_value"),
    ({"top_logprobs": 2}, "top_logprobs", "invalid_value"),
    ({"text": {"format": {"type": "xml"}}}, "text.format.type", "invalid_value"),
    ({"text": {"format": {"type": "json_schema"}}}, "text.format.name", "missing_required_parameter"),
    ({"text": {"format": FORM}}, "text.format.schema", None),
    ({"tools": [{"type": "function", "function": {"name": "n"}}]}, "tools[0].name", "invalid_value"),
    ({"tools": [BAD_TOOL]}, "tools[0].parameters", "invalid_function_parameters"),
    ({"tool_choice": "required"}, "tool_choice", None),
]


def test_what_the_service_refuses() -> None:
    with LoopbackServer(steady) as server:
        for body, param, code in REFUSED:
            error = error_of(server, **body)
            assert (error.param, error.code) == (param, code), body
        assert server.count == len(REFUSED) and server.answered == 0


def test_errors_keys_and_models_are_as_over_chat_completions() -> None:
    busy = Reply(error="rate_limit_exceeded", retry_after=2)
    with LoopbackServer(lambda request: busy) as server, pytest.raises(openai.RateLimitError):
        create(server)
    with LoopbackServer(key="a key", models=["n"]) as server, pytest.raises(openai.AuthenticationError):
        create(server)
    with LoopbackServer(models=["n"]) as server, pytest.raises(openai.NotFoundError):
        create(server)
