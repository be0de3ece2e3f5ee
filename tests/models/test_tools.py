"""Tools: what goes out as their definition, which calls are taken, and which are asked for again."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest
from calls_kit import calls, context, outcome
from pydantic import BaseModel, ConfigDict, Field

import synthkit as sk
from synthkit.core import ToolCall
from synthkit.errors import AnswerError, PipelineError, RecordError
from synthkit.generators import Rows
from synthkit.models.tools import checked, definitions, tool_name
from synthkit.testing import LoopbackServer, Reply, steady

Serve = Callable[..., LoopbackServer]


class GetWeather(BaseModel):
    """The weather of a city."""

    model_config = ConfigDict(populate_by_name=True)

    city: str = Field(description="as in Rome")
    days: int = Field(3, ge=1, le=7)
    unit: str = Field("C", alias="the unit")


LOOK: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "look",
        "description": "Looks.",
        "parameters": {
            "type": "object",
            "properties": {"where": {"type": "string"}, "depth": {"type": "integer"}},
            "required": ["where"],
        },
    },
}
TOOLS = [GetWeather, LOOK]


def ask(project: Path, **options: Any) -> Any:
    async def main() -> Any:
        async with calls(project) as models:
            return await outcome(context(models).ask("m", "What is it like?", **{"tools": TOOLS, **options}))

    return asyncio.run(main())


def in_turn(*replies: Any) -> Callable[[Any], Any]:
    return lambda request: replies[min(request.number, len(replies) - 1)]


def call(name: str, arguments: Any, number: int = 1) -> dict[str, Any]:
    return {"id": f"c{number}", "name": name, "arguments": arguments}


# definitions


def test_a_model_of_arguments_becomes_a_definition() -> None:
    [weather, look] = definitions(TOOLS)
    assert weather["function"]["name"] == "get_weather" == tool_name(GetWeather)
    assert weather["function"]["description"] == "The weather of a city."
    parameters = weather["function"]["parameters"]
    assert list(parameters["properties"]) == ["city", "days", "the unit"]
    assert parameters["required"] == ["city"] and parameters["additionalProperties"] is False
    assert "description" not in parameters
    assert look == LOOK


def test_definitions_may_be_short() -> None:
    flat = {"type": "function", **LOOK["function"]}
    assert definitions([flat]) == [LOOK]
    empty = {"type": "object", "properties": {}}
    for given in ({}, None, {"type": "object"}):
        [made] = definitions([{"function": {"name": "now", "parameters": given}}])
        assert made == {"type": "function", "function": {"name": "now", "parameters": empty}}
    [untyped] = definitions([{"name": "go", "parameters": {"properties": {"to": {"type": "string"}}}}])
    assert untyped["function"]["parameters"] == {"type": "object", "properties": {"to": {"type": "string"}}}


@pytest.mark.parametrize(
    ("tools", "said"),
    [
        (["look"], "look defines no tool: write {'type': 'function', 'function': {'name': …"),
        ([{}], "{} defines no tool"),
        ([{"function": "look"}], "{'function': 'look'} defines no tool"),
        ([{"function": {"name": "two words"}}], "{'function': {'name': 'two words'}} defines no tool"),
        ([{"function": {"name": "x" * 65}}], "{'function': {'name': 'xxxx"),
        ([None], "None defines no tool"),
        ([LOOK, LOOK], "two tools are called 'look': give each a name of its own"),
        ([{"name": "a", "parameters": []}, {"name": "a"}], "two tools are called 'a'"),
        ([{"name": "a", "parameters": "{}"}], "the parameters of the tool 'a' are no JSON schema of an object: write"),
        (
            [{"name": "a", "parameters": {"type": "array"}}],
            "the parameters of the tool 'a' are no JSON schema of an obj",
        ),
        (
            [{"name": "a", "parameters": {"type": "object", "properties": {"b": {"type": "text"}}}}],
            "the parameters of the tool 'a': a schema for answers is no JSON schema: $.properties.b.type: ",
        ),
        (
            [{"name": "a", "parameters": {"properties": {"b": {"$ref": "https://example.com/b"}}}}],
            "the parameters of the tool 'a': a schema for answers refers to 'https://example.com/b', which it does not",
        ),
    ],
)
def test_what_is_no_tool_is_named(tools: Any, said: str) -> None:
    with pytest.raises(RecordError) as caught:
        definitions(tools)
    assert str(caught.value).startswith(said)
    assert caught.value.reason == "tools"


# calls


def test_calls_are_taken_with_arguments_that_fit(serve: Serve, project: Path) -> None:
    given = [call("get_weather", {"city": "Rome", "the unit": "F"}), call("look", '{"where": "up"}', 2)]
    server = serve(answer=lambda request: Reply(text="Let me see.", tool_calls=given))
    answer = ask(project)
    assert answer.text == "Let me see." and answer.finish == "tool_calls" and answer.data is None
    assert answer.tool_calls == [
        ToolCall("c1", "get_weather", {"city": "Rome", "the unit": "F"}),
        ToolCall("c2", "look", {"where": "up"}),
    ]
    assert answer.message["tool_calls"][1] == {
        "id": "c2",
        "type": "function",
        "function": {"name": "look", "arguments": '{"where":"up"}'},
    }
    assert [tool["function"]["name"] for tool in server.requests[0].body["tools"]] == ["get_weather", "look"]
    assert "tool_choice" not in server.requests[0].body


NEARLY: list[tuple[Any, Any]] = [
    ('{"where": "up",}', {"where": "up"}),
    ("```json\n{'where': 'up'}\n```", {"where": "up"}),
    ('{"where": "up", "depth": null}', {"where": "up"}),
]


@pytest.mark.parametrize(("arguments", "taken"), NEARLY)
def test_arguments_that_are_nearly_right_are_taken(serve: Serve, project: Path, arguments: Any, taken: Any) -> None:
    server = serve(answer=lambda request: Reply(tool_calls=[call("look", arguments)]))
    assert ask(project).tool_calls == [ToolCall("c1", "look", taken)]
    assert server.count == 1


def test_no_arguments_are_an_empty_object() -> None:
    now = {"name": "now", "parameters": {}}
    for text in ("", " ", "{}"):
        assert checked([ToolCall("c", "now", text)], [now], definitions([now])) == [ToolCall("c", "now", {})]


UNFIT: list[tuple[dict[str, Any], str]] = [
    (call("look", "{}"), "the call of look: $: 'where' is a required property"),
    (call("look", {"where": 3}), "the call of look: $.where: 3 is not of type 'string'"),
    (call("look", "up there"), "the call of look: the answer is not JSON"),
    (call("look", "[1]"), "the call of look: the arguments are no JSON object"),
    (call("look", '{"where": NaN}'), "the call of look: "),
    (call("get_weather", {"days": 9, "city": "Rome"}), "the call of get_weather: days: Input should be less than or"),
    (call("get_wether", {}), "there is no tool 'get_wether', there are get_weather, look"),
]


@pytest.mark.parametrize(("given", "said"), UNFIT)
def test_a_call_that_does_not_fit_is_asked_for_again(
    serve: Serve, project: Path, given: dict[str, Any], said: str
) -> None:
    fine = call("look", {"where": "up"}, 2)
    server = serve(answer=in_turn(Reply(tool_calls=[given, fine]), Reply(tool_calls=[fine])))
    assert ask(project).tool_calls == [ToolCall("c2", "look", {"where": "up"})]
    [first, second] = server.requests
    assert second.body["messages"][:1] == first.body["messages"] and second.body["tools"] == first.body["tools"]
    _, called, *results = second.body["messages"]
    assert [c["id"] for c in called["tool_calls"]] == [m["tool_call_id"] for m in results] == ["c1", "c2"]
    for one in called["tool_calls"]:
        assert isinstance(json.loads(one["function"]["arguments"]), dict), "what is no JSON would be refused"
    assert all(m["content"].startswith(f"No tool was called, because of this: {said}") for m in results)
    assert all(m["content"].endswith(". Make all calls again, so that they fit.") for m in results)


def test_calls_that_never_fit_fail_the_record(serve: Serve, project: Path) -> None:
    server = serve(answer=lambda request: Reply(tool_calls=[call("look", {})]))
    error = ask(project, repairs=1)
    assert type(error) is AnswerError and error.reason == "unfit call"
    assert server.count == 2


def test_arguments_that_break_off_are_not_mended(serve: Serve, project: Path) -> None:
    broken = Reply(tool_calls=[call("look", '{"where": "u')], finish_reason="length")
    server = serve(answer=lambda request: broken)
    for way in ("fail", "keep"):
        error = ask(project, on_length=way)
        assert type(error) is AnswerError and error.reason == "cut off"
    assert server.count == 1


def test_a_text_without_calls_is_an_answer_too(serve: Serve, project: Path) -> None:
    serve(answer=lambda request: "It is fine.")
    answer = ask(project)
    assert answer.text == "It is fine." and not answer.tool_calls
    assert answer.message == {"role": "assistant", "content": "It is fine."}


@pytest.mark.parametrize("chosen", ["required", "look"])
def test_a_call_that_must_be_made_is_asked_for_again(serve: Serve, project: Path, chosen: str) -> None:
    server = serve(answer=in_turn("It is fine.", Reply(tool_calls=[call("look", {"where": "up"})])))
    assert ask(project, tool_choice=chosen).tool_calls[0].name == "look"
    _, said, asked = server.requests[1].body["messages"]
    assert said == {"role": "assistant", "content": "It is fine."}
    assert asked["role"] == "user"
    assert asked["content"].startswith("No tool was called, because of this: no tool was called, and one must be.")


@pytest.mark.parametrize(
    ("tools", "chosen", "said"),
    [
        (TOOLS, "lok", "tool_choice is 'lok': give auto, required, none or the name of one of the tools"),
        (
            [],
            "required",
            "tool_choice is 'required': give auto, required, none or the name of one of the tools, of which",
        ),
    ],
)
def test_a_choice_that_there_is_not_is_named(serve: Serve, project: Path, tools: Any, chosen: str, said: str) -> None:
    serve()
    error = ask(project, tools=tools, tool_choice=chosen)
    assert type(error) is RecordError and str(error).startswith(said)


def test_calls_that_nobody_asked_for_are_left_out(serve: Serve, project: Path) -> None:
    class Out(BaseModel):
        a: int

    server = serve(answer=in_turn(Reply(tool_calls=[call("look", {})]), '{"a": 1}'))
    assert ask(project, tools=(), answer=Out).data == Out(a=1)
    assert "tool_calls" not in json.dumps(server.requests[1].body)


def test_a_conversation_goes_on_with_the_results(serve: Serve, project: Path) -> None:
    server = serve(answer=in_turn(Reply(tool_calls=[call("look", {"where": "up"})]), "Blue."))

    async def main() -> Any:
        async with calls(project) as models:
            one = context(models)
            asked: list[Any] = [{"role": "user", "content": "What colour is the sky?"}]
            answer = await one.ask("m", asked, tools=TOOLS)
            results = [{"role": "tool", "tool_call_id": c.id, "content": "blue"} for c in answer.tool_calls]
            return await one.ask("m", [*asked, answer.message, *results], tools=TOOLS)

    assert asyncio.run(main()).text == "Blue."
    assert [m["role"] for m in server.requests[1].body["messages"]] == ["user", "assistant", "tool"]


def test_the_definitions_are_part_of_the_question(serve: Serve, project: Path) -> None:
    server = serve(answer=steady)
    ask(project)
    ask(project, tool_choice="none")
    ask(project, tools=[LOOK])
    ask(project, tools=())
    assert server.count == 4
    assert ask(project).journaled and server.count == 4


# prompts


class Helper(sk.Prompt):
    """Answers with tools."""

    template = "{{ question }}"
    into: str = "reply"
    Tools: ClassVar[Any] = [GetWeather]


def test_a_prompt_writes_the_calls_of_its_tools(serve: Serve, project: Path) -> None:
    answers = in_turn(Reply(text="", tool_calls=[call("get_weather", {"city": "Rome"})]), "Hello.", " ")
    server = serve(answer=answers)
    rows = Rows([{"question": q, "own": [LOOK] if q == "a" else []} for q in "abc"])
    result = (sk.Pipeline("p") >> rows >> Helper("m", tools="own")).run(concurrency=1)
    assert [(r["reply"], r["tool_calls"]) for r in result.accepted] == [
        ("", [{"id": "c1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city":"Rome"}'}}]),
        ("Hello.", []),
    ]
    assert [len(r.body["tools"]) for r in server.requests] == [2, 1, 1]
    assert [r["reason"] for r in result.rejected] == ["empty answer"]


def test_tools_of_a_record_that_are_none_fail_it(serve: Serve, project: Path) -> None:
    server = serve(answer=lambda request: "Hello.")
    rows = Rows([{"question": "a", "own": [{"name": "two words"}]}, {"question": "b", "own": []}])
    result = (sk.Pipeline("p") >> rows >> Helper("m", tools="own")).run()
    assert [r["reason"] for r in result.rejected] == ["tools"]
    assert len(result.accepted) == server.count == 1


class Both(Helper):
    """Both at once."""

    class Out(BaseModel):
        a: int


class Broken(Helper):
    """Its tool has no schema."""

    Tools: ClassVar[Any] = [{"name": "x", "parameters": {"type": "array"}}]


def test_a_prompt_whose_tools_cannot_be_is_refused_before_the_run(serve: Serve, project: Path) -> None:
    server = serve()
    rows = Rows([{"question": "a"}])
    for kind, said in (
        (Both, "it has both Out and tools"),
        (Broken, "the parameters of the tool 'x' are no JSON schema"),
    ):
        with pytest.raises(PipelineError, match=said):
            (sk.Pipeline("p") >> rows >> kind("m")).run()
    assert server.count == 0
