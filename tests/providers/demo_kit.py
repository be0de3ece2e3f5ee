"""Asking the demo model, and the prompts that its tests share."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

from synthkit.core import Endpoint, Reply, Request
from synthkit.providers.demo import Demo

DEMO = Demo(Endpoint())


def request(
    messages: str | Sequence[Mapping[str, Any]], schema: Mapping[str, Any] | None = None, **options: Any
) -> Request:
    """A request of one user message, or of a conversation."""
    talk = [{"role": "user", "content": messages}] if isinstance(messages, str) else messages
    return Request("demo", "default", talk, options, schema)


def body(messages: str | Sequence[Mapping[str, Any]], sample: str = "0", schema: Any = None, **options: Any) -> str:
    """The raw body of one answer."""
    return asyncio.run(DEMO.call(request(messages, schema, **options), sample))


def ask(messages: str | Sequence[Mapping[str, Any]], sample: str = "0", schema: Any = None, **options: Any) -> Reply:
    """One answer."""
    return DEMO.parse(body(messages, sample, schema, **options))


def bodies(requests: Sequence[Request], samples: Sequence[str]) -> list[str]:
    """The bodies of many answers, in one loop."""

    async def collect() -> list[str]:
        return [await DEMO.call(asked, sample) for asked, sample in zip(requests, samples, strict=True)]

    return asyncio.run(collect())


def replies(
    messages: str | Sequence[Mapping[str, Any]], number: int, schema: Any = None, **options: Any
) -> list[Reply]:
    """So many samples of one request."""
    asked = request(messages, schema, **options)
    return [DEMO.parse(one) for one in bodies([asked] * number, [str(n) for n in range(number)])]


def texts(messages: str | Sequence[Mapping[str, Any]], number: int, schema: Any = None, **options: Any) -> list[str]:
    """The texts of so many samples, refusals left out."""
    return [one.text for one in replies(messages, number, schema, **options) if not one.refusal]


def data(messages: str | Sequence[Mapping[str, Any]], number: int, schema: Any = None, **options: Any) -> list[Any]:
    """The JSON values of so many samples, without those that are refused or malformed, which are few."""
    found = []
    for text in texts(messages, number, schema, **options):
        try:
            found.append(json.loads(text))
        except ValueError:
            continue
    assert len(found) >= 0.75 * number
    return found
