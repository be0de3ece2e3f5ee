"""Vectors of the demo model: texts that share words are near. They know nothing of what words mean.

Features are hashed into few dimensions with a sign (Weinberger et al., Feature Hashing for Large Scale Multitask
Learning, 2009).
"""

import base64
import hashlib
import json
import math
import re
from array import array
from collections.abc import Iterator

from synthkit.core.answer import Request

DIMENSIONS = 64
WORDS = re.compile(r"\w+|[^\w\s]")
WEIGHTS = {"word": 1.0, "pair": 0.5, "piece": 0.3}
"""What counts: words, words side by side, and runs of three letters, by which forms of a word are near."""
_BYTES = 4
"""How many bytes count as a token."""


def body(request: Request) -> str:
    """The body of an OpenAI embedding, its vectors in base64."""
    dimensions = int(request.options.get("dimensions", DIMENSIONS))
    read = sum(-(-len(text.encode("utf-8", "surrogatepass")) // _BYTES) for text in request.inputs)
    data = [
        {"object": "embedding", "index": index, "embedding": _packed(vector(text, dimensions))}
        for index, text in enumerate(request.inputs)
    ]
    usage = {"prompt_tokens": read, "total_tokens": read}
    return json.dumps({"object": "list", "data": data, "model": request.model, "usage": usage})


def vector(text: str, dimensions: int = DIMENSIONS) -> list[float]:
    """A vector of length 1, the same for the same text."""
    made = [0.0] * dimensions
    for kind, feature in _features(text):
        number = int.from_bytes(hashlib.blake2b(f"{kind} {feature}".encode("utf-8", "replace"), digest_size=8).digest())
        made[(number >> 1) % dimensions] += WEIGHTS[kind] * (1 if number & 1 else -1)
    length = math.sqrt(sum(number * number for number in made))
    return [number / length for number in made] if length else [1.0] + [0.0] * (dimensions - 1)


def _features(text: str) -> Iterator[tuple[str, str]]:
    words = WORDS.findall(text.casefold())
    for at, word in enumerate(words):
        yield "word", word
        if at:
            yield "pair", f"{words[at - 1]} {word}"
        around = f"<{word}>"
        for start in range(len(around) - 2):
            yield "piece", around[start : start + 3]


def _packed(numbers: list[float]) -> str:
    floats = array("f", numbers)
    if array("H", [1]).tobytes()[0] == 0:
        floats.byteswap()
    return base64.b64encode(floats.tobytes()).decode()
