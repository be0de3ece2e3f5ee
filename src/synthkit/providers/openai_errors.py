"""What can go wrong in a call through OpenAI's SDK, in synthkit's words: by type, status and code, never by message."""

import errno
import re
from collections.abc import Iterator, Mapping
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

OWN = "https://api.openai.com/v1"
# Codes (or types) that services send in the body's error object, whatever the status.
KINDS: Mapping[str, type[CallError]] = {
    "invalid_api_key": BadKey,
    "model_not_found": NoSuchModel,
    "model_decommissioned": NoSuchModel,  # Groq
    "unknown_model": NoSuchModel,  # GitHub Models
    "context_length_exceeded": ContextTooLong,
    "exceed_context_size_error": ContextTooLong,  # llama.cpp
    "content_filter": ContentFiltered,  # Azure
    "content_policy_violation": ContentFiltered,
    "moderation_blocked": ContentFiltered,
    "invalid_prompt": ContentFiltered,
    "data_inspection_failed": ContentFiltered,  # DashScope
    "insufficient_quota": OutOfQuota,
    "exceeded_current_quota_error": OutOfQuota,  # Moonshot
    "rate_limit_exceeded": RateLimited,
}
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
SENTENCES: Mapping[type[CallError], str] = {
    OutOfQuota: "{where} has nothing left to spend for {key} {mark}: top it up, then resume",
    RateLimited: "{where} allows no more calls for now {mark}: wait, or lower `concurrency`",
    Overloaded: "{where} is overloaded {mark}: wait, or lower `concurrency`",
    ServerError: "{where} failed {mark}{said}",
    CallTimeout: "{where} waited too long for the request {mark}: try again",
    ContextTooLong: "the request does not fit the context of {model} at {where} {mark}{said}",
    ContentFiltered: "the content filter of {where} refuses the request {mark}{said}",
}


def place(endpoint: Endpoint) -> str:
    """The service's host and port."""
    parts = urlsplit(endpoint.base_url or OWN)
    return parts.netloc.rpartition("@")[2]


def timed_out(endpoint: Endpoint) -> CallTimeout:
    """The deadline has passed."""
    return CallTimeout(
        f"{place(endpoint)} gave no whole answer within {endpoint.timeout:g} s: give it longer with `timeout`, or ask "
        "for fewer tokens"
    )


def translated(error: Exception, endpoint: Endpoint, model: str) -> CallError:
    """Our error for one that the SDK, or the transport below it, has raised."""
    import openai

    if isinstance(error, openai.APIStatusError):
        body = error.body if isinstance(error.body, Mapping) else {"message": error.body}
        return refused(error.status_code, body, error.response.headers, endpoint, model)
    if isinstance(error, openai.APIResponseValidationError):
        return BrokenBody(f"{place(endpoint)} answered with what is no answer of a model: try again")
    if isinstance(error, openai.OpenAIError) and not isinstance(error, openai.APIConnectionError):
        return CallError(f"the SDK cannot call {place(endpoint)} ({type(error).__name__}): check the model's settings")
    return _unconnected(error, endpoint)


def refused(
    status: int, body: Mapping[str, Any], headers: Mapping[str, str], endpoint: Endpoint, model: str
) -> CallError:
    """Our error for a reply of this status; `body` is its error object, or holds its text as "message"."""
    code, kind = str(body.get("code")), str(body.get("type"))
    told = OutOfQuota if code.startswith("billing") or kind.startswith("billing") else KINDS.get(code, KINDS.get(kind))
    found = told if told and status < 500 else STATUSES.get(status, ServerError if status >= 500 else CallError)
    # A code is one of the service's own words and safe to show; a message may repeat a part of the key.
    mark = f"({status}, {code})" if body.get("code") and re.fullmatch(r"[a-z_]{1,60}", code) else f"({status})"
    if 300 <= status < 400:
        goal = urlsplit(headers.get("location", "")).netloc.rpartition("@")[2]
        there = f" to {goal}" if re.fullmatch(r"[\w.:-]{1,100}", goal) else ""
        return NoSuchModel(f"{place(endpoint)} redirects{there} {mark}, which is never followed: correct base_url")
    if found is BadKey:
        return BadKey(_bad_key(status, mark, endpoint, model))
    if found is NoSuchModel:
        return NoSuchModel(_no_such_model(told is NoSuchModel, mark, endpoint, model))
    sentence = SENTENCES.get(found, "{where} refuses the request {mark}{said}")
    text = sentence.format(where=place(endpoint), mark=mark, said=_said(body), model=model, key=_key(endpoint))
    if issubclass(found, TransientError):
        return found(text, retry_after=retry_after(headers))
    return found(text)


def _bad_key(status: int, mark: str, endpoint: Endpoint, model: str) -> str:
    if endpoint.key is None:
        return (
            f"{place(endpoint)} wants a key {mark}: put it into a variable, and name that with `api_key_env` in the "
            "model's table"
        )
    if status == 403:
        return f"{place(endpoint)} does not let {_key(endpoint)} use {model} {mark}: give one that may"
    return f"{place(endpoint)} does not take {_key(endpoint)} {mark}: give a valid one"


def _no_such_model(told: bool, mark: str, endpoint: Endpoint, model: str) -> str:
    if told:
        return f"{place(endpoint)} has no model {model!r}, or not for {_key(endpoint)} {mark}: correct its name"
    url = (endpoint.base_url or OWN).partition("?")[0].rstrip("/")
    return (
        f"{url}/chat/completions is not there, or knows no model {model!r} {mark}: correct the name, or base_url, "
        "which most often ends in /v1"
    )


def _key(endpoint: Endpoint) -> str:
    name = endpoint.settings.get("key_env")
    return f"the key from {name}" if name and endpoint.key else "this key" if endpoint.key else "calls without a key"


def _said(body: Mapping[str, Any]) -> str:
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
            seconds = (then - now).total_seconds() if then and now else None
    if seconds is None or not seconds < float("inf"):  # NaN is not less either
        return None
    return max(0.0, seconds)


def _date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None
    return date if date.tzinfo else None


def _unconnected(error: Exception, endpoint: Endpoint) -> CallError:
    """No connection, or a broken one. The SDK calls some broken ones timeouts: what lies below decides."""
    import socket
    import ssl

    import aiohttp
    import httpx2
    import openai

    where, chain = place(endpoint), list(_chain(error))

    def any_of(*kinds: type[BaseException]) -> bool:
        return any(isinstance(cause, kinds) for cause in chain)

    numbers = {cause.errno for cause in chain if isinstance(cause, OSError)}
    if any_of(httpx2.DecodingError):
        return BrokenBody(f"{where} answered with bytes that do not decompress: try again")
    if any_of(aiohttp.ClientResponseError):
        return BrokenBody(f"{where} answered with what is not HTTP: does base_url name the right port?")
    if any_of(socket.gaierror):
        return ConnectionLost(f"{where} cannot be found (DNS): correct base_url, or check the network")
    if any_of(ConnectionRefusedError) or errno.ECONNREFUSED in numbers:
        return ConnectionLost(f"{where} refuses connections: is the server running, at this port?")
    if any_of(ssl.SSLError, aiohttp.ClientSSLError):
        return ConnectionLost(
            f"{where} cannot be reached over TLS: check its certificate, and http or https in base_url"
        )
    if numbers & {errno.EMFILE, errno.ENFILE}:
        return ConnectionLost(
            f"no connection to {where}, too many files are open: lower `concurrency`, or raise ulimit -n"
        )
    if isinstance(error, openai.APITimeoutError) and (any_of(TimeoutError) or not any_of(aiohttp.ClientError)):
        return timed_out(endpoint)
    if any_of(aiohttp.ClientConnectorError):
        return ConnectionLost(f"{where} cannot be reached: check base_url and the network")
    return ConnectionLost(f"{where} broke the connection off: try again")


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what it was raised from; not its context, which may be an error that a caller is handling."""
    while error is not None:
        yield error
        inner = getattr(error, "os_error", None)
        if isinstance(inner, BaseException):
            yield inner
        error = error.__cause__
