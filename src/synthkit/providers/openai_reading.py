"""What the answers of OpenAI's two APIs, and of services that speak like them, have in common."""

import math
import re
from collections.abc import Mapping
from typing import Any

from synthkit.core import Token, ToolCall, Usage
from synthkit.core.values import compact
from synthkit.providers._reading import count, is_count

THOUGHT = re.compile(r"\s*<(think|thinking|thought)>(.*?)</\1>\s*", re.DOTALL)
OPEN = re.compile(r"\s*<(think|thinking|thought)>(.*)", re.DOTALL)
CLOSED = re.compile(r"(.*?)</(think|thinking)>\s*", re.DOTALL)


def thought_apart(text: str, cut: bool) -> tuple[str, str]:
    """What a model thought aloud in front of its answer, and the answer: servers without a parser for reasoning leave
    both in one text. cut: the answer was cut off, so that a thought without an end is all there is.

    A template may have written the opening mark for the model, so that only the closing one is there.
    """
    if "<th" not in text and "</th" not in text:  # nearly always, and quickly seen
        return "", text
    if found := THOUGHT.match(text):
        return found[2].strip(), text[found.end() :]
    if opened := OPEN.match(text):
        return (opened[2].strip(), "") if cut else ("", text)
    if (closed := CLOSED.match(text)) and "<think" not in text:
        return closed[1].strip(), text[closed.end() :]
    return "", text


def text_of(content: object) -> str:
    """A text, or the texts among parts."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(part["text"] for part in content if isinstance(part, dict) and isinstance(part.get("text"), str))
    return ""


def tokens(entries: object) -> tuple[Token, ...]:
    """Tokens with their logarithms of probability; those without one are left out."""
    if not isinstance(entries, list):
        return ()
    each = [(_entry(entry), entry) for entry in entries]
    return tuple(
        Token(*found, tuple(top for top in map(_entry, _list(entry.get("top_logprobs"))) if top))
        for found, entry in each
        if found
    )


def _entry(entry: object) -> tuple[str, float] | None:
    if not isinstance(entry, dict) or not isinstance(entry.get("token"), str):
        return None
    value = entry.get("logprob")
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return entry["token"], float(value)


def tool_call(name: object, arguments: object, call: object, number: int) -> ToolCall | None:
    """A call of a tool; None for what is none. Some servers give no id, and arguments that are JSON already."""
    if not isinstance(name, str) or not name:
        return None
    text = arguments if isinstance(arguments, str) else compact(arguments) if isinstance(arguments, dict) else ""
    return ToolCall(call if isinstance(call, str) and call else f"call_{number}", name, text)


def usage(told: object, sent: str, made: str | None) -> Usage:
    """The usage that a service tells, zeros where it tells none, or one that cannot be: half of it would make the other
    half free. sent, made: how it calls input and output, None where there is no output."""
    if not isinstance(told, dict) or not count(told.get(f"{sent}_tokens")):
        return Usage()
    if made is not None and not is_count(told.get(f"{made}_tokens")):
        return Usage()
    inside, outside = _map(told.get(f"{sent}_tokens_details")), _map(told.get(f"{made}_tokens_details"))
    input, output = count(told.get(f"{sent}_tokens")), count(told.get(f"{made}_tokens"))
    cached = min(count(inside.get("cached_tokens", told.get("prompt_cache_hit_tokens"))), input)
    written = min(count(inside.get("cache_write_tokens")), input - cached)
    return Usage(input, output, cached, min(count(outside.get("reasoning_tokens")), output), written)


def took(data: object) -> Usage:
    """The usage that a body tells, by the words of either API, whatever else it holds."""
    told = data.get("usage") if isinstance(data, dict) else None
    chat = usage(told, "prompt", "completion")
    return usage(told, "input", "output") if chat == Usage() else chat


def _map(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
