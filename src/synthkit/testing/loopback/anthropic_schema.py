"""The rules that JSON schemas must keep for Anthropic's structured outputs and strict tools."""

from collections.abc import Iterator, Mapping
from typing import Any

FORMATS = {"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"}
ANYWHERE = {"title", "description", "default", "$defs", "definitions", "$schema"}
BY_TYPE = {
    "object": {"properties", "required", "additionalProperties"},
    "array": {"items", "minItems"},
    "string": {"format", "pattern", "enum", "const"},
    "integer": {"enum", "const"},
    "number": {"enum", "const"},
    "boolean": {"enum", "const"},
    "null": {"const"},
}
OPTIONAL, UNIONS = 24, 16


def faults(schema: object) -> Iterator[str]:
    """What the service would refuse in a schema."""
    counts = {"optional": 0, "unions": 0}
    yield from _faults(schema, schema, (), counts)
    if counts["optional"] > OPTIONAL:
        yield f"Schemas contains too many optional parameters ({counts['optional']}); the limit is {OPTIONAL}."
    if counts["unions"] > UNIONS:
        yield f"Schemas contains too many parameters with union types ({counts['unions']}); the limit is {UNIONS}."


def _faults(schema: object, root: object, within: tuple[str, ...], counts: dict[str, int]) -> Iterator[str]:
    if not isinstance(schema, Mapping):
        yield f"Input should be a valid schema, got {type(schema).__name__}"
        return
    if "$ref" in schema:
        yield from _reference_faults(schema["$ref"], root, within, counts)
        return
    ways = schema.get("anyOf", schema.get("allOf"))
    kind = schema.get("type")
    if ways is not None:
        counts["unions"] += "anyOf" in schema
        for way in ways:
            yield from _faults(way, root, within, counts)
        yield from _unknown(schema, {"anyOf", "allOf"}, "anyOf")
    elif "enum" in schema or "const" in schema:
        values = schema.get("enum", [schema.get("const")])
        if any(isinstance(value, dict | list) for value in values):
            yield "Enum values must be strings, numbers, booleans or null"
        yield from _unknown(schema, {"type", "enum", "const"}, "enum")
    elif kind is None:
        yield "Schema must have a type, anyOf, allOf, enum or const"
    else:
        kinds = [kind] if isinstance(kind, str) else kind
        counts["unions"] += not isinstance(kind, str)
        known = {"type"}.union(*(BY_TYPE.get(name, set()) for name in kinds))
        yield from _unknown(schema, known, f"'{kind}' type")
        yield from _typed(schema, kinds, root, within, counts)


def _typed(
    schema: Mapping[str, Any], kinds: list[str], root: object, within: tuple[str, ...], counts: dict[str, int]
) -> Iterator[str]:
    if "object" in kinds:
        if schema.get("additionalProperties") is not False:
            yield "For 'object' type, 'additionalProperties' must be explicitly set to false"
        for name, part in schema.get("properties", {}).items():
            counts["optional"] += name not in schema.get("required", ())
            yield from _faults(part, root, within, counts)
    if "array" in kinds and "items" in schema:
        yield from _faults(schema["items"], root, within, counts)
    if schema.get("minItems", 0) not in (0, 1):
        yield "For 'array' type, 'minItems' values other than 0 or 1 are not supported"
    if "format" in schema and schema["format"] not in FORMATS:
        yield f"For 'string' type, format '{schema['format']}' is not supported"


def _reference_faults(ref: str, root: object, within: tuple[str, ...], counts: dict[str, int]) -> Iterator[str]:
    if ref in within:
        yield "Recursive schemas are not supported"
        return
    found: Any = root if ref.startswith("#") else None
    for key in filter(None, ref[1:].split("/")):
        found = found.get(key) if isinstance(found, Mapping) else None
    if found is None:
        yield f"Reference '{ref}' cannot be resolved: external references are not supported"
    else:
        yield from _faults(found, root, (*within, ref), counts)


def _unknown(schema: Mapping[str, Any], known: set[str], what: str) -> Iterator[str]:
    names = sorted(schema.keys() - known - ANYWHERE)
    if names:
        yield f"For {what}, properties {', '.join(names)} are not supported"
