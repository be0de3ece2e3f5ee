"""From a reply to its bytes and their timing."""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from synthkit.testing.loopback import anthropic
from synthkit.testing.loopback.apierrors import ApiError, error_for, error_named
from synthkit.testing.loopback.connection import Outgoing
from synthkit.testing.loopback.http1 import HttpError, Message, chunk, head
from synthkit.testing.loopback.limits import Gate
from synthkit.testing.loopback.replies import Reply, Request
from synthkit.testing.loopback.tally import Ticket
from synthkit.testing.loopback.wire import Api, encode
from synthkit.testing.loopback.words import chance

Headers: TypeAlias = list[tuple[str, str]]
End: TypeAlias = Literal["keep", "close", "reset"]

_JSON = "application/json"
_PAGE = "text/html; charset=utf-8"
_EVENTS = "text/event-stream; charset=utf-8"


@dataclass(slots=True)
class Content:
    """What a reply says, before anything bends it."""

    status: int
    kind: str
    pieces: Sequence[bytes]
    name: str = ""  # of the error, to count it


class Packer:
    """Adds the headers, the timing and the faults of the way."""

    def __init__(self, gate: Gate, latency: float | tuple[float, float], seed: int) -> None:
        self._gate = gate
        self._latency = latency
        self._seed = seed
        self._serial = 0

    def answer(
        self, message: Message, request: Request, reply: Reply, content: Content, began: float, ticket: Ticket
    ) -> Outgoing:
        """The reply to a call that arrived at `began`."""
        wait = (self._drawn(request.number) if reply.delay is None else reply.delay) + reply.hang
        told = self._headers(message, began, wait, request.number)
        headers = [("content-type", content.kind), *told, *_retry(reply)]
        framing, body = _framed(content, reply)
        own = {name.lower(): value for name, value in reply.headers.items()}
        headers = [(name, value) for name, value in headers + framing if name not in own] + list(own.items())
        first = head(content.status, headers)
        if reply.pace and len(body) > 1:
            pieces: Sequence[bytes] = (first + body[0], *body[1:])
        else:
            pieces = (first + b"".join(body),)
        end: End = "keep" if message.keep_alive and not reply.close_early else "close"
        ticket.whole = reply.whole
        return Outgoing(pieces, ticket.over, wait=wait, pace=reply.pace, end="reset" if reply.reset else end)

    def plain(self, message: Message, document: object, status: int = 200) -> Outgoing:
        """A document that is no answer to a call, at once."""
        body = encode(document)
        headers = [("content-type", _JSON), *self._headers(message, 0.0, None), ("content-length", str(len(body)))]
        end: End = "keep" if message.keep_alive else "close"
        return Outgoing((head(status, headers) + body,), _nothing, end=end)

    def refusal(self, error: HttpError) -> Outgoing:
        """The last words on a connection that spoke no HTTP."""
        body = encode(ApiError(error.status, str(error)).body())
        headers = [("content-type", _JSON), ("content-length", str(len(body))), ("connection", "close")]
        return Outgoing((head(error.status, headers) + body,), _nothing, end="close")

    def _headers(self, message: Message, began: float, wait: float | None, number: int = 0) -> Headers:
        self._serial += 1
        identity = hashlib.blake2b(f"{self._seed} {self._serial}".encode(), digest_size=16).hexdigest()
        spent = 0 if wait is None else int((time.monotonic() - began + wait) * 1000)
        headers = [
            ("openai-version", "2020-10-01"),
            ("openai-processing-ms", str(spent)),
            ("x-request-id", f"req_{identity}"),
            *self._gate.headers(),
        ]
        if message.path.endswith("/messages"):
            headers = anthropic.headers(number, self._gate.levels())
        if not message.keep_alive:
            headers.append(("connection", "close"))
        return headers

    def _drawn(self, number: int) -> float:
        if isinstance(self._latency, tuple):
            low, high = self._latency
            return low + (high - low) * chance(self._seed, "latency", number)
        return self._latency


def content_of(api: Api, request: Request, replies: Sequence[Reply]) -> Content:
    """What the replies say: an answer with one choice each, or what the first says instead of one."""
    reply = replies[0]
    status = reply.status or 200
    if reply.raw is not None:
        return Content(status, _JSON, [reply.raw], "raw")
    if reply.html is not None:
        return Content(status, _PAGE, [reply.html.encode()], "html")
    error = reply.error
    if error is None and status >= 400:
        error = _filled_in(error_for(status), request)
    elif isinstance(error, str):
        error = _filled_in(error_named(error), request)
    if isinstance(error, ApiError) and isinstance(api, anthropic.Messages):
        error = api.own(error, request.model)
        document = {**api.error(error), "request_id": anthropic.request_id(request.number)}
        return Content(reply.status or error.status, _JSON, [encode(document)], error.name or "error")
    if isinstance(error, ApiError):
        name = error.name or error.code or "error"
        return Content(reply.status or error.status, _JSON, [encode(api.error(error))], name)
    if error is not None:
        return Content(reply.status or 500, _JSON, [encode(error)], "error")
    created = int(time.time())
    if request.body.get("stream"):
        return Content(status, _EVENTS, list(api.events(request, replies, created)))
    return Content(status, _JSON, [encode(api.whole(request, replies, created))])


def no_such_model(model: str) -> ApiError:
    """The 404 for a model."""
    text = f"The model `{model}` does not exist or you do not have access to it."
    return replace(error_named("model_not_found"), message=text)


def _framed(content: Content, reply: Reply) -> tuple[Headers, list[bytes]]:
    """The headers that tell the body's length, and the body: both as honest as the reply wants them."""
    pieces = list(content.pieces)
    sent = pieces
    if reply.cut is not None or reply.close_early:
        sent = _share_of(pieces, 0.5 if reply.cut is None else reply.cut)
    if content.kind == _EVENTS:
        # The chunk of nothing at the end is what a promised length is elsewhere.
        ending = [] if reply.close_early else [chunk(b"")]
        return [("transfer-encoding", "chunked")], [chunk(piece) for piece in sent] + ending
    promised = pieces if reply.close_early else sent
    return [("content-length", str(sum(map(len, promised))))], sent


def _share_of(pieces: Sequence[bytes], share: float) -> list[bytes]:
    left = int(sum(map(len, pieces)) * share)
    kept: list[bytes] = []
    for piece in pieces:
        kept.append(piece[:left])
        left -= len(kept[-1])
    return [piece for piece in kept if piece]


def _retry(reply: Reply) -> Headers:
    if reply.retry_after is None:
        return []
    # Whole seconds for those who read no better; rounded up, so that nobody comes too soon.
    seconds = -int(-reply.retry_after // 1)
    return [("retry-after", str(seconds)), ("retry-after-ms", str(round(reply.retry_after * 1000)))]


def _filled_in(error: ApiError, request: Request) -> ApiError:
    return no_such_model(request.model) if error.code == "model_not_found" else error


def _nothing(sent: bool) -> None:
    """Nobody counts this reply."""
