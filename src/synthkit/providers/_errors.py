"""What can go wrong in a call through a vendor's SDK, in synthkit's words: what the providers share.

Each provider maps its SDK's types, statuses and codes to ours; what is said of them, and what lies below an SDK, is the
same for all.
"""

import errno
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from synthkit.core import Endpoint
from synthkit.errors import (
    BadKey,
    BadRequest,
    BrokenBody,
    CallError,
    CallTimeout,
    ConnectionLost,
    ContentFiltered,
    ContextTooLong,
    NoSuchModel,
    OutOfQuota,
    Overloaded,
    RateLimited,
    ServerError,
    TransientError,
)
from synthkit.providers._transport import LARGEST, TooLarge
from synthkit.providers._wire import Answer

STATUSES: Mapping[int, type[CallError]] = {
    400: BadRequest,
    401: BadKey,
    402: OutOfQuota,
    403: BadKey,
    404: NoSuchModel,
    405: NoSuchModel,  # what answers GET alone is no model service
    408: CallTimeout,
    409: BadRequest,
    413: BadRequest,
    422: BadRequest,
    429: RateLimited,
    503: Overloaded,
    529: Overloaded,
}
"""What a status says where nothing else does. The rest of 5xx are `ServerError`."""
MAYBE_PAID = (502, 504)
"""Statuses of gateways that have lost an answer, or did not wait for it: it may be billed."""
SENTENCES: Mapping[type[CallError], str] = {
    OutOfQuota: "{where} has nothing left to spend for {key} {mark}: top it up, then resume",
    RateLimited: "{where} allows no more calls for now {mark}: wait, or lower `concurrency`",
    Overloaded: "{where} is overloaded {mark}: wait, or lower `concurrency`",
    ServerError: "{where} failed {mark}{said}",
    CallTimeout: "{where} waited too long for the request {mark}: try again",
    ContextTooLong: "the request does not fit the context of {model} at {where} {mark}{said}",
    ContentFiltered: "the content filter of {where} refuses the request {mark}{said}",
}


@dataclass(frozen=True)
class Place:
    """Where a service is: the endpoint, the address of the provider's own service, the path that is called there, and
    how a right `base_url` looks, for whom it is wrong."""

    endpoint: Endpoint
    own: str
    path: str
    hint: str

    @property
    def url(self) -> str:
        """The base URL without its query and trailing slash."""
        return (self.endpoint.base_url or self.own).partition("?")[0].rstrip("/")

    @property
    def host(self) -> str:
        """The service's host and port."""
        return urlsplit(self.endpoint.base_url or self.own).netloc.rpartition("@")[2]

    @property
    def key(self) -> str:
        """The key, as a sentence may name it."""
        name = self.endpoint.settings.get("key_env")
        if not self.endpoint.key:
            return "calls without a key"
        return f"the key from {name}" if name else "this key"


def timed_out(place: Place) -> CallTimeout:
    """The deadline has passed."""
    return CallTimeout(
        f"{place.host} gave no whole answer within {place.endpoint.timeout:g} s: give it longer with `timeout`, or ask "
        "for fewer tokens"
    )


def refused(
    found: type[CallError],
    status: int,
    code: object,
    body: Mapping[str, Any],
    headers: Mapping[str, str],
    place: Place,
    model: str,
    *,
    told: bool = False,
) -> CallError:
    """The error of class `found` for a reply of this status, with a sentence.

    code: the service's own word for it, shown where it looks like one: a message may repeat a part of the key, a code
    does not. body: holds the service's message, if it has one. told: the service itself says that the model is missing.
    """
    mark = f"({status}, {code})" if isinstance(code, str) and re.fullmatch(r"[a-z_]{1,60}", code) else f"({status})"
    if 300 <= status < 400:
        goal = urlsplit(headers.get("location", "")).netloc.rpartition("@")[2]
        there = f" to {goal}" if re.fullmatch(r"[\w.:-]{1,100}", goal) else ""
        return NoSuchModel(f"{place.host} redirects{there} {mark}, which is never followed: correct base_url")
    if found is BadKey:
        return BadKey(_bad_key(status, mark, place, model))
    if found is NoSuchModel:
        return NoSuchModel(_no_such_model(told, mark, place, model))
    sentence = SENTENCES.get(found, "{where} refuses the request {mark}{said}")
    text = sentence.format(where=place.host, mark=mark, said=said(body), model=model, key=place.key)
    if issubclass(found, TransientError):
        return found(text, retry_after=retry_after(headers), free=False if status in MAYBE_PAID else None)
    return found(text)


def _bad_key(status: int, mark: str, place: Place, model: str) -> str:
    if place.endpoint.key is None:
        return (
            f"{place.host} wants a key {mark}: put it into a variable, and name that with `api_key_env` in the "
            "model's table"
        )
    if status == 403:
        return f"{place.host} does not let {place.key} use {model} {mark}: give one that may"
    return f"{place.host} does not take {place.key} {mark}: give a valid one"


def _no_such_model(told: bool, mark: str, place: Place, model: str) -> str:
    if told:
        return f"{place.host} has no model {model!r}, or not for {place.key} {mark}: correct its name"
    return (
        f"{place.url}{place.path} is not there, or knows no model {model!r} {mark}: correct the name, or base_url, "
        f"which {place.hint}"
    )


def said(body: Mapping[str, Any]) -> str:
    """The service's own message, on one line and not endless."""
    text = body.get("message") or body.get("detail") or ""
    text = " ".join((text if isinstance(text, str) else str(text)).split())
    if text.startswith("<"):
        return ": an HTML page"
    return f": {text[:500]}" if text else ""


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a reply asks to wait, if it does. A date counts from the reply's own date, not from our clock."""
    try:
        seconds = float(headers["retry-after-ms"]) / 1000 if "retry-after-ms" in headers else None
    except ValueError:
        seconds = None
    if seconds is None and "retry-after" in headers:
        try:
            seconds = float(headers["retry-after"])
        except ValueError:
            then, now = _date(headers["retry-after"]), _date(headers.get("date", ""))
            seconds = (then - now).total_seconds() if then and now else None  # zones are within a day of each other
    if seconds is None or not seconds < float("inf"):  # NaN is not less either
        return None
    return max(0.0, seconds)


def _date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return date if date.tzinfo else None


def body_of(answer: Answer) -> object:
    """The JSON value of an error's body, or its text, as the SDKs read it."""
    charset = re.search(r"charset\s*=\s*\"?([\w.:-]+)", answer.headers.get("content-type", ""), re.IGNORECASE)
    try:
        text = answer.content.decode(charset[1] if charset else "utf-8", "replace").strip()
    except LookupError:
        text = answer.content.decode("utf-8", "replace").strip()
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def late(error: CallError, text: str, *, told: bool) -> CallError:
    """An error that came as a good reply, of this text: its model may have thought and written before, and be billed.
    told: whether the reply says that it has."""
    if told or isinstance(error, ServerError | ContentFiltered):
        error.free = False
    if not error.free:
        error.body = text
    return error


def below() -> tuple[type[Exception], ...]:
    """What the network raises below the SDKs, and some of it through them."""
    import aiohttp
    import httpx2

    return (httpx2.HTTPError, aiohttp.ClientError, OSError, TooLarge)


def sdk_failed(error: Exception, place: Place, unreadable: type[Exception]) -> CallError:
    """Our error for one of an SDK that is neither about a status nor about the connection. unreadable: its class for
    answers that it cannot read."""
    if isinstance(error, unreadable):
        return BrokenBody(f"{place.host} answered with what is no answer of a model: try again")
    return CallError(f"the SDK cannot call {place.host} ({type(error).__name__}): check the model's settings")


def unconnected(error: Exception, place: Place, timeout: type[Exception] | None = None) -> CallError:
    """No connection, or a broken one. The SDKs call some broken ones timeouts: what lies below decides. What ended
    before anything was sent is `free`.

    timeout: the SDK's class for a timeout, where the call went through one.
    """
    import socket
    import ssl

    import aiohttp
    import httpx2

    where, causes = place.host, list(chain(error))

    def any_of(*kinds: type[BaseException]) -> bool:
        return any(isinstance(cause, kinds) for cause in causes)

    numbers = {cause.errno for cause in causes if isinstance(cause, OSError)}
    lower = any_of(aiohttp.ClientError)  # which then says what it was
    connecting = any_of(aiohttp.ClientConnectorError) or (any_of(httpx2.ConnectError) and not lower)
    if any_of(TooLarge):
        return BrokenBody(f"{where} answered with more than {LARGEST >> 20} MB, which is no answer of a model")
    if any_of(httpx2.DecodingError):
        return BrokenBody(f"{where} answered with bytes that do not decompress: try again")
    if any_of(aiohttp.ClientResponseError):
        return BrokenBody(f"{where} answered with what is not HTTP: does base_url name the right port?")
    if any_of(socket.gaierror):
        return ConnectionLost(f"{where} cannot be found (DNS): correct base_url, or check the network", free=True)
    if any_of(ConnectionRefusedError) or errno.ECONNREFUSED in numbers:
        return ConnectionLost(f"{where} refuses connections: is the server running, at this port?", free=True)
    if any_of(ssl.SSLError, aiohttp.ClientSSLError):
        return ConnectionLost(
            f"{where} cannot be reached over TLS: check its certificate, and http or https in base_url", free=connecting
        )
    if numbers & {errno.EMFILE, errno.ENFILE}:
        return ConnectionLost(
            f"no connection to {where}, too many files are open: lower `concurrency`, or raise ulimit -n", free=True
        )
    if connecting:
        return ConnectionLost(f"{where} cannot be reached: check base_url and the network", free=True)
    if any_of(aiohttp.ServerTimeoutError) or (timeout is not None and isinstance(error, timeout) and not lower):
        return timed_out(place)
    return ConnectionLost(f"{where} broke the connection off: try again")


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what it was raised from; not its context, which may be an error that a caller is handling."""
    while error is not None:
        yield error
        inner = getattr(error, "os_error", None)
        if isinstance(inner, BaseException):
            yield inner
        error = error.__cause__
