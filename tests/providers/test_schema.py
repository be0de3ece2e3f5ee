"""JSON schemas in strict form: each kind of field, what has none, and that the rules hold for schemas of any make."""

import enum
import json
from random import Random
from typing import Annotated, Any, Literal

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, RootModel, create_model

from synthkit.errors import AnswerError
from synthkit.models.structured import json_schema, native, read
from synthkit.providers._schema import AZURE, FINE_TUNED, OPENAI, Unfit, is_strict, strict, unfit
from synthkit.testing.loopback.schema import instance
from synthkit.testing.loopback.strict import strict_fault


def field(schema: Any, required: bool = True, **more: Any) -> Any:
    """What becomes of the schema of a field."""
    whole = {"type": "object", "properties": {"f": schema}, "required": ["f"] if required else [], **more}
    made = strict(whole)
    assert strict_fault(made) is None
    return made["properties"]["f"]


STRING, NULL = {"type": "string"}, {"type": "null"}


@pytest.mark.parametrize(
    ("schema", "made"),
    [
        (STRING, STRING),
        ({"type": "string", "title": "F", "description": "D"}, {"type": "string", "title": "F", "description": "D"}),
        ({"type": "integer", "minimum": 1, "maximum": 5}, {"type": "integer", "minimum": 1, "maximum": 5}),
        ({"type": "string", "format": "date"}, {"type": "string", "format": "date"}),
        ({"type": "string", "pattern": "^a"}, {"type": "string", "pattern": "^a"}),
        ({"type": "string", "format": "uri"}, {"type": "string", "description": '(format: "uri")'}),
        ({"type": "string", "pattern": "(?!a)b"}, {"type": "string", "description": '(pattern: "(?!a)b")'}),
        (
            {"type": "string", "minLength": 2, "maxLength": 9, "description": "Say."},
            {"type": "string", "description": "Say. (minLength: 2, maxLength: 9)"},
        ),
        ({"minLength": 2}, {"type": "string", "description": "(minLength: 2)"}),
        ({"type": "string", "x-order": 3, "$comment": "c", "deprecated": True, "readOnly": True}, STRING),
        ({"type": "string", "examples": ["a"]}, {"type": "string", "description": '(examples: ["a"])'}),
        ({"type": "string", "not": {"const": ""}}, {"type": "string", "description": '(not: {"const": ""})'}),
        ({"type": ["string", "null"]}, {"type": ["string", "null"]}),
        ({"type": ["string"]}, STRING),
        ({"type": ["string", "integer"]}, {"anyOf": [STRING, {"type": "integer"}]}),
        (
            {"type": ["array", "null"], "items": STRING, "description": "D"},
            {"anyOf": [{"type": "array", "items": STRING}, NULL], "description": "D"},
        ),
        ({"enum": ["a", "b"]}, {"type": "string", "enum": ["a", "b"]}),
        ({"enum": [1, 2.5]}, {"anyOf": [{"type": "integer", "enum": [1]}, {"type": "number", "enum": [2.5]}]}),
        ({"enum": ["a", None]}, {"type": ["string", "null"], "enum": ["a", None]}),
        ({"enum": ["a", 1, True, None]}, {"anyOf": [
            {"type": "string", "enum": ["a"]}, {"type": "integer", "enum": [1]},
            {"type": "boolean", "enum": [True]}, NULL,
        ]}),
        ({"type": "string", "enum": ["a", 1]}, {"type": "string", "enum": ["a"]}),
        ({"type": "number", "enum": [1, 2.5]}, {"type": "number", "enum": [1, 2.5]}),
        ({"type": "boolean", "enum": [True, 1]}, {"type": "boolean", "enum": [True]}),
        ({"const": "a", "default": "a"}, {"type": "string", "const": "a", "description": '(default: "a")'}),
        ({"const": None}, NULL),
        ({"type": "array", "items": STRING, "minItems": 1}, {"type": "array", "items": STRING, "minItems": 1}),
        (
            {"type": "array", "items": STRING, "uniqueItems": True},
            {"type": "array", "items": STRING, "description": "(uniqueItems: true)"},
        ),
        (
            {"type": "array", "prefixItems": [STRING, STRING], "minItems": 2, "maxItems": 2},
            {"type": "array", "items": STRING, "minItems": 2, "maxItems": 2},
        ),
        (
            {"type": "array", "prefixItems": [STRING, NULL], "items": False},
            {"type": "array", "items": {"anyOf": [STRING, NULL]},
             "description": '(prefixItems: [{"type": "string"}, {"type": "null"}])'},
        ),
        ({"oneOf": [STRING, NULL], "discriminator": {"propertyName": "k"}}, {"anyOf": [STRING, NULL]}),
        ({"anyOf": [STRING], "description": "D"}, {"type": "string", "description": "D"}),
        ({"anyOf": [STRING, False, STRING]}, STRING),
        (
            {"type": "string", "anyOf": [{"pattern": "a"}, {"format": "date"}]},
            {"anyOf": [{"type": "string", "pattern": "a"}, {"type": "string", "format": "date"}]},
        ),
        ({"allOf": [STRING], "description": "D"}, {"type": "string", "description": "D"}),
        (
            {"allOf": [{"type": "integer", "minimum": 1}, {"type": "number", "minimum": 2, "maximum": 5}]},
            {"type": "integer", "minimum": 2, "maximum": 5},
        ),
        ({"properties": {}, "additionalProperties": False},
         {"type": "object", "properties": {}, "required": [], "additionalProperties": False}),
    ],
)  # fmt: skip
def test_what_becomes_of_a_field(schema: Any, made: Any) -> None:
    assert field(schema) == made


@pytest.mark.parametrize(
    ("schema", "made"),
    [
        (STRING, {"type": ["string", "null"]}),
        ({"type": "integer", "default": 3}, {"type": ["integer", "null"], "description": "(default: 3)"}),
        ({"type": "string", "default": None}, {"type": ["string", "null"]}),
        (NULL, NULL),
        ({"type": ["string", "null"]}, {"type": ["string", "null"]}),
        ({"anyOf": [STRING, NULL], "default": None}, {"anyOf": [STRING, NULL]}),
        ({"anyOf": [STRING, {"type": "integer"}]}, {"anyOf": [STRING, {"type": "integer"}, NULL]}),
        ({"enum": ["a"]}, {"anyOf": [{"type": "string", "enum": ["a"]}, NULL]}),
        ({"enum": ["a", None]}, {"type": ["string", "null"], "enum": ["a", None]}),
        (
            {"type": "array", "items": STRING, "title": "T"},
            {"anyOf": [{"type": "array", "items": STRING}, NULL], "title": "T"},
        ),
        (
            {"properties": {"g": STRING}},
            {"anyOf": [{"type": "object", "properties": {"g": {"type": ["string", "null"]}}, "required": ["g"],
                        "additionalProperties": False}, NULL]},
        ),
        ({"$ref": "#/$defs/a"}, {"anyOf": [{"$ref": "#/$defs/a"}, NULL]}),
        ({"$ref": "#/$defs/a", "description": "D"}, {"anyOf": [{"$ref": "#/$defs/a"}, NULL], "description": "D"}),
    ],
)  # fmt: skip
def test_a_field_that_need_not_be_there_may_be_null(schema: Any, made: Any) -> None:
    assert field(schema, required=False, **{"$defs": {"a": STRING}}) == made


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "object"}, "the field `f` is a mapping with free names: name its fields, or make it a list of pairs"),
        ({"type": "object", "additionalProperties": STRING}, "the field `f` is a mapping with free names"),
        ({"properties": {"a": STRING}, "additionalProperties": True}, "the field `f` takes free names"),
        ({"properties": {"a": STRING}, "patternProperties": {"x": STRING}}, "the field `f` takes free names"),
        ({"properties": {"a b": {"type": "object"}}}, 'the field `f."a b"` is a mapping with free names'),
        ({"properties": {"a.b": {"type": "object"}}}, 'the field `f."a.b"` is a mapping with free names'),
        ({"properties": {"a_b-c": {"type": "object"}}}, "the field `f.a_b-c` is a mapping with free names"),
        (
            {"type": "array", "items": {"type": "array", "items": {}}},
            "the field `f[][]` may be anything: give it a type",
        ),
        ({}, "the field `f` may be anything: give it a type"),
        (True, "the field `f` may be anything: give it a type"),
        ({"description": "D", "default": 3}, "the field `f` may be anything"),
        ({"type": "any"}, "the field `f` may be anything"),
        ({"anyOf": [STRING, {}]}, "the field `f` may be anything"),
        ({"anyOf": [False]}, "the field `f` has no value that fits: give it a type"),
        ({"type": "array"}, "the field `f` is a list of anything: say of what"),
        ({"type": "array", "items": True}, "the field `f` is a list of anything"),
        ({"type": "array", "prefixItems": []}, "the field `f` is a list of nothing: leave it out"),
        ({"enum": []}, "the field `f` has no value that fits: give it some"),
        ({"type": "string", "enum": [1]}, "the field `f` has no value that fits"),
        ({"enum": [[1]]}, "the field `f` must be one of given lists or mappings: name texts, numbers or booleans"),
        ({"const": {"a": 1}}, "the field `f` must be one of given lists or mappings"),
        ({"properties": {}, "required": ["a"]}, "the field `f.a` is required, and not described: give it a type"),
        ({"$ref": "#/$defs/x"}, "the field `f` refers to '#/$defs/x', which is not in the schema: put it in"),
        ({"$ref": "https://example.com/x"}, "the field `f` refers to 'https://example.com/x', which is not in"),
        ({"$ref": "#/properties/f"}, "the field `f` is a circle of references: give it a type"),
        (
            {"allOf": [STRING, {"type": "integer"}]},
            "the field `f` must be string and integer at once: give it one type",
        ),
        (
            {"allOf": [{"type": "string", "pattern": "a"}, {"pattern": "b"}]},
            "the field `f` must fit several schemas at once, which differ in `pattern`: write one",
        ),
        ({"allOf": [{"$ref": "#"}, {"minProperties": 1}]}, "the answer itself is nested too deeply: make it flatter"),
    ],
)
def test_what_has_no_strict_form_is_named(schema: Any, said: str) -> None:
    whole = {"type": "object", "properties": {"f": schema}, "required": ["f"], "additionalProperties": False}
    told = unfit(whole)
    assert told is not None and told.startswith(said)
    assert not is_strict(whole)


def test_the_answer_itself_must_be_an_object() -> None:
    for schema in ({"type": "array", "items": STRING}, {"anyOf": [STRING, NULL]}, STRING):
        with pytest.raises(Unfit, match="the answer itself is no object: put it into one, as a field"):
            strict(schema)


# references


def test_definitions_are_kept_where_they_are_used() -> None:
    whole = {
        "type": "object",
        "properties": {
            "a": {"$ref": "#/definitions/x"},
            "b": {"$ref": "#/definitions/x", "description": "D", "minLength": 3},
            "c": {"$ref": "#/properties/a"},
            "d": {"$ref": "#/definitions/box%5Bint%5D~1y"},
            "e": {"$ref": "#/definitions/x", "type": "string", "enum": ["1"]},
        },
        "required": ["a", "b", "c", "d", "e"],
        "definitions": {"x": STRING, "box[int]/y": {"$ref": "#/definitions/x"}, "unused": {}},
    }
    made = strict(whole)
    assert strict_fault(made) is None
    assert made["$defs"] == {"x": STRING, "a": STRING, "box_int__1y": STRING}
    assert made["properties"]["a"] == {"$ref": "#/$defs/x"}
    assert made["properties"]["b"] == {"anyOf": [{"$ref": "#/$defs/x"}], "description": "D (minLength: 3)"}
    assert made["properties"]["e"] == {"type": "string", "enum": ["1"]}
    assert "unused" not in made["$defs"] and "definitions" not in made


class Node(BaseModel):
    value: int
    children: list["Node"] = []
    parent: "Node | None" = None


class Forest(BaseModel):
    trees: list[Node]


def test_what_holds_itself_goes_out() -> None:
    alone, within = strict(json_schema(Node)), strict(json_schema(Forest))
    assert strict_fault(alone) is None and strict_fault(within) is None
    assert alone["properties"]["parent"]["anyOf"][0] == {"$ref": "#"}
    assert within["$defs"]["Node"]["properties"]["parent"]["anyOf"][0] == {"$ref": "#/$defs/Node"}
    text = '{"value": 1, "parent": null, "children": [{"value": 2, "children": null, "parent": null}]}'
    assert read(text, Node) == Node(value=1, children=[Node(value=2)])


# limits


def nested(depth: int, **more: Any) -> dict[str, Any]:
    inner = nested(depth - 1) if depth > 1 else STRING
    return {"type": "object", "properties": {"a": inner}, "required": ["a"], "additionalProperties": False, **more}


def test_what_is_too_large_is_refused() -> None:
    assert unfit(nested(10)) is None and strict_fault(strict(nested(10))) is None
    path = ".".join("a" * 11)
    assert unfit(nested(11)) == f"the field `{path[:-2]}` lies 11 objects deep, which is more than 10: make it flatter"
    assert unfit(nested(6), AZURE) == "the field `a.a.a.a.a` lies 6 objects deep, which is more than 5: make it flatter"
    many = {"type": "object", "properties": {f"f{n}": STRING for n in range(101)}}
    assert unfit(many) is None
    assert unfit(many, AZURE) == "the answer itself has 101 fields, which is more than 100: leave some out"
    choices = {"type": "object", "properties": {"a": {"enum": list(range(1001))}}}
    assert unfit(choices) == "the answer itself has 1001 values to choose from, more than 1000: drop some"
    long = {"type": "object", "properties": {"a": {"enum": [f"{n:060}" for n in range(251)]}}}
    assert "more than 250 texts" in (unfit(long) or "")
    names = {"type": "object", "properties": {"x" * 60_000 + str(n): STRING for n in range(3)}}
    assert "more than 120,000 characters" in (unfit(names) or "")
    assert "nested too deeply" in (unfit(nested(400)) or "lies 400 objects deep: nested too deeply")


def test_other_rules_keep_less() -> None:
    whole = {"type": "object", "properties": {"a": {"type": "integer", "minimum": 1}}, "required": ["a"]}
    assert strict(whole, OPENAI)["properties"]["a"] == {"type": "integer", "minimum": 1}
    for rules in (FINE_TUNED, AZURE):
        assert strict(whole, rules)["properties"]["a"] == {"type": "integer", "description": "(minimum: 1)"}


def test_what_is_strict_already_is_known() -> None:
    assert is_strict(nested(3))
    assert not is_strict({**nested(3), "additionalProperties": True})
    assert not is_strict({"type": "object", "properties": {"a": STRING}, "additionalProperties": False})


# pydantic models


class Colour(enum.Enum):
    red = "red"
    blue = "blue"


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int = Field(9, ge=1, le=9)


class Dog(BaseModel):
    kind: Literal["dog"]
    name: str | None = None
    tricks: list[str] = Field(default_factory=list, max_length=3)


class Everything(BaseModel):
    """All kinds of fields."""

    model_config = ConfigDict(populate_by_name=True)

    text: str = Field(min_length=2, max_length=80, pattern="^[A-Za-z]", description="some text")
    count: int = Field(3, gt=0)
    share: float | None = Field(None, ge=0, lt=1)
    flag: bool
    colour: Colour = Colour.red
    words: Literal["one", "two"] | None = None
    pet: Annotated[Cat | Dog, Field(discriminator="kind")]
    either: Cat | str | None = None
    pair: tuple[int, str]
    points: list[tuple[float, float]] = []
    named: str = Field("x", alias="a name.with dots")
    tree: Node | None = None


VALUES = [
    {
        "text": "Hello", "count": None, "share": None, "flag": True, "colour": None, "words": None,
        "pet": {"kind": "dog", "name": None, "tricks": None}, "either": None, "pair": [1, "x"], "points": None,
        "a name.with dots": None, "tree": None,
    },
    {
        "text": "Hello", "count": 4, "share": 0.5, "flag": False, "colour": "blue", "words": "one",
        "pet": {"kind": "cat", "lives": None}, "either": {"kind": "cat", "lives": 3}, "pair": [1, "x"],
        "points": [[0.5, 1]], "a name.with dots": "y", "tree": {"value": 1, "children": None, "parent": None},
    },
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=["left out", "given"])
def test_all_kinds_of_fields_go_out_and_come_back(value: dict[str, Any]) -> None:
    made = strict(native(Everything))
    assert strict_fault(made) is None
    jsonschema.validate(value, made)
    back = read(json.dumps(value), Everything, natively=True)
    assert back.count == (value["count"] or 3)
    assert back.colour is (Colour.blue if value["colour"] else Colour.red)
    assert back.named == (value["a name.with dots"] or "x")
    assert back.pet.kind == value["pet"]["kind"]
    assert (back.tree is None) == (value["tree"] is None)


class Scores(BaseModel):
    scores: list[dict[str, int]]


class Anything(BaseModel):
    value: Any


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")
    value: str


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (Scores, "the field `scores[]` is a mapping with free names"),
        (Anything, "the field `value` may be anything"),
        (Open, "the answer itself takes free names"),
    ],
)
def test_models_that_have_no_strict_form(model: type[BaseModel], said: str) -> None:
    assert (unfit(native(model)) or "").startswith(said)


class Numbers(RootModel[list[int]]):
    pass


class Pets(RootModel[list[Annotated[Cat | Dog, Field(discriminator="kind")]]]):
    pass


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (Numbers, [1, 2]),
        (Pets, [{"kind": "cat", "lives": 3}]),
        ({"type": "string"}, "x"),
        ({"anyOf": [{"type": "string"}, {"type": "integer"}]}, 3),
        ({"type": "array", "items": {"$ref": "#/items/anyOf/0"}}, None),
        ({"type": "array", "items": {"anyOf": [STRING, {"$ref": "#"}]}}, ["a", ["b", []]]),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"type": "array", "items": STRING}}}, ["a"]),
    ],
)
def test_an_answer_that_is_no_object_is_put_into_one(schema: Any, value: Any) -> None:
    if value is None:
        schema = {
            "type": "array",
            "items": {"anyOf": [STRING, {"type": "array", "items": {"$ref": "#/items/anyOf/0"}}]},
        }
        value = ["a", ["b"]]
    made = strict(native(schema))
    assert strict_fault(made) is None and list(made["properties"]) == ["answer"]
    wrapped = json.dumps({"answer": value})
    jsonschema.validate({"answer": value}, made)
    back = read(wrapped, schema, natively=True)
    assert (back.model_dump(mode="json") if isinstance(back, BaseModel) else back) == value
    assert read(json.dumps(value), schema, natively=True) == back, "a service that does not keep to it"
    with pytest.raises(AnswerError):
        read(wrapped, schema)


# of any make

NAMES = st.sampled_from(["a", "b", "kind", "a b", "x.y", "größe", "type", "properties", "$ref", "required"])
TEXTS = st.sampled_from(["one", "two", "three"])


def leaves() -> st.SearchStrategy[dict[str, Any]]:
    number = st.fixed_dictionaries(
        {"type": st.sampled_from(["integer", "number"])},
        optional={"minimum": st.integers(0, 3), "maximum": st.integers(4, 9), "exclusiveMinimum": st.just(-1)},
    )
    text = st.fixed_dictionaries(
        {"type": st.just("string")},
        optional={"minLength": st.integers(0, 3), "description": TEXTS, "pattern": st.just("^[a-z]"), "title": TEXTS},
    )
    shaped = st.sampled_from(["date", "uuid", "email", "uri"]).map(lambda form: {"type": "string", "format": form})
    plain = st.sampled_from(["boolean", "null", "string"]).map(lambda kind: {"type": kind})
    enums = st.lists(st.one_of(TEXTS, st.integers(0, 3), st.booleans(), st.none()), min_size=1, max_size=3, unique=True)
    either = st.lists(st.sampled_from(["string", "integer", "null"]), min_size=1, max_size=3, unique=True)
    return st.one_of(
        number, text, shaped, plain, enums.map(lambda values: {"enum": values}),
        st.one_of(TEXTS, st.integers(0, 3), st.none()).map(lambda value: {"const": value}),
        either.map(lambda kinds: {"type": kinds}),
        st.sampled_from(["leaf", "tree"]).map(lambda name: {"$ref": f"#/$defs/{name}"}),
    )  # fmt: skip


@st.composite
def objects(draw: st.DrawFn, parts: st.SearchStrategy[dict[str, Any]]) -> dict[str, Any]:
    properties = draw(st.dictionaries(NAMES, parts, min_size=1, max_size=4))
    required = draw(st.lists(st.sampled_from(sorted(properties)), unique=True))
    made = {"type": "object", "properties": properties, "required": required}
    return made | draw(st.fixed_dictionaries({}, optional={"additionalProperties": st.just(False)}))


def branches(parts: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    several = st.lists(parts, min_size=1, max_size=3)
    lists = st.fixed_dictionaries(
        {"type": st.just("array"), "items": parts}, optional={"minItems": st.just(1), "uniqueItems": st.just(True)}
    )
    tuples = several.map(lambda s: {"type": "array", "prefixItems": s, "minItems": len(s), "maxItems": len(s)})
    unions = st.tuples(st.sampled_from(["anyOf", "oneOf"]), several).map(lambda made: {made[0]: made[1]})
    whole = st.tuples(parts, TEXTS).map(lambda made: {"allOf": [made[0]], "description": made[1]})
    default = st.tuples(parts, st.integers()).map(lambda made: {**made[0], "default": made[1]})
    return st.one_of(lists, tuples, unions, objects(parts), whole, default)


LEAF = {"type": "object", "properties": {"kind": {"const": "leaf"}, "size": {"type": "integer"}}, "required": ["kind"]}
TREE = {
    "type": "object",
    "properties": {"kind": {"const": "tree"}, "left": {"$ref": "#/$defs/tree"}, "leaf": {"$ref": "#/$defs/leaf"}},
    "required": ["kind"],
    "additionalProperties": False,
}
SCHEMAS = objects(st.recursive(leaves(), branches, max_leaves=8)).map(
    lambda made: {**made, "$defs": {"leaf": LEAF, "tree": TREE}}
)
ROUGH = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def noted(schema: Any) -> bool:
    """Whether something is said in words only."""
    text = json.dumps(schema)
    words = ("minLength", "uniqueItems", "prefixItems", '"uri"')
    return any(word in text for word in words) or '"oneOf"' in text


@ROUGH
@given(SCHEMAS, st.integers(0, 1000))
def test_a_schema_of_any_make_keeps_the_rules_and_its_values_come_back(schema: dict[str, Any], seed: int) -> None:
    jsonschema.Draft202012Validator.check_schema(schema)
    made = strict(native(schema))
    assert strict_fault(made) is None
    assert strict(made) == made, "it is strict now"
    value = instance(made, Random(seed))
    jsonschema.validate(value, made)
    try:
        back = read(json.dumps(value), schema, natively=True)
    except AnswerError:
        assert noted(schema), "what is said natively holds"
    else:
        jsonschema.validate(back, schema)


FIELDS = st.recursive(
    st.sampled_from(
        [
            str, int, float, bool, Colour, Cat, Dog, Literal["x", "y"], Literal[1, "x", None], Node,
            Annotated[str, Field(min_length=2)], Annotated[int, Field(ge=1, le=4)],
            Annotated[str, Field(pattern="^[a-z]")],
        ]
    ),
    lambda inner: st.one_of(
        inner.map(lambda kind: list[kind]),  # type: ignore[valid-type]
        inner.map(lambda kind: kind | None),
        st.tuples(inner, inner).map(lambda kinds: tuple[kinds[0], kinds[1]]),  # type: ignore[valid-type]
        st.tuples(inner, inner).map(lambda kinds: kinds[0] | kinds[1]),
        st.dictionaries(st.sampled_from("abc"), inner, min_size=1).map(lambda f: made("Inner", f, set())),
    ),
    max_leaves=4,
)  # fmt: skip


def made(name: str, fields: dict[str, Any], optional: set[str]) -> type[BaseModel]:
    """A model of these fields, the optional ones with a default of null, whatever they may hold."""
    return create_model(name, **{key: (kind, None if key in optional else ...) for key, kind in fields.items()})


@ROUGH
@given(
    st.dictionaries(st.sampled_from("abcd"), FIELDS, min_size=1), st.sets(st.sampled_from("abcd")), st.integers(0, 99)
)
def test_a_model_of_any_make_keeps_the_rules_and_its_values_come_back(
    fields: Any, optional: set[str], seed: int
) -> None:
    model = made("Model", fields, optional)
    strictly = strict(native(model))
    assert strict_fault(strictly) is None
    value = instance(strictly, Random(seed))
    jsonschema.validate(value, strictly)
    try:
        back = read(json.dumps(value), model, natively=True)
    except AnswerError:
        assert noted(json_schema(model))
    else:
        assert isinstance(back, model)
