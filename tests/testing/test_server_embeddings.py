"""`/embeddings`, seen by the SDK's own types, and its limits."""

import asyncio
from typing import Any

import openai
import pytest
from loopback_kit import client
from openai.types import CreateEmbeddingResponse

from synthkit.testing import LoopbackServer, Reply, Request
from synthkit.testing.loopback.wire_embeddings import made


def embed(server: LoopbackServer, given: Any, **options: Any) -> CreateEmbeddingResponse:
    """One call through the SDK."""

    async def go() -> CreateEmbeddingResponse:
        async with client(server.url) as connected:
            found: CreateEmbeddingResponse = await connected.embeddings.create(
                input=given, **{"model": "text-embedding-3-small", **options}
            )
            return found

    return asyncio.run(go())


@pytest.mark.parametrize("form", ["float", "base64", None])
def test_a_list_of_texts(form: str | None) -> None:
    with LoopbackServer() as server:
        found = embed(server, ["one", "two words"], **({"encoding_format": form} if form else {}))
    assert [item.index for item in found.data] == [0, 1]
    assert found.object == "list" and found.model == "text-embedding-3-small"
    assert (found.usage.prompt_tokens, found.usage.total_tokens) == (4, 4)
    if form != "base64":  # asked for by name, it is left as it came
        assert [len(item.embedding) for item in found.data] == [1536, 1536]
        assert found.data[0].embedding == pytest.approx(made("one", 1536))
        assert sum(number**2 for number in found.data[1].embedding) == pytest.approx(1, abs=1e-4)


def test_one_text_and_fewer_dimensions() -> None:
    with LoopbackServer() as server:
        assert len(embed(server, "one", dimensions=16).data[0].embedding) == 16
        assert len(embed(server, "one", model="text-embedding-3-large").data[0].embedding) == 3072


def test_a_handler_gives_vectors_of_its_own() -> None:
    def answer(request: Request) -> Reply:
        assert request.prompt == request.inputs[-1]
        return Reply(vectors=[[float(len(text))] for text in request.inputs])

    with LoopbackServer(answer) as server:
        assert [item.embedding for item in embed(server, ["a", "bcd"]).data] == [[1.0], [3.0]]


@pytest.mark.parametrize(
    ("given", "options", "said"),
    [
        ([], {}, "'$.input' is invalid"),
        ("", {}, "'$.input' is invalid"),
        (["fine", ""], {}, "'$.input' is invalid"),
        (["a"] * 2049, {}, "maximum length 2048"),
        ("long " * 8192, {}, "maximum context length is 8192 tokens, however you requested 10240"),
        (["long " * 5000] * 50, {}, "max 300000 tokens per request"),
        ("a", {"dimensions": 4096}, "Must be less than or equal to 1536"),
        ("a", {"dimensions": 0}, "Invalid value for 'dimensions'"),
        ("a", {"model": "text-embedding-ada-002", "dimensions": 8}, "does not support specifying dimensions"),
        ("a", {"encoding_format": "hex"}, "Supported values are: 'float' and 'base64'"),
        ("a", {"extra_body": {"temperature": 1}}, "Unrecognized request argument supplied: temperature"),
    ],
)
def test_what_the_service_refuses(given: Any, options: dict[str, Any], said: str) -> None:
    with LoopbackServer() as server:
        with pytest.raises(openai.BadRequestError) as caught:
            embed(server, given, **options)
        assert sum(server.by_fault.values()) == 1
    assert said in str(caught.value)


def test_a_context_of_ones_own() -> None:
    with LoopbackServer(context=10) as server:
        assert len(embed(server, ["four words of it"] * 5).data) == 5  # each by itself
        with pytest.raises(openai.BadRequestError, match="maximum context length is 10 tokens"):
            embed(server, ["a", "many more words than that model reads at once"])
