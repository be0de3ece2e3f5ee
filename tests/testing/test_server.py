"""The wire format, seen by the SDK's own types, and the errors as the SDK's own classes."""

import asyncio
import json
from typing import Any

import openai
import pytest
from loopback_kit import KEY, TRANSPORTS, ask, client, exchange, http, says, text_of
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from pydantic import BaseModel, Field

from synthkit.testing import ERRORS, ApiError, Limits, LoopbackServer, Reply, Request, fresh, steady


class Verdict(BaseModel):
    rationale: str
    rating: int = Field(ge=1, le=5)


def unknown_fields(model: BaseModel, where: str = "") -> list[str]:
    """Fields of a document that the SDK's types do not know."""
    found = [f"{where}.{name}" for name in model.model_extra or {}]
    for name, value in model:
        for index, part in enumerate(value if isinstance(value, list) else [value]):
            if isinstance(part, BaseModel):
                found += unknown_fields(part, f"{where}.{name}[{index}]")
    return found


def test_an_answer_is_the_whole_document_and_nothing_else() -> None:
    with LoopbackServer(lambda request: "An answer.") as server:
        status, headers, body = exchange(server, http(text="12345"))
    document = json.loads(body)
    assert status == 200
    assert headers["content-type"] == "application/json"
    assert document.pop("id").startswith("chatcmpl-")
    assert document.pop("created") > 1_700_000_000
    message: dict[str, Any] = {"role": "assistant", "content": "An answer.", "refusal": None, "annotations": []}
    assert document == {
        "object": "chat.completion",
        "model": "m",
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        "usage": {
            "prompt_tokens": 2,
            "completion_tokens": 3,
            "total_tokens": 5,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": 0,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        },
        "service_tier": "default",
        "system_fingerprint": "fp_5ca1ab1e00",
    }


@pytest.mark.parametrize("stream", [False, True])
def test_the_sdk_types_know_every_field(stream: bool) -> None:
    reply = Reply(text="some text", tool_calls=[{"name": "look", "arguments": {"up": "ä"}}])
    asked: dict[str, Any] = {
        "model": "m",
        "messages": says("hi"),
        "stream": stream,
        "n": 2,
        "logprobs": True,
        "top_logprobs": 2,
    }
    if stream:
        asked["stream_options"] = {"include_usage": True}
    with LoopbackServer(lambda request: reply) as server, openai.OpenAI(base_url=server.url, api_key=KEY) as sync:
        raw = sync.chat.completions.with_raw_response.create(**asked)
        text = raw.http_response.read().decode()
    if stream:
        documents = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: {")]
        assert text.endswith("data: [DONE]\n\n")
        models: list[BaseModel] = [ChatCompletionChunk.model_validate(document) for document in documents]
    else:
        models = [ChatCompletion.model_validate_json(text)]
    assert models and [unknown_fields(model) for model in models] == [[]] * len(models)


def test_the_headers_are_those_of_the_service() -> None:
    with LoopbackServer(latency=0.02) as server:
        _, first, _ = exchange(server, http())
        _, second, _ = exchange(server, http())
    assert first["x-request-id"].startswith("req_") and first["x-request-id"] != second["x-request-id"]
    assert int(first["openai-processing-ms"]) >= 20
    for what in ("requests", "tokens"):
        assert int(first[f"x-ratelimit-remaining-{what}"]) <= int(first[f"x-ratelimit-limit-{what}"])
        assert first[f"x-ratelimit-reset-{what}"].endswith("s")
    assert {"date", "openai-version"} <= first.keys()


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_stream_says_what_the_whole_answer_says(transport: str) -> None:
    with LoopbackServer(steady) as server:
        whole = ask(server, "tell me", transport)
        chunks = ask(server, "tell me", transport, stream=True, stream_options={"include_usage": True})
        assert server.requests[1].body["stream"] is True
        assert server.stats()["unique"] == 1  # streamed or not, it is the same question
    *said, last = chunks
    assert "".join(chunk.choices[0].delta.content or "" for chunk in said) == text_of(whole)
    assert said[0].choices[0].delta.role == "assistant"
    assert [chunk.choices[0].finish_reason for chunk in said] == [None] * (len(said) - 1) + ["stop"]
    assert all(chunk.usage is None for chunk in said) and all(chunk.obfuscation for chunk in said)
    assert last.choices == [] and last.usage == whole.usage


def test_a_stream_can_be_slow_and_plain() -> None:
    with LoopbackServer(lambda request: Reply(text="one two three", pace=0.005)) as server:
        chunks = ask(server, stream=True, stream_options={"include_obfuscation": False})
    assert [chunk.choices[0].delta.content for chunk in chunks] == ["", "one", " two", " three", None]
    assert all(chunk.obfuscation is None and chunk.usage is None for chunk in chunks)


def test_everything_a_reply_can_say_arrives() -> None:
    replies = [
        Reply(refusal="I will not."),
        Reply(tool_calls=[{"name": "look", "arguments": {"up": 1}}]),
        Reply(text="So.", reasoning="Because of this.", usage={"prompt_tokens_details": {"cached_tokens": 7}}),
        Reply(text="", finish_reason="content_filter", headers={"x-request-id": "mine"}),
    ]
    with LoopbackServer(lambda request: replies[request.number]) as server:
        refused, called, thought, filtered = (ask(server) for _ in replies)
    assert (refused.choices[0].message.refusal, refused.choices[0].message.content) == ("I will not.", None)
    call = called.choices[0].message.tool_calls[0]
    assert (call.function.name, json.loads(call.function.arguments)) == ("look", {"up": 1})
    assert called.choices[0].finish_reason == "tool_calls"
    assert thought.choices[0].message.reasoning_content == "Because of this."
    assert thought.usage.completion_tokens_details.reasoning_tokens == 4
    assert thought.usage.completion_tokens == 5
    assert thought.usage.prompt_tokens_details.cached_tokens == 7
    assert filtered.choices[0].finish_reason == "content_filter"
    assert filtered._request_id == "mine"


@pytest.mark.parametrize("stream", [False, True])
def test_a_token_limit_cuts_the_text(stream: bool) -> None:
    with LoopbackServer(lambda request: "a text of thirty-two characters.") as server:
        answer = ask(server, max_completion_tokens=3, stream=stream)
    if stream:
        assert "".join(chunk.choices[0].delta.content or "" for chunk in answer) == "a text of th"
        assert answer[-1].choices[0].finish_reason == "length"
    else:
        assert (text_of(answer), answer.choices[0].finish_reason) == ("a text of th", "length")
        assert answer.usage.completion_tokens == 3


def test_several_choices_are_several_answers() -> None:
    with LoopbackServer(steady) as server:
        answer = ask(server, n=3)
    texts = [text_of(answer, choice) for choice in range(3)]
    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    assert len(set(texts)) == 3


def test_logprobs_spell_the_text() -> None:
    with LoopbackServer(steady) as server:
        answer = ask(server, logprobs=True, top_logprobs=3)
    entries = answer.choices[0].logprobs.content
    assert "".join(entry.token for entry in entries) == text_of(answer)
    assert all(entry.logprob <= 0 and len(entry.top_logprobs) == 3 for entry in entries)


def test_steady_says_the_same_on_any_server_in_any_order() -> None:
    prompts = [f"question {number}" for number in range(5)]
    with LoopbackServer(steady) as one, LoopbackServer(steady, seed=3) as other:
        first = [text_of(ask(one, prompt)) for prompt in prompts]
        again = [text_of(ask(other, prompt)) for prompt in reversed(prompts)][::-1]
    assert first == again
    assert len(set(first)) == 5


@pytest.mark.parametrize("format", ["text", "schema", "json_object"])
def test_fresh_never_says_a_thing_twice(format: str) -> None:
    schema = {"name": "v", "strict": True, "schema": strict(Verdict)}
    form = {"type": "json_schema", "json_schema": schema} if format == "schema" else {"type": format}
    with LoopbackServer(fresh) as server:
        texts = [text_of(ask(server, "the same JSON", response_format=form)) for _ in range(4)]
        assert server.stats()["unique"] == 1
    assert len(set(texts)) == 4


def strict(model: type[BaseModel]) -> dict[str, Any]:
    schema = model.model_json_schema()
    return {**schema, "required": list(schema["properties"]), "additionalProperties": False}


def test_a_schema_gets_an_instance_of_it() -> None:
    async def parse(url: str) -> list[Verdict | None]:
        async with client(url) as connected:
            asked = [
                connected.chat.completions.parse(model="m", messages=says(f"rate {n}"), response_format=Verdict)
                for n in range(20)
            ]
            return [answer.choices[0].message.parsed for answer in await asyncio.gather(*asked)]

    with LoopbackServer(steady) as server:
        first, again = asyncio.run(parse(server.url)), asyncio.run(parse(server.url))
    assert all(isinstance(verdict, Verdict) for verdict in first)
    assert first == again
    assert {verdict.rating for verdict in first if verdict} == {1, 2, 3, 4, 5}


def test_a_prompt_that_asks_for_json_gets_json() -> None:
    with LoopbackServer(steady) as server:
        asked_in_words = text_of(ask(server, "Answer in JSON."))
        asked_in_form = text_of(ask(server, "answer in json", response_format={"type": "json_object"}))
    assert json.loads(asked_in_words).keys() == json.loads(asked_in_form).keys() == {"answer"}


CLASSES = {
    "bad_request": openai.BadRequestError,
    "content_filter": openai.BadRequestError,
    "context_length_exceeded": openai.BadRequestError,
    "forbidden": openai.PermissionDeniedError,
    "insufficient_quota": openai.RateLimitError,
    "invalid_api_key": openai.AuthenticationError,
    "model_not_found": openai.NotFoundError,
    "overloaded": openai.InternalServerError,
    "rate_limit_exceeded": openai.RateLimitError,
    "server_error": openai.InternalServerError,
    "service_unavailable": openai.InternalServerError,
}


def test_every_error_has_its_class() -> None:
    assert CLASSES.keys() == ERRORS.keys()


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("name", sorted(ERRORS))
def test_an_error_is_the_one_of_the_sdk(name: str, transport: str) -> None:
    with LoopbackServer(lambda request: Reply(error=name)) as server, pytest.raises(CLASSES[name]) as caught:
        ask(server, transport=transport, stream=name == "overloaded")
    error, expected = caught.value, ERRORS[name]
    assert isinstance(error, openai.APIStatusError)
    assert (error.status_code, error.code, error.type) == (expected.status, expected.code, expected.type)
    assert error.body == {**expected.body()["error"], "message": error.body["message"]}  # type: ignore[index]
    assert error.request_id
    assert server.answered == 0
    assert sum(server.by_fault.values()) == 1


def test_errors_can_be_given_by_status_or_in_own_words() -> None:
    replies = [
        Reply(status=503),
        Reply(status=418),
        Reply(error=ApiError(409, "Taken.", code="taken")),
        Reply(status=422, error={"error": {"message": "own body", "code": 7}}),
    ]
    caught = []
    with LoopbackServer(lambda request: replies[request.number]) as server:
        for _ in replies:
            with pytest.raises(openai.APIStatusError) as error:
                ask(server)
            caught.append((type(error.value), error.value.status_code, error.value.code))
    assert caught == [
        (openai.InternalServerError, 503, None),
        (openai.APIStatusError, 418, None),
        (openai.ConflictError, 409, "taken"),
        (openai.UnprocessableEntityError, 422, "7"),
    ]


def test_a_rate_limit_says_when_to_come_again() -> None:
    with LoopbackServer(lambda request: Reply(error="rate_limit_exceeded", retry_after=1.25)) as server:
        status, headers, _ = exchange(server, http())
    assert (status, headers["retry-after"], headers["retry-after-ms"]) == (429, "2", "1250")


def test_the_key_opens_and_is_not_kept(capfd: pytest.CaptureFixture[str]) -> None:
    with LoopbackServer(key=KEY, models=["m"]) as server:
        assert text_of(ask(server))
        with pytest.raises(openai.AuthenticationError) as wrong:
            ask(server, key="sk-wrong-one")
        with pytest.raises(openai.AuthenticationError):
            openai.OpenAI(base_url=server.url, api_key="sk-wrong-one", max_retries=0).models.list()
        status, _, missing = exchange(server, http())
        _, _, requests = exchange(server, b"GET /requests HTTP/1.1\r\nhost: x\r\n\r\n")
        kept = repr((server.requests, server.headers, server.stats(), vars(server), vars(server._desk), requests))
    assert wrong.value.code == "invalid_api_key"
    assert status == 401 and b"didn't provide an API key" in missing
    assert server.headers[0]["authorization"] == "(hidden)"
    assert server.count == 3 and server.answered == 1
    assert (server.by_fault["invalid_api_key"], server.by_fault["no_api_key"]) == (2, 1)
    said = kept + wrong.value.message + "".join(capfd.readouterr())
    assert KEY not in said and "sk-wrong-one" not in said


def test_only_the_models_that_exist_answer() -> None:
    with (
        LoopbackServer(models=["a", "b/c"]) as server,
        openai.OpenAI(base_url=server.url, api_key=KEY, max_retries=0) as sync,
    ):
        assert [model.id for model in sync.models.list()] == ["a", "b/c"]
        assert sync.models.retrieve("a").object == "model"
        for missing in (lambda: sync.models.retrieve("d"), lambda: ask(server, model="d")):
            with pytest.raises(openai.NotFoundError, match="The model `d` does not exist") as caught:
                missing()
            assert caught.value.code == "model_not_found"
        assert ask(server, model="b/c").model == "b/c"


def test_a_context_is_kept() -> None:
    with LoopbackServer(context=10) as server:
        assert text_of(ask(server, "x" * 40))
        with pytest.raises(openai.BadRequestError, match="context length is 10 tokens") as caught:
            ask(server, "x" * 41)
    assert (caught.value.code, caught.value.param) == ("context_length_exceeded", "messages")


@pytest.mark.parametrize(
    ("limits", "kind"), [(Limits(requests=2), "requests"), (Limits(requests=100, tokens=20), "tokens")]
)
def test_limits_are_told_and_kept(limits: Limits, kind: str) -> None:
    with LoopbackServer(limits=limits) as server:
        first, second, third = (exchange(server, http(text="x" * 40)) for _ in range(3))
    assert (first[0], second[0], third[0]) == (200, 200, 429)
    left = int(first[1][f"x-ratelimit-remaining-{kind}"]), int(second[1][f"x-ratelimit-remaining-{kind}"])
    assert left[0] > left[1] == 0
    error = json.loads(third[2])["error"]
    assert (error["type"], error["code"]) == (kind, "rate_limit_exceeded")
    assert 0 < int(third[1]["retry-after"]) <= 30


BAD_BODIES: list[tuple[object, str, str | None]] = [
    (b"{", "could not parse", None),
    (b"[1]", "could not parse", None),
    (b"\xff{}", "could not parse", None),
    (b'{"a": NaN}', "could not parse", None),
    (b"[" * 100_000, "could not parse", None),
    ({"messages": says("x")}, "must provide a model", None),
    ({"model": "m"}, "Missing required parameter: 'messages'", "missing_required_parameter"),
    ({"model": "m", "messages": []}, "empty array", "empty_array"),
    ({"model": "m", "messages": "x"}, "Invalid type for 'messages'", "invalid_type"),
    ({"model": "m", "messages": [3]}, "Invalid type for 'messages[0]'", "invalid_type"),
    ({"model": "m", "messages": [{"content": "x"}]}, "messages[0].role", "missing_required_parameter"),
    ({"model": "m", "messages": [{"role": "boss", "content": "x"}]}, "Invalid value: 'boss'", "invalid_value"),
    ({"model": "m", "messages": [{"role": "user"}]}, "messages[0].content", "missing_required_parameter"),
    ({"model": "m", "messages": [{"role": "user", "content": 5}]}, "messages[0].content", "invalid_type"),
    ({"model": "m", "messages": says("x"), "temperature": 3}, "<= 2, but got 3", "decimal_above_max_value"),
    ({"model": "m", "messages": says("x"), "top_p": -1}, ">= 0, but got -1", "decimal_below_min_value"),
    ({"model": "m", "messages": says("x"), "top_p": "1"}, "expected a decimal", "invalid_type"),
    ({"model": "m", "messages": says("x"), "n": 0}, ">= 1, but got 0", "integer_below_min_value"),
    ({"model": "m", "messages": says("x"), "n": 10**9}, "<= 128", "integer_above_max_value"),
    ({"model": "m", "messages": says("x"), "n": 1.5}, "expected an integer", "invalid_type"),
    (
        {"model": "m", "messages": says("x"), "response_format": {"type": "json_object"}},
        "must contain the word 'json'",
        None,
    ),
    ({"model": "m", "messages": says("x"), "response_format": {"type": "xml"}}, "'xml'", "invalid_value"),
    (
        {"model": "m", "messages": says("x"), "response_format": {"type": "json_schema"}},
        "response_format.json_schema",
        "missing_required_parameter",
    ),
    (
        {"model": "m", "messages": says("x"), "response_format": {"type": "json_schema", "json_schema": {}}},
        "json_schema.name",
        "missing_required_parameter",
    ),
]


@pytest.mark.parametrize(("body", "message", "code"), BAD_BODIES)
def test_a_bad_request_is_told_what_is_wrong(body: object, message: str, code: str | None) -> None:
    with LoopbackServer() as server:
        status, _, reply = exchange(server, http(body))
        assert text_of(ask(server))
    error = json.loads(reply)["error"]
    assert status == 400
    assert message in error["message"] and error["code"] == code
    assert error["type"] == "invalid_request_error"


def test_other_paths_and_methods_are_refused() -> None:
    with LoopbackServer() as server:
        replies = [
            exchange(server, http(path="/v1/nothing")),
            exchange(server, http(path="/chat/completions")),
            exchange(server, http(path="/v1/models")),
            exchange(server, b"GET /v1/chat/completions HTTP/1.1\r\nhost: x\r\n\r\n"),
        ]
        assert server.count == 0
    assert [status for status, _, _ in replies] == [404, 404, 405, 405]
    assert b"Invalid URL (POST /v1/nothing)" in replies[0][2]


def test_a_handler_that_fails_is_seen() -> None:
    def broken(request: Request) -> str:
        raise KeyError(f"no answer to {request.prompt}")

    with pytest.raises(KeyError, match="no answer to hi"), LoopbackServer(broken) as server:
        with pytest.raises(openai.InternalServerError, match="The answer handler failed: KeyError"):
            ask(server)
        assert server.by_fault == {"handler_failed": 1}


def test_a_handler_sees_the_request() -> None:
    seen: list[Request] = []

    def handler(request: Request) -> str:
        seen.append(request)
        return "noted"

    parts = [{"type": "text", "text": "first"}, {"type": "text", "text": "second"}]
    with LoopbackServer(handler, key=KEY) as server:
        ask(server, messages=[{"role": "system", "content": "be kind"}, {"role": "user", "content": parts}], seed=7)
        (received,) = server.requests
    (request,) = seen
    assert (request.number, request.model, request.prompt, request.schema) == (0, "m", "first\nsecond", None)
    assert request.body["seed"] == 7 and received.body == request.body
    assert request.headers["authorization"] == "(hidden)"
    assert (received.number, received.path) == (0, "/v1/chat/completions")
