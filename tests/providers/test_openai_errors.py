"""What goes wrong in a call, in our words: each of the SDK's exceptions, each status, each kind of broken line."""

import inspect
import json
from collections.abc import Mapping, Sequence
from typing import Any, get_args

import httpx2
import openai
import pytest
from openai import _exceptions
from openai.types.responses import ResponseError
from openai_kit import APIS, KEY, error_of, http, raw_error, request

from synthkit import errors
from synthkit.core import Endpoint
from synthkit.providers.openai_errors import failed, place, refused, translated
from synthkit.testing import ApiError, LoopbackServer, Reply

PLACE = place(Endpoint("http://127.0.0.1:1/v1", KEY, 5.0, {"key_env": "MY_KEY"}))
ASKED = httpx2.Request("POST", "http://127.0.0.1:1/v1/chat/completions")


def replied(status: int) -> httpx2.Response:
    return httpx2.Response(status, request=ASKED)


MAPPED: Mapping[str, tuple[Exception, type[errors.CallError]]] = {
    "OpenAIError": (openai.OpenAIError("x"), errors.CallError),
    "APIError": (openai.APIError("x", ASKED, body=None), errors.CallError),
    "APIResponseValidationError": (openai.APIResponseValidationError(replied(200), None), errors.BrokenBody),
    "APIStatusError": (openai.APIStatusError("x", response=replied(418), body=None), errors.CallError),
    "APIConnectionError": (openai.APIConnectionError(request=ASKED), errors.ConnectionLost),
    "APITimeoutError": (openai.APITimeoutError(ASKED), errors.CallTimeout),
    "BadRequestError": (openai.BadRequestError("x", response=replied(400), body=None), errors.BadRequest),
    "AuthenticationError": (openai.AuthenticationError("x", response=replied(401), body=None), errors.BadKey),
    "OAuthError": (_exceptions.OAuthError(response=replied(401), body=None), errors.BadKey),
    "PermissionDeniedError": (openai.PermissionDeniedError("x", response=replied(403), body=None), errors.BadKey),
    "NotFoundError": (openai.NotFoundError("x", response=replied(404), body=None), errors.NoSuchModel),
    "ConflictError": (openai.ConflictError("x", response=replied(409), body=None), errors.BadRequest),
    "UnprocessableEntityError": (
        openai.UnprocessableEntityError("x", response=replied(422), body=None),
        errors.BadRequest,
    ),
    "RateLimitError": (openai.RateLimitError("x", response=replied(429), body=None), errors.RateLimited),
    "InternalServerError": (openai.InternalServerError("x", response=replied(500), body=None), errors.ServerError),
}
ELSEWHERE = {
    "SubjectTokenProviderError": "raised while a workload identity gets a token; the provider uses plain keys",
    "LengthFinishReasonError": "raised by `parse` and streams of the SDK; the provider reads bodies itself",
    "ContentFilterFinishReasonError": "raised by `parse` and streams of the SDK; the provider reads bodies itself",
    "InvalidWebhookSignatureError": "raised when a webhook is checked; no OpenAIError, and nothing of a call",
    "WebSocketConnectionClosedError": "raised by realtime connections",
    "WebSocketQueueFullError": "raised by realtime connections",
}


def test_each_exception_of_the_sdk_is_mapped_or_cannot_come_from_a_call() -> None:
    there = {
        name
        for name, kind in vars(_exceptions).items()
        if inspect.isclass(kind) and issubclass(kind, Exception) and kind.__module__.startswith("openai")
    }
    assert there == MAPPED.keys() | ELSEWHERE.keys()
    assert not MAPPED.keys() & ELSEWHERE.keys()


@pytest.mark.parametrize("name", MAPPED)
def test_an_exception_of_the_sdk_becomes_ours(name: str) -> None:
    raised, ours = MAPPED[name]
    assert type(raised).__name__ == name
    assert type(translated(raised, PLACE, "m")) is ours


# over the wire

STATUSES: Sequence[tuple[str | ApiError, type[errors.CallError]]] = [
    ("bad_request", errors.BadRequest),
    ("context_length_exceeded", errors.ContextTooLong),
    ("content_filter", errors.ContentFiltered),
    ("invalid_api_key", errors.BadKey),
    ("forbidden", errors.BadKey),
    ("model_not_found", errors.NoSuchModel),
    ("rate_limit_exceeded", errors.RateLimited),
    ("insufficient_quota", errors.OutOfQuota),
    ("server_error", errors.ServerError),
    ("service_unavailable", errors.Overloaded),
    ("overloaded", errors.Overloaded),
    (ApiError(400, "x", code="content_policy_violation"), errors.ContentFiltered),
    (ApiError(400, "x", code="billing_hard_limit_reached"), errors.OutOfQuota),
    (ApiError(400, "x", type="exceed_context_size_error"), errors.ContextTooLong),
    (ApiError(402, "x"), errors.OutOfQuota),
    (ApiError(403, "x", code="model_not_found"), errors.NoSuchModel),
    (ApiError(403, "x", code="moderation_blocked"), errors.ContentFiltered),
    (ApiError(404, "x", code="404"), errors.NoSuchModel),
    (ApiError(405, "x"), errors.NoSuchModel),
    (ApiError(408, "x"), errors.CallTimeout),
    (ApiError(409, "x"), errors.BadRequest),
    (ApiError(413, "x"), errors.BadRequest),
    (ApiError(418, "x"), errors.CallError),
    (ApiError(422, "x"), errors.BadRequest),
    (ApiError(429, "x", type="billing_not_active", code=None), errors.OutOfQuota),
    (ApiError(429, "x", type=None, code=None), errors.RateLimited),
    (ApiError(500, "x", code="insufficient_quota"), errors.ServerError),
    (ApiError(502, "x"), errors.ServerError),
    (ApiError(504, "x"), errors.ServerError),
]


@pytest.fixture(scope="module")
def table() -> Any:
    """One server for all: the text of the prompt is the number of the error."""
    with LoopbackServer(lambda got: Reply(error=STATUSES[int(got.prompt)][0])) as server:
        yield server


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize(
    "number",
    range(len(STATUSES)),
    ids=[str(e) if isinstance(e, str) else f"{e.status}-{e.code or e.type}" for e, _ in STATUSES],
)
def test_an_error_of_the_service_becomes_ours(table: LoopbackServer, number: int, api: str) -> None:
    error = error_of(table.url, request(str(number), api=api))
    assert type(error) is STATUSES[number][1]
    assert f"127.0.0.1:{table.port}" in str(error)


UNTAKEN = [
    ("temperature", "unsupported_parameter", "temperature"),
    ("temperature", "unsupported_value", "temperature"),
    ("seed", "unknown_parameter", "seed"),
    ("temperature", None, "temperature"),  # as the Responses API says it
    ("reasoning.effort", "unsupported_value", "reasoning_effort"),
    ("include[0]", "unsupported_parameter", "logprobs"),
    ("max_output_tokens", "unsupported_parameter", "max_tokens"),
    ("max_tokens", None, None),  # most likely too high
    ("temperature", "decimal_above_max_value", None),
    ("top_p", "unsupported_parameter", None),  # which was not sent
    ("messages", None, None),
    (None, "unsupported_parameter", None),
]


@pytest.mark.parametrize(("param", "code", "option"), UNTAKEN)
def test_an_option_that_is_not_taken_is_known_by_code_and_param(
    param: str | None, code: str | None, option: str | None
) -> None:
    body = {"message": "Unsupported: 'top_p'.", "type": "invalid_request_error", "param": param, "code": code}
    sent = {"temperature", "seed", "reasoning_effort", "logprobs", "max_tokens"}
    error = refused(400, body, {}, PLACE, "m", sent)
    assert type(error) is (errors.OptionRefused if option else errors.BadRequest)
    assert getattr(error, "option", None) == option
    assert "Unsupported: 'top_p'." in str(error)
    assert type(refused(429, body, {}, PLACE, "m", sent)) is errors.RateLimited


@pytest.mark.parametrize(
    ("code", "ours"),
    [
        ("server_error", errors.ServerError),
        ("rate_limit_exceeded", errors.RateLimited),
        ("invalid_prompt", errors.ContentFiltered),
        ("image_content_policy_violation", errors.ContentFiltered),
        ("vector_store_timeout", errors.ServerError),
        ("invalid_image_url", errors.BadRequest),
        ("something_new", errors.BadRequest),
        (None, errors.BadRequest),
    ],
)
def test_a_response_that_failed_on_its_way_becomes_ours(code: str | None, ours: type[errors.CallError]) -> None:
    assert type(failed({"code": code, "message": "x"}, {}, PLACE, "m")) is ours
    body = {"object": "response", "status": "failed", "output": [], "error": {"code": code, "message": "it is so"}}
    with LoopbackServer(lambda got: Reply(raw=json.dumps(body).encode())) as server:
        error = error_of(server.url, request(api="openai-responses"))
    assert type(error) is ours and "(200" in str(error)


def test_each_error_code_of_a_response_is_known() -> None:
    codes = get_args(ResponseError.model_fields["code"].annotation)
    assert "server_error" in codes
    for code in codes:
        ours = type(failed({"code": code}, {}, PLACE, "m"))
        assert ours is not errors.BadRequest or "image" in code, code


def test_a_wrong_key_is_told_by_its_variable_and_never_repeated() -> None:
    echo = ApiError(401, f"Incorrect API key provided: {KEY[:8]}****{KEY[-4:]}.", code="invalid_api_key")
    with LoopbackServer(lambda got: Reply(error=echo)) as server:
        error = error_of(server.url, key_env="MY_KEY")
    assert str(error) == (
        f"127.0.0.1:{server.port} does not take the key from MY_KEY (401, invalid_api_key): give a valid one"
    )
    assert error.__cause__ is None and error.__suppress_context__
    with LoopbackServer(key="another-key") as server:
        assert "does not take this key (401, invalid_api_key)" in str(error_of(server.url))
        assert "wants a key (401, invalid_api_key): put it into a variable" in str(error_of(server.url, key=None))
    with LoopbackServer(lambda got: Reply(error="forbidden")) as server:
        said = str(error_of(server.url, key_env="MY_KEY"))
    assert "does not let the key from MY_KEY use m (403, unsupported_country_region_territory)" in said


def test_a_model_that_is_not_there_and_an_address_that_is_not_there() -> None:
    with LoopbackServer(models=["teacher"]) as server:
        told = error_of(server.url, request(model="techer"), key_env="MY_KEY")
        lost = error_of(server.url.replace("/v1", ""), request(model="teacher"))
    assert type(told) is type(lost) is errors.NoSuchModel
    assert "has no model 'techer', or not for the key from MY_KEY (404, model_not_found)" in str(told)
    assert f"http://127.0.0.1:{server.port}/chat/completions is not there, or knows no model 'teacher' (404" in str(
        lost
    )
    assert "base_url, which most often ends in /v1" in str(lost)


def test_the_services_own_words_are_kept_where_they_help() -> None:
    with LoopbackServer(lambda got: Reply(error=ApiError(400, "top_p\n must be  below 1"))) as server:
        assert str(error_of(server.url)).endswith("refuses the request (400): top_p must be below 1")


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 502, 503])
def test_an_html_page_is_mapped_by_its_status(status: int) -> None:
    page = b"<!DOCTYPE html><html><body>insufficient_quota</body></html>"
    error = raw_error(http(page, f"{status} X", content_type="text/html"))
    assert type(error) is type(refused(status, {}, {}, PLACE, "m"))
    assert f"({status})" in str(error)
    assert "<" not in str(error)


@pytest.mark.parametrize("body", [b"", b"null", b"[1]", b'"gone"', b'{"detail": "gone"}', b'{"error": "gone"}'])
def test_error_bodies_of_any_form_are_mapped_by_status(body: bytes) -> None:
    error = raw_error(http(body, "422 X", content_type="application/json"))
    assert type(error) is errors.BadRequest
    assert str(error).endswith(": gone" if b"gone" in body else ": [1]" if b"1" in body else "(422)")


@pytest.mark.parametrize(
    ("code", "ours"), [(429, errors.RateLimited), (402, errors.OutOfQuota), (502, errors.ServerError)]
)
def test_an_error_with_status_200_is_taken_for_what_its_code_says(code: int, ours: type[Exception]) -> None:
    body = f'{{"error": {{"message": "x", "code": {code}}}}}'.encode()
    error = raw_error(http(body))
    assert type(error) is ours
    assert (error.free, error.body) == ((False, body.decode()) if code == 502 else (True, None))


def test_a_refusal_with_status_200_that_tells_what_it_took_is_not_free() -> None:
    body = b'{"error": {"code": 429}, "usage": {"prompt_tokens": 9, "completion_tokens": 1}}'
    error = raw_error(http(body))
    assert (type(error), error.free, error.body) == (errors.RateLimited, False, body.decode())


def test_an_error_without_a_code_behind_status_200_is_a_broken_body() -> None:
    with LoopbackServer(lambda got: Reply(raw=b'{"error": {"message": "worker gone"}}')) as server:
        error = error_of(server.url)
    assert type(error) is errors.BrokenBody
    assert "answered with an error: worker gone" in str(error)
