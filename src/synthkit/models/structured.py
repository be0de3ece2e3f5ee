"""Structured answers: the schema that goes out, and reading what comes back."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from synthkit.core.answer import Message, Request, Schema
from synthkit.errors import AnswerError

WORDS = (
    "Answer with one JSON value that fits this JSON schema, and with nothing else: no explanation, no code fence.\n{}"
)
REPAIR = "That answer cannot be used: {}\nAnswer again, with one JSON value that fits the schema, and nothing else."


def json_schema(schema: Schema) -> dict[str, Any]:
    """The JSON schema of a pydantic model, its objects closed, since what it does not name is of no use; or the one
    given."""
    if isinstance(schema, Mapping):
        return dict(schema)
    closed: dict[str, Any] = _closed(schema.model_json_schema())
    return closed


def _closed(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: _closed(value) for key, value in schema.items()}
    return {"additionalProperties": False, **inner} if schema.get("type") == "object" else inner


def with_schema(request: Request, schema: Schema, native: bool) -> Request:
    """The request that asks for such an answer: natively, or in words behind the last message."""
    form = json_schema(schema)
    if native:
        return request.replaced(schema=form)
    *before, last = request.messages
    words = WORDS.format(json.dumps(form, ensure_ascii=False))
    said = last["content"]
    content = f"{said}\n\n{words}" if isinstance(said, str) else [*said, {"type": "text", "text": words}]
    return request.replaced(messages=[*before, {**last, "content": content}])


def with_repair(request: Request, text: str, error: AnswerError) -> Request:
    """The next request: the answer, and what is wrong with it."""
    more: list[Message] = [
        {"role": "assistant", "content": text},
        {"role": "user", "content": REPAIR.format(error)},
    ]
    return request.replaced(messages=[*request.messages, *more])


def read(text: str, schema: Schema, *, cut: bool = False) -> Any:
    """The parsed and validated answer. Raises `AnswerError` saying what does not fit. cut: it met the limit of tokens,
    so it is not repaired: what was mended would look whole."""
    value = _value(text, cut)
    if isinstance(schema, Mapping):
        _conform(value, schema)
        return value
    try:
        return schema.model_validate(value)
    except ValidationError as error:
        raise AnswerError(_complaints(error, schema)) from error


def _value(text: str, cut: bool) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    if cut:
        raise AnswerError("the answer breaks off at the limit of tokens (max_tokens)")
    if not any(mark in text for mark in "{["):
        raise AnswerError("the answer is not JSON")
    import json_repair

    try:
        value = json_repair.loads(text)
    except (ValueError, RecursionError) as error:
        raise AnswerError("the answer is not JSON") from error
    if not isinstance(value, dict | list) or not value:
        raise AnswerError("the answer is not JSON")
    return value


def _conform(value: Any, schema: Mapping[str, Any]) -> None:
    import jsonschema

    problem = next(iter(jsonschema.Draft202012Validator(schema).iter_errors(value)), None)
    if problem is not None:
        raise AnswerError(f"{problem.json_path}: {problem.message[:200]}")


def _complaints(error: ValidationError, model: type[BaseModel]) -> str:
    lines = [f"{'.'.join(map(str, e['loc'])) or model.__name__}: {e['msg']}" for e in error.errors()[:5]]
    return "; ".join(lines)
