"""What the command line says of models: options that they do not take, before a run and after it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cli_kit import Cli

from synthkit.testing import ApiError, LoopbackServer, Reply

ASK = '''
import synthkit as sk
from synthkit.generators import Rows


class Wild(sk.Prompt):
    """Describes a city, wildly."""

    template = "Describe {{ city }}."
    wishes = {"temperature": 1.5, "top_p": 0.9}


def pipeline(model: str = "m", temperature: float | None = None) -> sk.Pipeline:
    """A sentence about each city."""
    options = {} if temperature is None else {"temperature": temperature}
    return sk.Pipeline("ask") >> Rows([{"city": "Rome"}, {"city": "Oslo"}]) >> Wild(model, options=options)
'''


@pytest.fixture
def asking(place: Path) -> Path:
    (place / "ask.py").write_text(ASK)
    return place


def picky(request: Any) -> Any:
    """A model that does not take a temperature."""
    if "temperature" in request.body:
        text = "Unsupported parameter: 'temperature' is not supported with this model."
        return Reply(error=ApiError(400, text, param="temperature", code="unsupported_parameter"))
    return "It is there."


@pytest.mark.parametrize("model", ["openai/o3", "openai/gpt-5-mini", "openai-responses/gpt-6-astra"])
def test_a_demand_that_a_model_does_not_take_is_refused_by_the_check(
    cli: Cli, project: Path, asking: Path, model: str
) -> None:
    assert cli("check", "ask.py", "--model", model).code == 0
    said = cli("check", "ask.py", "--model", model, "--temperature", "0.2")
    assert said.code == 2
    expected = (
        f"synthkit: error: ask.py: wild: {model} does not take temperature: leave it out; it takes extra, max_tokens"
    )
    assert said.err.startswith(expected)


def test_a_wish_that_was_dropped_is_told_once_and_later_runs_find_their_answers(
    cli: Cli, asking: Path, serve: Callable[..., LoopbackServer]
) -> None:
    server = serve(answer=picky)
    said = cli("run", "ask.py")
    assert said.code == 0
    assert said.out.count("m does not take temperature, so it was asked without") == 1
    count = server.count
    again = cli("run", "ask.py", "--offline")
    assert again.code == 0 and again.out.count("m does not take temperature, so it was asked without") == 1
    assert (asking / "runs/ask-002/accepted.jsonl").read_bytes() == (
        asking / "runs/ask-001/accepted.jsonl"
    ).read_bytes()
    assert server.count == count


def test_a_demand_that_only_the_service_refuses_stops_the_run_in_one_sentence(
    cli: Cli, asking: Path, serve: Callable[..., LoopbackServer]
) -> None:
    server = serve(answer=picky)
    said = cli("run", "ask.py", "--temperature", "0.2")
    assert said.code != 0 and server.answered == 0
    text = " ".join((said.out + said.err).split())
    assert "m does not take temperature: leave it out; 127.0.0.1:" in text
    assert "Traceback" not in text
