"""Reading what Anthropic's service answers."""

import json
from collections.abc import Mapping
from typing import Any

from synthkit.core import Reply, Usage
from synthkit.core.answer import Finish, ToolCall
from synthkit.errors import BrokenBody
from synthkit.providers._reading import count, instead, is_count, json_value

FINISHES: Mapping[str, Finish] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "refusal": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "context",
    "tool_use": "tool_calls",
    "pause_turn": "pause",
}


def read(body: str, host: str) -> Reply:
    """Reads a body of the service at `host`. Raises `BrokenBody` where it is no answer. A service that tells no usage
    leaves it at zeros, which means unknown."""
    data = json_value(body)
    content = data.get("content") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(content, list):
        what = "content: does base_url name a service for Anthropic's messages"
        raise BrokenBody(f"{host} answered with {instead(body, data, what, 'is base_url right')}")
    blocks = [block for block in content if isinstance(block, dict)]
    text = "".join(_texts(blocks, "text"))
    reason, model = data.get("stop_reason"), data.get("model")
    return Reply(
        text=text,
        usage=usage(data.get("usage")),
        finish=FINISHES.get(reason, "other") if isinstance(reason, str) else "other",
        refusal=_refusal(data.get("stop_details"), text) if reason == "refusal" else "",
        reasoning="\n\n".join(_texts(blocks, "thinking")),
        model=model if isinstance(model, str) else "",
        tool_calls=[_call(block) for block in blocks if block.get("type") == "tool_use"],
    )


def _texts(blocks: list[dict[str, Any]], kind: str) -> list[str]:
    """The texts of the blocks of a kind that have one. Thoughts that the service keeps to itself have none."""
    return [text for b in blocks if b.get("type") == kind and isinstance(text := b.get(kind), str) and text]


def _call(block: Mapping[str, Any]) -> ToolCall:
    arguments = json.dumps(block.get("input") or {}, ensure_ascii=False)
    return ToolCall(str(block.get("id")), str(block.get("name")), arguments)


def _refusal(details: object, text: str) -> str:
    """Why it refuses: what the service explains, else the words of the model, else that it does."""
    told = details if isinstance(details, dict) else {}
    for said in (told.get("explanation"), text):
        if isinstance(said, str) and said.strip():
            return said.strip()
    category = told.get("category")
    return f"the service declined to answer{f' ({category})' if isinstance(category, str) else ''}"


def usage(told: object) -> Usage:
    """Input is told in three parts: what is new, what was put into the cache, and what was read from it. Zeros where a
    half is missing or cannot be: it would make the other half free."""
    if not isinstance(told, dict) or not is_count(told.get("input_tokens")) or not is_count(told.get("output_tokens")):
        return Usage()
    cached, written = count(told.get("cache_read_input_tokens")), count(told.get("cache_creation_input_tokens"))
    details = told.get("output_tokens_details")
    thought = count(details.get("thinking_tokens")) if isinstance(details, dict) else 0
    made = count(told.get("output_tokens"))
    return Usage(count(told.get("input_tokens")) + cached + written, made, cached, min(thought, made), written)
