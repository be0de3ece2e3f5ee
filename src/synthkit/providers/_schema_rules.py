"""The rules of strict modes: which keywords they take, and how large a schema may be."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from synthkit.providers._schema_merge import Unfit, named


@dataclass(frozen=True)
class Rules:
    """What a strict mode takes beside the structure: keywords, formats; objects within objects, fields in all,
    characters of names and of values to choose from, such values in all."""

    keywords: tuple[str, ...]
    formats: tuple[str, ...]
    depth: int
    fields: int
    characters: int = 120_000
    choices: int = 1_000


OPENAI = Rules(
    keywords=(
        *("pattern", "format", "multipleOf", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
        *("minItems", "maxItems"),
    ),
    formats=("date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"),
    depth=10,
    fields=5_000,
)
FINE_TUNED = replace(OPENAI, keywords=(), formats=())
AZURE = replace(FINE_TUNED, depth=5, fields=100)
"""OpenAI's models at Azure: https://learn.microsoft.com/azure/ai-foundry/openai/how-to/structured-outputs."""


def inside(at: str, name: str) -> str:
    """The field of this name within another."""
    plain = name.replace("_", "a").replace("-", "a").isalnum()
    part = name if plain else json.dumps(name, ensure_ascii=False)
    return f"{at}.{part}" if at else part


def check(schema: Mapping[str, Any], rules: Rules) -> None:
    """Raises `Unfit` where a strict schema is larger than the rules allow."""
    parts = list(_parts(schema))
    fields = [name for part in parts for name in part.get("properties", ())]
    if len(fields) > rules.fields:
        raise Unfit(f"the answer itself has {len(fields)} fields, which is more than {rules.fields}: leave some out")
    choices = [value for part in parts for value in part.get("enum", ())]
    if len(choices) > rules.choices:
        raise Unfit(f"the answer itself has {len(choices)} values to choose from, more than {rules.choices}: drop some")
    for part in parts:
        texts = [value for value in part.get("enum", ()) if isinstance(value, str)]
        if len(texts) > 250 and sum(map(len, texts)) > 15_000:
            raise Unfit("a field of the answer may be one of more than 250 texts of more than 15,000 characters")
    texts = [*fields, *schema.get("$defs", ()), *(v for v in choices if isinstance(v, str))]
    texts += [part["const"] for part in parts if isinstance(part.get("const"), str)]
    if sum(map(len, texts)) > rules.characters:
        raise Unfit(f"the names and values of the answer have more than {rules.characters:,} characters: shorten them")
    depth, where = _depth(schema, schema, "", ())
    if depth > rules.depth:
        raise Unfit(f"{named(where)} lies {depth} objects deep, which is more than {rules.depth}: make it flatter")


def _parts(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """A strict schema and all within it."""
    yield schema
    inner = [*schema.get("properties", {}).values(), *schema.get("anyOf", ()), *schema.get("$defs", {}).values()]
    for part in [*inner, schema["items"]] if "items" in schema else inner:
        yield from _parts(part)


def _depth(schema: Mapping[str, Any], root: Mapping[str, Any], at: str, within: tuple[str, ...]) -> tuple[int, str]:
    """How many objects lie within one another, and where; what refers to itself counts once."""
    ref = schema.get("$ref")
    if isinstance(ref, str):
        if ref == "#" or ref in within:
            return 0, at
        return _depth(root["$defs"][ref.rpartition("/")[2]], root, at, (*within, ref))
    inner = [(part, inside(at, name)) for name, part in schema.get("properties", {}).items()]
    inner += [(part, at) for part in schema.get("anyOf", ())]
    inner += [(schema["items"], f"{at}[]")] if "items" in schema else []
    found = [_depth(part, root, where, within) for part, where in inner]
    depth, where = max(found, key=lambda each: each[0], default=(0, at))
    return depth + ("properties" in schema), where if depth else at
