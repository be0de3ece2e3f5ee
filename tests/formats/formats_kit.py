"""What tests of formats share: conversations of all kinds, and round trips both ways."""

import json
from typing import Any

from hypothesis import strategies as st

from synthkit.core import Format, Record

ANY = st.text()
FULL = ANY.filter(str.strip)
PAIRS = st.lists(st.tuples(FULL, FULL), min_size=1, max_size=3)
NAMES = ("weather", "search", "add")
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": name,
            "description": f"Does {name}.",
            "parameters": {"type": "object", "properties": {name[0]: {"type": "string"}}, "required": [name[0]]},
        },
    }
    for name in NAMES
]
"""Definitions of the tools that may be called."""


def turns(pairs: list[tuple[str, str]], system: str | None) -> list[dict[str, str]]:
    """A conversation of texts alone."""
    before = [] if system is None else [{"role": "system", "content": system}]
    return before + [
        {"role": role, "content": text}
        for pair in pairs
        for role, text in zip(("user", "assistant"), pair, strict=True)
    ]


MESSAGES = st.builds(turns, PAIRS, st.none() | ANY)
ARGUMENTS = st.dictionaries(
    ANY, st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | ANY, max_size=3
).map(lambda value: json.dumps(value, ensure_ascii=False, separators=(",", ":")))
CALLS = st.lists(st.tuples(st.sampled_from(NAMES), ARGUMENTS, FULL), min_size=1, max_size=3)
"""Calls that are made at once: the tool, its arguments and its answer."""


@st.composite
def calling(draw: st.DrawFn) -> list[dict[str, Any]]:
    """A conversation in which tools are called, the last call perhaps not answered."""
    messages: list[dict[str, Any]] = list(
        draw(st.just([]) | ANY.map(lambda text: [{"role": "system", "content": text}]))
    )
    number = 0
    for _ in range(draw(st.integers(1, 3))):
        messages.append({"role": "user", "content": draw(FULL)})
        for called in draw(st.lists(CALLS, max_size=2)):
            ids = [f"call_{number + one}" for one in range(1, len(called) + 1)]
            number += len(called)
            messages.append(call(*((id, name, given) for id, (name, given, _) in zip(ids, called, strict=True))))
            messages += [answer(id, said) for id, (_, _, said) in zip(ids, called, strict=True)]
        messages.append({"role": "assistant", "content": draw(FULL)})
    open_call = draw(st.none() | ARGUMENTS)
    if open_call is not None:
        messages[-1] = call((f"call_{number + 1}", "add", open_call))
    return messages


def call(*calls: tuple[str, str, str], content: str | None = None) -> dict[str, Any]:
    """An assistant's message that calls tools: id, name and arguments of each."""
    made = [{"id": id, "type": "function", "function": {"name": name, "arguments": a}} for id, name, a in calls]
    return {"role": "assistant", "content": content, "tool_calls": made}


def answer(id: str, content: Any) -> dict[str, Any]:
    """A tool's message."""
    return {"role": "tool", "content": content, "tool_call_id": id}


def message(role: Any, content: Any = "x", **more: Any) -> dict[str, Any]:
    return {"role": role, "content": content, **more}


def there_and_back(format: Format, example: dict[str, Any]) -> dict[str, Any]:
    """The columns of an example, which must give it back exactly, also by way of a file and of a record."""
    columns = format.decode(json.loads(json.dumps(example)))
    again = format.encode(columns)
    assert isinstance(again, dict)
    assert again == example
    assert list(again) == list(example)
    assert format.encode(Record("i", "i", columns)) == example
    return columns


def back_and_there(format: Format, record: dict[str, Any]) -> dict[str, Any]:
    """The example of a record, whose columns must be those of the record."""
    example = format.encode(record)
    assert isinstance(example, dict)
    assert format.decode(example) == record
    there_and_back(format, example)
    return example
