"""Hints for the prompt cache: what is marked, and what it saves at a service that keeps and counts as the real one."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import pytest
from anthropic_kit import MODEL, error_of, provider, request

from synthkit.core import Request
from synthkit.models.prices import Price, Prices
from synthkit.models.project import Model
from synthkit.providers import anthropic_cache, anthropic_requests
from synthkit.providers.anthropic import Anthropic
from synthkit.providers.anthropic_cache import Beginnings
from synthkit.testing import LoopbackServer, Received, Reply

SYSTEM = {"role": "system", "content": "You write tasks for students. " * 200}
SHOTS = [
    {"role": "user", "content": "Write a task about trees. " * 100},
    {"role": "assistant", "content": "Name three trees that keep their leaves. " * 100},
]
LEAST = 512


def marked(sent: Mapping[str, Any]) -> list[str]:
    """Where a body holds marks."""
    places = [f"tools {n}" for n, tool in enumerate(sent.get("tools", ())) if "cache_control" in tool]
    places += [f"system {n}" for n, block in enumerate(sent.get("system", ())) if "cache_control" in block]
    for number, message in enumerate(sent["messages"]):
        places += [f"message {number}" for block in message["content"] if "cache_control" in block]
    return places


def about(topic: str, *before: Mapping[str, Any], **more: Any) -> Request:
    return request(messages=[*before, {"role": "user", "content": f"Write a task about {topic}."}], **more)


async def one_by_one(url: str, asked: list[Request], **settings: Any) -> list[str]:
    async with provider(url, **settings) as made:
        return [await made.call(one, "0") for one in asked]


def told(asked: list[Request], **settings: Any) -> tuple[list[list[str]], list[Received], list[Any]]:
    """The marks of each of these calls, one after the other, what was sent, and the usage that came back."""
    with LoopbackServer(lambda got: "Done.") as server:
        bodies = asyncio.run(one_by_one(server.url, asked, **settings))
        usages = [Anthropic.parse(_reader(), body).usage for body in bodies]
        return [marked(got.body) for got in server.requests], server.requests, usages


def _reader() -> Anthropic:
    from synthkit.core import Endpoint

    return Anthropic(Endpoint())


def test_a_system_prompt_is_marked_from_the_second_time_on() -> None:
    marks, _, usages = told([about(str(n), SYSTEM) for n in range(5)])
    assert marks == [[], *[["system 0"]] * 4]
    assert [(u.written > 1000, u.cached > 1000) for u in usages] == [
        (False, False), (True, False), (False, True), (False, True), (False, True),
    ]  # fmt: skip
    assert len({usage.input for usage in usages}) == 1


def test_what_it_saves() -> None:
    """A hundred tasks from one system prompt: written once for a quarter more, then read for a twentieth."""
    asked = [about(str(n), SYSTEM) for n in range(100)]
    _, _, with_hints = told(asked)
    _, sent, without = told(asked, cache=False)
    assert not any(marked(got.body) for got in sent)
    model = Model("m", "anthropic", MODEL)
    costs = [sum(Prices({}).cost(model, u) or 0 for u in usages) for usages in (with_hints, without)]
    output = sum(u.output for u in without)
    assert all(cost > 0 for cost in costs)
    assert costs[0] < costs[1] * 15 / 100
    assert output == sum(u.output for u in with_hints)


def test_examples_before_the_question_are_marked_where_they_end() -> None:
    marks, _, usages = told([about(str(n), *SHOTS) for n in range(3)])
    assert marks == [[], ["message 1"], ["message 1"]]
    assert usages[2].cached > 1000 and usages[2].written == 0


def test_tools_are_marked_where_there_is_no_system_prompt() -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string", "description": "A city. " * 500}}}
    tools = [{"type": "function", "function": {"name": name, "parameters": schema}} for name in ("a", "b")]
    marks, _, _ = told([about(str(n), tools=tools) for n in range(2)])
    assert marks == [[], ["tools 1"]]


def test_a_conversation_that_goes_on_is_read_up_to_its_last_turn_but_one() -> None:
    turns: list[Mapping[str, Any]] = []
    asked = []
    for number in range(5):
        turns.append({"role": "user", "content": f"Question {number}. " * 300})
        asked.append(request(messages=list(turns)))
        turns.append({"role": "assistant", "content": f"Answer {number}. " * 300})
    marks, _, usages = told(asked)
    assert marks == [[], ["message 0"], ["message 2"], ["message 4"], ["message 6"]]
    assert [u.cached > 0 for u in usages] == [False, False, True, True, True]
    assert usages[4].cached > usages[3].cached > usages[2].cached


def test_a_question_that_is_asked_again_is_marked_as_a_whole() -> None:
    marks, _, usages = told([about("trees", SYSTEM)] * 3)
    assert marks == [[], ["system 0", "message 0"], ["system 0", "message 0"]]
    assert usages[2].cached == usages[2].input


def test_what_is_too_short_for_the_model_is_not_marked() -> None:
    short = {"role": "system", "content": "x" * 3 * LEAST}
    assert told([about(str(n), short) for n in range(3)])[0] == [[], ["system 0"], ["system 0"]]
    assert told([about(str(n), short, model="claude-haiku-4-5") for n in range(3)])[0] == [[], [], []]
    assert told([about(str(n), {"role": "system", "content": "x" * 1000}) for n in range(3)])[0] == [[], [], []]


@pytest.mark.parametrize(
    "changes",
    [
        {"model": "claude-opus-4-8"},
        {"options": {"max_tokens": 100, "reasoning_effort": "low"}},
        {"schema": {"type": "object", "properties": {}, "additionalProperties": False}},
    ],
    ids=["model", "effort", "format"],
)
def test_what_the_service_would_not_find_again_is_another_beginning(changes: Mapping[str, Any]) -> None:
    marks, _, usages = told([about("a", SYSTEM), about("b", SYSTEM, **changes), about("c", SYSTEM)])
    assert marks == [[], [], ["system 0"]]
    assert usages[2].written > 0


def test_models_of_others_and_a_setting_get_no_marks() -> None:
    assert not any(told([about(str(n), SYSTEM, model="qwen3") for n in range(3)])[0])
    assert not any(told([about(str(n), SYSTEM) for n in range(3)], cache=False)[0])


def test_one_call_alone_puts_it_there() -> None:
    async def go(url: str) -> None:
        async with provider(url) as made:
            await made.call(about("first", SYSTEM), "0")
            await asyncio.gather(*(made.call(about(str(n), SYSTEM), "0") for n in range(20)))
            await asyncio.gather(*(made.call(about(f"x{n}", SYSTEM), "0") for n in range(20)))

    with LoopbackServer(lambda got: Reply(text="Done.", delay=0.1)) as server:
        asyncio.run(go(server.url))
        marks = [marked(got.body) for got in server.requests]
    assert sum(map(bool, marks[:21])) == 1
    assert all(marks[21:])


def body(topic: str) -> dict[str, Any]:
    return anthropic_requests.body(about(topic, SYSTEM))


def test_a_call_that_fails_leaves_it_to_the_next() -> None:
    seen = Beginnings()
    seen.ended(seen.mark(body("a"), LEAST), answered=True)
    for number in range(2):
        failing = body(f"b{number}")
        marks = seen.mark(failing, LEAST)
        assert marked(failing) == ["system 0"]
        waiting = body(f"c{number}")
        seen.ended(seen.mark(waiting, LEAST), answered=True)
        assert marked(waiting) == []
        seen.ended(marks, answered=False)
    with LoopbackServer(lambda got: Reply(error="overloaded")) as server:
        error_of(server.url, about("a", SYSTEM))
        assert server.count == 1


def test_what_the_service_has_forgotten_is_put_there_anew_by_one_call(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    seen = Beginnings()
    for _ in range(3):
        seen.ended(seen.mark(body("a"), LEAST), answered=True)
    now += anthropic_cache.LIFETIME - 1
    first, second = body("b"), body("c")
    seen.mark(first, LEAST), seen.mark(second, LEAST)
    assert marked(first) == marked(second) == ["system 0"]
    now += 1000
    first, second = body("d"), body("e")
    seen.mark(first, LEAST), seen.mark(second, LEAST)
    assert (marked(first), marked(second)) == (["system 0"], [])


def test_only_so_many_beginnings_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(anthropic_cache, "KNOWN", 10)
    seen = Beginnings()
    for number in range(100):
        seen.mark(body(str(number)), LEAST)
    assert len(seen._seen) == 10
    again = body("new")
    seen.mark(again, LEAST)
    assert marked(again) == []  # a call before it is still under way, and puts it there


def test_marks_are_no_part_of_the_journals_key_and_change_no_answer() -> None:
    asked = about("trees", SYSTEM)
    key = asked.key("s")
    with LoopbackServer() as server:  # its answers depend on the body
        bodies = asyncio.run(one_by_one(server.url, [asked, asked, asked]))
        assert server.asked_again == 2
    assert len({_reader().parse(body).text for body in bodies}) == 1
    assert asked.key("s") == key


def test_a_price_of_ones_own_counts_what_is_put_into_the_cache() -> None:
    _, _, usages = told([about(str(n), SYSTEM) for n in range(2)])
    from decimal import Decimal

    table = {"anthropic/x": Price(Decimal(1), Decimal(0), written=Decimal(2))}
    own = Prices(table).cost(Model("anthropic/x", "anthropic", "x"), usages[1])
    assert own is not None
    assert own * 1_000_000 == usages[1].input + usages[1].written
