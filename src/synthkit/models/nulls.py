"""Nulls that a model writes for what it leaves out, taken out again."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

CIRCLE = 50
"""References and alternatives in a row from which on they are a circle."""


def without_nulls(value: Any, schema: Mapping[str, Any]) -> Any:
    """The value without the nulls that models write for what they leave out: of properties that are not required, and
    may not be null. Native modes that know no optional property make them write these."""
    return _Nulls(schema).without(value, [schema]) if _any(value) else value


def _any(value: Any) -> bool:
    """Whether there is a null within a value."""
    if isinstance(value, dict):
        return any(item is None or _any(item) for item in value.values())
    return isinstance(value, list) and any(map(_any, value))


class _Nulls:
    """One schema, which values are freed from nulls by."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        import jsonschema
        from referencing import Registry

        self._root = schema
        self._validator = jsonschema.Draft202012Validator(schema, registry=Registry())

    def without(self, value: Any, schemas: Sequence[Any], depth: int = 0) -> Any:
        """The value, for which all these schemas hold."""
        if not isinstance(value, dict | list) or depth > CIRCLE:
            return value
        parts, unions = self._parts(schemas)
        if not unions:
            return self._object(value, parts) if isinstance(value, dict) else self._list(value, parts)
        # The alternative that was meant is one that fits, once the nulls are out that it makes a model write.
        ways, *more = unions
        others = [{"anyOf": union} for union in more]
        made = []
        for way in sorted(ways, key=lambda way: self._likeness(value, way), reverse=True):
            made.append(self.without(value, [*parts, *others, way], depth + 1))
            if self._fits(made[-1], way):
                return made[-1]
        return made[0] if made else value

    def _object(self, value: dict[str, Any], parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        required = {name for part in parts for name in part.get("required", ())}
        made = {}
        for name, item in value.items():
            known = [part["properties"][name] for part in parts if name in part.get("properties", ())]
            if item is None and known and name not in required and not all(self._fits(None, one) for one in known):
                continue
            made[name] = self.without(item, known or [part.get("additionalProperties") for part in parts])
        return made

    def _list(self, value: list[Any], parts: Sequence[Mapping[str, Any]]) -> list[Any]:
        def at(number: int) -> list[Any]:
            first = [part.get("prefixItems", ()) for part in parts]
            return [
                each[number] if number < len(each) else part.get("items")
                for each, part in zip(first, parts, strict=True)
            ]

        return [self.without(item, at(number)) for number, item in enumerate(value)]

    def _parts(self, schemas: Sequence[Any]) -> tuple[list[Mapping[str, Any]], list[Sequence[Any]]]:
        """What the schemas say themselves, without references; and the alternatives that they give."""
        parts: list[Mapping[str, Any]] = []
        unions: list[Sequence[Any]] = []
        waiting = [schema for schema in schemas if isinstance(schema, Mapping)]
        for schema in waiting:  # grows
            more = list(schema.get("allOf", ()))
            if "$ref" in schema and len(waiting) < CIRCLE:
                more.append(followed(schema, self._root))
            waiting += [part for part in more if isinstance(part, Mapping)]
            unions += [schema[key] for key in ("anyOf", "oneOf") if schema.get(key)]
            parts.append({k: v for k, v in schema.items() if k not in ("$ref", "allOf", "anyOf", "oneOf")})
        return parts, unions

    def _likeness(self, value: dict[str, Any] | list[Any], schema: Any) -> int:
        """How many of the names in an object a schema knows, less those that it does not."""
        parts, _ = self._parts([schema])
        if not isinstance(value, dict):
            return sum("items" in part or "prefixItems" in part for part in parts)
        known = {name for part in parts for name in part.get("properties", ())}
        return len(known & value.keys()) - len(value.keys() - known)

    def _fits(self, value: Any, schema: Any) -> bool:
        from referencing.exceptions import Unresolvable

        try:
            return bool(self._validator.evolve(schema=schema).is_valid(value))
        except Unresolvable:
            return False


def followed(schema: Any, root: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema that a local reference means."""
    for _ in range(CIRCLE):
        at = schema.get("$ref") if isinstance(schema, Mapping) else None
        if not isinstance(at, str) or not (at == "#" or at.startswith("#/")):
            break
        schema = root
        for key in at[2:].split("/") if at != "#" else ():
            key = unquote(key).replace("~1", "/").replace("~0", "~")
            if isinstance(schema, list) and key.isdecimal() and int(key) < len(schema):
                schema = schema[int(key)]
            else:
                schema = schema.get(key, {}) if isinstance(schema, Mapping) else {}
    return schema if isinstance(schema, Mapping) else {}
