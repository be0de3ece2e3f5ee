"""Differences between two requests: each is named by its field, and shown around the place."""

import random
from typing import Any

import pytest

from synthkit.core.values import canonical
from synthkit.engine.differences import around, differences

REQUEST: dict[str, Any] = {
    "provider": "openai", "model": "m", "endpoint": "here",
    "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "one"},
                 {"role": "assistant", "content": "two"}, {"role": "user", "content": "three"}],
    "options": {"max_tokens": 9}, "schema": {"type": "object", "properties": {"a": {"type": "string"}}},
    "tools": [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}],
    "tool_choice": "auto",
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"model": "n"}, [("model", "openai/m", "openai/n")]),
        ({"endpoint": "there"}, [("endpoint", "here", "there")]),
        ({"messages": REQUEST["messages"][1:]}, [("system prompt", "Be kind.", None)]),
        (
            {"messages": [*REQUEST["messages"][:3], {"role": "user", "content": "four"}]},
            [("user message 2", "three", "four")],
        ),
        ({"messages": REQUEST["messages"][:2]}, [("conversation", "user assistant user", "user")]),
        (
            {"options": {"temperature": 0.0}},
            [("option max_tokens", "9", None), ("option temperature", None, "0.0")],
        ),
        (
            {"schema": {"type": "object", "properties": {"a": {"type": "integer"}}}},
            [("schema.properties.a.type", "string", "integer")],
        ),
        ({"schema": None}, [("schema", canonical(REQUEST["schema"]), None)]),
        ({"tools": []}, [("tool look", canonical(REQUEST["tools"][0]), None)]),
        ({"tool_choice": "look"}, [("tool_choice", "auto", "look")]),
        ({"novel": {"x": 1}}, [("novel", None, '{"x":1}')]),
    ],
)
def test_a_difference_is_named_by_its_field(change: dict[str, Any], expected: list[Any]) -> None:
    new = {name: value for name, value in {**REQUEST, **change}.items() if value is not None}
    assert [(d.field, d.old, d.new) for d in differences(REQUEST, new)] == expected


def test_images_are_compared_by_what_they_are() -> None:
    def asked(url: str) -> dict[str, Any]:
        parts = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": url}}]
        return {**REQUEST, "messages": [{"role": "user", "content": parts}]}

    assert [d.field for d in differences(asked("data:a"), asked("data:b"))] == ["user message"]
    assert differences(asked("data:a"), asked("data:a")) == []


def test_differences_of_what_is_no_request_do_not_fail() -> None:
    rng = random.Random(2)
    odd: list[Any] = [None, 1, "x", [], {}, {"role": "user"}, [{"content": [1]}], {"function": {}}, [None], "\ud800"]
    for _ in range(2000):
        old, new = ({name: rng.choice(odd) for name in rng.sample([*REQUEST], 5)} for _ in range(2))
        assert canonical(old) != canonical(new) or differences(old, new) == []


@pytest.mark.parametrize(
    ("old", "new", "shown"),
    [
        ("abc", "abd", ("abc", "abd")),
        ("same", "same and more", ("same", "same and more")),
        ("x " * 50 + "cat" + " y" * 50, "x " * 50 + "dog" + " y" * 50, ("…", "…")),
        ("", "new", ("", "new")),
    ],
)
def test_texts_are_shown_around_their_difference(old: str, new: str, shown: tuple[str, str]) -> None:
    was, now = around(old, new)
    if shown[0] == "…":
        assert was.startswith("…") and was.endswith("…") and "cat" in was and "dog" in now and len(was) < 60
    else:
        assert (was, now) == shown
