"""What a request becomes for Anthropic's service: messages, tools, options by model. Each body is sent to a server that
checks it as the service does."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import pytest
from anthropic.types import Model as NamedModel
from anthropic_kit import MODEL, ask, error_of, provider, request
from pydantic import BaseModel

from synthkit import errors
from synthkit.core import Endpoint, Request
from synthkit.models.hedging import Hedges
from synthkit.models.learned import Learned
from synthkit.models.limiter import Limiter
from synthkit.models.prices import Prices
from synthkit.models.project import Model
from synthkit.models.question import Question
from synthkit.models.service import Service
from synthkit.providers import anthropic_requests
from synthkit.providers.anthropic import Anthropic
from synthkit.providers.anthropic_models import EFFORTS, traits
from synthkit.testing import LoopbackServer, Reply

USER = {"role": "user", "content": "Hello."}
PNG = "data:image/png;base64,iVBORw0KGgo="
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Köln"}'}}
ASKED = {"role": "assistant", "content": "", "tool_calls": [CALL]}
TOLD = {"role": "tool", "tool_call_id": "call_1", "content": "12 degrees"}
MODELS = get_args(get_args(NamedModel)[0])


def sent(asked: Request, **settings: Any) -> Mapping[str, Any]:
    """The body that the server got, and took."""
    with LoopbackServer(lambda got: "Hello.") as server:
        ask(server.url, asked, **settings)
        return server.requests[0].body


def messages(*given: Mapping[str, Any], **more: Any) -> Mapping[str, Any]:
    return sent(request(messages=list(given), **more))


def text(said: str) -> Mapping[str, Any]:
    return {"type": "text", "text": said}


# messages


def test_system_messages_become_the_system_prompt_wherever_they_stand() -> None:
    body = messages(
        {"role": "system", "content": "Be brief."}, USER, {"role": "system", "content": [text("In German.")]}
    )
    assert body["system"] == [text("Be brief."), text("In German.")]
    assert body["messages"] == [{"role": "user", "content": [text("Hello.")]}]


def test_a_conversation_with_tools_there_and_back() -> None:
    second = {"id": "call:2", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Rom"}'}}
    both = {"role": "assistant", "content": "I look.", "tool_calls": [CALL, second]}
    seen = {
        "role": "tool",
        "tool_call_id": "call:2",
        "content": [text("sunny"), {"type": "image_url", "image_url": {"url": PNG}}],
    }
    body = messages(USER, both, TOLD, seen, {"role": "assistant", "content": "Done."}, USER, tools=[WEATHER])
    assert body["tools"] == [
        {"name": "weather", "description": "The weather of a city.", "input_schema": WEATHER["function"]["parameters"]}  # type: ignore[index]
    ]
    assert "tool_choice" not in body
    _, called, told, *_ = body["messages"]
    assert called["content"] == [
        text("I look."),
        {"type": "tool_use", "id": "call_1", "name": "weather", "input": {"city": "Köln"}},
        {"type": "tool_use", "id": "call_2", "name": "weather", "input": {"city": "Rom"}},
    ]
    source = {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}
    assert told == {
        "role": "user",
        "content": [
            {"type": "tool_result", "tool_use_id": "call_1", "content": [text("12 degrees")]},
            {
                "type": "tool_result",
                "tool_use_id": "call_2",
                "content": [text("sunny"), {"type": "image", "source": source}],
            },
        ],
    }
    assert [turn["role"] for turn in body["messages"]] == ["user", "assistant", "user", "assistant", "user"]


def test_a_result_that_says_nothing_is_a_result_all_the_same() -> None:
    body = messages(USER, ASKED, {"role": "tool", "tool_call_id": "call_1", "content": ""}, tools=[WEATHER])
    assert body["messages"][-1]["content"] == [{"type": "tool_result", "tool_use_id": "call_1"}]


def test_a_conversation_that_tells_of_tools_brings_their_names_where_no_tools_are_given() -> None:
    body = messages(USER, ASKED, TOLD, {"role": "assistant", "content": "12."}, {"role": "user", "content": "Rate it."})
    assert [tool["name"] for tool in body["tools"]] == ["weather"]
    assert body["tool_choice"] == {"type": "none"}


@pytest.mark.parametrize(
    ("chosen", "goes_out"),
    [
        ("auto", None),
        ("required", {"type": "any"}),
        ("none", {"type": "none"}),
        ("weather", {"type": "tool", "name": "weather"}),
    ],
)
def test_how_tools_are_chosen(chosen: str, goes_out: object) -> None:
    body = sent(request(model="claude-opus-4-8", tools=[WEATHER], tool_choice=chosen))
    assert body.get("tool_choice") == goes_out


def test_a_strict_tool_stays_strict_where_its_schema_allows_it() -> None:
    strict = {"type": "function", "function": {**WEATHER["function"], "strict": True}}  # type: ignore[dict-item]
    (tool,) = sent(request(tools=[strict]))["tools"]
    assert tool["strict"] is True and tool["input_schema"]["additionalProperties"] is False
    free = {"type": "object", "properties": {"any": {}}}
    loose = {"type": "function", "function": {"name": "x", "parameters": free, "strict": True}}
    (tool,) = sent(request(tools=[loose]))["tools"]
    assert "strict" not in tool and tool["input_schema"] == free


def test_images_go_out_by_address_or_in_base64() -> None:
    parts = [text("What is it?"), {"type": "image_url", "image_url": {"url": PNG, "detail": "high"}}]
    body = messages({"role": "user", "content": [*parts, {"type": "image_url", "image_url": "https://x.org/a.png"}]})
    assert body["messages"][0]["content"][1:] == [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}},
        {"type": "image", "source": {"type": "url", "url": "https://x.org/a.png"}},
    ]


def test_white_space_is_left_out_and_neighbours_are_one_message() -> None:
    body = messages(
        {"role": "system", "content": " "},
        {"role": "user", "content": [text(""), text("One.")]},
        {"role": "assistant", "content": "\n"},
        {"role": "user", "content": "Two."},
    )
    assert "system" not in body
    assert body["messages"] == [{"role": "user", "content": [text("One."), text("Two.")]}]


WRONG: Mapping[str, tuple[list[Mapping[str, Any]], str]] = {
    "nothing": ([{"role": "system", "content": "Be brief."}, {"role": "user", "content": " "}], "says nothing"),
    "assistant first": ([{"role": "assistant", "content": "Hello."}, USER], "begins with the assistant"),
    "assistant last": ([USER, {"role": "assistant", "content": "The"}], "end with one of the user"),
    "role": ([USER, {"role": "critic", "content": "x"}], "message 2 has the role 'critic'"),
    "no content": ([{"role": "user", "content": 7}], "the content of message 1 is neither a text nor a list of parts"),
    "part": ([{"role": "user", "content": [{"type": "input_audio"}]}], "message 1 holds a part of type 'input_audio'"),
    "image in system": (
        [{"role": "system", "content": [{"type": "image_url", "image_url": {"url": PNG}}]}, USER],
        "message 1 holds a part of type 'image_url', where text may stand",
    ),
    "no url": ([{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}], "an image without a url"),
    "bmp": (
        [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/bmp;base64,AA"}}]}],
        "holds an image as 'image/bmp;base64': give PNG, JPEG, GIF or WebP in base64",
    ),
    "arguments": (
        [USER, {**ASKED, "tool_calls": [{**CALL, "function": {"name": "weather", "arguments": '{"city'}}]}, TOLD],
        "message 2 calls weather with arguments that are no JSON object",
    ),
    "no call id": ([USER, ASKED, {"role": "tool", "content": "x"}], "does not say of which call: add tool_call_id"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_conversation_that_has_no_such_form_is_refused_before_it_is_sent(what: str) -> None:
    given, said = WRONG[what]
    with LoopbackServer(lambda got: "Hello.") as server:
        error = error_of(server.url, request(messages=given))
        assert server.count == 0
    assert type(error) is errors.BadRequest
    assert said in str(error)


def test_older_models_go_on_from_an_assistants_message() -> None:
    given = [USER, {"role": "assistant", "content": "The answer is"}]
    body = sent(request(model="claude-haiku-4-5", messages=given))
    assert body["messages"][-1] == {"role": "assistant", "content": [text("The answer is")]}


# options by model


def test_every_model_that_the_sdk_names_takes_what_is_sent_to_it() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer", "minimum": 1}}, "required": ["a"]}
    asked = []
    for model in MODELS:
        known, taken = traits(model), Anthropic(Endpoint()).takes(model)
        assert known is not None and not taken & {"temperature", "top_p", "top_k"}
        assert ("reasoning_effort" in taken) == bool(known.efforts)
        for effort in (None, *(("none",) if known.off and known.efforts else ()), *known.efforts):
            options = {"max_tokens": 50, "stop": ["END"], **({"reasoning_effort": effort} if effort else {})}
            asked.append(request(model=model, options=options, schema=schema, tools=[WEATHER]))
            assert Anthropic(Endpoint()).objection(asked[-1]) is None

    async def go(url: str) -> None:
        async with provider(url) as made:
            await asyncio.gather(*(made.call(one, "0") for one in asked))  # a 400 would be raised

    with LoopbackServer(lambda got: "Hello.") as server:
        asyncio.run(go(server.url))
        assert server.answered == len(asked) > 100
        told = {(got.body["model"], got.body["output_config"].get("effort")) for got in server.requests}
    effort = {one.options.get("reasoning_effort") for one in asked if one.model == "claude-opus-5-5"}
    assert {level for name, level in told if name == "claude-opus-5-5"} == effort == {None, *EFFORTS}


def test_how_models_think() -> None:
    def thinking(model: str, effort: str | None = None) -> object:
        options = {"max_tokens": 9, **({"reasoning_effort": effort} if effort else {})}
        return anthropic_requests.body(request(model=model, options=options)).get("thinking")

    shown = {"type": "adaptive", "display": "summarized"}
    assert thinking("claude-opus-5-5") == thinking("claude-haiku-5-5", "low") == thinking("claude-fable-5-2") == shown
    assert thinking("claude-opus-4-8") is None and thinking("claude-opus-4-8", "high") == shown
    assert thinking("claude-opus-4-8", "none") is None and thinking("claude-opus-4-5", "high") is None
    assert thinking("claude-sonnet-5", "none") == {"type": "disabled"}
    assert thinking("claude-sonnet-5-5", "none") == {"type": "between_tools"}
    assert thinking("claude-opus-9") is None and thinking("claude-opus-9", "low") == shown
    assert thinking("qwen3") is None


OBJECTIONS: list[tuple[str, dict[str, Any], str]] = [
    (
        "claude-opus-5-5",
        {"options": {"reasoning_effort": "none"}},
        "always thinks: leave reasoning_effort out, or set it to low",
    ),
    ("claude-opus-4-6", {"options": {"reasoning_effort": "xhigh"}}, "give one of none, low, medium, high, max"),
    (
        "claude-fable-5",
        {"options": {"reasoning_effort": "minimal"}},
        "no reasoning_effort 'minimal': give one of low, medium",
    ),
    ("claude-sonnet-5-5", {"tools": [WEATHER], "tool_choice": "required"}, "cannot be made to call a tool"),
    ("claude-fable-5-2", {"tools": [WEATHER], "tool_choice": "weather"}, "leave tool_choice at auto"),
    ("claude-sonnet-4-6", {"options": {"temperature": 1.5}}, "takes no temperature 1.5: give one from 0 to 1"),
    ("qwen3", {"options": {"extra": {"max_tokens": 9}}}, "`extra` cannot set max_tokens"),
]


@pytest.mark.parametrize(("model", "given", "said"), OBJECTIONS)
def test_what_a_model_does_not_take_is_told_before_a_run(model: str, given: dict[str, Any], said: str) -> None:
    objection = Anthropic(Endpoint()).objection(request(model=model, **given))
    assert objection is not None and f"anthropic/{model}" in objection and said in objection
    assert Anthropic(Endpoint()).objection(request(model=model)) is None


def test_names_of_models_are_read_however_they_are_written() -> None:
    for name in (
        "claude-opus-4-5",
        "claude-opus-4-5-20251101",
        "claude-opus-4.5",
        "anthropic/claude-opus-4-5@20251101",
    ):
        assert traits(name) == traits("claude-opus-4-5"), name
    old = traits("claude-sonnet-4-20250514")
    assert old == traits("claude-sonnet-4-0") and old is not None and not old.structured and old.prefill
    assert traits("claude-3-5-haiku-20241022") == traits("claude-3-haiku-20240307")
    newer = traits("claude-opus-6")
    assert newer is not None and newer.structured and newer.forced and newer.efforts == EFFORTS
    assert traits("claude-next") == newer
    assert traits("qwen3-32b") is None


def test_sampling_is_for_the_old_version_and_for_others_models() -> None:
    new, old = Anthropic(Endpoint()), Anthropic(Endpoint(settings={"version": "2023-06-01"}))
    plain = {"max_tokens", "stop", "extra"}
    assert new.takes("claude-sonnet-4-6") == plain | {"reasoning_effort"}
    assert old.takes("claude-sonnet-4-6") == plain | {"reasoning_effort", "temperature", "top_k", "top_p"}
    assert old.takes("claude-haiku-4-5") == plain | {"temperature", "top_k", "top_p"}
    assert old.takes("claude-opus-4-7") == plain | {"reasoning_effort"}
    assert new.takes("qwen3") == plain | {"temperature", "top_p", "top_k"}
    assert new.takes("claude-haiku-4-5") == plain


def test_options_that_do_not_go_together() -> None:
    old = Anthropic(Endpoint(settings={"version": "2023-06-01"}))
    both = {"temperature": 0.5, "top_p": 0.9}
    assert old.clashes("claude-sonnet-4-6", both) == {"top_p"}
    assert old.clashes("claude-sonnet-4-6", {**both, "reasoning_effort": "low"}) == {"temperature", "top_p"}
    assert old.clashes("claude-opus-4-5", {"temperature": 0.5, "reasoning_effort": "low"}) == set()
    assert old.clashes("claude-sonnet-4-6", {"temperature": 0.5, "reasoning_effort": "none"}) == set()
    assert old.clashes("qwen3", both) == set()
    for options in ({"temperature": 0.5, "top_k": 3}, {"top_p": 0.9}, {"reasoning_effort": "high"}):
        asked = request(model="claude-opus-4-6", options={"max_tokens": 9, **options})
        assert old.clashes("claude-opus-4-6", options) == set()
        assert sent(asked, version="2023-06-01").items() >= {k: v for k, v in options.items() if k in both}.items()


def test_what_can_be_done_depends_on_the_model() -> None:
    made = Anthropic(Endpoint())
    assert made.can("claude-haiku-4-5") == {"structured", "tools", "images"}
    assert made.can("claude-opus-4-1") == made.can("qwen3") == {"tools", "images"}


def test_a_stop_of_white_space_is_an_option_refused() -> None:
    with pytest.raises(errors.OptionRefused) as caught:
        anthropic_requests.body(request(options={"max_tokens": 9, "stop": ["\n", "END"]}))
    assert caught.value.option == "stop"
    assert anthropic_requests.body(request(options={"max_tokens": 9, "stop": "END"}))["stop_sequences"] == ["END"]


def test_what_else_the_service_knows_goes_through_extra() -> None:
    extra = {"service_tier": "standard_only", "output_config": {"effort": "low"}, "metadata": {"user_id": "u"}}
    schema = {"type": "object", "properties": {}, "additionalProperties": False}
    body = sent(request(options={"max_tokens": 9, "extra": extra}, schema=schema))
    assert body["service_tier"] == "standard_only" and body["metadata"] == {"user_id": "u"}
    assert body["output_config"].keys() == {"effort", "format"}
    budget = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
    options = {"max_tokens": 2000, "extra": budget}
    assert sent(request(model="claude-haiku-4-5", options=options))["thinking"] == budget["thinking"]


def test_a_turn_with_tools_goes_on_without_the_thoughts_that_it_would_have_to_begin_with() -> None:
    options = {"max_tokens": 2000, "extra": {"thinking": {"type": "enabled", "budget_tokens": 1024}}}
    asked = request(model="claude-haiku-4-5", options=options, messages=[USER, ASKED, TOLD], tools=[WEATHER])
    assert "thinking" not in sent(asked)
    onward = [USER, ASKED, TOLD, {"role": "assistant", "content": "12."}, USER]
    assert "thinking" in sent(asked.replaced(messages=onward))


# through a service


class City(BaseModel):
    """A city."""

    name: str
    people: int


def service(model: str, structured: str | None = None) -> Service:
    table = Model("m", "anthropic", model, structured=structured)
    return Service(table, Anthropic(Endpoint()), Prices({}), Limiter(4), Hedges(), Learned(Path("none.json")))


def test_schemas_go_out_natively_where_the_model_can() -> None:
    asked = Question("A city.", City)
    assert service("claude-opus-5-5").request(asked).schema is not None
    assert service("claude-opus-5-5", "prompt").request(asked).schema is None
    for other in ("claude-opus-4-1", "qwen3"):
        assert service(other).request(asked).schema is None
        assert service(other, "native").request(asked).schema is not None
    with pytest.raises(errors.ConfigError, match="m cannot promise answers of this schema: the field `a` may be any"):
        service("claude-opus-5-5").request(Question("x", {"type": "object", "properties": {"a": {}}}))


def test_an_objection_is_an_error_of_configuration() -> None:
    with pytest.raises(errors.ConfigError, match="anthropic/claude-opus-5-5 cannot be made to call a tool"):
        service("claude-opus-5-5").request(Question("x", tools=[City], tool_choice="required"))
    with pytest.raises(errors.ConfigError, match="m does not take temperature"):
        service("claude-opus-5-5").request(Question("x", options={"temperature": 0.5}))
    wished = service("claude-opus-5-5")
    assert "temperature" not in wished.request(Question("x", wishes={"temperature": 0.5})).options
    assert wished.refused == {"temperature"}


def test_structured_answers_and_calls_over_the_wire() -> None:
    with LoopbackServer(lambda got: json.dumps({"name": "Köln", "people": 1})) as server:
        reply = ask(server.url, service("claude-opus-5-5").request(Question("A city.", City)))
        schema = server.requests[0].body["output_config"]["format"]["schema"]
    assert json.loads(reply.text) == {"name": "Köln", "people": 1}
    assert schema["additionalProperties"] is False and schema["required"] == ["name", "people"]
    calls = [{"name": "city", "arguments": {"name": "Rom", "people": 3}}]
    with LoopbackServer(lambda got: Reply(tool_calls=calls)) as server:
        reply = ask(server.url, service("claude-opus-5-5").request(Question("A city.", tools=[City])))
    assert reply.finish == "tool_calls"
    assert json.loads(reply.tool_calls[0].arguments) == {"name": "Rom", "people": 3}


def test_a_repair_of_a_call_is_a_conversation_that_the_service_takes() -> None:
    from synthkit.models.structured import with_repair

    first = request(tools=[WEATHER], model=MODEL)
    with LoopbackServer(lambda got: Reply(tool_calls=[{"name": "weather", "arguments": {"town": "Rom"}}])) as server:
        reply = ask(server.url, first)
        ask(server.url, with_repair(first, reply, errors.AnswerError("city is missing")))
        _, called, told = server.requests[1].body["messages"]
    assert called["content"][0]["input"] == {"town": "Rom"}
    assert told["content"][0]["tool_use_id"] == called["content"][0]["id"]
