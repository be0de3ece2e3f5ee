"""Reading bodies: what the providers share."""

import json
from typing import Any

from pydantic_core import from_json

MOST_TOKENS = 10**9
"""A count of tokens from which on it is no count."""


def json_value(text: str) -> Any:
    """The JSON value of a text, or None."""
    try:
        return from_json(text, cache_strings="keys")  # less than half of the time
    except ValueError:
        pass  # half a surrogate pair, or no JSON
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def count(value: object) -> int:
    """A count of tokens; 0 for what is none."""
    return int(value) if isinstance(value, int | float) and is_count(value) else 0


def is_count(value: object) -> bool:
    """Whether it can be a count of tokens."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < MOST_TOKENS


def instead(body: str, data: object, what: str, html: str) -> str:
    """What came in place of an answer, and what may be wrong. what: what an answer holds, and for which service; html:
    what to ask where a page came."""
    start = body.lstrip()
    if not start:
        return "nothing: an empty body"
    if start.startswith("<"):
        return f"HTML, not JSON: {html}?"
    if data is None:
        return (
            "JSON that breaks off or is none: try again"
            if start[0] in "{["
            else "text that is no JSON: is base_url right?"
        )
    error = data.get("error") if isinstance(data, dict) else None
    said = error.get("message") if isinstance(error, dict) else error
    if isinstance(said, str) and said:
        return f"an error: {' '.join(said.split())[:500]}"
    return f"JSON that holds no {what}?"
