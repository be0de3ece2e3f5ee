"""Anthropic's wire format: `POST /messages`, as platform.claude.com documents it."""

import hashlib
import hmac
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from synthkit.testing.loopback import anthropic_checks
from synthkit.testing.loopback.anthropic_cache import Cache, size
from synthkit.testing.loopback.apierrors import ERRORS, ApiError
from synthkit.testing.loopback.replies import Reply, Request, in_anthropic
from synthkit.testing.loopback.wire import encode, tokens

TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}
# What the errors that can be asked for by name are here.
NAMED: Mapping[str, tuple[int, str]] = {
    "bad_request": (400, "Invalid request."),
    "context_length_exceeded": (400, "prompt is too long: 209000 tokens > 200000 maximum"),
    "content_filter": (400, "Output blocked by content filtering policy"),
    "invalid_api_key": (401, "invalid x-api-key"),
    "forbidden": (403, "Your API key does not have permission to use the specified resource."),
    "model_not_found": (404, "model: {model}"),
    "rate_limit_exceeded": (429, "This request would exceed your organization's rate limit of requests per minute."),
    "insufficient_quota": (402, "Your credit balance is too low to access the Anthropic API."),
    "server_error": (500, "Internal server error"),
    "service_unavailable": (529, "Overloaded"),
    "overloaded": (529, "Overloaded"),
}


class Messages:
    """`POST /messages`, with a prompt cache of its own: one for each server."""

    def __init__(self) -> None:
        self._cache = Cache()

    def stranger(self, headers: Mapping[str, str], digest: bytes | None, of: Callable[[str], bytes]) -> ApiError | None:
        """The error of a call without the key, as a bearer token or in x-api-key, or without a version. `of` is the
        digest of a key, `digest` that of the right one, None where any will do."""
        given = headers.get("x-api-key") or headers.get("authorization", "").removeprefix("Bearer ")
        if digest is not None and not given:
            return ApiError(401, "x-api-key header is required", name="no_api_key")
        if digest is not None and not hmac.compare_digest(of(given.strip()), digest):
            return ApiError(401, "invalid x-api-key", name="invalid_api_key")
        version = headers.get("anthropic-version")
        if version is None:
            return ApiError(400, "anthropic-version: header is required", name="no_version")
        if version not in anthropic_checks.VERSIONS:
            return ApiError(400, f'anthropic-version: "{version}" is not a valid version', name="bad_version")
        return None

    def refusal(self, body: Mapping[str, Any], version: str = anthropic_checks.NEWEST) -> ApiError | None:
        return anthropic_checks.refusal(body, version)

    def prompt_tokens(self, body: Mapping[str, Any]) -> int:
        return size(body)

    def whole(self, request: Request, replies: Sequence[Reply], created: int) -> dict[str, Any]:
        reply = replies[0]
        text, reason, sequence = _ended(request, reply)
        content: list[dict[str, Any]] = []
        if reply.reasoning is not None:
            content.append(_thought(request, reply.reasoning))
        if text and not (reply.refusal is not None and text == reply.refusal):
            content.append({"type": "text", "text": text})
        for place, call in enumerate(reply.tool_calls):
            name = call.get("id") or f"toolu_{_hash(request, place)}"
            given = call.get("arguments", {})
            content.append({"type": "tool_use", "id": name, "name": call["name"], "input": given, "caller": None})
        details = None
        if reply.refusal is not None or reason == "refusal":
            details = {"type": "refusal", "category": None, "explanation": reply.refusal or None}
        return {
            "id": f"msg_{_hash(request)}",
            "type": "message",
            "role": "assistant",
            "model": request.model,
            "content": content,
            "stop_reason": reason,
            "stop_sequence": sequence,
            "stop_details": details,
            "usage": self._usage(request, reply, text),
        }

    def _usage(self, request: Request, reply: Reply, text: str) -> dict[str, Any]:
        total, read, written = self._cache.meet(request.body)
        thought = tokens(reply.reasoning or "")
        said = tokens(text) + sum(tokens(str(call.get("arguments", ""))) for call in reply.tool_calls)
        counted = {
            "input_tokens": total - read - written,
            "cache_creation_input_tokens": written,
            "cache_read_input_tokens": read,
            "cache_creation": {"ephemeral_5m_input_tokens": written, "ephemeral_1h_input_tokens": 0},
            "output_tokens": said + thought,
            "output_tokens_details": {"thinking_tokens": thought},
            "service_tier": "standard",
        }
        return {**counted, **reply.usage}

    def events(self, request: Request, replies: Sequence[Reply], created: int) -> Iterator[bytes]:
        whole = self.whole(request, replies, created)
        usage = whole["usage"]
        start = {**whole, "content": [], "stop_reason": None, "stop_sequence": None, "stop_details": None}
        yield _event({"type": "message_start", "message": {**start, "usage": {**usage, "output_tokens": 1}}})
        yield _event({"type": "ping"})
        for index, block in enumerate(whole["content"]):
            yield from _block_events(block, index)
        delta = {key: whole[key] for key in ("stop_reason", "stop_sequence", "stop_details")}
        yield _event({"type": "message_delta", "delta": delta, "usage": usage})
        yield _event({"type": "message_stop"})

    def error(self, error: ApiError) -> dict[str, Any]:
        given = {"type": error.type or TYPES.get(error.status, "api_error"), "message": error.message}
        details = {"details": {"error_code": error.code}} if error.code else {}
        return {"type": "error", "error": {**given, **details}}

    def own(self, error: ApiError, model: str) -> ApiError:
        """An error in this service's words, with its status and type."""
        name = error.name or error.code or ""
        status, message = NAMED.get(name, (error.status, error.message))
        usual = ERRORS.get(name)
        if usual is None or (error.message != usual.message and name != "model_not_found"):
            message = error.message
        kind = error.type if error.type in TYPES.values() and error.type != TYPES[400] else None
        return ApiError(
            status, message.replace("{model}", model), type=kind or TYPES.get(status, _usual(status)),
            code=None if name in NAMED else error.code, name=name,
        )  # fmt: skip


def request_id(number: int) -> str:
    """The id that the header and the body of an error share."""
    return "req_" + hashlib.blake2b(f"request {number}".encode(), digest_size=12).hexdigest()


def headers(number: int, levels: Sequence[tuple[str, int, int, float]]) -> list[tuple[str, str]]:
    """The headers of a reply: for each limit its name, what it allows, what is left, and in how many seconds it is
    full. Limits of tokens are told for input and output apart and, as their sum or where less is left of a limit for
    both, for both. Where none are kept apart, the one for both is told for each."""
    told = [("request-id", request_id(number)), ("anthropic-organization-id", "00000000-0000-4000-8000-000000000000")]
    now = datetime.now(UTC)
    known = {name: (limit, left, seconds) for name, limit, left, seconds in levels}
    both = known["tokens"]
    apart = {kind: known.get(kind, both) for kind in ("input-tokens", "output-tokens")}
    limits, lefts, waits = zip(*apart.values(), strict=True)
    nearest = min(both, (sum(limits), sum(lefts), max(waits)), key=lambda level: level[1])
    for kind, (limit, left, seconds) in {"requests": known["requests"], **apart, "tokens": nearest}.items():
        full = (now + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
        start = f"anthropic-ratelimit-{kind}"
        told += [(f"{start}-limit", str(limit)), (f"{start}-remaining", str(left)), (f"{start}-reset", full)]
    return told


def without_marks(value: Any) -> Any:
    """A body without its hints for the cache: they change no answer."""
    if isinstance(value, dict):
        return {key: without_marks(inner) for key, inner in value.items() if key != "cache_control"}
    return [without_marks(inner) for inner in value] if isinstance(value, list) else value


def _usual(status: int) -> str:
    return "api_error" if status >= 500 else "invalid_request_error"


def _ended(request: Request, reply: Reply) -> tuple[str, str, str | None]:
    """The text as far as it goes, why it ends, and at which of the request's stop sequences."""
    text = reply.text
    if (told := in_anthropic(reply.finish_reason)) is not None:
        return text, told, None
    if reply.refusal is not None:
        return text, "refusal", None
    found = [(text.find(stop), stop) for stop in request.body.get("stop_sequences") or () if stop in text]
    sequence = None
    if found:
        at, sequence = min(found)
        text = text[:at]
    room = max(0, request.body["max_tokens"] - tokens(reply.reasoning or ""))
    if tokens(text) > room:
        return text.encode("utf-8", "surrogatepass")[: 4 * room].decode("utf-8", "ignore"), "max_tokens", None
    reason = "stop_sequence" if sequence is not None else "tool_use" if reply.tool_calls else "end_turn"
    return text, reason, sequence


def _thought(request: Request, reasoning: str) -> dict[str, Any]:
    shown = (request.body.get("thinking") or {}).get("display", "summarized") == "summarized"
    return {"type": "thinking", "thinking": reasoning if shown else "", "signature": f"Eq{_hash(request, 'thought')}"}


def _block_events(block: Mapping[str, Any], index: int) -> Iterator[bytes]:
    """A content block as the steps of a stream."""
    kind = block["type"]
    empty: Mapping[str, Mapping[str, Any]] = {
        "text": {"text": ""},
        "thinking": {"thinking": "", "signature": ""},
        "tool_use": {"input": {}},
    }
    yield _event({"type": "content_block_start", "index": index, "content_block": {**block, **empty[kind]}})
    if kind == "tool_use":
        deltas = [{"type": "input_json_delta", "partial_json": p} for p in _pieces(encode(block["input"]).decode())]
    else:
        deltas = [{"type": f"{kind}_delta", kind: piece} for piece in _pieces(block[kind])]
    if kind == "thinking":
        deltas.append({"type": "signature_delta", "signature": block["signature"]})
    for delta in deltas:
        yield _event({"type": "content_block_delta", "index": index, "delta": delta})
    yield _event({"type": "content_block_stop", "index": index})


def _pieces(text: str) -> list[str]:
    return [text[at : at + 12] for at in range(0, len(text), 12)]


def _event(document: Mapping[str, Any]) -> bytes:
    return f"event: {document['type']}\ndata: ".encode() + encode(document) + b"\n\n"


def _hash(request: Request, *more: object) -> str:
    return "01" + hashlib.blake2b(f"{request.number} {request.digest} {more}".encode(), digest_size=11).hexdigest()
