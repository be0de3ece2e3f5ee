"""Limits of input and output apart, as Anthropic keeps them, and how its errors and headers tell of them."""

import asyncio

import anthropic
import openai
import pytest

from synthkit.core import Endpoint, Quotas
from synthkit.core import Request as Asked
from synthkit.errors import RateLimited
from synthkit.providers.anthropic import Anthropic
from synthkit.testing import Limits, LoopbackServer, Reply
from synthkit.testing.loopback.limits import Gate

MODEL = "claude-opus-5-5"


def ask(server: LoopbackServer, text: str = "x" * 40) -> anthropic.types.Message:
    with anthropic.Anthropic(base_url=server.url.removesuffix("/v1"), api_key="k", max_retries=0) as client:
        return client.messages.create(model=MODEL, max_tokens=1000, messages=[{"role": "user", "content": text}])


def test_a_limit_of_input_is_kept_and_told_in_the_services_words() -> None:
    with LoopbackServer(limits=Limits(requests=100, input=30, output=10_000)) as server:
        ask(server)
        with pytest.raises(anthropic.RateLimitError) as caught:
            ask(server, "x" * 100)
        assert server.count == 2 and server.answered == 1
    assert caught.value.body["error"]["type"] == "rate_limit_error"  # type: ignore[index]
    assert "your organization's rate limit of 30 input tokens per minute" in caught.value.message
    headers = caught.value.response.headers
    assert float(headers["retry-after"]) > 0
    assert headers["anthropic-ratelimit-input-tokens-limit"] == "30"
    assert headers["anthropic-ratelimit-tokens-limit"] == "10030"
    assert headers["anthropic-ratelimit-output-tokens-limit"] == "10000"


def test_a_limit_of_output_counts_what_was_made_and_refuses_what_comes_then() -> None:
    with LoopbackServer(
        lambda got: Reply(text="y" * 4000), limits=Limits(requests=100, input=10_000, output=900)
    ) as server:
        assert ask(server).usage.output_tokens == 1000
        with pytest.raises(anthropic.RateLimitError, match="rate limit of 900 output tokens per minute") as caught:
            ask(server)
    headers = caught.value.response.headers
    assert headers["anthropic-ratelimit-output-tokens-remaining"] == "0"
    assert headers["anthropic-ratelimit-tokens-limit"] == "10900"
    assert headers["anthropic-ratelimit-input-tokens-limit"] == "10000"
    assert int(headers["anthropic-ratelimit-input-tokens-remaining"]) > 9000
    assert float(headers["retry-after"]) > 0


def test_a_provider_reads_input_and_output_of_it_apart() -> None:
    heard: list[Quotas] = []

    async def go(url: str) -> None:
        made = Anthropic(Endpoint(url, "k"))
        made.notice = heard.append
        asked = Asked("anthropic", MODEL, [{"role": "user", "content": "x" * 400}], options={"max_tokens": 1000})
        await made.call(asked, "0")
        with pytest.raises(RateLimited) as caught:
            await made.call(asked, "0")
        assert caught.value.retry_after is not None
        await made.close()

    with LoopbackServer(lambda got: Reply(text="y" * 200), limits=Limits(50, input=150, output=5000)) as server:
        asyncio.run(go(server.url))
    for quotas in heard:
        assert quotas.tokens is not None and quotas.input is not None and quotas.output is not None
        assert (quotas.tokens.most, quotas.input.most, quotas.output.most) == (5150, 150, 5000)
        assert quotas.input.left is not None and quotas.input.left < 150
        assert quotas.output.left == 4950
        assert quotas.input.whole_in is not None and 0 < quotas.input.whole_in <= 60
    assert len(heard) == 2


def test_output_flows_back_and_input_is_never_owed() -> None:
    gate = Gate(Limits(requests=60, input=600, output=60))
    assert gate.enter(600, 0.0) is None
    gate.made(120)
    levels = {name: (limit, left) for name, limit, left, _ in gate.levels()}
    assert levels["input-tokens"] == (600, 0) and levels["output-tokens"] == (60, 0)
    refused = gate.enter(0, 30.0)
    assert refused is not None and refused.retry_after == pytest.approx(31.0)
    refused = gate.enter(0, 60.0)
    assert refused is not None and refused.retry_after == pytest.approx(1.0)
    assert gate.enter(600, 61.0) is None


def test_a_limit_for_both_is_told_where_less_is_left_of_it() -> None:
    limits = Limits(requests=100, tokens=500, input=1000, output=1000)
    with (
        LoopbackServer(limits=limits) as server,
        anthropic.Anthropic(base_url=server.url.removesuffix("/v1"), api_key="k", max_retries=0) as client,
    ):
        raw = client.messages.with_raw_response
        headers = raw.create(model=MODEL, max_tokens=100, messages=[{"role": "user", "content": "x"}]).headers
    told = {kind: headers[f"anthropic-ratelimit-{kind}-limit"] for kind in ("tokens", "input-tokens", "output-tokens")}
    assert told == {"tokens": "500", "input-tokens": "1000", "output-tokens": "1000"}


@pytest.mark.parametrize("limits", [None, Limits(requests=5), Limits(requests=5, tokens=100)])
def test_without_limits_of_its_own_output_is_not_counted(limits: Limits | None) -> None:
    gate = Gate(limits)
    gate.made(10**15)
    assert [name for name, *_ in gate.levels()] == ["requests", "tokens"]
    assert gate.enter(1, 0.0) is None


def test_a_limit_for_both_takes_the_larger_of_input_and_of_what_may_be_answered_when_a_request_comes() -> None:
    gate = Gate(Limits(requests=100, tokens=600))
    assert gate.enter(50, 0.0, most=400) is None
    assert gate.levels()[1][2] == 200
    assert gate.enter(150, 0.0, most=100) is None
    gate.made(10)
    assert gate.levels()[1][2] == 50, "what is made changes nothing"
    refused = gate.enter(1, 0.0, most=100)
    assert refused is not None and refused.retry_after == pytest.approx(5.0)


def test_in_anthropics_language_output_counts_for_both_when_it_is_made() -> None:
    with LoopbackServer(lambda got: Reply(text="y" * 400), limits=Limits(requests=100, tokens=110)) as server:
        assert ask(server).usage.output_tokens == 100
        with pytest.raises(anthropic.RateLimitError, match="rate limit of 110 tokens per minute"):
            ask(server)


def test_openais_worst_case_is_told_in_its_headers() -> None:
    with (
        LoopbackServer(limits=Limits(requests=100, tokens=3000)) as server,
        openai.OpenAI(base_url=server.url, api_key="k", max_retries=0) as client,
    ):
        raw = client.chat.completions.with_raw_response
        headers = raw.create(model="m", max_tokens=1000, n=2, messages=[{"role": "user", "content": "x"}]).headers
    assert 1000 <= int(headers["x-ratelimit-remaining-tokens"]) <= 1100
