"""What replies tell of limits: OpenAI's headers and Anthropic's, those of others, and hostile ones."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest
from anthropic_kit import MODEL

from synthkit.core import Endpoint, Quota, Quotas, Request
from synthkit.errors import CallError
from synthkit.providers._limits import AnthropicGauge, Gauge, OpenAIGauge, duration, number
from synthkit.providers.anthropic import Anthropic
from synthkit.providers.openai import OpenAI
from synthkit.providers.openai_responses import OpenAIResponses
from synthkit.testing import Limits, LoopbackServer, Reply

DATE = "Sat, 21 Nov 2026 12:00:00 GMT"


def read(kind: type[Gauge], *replies: Mapping[str, str]) -> list[Quotas]:
    heard: list[Quotas] = []
    gauge = kind(heard.append)
    for headers in replies:
        gauge.read(headers)
    return heard


def openai(**told: str) -> Mapping[str, str]:
    return {f"x-ratelimit-{name.replace('_', '-')}": value for name, value in told.items()}


def anthropic(**told: str) -> Mapping[str, str]:
    return {"date": DATE} | {f"anthropic-ratelimit-{name.replace('_', '-')}": value for name, value in told.items()}


def test_openais_headers_as_its_documentation_shows_them() -> None:
    told = openai(
        limit_requests="60",
        limit_tokens="150000",
        remaining_requests="59",
        remaining_tokens="149984",
        reset_requests="1s",
        reset_tokens="6m0s",
    )
    assert read(OpenAIGauge, told) == [Quotas(requests=Quota(60, 59, 1.0), tokens=Quota(None, 149984, 360.0))]
    told = {**told, "x-ratelimit-remaining-tokens": "100", "x-ratelimit-reset-tokens": "59.96s"}
    assert read(OpenAIGauge, told) == [Quotas(requests=Quota(60, 59, 1.0), tokens=Quota(150000, 100, 59.96))]


def test_anthropics_headers_and_input_and_output_are_not_swapped() -> None:
    told = anthropic(
        requests_limit="4000",
        requests_remaining="3999",
        requests_reset="2026-11-21T12:00:01Z",
        tokens_limit="480000",
        tokens_remaining="470000",
        tokens_reset="2026-11-21T12:00:05Z",
        input_tokens_limit="400000",
        input_tokens_remaining="396000",
        input_tokens_reset="2026-11-21T12:00:03Z",
        output_tokens_limit="80000",
        output_tokens_remaining="72000",
        output_tokens_reset="2026-11-21T12:00:06Z",
    )
    assert read(AnthropicGauge, told) == [
        Quotas(
            requests=Quota(4000, 3999, 1.0),
            tokens=Quota(480000, 470000, 5.0),
            input=Quota(400000, 396000, 3.0),
            output=Quota(80000, 72000, 6.0),
        )
    ]
    together = {name: value for name, value in told.items() if "put-tokens" not in name}
    assert read(AnthropicGauge, together) == [
        Quotas(requests=Quota(4000, 3999, 1.0), tokens=Quota(480000, 470000, 5.0))
    ]


def test_a_reset_counts_from_the_replys_own_date() -> None:
    told = anthropic(input_tokens_limit="100", input_tokens_remaining="0", input_tokens_reset="2026-11-21T12:00:30Z")
    later = {**told, "date": "Sat, 21 Nov 2026 12:00:20 GMT"}
    past = {**told, "date": "Sat, 21 Nov 2026 12:01:00 GMT"}
    zoned = {**told, "anthropic-ratelimit-input-tokens-reset": "2026-11-21T13:00:30.5+01:00"}
    undated = {name: value for name, value in told.items() if name != "date"}
    heard = read(AnthropicGauge, told, later, past, zoned, undated)
    assert [quotas.input and quotas.input.whole_in for quotas in heard] == [30.0, 10.0, 0.0, 30.5, None]


@pytest.mark.parametrize(
    ("told", "heard"),
    [
        (openai(remaining_requests="7"), Quotas(requests=Quota(None, 7, None))),  # Azure
        (openai(limit_tokens="1000", remaining_tokens="1000"), Quotas(tokens=Quota(1000, 1000, None))),
        # Groq's requests are a day's, its tokens a minute's
        (
            openai(
                limit_requests="14400", remaining_requests="14370", reset_requests="2m59.56s",
                limit_tokens="18000", remaining_tokens="17997", reset_tokens="7.66ms",
            ),
            Quotas(requests=Quota(None, 14370, 179.56), tokens=Quota(18000, 17997, 0.00766)),
        ),
        (openai(limit_requests="10", remaining_requests="0", reset_requests="60"), Quotas(Quota(10, 0, 60.0))),
        (openai(limit_requests="10", remaining_requests="99"), Quotas(Quota(10, 10, None))),
        (openai(limit_requests="0", remaining_requests="0", reset_requests="1s"), Quotas(Quota(0, 0, 1.0))),
    ],
)  # fmt: skip
def test_services_that_send_a_part_of_them(told: Mapping[str, str], heard: Quotas) -> None:
    assert read(OpenAIGauge, told) == [heard]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("6m0s", 360.0), ("120ms", 0.12), ("1h2m3s", 3723.0), ("1s", 1.0), ("0s", 0.0), ("8.64s", 8.64),
        ("24h0m0s", 86400.0), ("1d2h", 93600.0), ("2m59.56s", 179.56), ("1m30ms", 60.03), ("12", 12.0), ("0.5", 0.5),
        ("", None), ("s", None), ("-1s", None), ("nan", None), ("inf", None), ("1e9s", None), ("3s2m", None),
        ("1s1s", None), ("99999999999s", None), ("9" * 400, None), ("1h" * 50, None), ("٣s", None), ("1s\x00", None),
        ("1.s", None), (None, None),
    ],
)  # fmt: skip
def test_durations(text: str | None, seconds: float | None) -> None:
    assert duration(text) == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize("text", ["nan", "inf", "-5", "1e3", "", " ", "9" * 40, "1,000", "0x10", "٣", "none", "1\x002"])
def test_hostile_numbers_are_none(text: str) -> None:
    assert number(text) is None
    assert read(OpenAIGauge, openai(limit_requests=text, remaining_tokens=text, reset_tokens="1s")) == []
    assert read(AnthropicGauge, anthropic(input_tokens_limit=text, input_tokens_remaining=text)) == []


@pytest.mark.parametrize(
    "text", ["", "soon", "2026-11-21T12:00:01", "12", "9999999999", "2026-13-45T00:00:00Z", "9" * 99]
)
def test_hostile_times_are_none(text: str) -> None:
    told = anthropic(requests_limit="5", requests_remaining="4", requests_reset=text)
    assert read(AnthropicGauge, told) == [Quotas(requests=Quota(5, 4, None))]
    told = {**anthropic(requests_limit="5", requests_reset="2026-11-21T12:00:01Z"), "date": text}
    assert read(AnthropicGauge, told) == [Quotas(requests=Quota(5, None, None))]


def test_headers_that_are_alike_are_parsed_once_and_told_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed = []
    usual = OpenAIGauge.quotas

    def counted(self: OpenAIGauge, values: Sequence[str | None], date: str | None) -> Quotas | None:
        parsed.append(values)
        return usual(self, values, date)

    monkeypatch.setattr(OpenAIGauge, "quotas", counted)
    first, second = openai(remaining_requests="0", reset_requests="1s"), openai(remaining_requests="1")
    heard = read(OpenAIGauge, {}, first, first, {"x-other": "1"}, second, second, {}, first)
    assert [quotas.requests and quotas.requests.left for quotas in heard] == [0, 0, 1, 1, 0]
    assert len(parsed) == 3


@pytest.mark.parametrize("transport", [{}, {"transport": "sdk"}], ids=["wire", "sdk"])
@pytest.mark.parametrize("kind", [OpenAI, OpenAIResponses, Anthropic])
def test_a_provider_tells_what_each_reply_says_good_or_bad(
    kind: type[OpenAI] | type[OpenAIResponses] | type[Anthropic], transport: Mapping[str, str]
) -> None:
    heard: list[Quotas] = []
    api = {OpenAI: "openai", OpenAIResponses: "openai-responses", Anthropic: "anthropic"}[kind]

    async def go(url: str) -> None:
        made = kind(Endpoint(url, "k", settings=transport))
        made.notice = heard.append
        asked = Request(api, MODEL, [{"role": "user", "content": "x"}], options={"max_tokens": 100})
        for _ in range(3):
            try:
                await made.call(asked, "0")
            except CallError as error:
                heard.append(Quotas())
                assert error.reason in ("rate limit", "server error")
        await made.close()

    def answer(got: object) -> Reply:
        return Reply(error="server_error") if server.count == 2 else Reply(text="Hello.")

    with LoopbackServer(answer, limits=Limits(requests=2, tokens=1000)) as server:
        asyncio.run(go(server.url))
    lefts = [quotas.requests.left if quotas.requests else None for quotas in heard]
    assert lefts == [1, 0, None, 0, None]
    assert all(quotas.requests.most == 2 for quotas in heard if quotas.requests)
