"""Conversations as formats read them, in the chat form that records hold, and checked once for all formats.

A message is {"role": "system" | "user" | "assistant" | "tool", "content": text}; one of the assistant may have
`tool_calls`, one of a tool has the `tool_call_id` that it answers.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from synthkit.core.values import compact
from synthkit.errors import RecordError
from synthkit.formats._texts import stated

Turn = dict[str, Any]
ROLES = ("system", "user", "assistant", "tool")
CALL = ("id", "type", "function")
FUNCTION = ("name", "arguments")


@dataclass(frozen=True)
class Rules:
    """What a conversation may be. starts, ends: who speaks first and last; a prompt that ends with "user" may end with
    a tool's answer as well. more: further keys of messages, by role. parts: contents may be lists of parts. objects:
    arguments of calls are objects, not JSON text."""

    starts: str = "user"
    ends: str = "assistant"
    more: Mapping[str, Sequence[str]] = field(default_factory=dict)
    parts: bool = False
    objects: bool = False


CHAT = Rules()
ANSWER = Rules(starts="assistant")
WRONG = "wrong roles"


def checked(messages: Any, where: str, rules: Rules = CHAT) -> list[Turn]:
    """The messages of a conversation, keys in one order, arguments of calls as the rules say they come. Raises
    `RecordError`, naming `where`, for what no trainer could learn from."""
    if isinstance(messages, str | Mapping) or not isinstance(messages, Sequence):
        raise RecordError(f"{where} is not a list of messages", reason="not text")
    turns = [_turn(message, f"{where}, message {number}", rules) for number, message in enumerate(messages, 1)]
    roles = [turn["role"] for turn in turns]
    first = 1 if roles[:1] == ["system"] and rules.starts == "user" else 0
    if not roles[first:]:
        raise RecordError(f"{where} is empty", reason="empty text")
    expected, unanswered = rules.starts, list[str]()
    for number, turn in enumerate(turns[first:], first + 1):
        place, role = f"{where}, message {number}", turn["role"]
        if role == "tool" and unanswered:
            _answered(turn, unanswered, place)
        elif unanswered:
            raise RecordError(f"{place}: {role} speaks where the call {unanswered[0]!r} must be answered", reason=WRONG)
        elif role != expected:
            raise RecordError(f"{place}: {role} speaks where {expected} must", reason=WRONG)
        else:
            unanswered = [call["id"] for call in turn.get("tool_calls", ())]
        expected = "user" if role == "assistant" and not unanswered else "assistant"
    if roles[-1] != rules.ends and not (rules.ends == "user" and roles[-1] == "tool" and not unanswered):
        raise RecordError(f"{where} ends with {roles[-1]}, not with {rules.ends}", reason=WRONG)
    return turns


def _answered(turn: Turn, unanswered: list[str], place: str) -> None:
    id = turn["tool_call_id"]
    if id not in unanswered:
        raise RecordError(f"{place} answers the call {id!r}, which waits for no answer", reason="wrong call")
    unanswered.remove(id)


def _turn(message: Any, where: str, rules: Rules) -> Turn:
    if not isinstance(message, Mapping) or "role" not in message:
        raise RecordError(f"{where} is no mapping of role and content", reason="not text")
    given = {key: value for key, value in message.items() if value is not None}  # as columns of files have them
    role = given.get("role")
    if role not in ROLES:
        raise RecordError(f"{where}: the role {role!r} is none of {', '.join(ROLES)}", reason="unknown role")
    own = {"assistant": ("tool_calls",), "tool": ("tool_call_id",)}.get(role, ())
    more = [key for key in rules.more.get(role, ()) if key in given]
    extra = sorted(set(given) - {"role", "content", *own, *more})
    if extra:
        raise RecordError(f"{where} has {extra[0]!r}, which this format cannot hold", reason="unknown key")
    if "content" not in message and "tool_calls" not in given:
        raise RecordError(f"{where} is no mapping of role and content", reason="not text")
    turn: Turn = {"role": role, "content": _content(given, role, where, rules)}
    if "tool_calls" in given:
        turn["tool_calls"] = _calls(given["tool_calls"], where, rules)
    if role == "tool":
        id = given.get("tool_call_id")
        if not isinstance(id, str) or not id:
            raise RecordError(f"{where} has no 'tool_call_id', so it answers no call", reason="wrong call")
        turn["tool_call_id"] = id
    return {**turn, **{key: given[key] for key in more}}


def _content(given: Mapping[str, Any], role: str, where: str, rules: Rules) -> Any:
    content = given.get("content")
    if "tool_calls" in given and content in (None, ""):
        return None
    if isinstance(content, list) and content and all(isinstance(part, Mapping) for part in content):
        if rules.parts:
            return [_part(part, role, f"{where}, part {number}") for number, part in enumerate(content, 1)]
        raise RecordError(
            f"{where}: the content is a list of parts, which this format cannot hold: use openai", reason="parts"
        )
    if not isinstance(content, str):
        raise RecordError(f"{where}: the content is not text", reason="not text")
    if not content.strip() and role != "system":
        raise RecordError(f"{where} is empty", reason="empty text")
    return stated(content, where)


def _part(part: Mapping[str, Any], role: str, where: str) -> Mapping[str, Any]:
    kind = part.get("type")
    if kind == "text" and set(part) == {"type", "text"} and isinstance(part["text"], str) and part["text"].strip():
        stated(part["text"], where)
        return part
    image = part.get("image_url")
    if kind == "image_url" and role == "user" and isinstance(image, Mapping) and isinstance(image.get("url"), str):
        return part
    raise RecordError(f"{where} is neither a text that says something nor an image of the user", reason="parts")


def _calls(calls: Any, where: str, rules: Rules) -> list[dict[str, Any]]:
    """The calls of a message."""
    if not isinstance(calls, Sequence) or isinstance(calls, str) or not calls:
        raise RecordError(f"{where}: 'tool_calls' is no list of calls", reason="wrong call")
    made = [_call(call, f"{where}, call {number}", rules) for number, call in enumerate(calls, 1)]
    ids = [call["id"] for call in made]
    twice = next((id for id in ids if ids.count(id) > 1), None)
    if twice is not None:
        raise RecordError(f"{where}: two calls have the id {twice!r}", reason="wrong call")
    return made


def _call(call: Any, where: str, rules: Rules) -> dict[str, Any]:
    function = call.get("function") if isinstance(call, Mapping) else None
    fits = isinstance(function, Mapping) and set(call) <= {*CALL} and set(function) == {*FUNCTION}
    if not isinstance(function, Mapping) or not fits or call.get("type", "function") != "function":
        shape = "{'id', 'type': 'function', 'function': {'name', 'arguments'}}"
        raise RecordError(f"{where} is not of the form {shape}", reason="wrong call")
    id, name = call.get("id"), function["name"]
    if not isinstance(id, str) or not id or not isinstance(name, str) or not name.strip():
        raise RecordError(f"{where} has no id or no name", reason="wrong call")
    value = arguments(function["arguments"], where, rules.objects)
    text = compact(value) if rules.objects else function["arguments"]
    return {"id": id, "type": "function", "function": {"name": name, "arguments": text}}


def arguments(given: Any, where: str, objects: bool) -> dict[str, Any]:
    """The arguments of a call. objects: they come as an object, not as JSON text."""
    try:
        value = given if objects else json.loads(given)
        said = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (ValueError, TypeError, RecursionError):
        value, said = None, ""
    if not isinstance(value, dict):
        what = "an object" if objects else "the JSON text of an object"
        hint = ": as text they are in the form openai" if objects and isinstance(given, str) else ""
        raise RecordError(f"{where}: the arguments are not {what}{hint}", reason="wrong call")
    stated(said, where)
    return value


def as_objects(turns: Iterable[Turn]) -> list[Turn]:
    """The turns with arguments as objects, which is how chat templates read them."""
    return [
        {**turn, "tool_calls": [_as_object(call) for call in turn["tool_calls"]]} if "tool_calls" in turn else turn
        for turn in turns
    ]


def _as_object(call: Mapping[str, Any]) -> dict[str, Any]:
    function = call["function"]
    return {**call, "function": {**function, "arguments": json.loads(function["arguments"])}}


def defined(tools: Any, where: str, *conversations: Sequence[Turn]) -> list[Any]:
    """The definitions of tools, checked: each a function with a name of its own, and all that is called among them."""
    if isinstance(tools, str | Mapping) or not isinstance(tools, Sequence):
        raise RecordError(f"{where} is not a list of tool definitions", reason="tools")
    names = [_tool_name(tool, f"{where}, tool {number}") for number, tool in enumerate(tools, 1)]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise RecordError(f"{where} defines {twice!r} twice", reason="tools")
    for turns in conversations:
        for name in called(turns):
            if name not in names:
                raise RecordError(f"the tool {name!r} is called, and {where} does not define it", reason="wrong call")
    stated(json.dumps(tools, ensure_ascii=False), where)
    return list(tools)


def called(turns: Sequence[Turn]) -> list[str]:
    """The names of the tools that are called."""
    return [call["function"]["name"] for turn in turns for call in turn.get("tool_calls", ())]


def _tool_name(tool: Any, where: str) -> str:
    function = tool.get("function") if isinstance(tool, Mapping) else None
    name = function.get("name") if isinstance(function, Mapping) else None
    parameters = function.get("parameters", {}) if isinstance(function, Mapping) else {}
    fits = isinstance(name, str) and name.strip() and isinstance(parameters, Mapping)
    if not fits or set(tool) != {"type", "function"} or tool["type"] != "function":
        shape = "{'type': 'function', 'function': {'name', 'description', 'parameters'}}"
        raise RecordError(f"{where} is not of the form {shape}", reason="tools")
    return str(name)
