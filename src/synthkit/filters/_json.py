"""Whether a text is JSON, and fits a JSON schema."""

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NoReturn

from synthkit.core.values import canonical
from synthkit.filters._patterns import found, wrong

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

LONGEST = 200
"""Characters of what is said of a value that does not fit."""
DATA = ("const", "default", "enum", "examples")
"""Keys of a schema whose values are no schemas."""


def parsed(text: str) -> Any:
    """The value of a JSON text. Raises `ValueError`, for NaN and Infinity, too, which are none."""
    try:
        return json.loads(text, parse_constant=_no_json)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _no_json(token: str) -> NoReturn:
    raise ValueError(f"{token} is no JSON")


def misfit(value: Any, schema: Mapping[str, Any]) -> str:
    """Where and how a value does not fit a schema; nothing where it fits."""
    try:
        problem = next(_validator(canonical(schema)).iter_errors(value), None)
    except RecursionError:
        return "it is nested too deeply"
    return "" if problem is None else f"{problem.json_path}: {problem.message}"[:LONGEST]


def wrong_schema(schema: Mapping[str, Any]) -> str:
    """What is wrong with a JSON schema; nothing where it is one that can be used."""
    import jsonschema
    from referencing.exceptions import Unresolvable

    try:
        validator = _validator(canonical(schema))
        type(validator).check_schema(dict(schema))
    except jsonschema.SchemaError as error:
        return f"{error.json_path}: {error.message}"[:LONGEST]
    resolver = _resolver(schema)
    for key, value in _strings(schema):
        if key == "$ref":
            try:
                resolver.lookup(value)
            except (Unresolvable, ValueError):
                return f"$ref {value!r} is not in it, and nothing is looked up elsewhere"
        elif key == "pattern" and wrong(value):
            return f"pattern {value!r} is no regular expression of Rust's kind: {wrong(value)}"
    return ""


def _strings(schema: Any) -> Iterator[tuple[str, str]]:
    """All keys whose values are text, wherever in a schema."""
    if isinstance(schema, Mapping):
        for key, value in schema.items():
            if isinstance(value, str):
                yield key, value
            elif key not in DATA:
                yield from _strings(value)
    elif isinstance(schema, list | tuple):
        for value in schema:
            yield from _strings(value)


def _resolver(schema: Mapping[str, Any]) -> Any:
    from referencing import Registry, Resource
    from referencing.jsonschema import DRAFT202012

    resource: Any = Resource.from_contents(schema, default_specification=DRAFT202012)
    uri = resource.id() or ""
    registry: Any = Registry()
    return registry.with_resource(uri, resource).resolver(uri)


@lru_cache(64)
def _validator(schema: str) -> "Validator":
    """A validator that fetches nothing, and whose patterns take linear time on any text."""
    from jsonschema import Draft202012Validator, ValidationError
    from jsonschema.validators import extend, validator_for
    from referencing import Registry

    def pattern(validator: Any, regex: str, value: Any, _: Any) -> Iterator[ValidationError]:
        if isinstance(value, str) and not found(regex, value):
            yield ValidationError(f"{value!r} does not match {regex!r}")

    form = json.loads(schema)
    cls: Any = extend(  # type: ignore[no-untyped-call]
        validator_for(form, default=Draft202012Validator), {"pattern": pattern}
    )
    made: Validator = cls(form, registry=Registry())
    return made
