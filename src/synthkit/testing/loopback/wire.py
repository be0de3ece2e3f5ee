"""OpenAI's wire format: replies as the service sends them. One class an API; `APIS` says where each is found."""

import hashlib
import json
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from synthkit.testing.loopback import checks
from synthkit.testing.loopback.apierrors import ApiError
from synthkit.testing.loopback.replies import Reply, Request, in_openai, text_of

FINGERPRINT = "fp_5ca1ab1e00"
_encode = json.JSONEncoder(separators=(",", ":")).encode  # made once: it costs as much as a small document


class Api(Protocol):
    """One endpoint's format. `created` is in Unix seconds."""

    def refusal(self, body: Mapping[str, Any]) -> ApiError | None:
        """What is wrong with a request's body."""
        ...

    def prompt_tokens(self, body: Mapping[str, Any]) -> int:
        """The size of the request."""
        ...

    def whole(self, request: Request, replies: Sequence[Reply], created: int) -> dict[str, Any]:
        """The body of an answer, with one choice a reply."""
        ...

    def events(self, request: Request, replies: Sequence[Reply], created: int) -> Iterator[bytes]:
        """The same answer as server-sent events."""
        ...

    def error(self, error: ApiError) -> dict[str, Any]:
        """The body of an error."""
        ...


class ChatCompletions:
    """`POST /chat/completions`."""

    def refusal(self, body: Mapping[str, Any]) -> ApiError | None:
        return checks.refusal(body)

    def prompt_tokens(self, body: Mapping[str, Any]) -> int:
        return sum(tokens(text_of(message)) for message in body["messages"])

    def whole(self, request: Request, replies: Sequence[Reply], created: int) -> dict[str, Any]:
        return {
            "id": identity("chatcmpl-", request),
            "object": "chat.completion",
            "created": created,
            "model": request.model,
            "choices": [_choice(request, reply, index) for index, reply in enumerate(replies)],
            "usage": _usage(request, replies, self.prompt_tokens(request.body)),
            "service_tier": "default",
            "system_fingerprint": FINGERPRINT,
        }

    def events(self, request: Request, replies: Sequence[Reply], created: int) -> Iterator[bytes]:
        whole = self.whole(request, replies, created)
        options = request.body.get("stream_options") or {}
        obfuscate = options.get("include_obfuscation", True)
        frame = {key: whole[key] for key in ("id", "object", "created", "model", "service_tier", "system_fingerprint")}
        frame["object"] = "chat.completion.chunk"
        last: dict[str, Any] = {"usage": None} if options.get("include_usage") else {}
        for choice in whole["choices"]:
            logprobs = iter(choice["logprobs"]["content"] if choice["logprobs"] else ())
            for number, (delta, finish) in enumerate(_deltas(choice)):
                part = {"index": choice["index"], "delta": delta, "logprobs": None, "finish_reason": finish}
                if choice["logprobs"] and delta.get("content"):
                    part["logprobs"] = {"content": [next(logprobs)], "refusal": None}
                noise = {"obfuscation": identity("", request, number)[: 3 + number % 9]} if obfuscate else {}
                yield event({**frame, "choices": [part], **last, **noise})
        if last:
            yield event({**frame, "choices": [], "usage": whole["usage"]})
        yield b"data: [DONE]\n\n"

    def error(self, error: ApiError) -> dict[str, Any]:
        return error.body()


APIS: Mapping[str, Api] = {"/chat/completions": ChatCompletions()}


def model_card(name: str) -> dict[str, Any]:
    """An entry of `GET /models`."""
    return {"id": name, "object": "model", "created": 1_700_000_000, "owned_by": "synthkit"}


def encode(document: object) -> bytes:
    """A document as the body of a reply."""
    return _encode(document).encode()


def tokens(text: str) -> int:
    """Roughly what a tokenizer would count: a token for each four bytes begun."""
    return math.ceil(len(text.encode("utf-8", "surrogatepass")) / 4)


def identity(prefix: str, request: Request, *more: object) -> str:
    """An id that a request always gets."""
    key = f"{request.number} {request.digest} {more}"
    return prefix + hashlib.blake2b(key.encode(), digest_size=15).hexdigest()[:29]


def event(document: object) -> bytes:
    """A document as a server-sent event."""
    return b"data: " + encode(document) + b"\n\n"


def _choice(request: Request, reply: Reply, index: int) -> dict[str, Any]:
    calls = [_tool_call(request, call, index, place) for place, call in enumerate(reply.tool_calls)]
    text, finish = limited(request, reply)
    message: dict[str, Any] = {
        "role": "assistant",
        "content": text if reply.refusal is None and (text or not calls) else None,
        "refusal": reply.refusal,
        "annotations": [],
    }
    if reply.reasoning is not None:
        message["reasoning_content"] = reply.reasoning
    if calls:
        message["tool_calls"] = calls
    logprobs = None
    if request.body.get("logprobs") and message["content"] is not None:
        top = request.body.get("top_logprobs") or 0
        entries = [logprob(request, piece, place, top) for place, piece in enumerate(pieces(text))]
        logprobs = {"content": entries, "refusal": None}
    default = "tool_calls" if calls else finish
    return {
        "index": index,
        "message": message,
        "logprobs": logprobs,
        "finish_reason": in_openai(reply.finish_reason) or default,
    }


def limited(request: Request, reply: Reply) -> tuple[str, str]:
    """The text within the request's token limit, and how it ended. A handler that says how it ended knows better."""
    names = ("max_completion_tokens", "max_tokens", "max_output_tokens")
    asked = next((request.body[name] for name in names if request.body.get(name)), None)
    if asked is None or reply.finish_reason is not None or tokens(reply.text) <= asked:
        return reply.text, "stop"
    return reply.text.encode("utf-8", "surrogatepass")[: 4 * asked].decode("utf-8", "ignore"), "length"


def _tool_call(request: Request, call: Mapping[str, Any], index: int, place: int) -> dict[str, Any]:
    arguments = call.get("arguments", {})
    text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    name = call.get("id") or identity("call_", request, index, place)
    return {"id": name, "type": "function", "function": {"name": call["name"], "arguments": text}}


def _usage(request: Request, replies: Sequence[Reply], prompt: int) -> dict[str, Any]:
    thought = sum(tokens(reply.reasoning or "") for reply in replies)
    said = sum(tokens(limited(request, reply)[0]) + tokens(reply.refusal or "") for reply in replies)
    said += sum(tokens(str(call.get("arguments", ""))) for reply in replies for call in reply.tool_calls)
    prompt_details = {"cached_tokens": 0, "audio_tokens": 0}
    details = {
        "reasoning_tokens": thought,
        "audio_tokens": 0,
        "accepted_prediction_tokens": 0,
        "rejected_prediction_tokens": 0,
    }
    given = dict(replies[0].usage)
    usage: dict[str, Any] = {
        "prompt_tokens": given.pop("prompt_tokens", prompt),
        "completion_tokens": given.pop("completion_tokens", said + thought),
        "total_tokens": 0,
        "prompt_tokens_details": {**prompt_details, **given.pop("prompt_tokens_details", {})},
        "completion_tokens_details": {**details, **given.pop("completion_tokens_details", {})},
    }
    usage["total_tokens"] = usage["prompt_tokens"] + usage["completion_tokens"]
    return {**usage, **given}


def pieces(text: str) -> list[str]:
    """Text in pieces as a model would say it: a word with the space before it, or eight characters of a long one."""
    pieces: list[str] = []
    for place, word in enumerate(text.split(" ")):
        word = f" {word}" if place else word
        pieces += [word[at : at + 8] for at in range(0, len(word), 8)]
    return pieces


def logprob(request: Request, piece: str, place: int, top: int) -> dict[str, Any]:
    """The logarithm of probability of a piece, and of `top` others in its place."""
    dice = random.Random(f"{request.digest} {place}")

    def entry(token: str, logprob: float) -> dict[str, Any]:
        return {
            "token": token,
            "logprob": round(logprob, 6),
            "bytes": list(token.encode("utf-8", "surrogatepass")),
        }

    first = -dice.random() / 2
    others = [entry(f"{piece}{rank}", first - rank - dice.random()) for rank in range(1, top)]
    return {**entry(piece, first), "top_logprobs": [entry(piece, first), *others] if top else []}


def _deltas(choice: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], str | None]]:
    """A whole choice as the steps of a stream: the role, the pieces, the finish."""
    message = choice["message"]
    content, refusal = message["content"], message["refusal"]
    first: dict[str, Any] = {"role": "assistant", "content": None if content is None else "", "refusal": None}
    yield first, None
    for piece in pieces(message.get("reasoning_content") or ""):
        yield {"reasoning_content": piece}, None
    for piece in pieces(content or ""):
        yield {"content": piece}, None
    for piece in pieces(refusal or ""):
        yield {"refusal": piece}, None
    for place, call in enumerate(message.get("tool_calls", ())):
        begin = {"index": place, "id": call["id"], "type": "function"}
        yield {"tool_calls": [{**begin, "function": {"name": call["function"]["name"], "arguments": ""}}]}, None
        for piece in pieces(call["function"]["arguments"]):
            yield {"tool_calls": [{"index": place, "function": {"arguments": piece}}]}, None
    yield {}, choice["finish_reason"]
