"""The rules that schemas sent as strict must keep.

From https://developers.openai.com/api/docs/guides/structured-outputs#supported-schemas, and what the service says of
others.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_ALWAYS = {"type", "title", "description", "enum", "const", "$ref", "$defs", "definitions", "anyOf"}
_BY_TYPE: Mapping[str, set[str]] = {
    "object": {"properties", "required", "additionalProperties"},
    "array": {"items", "minItems", "maxItems"},
    "string": {"pattern", "format"},
    "number": {"multipleOf", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"},
    "integer": {"multipleOf", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"},
    "boolean": set(),
    "null": set(),
}
_FORMATS = {"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"}
_DEEPEST, _PROPERTIES, _CHARACTERS, _CHOICES = 10, 5_000, 120_000, 1_000


def strict_fault(schema: object) -> str | None:
    """What OpenAI would refuse in a schema sent with `strict: true`; None if nothing."""
    if not isinstance(schema, Mapping) or schema.get("type") != "object":
        kind = schema.get("type") if isinstance(schema, Mapping) else None
        return f"schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{kind}\"'."
    try:
        return next(_faults(schema), None)
    except RecursionError:
        return "schema is nested too deeply."


def _faults(root: Mapping[str, Any]) -> Iterator[str]:
    if "anyOf" in root:
        yield "schema must not have 'anyOf' at the top level."
    walk = _Walk(root)
    yield from walk.faults(root, (), 0, frozenset())
    if walk.properties > _PROPERTIES:
        yield f"schema has {walk.properties} object properties, which exceeds the limit of {_PROPERTIES}."
    if walk.choices > _CHOICES:
        yield f"schema has {walk.choices} enum values, which exceeds the limit of {_CHOICES}."
    if walk.characters > _CHARACTERS:
        yield f"schema has {walk.characters} characters of names and values, which exceeds {_CHARACTERS}."


class _Walk:
    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._seen: set[int] = set()
        self.properties = self.choices = self.characters = 0

    def faults(self, schema: object, context: tuple[str, ...], depth: int, within: frozenset[str]) -> Iterator[str]:
        where = f"In context={context}"
        if not isinstance(schema, Mapping) or not {"type", "anyOf", "$ref"} & schema.keys():
            yield f"{where}, schema must have a 'type' key."
            return
        self._count(schema)
        for key in ("$defs", "definitions"):
            for name, part in schema.get(key, {}).items():
                self.characters += len(name)
                yield from self.faults(part, (*context, key, name), 0, within)
        if "$ref" in schema:
            yield from self._reference(schema, context, depth, within)
            return
        kinds = schema.get("type", ())
        kinds = [kinds] if isinstance(kinds, str) else list(kinds)
        yield from _keyword_faults(schema, kinds, where)
        if "object" in kinds:
            yield from self._object(schema, context, depth + 1, within)
        if "array" in kinds:
            if not isinstance(schema.get("items"), Mapping):
                yield f"{where}, array schema missing items."
            else:
                yield from self.faults(schema["items"], (*context, "items"), depth, within)
        for index, part in enumerate(schema.get("anyOf", ())):
            yield from self.faults(part, (*context, "anyOf", str(index)), depth, within)

    def _count(self, schema: Mapping[str, Any]) -> None:
        if id(schema) in self._seen:
            return
        self._seen.add(id(schema))
        values = [*schema.get("enum", ()), *([schema["const"]] if "const" in schema else ())]
        self.properties += len(schema.get("properties", ()))
        self.choices += len(schema.get("enum", ()))
        self.characters += sum(len(text) for text in [*schema.get("properties", ()), *values] if isinstance(text, str))

    def _object(
        self, schema: Mapping[str, Any], context: tuple[str, ...], depth: int, within: frozenset[str]
    ) -> Iterator[str]:
        where = f"In context={context}"
        if depth > _DEEPEST:
            yield f"{depth} levels of nesting exceeds limit of {_DEEPEST}."
            return
        if schema.get("additionalProperties") is not False:
            yield f"{where}, 'additionalProperties' is required to be supplied and to be false."
        properties, required = schema.get("properties"), schema.get("required")
        if not isinstance(properties, Mapping):
            yield f"{where}, object schema missing properties."
            return
        told = f"{where}, 'required' is required to be supplied and to be an array including every key in properties."
        for name in properties:
            if not isinstance(required, Sequence) or name not in required:
                yield f"{told} Missing '{name}'."
        for name in required or ():
            if name not in properties:
                yield f"{told} Extra required key '{name}' supplied."
        for name, part in properties.items():
            yield from self.faults(part, (*context, "properties", name), depth, within)

    def _reference(
        self, schema: Mapping[str, Any], context: tuple[str, ...], depth: int, within: frozenset[str]
    ) -> Iterator[str]:
        beside = schema.keys() - {"$ref", "$defs", "definitions"}
        if beside:
            yield f"In context={context}, $ref cannot have keywords {sorted(beside)}."
        ref = str(schema["$ref"])
        found: Any = self._root if ref.startswith("#") else None
        for part in filter(None, ref[1:].split("/")):
            found = found.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(found, Mapping) else None
        if not isinstance(found, Mapping):
            told = "reference can only point to definitions defined at the top level of the schema"
            yield f"In context={context}, {told}."
        elif ref not in within and ref != "#":
            yield from self.faults(found, context, depth, within | {ref})


def _keyword_faults(schema: Mapping[str, Any], kinds: Sequence[str], where: str) -> Iterator[str]:
    if any(kind not in _BY_TYPE for kind in kinds):
        yield f"{where}, {kinds} is not valid under any of the given schemas."
        return
    known = _ALWAYS.union(*(_BY_TYPE[kind] for kind in kinds))
    for key in schema:
        if key not in known:
            yield f"{where}, '{key}' is not permitted."
    form, pattern, values = schema.get("format"), str(schema.get("pattern", "")), schema.get("enum")
    if form is not None and form not in _FORMATS:
        yield f"{where}, '{form}' is not a valid format."
    if any(part in pattern for part in ("(?=", "(?!", "(?<=", "(?<!")):
        yield f"{where}, 'pattern' must not look around."
    if values is not None:
        if not values:
            yield f"{where}, 'enum' must have at least one value."
        for value in values:
            if not any(_is(value, kind) for kind in kinds):
                yield f"{where}, enum value {value!r} does not validate against {kinds}."
        texts = [value for value in values if isinstance(value, str)]
        if len(texts) > 250 and sum(map(len, texts)) > 15_000:
            yield f"{where}, 'enum' of more than 250 values has more than 15000 characters."
    if "const" in schema and not any(_is(schema["const"], kind) for kind in kinds):
        yield f"{where}, const value {schema['const']!r} does not validate against {kinds}."


def _is(value: object, kind: str) -> bool:
    if isinstance(value, bool) or value is None:
        return kind == ("null" if value is None else "boolean")
    if kind == "number":
        return isinstance(value, int | float)
    return isinstance(value, str if kind == "string" else int) and kind in ("string", "integer")
