"""The prompt cache of Anthropic's service: which part of a request was read, which was put there, which is new."""

import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

from synthkit.testing.loopback.wire import tokens

LIFETIME = 300.0
LOOKBACK = 20
IMAGE = 1500
"""Tokens that an image counts as."""
LEAST = {"claude-opus-4-5": 4096, "claude-opus-4-6": 4096, "claude-haiku-4-5": 4096, "claude-opus-4-7": 2048}
SHORT = ("claude-opus-5", "claude-fable-5", "claude-mythos-5", "claude-sonnet-5-5", "claude-haiku-5-5")


class Cache:
    """What one server keeps. Entries are made at marked blocks alone, and found from a marked block backwards."""

    def __init__(self) -> None:
        self._kept: dict[str, float] = {}

    def meet(self, body: Mapping[str, Any]) -> tuple[int, int, int]:
        """The tokens of a request: all, those read from the cache, and those put there."""
        now = time.monotonic()
        seed = json.dumps([body.get(k) for k in ("model", "thinking", "output_config", "tool_choice")], sort_keys=True)
        places: list[tuple[str, int, bool]] = []  # up to this block: what it says, how long it is, whether it is marked
        said, total = hashlib.blake2b(seed.encode()), 0
        for block in _blocks(body):
            said.update(json.dumps(_bare(block), sort_keys=True).encode())
            total += _size(block)
            places.append((said.hexdigest(), total, block.get("cache_control") is not None))
        if body.get("cache_control") and places:
            places[-1] = (*places[-1][:2], True)
        marked = [at for at, (_, length, mark) in enumerate(places) if mark and length >= least(str(body.get("model")))]
        read = 0
        for at in marked:
            for name, length, _ in reversed(places[max(0, at - LOOKBACK + 1) : at + 1]):
                if now - self._kept.get(name, float("-inf")) < LIFETIME:
                    self._kept[name] = now
                    read = max(read, length)
                    break
        for at in marked:
            self._kept[places[at][0]] = now
        reach = places[marked[-1]][1] if marked else 0
        return total, read, max(0, reach - read)


def least(model: str) -> int:
    """The fewest tokens that the cache keeps."""
    if model.startswith(SHORT):
        return 512
    return next((few for name, few in LEAST.items() if model.startswith(name)), 1024)


def size(body: Mapping[str, Any]) -> int:
    """The tokens of a request."""
    return sum(map(_size, _blocks(body)))


def _blocks(body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """All that is said, in the order in which the cache sees it: tools, system prompt, messages."""
    yield from body.get("tools") or ()
    for content in (body.get("system") or (), *(message["content"] for message in body["messages"])):
        yield from [{"type": "text", "text": content}] if isinstance(content, str) else content


def _size(block: Mapping[str, Any]) -> int:
    if block.get("type") == "image":
        return IMAGE
    return tokens(block["text"]) if "text" in block else tokens(json.dumps(_bare(block), ensure_ascii=False))


def _bare(block: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in block.items() if key != "cache_control"}
