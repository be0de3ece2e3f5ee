"""JSON inside prompts: values, schemas, sketches of what is wanted, keys that are only named."""

import json
from collections.abc import Mapping
from re import IGNORECASE, compile, findall, search, sub
from typing import Any

TRIES = 200
"""How many places of a prompt are tried as the beginning of a JSON value."""

_BEGIN = compile(r'\{\s*["}]|\[\s*[\["{]')
_DECODER = json.JSONDecoder()


def values(text: str) -> list[tuple[int, int, Any]]:
    """The outermost JSON objects and arrays in a text, with the places where they begin and end."""
    found: list[tuple[int, int, Any]] = []
    place = 0
    for _ in range(TRIES):
        begin = _BEGIN.search(text, place)
        if begin is None:
            break
        try:
            value, place = _DECODER.raw_decode(text, begin.start())
        except ValueError:
            place = begin.start() + 1
            continue
        except RecursionError:
            break
        found.append((begin.start(), place, value))
    return found


def is_schema(value: Any) -> bool:
    """Whether a JSON value is a JSON schema rather than data."""
    if not isinstance(value, Mapping):
        return False
    kinds = ("object", "array", "string", "integer", "number", "boolean")
    if isinstance(value.get("properties"), Mapping):
        return "type" in value or "$defs" in value or "required" in value or _all_schemas(value["properties"])
    return ("$ref" in value and "$defs" in value) or (
        value.get("type") in kinds and bool({"items", "enum", "minimum", "description", "title"} & set(value))
    )


def _all_schemas(properties: Mapping[str, Any]) -> bool:
    return all(isinstance(p, Mapping) and ({"type", "$ref", "anyOf", "enum"} & set(p)) for p in properties.values())


def objects(value: Any) -> list[dict[str, Any]]:
    """The objects that a value shows as examples: itself, or the entries of an array."""
    if isinstance(value, dict):
        return [value] if value else []
    return [item for item in value if isinstance(item, dict) and item] if isinstance(value, list) else []


_PLACEHOLDER = compile(
    r"^(?:\.\.\.|…|<.*>|\{.*\}|\[.*\]|string|str|text|integer|int|number|float|boolean|bool|yes/no|your .*|the .*|"
    r"an? .*|"
    r"\d+\s*(?:-|–|to)\s*\d+|.*\.\.\.|.*…|.* \| .*|)$",
    IGNORECASE,
)


def is_sketch(value: Any) -> bool:
    """Whether a value shows only the form of an answer: its texts are placeholders."""
    leaves = list(_leaves(value, 0))
    return bool(leaves) and all(_PLACEHOLDER.match(leaf[:100]) for leaf in leaves)


def _leaves(value: Any, depth: int) -> list[str]:
    if isinstance(value, str):
        return [value]
    if depth > 6 or not isinstance(value, dict | list):
        return []
    inner = value.values() if isinstance(value, dict) else value
    return [leaf for item in list(inner)[:20] for leaf in _leaves(item, depth + 1)]


def schema_of(sketch: Any, name: str = "", depth: int = 0) -> dict[str, Any]:
    """The JSON schema that a sketch means."""
    if isinstance(sketch, dict) and depth < 8:
        parts = {key: schema_of(value, key, depth + 1) for key, value in list(sketch.items())[:40]}
        return {"type": "object", "properties": parts, "required": list(parts)}
    if isinstance(sketch, list):
        return {"type": "array", "items": schema_of(sketch[0], name, depth + 1) if sketch and depth < 8 else {}}
    if isinstance(sketch, bool):
        return {"type": "boolean"}
    if isinstance(sketch, int | float):
        return {"type": "integer" if isinstance(sketch, int) else "number"}
    return _placeholder(sketch if isinstance(sketch, str) else "", name)


def _placeholder(text: str, name: str) -> dict[str, Any]:
    bounds = search(r"(\d+)\s*(?:-|–|to|and)\s*(\d+)", text)
    if bounds:
        return {"type": "integer", "minimum": int(bounds[1]), "maximum": max(int(bounds[1]), int(bounds[2]))}
    if search(r"\b(?:int|integer|number)\b", text):
        return {"type": "integer"}
    if search(r"\b(?:bool|boolean|true|false)\b", text):
        return {"type": "boolean"}
    options = [option.strip(" <>\"'") for option in text.split("|" if "|" in text else "/")]
    if 1 < len(options) < 12 and all(0 < len(option) < 25 for option in options):
        return {"enum": options}
    return guessed(name) if len(text) < 4 else {"type": "string", "description": text}


def guessed(name: str) -> dict[str, Any]:
    """The schema of a field of which only the name is known."""
    from synthkit.providers.demo.roles import role_of

    if search(r"^(?:is|has|can|should)[_A-Z ]", name):
        return {"type": "boolean"}
    role = role_of(name)
    if role in ("score", "year", "age", "amount"):
        return {"type": "integer"}
    if role == "steps" or (name.endswith("s") and role in ("label", "topic", "name")):
        return {"type": "array", "items": {"type": "string"}}
    return {"type": "string"}


def named_keys(text: str) -> list[str]:
    """Keys that the words of a request name: «JSON with the keys "a" and "b"», also those of a broken sketch."""
    shown = findall(r"[\"“']([A-Za-z_]\w{0,40})[\"”']\s*:", text)
    if shown:
        return list(dict.fromkeys(shown))
    told = search(
        r"\b(?:keys?|fields?|properties|attributes|property)\b(?: called| named| of)?:?\s+([^.\n]{2,200})",
        text,
        IGNORECASE,
    )
    if told is None:
        return []
    quoted = findall(r"[\"“'`]([A-Za-z_]\w{0,40})[\"”'`]", told[1])
    if quoted:
        return list(dict.fromkeys(quoted))
    plain = findall(r"\b[a-z_]{2,30}\b", sub(r"\([^)]*\)", "", told[1]))
    fillers = ("and", "or", "the", "an", "as", "in", "for", "each", "with", "of", "that", "is", "are", "only", "both")
    return list(dict.fromkeys(word for word in plain if word not in fillers))[:8]


def sketched(text: str) -> Mapping[str, Any] | None:
    """The schema of an object that a request describes in words or by a sketch that is no JSON; None if none."""
    keys = named_keys(text)
    if not keys:
        return None
    parts: dict[str, Any] = {}
    for key in keys:
        shown = search(rf"[\"“']{key}[\"”']\s*:\s*([^,}}\n]{{0,80}})", text)
        parts[key] = _placeholder(shown[1].strip(" \"'<>"), key) if shown else guessed(key)
    return {"type": "object", "properties": parts, "required": keys}


def wanted(text: str) -> bool:
    """Whether a text speaks of JSON."""
    return "json" in text.lower()
