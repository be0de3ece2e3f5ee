"""JSON schemas as Anthropic's structured outputs take them.

The service promises the shape: objects with their fields, lists, unions, enums, types. What it cannot promise (bounds,
lengths, patterns) goes into descriptions, in words, and is checked in the answer, as the SDK does it. What has no such
form (free names, anything at all, schemas within themselves) is unfit.

https://platform.claude.com/docs/en/build-with-claude/structured-outputs#json-schema-limitations
"""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from synthkit.providers._schema_merge import Unfit, merged, named

OPTIONAL, UNIONS = 24, 16
"""The most fields that need not be there, and the most of several types."""
FORMATS = {"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"}
KEPT = {"type", "properties", "required", "items", "anyOf", "enum", "const", "title", "description"}
SILENT = {"additionalProperties", "default", "discriminator", "examples", "definitions"}
"""What need not be said in words, beside all that begins with `$`."""


def translated(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema that goes out. Raises `Unfit`."""
    made: dict[str, Any] = json.loads(_translated(json.dumps(schema)))
    return made


@lru_cache(256)
def _translated(schema: str) -> str:
    try:
        return json.dumps(_Translation(json.loads(schema)).made)
    except RecursionError as error:
        raise Unfit("the answer itself is nested too deeply: make it flatter") from error


class _Translation:
    """One schema on its way. What a reference means is put in its place, so that it can keep its own description."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._root = schema
        self._optional = 0
        self._unions = 0
        self.made = self._of(schema, "", ())

    def _of(self, schema: Any, at: str, within: tuple[object, ...]) -> dict[str, Any]:
        """The translation of the schema at a field; `within` are the references that led there."""
        if not isinstance(schema, Mapping):
            raise Unfit(f"{named(at)} may be anything: give it a type")
        schema, within = self._followed(schema, at, within)
        made: dict[str, Any] = {key: schema[key] for key in ("title", "description") if key in schema}
        kinds = schema.get("type", "object" if "properties" in schema else None)
        if "enum" in schema or "const" in schema:
            made |= _literals(schema, at)
        elif "anyOf" in schema:
            self._count_union(at)
            beside = {key: value for key, value in schema.items() if key in KEPT - {"anyOf", "title", "description"}}
            made["anyOf"] = [self._of({"allOf": [way, beside]}, at, within) for way in schema["anyOf"]]
        elif kinds is None:
            raise Unfit(f"{named(at)} may be anything: give it a type")
        elif isinstance(kinds, str):
            made |= {"type": kinds, **self._inside(schema, [kinds], at, within)}
        else:
            self._count_union(at)
            made |= {"type": list(kinds), **self._inside(schema, list(kinds), at, within)}
        return _in_words(schema, made)

    def _inside(
        self, schema: Mapping[str, Any], kinds: list[str], at: str, within: tuple[object, ...]
    ) -> dict[str, Any]:
        """What belongs to an object, a list or a text."""
        made: dict[str, Any] = {}
        if "object" in kinds:
            made = self._object(schema, at, within)
        if "array" in kinds:
            if "items" not in schema or "prefixItems" in schema:
                raise Unfit(f"{named(at)} is a list whose items have no common schema: give it `items`")
            made["items"] = self._of(schema["items"], f"{at}[]", within)
            if schema.get("minItems") in (0, 1):
                made["minItems"] = schema["minItems"]
        if "string" in kinds and schema.get("format") in FORMATS:
            made["format"] = schema["format"]
        return made

    def _object(self, schema: Mapping[str, Any], at: str, within: tuple[object, ...]) -> dict[str, Any]:
        properties, more = schema.get("properties", {}), schema.get("additionalProperties")
        free = more is True or isinstance(more, Mapping) or ("properties" not in schema and more is not False)
        if free or "patternProperties" in schema:
            what = "takes" if properties else "is a mapping with"
            raise Unfit(f"{named(at)} {what} free names: name its fields, or make it a list of pairs")
        missing = [name for name in schema.get("required", ()) if name not in properties]
        if missing:
            raise Unfit(
                f"{named(f'{at}.{missing[0]}' if at else missing[0])} is required, and not described: describe it"
            )
        required, made = list(schema.get("required", ())), {}
        for name, part in properties.items():
            field = f"{at}.{name}" if at else name
            self._optional += name not in required
            if self._optional > OPTIONAL:
                raise Unfit(f"{named(field)} is one too many that need not be there: require all but {OPTIONAL}")
            made[name] = self._of(part, field, within)
        return {"properties": made, "required": required, "additionalProperties": False}

    def _count_union(self, at: str) -> None:
        self._unions += 1
        if self._unions > UNIONS:
            raise Unfit(f"{named(at)} is one too many of several types: leave no more than {UNIONS}")

    def _followed(
        self, schema: Mapping[str, Any], at: str, within: tuple[object, ...]
    ) -> tuple[dict[str, Any], tuple[object, ...]]:
        """The schema without references, `allOf` and `oneOf`: what they mean is put in."""
        met: list[object] = []

        def meant(ref: object, at: str) -> Mapping[str, Any]:
            if ref in within or ref == "#":
                raise Unfit(f"{named(at)} holds itself, and so has no end: limit its depth")
            met.append(ref)
            return self._meant(ref, at)

        whole = merged([schema], meant, at)
        if "oneOf" in whole:
            whole["anyOf"] = whole.pop("oneOf")
        return whole, (*within, *met)

    def _meant(self, ref: object, at: str) -> Mapping[str, Any]:
        found: Any = self._root if isinstance(ref, str) and ref.startswith("#/") else None
        for key in str(ref)[2:].split("/"):
            found = found.get(key.replace("~1", "/").replace("~0", "~")) if isinstance(found, Mapping) else None
        if not isinstance(found, Mapping):
            raise Unfit(f"{named(at)} refers to {ref!r}, which is not in the schema: put it in")
        return found


def _literals(schema: Mapping[str, Any], at: str) -> dict[str, Any]:
    values = schema["enum"] if "enum" in schema else [schema["const"]]
    if any(isinstance(value, Mapping | list) for value in values):
        raise Unfit(f"{named(at)} must be one of given lists or mappings: name texts, numbers or booleans")
    return {"enum": list(values)} if "enum" in schema else {"const": schema["const"]}


def _in_words(schema: Mapping[str, Any], made: dict[str, Any]) -> dict[str, Any]:
    """The translation, with what it leaves out said in its description."""
    left = {
        key: value
        for key, value in schema.items()
        if key not in KEPT | SILENT and not key.startswith("$") and made.get(key) != value
    }
    if not left:
        return made
    words = ", ".join(f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in left.items())
    before = f"{made['description']} " if made.get("description") else ""
    return {**made, "description": f"{before}({words})"}
