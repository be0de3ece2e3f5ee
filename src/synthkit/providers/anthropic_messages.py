"""Conversations and tools in Anthropic's form, out of the chat form."""

import contextlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from synthkit.errors import BadRequest
from synthkit.providers._schema_merge import Unfit
from synthkit.providers.anthropic_schema import translated

IMAGES = {"image/jpeg", "image/png", "image/gif", "image/webp"}
Block = dict[str, Any]


def conversation(messages: Sequence[Mapping[str, Any]]) -> tuple[list[Block], list[Block]]:
    """The blocks of the system prompt, and the messages. Raises `BadRequest` for what has no such form.

    System messages, wherever they stand, make the system prompt. Neighbours of one role become one message, since
    results of tools belong to the user and must come together. Texts of white space alone are left out.
    """
    system: list[Block] = []
    turns: list[Block] = []
    for number, message in enumerate(messages, 1):
        role, content = message.get("role"), message.get("content")
        if role in ("system", "developer"):
            system += _parts(content, number, ("text",))
        elif role == "user":
            _add(turns, "user", _parts(content, number, ("text", "image_url")))
        elif role == "assistant":
            calls = [_use(call, number) for call in message.get("tool_calls") or ()]
            _add(turns, "assistant", [*_parts(content, number, ("text",)), *calls])
        elif role == "tool":
            _add(turns, "user", [_result(message, number)])
        else:
            raise BadRequest(f"message {number} has the role {role!r}: give system, user, assistant or tool")
    if not turns:
        raise BadRequest("the conversation says nothing: give it a message of the user with a text")
    if turns[0]["role"] != "user":
        raise BadRequest("the conversation begins with the assistant: put a message of the user in front")
    return system, turns


def _add(turns: list[Block], role: str, blocks: list[Block]) -> None:
    if not blocks:
        return
    if turns and turns[-1]["role"] == role:
        turns[-1]["content"] += blocks
    else:
        turns.append({"role": role, "content": blocks})


def _parts(content: object, number: int, kinds: tuple[str, ...]) -> list[Block]:
    """The blocks of a message's content."""
    if content is None:
        return []
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
    if not isinstance(parts, Sequence):
        raise BadRequest(f"the content of message {number} is neither a text nor a list of parts: correct it")
    blocks = []
    for part in parts:
        kind = part.get("type") if isinstance(part, Mapping) else None
        if kind not in kinds:
            raise BadRequest(f"message {number} holds a part of type {kind!r}, where {' and '.join(kinds)} may stand")
        if kind == "image_url":
            blocks.append(_image(part, number))
        elif isinstance(part.get("text"), str) and part["text"].strip():
            blocks.append({"type": "text", "text": part["text"]})
    return blocks


def _image(part: Mapping[str, Any], number: int) -> Block:
    given = part.get("image_url")
    url = given.get("url") if isinstance(given, Mapping) else given
    if not isinstance(url, str):
        raise BadRequest(f"message {number} holds an image without a url: write {{'image_url': {{'url': …}}}}")
    if not url.startswith("data:"):
        return {"type": "image", "source": {"type": "url", "url": url}}
    head, _, data = url[5:].partition(",")
    kind, _, way = head.partition(";")
    if kind not in IMAGES or way != "base64":
        raise BadRequest(f"message {number} holds an image as {head[:60]!r}: give PNG, JPEG, GIF or WebP in base64")
    return {"type": "image", "source": {"type": "base64", "media_type": kind, "data": data}}


def _use(call: Mapping[str, Any], number: int) -> Block:
    function = call.get("function") or {}
    given = function.get("arguments")
    try:
        arguments = json.loads(given or "{}") if isinstance(given, str | None) else given
    except ValueError:
        arguments = None
    if not isinstance(arguments, Mapping):
        raise BadRequest(f"message {number} calls {function.get('name')} with arguments that are no JSON object")
    return {"type": "tool_use", "id": _id(call.get("id")), "name": function.get("name"), "input": dict(arguments)}


def _result(message: Mapping[str, Any], number: int) -> Block:
    if not message.get("tool_call_id"):
        raise BadRequest(f"message {number} is the result of a tool and does not say of which call: add tool_call_id")
    block: Block = {"type": "tool_result", "tool_use_id": _id(message["tool_call_id"])}
    content = _parts(message.get("content"), number, ("text", "image_url"))
    return {**block, "content": content} if content else block


def _id(given: object) -> str:
    """An id in the letters that the service takes; the same for a call and its result."""
    return re.sub(r"[^a-zA-Z0-9_-]", "_", str(given)) or "_"


def tools(definitions: Iterable[Mapping[str, Any]], turns: Sequence[Block]) -> list[Block]:
    """The tools of a request. Where a conversation tells of tools and none are given, their names alone: the service
    takes no calls and results without tools."""
    made = []
    for definition in definitions:
        function = definition["function"]
        described = {"description": function["description"]} if function.get("description") else {}
        tool = {"name": function["name"], **described, "input_schema": function["parameters"]}
        if function.get("strict"):
            with contextlib.suppress(Unfit):  # as a wish, then: the call is checked all the same
                tool |= {"input_schema": translated(function["parameters"]), "strict": True}
        made.append(tool)
    if made:
        return made
    blocks = [block for turn in turns for block in turn["content"]]
    told = dict.fromkeys(block["name"] for block in blocks if block["type"] == "tool_use")
    return [{"name": name, "input_schema": {"type": "object", "properties": {}}} for name in told]


def choice(chosen: str) -> Block:
    """How tools are chosen, as `tool_choice`."""
    named = {"auto": {"type": "auto"}, "required": {"type": "any"}, "none": {"type": "none"}}
    return dict(named.get(chosen) or {"type": "tool", "name": chosen})
