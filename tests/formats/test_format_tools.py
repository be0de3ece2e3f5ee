"""Tools in formats: calls and answers both ways, definitions, and what does not fit together."""

import json
from typing import Any

import pytest
from formats_kit import (
    CALLS,
    FULL,
    NAMES,
    TOOLS,
    answer,
    back_and_there,
    call,
    calling,
    message,
    there_and_back,
    turns,
)
from hypothesis import given
from hypothesis import strategies as st

from synthkit.core import IO, Format, Have
from synthkit.errors import PipelineError, RecordError
from synthkit.formats import DPO, KTO, Alpaca, ChatML, OpenAIChat, OpenAIPreference, PromptCompletion, ShareGPT

U, A = message("user"), message("assistant")
ROME = '{"city":"Rome"}'
ASKED = [U, call(("c1", "weather", ROME)), answer("c1", "sunny"), A]


@given(calling(), st.booleans())
def test_conversations_with_tools_round_trip(messages: list[dict[str, Any]], defined: bool) -> None:
    record = {"messages": messages, **({"tools": TOOLS} if defined else {})}
    chatml = back_and_there(ChatML(), record)
    said = [one["function"]["arguments"] for turn in chatml["messages"] for one in turn.get("tool_calls", ())]
    given = [one["function"]["arguments"] for turn in messages for one in turn.get("tool_calls", ())]
    assert said == [json.loads(text) for text in given]
    assert back_and_there(OpenAIChat(), record) == record
    example = back_and_there(ShareGPT(), record)
    if defined:
        assert json.loads(example["tools"]) == TOOLS
    roles = [turn["from"] for turn in example["conversations"] if turn["from"] != "system"]
    # LLaMA-Factory: who is spoken to and who speaks are in turn
    assert set(roles[::2]) <= {"human", "observation"}
    assert set(roles[1::2]) <= {"gpt", "function_call"}


@given(FULL, CALLS, FULL, FULL)
def test_answers_that_call_tools_round_trip(asked: str, called: list[tuple[str, str, str]], one: str, two: str) -> None:
    chosen = [call(*((f"c{n}", name, given) for n, (name, given, _) in enumerate(called)))]
    rejected = [{"role": "assistant", "content": two}]
    record = {"prompt": turns([(asked, one)], None)[:1], "chosen": chosen, "rejected": rejected, "tools": TOOLS}
    assert isinstance(back_and_there(DPO(), record)["chosen"][0]["tool_calls"][0]["function"]["arguments"], dict)
    example = back_and_there(OpenAIPreference(), record)
    assert example["input"] == {"messages": record["prompt"], "tools": TOOLS}
    assert example["preferred_output"] == chosen
    single = {"prompt": record["prompt"], "completion": chosen, "tools": TOOLS}
    back_and_there(PromptCompletion(), single)
    back_and_there(KTO(), {**single, "label": False})


def test_the_forms_that_trainers_read() -> None:
    several = [U, call(("c1", "weather", ROME), ("c2", "search", "{}")), answer("c2", "b"), answer("c1", "a"), A]
    assert ShareGPT().encode({"messages": ASKED, "tools": TOOLS[:1]}) == {
        "conversations": [
            {"from": "human", "value": "x"},
            {"from": "function_call", "value": '{"name":"weather","arguments":{"city":"Rome"}}'},
            {"from": "observation", "value": "sunny"},
            {"from": "gpt", "value": "x"},
        ],
        "tools": json.dumps(TOOLS[:1], separators=(",", ":")),
    }
    calls, answers = [turn["value"] for turn in ShareGPT().encode({"messages": several})["conversations"][1:3]]
    assert json.loads(calls) == [
        {"name": "weather", "arguments": {"city": "Rome"}},
        {"name": "search", "arguments": {}},
    ]
    assert json.loads(answers) == ["a", "b"]
    assert ChatML().encode({"messages": ASKED})["messages"][1] == {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": {"city": "Rome"}}}
        ],
    }
    # a definition alone makes a preference conversational, as a system message does
    assert DPO().encode({"prompt": "p", "chosen": "a", "rejected": "b", "tools": TOOLS}) == {
        "prompt": [message("user", "p")],
        "chosen": [message("assistant", "a")],
        "rejected": [message("assistant", "b")],
        "tools": TOOLS,
    }


def test_examples_as_others_write_them() -> None:
    """What LLaMA-Factory's own files hold, and what comes out of columns of files: None for what is not there."""
    assert ShareGPT().decode({"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}],
                              "system": "S", "tools": ""}) == {"messages": turns([("a", "b")], "S")}  # fmt: skip
    padded = {"content": "x", "tool_calls": None, "tool_call_id": None}
    example = {"messages": [{"role": "user", **padded}, {"role": "assistant", **padded}], "tools": None}
    assert ChatML().decode(example) == {"messages": turns([("x", "x")], None)}
    assert OpenAIChat().decode({**example, "parallel_tool_calls": None}) == {"messages": turns([("x", "x")], None)}


def test_text_beside_calls_and_a_call_at_the_end() -> None:
    beside = [U, call(("c1", "weather", ROME), content="let me see")]
    for format in (ChatML(), OpenAIChat()):
        back_and_there(format, {"messages": beside})
    with pytest.raises(
        RecordError, match="holds text beside calls of tools, for which ShareGPT has no place"
    ) as caught:
        ShareGPT().encode({"messages": beside})
    assert caught.value.reason == "text beside calls"
    assert there_and_back(ShareGPT(), ShareGPT().encode({"messages": [U, call(("x", "add", "{}"))]})) == {
        "messages": [U, call(("call_1", "add", "{}"))]
    }


def test_formats_declare_the_tools_they_read() -> None:
    have = Have(frozenset({"messages"}), frozenset({"tools"}))
    assert ChatML().io(have) == IO.of(reads={"messages": list}, optional=["tools"])
    assert ChatML(tools="functions").io(have) == IO.of(reads={"messages": list})
    some = Have(frozenset({"prompt", "chosen", "rejected"}), frozenset({"tools"}))
    with pytest.raises(PipelineError, match="column 'tools' is there on some records only, which would mix two forms"):
        DPO().io(some)
    assert "tools" in DPO(conversational=True).io(some).optional
    assert "tools" in OpenAIPreference(conversational=True).io(some).optional


@pytest.mark.parametrize("format", [Alpaca(), ChatML(text=True)])
@pytest.mark.parametrize("record", [{"messages": [U, A], "tools": TOOLS}, {"messages": [U, call(("c", "add", "{}"))]}])
def test_formats_without_a_place_for_tools(format: Format, record: dict[str, Any]) -> None:
    with pytest.raises(RecordError) as caught:
        format.encode(record)
    assert caught.value.reason == "tools"


def called(**changes: Any) -> dict[str, Any]:
    """A message with one call that is not as it should be."""
    one = call(("c1", "weather", ROME))
    return {**one, "tool_calls": [{**one["tool_calls"][0], **changes}]}


FUNCTION = {"name": "weather", "arguments": ROME}


@pytest.mark.parametrize(
    ("messages", "said", "reason"),
    [
        ([U, answer("c1", "s"), A], "message 2: tool speaks where assistant must", "wrong roles"),
        ([U, A, answer("c1", "s"), A], "message 3: tool speaks where user must", "wrong roles"),
        ([*ASKED[:2], A], "message 3: assistant speaks where the call 'c1' must be answered", "wrong roles"),
        ([*ASKED[:2], U, A], "message 3: user speaks where the call 'c1' must be answered", "wrong roles"),
        ([*ASKED[:2], answer("c2", "s"), A], "message 3 answers the call 'c2', which waits for no", "wrong call"),
        ([*ASKED[:3], answer("c1", "s"), A], "message 4: tool speaks where assistant must", "wrong roles"),
        ([*ASKED[:3], U, A], "message 4: user speaks where assistant must", "wrong roles"),
        (ASKED[:3], " ends with tool, not with assistant", "wrong roles"),
        ([*ASKED[:2], message("tool"), A], "message 3 has no 'tool_call_id'", "wrong call"),
        ([*ASKED[:2], answer("c1", ""), A], "message 3 is empty", "empty text"),
        ([*ASKED[:2], answer("c1", None), A], "message 3: the content is not text", "not text"),
        ([U, call(("c", "add", "{}"), ("c", "add", "{}"))], "message 2: two calls have the id 'c'", "wrong call"),
        ([U, call(("", "add", "{}"))], "message 2, call 1 has no id or no name", "wrong call"),
        ([U, call(("c", " ", "{}"))], "message 2, call 1 has no id or no name", "wrong call"),
        ([U, {**call(("c", "add", "{}")), "tool_calls": []}], "message 2: 'tool_calls' is no list", "wrong call"),
        ([U, {**call(("c", "add", "{}")), "tool_calls": "x"}], "message 2: 'tool_calls' is no list", "wrong call"),
        ([U, {**call(("c", "add", "{}")), "tool_calls": ["x"]}], "message 2, call 1 is not of the form", "wrong call"),
        ([U, called(index=0)], "message 2, call 1 is not of the form", "wrong call"),
        ([U, called(type="custom")], "message 2, call 1 is not of the form", "wrong call"),
        ([U, called(function={**FUNCTION, "strict": True})], "message 2, call 1 is not of the form", "wrong call"),
        ([U, called(function={**FUNCTION, "arguments": "[]"})], "call 1: the arguments are not the JSON", "wrong call"),
        ([U, called(function={**FUNCTION, "arguments": "{"})], "call 1: the arguments are not the JSON", "wrong call"),
        ([U, called(function={**FUNCTION, "arguments": '{"a":NaN}'})], "call 1: the arguments are not", "wrong call"),
        ([U, called(function={**FUNCTION, "arguments": '{"a":1e999}'})], "call 1: the arguments are not", "wrong call"),
        ([U, called(function={**FUNCTION, "arguments": {"a": 1}})], "call 1: the arguments are not", "wrong call"),
        ([U, called(function={**FUNCTION, "arguments": '{"a":"\\ud800"}'})], "call 1 holds half a char", "not text"),
        ([{**U, "tool_calls": A}, A], "message 1 has 'tool_calls', which this format cannot hold", "unknown key"),
        ([message("user", "\ud800"), A], "message 1 holds half a character, which no trainer", "not text"),
    ],
)
def test_calls_that_do_not_fit(messages: Any, said: str, reason: str) -> None:
    for format in (ChatML(), ShareGPT(), OpenAIChat()):
        with pytest.raises(RecordError) as caught:
            format.encode({"messages": messages})
        assert said in str(caught.value)
        assert str(caught.value).startswith("column 'messages'")
        assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("tools", "said"),
    [
        ("weather", "column 'tools' is not a list of tool definitions"),
        (TOOLS[0], "column 'tools' is not a list of tool definitions"),
        (["weather"], "column 'tools', tool 1 is not of the form {'type'"),
        ([TOOLS[0]["function"]], "column 'tools', tool 1 is not of the form {'type'"),
        ([TOOLS[0], {**TOOLS[1], "type": "x"}], "column 'tools', tool 2 is not of the form {'type'"),
        ([{"type": "function", "function": {"name": ""}}], "column 'tools', tool 1 is not of the form {'type'"),
        ([TOOLS[0], TOOLS[0]], "column 'tools' defines 'weather' twice"),
        (TOOLS[1:], "the tool 'weather' is called, and column 'tools' does not define it"),
        ([], "the tool 'weather' is called, and column 'tools' does not define it"),
    ],
)
def test_definitions_that_do_not_fit(tools: Any, said: str) -> None:
    for format in (ChatML(), ShareGPT(), OpenAIChat()):
        with pytest.raises(RecordError) as caught:
            format.encode({"messages": ASKED, "tools": tools})
        assert str(caught.value).startswith(said)


@pytest.mark.parametrize(
    ("format", "example", "said"),
    [
        (
            ChatML(),
            {"messages": ASKED},
            "'messages', message 2, call 1: the arguments are not an object: as text they ",
        ),
        (
            OpenAIChat(),
            ChatML().encode({"messages": ASKED}),
            "'messages', message 2, call 1: the arguments are not the ",
        ),
        (ShareGPT(), {"conversations": [{"from": "observation", "value": "x"}]}, "an observation answers no function_"),
        (ShareGPT(), {"conversations": [{"from": "function_call", "value": "{"}]}, "function_call holds no JSON text"),
        (ShareGPT(), {"conversations": [{"from": "function_call", "value": "{}"}]}, "a function_call holds no {'name'"),
        (
            ShareGPT(),
            {
                "conversations": [
                    {"from": "function_call", "value": '[{"name":"a","arguments":{}},{"name":"b","arguments":{}}]'},
                    {"from": "observation", "value": '["x"]'},
                ]
            },
            "an observation is no JSON list of the 2 answers",
        ),
        (ShareGPT(), {"conversations": [], "tools": "{"}, "'conversations' is empty"),
        (
            ShareGPT(),
            {"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}], "tools": "{"},
            "'tools' holds no JSON text: '{'",
        ),
        (
            DPO(),
            {"prompt": "p", "chosen": "a", "rejected": "b", "tools": TOOLS},
            "tools have no place beside texts: write messages",
        ),
    ],
)
def test_examples_that_do_not_fit(format: Format, example: dict[str, Any], said: str) -> None:
    with pytest.raises(RecordError) as caught:
        format.decode(example)
    assert str(caught.value).startswith(said)


def test_the_names_that_may_be_called() -> None:
    assert [tool["function"]["name"] for tool in TOOLS] == list(NAMES)
