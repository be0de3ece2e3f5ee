"""Instances of JSON schemas, made by dice."""

import re
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any, TypeAlias

from synthkit.testing.loopback.words import sentence

Schema: TypeAlias = Mapping[str, Any] | bool

_DEEP = 6  # from this depth on, the shortest way out of a recursive schema is taken
_TOO_DEEP = 60
_SAMPLES = {  # by `format`; for a `pattern` the first that fits
    "date": "2024-02-29",
    "date-time": "2024-02-29T12:30:00Z",
    "time": "12:30:00Z",
    "duration": "P1DT2H",
    "email": "ada@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/page",
    "uuid": "6f1f7c5e-2d4b-4c8a-9a53-0b6f2f1d7e10",
}
_CANDIDATES = (*_SAMPLES.values(), "a", "word", "Word", "two words", "A", "WORD", "7", "42", "123", "1234", "12345")


def instance(schema: Schema, dice: Random) -> Any:
    """A value that fits `schema`. The same dice give the same value.

    Known: $ref, anyOf, oneOf, allOf, enum, const, types and their bounds, format, and patterns that a common word,
    number, date or address fits. ValueError, TypeError, LookupError or AttributeError for what is no schema.
    """
    return _Maker(schema, dice).make(schema, 0)


class _Maker:
    def __init__(self, root: Schema, dice: Random) -> None:
        self._root = root
        self._dice = dice

    def make(self, schema: Schema, depth: int) -> Any:
        if depth > _TOO_DEEP:
            raise ValueError("the schema has no finite instance")
        if isinstance(schema, bool):
            return sentence(self._dice)
        if "$ref" in schema:
            return self.make(self._resolve(schema["$ref"]), depth + 1)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._dice.choice(schema["enum"])
        if "allOf" in schema:
            return self.make(self._merged(schema), depth + 1)
        for key in ("anyOf", "oneOf"):
            if key in schema:
                return self.make(self._branch(schema[key], depth), depth + 1)
        kind = schema.get("type", "object" if "properties" in schema else "string")
        if not isinstance(kind, str):
            kind = "null" if depth >= _DEEP and "null" in kind else self._dice.choice(kind)
        return self._typed(kind, schema, depth)

    def _typed(self, kind: str, schema: Mapping[str, Any], depth: int) -> Any:
        match kind:
            case "object":
                return self._object(schema, depth)
            case "array":
                return self._array(schema, depth)
            case "string":
                return self._string(schema)
            case "integer" | "number":
                return self._number(schema, whole=kind == "integer")
            case "boolean":
                return self._dice.random() < 0.5
            case "null":
                return None
        raise ValueError(f"{kind!r} is no type of JSON schema")

    def _object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        properties = schema.get("properties", {})
        required = schema.get("required", ())
        names = [name for name in properties if depth < _DEEP or name in required]
        made = {name: self.make(properties[name], depth + 1) for name in names}
        extra = schema.get("additionalProperties")
        if not properties and isinstance(extra, Mapping) and depth < _DEEP:  # a free mapping of typed values
            made["key"] = self.make(extra, depth + 1)
        return made

    def _array(self, schema: Mapping[str, Any], depth: int) -> list[Any]:
        prefix = [self.make(part, depth + 1) for part in schema.get("prefixItems", ())]
        least = schema.get("minItems", 0)
        most = schema.get("maxItems", max(least, 3))
        length = least if depth >= _DEEP else self._dice.randint(max(least, min(1, most)), most)
        items = schema.get("items", True)
        made: list[Any] = list(prefix)
        if items is False:
            return made
        for _ in range(50 * (length + 1)):
            if len(made) >= length:
                break
            item = self.make(items, depth + 1)
            if not (schema.get("uniqueItems") and item in made):
                made.append(item)
        return made

    def _string(self, schema: Mapping[str, Any]) -> str:
        if schema.get("format") in _SAMPLES:
            return _SAMPLES[schema["format"]]
        least, most = schema.get("minLength", 0), schema.get("maxLength", 10**6)
        text = sentence(self._dice)
        while len(text) < least:
            text += " " + sentence(self._dice)
        candidates = (text[:most].strip().ljust(min(least, most), "."), *_CANDIDATES)
        pattern = re.compile(schema.get("pattern", ""))
        fitting = (c for c in candidates if pattern.search(c) and least <= len(c) <= most)
        return next(fitting, candidates[0])

    def _number(self, schema: Mapping[str, Any], whole: bool) -> int | float:
        step = schema.get("multipleOf", 1 if whole else 0.01)
        low, high = schema.get("minimum"), schema.get("maximum")
        if (above := schema.get("exclusiveMinimum")) is not None:
            low = above + step if low is None else max(low, above + step)
        if (below := schema.get("exclusiveMaximum")) is not None:
            high = below - step if high is None else min(high, below - step)
        low = (0 if high is None else min(0, high - 100 * step)) if low is None else low
        high = low + 100 * step if high is None else high
        first, last = -(-low // step), high // step
        number = self._dice.randint(int(first), max(int(first), int(last))) * step
        return int(number) if whole else round(min(max(number, low), high), 9)

    def _branch(self, branches: Sequence[Schema], depth: int) -> Schema:
        if depth >= _DEEP:
            return min(branches, key=lambda b: (b != {"type": "null"}, "$ref" in str(b), len(str(b))))
        return self._dice.choice(branches)

    def _merged(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        merged = {key: value for key, value in schema.items() if key != "allOf"}
        for part in schema["allOf"]:
            while "$ref" in part:
                part = self._resolve(part["$ref"])
            for key, value in part.items():
                if key == "properties":
                    value = {**merged.get(key, {}), **value}
                elif key == "required":
                    value = [*merged.get(key, ()), *value]
                merged[key] = value
        return merged

    def _resolve(self, ref: str) -> Any:
        found: Any = self._root
        if not ref.startswith("#"):
            raise ValueError(f"{ref!r} points out of the schema")
        for part in filter(None, ref[1:].split("/")):
            found = found[part.replace("~1", "/").replace("~0", "~")]
        return found
