"""The demo model's calls of tools."""

import json

import pytest
from pydantic import BaseModel, Field

import synthkit as sk
from synthkit.core.answer import Request
from synthkit.generators import Rows
from synthkit.models.tools import definitions
from synthkit.providers.demo import Demo


class Weather(BaseModel):
    """The weather of a place."""

    place: str
    days: int = Field(ge=1, le=7)


class Mail(BaseModel):
    """Sends a mail."""

    to: str


class Assist(sk.Prompt):
    """Answers with tools."""

    template = "{{ request }}"
    Tools = [Weather, Mail]


def calls(choice: str, number: int = 200) -> list[tuple[str, ...]]:
    """The tools that so many answers call."""
    demo = Demo(sk.Endpoint())
    messages = [{"role": "user", "content": "Will it rain in Oslo?"}]
    request = Request("demo", "default", messages, tools=definitions([Weather, Mail]), tool_choice=choice)
    replies = [demo.answer(request, str(sample)) for sample in range(number)]
    assert all(bool(reply.tool_calls) == (reply.finish == "tool_calls") for reply in replies)
    return [tuple(call.name for call in reply.tool_calls) for reply in replies]


def test_it_calls_as_it_is_told() -> None:
    assert {*calls("required")} <= {("weather",), ("mail",), ()} and calls("required").count(()) < 10  # refusals
    assert {*calls("mail")} <= {("mail",), ()} and calls("mail").count(()) < 10
    assert {*calls("none")} == {()}
    assert 20 < calls("auto").count(()) < 70


def test_the_arguments_fit(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(str(tmp_path))
    rows = [{"request": f"Will it rain on day {n}?"} for n in range(60)]
    result = (sk.Pipeline("assist") >> Rows(rows) >> Assist("demo/default")).run()
    assert result.status == "complete", result.reason
    called = [record["tool_calls"] for record in result.accepted]
    made = [call["function"] for calls in called for call in calls]
    assert len(made) > 30
    for function in made:
        model = {"weather": Weather, "mail": Mail}[function["name"]]
        model.model_validate(json.loads(function["arguments"]))


def test_it_answers_once_a_tool_has() -> None:
    demo = Demo(sk.Endpoint())
    call = {"id": "a", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    messages = [
        {"role": "user", "content": "Will it rain in Oslo?"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "a", "content": "rain"},
    ]
    request = Request("demo", "default", messages, tools=definitions([Weather]))
    replies = [demo.answer(request, str(sample)) for sample in range(50)]
    assert not any(reply.tool_calls for reply in replies)
    assert sum(bool(reply.text) for reply in replies) > 40
