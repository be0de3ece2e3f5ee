"""Several JSON schemas that hold at once, as one."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

LEAST = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
MOST = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
FIRST = ("title", "description", "default", "examples", "$defs", "definitions", "$schema", "$id", "$comment")
"""Of what says nothing of values, the first is taken."""


class Unfit(Exception):
    """What has no strict form, with the field's name, as a clause: «the field `tags` is …: do …»."""


def named(at: str) -> str:
    """A field, as a sentence may name it."""
    return f"the field `{at}`" if at else "the answer itself"


def merged(
    parts: Sequence[Any], meant: Callable[[object, str], Mapping[str, Any]], at: str, within: tuple[object, ...] = ()
) -> dict[str, Any]:
    """One schema that asks for what all parts ask for. References at the top of parts are followed with `meant`.
    Raises `Unfit` where the parts cannot be told in one."""
    whole: dict[str, Any] = {}
    for part in parts:
        if part is True:
            continue
        if not isinstance(part, Mapping):
            raise Unfit(f"{named(at)} has no value that fits: give it a type")
        flat = {key: value for key, value in part.items() if key not in ("$ref", "allOf")}
        inner, around = list(part.get("allOf", ())), within
        if "$ref" in part:
            if part["$ref"] in within:
                raise Unfit(f"{named(at)} holds itself together with more: write it without `allOf`")
            inner.append({**meant(part["$ref"], at)})
            around = (*within, part["$ref"])
        _put(flat, whole, at)
        if inner:
            _put(merged(inner, meant, at, around), whole, at)
    return whole


def _put(part: Mapping[str, Any], whole: dict[str, Any], at: str) -> None:
    """Adds what a part asks for to the whole."""
    for key, value in part.items():
        if key not in whole or whole[key] == value:
            whole[key] = value
        elif key not in FIRST:
            whole[key] = _both(key, whole[key], value, at)


def _both(key: str, one: Any, other: Any, at: str) -> Any:
    """What holds where two values of a keyword hold."""
    if key == "properties":
        shared = {
            name: {"allOf": [one[name], other[name]]} for name in one if name in other and one[name] != other[name]
        }
        return {**one, **other, **shared}
    if key == "required":
        return [*one, *(name for name in other if name not in one)]
    if key == "additionalProperties" and False in (one, other):
        return False
    if key == "items":
        return {"allOf": [one, other]}
    if key in LEAST:
        return max(one, other)
    if key in MOST:
        return min(one, other)
    if key == "enum":
        return [value for value in one if value in other]
    if key == "type":
        return _common(one, other, at)
    raise Unfit(f"{named(at)} must fit several schemas at once, which differ in `{key}`: write one")


def _common(one: Any, other: Any, at: str) -> Any:
    mine, theirs = ([kinds] if isinstance(kinds, str) else list(kinds) for kinds in (one, other))
    shared = [kind for kind in mine if kind in theirs or (kind == "integer" and "number" in theirs)]
    shared += [kind for kind in theirs if kind == "integer" and "number" in mine and kind not in shared]
    if not shared:
        raise Unfit(f"{named(at)} must be {' or '.join(mine)} and {' or '.join(theirs)} at once: give it one type")
    return shared if len(shared) > 1 else shared[0]
