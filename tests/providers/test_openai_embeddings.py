"""OpenAI's embeddings: what goes out, what is read, and services that are a little different."""

import asyncio
import base64
import json
import struct
from typing import Any

import pytest
from openai_kit import KEY, provider

from synthkit.core import Endpoint, Request, Usage, Vectors
from synthkit.errors import BadRequest, BrokenBody, NoSuchModel, OptionRefused, RateLimited
from synthkit.providers.openai import OpenAI
from synthkit.providers.openai_embeddings import body
from synthkit.testing import ApiError, LoopbackServer, Reply
from synthkit.testing import Request as Received
from synthkit.testing.loopback.wire_embeddings import made


def request(*texts: str, model: str = "m", **options: Any) -> Request:
    return Request("openai", model, (), options, inputs=texts)


def embed(url: str, *requests: Request, **options: Any) -> list[Vectors]:
    """Calls one after the other on one provider, read."""

    async def go() -> list[Vectors]:
        async with provider(url, **options) as made:
            return [made.vectors(await made.embed(one)) for one in requests]

    return asyncio.run(go())


def test_what_goes_out() -> None:
    with LoopbackServer(key=KEY) as server:
        embed(server.url, request("one", "two", dimensions=4, extra={"user": "me"}))
        (received,) = server.requests
    assert received.path == "/v1/embeddings"
    assert received.body == {
        "model": "m", "input": ["one", "two"], "encoding_format": "base64", "dimensions": 4, "user": "me",
    }  # fmt: skip


def test_the_same_goes_out_through_the_sdk() -> None:
    with LoopbackServer(key=KEY) as server:
        embed(server.url, request("one", dimensions=4))
        embed(server.url, request("one", dimensions=4), transport="sdk")
        first, second = server.requests
    assert (first.path, first.body) == (second.path, second.body)


def test_vectors_are_read_in_the_order_of_their_texts() -> None:
    with LoopbackServer() as server:
        (found,) = embed(server.url, request("one", "two"))
    floats = [struct.unpack("<32f", base64.b64decode(str(item))) for item in found.items]
    assert floats == [tuple(made("one", 32)), tuple(made("two", 32))]
    assert found.usage == Usage(2) and found.model == "m"


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ([(0, [1.0]), (1, [2.0])], [[1.0], [2.0]]),
        ([(1, [2.0]), (0, [1.0])], [[1.0], [2.0]]),
        ([(None, [1.0]), (None, [2.0])], [[1.0], [2.0]]),
        ([(0, [1.0]), (0, [2.0])], [[1.0], [2.0]]),
        ([(0, "AACAPw==")], ["AACAPw=="]),
        ([], []),
    ],
)
def test_indexes_count_where_they_are_sound(given: list[tuple[int | None, Any]], read: list[Any]) -> None:
    data = [{"index": index, "embedding": vector} for index, vector in given]
    found = OpenAI(Endpoint("http://127.0.0.1:1/v1")).vectors(json.dumps({"data": data}))
    assert list(found.items) == read and found.usage == Usage()


@pytest.mark.parametrize(
    "told",
    ['{"data": 3}', '{"data": [1]}', '{"data": [{}]}', "[]", "null", "", "<html>", '{"data": [', '{"error": {}}'],
)
def test_what_is_no_embedding_is_said_to_be_none(told: str) -> None:
    with pytest.raises(BrokenBody, match=r"^127\.0\.0\.1:1 answered with "):
        OpenAI(Endpoint("http://127.0.0.1:1/v1")).vectors(told)


@pytest.mark.parametrize("refusal", [422, 400, 413])
def test_a_service_that_knows_no_base64_is_asked_for_numbers_from_then_on(refusal: int) -> None:
    def answer(received: Received) -> Reply:
        refused = "encoding_format" in received.body
        return Reply(error=ApiError(refusal, "unknown field")) if refused else Reply()

    with LoopbackServer(answer) as server:
        found = embed(server.url, request("one"), request("two"))
        kinds = ["encoding_format" in received.body for received in server.requests]
    assert [len(one.items[0]) for one in found] == [32, 32]
    assert kinds == [True, False, False]


def test_a_refusal_is_that_of_the_texts_where_base64_is_known() -> None:
    async def go(url: str) -> None:
        async with provider(url) as made:
            await made.embed(request("fine"))
            with pytest.raises(BadRequest, match="maximum context length is 8192 tokens"):
                await made.embed(request("long " * 9000))

    with LoopbackServer() as server:
        asyncio.run(go(server.url))
        assert server.count == 2


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ApiError(400, "no", param="dimensions", code="unsupported_parameter"), OptionRefused),
        (ApiError(404, "no", code="model_not_found"), NoSuchModel),
        (ApiError(429, "slow", code="rate_limit_exceeded"), RateLimited),
    ],
)
def test_errors_are_those_of_any_call(error: ApiError, kind: type[Exception]) -> None:
    with LoopbackServer(lambda received: Reply(error=error)) as server:
        with pytest.raises(kind):
            embed(server.url, request("one", dimensions=4))
        assert server.count == 1


def test_extra_does_not_hide_what_is_part_of_every_request() -> None:
    sent = body(request("one", extra={"task": "query"}, dimensions=3), packed=False)
    assert sent == {"task": "query", "model": "m", "input": ["one"], "dimensions": 3}


@pytest.mark.parametrize(
    ("model", "own"),
    [
        ("text-embedding-3-small", {"embeddings"}),
        ("gpt-4o-mini", {"structured", "tools", "images"}),
    ],
)
def test_what_openais_own_models_can_do(model: str, own: set[str]) -> None:
    assert OpenAI(Endpoint(None)).can(model) == own
    assert OpenAI(Endpoint("http://127.0.0.1:1/v1")).can(model) == own | {"structured", "tools", "images", "embeddings"}
