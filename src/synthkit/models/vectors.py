"""Vectors of texts: what the journal keeps of each, and the numbers that are read from it."""

import base64
import binascii
import json
import math
from array import array
from collections.abc import Mapping, Sequence
from typing import Any

from synthkit.core.answer import Reply, Usage, Vectors
from synthkit.core.provider import Provider
from synthkit.core.values import compact
from synthkit.errors import BrokenBody

SHOWN = 4
"""Numbers of a vector that people get to see."""
DIGITS = ".9g"
"""So many decimal digits tell every 32-bit float apart; the rest of the 17 of a Python float would be noise."""


def numbers(item: object) -> list[float]:
    """A vector as a service sent it, as numbers: 32-bit floats in base64 become the decimals that stand for them.
    Raises `BrokenBody` for what is no vector."""
    floats = checked(item)
    return [float(format(number, DIGITS)) for number in floats] if isinstance(item, str) else [*map(float, floats)]


def checked(item: object) -> Sequence[float]:
    """A vector as it is meant, its 32-bit floats unpacked. Raises `BrokenBody` for what is none: nothing, bytes that
    do not come out even, numbers that are none."""
    floats: Sequence[float]
    try:
        if isinstance(item, str):
            floats = array("f", base64.b64decode(item, validate=True))
            if _BIG:
                floats.byteswap()
        elif isinstance(item, list | tuple) and all(type(number) in (int, float) for number in item):
            floats = item
        else:
            raise BrokenBody("there is something in the place of a vector that is none")
        if not floats or not all(map(math.isfinite, floats)):
            raise BrokenBody("a vector is empty, or has numbers that are none")
    except (binascii.Error, ValueError, OverflowError) as error:
        raise BrokenBody("a vector is no base64 of 32-bit floats, or has numbers out of all bounds") from error
    return floats


_BIG = array("H", [1]).tobytes()[0] == 0


def body(item: str | Sequence[float], usage: Usage, model: str) -> str:
    """What is journaled for one text: its vector as it came, and its share of the tokens."""
    tokens = {name: n for name in ("input", "cached") if (n := getattr(usage, name))}
    return compact({"embedding": item, "usage": tokens, "model": model})


def one(text: str) -> Vectors:
    """Reads a body that `body` made. Raises `BrokenBody`."""
    try:
        data = json.loads(text)
        usage = Usage(data["usage"].get("input", 0), cached=data["usage"].get("cached", 0))
        return Vectors([data["embedding"]], usage, data["model"])
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise BrokenBody("this is no vector as the journal keeps it") from error


def reply_of(provider: Provider, data: Mapping[str, Any]) -> Reply:
    """What is in an entry of the journal, for people and for accounts: an answer, or a vector in words. Raises
    `BrokenBody` where it is neither, and whatever else a provider makes of it."""
    request = data.get("request")
    given = request.get("input") if isinstance(request, Mapping) else None
    if given is None:
        return provider.parse(data["body"])
    if isinstance(given, str):
        try:
            found = one(data["body"])
        except BrokenBody:  # an attempt for a text alone
            found = provider.vectors(data["body"])
    else:
        found = provider.vectors(data["body"])
    return Reply(_words(found.items), found.usage, model=found.model)


def usage_of(provider: Provider, data: Mapping[str, Any]) -> Usage:
    """What an entry of the journal took, also one that is no answer. Raises what `reply_of` raises where it does not
    tell."""
    try:
        return reply_of(provider, data).usage
    except Exception:
        told = provider.took(data["body"])
        if not isinstance(told, Usage) or told == Usage():
            raise
        return told


def _words(items: Sequence[str | Sequence[float]]) -> str:
    if len(items) != 1:
        return f"{len(items):,} vectors"
    vector = numbers(items[0])
    start = ", ".join(format(number, ".4g") for number in vector[:SHOWN])
    return f"a vector of {len(vector):,} numbers: {start}{', …' if len(vector) > SHOWN else ''}"


def shares(usage: Usage, texts: Sequence[str]) -> list[Usage]:
    """The usage of a batch, divided among its texts by their bytes: whole tokens that add up, at least one for each
    where there are as many."""
    sizes = [len(text.encode("utf-8", "surrogatepass")) for text in texts]
    inputs, cached = _divided(usage.input, sizes), _divided(usage.cached, sizes)
    return [Usage(tokens, cached=min(hit, tokens)) for tokens, hit in zip(inputs, cached, strict=True)]


def _divided(total: int, sizes: Sequence[int]) -> list[int]:
    """A whole number in parts that are proportional to sizes and add up; what is left goes to the largest remainders,
    the earlier of equal ones first."""
    least = 1 if total >= len(sizes) else 0
    rest, weight = total - least * len(sizes), sum(sizes) or 1
    parts = [rest * size // weight for size in sizes]
    left = rest - sum(parts)
    order = sorted(range(len(sizes)), key=lambda at: (-(rest * sizes[at] % weight), at))
    for at in order[:left]:
        parts[at] += 1
    return [part + least for part in parts]


def said(request: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The messages of a request in `Request.form`; a text that was embedded stands as one of its own."""
    found = request.get("messages", ())
    messages = [message for message in found if isinstance(message, Mapping)] if isinstance(found, list) else []
    given = request.get("input")
    texts = [given] if isinstance(given, str) else given if isinstance(given, list) else []
    return [*messages, *({"role": "text", "content": text} for text in texts if isinstance(text, str))]
