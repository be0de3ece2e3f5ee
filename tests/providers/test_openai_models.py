"""What OpenAI's own models take, by their names; other services' models, of which nothing is assumed."""

import pytest
from openai_kit import APIS, request

from synthkit.core import Endpoint
from synthkit.providers.openai import ELSEWHERE, OpenAI
from synthkit.providers.openai_models import EFFORTS, SAMPLING, traits
from synthkit.providers.openai_responses import OpenAIResponses

OWN = Endpoint(key="a key")
CHAT, RESPONSES = OpenAI(OWN), OpenAIResponses(OWN)
ALWAYS = [
    *("o1", "o3", "o3-mini", "o4-mini-2025-04-16", "gpt-5", "gpt-5-mini", "gpt-5-nano-2025-08-07", "gpt-5-codex"),
    *("gpt-5.1-codex", "gpt-5.2-pro", "gpt-5.5-pro", "gpt-5.1-chat-latest", "gpt-5.3-chat-latest", "gpt-6-astra"),
    "ft:o4-mini-2025-04-16:mine::abc",
]
ON_REQUEST = ["gpt-5.1", "gpt-5.2", "gpt-5.3-codex", "gpt-5.4", "gpt-5.4-mini-2026-03-17"]
ON_BY_DEFAULT = ["gpt-5.5", "gpt-5.6-sol", "gpt-5.6-luna"]
PLAIN = [
    "gpt-4o",
    "gpt-4o-mini-2024-07-18",
    "gpt-4.1",
    "gpt-4",
    "gpt-3.5-turbo",
    "gpt-5-chat-latest",
    "chatgpt-4o-latest",
]
UNKNOWN = ["o-mega", "gpt-oss-120b", "qwen3", "babbage-002"]


@pytest.mark.parametrize("model", ALWAYS)
def test_models_that_always_reason_take_no_sampling_options(model: str) -> None:
    for provider in (CHAT, RESPONSES):
        assert not SAMPLING & provider.takes(model)
        assert {"max_tokens", "reasoning_effort", "extra"} <= provider.takes(model)


@pytest.mark.parametrize("model", [*ON_REQUEST, *ON_BY_DEFAULT])
def test_models_that_can_do_without_reasoning_take_them_then(model: str) -> None:
    asked = {"temperature": 0.5, "stop": "x", "max_tokens": 100}
    for provider in (CHAT, RESPONSES):
        assert {"temperature", "top_p", "reasoning_effort"} <= provider.takes(model)
        assert provider.clashes(model, {**asked, "reasoning_effort": "high"}) == {"temperature", "stop"}
        assert provider.clashes(model, {**asked, "reasoning_effort": "none"}) == frozenset()
        assert provider.clashes(model, asked) == ({"temperature", "stop"} if model in ON_BY_DEFAULT else frozenset())
        assert provider.clashes(model, {"max_tokens": 100, "reasoning_effort": "high"}) == frozenset()


@pytest.mark.parametrize("model", PLAIN)
def test_models_that_do_not_reason_take_no_effort(model: str) -> None:
    assert CHAT.takes(model) == OpenAI.options - ELSEWHERE - {"reasoning_effort"}
    assert RESPONSES.takes(model) == OpenAIResponses.options - {"reasoning_effort"}
    assert CHAT.clashes(model, {"temperature": 1.0}) == frozenset()


@pytest.mark.parametrize("model", UNKNOWN)
def test_of_names_that_are_not_known_nothing_is_assumed(model: str) -> None:
    assert traits(model) is None
    assert CHAT.takes(model) == OpenAI.options - ELSEWHERE
    assert CHAT.clashes(model, {"temperature": 1.0, "reasoning_effort": "high"}) == frozenset()


@pytest.mark.parametrize(
    "url", ["http://localhost:8000/v1", "https://openrouter.ai/api/v1", "https://api.openai.com.x.org/v1"]
)
def test_of_other_services_nothing_is_assumed(url: str) -> None:
    for api, provider in APIS.items():
        made = provider(Endpoint(url))
        for model in ("o3", "gpt-5", "gpt-4o"):
            assert made.takes(model) == provider.options
            assert made.clashes(model, {"temperature": 1.0, "reasoning_effort": "high"}) == frozenset()
            assert made.objection(request(model=model, api=api, options={"max_tokens": 1})) is None
            assert made.unfit(model, {"type": "object"}) is None


def test_azure_has_deployments_whose_names_say_nothing() -> None:
    made = OpenAI(Endpoint("https://mine.openai.azure.com/openai/v1/"))
    assert made.takes("o3") == OpenAI.options - ELSEWHERE
    assert made.clashes("gpt-5", {"temperature": 1.0}) == frozenset()
    said = made.unfit("o3", {"type": "object"})
    assert said == "the answer itself is a mapping with free names: name its fields, or make it a list of pairs"


def test_a_search_model_takes_no_sampling_options() -> None:
    assert CHAT.takes("gpt-4o-search-preview") == {"max_tokens", "extra"}


@pytest.mark.parametrize("model", ["o1-pro", "o3-pro", "gpt-5-pro", "gpt-5.5-pro", "gpt-5-codex", "o3-deep-research"])
def test_models_of_the_other_api_are_sent_there(model: str) -> None:
    said = CHAT.objection(request(model=model))
    assert said == f"openai/{model} answers over the Responses API only: use openai-responses/{model}"
    assert RESPONSES.objection(request(model=model, api="openai-responses")) is None


TOOL = {"type": "function", "function": {"name": "t", "parameters": {"type": "object", "properties": {}}}}


@pytest.mark.parametrize(
    ("model", "effort", "there"),
    [
        ("gpt-4o", None, True),
        ("gpt-5", "high", True),
        ("gpt-5.2", "high", True),
        ("gpt-5.4", None, True),
        ("gpt-5.4", "low", False),
        ("gpt-5.6-luna", None, False),
        ("gpt-5.6-luna", "none", True),
        ("gpt-6-astra", None, False),
    ],
)
def test_newer_models_call_tools_over_the_other_api_while_they_reason(
    model: str, effort: str | None, there: bool
) -> None:
    options = {"reasoning_effort": effort} if effort else {}
    said = CHAT.objection(request(model=model, options=options, tools=[TOOL]))
    assert (said is None) == there
    if said is not None:
        way = "" if model == "gpt-6-astra" else ', or set reasoning_effort = "none"'
        assert said == f"openai/{model} calls tools over the Responses API only: use openai-responses/{model}{way}"
    assert RESPONSES.objection(request(model=model, api="openai-responses", options=options, tools=[TOOL])) is None


def test_an_effort_that_there_is_not_is_refused() -> None:
    for api, provider in APIS.items():
        for effort in EFFORTS:
            assert provider(OWN).objection(request(model="x", api=api, options={"reasoning_effort": effort})) is None
        asked = request(model="x", api=api, options={"reasoning_effort": "huge"})
        assert provider(Endpoint("http://localhost:11434/v1")).objection(asked) is None, "other models have other names"
        said = provider(OWN).objection(asked)
        assert said == (
            f"{api}/x takes no reasoning_effort 'huge': give one of none, minimal, low, medium, high, xhigh, max"
        )


@pytest.mark.parametrize(
    ("api", "extra", "said"),
    [
        ("openai", {"model": "x"}, "`extra` cannot set model, which openai/m is told otherwise: leave it out there"),
        ("openai", {"messages": []}, "`extra` cannot set messages, which"),
        ("openai", {"stream": True}, "`extra` cannot set stream, which"),
        ("openai", {"max_completion_tokens": 3}, "`extra` cannot set max_completion_tokens, which"),
        ("openai", {"temperature": 1}, "`extra` cannot set temperature, which is an option of its own: set that"),
        ("openai-responses", {"input": "x"}, "`extra` cannot set input, which openai-responses/m is told otherwise"),
        ("openai-responses", {"background": True}, "`extra` cannot set background, which"),
        ("openai-responses", {"top_p": 1}, "`extra` cannot set top_p, which is an option of its own: set that"),
    ],
)
def test_what_extra_cannot_set(api: str, extra: dict[str, object], said: str) -> None:
    objection = APIS[api](OWN).objection(request(api=api, options={"extra": extra}))
    assert objection is not None and objection.startswith(said)


def test_the_responses_api_takes_no_very_low_limit() -> None:
    asked = request(model="gpt-4o", api="openai-responses", options={"max_tokens": 15})
    assert RESPONSES.objection(asked) == "openai-responses/gpt-4o takes no max_tokens of 15: give 16 or more"
    assert RESPONSES.objection(asked.replaced(options={"max_tokens": 16})) is None
