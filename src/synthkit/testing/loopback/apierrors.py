"""The errors that model services answer with, in OpenAI's words and shape."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True, slots=True)
class ApiError:
    """One error: the HTTP status and the four fields of OpenAI's error object."""

    status: int
    message: str
    type: str | None = "invalid_request_error"
    param: str | None = None
    code: str | None = None
    name: str = ""  # what it is counted under; default: its code

    def body(self) -> dict[str, Any]:
        """The body of the HTTP reply."""
        return {"error": {"message": self.message, "type": self.type, "param": self.param, "code": self.code}}


# The messages are those that the services send, because clients (and people) search in them.
ERRORS: Mapping[str, ApiError] = MappingProxyType(
    {
        "bad_request": ApiError(400, "Invalid request.", name="bad_request"),
        "context_length_exceeded": ApiError(
            400,
            "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens. "
            "Please reduce the length of the messages.",
            param="messages",
            code="context_length_exceeded",
        ),
        "content_filter": ApiError(
            400,
            "The response was filtered due to the prompt triggering the content management policy. "
            "Please modify your prompt and retry.",
            type=None,
            param="prompt",
            code="content_filter",
        ),
        "invalid_api_key": ApiError(401, "Incorrect API key provided.", code="invalid_api_key"),
        "forbidden": ApiError(
            403,
            "Country, region, or territory not supported",
            type="request_forbidden",
            code="unsupported_country_region_territory",
            name="forbidden",
        ),
        "model_not_found": ApiError(
            404, "The model does not exist or you do not have access to it.", code="model_not_found"
        ),
        "rate_limit_exceeded": ApiError(
            429,
            "Rate limit reached for requests per min (RPM). Please slow down.",
            type="requests",
            code="rate_limit_exceeded",
        ),
        "insufficient_quota": ApiError(
            429,
            "You exceeded your current quota, please check your plan and billing details.",
            type="insufficient_quota",
            code="insufficient_quota",
        ),
        "server_error": ApiError(
            500,
            "The server had an error while processing your request. Sorry about that!",
            type="server_error",
            name="server_error",
        ),
        "service_unavailable": ApiError(
            503,
            "The engine is currently overloaded, please try again later.",
            type="server_error",
            name="service_unavailable",
        ),
        "overloaded": ApiError(529, "Overloaded", type="overloaded_error", name="overloaded"),
    }
)
"""The errors of the services by name; a `Reply` may have one as its `error`."""

_BY_STATUS = {
    400: "bad_request",
    401: "invalid_api_key",
    403: "forbidden",
    404: "model_not_found",
    429: "rate_limit_exceeded",
    500: "server_error",
    503: "service_unavailable",
    529: "overloaded",
}


def error_named(name: str) -> ApiError:
    """The error of that name. ValueError lists the names."""
    try:
        return ERRORS[name]
    except KeyError:
        raise ValueError(f"no error is called {name!r}: take one of {', '.join(sorted(ERRORS))}") from None


def error_for(status: int) -> ApiError:
    """What a service answers with this HTTP status when nothing more is said."""
    if status in _BY_STATUS:
        return ERRORS[_BY_STATUS[status]]
    kind = "server_error" if status >= 500 else "invalid_request_error"
    return ApiError(status, f"Status {status}.", type=kind, name=f"status_{status}")
