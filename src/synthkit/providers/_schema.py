"""JSON schemas as strict modes take them: a small part of JSON schema, in which every field must be answered.

What need not be there may be null instead; what a mode does not know (lengths, some formats, conditions) goes into the
description, in words, and is checked in the answer. What has no such form (free names, anything at all) is unfit.

The rules are those of https://developers.openai.com/api/docs/guides/structured-outputs#supported-schemas.
"""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

from synthkit.providers._schema_merge import Unfit, merged, named
from synthkit.providers._schema_rules import AZURE, FINE_TUNED, OPENAI, Rules, check, inside

__all__ = ["AZURE", "FINE_TUNED", "OPENAI", "Rules", "Unfit", "is_strict", "strict", "unfit"]

TEXTS = ("title", "description")
KINDS = ("object", "array", "string", "integer", "number", "boolean", "null")
STRUCTURE = {"type", "properties", "required", "additionalProperties", "items", "prefixItems", "enum", "const"}
SAID = (
    *("minLength", "maxLength", "pattern", "format", "contentEncoding", "contentMediaType"),
    *("multipleOf", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
    *("minItems", "maxItems", "uniqueItems", "contains", "minContains", "maxContains"),
    *("minProperties", "maxProperties", "propertyNames", "dependentRequired", "dependentSchemas"),
    *("not", "if", "then", "else", "default", "examples"),
)
"""What is said in words where it is not known. Other keywords say nothing of a value."""
AROUND = ("(?=", "(?!", "(?<=", "(?<!")
"""Parts of patterns that no strict mode takes."""


def strict(schema: Mapping[str, Any], rules: Rules = OPENAI) -> dict[str, Any]:
    """The schema in strict form. What fits it fits the given one, once the nulls of optional fields are taken out, or
    breaks what is said in words only. Raises `Unfit` naming the field that has no such form."""
    made: dict[str, Any] = json.loads(_strict(json.dumps(schema), rules))
    return made


@lru_cache(256)
def _strict(schema: str, rules: Rules) -> str:
    try:
        made = _Translation(json.loads(schema), rules).made
        check(made, rules)
    except RecursionError as error:
        raise Unfit("the answer itself is nested too deeply: make it flatter") from error
    return json.dumps(made)


def unfit(schema: Mapping[str, Any], rules: Rules = OPENAI) -> str | None:
    """What in a schema has no strict form; None where it has one."""
    try:
        strict(schema, rules)
    except Unfit as error:
        return str(error)
    return None


def is_strict(schema: Mapping[str, Any]) -> bool:
    """Whether a schema is in strict form as it stands."""
    try:
        return strict(schema) == schema
    except Unfit:
        return False


class _Translation:
    """One schema on its way; `made` is what it becomes."""

    def __init__(self, schema: Mapping[str, Any], rules: Rules) -> None:
        self._root, self._rules = schema, rules
        self._names: dict[str, str] = {"#": "#"}  # what references mean, and where that stands in the new schema
        self._definitions: dict[str, dict[str, Any]] = {}
        made = self._of(self._whole_root(), "")
        if made.get("type") != "object":
            raise Unfit("the answer itself is no object: put it into one, as a field")
        self.made = {**made, "$defs": self._definitions} if self._definitions else made

    def _whole_root(self) -> Mapping[str, Any]:
        """The schema at the root, where a reference may stand for all of it."""
        schema, seen = self._root, ["#"]
        while isinstance(schema, Mapping) and isinstance(ref := schema.get("$ref"), str) and ref not in seen:
            seen.append(ref)
            rest = {key: value for key, value in schema.items() if key not in ("$ref", "$defs", "definitions")}
            target = self._meant(ref, "")
            if rest.keys() - {*TEXTS, "$schema", "$id"}:
                return merged([target, rest], self._meant, "")
            self._names[ref] = "#"
            schema = {**target, **rest}
        return schema

    def _of(self, schema: Any, at: str) -> dict[str, Any]:
        """The strict form of the schema of a field."""
        if not isinstance(schema, Mapping):
            raise Unfit(f"{named(at)} may be anything: give it a type")
        if "allOf" in schema:
            only, rest = schema["allOf"], {key: value for key, value in schema.items() if key != "allOf"}
            alone = len(only) == 1 and isinstance(only[0], Mapping) and not only[0].keys() & rest.keys()
            schema = {**only[0], **rest} if alone else merged([schema], self._meant, at)
        if "$ref" in schema:
            return self._reference(schema, at)
        if "anyOf" in schema or "oneOf" in schema:
            return self._union(schema, at)
        if "enum" in schema or "const" in schema:
            return _choice(schema, at) | self._words(schema, ())
        return self._typed(schema, at)

    def _typed(self, schema: Mapping[str, Any], at: str) -> dict[str, Any]:
        kinds = _kinds(schema, at)
        if len(kinds) > 1 and not (len(kinds) == 2 and "null" in kinds and not {"object", "array"} & {*kinds}):
            text = {key: schema[key] for key in TEXTS if key in schema}
            ways = [{key: value for key, value in schema.items() if key not in TEXTS} | {"type": k} for k in kinds]
            return {"anyOf": [self._typed(way, at) for way in ways], **text}
        made: dict[str, Any] = {"type": kinds if len(kinds) > 1 else kinds[0]}
        if "object" in kinds:
            made |= self._object(schema, at)
        elif "array" in kinds:
            made |= self._list(schema, at)
        kept = {key: schema[key] for key in self._rules.keywords if key in schema and self._known(key, schema[key])}
        made |= {key: value for key, value in kept.items() if key not in made and _belongs(key, kinds)}
        return made | self._words(schema, made)

    def _known(self, key: str, value: Any) -> bool:
        if key == "format":
            return value in self._rules.formats
        return key != "pattern" or not any(part in str(value) for part in AROUND)

    def _object(self, schema: Mapping[str, Any], at: str) -> dict[str, Any]:
        properties, more = schema.get("properties", {}), schema.get("additionalProperties")
        free = (
            more is True or (isinstance(more, Mapping) and more) or ("properties" not in schema and more is not False)
        )
        if free or "patternProperties" in schema:
            what = "takes" if properties else "is a mapping with"
            raise Unfit(f"{named(at)} {what} free names: name its fields, or make it a list of pairs")
        required = schema.get("required", ())
        missing = [name for name in required if name not in properties]
        if missing:
            raise Unfit(f"{named(inside(at, missing[0]))} is required, and not described: give it a type")
        made = {name: self._of(part, inside(at, name)) for name, part in properties.items()}
        return {
            "properties": {name: part if name in required else _nullable(part) for name, part in made.items()},
            "required": list(properties) if {*required} != {*properties} else list(required),
            "additionalProperties": False,
        }

    def _list(self, schema: Mapping[str, Any], at: str) -> dict[str, Any]:
        entry = f"{at}[]"
        if "prefixItems" not in schema:
            if "items" not in schema or isinstance(schema["items"], bool):
                raise Unfit(f"{named(at)} is a list of anything: say of what")
            return {"items": self._of(schema["items"], entry)}
        ways: list[dict[str, Any]] = []
        for part in (*schema["prefixItems"], *([schema["items"]] if isinstance(schema.get("items"), Mapping) else ())):
            way = self._of(part, entry)
            if way not in ways:
                ways.append(way)
        if not ways:
            raise Unfit(f"{named(at)} is a list of nothing: leave it out")
        return {"items": ways[0] if len(ways) == 1 else {"anyOf": ways}}

    def _union(self, schema: Mapping[str, Any], at: str) -> dict[str, Any]:
        key = "anyOf" if "anyOf" in schema else "oneOf"
        rest = {name: value for name, value in schema.items() if name not in (key, *TEXTS, "discriminator")}
        # what stands beside the alternatives holds for each of them
        beside = rest if rest.keys() & (STRUCTURE | {"anyOf", "oneOf", *SAID} - {"default", "examples"}) else {}
        ways: list[dict[str, Any]] = []
        for way in schema[key]:
            if way is False:
                continue
            made = self._of(merged([way, beside], self._meant, at) if beside else way, at)
            ways += [made] if made not in ways else []
        if not ways:
            raise Unfit(f"{named(at)} has no value that fits: give it a type")
        text = self._words({k: v for k, v in schema.items() if k in (*TEXTS, "default", "examples")}, ())
        return {**ways[0], **text} if len(ways) == 1 and "$ref" not in ways[0] else {"anyOf": ways, **text}

    def _reference(self, schema: Mapping[str, Any], at: str) -> dict[str, Any]:
        rest = {key: value for key, value in schema.items() if key not in ("$ref", "$defs", "definitions")}
        if rest.keys() & (STRUCTURE | {"anyOf", "oneOf"}):
            return self._of(merged([{"$ref": schema["$ref"]}, rest], self._meant, at), at)
        place = {"$ref": self._place(schema["$ref"], at)}
        words = self._words(rest, ())
        return {"anyOf": [place], **words} if words else place  # beside a reference nothing may stand

    def _place(self, ref: str, at: str) -> str:
        """Where the meaning of a reference stands in the new schema; it is translated when it is first met."""
        if ref not in self._names:
            target = self._meant(ref, at)
            name = _free(ref, self._definitions)
            self._names[ref] = f"#/$defs/{name}"
            self._definitions[name] = {}  # the place is taken: what refers to itself meets it
            self._definitions[name] = self._of(target, at)
        return self._names[ref]

    def _meant(self, ref: object, at: str) -> Mapping[str, Any]:
        """The schema that a reference means, without further references to follow."""
        seen: list[object] = []
        while True:
            if ref in seen:
                raise Unfit(f"{named(at)} is a circle of references: give it a type")
            seen.append(ref)
            found: Any = self._root if isinstance(ref, str) and (ref == "#" or ref.startswith("#/")) else None
            for key in str(ref)[2:].split("/") if ref != "#" else ():
                key = unquote(key).replace("~1", "/").replace("~0", "~")
                if isinstance(found, Sequence) and not isinstance(found, str) and key.isdecimal():
                    found = found[int(key)] if int(key) < len(found) else None
                else:
                    found = found.get(key) if isinstance(found, Mapping) else None
            if not isinstance(found, Mapping):
                raise Unfit(f"{named(at)} refers to {ref!r}, which is not in the schema: put it in")
            if found.keys() - {"$defs", "definitions"} != {"$ref"}:
                return found
            ref = found["$ref"]

    def _words(self, schema: Mapping[str, Any], made: Mapping[str, Any] | Sequence[str]) -> dict[str, Any]:
        """The texts of a schema, and in its description what is not made natively."""
        texts = {key: schema[key] for key in TEXTS if key in schema}
        left = {key: schema[key] for key in SAID if key in schema and key not in made}
        if left.get("default", ...) is None:
            del left["default"]
        if any(part != schema["prefixItems"][0] for part in schema.get("prefixItems", ())):
            left["prefixItems"] = schema["prefixItems"]
        if not left:
            return texts
        said = ", ".join(f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in left.items())
        return {**texts, "description": f"{texts['description']} ({said})" if texts.get("description") else f"({said})"}


def _free(ref: str, taken: Mapping[str, Any]) -> str:
    """A name for a definition: letters, digits, `_` and `-`, taken from the end of the reference."""
    last = unquote(ref.rpartition("/")[2])
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "_-") else "_" for c in last) or "part"
    names = (plain if not n else f"{plain}_{n}" for n in range(len(taken) + 1))
    return next(name for name in names if name not in taken)


def _kinds(schema: Mapping[str, Any], at: str) -> list[str]:
    """The types of a schema, said or clear from what it says."""
    said = schema.get("type")
    if said is None:
        if "properties" in schema or "additionalProperties" in schema:
            said = "object"
        elif "items" in schema or "prefixItems" in schema:
            said = "array"
        elif schema.keys() & {"minLength", "maxLength", "pattern"}:
            said = "string"
    kinds = [said] if isinstance(said, str) else list(said or ())
    if not kinds or any(kind not in KINDS for kind in kinds):
        raise Unfit(f"{named(at)} may be anything: give it a type")
    return kinds


def _belongs(key: str, kinds: Sequence[str]) -> bool:
    """Whether a keyword says something of values of these types."""
    if key in ("pattern", "format"):
        return "string" in kinds
    return "array" in kinds if key in ("minItems", "maxItems") else "integer" in kinds or "number" in kinds


def _choice(schema: Mapping[str, Any], at: str) -> dict[str, Any]:
    """One of given values, or one value, each with its type."""
    said = schema.get("type")
    wanted = KINDS if said is None else [said] if isinstance(said, str) else said
    by_kind: dict[str, list[Any]] = {}
    for value in schema["enum"] if "enum" in schema else [schema["const"]]:
        if isinstance(value, Mapping | list):
            raise Unfit(f"{named(at)} must be one of given lists or mappings: name texts, numbers or booleans")
        kind = "number" if _kind(value) == "integer" and "integer" not in wanted else _kind(value)
        if kind in wanted:
            by_kind.setdefault(kind, []).append(value)
    if not by_kind:
        raise Unfit(f"{named(at)} has no value that fits: give it some")
    null: list[dict[str, Any]] = [{"type": "null"}] if "null" in by_kind else []
    ways = [{"type": kind, "enum": values} for kind, values in by_kind.items() if kind != "null"]
    if len(ways) == 1 and "enum" not in schema:
        return {"type": ways[0]["type"], "const": schema["const"]}
    if len(ways) == 1 and null:
        return {"type": [ways[0]["type"], "null"], "enum": [*ways[0]["enum"], None]}
    ways += null
    return {"anyOf": ways} if len(ways) > 1 else ways[0]


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    return "string" if isinstance(value, str) else "integer" if isinstance(value, int) else "number"


def _nullable(made: dict[str, Any]) -> dict[str, Any]:
    """The same, or null."""
    kind = made.get("type")
    if kind == "null" or (isinstance(kind, list) and "null" in kind):
        return made
    if "anyOf" in made:
        ways = made["anyOf"]
        return made if {"type": "null"} in ways else {**made, "anyOf": [*ways, {"type": "null"}]}
    if isinstance(kind, str) and kind not in ("object", "array") and not {"enum", "const"} & made.keys():
        return {**made, "type": [kind, "null"]}
    texts = {key: made[key] for key in TEXTS if key in made}
    bare = {key: value for key, value in made.items() if key not in texts}
    return {"anyOf": [bare, {"type": "null"}], **texts}
