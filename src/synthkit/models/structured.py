"""Structured answers: the schema that goes out, and reading what comes back."""

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from pydantic import BaseModel, PydanticUserError, ValidationError

from synthkit.core.answer import Message, Reply, Request, Schema, called
from synthkit.errors import AnswerError, ConfigError, RecordError
from synthkit.models.nulls import followed, without_nulls

WORDS = (
    "Answer with one JSON value that fits this JSON schema, and with nothing else: no explanation, no code fence.\n{}"
)
REPAIR = "That answer cannot be used: {}\nAnswer again, with one JSON value that fits the schema, and nothing else."
REPAIR_CALLS = "No tool was called, because of this: {}. Make all calls again, so that they fit."
WRAP = "answer"
"""The one field of the object around an answer that is no object, which native modes do not take."""

DEFINED = ("#/$defs/", "#/definitions/")


def json_schema(schema: Schema) -> dict[str, Any]:
    """The JSON schema of a pydantic model, its objects closed, since what it does not name is of no use; or the one
    given. Raises `ConfigError` for what is none."""
    if isinstance(schema, Mapping):
        try:
            _checked(json.dumps(schema))
        except (TypeError, ValueError, RecursionError) as error:
            raise ConfigError(f"a schema for answers is no JSON schema: {str(error)[:200]}") from error
        return dict(schema)
    return dict(_of_model(schema))


@lru_cache(256)
def _of_model(model: type[BaseModel]) -> dict[str, Any]:
    try:
        return _closed(model.model_json_schema())
    except PydanticUserError as error:
        said = str(error).partition("\n")[0]
        raise ConfigError(f"{model.__name__} has no JSON schema, so no model can be asked for it: {said}") from error


@lru_cache(256)
def _checked(schema: str) -> None:
    import jsonschema

    form = json.loads(schema)
    try:
        jsonschema.Draft202012Validator.check_schema(form)
    except jsonschema.SchemaError as error:
        raise ConfigError(
            f"a schema for answers is no JSON schema: {error.json_path}: {error.message[:200]}"
        ) from error
    for ref in _references(form):
        if not ref.startswith("#") or (ref.startswith("#/") and not followed({"$ref": ref}, form)):
            raise ConfigError(f"a schema for answers refers to {ref!r}, which it does not hold: put it in")


def _references(schema: Any) -> Iterator[str]:
    inner = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
    if isinstance(schema, dict) and isinstance(schema.get("$ref"), str):
        yield schema["$ref"]
    for part in inner:
        yield from _references(part)


def _closed(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema of pydantic's with all its objects closed that say nothing of further fields."""
    closed = {"additionalProperties": False, **schema} if "properties" in schema else dict(schema)
    for key in ("properties", "$defs"):
        if key in schema:
            closed[key] = {name: _closed(part) for name, part in schema[key].items()}
    for key in ("anyOf", "oneOf", "allOf", "prefixItems"):
        if key in schema:
            closed[key] = [_closed(part) for part in schema[key]]
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            closed[key] = _closed(schema[key])
    return closed


def native(schema: Schema) -> dict[str, Any]:
    """The JSON schema for a native mode: that of an object, which what is none is put into."""
    form = json_schema(schema)
    if not _wrapped(form):
        return form
    inner = {key: value for key, value in form.items() if key not in ("$defs", "definitions", "$schema", "$id")}
    outer = {key: value for key, value in form.items() if key in ("$defs", "definitions", "$schema")}
    whole = {"type": "object", "properties": {WRAP: inner}, "required": [WRAP], "additionalProperties": False, **outer}
    moved: dict[str, Any] = _moved(whole)
    return moved


def _wrapped(schema: Mapping[str, Any]) -> bool:
    """Whether a schema's values are put into an object for a native mode."""
    root = followed(schema, schema)
    kind = root.get("type", "object" if "properties" in root else None)
    return kind != "object" or bool({"anyOf", "oneOf"} & root.keys())


def _moved(schema: Any) -> Any:
    """The same, its references to the root turned to where that has gone."""
    if isinstance(schema, list):
        return [_moved(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    ref = schema.get("$ref")
    moved = {key: _moved(value) for key, value in schema.items()}
    if ref == "#" or (isinstance(ref, str) and ref.startswith("#/") and not ref.startswith(DEFINED)):
        moved["$ref"] = f"#/properties/{WRAP}{ref[1:]}"
    return moved


def in_words(request: Request, schema: Schema) -> Request:
    """The request that asks for such an answer in words, behind the last message."""
    words = WORDS.format(json.dumps(json_schema(schema), ensure_ascii=False))
    *before, last = request.messages
    if last.get("role") != "user":
        return request.replaced(messages=[*request.messages, {"role": "user", "content": words}])
    said = last["content"]
    content = f"{said}\n\n{words}" if isinstance(said, str) else [*said, {"type": "text", "text": words}]
    return request.replaced(messages=[*before, {**last, "content": content}])


def with_repair(request: Request, reply: Reply, error: AnswerError) -> Request:
    """The next request: the answer, and what is wrong with it."""
    more: list[Message]
    if request.tools and reply.tool_calls:
        # Services read the calls of a conversation: what is no JSON would be refused.
        sound = [{**call, "function": {**call["function"], "arguments": _sound(call["function"]["arguments"])}}
                 for call in called(reply.tool_calls)]  # fmt: skip
        more = [{"role": "assistant", "content": reply.text, "tool_calls": sound}]
        results = REPAIR_CALLS.format(str(error).rstrip("."))
        more += [{"role": "tool", "tool_call_id": call.id, "content": results} for call in reply.tool_calls]
    else:
        said = REPAIR.format(error) if error.reason != "unfit call" else REPAIR_CALLS.format(error)
        more = [
            {"role": "assistant", "content": reply.text if reply.text.strip() else "(nothing)"},
            {"role": "user", "content": said},
        ]
    return request.replaced(messages=[*request.messages, *more])


def _sound(arguments: str) -> str:
    try:
        fine = isinstance(json.loads(arguments), dict)
    except (ValueError, RecursionError):
        fine = False
    return arguments if fine else "{}"


def read(text: str, schema: Schema, *, natively: bool = False, cut: bool = False) -> Any:
    """The parsed and validated answer. Raises `AnswerError` saying what does not fit. natively: it was asked for so.
    cut: it met the limit of tokens, so it is not repaired: what was mended would look whole."""
    form = json_schema(schema)
    value = json_value(text, cut)
    if natively and isinstance(value, dict) and value.keys() == {WRAP} and _wrapped(form):
        value = value[WRAP]
    try:
        value = without_nulls(value, form)
        if isinstance(schema, type):
            return schema.model_validate(value)
        conform(value, schema)
    except ValidationError as error:
        raise AnswerError(complaints(error, getattr(schema, "__name__", ""))) from error
    except RecursionError as error:
        raise AnswerError("the answer is nested too deeply") from error
    return value


def whole(text: str) -> bool:
    """Whether a text is JSON, so that nothing of it was cut off."""
    try:
        json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return False
    return True


def json_value(text: str, cut: bool = False) -> Any:
    """The JSON value of a text that is JSON or nearly so; of one that was cut off, only if it is."""
    try:
        return json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        pass
    if cut:
        raise AnswerError("the answer breaks off at the limit of tokens (max_tokens)", reason="cut off")
    if not any(mark in text for mark in "{["):
        raise AnswerError("the answer is not JSON")
    import json_repair

    try:
        value = json_repair.loads(text)
        json.dumps(value, allow_nan=False)
    except (ValueError, RecursionError) as error:
        raise AnswerError("the answer is not JSON") from error
    if not isinstance(value, dict | list) or not value:
        raise AnswerError("the answer is not JSON")
    return value


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def conform(value: Any, schema: Mapping[str, Any]) -> None:
    """Raises `AnswerError` where a value does not fit a JSON schema. What the schema refers to is never fetched."""
    import jsonschema
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    validator = jsonschema.Draft202012Validator(schema, registry=Registry())
    try:
        problem = jsonschema.exceptions.best_match(validator.iter_errors(value))
    except Unresolvable as error:
        raise RecordError(
            f"a schema refers to {error.ref!r}, which it does not hold: put it in", reason="schema"
        ) from error
    if problem is not None:
        raise AnswerError(f"{problem.json_path}: {problem.message[:200]}")


def complaints(error: ValidationError, name: str) -> str:
    """What does not fit, the first five, in one line."""
    lines = [f"{'.'.join(map(str, e['loc'])) or name}: {e['msg']}" for e in error.errors()[:5]]
    return "; ".join(lines)
