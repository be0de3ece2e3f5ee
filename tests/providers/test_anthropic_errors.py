"""What goes wrong in a call, in our words: exceptions of the SDK; statuses, types and codes; broken lines."""

import inspect
import socket
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import anthropic
import httpx2
import pytest
from anthropic import _error_classes, _exceptions
from anthropic._exceptions import AnthropicError, APIStatusError
from anthropic_kit import KEY, MODEL, error_of, raw_error, request
from openai_kit import http

from synthkit import errors
from synthkit.core import Endpoint
from synthkit.providers.anthropic_errors import CODES, STATUSES, TYPES, place, refused, translated
from synthkit.testing import ApiError, LoopbackServer, Reply

PLACE = place(Endpoint("http://127.0.0.1:1", KEY, 5.0, {"key_env": "MY_KEY"}))
ASKED = httpx2.Request("POST", "http://127.0.0.1:1/v1/messages")


def replied(status: int) -> httpx2.Response:
    return httpx2.Response(status, request=ASKED)


def of(kind: type[APIStatusError], status: int, body: object = None) -> APIStatusError:
    return kind("x", response=replied(status), body=body)


MAPPED: Mapping[str, tuple[Exception, type[errors.CallError]]] = {
    "AnthropicError": (AnthropicError("x"), errors.CallError),
    "APIError": (anthropic.APIError("x", ASKED, body=None), errors.CallError),
    "APIResponseValidationError": (anthropic.APIResponseValidationError(replied(200), None), errors.BrokenBody),
    "APIStatusError": (of(APIStatusError, 418), errors.CallError),
    "APIConnectionError": (anthropic.APIConnectionError(request=ASKED), errors.ConnectionLost),
    "APITimeoutError": (anthropic.APITimeoutError(ASKED), errors.CallTimeout),
    "RetryableError": (_exceptions.RetryableError("x"), errors.CallError),
    "BadRequestError": (of(anthropic.BadRequestError, 400), errors.BadRequest),
    "AuthenticationError": (of(anthropic.AuthenticationError, 401), errors.BadKey),
    "PaymentRequiredError": (of(_exceptions.PaymentRequiredError, 402), errors.OutOfQuota),
    "PermissionDeniedError": (of(anthropic.PermissionDeniedError, 403), errors.BadKey),
    "NotFoundError": (of(anthropic.NotFoundError, 404), errors.NoSuchModel),
    "RequestTimeoutError": (of(_exceptions.RequestTimeoutError, 408), errors.CallTimeout),
    "ConflictError": (of(anthropic.ConflictError, 409), errors.BadRequest),
    "PreconditionFailedError": (of(_exceptions.PreconditionFailedError, 412), errors.BadRequest),
    "ContentTooLargeError": (of(_exceptions.ContentTooLargeError, 413), errors.BadRequest),
    "UnprocessableEntityError": (of(anthropic.UnprocessableEntityError, 422), errors.BadRequest),
    "RateLimitError": (of(anthropic.RateLimitError, 429), errors.RateLimited),
    "RequestHeaderFieldsTooLargeError": (of(_exceptions.RequestHeaderFieldsTooLargeError, 431), errors.BadRequest),
    "ClientClosedRequestError": (of(_exceptions.ClientClosedRequestError, 499), errors.ConnectionLost),
    "InternalServerError": (of(anthropic.InternalServerError, 500), errors.ServerError),
    "HTTPNotImplementedError": (of(_exceptions.HTTPNotImplementedError, 501), errors.ServerError),
    "ServiceUnavailableError": (of(_exceptions.ServiceUnavailableError, 503), errors.Overloaded),
    "GatewayTimeoutError": (of(_exceptions.GatewayTimeoutError, 504), errors.CallTimeout),
    "OverloadedError": (of(_exceptions.OverloadedError, 529), errors.Overloaded),
}
ELSEWHERE = {
    "APIWebhookValidationError": "raised when a webhook is checked; nothing of a call",
    "CredentialsError": "raised while the SDK looks for credentials; the provider always gives it a key",
    "IdentityTokenFileError": "raised while the SDK looks for credentials; the provider always gives it a key",
    "MissingStreamClassError": "raised where a stream is asked for; the provider reads whole bodies",
    "StreamAlreadyConsumed": "raised where a stream is read twice; the provider reads whole bodies",
}
# Codes that change what the status says, and those of a call that the status says well enough. All others of the SDK's
# belong to what is no call of a model: files, threads, compaction, organizations, environments.
AS_STATUS = {
    *("cmek_context_unavailable", "cmek_key_unreachable", "compaction_unavailable", "sandbox_egress_restricted"),
    *("request_body_encoding_invalid", "request_body_encoding_unsupported", "request_body_too_large_after_decoding"),
    *("user_profile_required", "user_profile_not_found", "parent_organization_required", "tool_name_conflict"),
    *("available_tools_limit_exceeded", "tool_reference_unresolved", "claude_code_version_too_old"),
    *("claude_code_key_creator_not_member", "organization_not_enrolled_in_beta", "unsupported_charset"),
}


def loaded() -> set[type[BaseException]]:
    """All exceptions of the SDK's that a client brings in."""
    modules = [module for name, module in sys.modules.items() if name.partition(".")[0] == "anthropic"]
    kinds = (kind for module in modules for kind in list(vars(module).values()) if inspect.isclass(kind))
    return {k for k in kinds if issubclass(k, BaseException) and k.__module__.partition(".")[0] == "anthropic"}


def test_each_exception_of_the_sdk_is_mapped_or_cannot_come_from_a_call() -> None:
    assert anthropic.AsyncAnthropic(api_key="x").messages
    kinds = loaded()
    assert len(kinds) > 100
    for kind in kinds:
        if kind.__name__ in MAPPED:
            assert type(MAPPED[kind.__name__][0]) is kind
        elif issubclass(kind, APIStatusError):  # told by its status and code, as below
            assert kind in _error_classes.ERROR_CLASSES.values(), kind
        else:  # tools that the SDK runs, ways to find credentials, other clouds
            assert kind.__name__ in ELSEWHERE or kind.__module__.startswith("anthropic.lib."), kind
    assert MAPPED.keys() | ELSEWHERE.keys() <= {kind.__name__ for kind in kinds}


@pytest.mark.parametrize(
    ("message", "sent", "option"),
    [
        ("temperature: Extra inputs are not permitted", ["temperature", "max_tokens"], "temperature"),
        ("top_k: Extra inputs are not permitted", ["top_k"], "top_k"),
        ("temperature: Extra inputs are not permitted", ["max_tokens"], None),
        ("max_tokens: 9 > 8, which is the most", ["temperature", "max_tokens"], None),
        ("messages.0.temperature: Extra inputs are not permitted", ["temperature"], None),
        ("do not set temperature: it is not taken", ["temperature"], None),
    ],
)
def test_an_option_for_sampling_is_refused_by_the_field_that_is_named_first(
    message: str, sent: Sequence[str], option: str | None
) -> None:
    body = {"type": "error", "error": {"type": "invalid_request_error", "message": message}}
    found = refused(400, body, {}, PLACE, "m", sent)
    assert isinstance(found, errors.BadRequest)
    assert (found.option if isinstance(found, errors.OptionRefused) else None) == option


@pytest.mark.parametrize("name", MAPPED)
def test_an_exception_of_the_sdk_becomes_ours(name: str) -> None:
    raised, ours = MAPPED[name]
    assert type(raised).__name__ == name
    assert type(translated(raised, PLACE, "m")) is ours


def test_each_class_that_the_sdk_has_for_a_code_becomes_ours() -> None:
    """The SDK has a class for each status and code; ours is that of the code, where it says more than the status."""
    known = {(status, code) for status, code in _error_classes.ERROR_CLASSES if code is not None}
    assert len(known) > 80
    for (status, code), kind in _error_classes.ERROR_CLASSES.items():
        body = {"type": "error", "error": {"type": "x", "message": "m", "details": {"error_code": code}}}
        raised = _error_classes.make_status_error("x", body=body, response=replied(status))
        assert type(raised) is kind
        expected = CODES.get(code or "") if status < 500 else None
        usual = STATUSES.get(status, errors.ServerError if status >= 500 else errors.CallError)
        assert type(translated(raised, PLACE, "m")) is (expected or usual), code
    codes = {code for _, code in known}
    assert CODES.keys() - codes == set()
    assert codes >= AS_STATUS and not AS_STATUS & CODES.keys()


def test_each_type_of_error_that_the_sdk_names_has_a_status() -> None:
    from typing import get_args

    from anthropic.types.shared.error_type import ErrorType

    memory = {"memory_precondition_failed_error", "memory_path_conflict_error"}  # of memory stores, not of calls
    assert {*get_args(ErrorType)} - memory == TYPES.keys() - {"request_too_large"}
    assert all(status in STATUSES or status == 500 for status in TYPES.values())


# over the wire

CASES: Sequence[tuple[str | ApiError, type[errors.CallError]]] = [
    ("bad_request", errors.BadRequest),
    ("context_length_exceeded", errors.BadRequest),  # the service has no code for it, and messages change
    ("invalid_api_key", errors.BadKey),
    ("forbidden", errors.BadKey),
    ("model_not_found", errors.NoSuchModel),
    ("rate_limit_exceeded", errors.RateLimited),
    ("insufficient_quota", errors.OutOfQuota),
    ("server_error", errors.ServerError),
    ("overloaded", errors.Overloaded),
    (ApiError(400, "x", code="organization_on_hold"), errors.BadKey),
    (ApiError(400, "x", type="billing_error"), errors.OutOfQuota),
    (ApiError(402, "x"), errors.OutOfQuota),
    (ApiError(404, "x", type="x_error"), errors.NoSuchModel),
    (ApiError(405, "x"), errors.NoSuchModel),
    (ApiError(408, "x"), errors.CallTimeout),
    (ApiError(409, "x"), errors.BadRequest),
    (ApiError(413, "x"), errors.BadRequest),
    (ApiError(418, "x"), errors.CallError),
    (ApiError(422, "x"), errors.BadRequest),
    (ApiError(429, "x", code="enforced_spend_limit_reached"), errors.OutOfQuota),
    (ApiError(429, "x", code="ramp_limit_exceeded"), errors.RateLimited),
    (ApiError(500, "x", type="overloaded_error"), errors.Overloaded),
    (ApiError(500, "x", code="organization_on_hold"), errors.ServerError),
    (ApiError(502, "x"), errors.ServerError),
    (ApiError(503, "x"), errors.Overloaded),
    (ApiError(504, "x"), errors.CallTimeout),
]


@pytest.fixture(scope="module")
def table() -> Any:
    """One server for all: the text of the prompt is the number of the error."""
    with LoopbackServer(lambda got: Reply(error=CASES[int(got.prompt)][0])) as server:
        yield server


@pytest.mark.parametrize(
    "number",
    range(len(CASES)),
    ids=[str(e) if isinstance(e, str) else f"{e.status}-{e.code or e.type}" for e, _ in CASES],
)
def test_an_error_of_the_service_becomes_ours(table: LoopbackServer, number: int) -> None:
    error = error_of(table.url, request(str(number)))
    assert type(error) is CASES[number][1]
    assert f"127.0.0.1:{table.port}" in str(error)


def test_a_prompt_that_is_too_long_is_told_in_the_services_words() -> None:
    with LoopbackServer(context=10) as server:
        error = error_of(server.url, request("word " * 100))
    assert type(error) is errors.BadRequest
    assert "prompt is too long: 125 tokens > 10 maximum" in str(error)


def test_a_wrong_key_is_told_by_its_variable_and_never_repeated() -> None:
    echo = ApiError(401, f"invalid bearer token: {KEY}", type="authentication_error")
    with LoopbackServer(lambda got: Reply(error=echo)) as server:
        error = error_of(server.url, key_env="MY_KEY")
    assert str(error) == (
        f"127.0.0.1:{server.port} does not take the key from MY_KEY (401, authentication_error): give a valid one"
    )
    assert error.__cause__ is None and error.__suppress_context__
    with LoopbackServer(key="another-key") as server:
        assert "does not take this key (401, authentication_error)" in str(error_of(server.url))
        assert "wants a key (401, authentication_error): put it into a variable" in str(error_of(server.url, key=None))
    with LoopbackServer(lambda got: Reply(error="forbidden")) as server:
        said = str(error_of(server.url, key_env="MY_KEY"))
    assert f"does not let the key from MY_KEY use {MODEL} (403, permission_error)" in said


def test_a_model_that_is_not_there_and_an_address_that_is_not_there() -> None:
    with LoopbackServer(models=["claude-haiku-5-5"]) as server:
        told = error_of(server.url, key_env="MY_KEY")
        lost = error_of(server.url.replace("/v1", "/api"))
    assert type(told) is type(lost) is errors.NoSuchModel
    assert f"has no model '{MODEL}', or not for the key from MY_KEY (404, not_found_error): correct its name" in str(
        told
    )
    assert f"http://127.0.0.1:{server.port}/api/v1/messages is not there, or knows no model '{MODEL}' (404" in str(lost)
    assert "correct the name, or base_url, which is what stands before /v1/messages" in str(lost)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 502, 503, 529])
def test_an_html_page_is_mapped_by_its_status(status: int) -> None:
    page = b"<!DOCTYPE html><html><body>billing_error</body></html>"
    error = raw_error(http(page, f"{status} X", content_type="text/html"))
    assert type(error) is type(refused(status, {}, {}, PLACE, "m"))
    assert f"({status})" in str(error)
    assert "<" not in str(error)


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[1]", b'"gone"', b'{"detail": "gone"}', b'{"error": "gone"}', b'{"error": {"type": 7}}']
)
def test_error_bodies_of_any_form_are_mapped_by_status(body: bytes) -> None:
    error = raw_error(http(body, "422 X", content_type="application/json"))
    assert type(error) is errors.BadRequest
    assert "(422)" in str(error)
    assert ("gone" in str(error)) == (b"gone" in body)


@pytest.mark.parametrize(
    ("kind", "ours"),
    [
        ("overloaded_error", errors.Overloaded),
        ("rate_limit_error", errors.RateLimited),
        ("billing_error", errors.OutOfQuota),
        ("invalid_request_error", errors.BadRequest),
        ("api_error", errors.ServerError),
        ("timeout_error", errors.CallTimeout),
        ("a_new_error", errors.ServerError),
    ],
)
def test_an_error_with_status_200_is_taken_for_what_its_type_says(kind: str, ours: type[Exception]) -> None:
    body = f'{{"type": "error", "error": {{"type": "{kind}", "message": "the \\"role\\" is odd"}}}}'.encode()
    error = raw_error(http(body, content_type="application/json"))
    assert type(error) is ours


def test_json_of_another_language_is_a_broken_body() -> None:
    error = raw_error(http(b'{"error": {"message": "worker gone"}}'))
    assert type(error) is errors.BrokenBody
    assert "answered with an error: worker gone" in str(error)


def test_how_long_to_wait_comes_over_the_wire() -> None:
    for name in ("rate_limit_exceeded", "overloaded", "server_error"):
        with LoopbackServer(lambda got, name=name: Reply(error=name, retry_after=1.25)) as server:  # type: ignore[misc]
            error = error_of(server.url)
        assert isinstance(error, errors.TransientError)
        assert error.retry_after == 1.25


# broken lines


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as plug:
        port: int = plug.getsockname()[1]
        return port


def test_a_server_that_is_down() -> None:
    port = closed_port()
    error = error_of(f"http://localhost:{port}")
    assert type(error) is errors.ConnectionLost
    assert str(error) == f"localhost:{port} refuses connections: is the server running, at this port?"


def test_a_host_that_nobody_knows() -> None:
    error = error_of("http://nobody.invalid")
    assert type(error) is errors.ConnectionLost
    assert "nobody.invalid cannot be found (DNS)" in str(error)


@pytest.mark.parametrize("answer", [Reply(reset=True), Reply(text="Hello.", close_early=True)], ids=["reset", "early"])
def test_a_connection_that_breaks(answer: Reply) -> None:
    with LoopbackServer(lambda got: answer) as server:
        error = error_of(server.url)
    assert type(error) is errors.ConnectionLost
    assert str(error) == f"127.0.0.1:{server.port} broke the connection off: try again"


@pytest.mark.parametrize(
    ("reply", "tls", "ours", "said"),
    [
        (b"", False, errors.ConnectionLost, "broke the connection off"),
        (b"SSH-2.0-OpenSSH_9\r\n", False, errors.BrokenBody, "answered with what is not HTTP"),
        (http(b"no gzip", content_encoding="gzip"), False, errors.BrokenBody, "bytes that do not decompress"),
        (http(b"\xff\xfe"), False, errors.BrokenBody, "bytes that are not UTF-8"),
        (http(b""), True, errors.ConnectionLost, "cannot be reached over TLS"),
    ],
    ids=["nothing", "not http", "bad gzip", "not utf-8", "no tls"],
)
def test_lines_that_speak_something_else(reply: bytes, tls: bool, ours: type[Exception], said: str) -> None:
    error = raw_error(reply, tls=tls)
    assert type(error) is ours
    assert said in str(error)


def test_a_message_that_no_request_can_carry() -> None:
    error = error_of(f"http://127.0.0.1:{closed_port()}", request("half a smile: \ud83d"))
    assert type(error) is errors.BadRequest
    assert "lone surrogate" in str(error)
