"""JSON schemas for Anthropic's structured outputs: translated, or refused with the field's name."""

import enum
import json
from collections.abc import Mapping
from random import Random
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from synthkit.core import Endpoint
from synthkit.models.structured import json_schema
from synthkit.providers.anthropic import Anthropic
from synthkit.providers.anthropic_schema import Unfit, translated
from synthkit.testing.loopback.anthropic_schema import faults
from synthkit.testing.loopback.schema import instance


def unfit(schema: Mapping[str, Any]) -> str:
    said = Anthropic(Endpoint()).unfit("claude-opus-5-5", schema)
    assert said is not None
    return said


def obj(required: list[str] | None = None, **properties: Any) -> dict[str, Any]:
    needed = [*properties] if required is None else required
    return {"type": "object", "properties": properties, "required": needed, "additionalProperties": False}


class Level(enum.Enum):
    LOW = "low"
    HIGH = "high"


class Step(BaseModel):
    """One step."""

    text: str = Field(min_length=3, max_length=80, description="what to do")
    minutes: Annotated[int, Field(ge=1, le=90)] | None = None


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int = 9


class Dog(BaseModel):
    kind: Literal["dog"]
    tricks: list[str]


class Recipe(BaseModel):
    title: str
    level: Level = Field(description="how hard it is")
    first: Step = Field(description="the step to begin with")
    steps: list[Step] = Field(min_length=2)
    pet: Annotated[Cat | Dog, Field(discriminator="kind")] | None = None
    email: str | None = Field(None, json_schema_extra={"format": "email"})
    code: str = Field("x", pattern=r"^[a-z]+\b$")


def test_a_model_with_all_sorts_of_fields_goes_out_and_keeps_its_words() -> None:
    made = translated(json_schema(Recipe))
    assert list(faults(made)) == []
    fields = made["properties"]
    assert made["required"] == ["title", "level", "first", "steps"]
    assert fields["level"] == {"title": "Level", "description": "how hard it is", "enum": ["low", "high"]}
    assert fields["first"]["description"] == "the step to begin with"
    step = fields["steps"]["items"]
    assert step["description"] == "One step."
    assert step["properties"]["text"]["description"] == "what to do (maxLength: 80, minLength: 3)"
    ways = step["properties"]["minutes"]["anyOf"]
    assert ways == [{"type": "integer", "description": "(maximum: 90, minimum: 1)"}, {"type": "null"}]
    assert fields["steps"]["description"] == "(minItems: 2)"
    assert [way["properties"]["kind"]["const"] for way in fields["pet"]["anyOf"][0]["anyOf"]] == ["cat", "dog"]
    assert fields["email"]["format"] if "format" in fields["email"] else "email" in fields["email"]["description"]
    assert fields["code"]["description"] == '(pattern: "^[a-z]+\\\\b$")'
    assert "$defs" not in made


def test_the_given_schema_stays_as_it_is() -> None:
    schema = json_schema(Recipe)
    before = json.dumps(schema)
    translated(schema)
    assert json.dumps(schema) == before


@pytest.mark.parametrize(
    ("schema", "made"),
    [
        ({"type": "string", "format": "date"}, {"type": "string", "format": "date"}),
        ({"type": "string", "format": "color"}, {"type": "string", "description": '(format: "color")'}),
        ({"type": ["string", "null"]}, {"type": ["string", "null"]}),
        ({"type": "number", "multipleOf": 0.5}, {"type": "number", "description": "(multipleOf: 0.5)"}),
        ({"enum": [1, "a", None]}, {"enum": [1, "a", None]}),
        ({"const": True, "type": "boolean"}, {"const": True}),
        (
            {"type": "array", "items": {"type": "integer"}, "minItems": 1, "uniqueItems": True},
            {"type": "array", "items": {"type": "integer"}, "minItems": 1, "description": "(uniqueItems: true)"},
        ),
        ({"oneOf": [{"type": "string"}, {"type": "integer"}]}, {"anyOf": [{"type": "string"}, {"type": "integer"}]}),
        ({"type": "object", "properties": {"a": {"type": "null"}}}, obj([], a={"type": "null"})),
        ({"properties": {}, "additionalProperties": False}, obj()),
        (
            {"allOf": [{"$ref": "#/$defs/A"}, {"properties": {"b": {"type": "string"}}, "required": ["b"]}],
             "$defs": {"A": obj(a={"type": "integer"})}, "title": "Both"},
            {"title": "Both", **obj(a={"type": "integer"}, b={"type": "string"})},
        ),
        (
            {"type": "object", "properties": {"a": {"type": "null"}, "b": {"type": "null"}},
             "anyOf": [{"required": ["a"]}, {"required": ["b"]}]},
            {"anyOf": [obj([name], a={"type": "null"}, b={"type": "null"}) for name in "ab"]},
        ),
        ({"$ref": "#/definitions/x~1y", "definitions": {"x/y": {"type": "integer"}}}, {"type": "integer"}),
    ],
)  # fmt: skip
def test_what_goes_out_for_a_schema(schema: Mapping[str, Any], made: Mapping[str, Any]) -> None:
    assert translated(schema) == made
    assert list(faults(made)) == []


NODE = {"$defs": {"N": obj(next={"anyOf": [{"$ref": "#/$defs/N"}, {"type": "null"}]})}, "$ref": "#/$defs/N"}
TREE = {"$defs": {"T": obj(kids={"type": "array", "items": {"allOf": [{"$ref": "#/$defs/T"}]}})}}


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        (
            obj(tags={"type": "object", "additionalProperties": {"type": "string"}}),
            "the field `tags` is a mapping with",
        ),
        (obj(a=obj(b={"type": "object"})), "the field `a.b` is a mapping with free names: name its fields"),
        (
            obj(a={"type": "object", "properties": {"b": {"type": "null"}}, "additionalProperties": {}}),
            "`a` takes free names",
        ),
        (obj(a={"type": "object", "patternProperties": {"x": {}}}), "the field `a` is a mapping"),
        (obj(rows={"type": "array", "items": obj(x={})}), "the field `rows[].x` may be anything: give it a type"),
        (obj(a={"type": "array"}), "the field `a` is a list whose items have no common schema"),
        (obj(a={"type": "array", "items": {"type": "null"}, "prefixItems": [{"type": "null"}]}), "no common schema"),
        (obj(a=True), "the field `a` may be anything"),
        ({}, "the answer itself may be anything"),
        (obj(a={"enum": [{"x": 1}]}), "the field `a` must be one of given lists or mappings"),
        (NODE, "the field `next` holds itself"),
        ({**TREE, **obj(tree={"$ref": "#/$defs/T"})}, "the field `tree.kids[]` holds itself"),
        (
            obj(a={"$ref": "https://x.org/s.json"}),
            "the field `a` refers to 'https://x.org/s.json', which is not in the",
        ),
        (obj(a={"$ref": "#/$defs/None"}), "the field `a` refers to '#/$defs/None'"),
        (obj(a={"$ref": "#"}), "the field `a` holds itself"),
        ({"type": "object", "properties": {}, "required": ["b"]}, "the field `b` is required, and not described"),
        (obj(a={"allOf": [{"type": "string"}, {"type": "integer"}]}), "`a` must be string and integer at once"),
        (obj([], **{f"f{n}": {"type": "null"} for n in range(25)}), "the field `f24` is one too many that need not be"),
        (
            obj(**{f"f{n}": {"type": ["null", "string"]} for n in range(17)}),
            "the field `f16` is one too many of several",
        ),
    ],
)
def test_what_cannot_be_promised_is_named(schema: Mapping[str, Any], said: str) -> None:
    assert said in unfit(schema)
    assert ": " in unfit(schema)  # and what to do


def test_as_many_as_the_service_allows() -> None:
    assert translated(obj([], **{f"f{n}": {"type": "null"} for n in range(24)}))
    assert translated(obj(**{f"f{n}": {"type": ["null", "string"]} for n in range(16)}))


BOUNDS = {"minimum": 1, "maxLength": 5, "pattern": "a", "format": "date", "minItems": 3, "title": "T", "default": 1}
LEAVES = st.builds(
    lambda kind, words: {"type": kind, **{key: BOUNDS[key] for key in words}},
    st.sampled_from(["string", "integer", "number", "boolean", "null"]),
    st.sets(st.sampled_from(sorted(BOUNDS))).map(sorted),
)


def branches(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    named = st.dictionaries(st.sampled_from("abcd"), inner, max_size=3)
    return st.one_of(
        st.builds(
            lambda fields, needed: obj(sorted(needed & fields.keys()), **fields),
            named,
            st.sets(st.sampled_from("abcd")),
        ),
        st.builds(lambda item: {"type": "array", "items": item, "maxItems": 2}, inner),
        st.builds(lambda ways: {"anyOf": ways, "description": "one"}, st.lists(inner, min_size=1, max_size=2)),
    )


@settings(max_examples=150, deadline=None)
@given(schema=st.recursive(LEAVES, branches, max_leaves=8), seed=st.integers(0, 5))
def test_what_goes_out_is_taken_and_has_the_shape_of_the_schema(schema: Mapping[str, Any], seed: int) -> None:
    try:
        made = translated(schema)
    except Unfit as error:
        assert "one too many" in str(error)
        return
    assert list(faults(made)) == []
    answer = instance(made, Random(seed))
    assert shape(answer, schema)


def shape(value: Any, schema: Mapping[str, Any]) -> bool:
    """Whether a value has the types and the fields of a schema, whatever its bounds."""
    if "anyOf" in schema:
        return any(shape(value, way) for way in schema["anyOf"])
    match schema["type"]:
        case "object":
            known, needed = schema["properties"], schema["required"]
            inside = isinstance(value, dict) and value.keys() <= known.keys() and {*needed} <= value.keys()
            return inside and all(shape(value[name], known[name]) for name in value)
        case "array":
            return isinstance(value, list) and all(shape(item, schema["items"]) for item in value)
    kinds = {"string": str, "integer": int, "number": int | float, "boolean": bool, "null": type(None)}
    return isinstance(value, kinds[schema["type"]])  # type: ignore[arg-type]
