"""What can go wrong in a call through Anthropic's SDK, in synthkit's words: by status, type and code, never by message.

One thing stands nowhere else: which field of a request is refused. Its path comes before the message, and is looked for
there; what follows is not read.

https://platform.claude.com/docs/en/api/errors
"""

import re
from collections.abc import Collection, Mapping
from typing import Any

from synthkit.core import Endpoint
from synthkit.errors import (
    BadKey,
    BadRequest,
    CallError,
    CallTimeout,
    ConnectionLost,
    OptionRefused,
    OutOfQuota,
    RateLimited,
    ServerError,
)
from synthkit.providers import _errors

OWN = "https://api.anthropic.com"
# Codes that the service names causes with, in the body's `error.details.error_code`.
CODES: Mapping[str, type[CallError]] = {
    "contract_spend_limit_reached": OutOfQuota,
    "enforced_spend_limit_reached": OutOfQuota,
    "linked_organization_billing_unavailable": OutOfQuota,
    "linked_organization_spend_limit_reached": OutOfQuota,
    "user_profile_billing_not_authorized": OutOfQuota,
    "user_profile_not_billable": OutOfQuota,
    "ramp_limit_exceeded": RateLimited,
    "organization_on_hold": BadKey,
    "organization_type_not_supported": BadKey,
    "cmek_key_disabled": BadKey,
    "cmek_key_network_blocked": BadKey,
    "request_body_timeout": CallTimeout,
}
# Types that it sorts errors into, and the statuses that they come with.
TYPES: Mapping[str, int] = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "conflict_error": 409,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
STATUSES: Mapping[int, type[CallError]] = {
    **_errors.STATUSES,
    412: BadRequest,
    431: BadRequest,
    499: ConnectionLost,
    504: CallTimeout,
}


SAMPLING = frozenset({"temperature", "top_p", "top_k"})
"""Options that newer versions of the API do not have, and services that speak its language may or may not take."""


def path(endpoint: Endpoint) -> str:
    """The path of messages behind the base URL, which may end in /v1 or not, as it does for other SDKs or for this."""
    url = (endpoint.base_url or OWN).partition("?")[0]
    return "/messages" if url.rstrip("/").endswith("/v1") else "/v1/messages"


def place(endpoint: Endpoint) -> _errors.Place:
    """Where the service is."""
    return _errors.Place(endpoint, OWN, path(endpoint), "is what stands before /v1/messages")


def translated(error: Exception, place: _errors.Place, model: str, sent: Collection[str] = ()) -> CallError:
    """Our error for one that the SDK, or the transport below it, has raised. sent: the request's options."""
    import anthropic

    if isinstance(error, anthropic.APIStatusError):
        return refused(error.status_code, error.body, error.response.headers, place, model, sent)
    if isinstance(error, anthropic.AnthropicError) and not isinstance(error, anthropic.APIConnectionError):
        return _errors.sdk_failed(error, place, anthropic.APIResponseValidationError)
    return _errors.unconnected(error, place, anthropic.APITimeoutError)


def refused(
    status: int | None,
    body: object,
    headers: Mapping[str, str],
    place: _errors.Place,
    model: str,
    sent: Collection[str] = (),
) -> CallError:
    """Our error for a reply with this body. status: None where it came with 200, so that its type alone counts. sent:
    the request's options; where the model does not take one for sampling, that is an `OptionRefused`."""
    given = body.get("error", body) if isinstance(body, Mapping) else body
    error: Mapping[str, Any] = given if isinstance(given, Mapping) else {"message": given}
    details = error.get("details")
    code = details.get("error_code") if isinstance(details, Mapping) else None
    kind = error.get("type")
    usual = TYPES.get(kind) if isinstance(kind, str) else None
    # Two types say nothing but 4xx and 5xx; the others say more than the status that a gateway may send them with.
    decides = usual if usual and (status is None or kind not in ("invalid_request_error", "api_error")) else status
    decides = decides or 500
    told = CODES.get(code) if isinstance(code, str) and decides < 500 else None
    ours = told or STATUSES.get(decides, ServerError if decides >= 500 else CallError)
    word = code if isinstance(code, str) else kind
    missing = kind == "not_found_error"
    found = _errors.refused(ours, status or decides, word, error, headers, place, model, told=missing)
    option = _field(error.get("message")) if ours is BadRequest and decides in (400, 422) else ""
    return OptionRefused(str(found), option=option) if option in SAMPLING.intersection(sent) else found


def _field(message: object) -> str:
    """The field of a request that a message is about, as in `temperature: Extra inputs are not permitted`."""
    named = re.match(r"([a-z_]+): ", message) if isinstance(message, str) else None
    return named[1] if named else ""
