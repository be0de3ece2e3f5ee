"""`POST /embeddings`: what the service refuses, and vectors made of the texts.

Limits and errors as OpenAI's reference of that endpoint has them: 2048 inputs, 8192 tokens in each, 300,000 in all.
"""

import base64
import math
import struct
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Any

from synthkit.testing.loopback.apierrors import ApiError
from synthkit.testing.loopback.replies import Reply, Request, inputs_of
from synthkit.testing.loopback.responses_input import Fault
from synthkit.testing.loopback.wire import event, tokens

DIMENSIONS: Mapping[str, int] = {
    "text-embedding-3-small": 1536,
    "text-embedding-3-large": 3072,
    "text-embedding-ada-002": 1536,
}
"""The lengths of the vectors of OpenAI's models."""
OTHERWISE = 32
"""That of any other model."""
MOST, LONGEST, TOGETHER = 2048, 8192, 300_000
"""Inputs of a request, tokens of an input, tokens of a request."""
_PARAMS = ("model", "input", "dimensions", "encoding_format", "user")


class Embeddings:
    """`POST /embeddings`."""

    def refusal(self, body: Mapping[str, Any]) -> ApiError | None:
        for message, param, code in _faults(body):
            kind = code if code == "max_tokens_per_request" else "invalid_request_error"
            return ApiError(400, message, type=str(kind), param=param, code=code, name="bad_request")
        return None

    def prompt_tokens(self, body: Mapping[str, Any]) -> int:
        return sum(_tokens(text) for text in inputs_of(body))

    def whole(self, request: Request, replies: Sequence[Reply], created: int) -> dict[str, Any]:
        reply, body = replies[0], request.body
        vectors = reply.vectors
        if vectors is None:
            length = body.get("dimensions") or DIMENSIONS.get(request.model, OTHERWISE)
            vectors = [made(text, length) for text in inputs_of(body)]
        packed = body.get("encoding_format") == "base64"
        size = self.prompt_tokens(body)
        return {
            "object": "list",
            "data": [
                {"object": "embedding", "index": index, "embedding": pack(vector) if packed else vector}
                for index, vector in enumerate(vectors)
            ],
            "model": request.model,
            "usage": {"prompt_tokens": size, "total_tokens": size, **reply.usage},
        }

    def events(self, request: Request, replies: Sequence[Reply], created: int) -> Iterator[bytes]:
        yield event(self.whole(request, replies, created))

    def error(self, error: ApiError) -> dict[str, Any]:
        return error.body()


def made(text: str, length: int) -> list[float]:
    """The vector of a text: of length 1, always the same, without a meaning; 32-bit floats, as services have them."""
    dice = Random(f"vector {text}")
    drawn = [dice.gauss(0, 1) for _ in range(length)]
    size = math.sqrt(sum(number * number for number in drawn)) or 1.0
    return list(struct.unpack(f"<{length}f", struct.pack(f"<{length}f", *(number / size for number in drawn))))


def pack(vector: Sequence[float]) -> str:
    """A vector as base64 of 32-bit floats, the least significant byte first."""
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def _tokens(text: str) -> int:
    return max(tokens(text), 1)


def _faults(body: Mapping[str, Any]) -> Iterator[Fault]:
    for name in body:
        if name not in _PARAMS:
            yield f"Unrecognized request argument supplied: {name}", None, None
    model, given = body.get("model"), body.get("input")
    if not isinstance(model, str) or not model:
        yield "you must provide a model parameter", None, None
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) and text for text in texts):
        text = "'$.input' is invalid. Please check the API reference: https://platform.openai.com/docs/api-reference."
        yield text, None, None
        return
    if len(texts) > MOST:
        text = f"Expected an array with maximum length {MOST}, but got an array with length {len(texts)} instead."
        yield f"Invalid 'input': array too long. {text}", "input", "array_above_max_length"
    sizes = [_tokens(text) for text in texts]
    if sum(sizes) > TOGETHER:
        text = f"Requested {sum(sizes)} tokens, max {TOGETHER} tokens per request"
        yield text, None, "max_tokens_per_request"
    yield from _option_faults(body)


def _option_faults(body: Mapping[str, Any]) -> Iterator[Fault]:
    length, model = body.get("dimensions"), str(body.get("model"))
    most = DIMENSIONS.get(model)
    if length is not None and model == "text-embedding-ada-002":
        yield "This model does not support specifying dimensions.", None, None
    elif length is not None and (not isinstance(length, int) or isinstance(length, bool) or length < 1):
        yield f"Invalid value for 'dimensions': {length!r}.", "dimensions", "invalid_value"
    elif length is not None and most is not None and length > most:
        text = f"Invalid value for 'dimensions' = {length}. Must be less than or equal to {most}."
        yield text, None, None
    if body.get("encoding_format", "float") not in ("float", "base64"):
        text = f"Invalid value: '{body['encoding_format']}'. Supported values are: 'float' and 'base64'."
        yield text, "encoding_format", "invalid_value"


def too_long(body: Mapping[str, Any], context: int | None) -> ApiError | None:
    """The 400 for an input with more tokens than the model reads. context: None for OpenAI's own limit."""
    most = LONGEST if context is None else context
    longest = max((_tokens(text) for text in inputs_of(body)), default=0)
    if longest <= most:
        return None
    text = (
        f"This model's maximum context length is {most} tokens, however you requested {longest} tokens ({longest} in "
        "your prompt; 0 for the completion). Please reduce your prompt; or completion length."
    )
    return ApiError(400, text, name="context_length_exceeded")
