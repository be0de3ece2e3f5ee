"""What a chat service refuses in a request before any model sees it."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from synthkit.testing.loopback.apierrors import ApiError
from synthkit.testing.loopback.replies import text_of
from synthkit.testing.loopback.strict import strict_fault

_RANGES = (("temperature", 0, 2), ("top_p", 0, 1), ("presence_penalty", -2, 2), ("frequency_penalty", -2, 2))
_COUNTS = (
    *(("n", 128), ("max_tokens", None), ("max_completion_tokens", None), ("max_output_tokens", None)),
    ("top_logprobs", 20),
)
_TYPES = {"text", "json_object", "json_schema"}
_PARTS = ("text", "image_url", "input_audio", "file", "refusal")
NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def refusal(body: Mapping[str, Any]) -> ApiError | None:
    """The first fault of a chat completion's body, as a 400; None if it is in order."""
    for message, param, code in _faults(body):
        return ApiError(400, message, param=param, code=code, name="bad_request")
    return None


def _faults(body: Mapping[str, Any]) -> Iterator[tuple[str, str | None, str | None]]:
    model, messages = body.get("model"), body.get("messages")
    if not isinstance(model, str) or not model:
        yield "you must provide a model parameter", None, None
    if messages is None:
        yield "Missing required parameter: 'messages'.", "messages", "missing_required_parameter"
    elif not isinstance(messages, list):
        yield "Invalid type for 'messages': expected an array of objects.", "messages", "invalid_type"
    elif not messages:
        text = "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array."
        yield text, "messages", "empty_array"
    else:
        for index, message in enumerate(messages):
            yield from _message_faults(message, f"messages[{index}]")
        yield from _turn_faults(messages)
        yield from _format_faults(body.get("response_format"), messages)
    yield from number_faults(body)
    yield from tool_faults(body)
    if body.get("top_logprobs") and not body.get("logprobs"):
        yield "'top_logprobs' needs 'logprobs' to be true.", "top_logprobs", "invalid_value"


def _message_faults(message: object, where: str) -> Iterator[tuple[str, str, str]]:
    if not isinstance(message, Mapping):
        yield f"Invalid type for '{where}': expected an object.", where, "invalid_type"
        return
    role = message.get("role")
    if role is None:
        yield f"Missing required parameter: '{where}.role'.", f"{where}.role", "missing_required_parameter"
    elif role not in ("system", "developer", "user", "assistant", "tool", "function"):
        text = f"Invalid value: '{role}'. Supported values are: 'system', 'assistant', 'user', 'function', 'tool', "
        yield text + "and 'developer'.", f"{where}.role", "invalid_value"
    content = message.get("content")
    if content is None and role != "assistant":
        yield f"Missing required parameter: '{where}.content'.", f"{where}.content", "missing_required_parameter"
    elif not isinstance(content, str | list | None):
        text = f"Invalid type for '{where}.content': expected one of a string or array of objects."
        yield text, f"{where}.content", "invalid_type"
    elif isinstance(content, list):
        yield from _part_faults(content, f"{where}.content")


def number_faults(body: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """What is no number, or out of its range."""
    for name, low, high in _RANGES:
        value = body.get(name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float):
            yield f"Invalid type for '{name}': expected a decimal.", name, "invalid_type"
        elif value > high:
            yield _outside(name, "decimal above maximum", f"<= {high}", value), name, "decimal_above_max_value"
        elif value < low:
            yield _outside(name, "decimal below minimum", f">= {low}", value), name, "decimal_below_min_value"
    for name, most in _COUNTS:
        value = body.get(name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int):
            yield f"Invalid type for '{name}': expected an integer.", name, "invalid_type"
        elif value < (least := 0 if name == "top_logprobs" else 1):
            yield _outside(name, "integer below minimum", f">= {least}", value), name, "integer_below_min_value"
        elif most is not None and value > most:
            yield _outside(name, "integer above maximum", f"<= {most}", value), name, "integer_above_max_value"


def _outside(name: str, what: str, bound: str, value: float) -> str:
    return f"Invalid '{name}': {what} value. Expected a value {bound}, but got {value} instead."


def _format_faults(asked: object, messages: list[Any]) -> Iterator[tuple[str, str, str | None]]:
    if asked is None:
        return
    kind = asked.get("type") if isinstance(asked, Mapping) else None
    if not isinstance(asked, Mapping) or kind not in _TYPES:
        text = f"Invalid value: '{kind}'. Supported values are: 'json_object', 'json_schema', and 'text'."
        yield text, "response_format.type", "invalid_value"
    elif kind == "json_object" and not any("json" in text_of(m).lower() for m in messages):
        text = "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'."
        yield text, "messages", None
    elif kind == "json_schema":
        yield from schema_faults(asked.get("json_schema"), "response_format.json_schema")


def schema_faults(form: object, where: str) -> Iterator[tuple[str, str, str | None]]:
    """What is wrong with a format that is a schema; `where` it stands."""
    if not isinstance(form, Mapping):
        yield f"Missing required parameter: '{where}'.", where, "missing_required_parameter"
        return
    name = form.get("name")
    if not isinstance(name, str):
        yield f"Missing required parameter: '{where}.name'.", f"{where}.name", "missing_required_parameter"
    elif not NAME.fullmatch(name):
        text = f"Invalid '{where}.name': string does not match pattern '^[a-zA-Z0-9_-]+$' or is longer than 64."
        yield text, f"{where}.name", "invalid_value"
    if form.get("strict") is True:
        fault = strict_fault(form.get("schema"))
        if fault is not None:
            yield f"Invalid schema for response_format '{name}': {fault}", "response_format", None


def tool_faults(body: Mapping[str, Any], *, flat: bool = False) -> Iterator[tuple[str, str, str | None]]:
    """What is wrong with the tools. flat: their definitions stand beside their type, as in the Responses API."""
    tools, chosen, names = body.get("tools"), body.get("tool_choice"), list[str]()
    if tools is not None and (not isinstance(tools, list) or not all(isinstance(tool, Mapping) for tool in tools)):
        yield "Invalid type for 'tools': expected an array of objects.", "tools", "invalid_type"
        return
    if tools == [] and not flat:
        yield "Invalid 'tools': empty array. Expected an array with minimum length 1.", "tools", "empty_array"
    for index, tool in enumerate(tools or ()):
        where = f"tools[{index}]" if flat else f"tools[{index}].function"
        function = tool if flat else tool.get("function")
        if tool.get("type") != "function" or not isinstance(function, Mapping):
            yield f"Invalid value: '{tool.get('type')}'.", f"tools[{index}].type", "invalid_value"
            return
        name, parameters = function.get("name"), function.get("parameters", {"type": "object"})
        if not isinstance(name, str) or not NAME.fullmatch(name):
            text = f"Invalid '{where}.name': string does not match pattern. Expected '^[a-zA-Z0-9_-]+$'."
            yield text, f"{where}.name", "invalid_value"
        if not isinstance(parameters, Mapping) or parameters.get("type") != "object":
            text = "schema must be a JSON Schema of 'type: \"object\"'"
            yield f"Invalid schema for function '{name}': {text}.", f"{where}.parameters", "invalid_function_parameters"
        elif function.get("strict") is True and (fault := strict_fault(parameters)) is not None:
            text = f"Invalid schema for function '{name}': {fault}"
            yield text, f"{where}.parameters", "invalid_function_parameters"
        names.append(str(name))
    yield from _choice_faults(chosen, names, flat)


def _choice_faults(chosen: object, names: list[str], flat: bool) -> Iterator[tuple[str, str, str | None]]:
    if chosen is None:
        return
    if not names and chosen != "none":
        yield "'tool_choice' is only allowed when 'tools' are specified.", "tool_choice", None
    if isinstance(chosen, Mapping):
        function = chosen if flat else chosen.get("function")
        name = function.get("name") if isinstance(function, Mapping) else None
        if chosen.get("type") != "function" or name not in names:
            yield f"Tool choice '{name}' not found in 'tools' parameter.", "tool_choice", None
    elif chosen not in ("none", "auto", "required"):
        text = f"Invalid value: '{chosen}'. Supported values are: 'none', 'auto', and 'required'."
        yield text, "tool_choice", "invalid_value"


def _turn_faults(messages: list[Any]) -> Iterator[tuple[str, str, str | None]]:
    """Calls of tools without their results, and results without a call."""
    open_calls: list[str] = []
    for index, message in enumerate(messages):
        if not isinstance(message, Mapping):
            return
        where = f"messages.[{index}].role"
        if message.get("role") == "tool":
            if message.get("tool_call_id") not in open_calls:
                text = "messages with role 'tool' must be a response to a preceeding message with 'tool_calls'."
                yield f"Invalid parameter: {text}", where, None
                return
            open_calls.remove(message["tool_call_id"])
        elif open_calls:
            break
        else:
            open_calls = [str(call.get("id")) for call in message.get("tool_calls") or () if isinstance(call, Mapping)]
    if open_calls:
        text = (
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
            f"'tool_call_id'. The following tool_call_ids did not have response messages: {', '.join(open_calls)}"
        )
        yield text, "messages", None


def _part_faults(content: list[Any], where: str) -> Iterator[tuple[str, str, str]]:
    for index, part in enumerate(content):
        at, kind = f"{where}[{index}]", part.get("type") if isinstance(part, Mapping) else None
        if kind not in _PARTS:
            known = ", ".join(f"'{name}'" for name in _PARTS)
            yield f"Invalid value: '{kind}'. Supported values are: {known}.", at, "invalid_value"
        elif kind == "text" and not isinstance(part.get("text"), str):
            yield f"Missing required parameter: '{at}.text'.", f"{at}.text", "missing_required_parameter"
        elif kind == "image_url":
            shown = part.get("image_url")
            url = shown.get("url") if isinstance(shown, Mapping) else None
            if not isinstance(url, str) or not re.match(r"https?://|data:image/[a-z+.-]+;base64,", url):
                text = f"Invalid '{at}.image_url.url'. Expected a valid URL, but got a value with an invalid format."
                yield text, f"{at}.image_url.url", "invalid_value"
