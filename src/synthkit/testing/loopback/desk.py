"""From a request to its reply: routes, checks, the handler."""

import hashlib
import hmac
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from synthkit.testing.loopback import anthropic, wire_embeddings, wire_responses
from synthkit.testing.loopback.apierrors import ApiError, error_named
from synthkit.testing.loopback.billing import Billing, Prices, usage_in, usage_of
from synthkit.testing.loopback.connection import Outgoing
from synthkit.testing.loopback.faults import Fault
from synthkit.testing.loopback.http1 import HttpError, Message
from synthkit.testing.loopback.limits import Gate, Limits
from synthkit.testing.loopback.packing import Content, Packer, content_of, no_such_model
from synthkit.testing.loopback.replies import Answer, Received, Reply, Request
from synthkit.testing.loopback.tally import Tally, hidden
from synthkit.testing.loopback.wire import APIS, Api, model_card, tokens

_MODELS = ("loopback-1",)
_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a server behaves; the fields are LoopbackServer's options."""

    answer: Answer
    latency: float | tuple[float, float]
    faults: Fault | None
    key_digest: bytes | None
    models: Sequence[str] | None
    context: int | None
    limits: Limits | None
    seed: int
    prefix: str
    prices: Prices | None = None


class Desk:
    """Answers requests. Knows nothing of sockets."""

    def __init__(self, settings: Settings, tally: Tally) -> None:
        self._settings = settings
        self._tally = tally
        self._gate = Gate(settings.limits)
        self._packer = Packer(self._gate, settings.latency, settings.seed)
        self._apis: dict[str, Api] = {
            **APIS,
            "/responses": wire_responses.Responses(),
            "/messages": anthropic.Messages(),
            "/embeddings": wire_embeddings.Embeddings(),
        }
        self.problems: list[Exception] = []
        self.billing = Billing(settings.prices)

    def reply(self, message: Message) -> Outgoing:
        """The reply to a request, whatever it is."""
        began = time.monotonic()
        if message.method == "GET" and message.path == "/stats":
            return self._packer.plain(message, self._tally.stats())
        if message.method == "GET" and message.path == "/requests":
            return self._packer.plain(message, [received.body for received in self._tally.requests])
        prefix = self._settings.prefix
        route = message.path.removeprefix(prefix) if message.path.startswith(prefix) else ""
        if route == "/models" or route.startswith("/models/"):
            return self._models(message, route.removeprefix("/models").removeprefix("/"))
        api = self._apis.get(route)
        if api is None:
            return self._error(message, ApiError(404, f"Invalid URL ({message.method} {message.path})", name="bad_url"))
        if message.method != "POST":
            return self._error(message, _not_allowed(message, "POST"), api)
        body = _decoded(message.body)
        if body is None:
            text = "We could not parse the JSON body of your request: it must be a JSON object in UTF-8."
            error = self._stranger(message, api) or ApiError(400, text, name="bad_json")
            return self._error(message, error, api)
        return self._call(api, message, body, began)

    def refuse(self, error: HttpError) -> Outgoing:
        """The reply to bytes that are no request: the connection ends with it."""
        self._tally.by_fault["bad_http"] += 1
        return self._packer.refusal(error)

    def _call(self, api: Api, message: Message, body: dict[str, Any], began: float) -> Outgoing:
        said = anthropic.without_marks(body) if isinstance(api, anthropic.Messages) else body
        number, headers, digest = self._tally.count, hidden(message.headers), digest_of(said)
        request = Request(number, message.path, body, headers, digest)
        ticket = self._tally.arrive(Received(number, message.path, body, began), headers, digest)
        try:
            refused = self._refused(api, message, request, began)
            replies = self._answers(request) if refused is None else [refused]
            content = content_of(api, request, replies)
            self._charge(api, request, replies, content)
            self._count(api, request, replies, content)
            outgoing = self._packer.answer(message, request, replies[0], content, began, ticket)
        except Exception as problem:  # the handler's: it must be seen, and the client must not hang
            self.problems.append(problem)
            text = f"The answer handler failed: {type(problem).__name__}: {problem}"
            replies = [Reply(error=ApiError(500, text, type="server_error", name="handler_failed"))]
            content = content_of(api, request, replies)
            outgoing = self._packer.answer(message, request, replies[0], content, began, ticket)
        name = replies[0].fault or content.name
        if name:
            self._tally.by_fault[name] += 1
        return outgoing

    def _charge(self, api: Api, request: Request, replies: Sequence[Reply], content: Content) -> None:
        """Puts a call on the bill, whatever becomes of its answer on the way."""
        billing, first = self.billing, replies[0]
        if not billing.charges(first):
            return
        if billing.told(first, bool(request.body.get("stream"))):
            billing.charge(request.model, usage_in(content.pieces[0]))
        else:
            lost = (
                [self._answer(request)] if first.reset or first.raw is not None or first.html is not None else replies
            )
            billing.charge(request.model, usage_of(api, request, lost))

    def _count(self, api: Api, request: Request, replies: Sequence[Reply], content: Content) -> None:
        """Takes an answer's output from the limit that is kept of it."""
        first = replies[0]
        if not self._gate.kept or first.error is not None:
            return
        usage: Mapping[str, Any] = {}
        if self.billing.told(first, bool(request.body.get("stream"))):
            usage = usage_in(content.pieces[0])
        told = usage.get("output_tokens", usage.get("completion_tokens"))
        made = sum(tokens(reply.text) for reply in replies) if told is None else int(told)
        self._gate.made(made, anthropic=isinstance(api, anthropic.Messages))

    def _refused(self, api: Api, message: Message, request: Request, began: float) -> Reply | None:
        """The reply to a call that no model gets to see."""
        error = self._stranger(message, api) or self._fault(api, request) or self._unknown(request.model)
        if error is not None:
            return Reply(error=error)
        size, context = api.prompt_tokens(request.body), self._settings.context
        if isinstance(api, wire_embeddings.Embeddings):
            fault = wire_embeddings.too_long(request.body, context)
            return self._gate.enter(size, began) if fault is None else Reply(error=fault)
        if context is not None and size > context and isinstance(api, anthropic.Messages):
            text = f"prompt is too long: {size} tokens > {context} maximum"
            return Reply(error=replace(error_named("context_length_exceeded"), message=text))
        if context is not None and size > context:
            text = (
                f"This model's maximum context length is {context} tokens. However, your messages resulted in "
                f"{size} tokens. Please reduce the length of the messages."
            )
            return Reply(error=replace(error_named("context_length_exceeded"), message=text))
        return self._gate.enter(size, began, most=_room(request.body), anthropic=isinstance(api, anthropic.Messages))

    def _fault(self, api: Api, request: Request) -> ApiError | None:
        """What the API refuses in a body."""
        if isinstance(api, anthropic.Messages):
            return api.refusal(request.body, request.headers["anthropic-version"])
        return api.refusal(request.body)

    def _answers(self, request: Request) -> list[Reply]:
        """The model's reply, or as many as `n` asks for."""
        faults = self._settings.faults
        first = self._answer(request) if faults is None else faults(request, self._answer)
        if not (first.error is None and first.raw is None and first.html is None):
            return [first]
        more = range(1, request.body.get("n") or 1)
        return [first, *(self._answer(replace(request, choice=choice)) for choice in more)]

    def _answer(self, request: Request) -> Reply:
        answer = self._settings.answer(request)
        return Reply(text=answer) if isinstance(answer, str) else answer

    def _models(self, message: Message, name: str) -> Outgoing:
        error = self._stranger(message)
        if error is None and message.method != "GET":
            error = _not_allowed(message, "GET")
        if error is None and name:
            error = self._unknown(name)
        if error is not None:
            return self._error(message, error)
        if name:
            return self._packer.plain(message, model_card(name))
        names = self._settings.models or _MODELS
        return self._packer.plain(message, {"object": "list", "data": [model_card(name) for name in names]})

    def _error(self, message: Message, error: ApiError, api: Api | None = None) -> Outgoing:
        """An error of something that is not counted as a call."""
        self._tally.by_fault[error.name or error.code or "error"] += 1
        if isinstance(api, anthropic.Messages):
            error = api.own(error, "")
        return self._packer.plain(message, error.body() if api is None else api.error(error), error.status)

    def _stranger(self, message: Message, api: Api | None = None) -> ApiError | None:
        """The 401 for a call without the key."""
        expected = self._settings.key_digest
        if isinstance(api, anthropic.Messages):
            return api.stranger(message.headers, expected, key_digest)
        if expected is None:
            return None
        scheme, _, given = message.headers.get("authorization", "").partition(" ")
        if not given.strip():
            text = "You didn't provide an API key. Provide it in an Authorization header: `Authorization: Bearer KEY`."
            return ApiError(401, text, name="no_api_key")
        if scheme.lower() == "bearer" and hmac.compare_digest(key_digest(given.strip()), expected):
            return None
        return error_named("invalid_api_key")

    def _unknown(self, model: str) -> ApiError | None:
        known = self._settings.models
        return None if known is None or model in known else no_such_model(model)


def key_digest(key: str) -> bytes:
    """What is kept of a key: enough to know it again, not to use it."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


def digest_of(body: dict[str, Any]) -> str:
    """The identity of a request: the same for any order of keys, streamed or not."""
    said = {name: value for name, value in body.items() if name not in ("stream", "stream_options")}
    return hashlib.blake2b(_canonical(said).encode(), digest_size=16).hexdigest()


def _decoded(body: bytes) -> dict[str, Any] | None:
    try:
        document = json.loads(body.decode(), parse_constant=_no_number)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _room(body: Mapping[str, Any]) -> int:
    """The most tokens that the answers may have; 0 where nothing is said."""
    names = ("max_completion_tokens", "max_tokens", "max_output_tokens")
    return max(body.get(name) or 0 for name in names) * (body.get("n") or 1)


def _not_allowed(message: Message, method: str) -> ApiError:
    text = f"Not allowed to {message.method} on {message.path}: use {method}."
    return ApiError(405, text, code="method_not_supported")
