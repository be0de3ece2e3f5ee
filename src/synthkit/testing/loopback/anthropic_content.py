"""What Anthropic's service refuses in the messages of a request."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

ID = re.compile(r"[a-zA-Z0-9_-]+")


def message_faults(messages: list[Any], prefill: bool) -> Iterator[str]:
    for index, message in enumerate(messages):
        role = message.get("role") if isinstance(message, Mapping) else None
        if role == "system":
            yield (
                'messages: Unexpected role "system". The Messages API accepts a top-level `system` parameter, not '
                '"system" as an input message role.'
            )
        elif role not in ("user", "assistant"):
            yield f"messages.{index}.role: Input should be 'user' or 'assistant'"
        elif set(message) != {"role", "content"}:
            yield f"messages.{index}.{min(set(message) - {'role', 'content'})}: Extra inputs are not permitted"
        else:
            yield from _content_faults(message, index, index == len(messages) - 1)
    if messages[0]["role"] != "user":
        yield 'messages: first message must use the "user" role'
    if messages[-1]["role"] == "assistant":
        if not prefill:
            yield (
                "This model does not support assistant message prefill. The conversation must end with a user message."
            )
        last = blocks_of(messages[-1])[-1:]
        if last and str(last[0].get("text", "")).rstrip() != str(last[0].get("text", "")):
            yield "messages: final assistant content cannot end with trailing whitespace"
    yield from _pairing_faults(turns_of(messages))


def _content_faults(message: Mapping[str, Any], index: int, last: bool) -> Iterator[str]:
    blocks = blocks_of(message)
    if not blocks and not (last and message["role"] == "assistant"):
        yield (
            f"messages.{index}: all messages must have non-empty content except for the optional final assistant "
            "message"
        )
    allowed = {"user": ("text", "image", "tool_result"), "assistant": ("text", "tool_use", "thinking")}[message["role"]]
    for place, block in enumerate(blocks):
        at, kind = f"messages.{index}.content.{place}", block.get("type") if isinstance(block, Mapping) else None
        if kind not in allowed:
            yield f"{at}: Input tag '{kind}' found using 'type' does not match any of the expected tags"
        elif kind == "text" and not str(block.get("text", "")).strip():
            yield "messages: text content blocks must contain non-whitespace text"
        elif kind == "image":
            yield from _image_faults(block.get("source") or {}, at)
        elif kind == "tool_use" and not isinstance(block.get("input"), dict):
            yield f"{at}.tool_use.input: Input should be a valid dictionary"
        elif kind in ("tool_use", "tool_result"):
            name = "id" if kind == "tool_use" else "tool_use_id"
            if not ID.fullmatch(str(block.get(name, ""))):
                yield f"{at}.{kind}.{name}: String should match pattern '^[a-zA-Z0-9_-]+$'"


def _image_faults(source: Mapping[str, Any], at: str) -> Iterator[str]:
    kind = source.get("type")
    if kind == "base64" and source.get("media_type") not in ("image/jpeg", "image/png", "image/gif", "image/webp"):
        kinds = "'image/jpeg', 'image/png', 'image/gif' or 'image/webp'"
        yield f"{at}.image.source.base64.media_type: Input should be {kinds}"
    elif kind == "base64" and not re.fullmatch(r"[A-Za-z0-9+/]+={0,2}", str(source.get("data", ""))):
        yield f"{at}.image.source.base64: invalid base64 data"
    elif kind == "url" and not str(source.get("url", "")).startswith("https://"):
        yield f"{at}.image.source.url.url: Only HTTPS URLs are supported."
    elif kind not in ("base64", "url", "file"):
        yield f"{at}.image.source: Input tag '{kind}' found using 'type' does not match any of the expected tags"


def _pairing_faults(turns: Sequence[tuple[str, list[Mapping[str, Any]]]]) -> Iterator[str]:
    """Calls of tools without results behind them, and results without calls before them."""
    before: list[str] = []
    for index, (_, blocks) in enumerate(turns):
        results = [block["tool_use_id"] for block in blocks if block.get("type") == "tool_result"]
        kinds = [block.get("type") for block in blocks]
        for given in results:
            if given not in before:
                yield (
                    f"messages.{index}.content.0: unexpected `tool_use_id` found in `tool_result` blocks: {given}. "
                    "Each `tool_result` block must have a corresponding `tool_use` block in the previous message."
                )
        missing = [name for name in before if name not in results]
        if missing or (results and "tool_result" in kinds[len(results) :]):
            yield (
                f"messages.{index}: `tool_use` ids were found without `tool_result` blocks immediately after: "
                f"{', '.join(missing or results)}. Each `tool_use` block must have a corresponding `tool_result` block "
                "in the next message."
            )
        before = [block["id"] for block in blocks if block.get("type") == "tool_use"]
    if before:
        yield f"messages.{len(turns) - 1}: `tool_use` ids were found without `tool_result` blocks immediately after"


def turns_of(messages: Sequence[Mapping[str, Any]]) -> list[tuple[str, list[Mapping[str, Any]]]]:
    """Roles with their blocks; neighbours of one role are one turn."""
    turns: list[tuple[str, list[Mapping[str, Any]]]] = []
    for message in messages:
        if turns and turns[-1][0] == message["role"]:
            turns[-1][1].extend(blocks_of(message))
        else:
            turns.append((message["role"], list(blocks_of(message))))
    return turns


def blocks_of(message: Mapping[str, Any]) -> list[Any]:
    """A message's content as blocks."""
    content = message.get("content")
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    return content if isinstance(content, list) else []
