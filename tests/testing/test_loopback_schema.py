"""Instances of schemas: they fit, and the same dice make the same."""

import enum
import json
from random import Random
from typing import Annotated, Any, Literal

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from synthkit.testing.loopback.schema import instance
from synthkit.testing.loopback.strict import strict_fault


class Colour(enum.Enum):
    red = "red"
    blue = "blue"


class Leaf(BaseModel):
    kind: Literal["leaf"]
    colour: Colour
    day: str = Field(pattern=r"^\d{4}-\d{2}-\d{2}$")


class Tree(BaseModel):
    name: str = Field(min_length=3, max_length=12)
    age: int = Field(gt=3, lt=9)
    height: float = Field(ge=-1.5, le=1.5)
    even: int = Field(multiple_of=2, ge=10)
    below: int = Field(le=-5)
    tags: Annotated[list[str], Field(min_length=2, max_length=3)]
    pair: tuple[int, bool]
    note: str | None
    leaf: Leaf
    counts: dict[str, int]
    children: list["Tree"]
    twin: "Tree | None" = None


@settings(deadline=None)
@given(st.integers())
def test_a_model_reads_its_instance(seed: int) -> None:
    schema = Tree.model_json_schema()
    made = instance(schema, Random(seed))
    jsonschema.validate(made, schema)
    Tree.model_validate_json(json.dumps(made))
    assert made == instance(schema, Random(seed))


@pytest.mark.parametrize(
    "schema",
    [
        True,
        {"const": 5},
        {"enum": ["a", 1, None]},
        {"type": ["integer", "null"]},
        {"allOf": [{"$ref": "#/$defs/a"}, {"properties": {"y": {"type": "null"}}, "required": ["y"]}],
         "$defs": {"a": {"type": "object", "properties": {"x": {"type": "string"}}, "required": ["x"]}}},
        {"oneOf": [{"type": "string", "format": "uuid"}, {"type": "number", "exclusiveMaximum": 0}]},
        {"type": "array", "items": {"enum": [1, 2, 3]}, "uniqueItems": True, "minItems": 3},
        {"type": "array", "prefixItems": [{"type": "integer"}], "items": False},
        {"type": "string", "minLength": 500},
        {"type": "string", "pattern": "^[A-Z]+$"},
    ],
)  # fmt: skip
@pytest.mark.parametrize("seed", range(5))
def test_an_instance_fits(schema: Any, seed: int) -> None:
    jsonschema.validate(instance(schema, Random(seed)), schema)


@pytest.mark.parametrize(
    "schema",
    [{"$ref": "https://example.com/x"}, {"$ref": "#/nowhere"}, {"$ref": "#"}, {"type": "text"}, {"enum": []}],
)
def test_what_has_no_instance_is_refused(schema: Any) -> None:
    with pytest.raises((ValueError, LookupError)):
        instance(schema, Random(0))


def _nested(depth: int) -> dict[str, Any]:
    inner = _nested(depth - 1) if depth > 1 else {"type": "string"}
    return {"type": "object", "properties": {"b": inner}, "required": ["b"], "additionalProperties": False}


def test_a_strict_schema_must_be_strict() -> None:
    good: dict[str, Any] = {
        "type": "object",
        "properties": {"a": {"type": "array", "items": {"$ref": "#/$defs/b"}}},
        "required": ["a"],
        "additionalProperties": False,
        "$defs": {"b": {"type": "object", "properties": {}, "required": [], "additionalProperties": False}},
    }
    assert strict_fault(good) is None
    changes: list[tuple[dict[str, Any], str]] = [
        ({"type": "array"}, "schema must be a JSON Schema of 'type: \"object\"'"),
        ({"additionalProperties": True}, "'additionalProperties' is required to be supplied and to be false"),
        ({"required": []}, "Missing 'a'"),
        ({"$defs": {"b": {"type": "object"}}}, "In context=('$defs', 'b')"),
        ({"properties": {"a": {}}}, "schema must have a 'type' key"),
        ({"properties": {"a": True}}, "schema must have a 'type' key"),
        ({"properties": {"a": {"oneOf": []}}}, "schema must have a 'type' key"),
        ({"properties": {"a": {"type": "string", "allOf": []}}}, "'allOf' is not permitted"),
        ({"properties": {"a": {"type": "string", "minLength": 1}}}, "'minLength' is not permitted"),
        ({"properties": {"a": {"type": "string", "minimum": 1}}}, "'minimum' is not permitted"),
        ({"properties": {"a": {"type": "string", "default": ""}}}, "'default' is not permitted"),
        ({"properties": {"a": {"type": "string", "format": "uri"}}}, "'uri' is not a valid format"),
        ({"properties": {"a": {"type": "string", "pattern": "(?=x)"}}}, "'pattern' must not look around"),
        ({"properties": {"a": {"type": "array"}}}, "array schema missing items"),
        ({"properties": {"a": {"type": "array", "prefixItems": [{"type": "null"}]}}}, "'prefixItems' is not permitted"),
        ({"properties": {"a": {"$ref": "#/$defs/b", "title": "B"}}}, "$ref cannot have keywords ['title']"),
        ({"properties": {"a": {"$ref": "#/$defs/c"}}}, "reference can only point to definitions"),
        ({"properties": {"a": {"type": "string", "enum": [1]}}}, "enum value 1 does not validate"),
        ({"properties": {"a": {"type": "boolean", "const": 1}}}, "const value 1 does not validate"),
        ({"required": ["a", "b"]}, "Extra required key 'b' supplied"),
        ({"anyOf": []}, "must not have 'anyOf' at the top level"),
        ({"properties": {"a": _nested(10)}}, "11 levels of nesting exceeds limit of 10"),
        ({"properties": {"a": {"type": "string", "enum": [f"{n}" for n in range(1001)]}}}, "1001 enum values"),
        (
            {"properties": {"a": {"type": "string", "enum": ["x" * 60 + f"{n}" for n in range(251)]}}},
            "15000 characters",
        ),
    ]
    assert strict_fault({**good, "properties": {"a": _nested(9)}}) is None
    for change, message in changes:
        fault = strict_fault({**good, **change})
        assert fault is not None and message in fault
