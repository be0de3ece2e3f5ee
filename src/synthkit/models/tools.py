"""Tools: their definitions as they go out, and the calls that come back."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from synthkit.core.answer import Tool, ToolCall
from synthkit.core.component import kebab
from synthkit.errors import AnswerError, ConfigError, RecordError
from synthkit.models.nulls import without_nulls
from synthkit.models.structured import complaints, conform, json_schema, json_value

NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


def definitions(tools: Sequence[Tool]) -> list[dict[str, Any]]:
    """The definitions that go out. Raises `RecordError` for what is none, and for two of one name."""
    made = [_definition(tool) for tool in tools]
    names = [tool["function"]["name"] for tool in made]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise RecordError(f"two tools are called {twice!r}: give each a name of its own", reason="tools")
    return made


def tool_name(model: type) -> str:
    """GetWeather → get_weather."""
    return kebab(model.__name__).replace("-", "_")


def _definition(tool: Tool) -> dict[str, Any]:
    if isinstance(tool, type):
        schema = json_schema(tool)
        described = {"description": said} if (said := schema.pop("description", "")) else {}
        return {"type": "function", "function": {"name": tool_name(tool), **described, "parameters": schema}}
    inner = tool.get("function", tool if "name" in tool else None) if isinstance(tool, Mapping) else None
    name = inner.get("name") if isinstance(inner, Mapping) else None
    if not isinstance(inner, Mapping) or not isinstance(name, str) or not NAME.fullmatch(name):
        raise RecordError(
            f"{str(tool)[:100]} defines no tool: write {{'type': 'function', 'function': {{'name': …, "
            "'description': …, 'parameters': …}}, with a JSON schema as parameters, and with letters, digits, '_' and "
            "'-' in the name",
            reason="tools",
        )
    function = {key: value for key, value in inner.items() if key != "type"}
    return {"type": "function", "function": {**function, "parameters": _parameters(name, inner.get("parameters"))}}


def _parameters(name: str, given: Any) -> dict[str, Any]:
    """The schema of a tool's arguments, which are an object, if it has any."""
    schema = {"type": "object", **given} if isinstance(given, Mapping) else given
    if not schema:
        return {"type": "object", "properties": {}}
    if not isinstance(schema, Mapping) or schema["type"] != "object":
        raise RecordError(
            f"the parameters of the tool {name!r} are no JSON schema of an object: write "
            "{'type': 'object', 'properties': …}",
            reason="tools",
        )
    try:
        return json_schema({"properties": {}, **schema})
    except ConfigError as error:
        raise RecordError(f"the parameters of the tool {name!r}: {error}", reason="tools") from error


def checked(
    calls: Sequence[ToolCall], tools: Sequence[Tool], forms: Sequence[Mapping[str, Any]], *, cut: bool = False
) -> list[ToolCall]:
    """The calls with parsed arguments that fit their tool. Raises `AnswerError` saying what does not fit. forms: the
    tools' definitions, as they went out. cut: the answer met the limit of tokens, so that arguments which break off
    are not mended."""
    known = {form["function"]["name"]: (tool, form) for tool, form in zip(tools, forms, strict=True)}
    return [_checked(call, known, cut) for call in calls]


def _checked(call: ToolCall, known: Mapping[str, tuple[Tool, Mapping[str, Any]]], cut: bool) -> ToolCall:
    if call.name not in known:
        raise AnswerError(f"there is no tool {call.name!r}, there are {', '.join(known)}", reason="unfit call")
    tool, form = known[call.name]
    schema = form["function"]["parameters"]
    try:
        arguments = call.arguments
        if isinstance(arguments, str):
            arguments = json_value(arguments, cut) if arguments.strip() else {}
        if not isinstance(arguments, Mapping):
            raise AnswerError("the arguments are no JSON object")
        arguments = without_nulls(arguments, schema)
        if isinstance(tool, type):
            # as JSON, so that a record can hold them
            arguments = json.loads(tool.model_validate(arguments).model_dump_json(by_alias=True, exclude_unset=True))
        else:
            conform(arguments, schema)
    except ValidationError as error:
        raise AnswerError(f"the call of {call.name}: {complaints(error, call.name)}", reason="unfit call") from error
    except AnswerError as error:
        reason = "cut off" if error.reason == "cut off" else "unfit call"
        raise AnswerError(f"the call of {call.name}: {error}", reason=reason) from error
    except RecursionError as error:
        raise AnswerError(f"the call of {call.name} is nested too deeply", reason="unfit call") from error
    return ToolCall(call.id, call.name, arguments)
