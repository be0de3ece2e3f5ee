"""What a chat service refuses in a request before any model sees it."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from synthkit.testing.loopback.apierrors import ApiError
from synthkit.testing.loopback.replies import text_of
from synthkit.testing.loopback.schema import strict_fault

_RANGES = (("temperature", 0, 2), ("top_p", 0, 1), ("presence_penalty", -2, 2), ("frequency_penalty", -2, 2))
_COUNTS = (("n", 128), ("max_tokens", None), ("max_completion_tokens", None), ("top_logprobs", 20))
_TYPES = {"text", "json_object", "json_schema"}


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
        yield from _format_faults(body.get("response_format"), messages)
    yield from _number_faults(body)


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


def _number_faults(body: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
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
        yield from _schema_faults(asked.get("json_schema"))


def _schema_faults(form: object) -> Iterator[tuple[str, str, str | None]]:
    where = "response_format.json_schema"
    if not isinstance(form, Mapping):
        yield f"Missing required parameter: '{where}'.", where, "missing_required_parameter"
        return
    name = form.get("name")
    if not isinstance(name, str):
        yield f"Missing required parameter: '{where}.name'.", f"{where}.name", "missing_required_parameter"
    elif not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name):
        text = f"Invalid '{where}.name': string does not match pattern '^[a-zA-Z0-9_-]+$' or is longer than 64."
        yield text, f"{where}.name", "invalid_value"
    if form.get("strict") is True:
        fault = strict_fault(form.get("schema"))
        if fault is not None:
            yield f"Invalid schema for response_format '{name}': {fault}", "response_format", None
