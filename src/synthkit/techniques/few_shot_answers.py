"""Examples read out of an answer that should be a JSON array of objects, and may be cut, wrapped or broken."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NoReturn

from synthkit.core.values import freeze
from synthkit.errors import ColumnError


def _refuse(token: str) -> NoReturn:
    raise ValueError(f"{token} is no JSON")


DECODER = json.JSONDecoder(strict=False, parse_constant=_refuse)  # not strict: models write line breaks in strings


def examples(text: str, shown: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The complete examples in an answer, in order, each once, with the keys of those shown and nothing else.

    Left out are objects that were cut off, that lack a key, that repeat one of those shown, and those with a value
    that is empty or of another type than the shown ones have there.
    """
    found: list[dict[str, Any]] = []
    keys = list(shown[0])
    for entry in _entries(text, keys):
        if not all(_alike(entry[key], [example[key] for example in shown]) for key in keys):
            continue
        try:
            example = {key: freeze(entry[key]) for key in keys}
        except ColumnError:  # numbers beyond what JSON can say
            continue
        if example not in shown and example not in found:
            found.append(example)
    return found


def _entries(text: str, keys: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    """The outermost complete objects that have all keys."""
    place = text.find("{")
    while place >= 0:
        value, end = _object(text, place, keys)
        if value is not None and all(key in value for key in keys):
            yield value
            place = text.find("{", end)
        else:  # a wrapper around the array, or something else: look inside
            place = text.find("{", place + 1)


def _object(text: str, start: int, keys: Sequence[str]) -> tuple[Mapping[str, Any] | None, int]:
    """The object that begins here, and where it ends; None where it is cut off or beyond repair."""
    try:
        value, end = DECODER.raw_decode(text, start)
        return value, end
    except (ValueError, RecursionError):
        pass
    end = 0 if re.match(r"{\s*{", text[start : start + 9]) else _end(text, start)
    span = text[start:end]
    # A repair could run two broken objects together; an object with each key once is one.
    if not end or any(len(re.findall(rf"[\"'“]?\b{re.escape(key)}\b[\"'”]?\s*:", span)) != 1 for key in keys):
        return None, start
    import json_repair

    value = json_repair.loads(span)
    return (value if isinstance(value, dict) else None), end


def _end(text: str, start: int) -> int:
    """Behind the brace that closes the one at `start`, braces in strings apart; 0 where there is none."""
    depth, quoted, escaped = 0, False, False
    for place in range(start, len(text)):
        letter = text[place]
        if quoted:
            quoted = escaped or letter != '"'
            escaped = letter == "\\" and not escaped
        elif letter == '"':
            quoted = True
        elif letter in "{}":
            depth += 1 if letter == "{" else -1
            if not depth:
                return place + 1
    return 0


def _alike(value: Any, others: Sequence[Any]) -> bool:
    """Whether a value is of a type that the others have, and not empty unless one of them is."""
    if _kind(value) not in {_kind(other) for other in others}:
        return False
    return not _empty(value) or any(_empty(other) for other in others)


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    return "text" if isinstance(value, str) else "list" if isinstance(value, list) else type(value).__name__


def _empty(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip()) or value in ([], {})
