"""What can go wrong in a call through OpenAI's SDK, in synthkit's words: by type, status and code, never by message."""

from collections.abc import Collection, Mapping

from synthkit.core import Endpoint
from synthkit.errors import (
    BadKey,
    BadRequest,
    CallError,
    ContentFiltered,
    ContextTooLong,
    FatalError,
    NoSuchModel,
    OptionRefused,
    OutOfQuota,
    RateLimited,
    ServerError,
)
from synthkit.providers import _errors
from synthkit.providers._errors import Place

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
    "image_content_policy_violation": ContentFiltered,
    "bio_policy": ContentFiltered,
    "misalignment_policy_violation": ContentFiltered,
    "moderation_blocked": ContentFiltered,
    "invalid_prompt": ContentFiltered,
    "data_inspection_failed": ContentFiltered,  # DashScope
    "insufficient_quota": OutOfQuota,
    "exceeded_current_quota_error": OutOfQuota,  # Moonshot
    "rate_limit_exceeded": RateLimited,
}
FAILED: Mapping[str, type[CallError]] = {
    "server_error": ServerError,
    "vector_store_timeout": ServerError,
    "data_residency_mismatch": BadKey,
}
"""Further codes of a response that failed after it had begun."""
UNTAKEN = ("unsupported_parameter", "unsupported_value", "unknown_parameter", None)
"""Codes of a request with an option that the model does not take: `param` names it. The Responses API gives none."""
PARAMS: Mapping[str, str] = {
    "max_completion_tokens": "max_tokens",
    "max_output_tokens": "max_tokens",
    "reasoning": "reasoning_effort",
    "reasoning.effort": "reasoning_effort",
    "include": "logprobs",
}
"""Common names of options that services call otherwise."""


def place(endpoint: Endpoint, path: str = "/chat/completions") -> Place:
    """Where the service is."""
    return Place(endpoint, OWN, path, "most often ends in /v1")


def translated(error: Exception, place: Place, model: str, sent: Collection[str] = ()) -> CallError:
    """Our error for one that the SDK, or the transport below it, has raised. sent: the request's options."""
    import openai

    if isinstance(error, openai.APIStatusError):
        return refused(error.status_code, error.body, error.response.headers, place, model, sent)
    if isinstance(error, openai.OpenAIError) and not isinstance(error, openai.APIConnectionError):
        return _errors.sdk_failed(error, place, openai.APIResponseValidationError)
    return _errors.unconnected(error, place, openai.APITimeoutError)


def refused(
    status: int,
    body: object,
    headers: Mapping[str, str],
    place: Place,
    model: str,
    sent: Collection[str] = (),
) -> CallError:
    """Our error for a reply of this status; `body` is its error object, or its text. sent: the request's options;
    where the model does not take one of them, that is an `OptionRefused`."""
    error: Mapping[str, object] = body if isinstance(body, Mapping) else {"message": body}
    code, kind = str(error.get("code")), str(error.get("type"))
    told = OutOfQuota if code.startswith("billing") or kind.startswith("billing") else KINDS.get(code, KINDS.get(kind))
    found = told if told and status < 500 else _errors.STATUSES.get(status, ServerError if status >= 500 else CallError)
    return _error(found, status, error, headers, place, model, sent, told=told is NoSuchModel)


def failed(body: Mapping[str, object], headers: Mapping[str, str], place: Place, model: str) -> CallError:
    """Our error for a response that failed after it had begun, with status 200; `body` is its error object."""
    code = str(body.get("code"))
    found = KINDS.get(code) or FAILED.get(code) or BadRequest
    error = _error(found, 200, body, headers, place, model, (), told=found is NoSuchModel)
    error.free = isinstance(
        error, FatalError | RateLimited
    )  # else it may have thought and written before, and billed it
    return error


def _error(
    found: type[CallError],
    status: int,
    body: Mapping[str, object],
    headers: Mapping[str, str],
    place: Place,
    model: str,
    sent: Collection[str],
    *,
    told: bool,
) -> CallError:
    code, param = body.get("code"), str(body.get("param"))
    ours = _errors.refused(found, status, code, body, headers, place, model, told=told)
    option = PARAMS.get(param.partition("[")[0], param)
    # without a code, a limit of tokens may just be too high
    if found is BadRequest and option in sent and code in UNTAKEN and not (code is None and option == "max_tokens"):
        return OptionRefused(str(ours), option=option)
    return ours
