"""Hints for Anthropic's prompt cache: which beginnings of requests come again.

The service keeps the beginning of a request up to a block that is marked (`cache_control`), and reads it for a tenth of
the price or less where a later request begins alike; putting it there costs a quarter more. So a beginning is marked
from the second time on that it is seen; and by one call alone until that has been answered, since a beginning can be
read only when it has been put there, and others meanwhile would pay for putting it there too.

https://platform.claude.com/docs/en/build-with-claude/prompt-caching
"""

import hashlib
import json
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

LIFETIME = 280.0
"""Seconds that a beginning is counted on: a little less than the five minutes that the service keeps it after a use."""
KNOWN = 8192
"""How many beginnings are remembered. Those not seen for the longest time are forgotten."""
BYTES = 3
"""For a token, at least: what is shorter is not marked. The service passes over marks of what is too short for it."""


@dataclass(slots=True)
class _Beginning:
    used: float = float("-inf")  # when the last call went out that had it marked and was answered
    writer: object = None  # the marks of the call that puts it there right now


@dataclass(slots=True)
class Marks:
    """What was marked in a request that went out at `at`."""

    at: float
    marked: list[_Beginning] = field(default_factory=list)


class Beginnings:
    """The beginnings of requests that a provider has seen: up to the system prompt, and up to each message."""

    def __init__(self) -> None:
        self._seen: OrderedDict[bytes, _Beginning] = OrderedDict()

    def mark(self, body: Mapping[str, Any], least: int) -> Marks:
        """Marks in a body, in place, the system prompt (with the tools before it) and the longest beginning, if they
        came before. least: the fewest tokens that the cache keeps."""
        marks = Marks(time.monotonic())
        again = []
        for digest, size, block, prompt in _beginnings(body):
            if size < BYTES * least:
                continue
            known = self._seen.pop(digest, None)
            self._seen[digest] = known or _Beginning()  # the latest now
            if known is not None:
                again.append((block, known, prompt))
        while len(self._seen) > KNOWN:
            self._seen.popitem(last=False)
        for number, (block, beginning, prompt) in enumerate(again, 1):
            if prompt or number == len(again):
                _mark(block, beginning, marks)
        return marks

    def ended(self, marks: Marks, *, answered: bool) -> None:
        """The call with these marks is over."""
        for beginning in marks.marked:
            if beginning.writer is marks:
                beginning.writer = None
            if answered:
                beginning.used = max(beginning.used, marks.at)


def _mark(block: dict[str, Any], beginning: _Beginning, marks: Marks) -> None:
    if marks.at - beginning.used >= LIFETIME:  # not there, or no longer: this call puts it there
        if beginning.writer is not None:
            return
        beginning.writer = marks
    block["cache_control"] = {"type": "ephemeral"}
    marks.marked.append(beginning)


def _beginnings(body: Mapping[str, Any]) -> Iterator[tuple[bytes, int, dict[str, Any], bool]]:
    """Digest, bytes and last block of each, the shortest first; and whether it ends before the messages. What else
    decides whether the cache is used (model, thinking, effort, format, choice of tools) is part of the digest."""
    rest = {name: body.get(name) for name in ("model", "thinking", "output_config", "tool_choice")}
    digest = hashlib.blake2b(_json(rest), digest_size=16)
    before = [*body.get("tools", ()), *body.get("system", ())]
    size = 0
    if before:
        data = _json(before)
        digest.update(data)
        size = len(data)
        yield digest.digest(), size, before[-1], True
    for message in body["messages"]:
        data = _json(message)
        digest.update(data)
        size += len(data)
        yield digest.digest(), size, message["content"][-1], False


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
