"""The input of a Responses call: what is wrong with it, and the same as chat messages."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

Fault: TypeAlias = tuple[str, str | None, str | None]
"""Message, param and code."""

_PARTS = {
    "user": ("input_text", "input_image", "input_file", "input_audio"),
    "system": ("input_text", "input_image", "input_file"),
    "developer": ("input_text", "input_image", "input_file"),
    "assistant": ("output_text", "refusal"),
}
_ROLES = ("assistant", "system", "developer", "user")
_ITEMS = ("message", "function_call", "function_call_output", "reasoning", "item_reference")
_DETAILS = ("low", "high", "auto", "original")


def input_faults(given: object) -> Iterator[Fault]:
    """What the service refuses in `input`."""
    if isinstance(given, str):
        return
    if not isinstance(given, list):
        yield "Invalid type for 'input': expected one of a string or an array of objects.", "input", "invalid_type"
        return
    calls: list[str] = []
    answered: set[str] = set()
    for index, item in enumerate(given):
        where = f"input[{index}]"
        if not isinstance(item, Mapping):
            yield f"Invalid type for '{where}': expected an object, but got something else.", where, "invalid_type"
            return
        kind = item.get("type", "message")
        if kind not in _ITEMS:
            yield _value(f"{where}.type", kind, _ITEMS)
        elif kind == "message":
            yield from _message_faults(item, where)
        elif kind == "function_call":
            yield from _missing(item, where, ("call_id", "name", "arguments"))
            calls.append(str(item.get("call_id")))
        elif kind == "function_call_output":
            yield from _missing(item, where, ("call_id",))
            if item.get("call_id") not in calls:
                text = f"No tool call found for function call output with call_id {item.get('call_id')}."
                yield text, "input", None
            answered.add(str(item.get("call_id")))
            yield from _output_faults(item.get("output"), f"{where}.output")
    for call in calls:
        if call not in answered:
            yield f"No tool output found for function call {call}.", "input", None


def _message_faults(item: Mapping[str, Any], where: str) -> Iterator[Fault]:
    role = item.get("role")
    if role not in _ROLES:
        yield _value(f"{where}.role" if role is not None else where, role, _ROLES)
        return
    content = item.get("content")
    if content is None:
        yield f"Missing required parameter: '{where}.content'.", f"{where}.content", "missing_required_parameter"
    elif isinstance(content, list):
        for number, part in enumerate(content):
            yield from _part_faults(part, f"{where}.content[{number}]", _PARTS[role])
    elif not isinstance(content, str):
        text = f"Invalid type for '{where}.content': expected one of an array of objects or string."
        yield text, f"{where}.content", "invalid_type"


def _part_faults(part: object, where: str, kinds: Sequence[str]) -> Iterator[Fault]:
    kind = part.get("type") if isinstance(part, Mapping) else None
    if not isinstance(part, Mapping) or kind not in kinds:
        yield _value(where if kind is None else f"{where}.type", kind, kinds)
    elif kind in ("input_text", "output_text"):
        yield from _missing(part, where, ("text",))
    elif kind == "input_image":
        url, detail = part.get("image_url"), part.get("detail", "auto")
        if not isinstance(url, str) or not re.match(r"https?://|data:image/[a-z+.-]+;base64,", url):
            text = f"Invalid '{where}.image_url'. Expected a valid URL, but got a value with an invalid format."
            yield text, f"{where}.image_url", "invalid_value"
        if detail not in _DETAILS:
            yield _value(f"{where}.detail", detail, _DETAILS)


def _output_faults(output: object, where: str) -> Iterator[Fault]:
    if isinstance(output, list):
        for number, part in enumerate(output):
            yield from _part_faults(part, f"{where}[{number}]", ("input_text", "input_image", "input_file"))
    elif not isinstance(output, str):
        yield f"Missing required parameter: '{where}'.", where, "missing_required_parameter"


def _missing(part: Mapping[str, Any], where: str, names: Sequence[str]) -> Iterator[Fault]:
    for name in names:
        if not isinstance(part.get(name), str):
            yield f"Missing required parameter: '{where}.{name}'.", f"{where}.{name}", "missing_required_parameter"


def _value(where: str, value: object, there: Sequence[str]) -> Fault:
    known = ", ".join(f"'{name}'" for name in there[:-1]) + f", and '{there[-1]}'"
    return f"Invalid value: '{value}'. Supported values are: {known}.", where, "invalid_value"


def chat(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The instructions and the input of a call as chat messages."""
    messages: list[Mapping[str, Any]] = []
    if isinstance(body.get("instructions"), str):
        messages.append({"role": "system", "content": body["instructions"]})
    given = body.get("input")
    for item in [{"role": "user", "content": given}] if isinstance(given, str) else given or ():
        kind = item.get("type", "message")
        if kind == "message":
            messages.append({"role": item["role"], "content": _content(item.get("content"))})
        elif kind == "function_call":
            function = {"name": item["name"], "arguments": item["arguments"]}
            call = {"id": item["call_id"], "type": "function", "function": function}
            messages.append({"role": "assistant", "content": "", "tool_calls": [call]})
        elif kind == "function_call_output":
            output = {"role": "tool", "tool_call_id": item["call_id"], "content": _content(item["output"])}
            messages.append(output)
    return messages


def _content(content: Any) -> Any:
    if not isinstance(content, list):
        return content
    return [
        {"type": "image_url", "image_url": {"url": part["image_url"]}}
        if part["type"] == "input_image"
        else {"type": "text", "text": part.get("text", "")}
        for part in content
    ]
