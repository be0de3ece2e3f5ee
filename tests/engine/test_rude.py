"""Steps, servers and users that do what nobody expects."""

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import synthkit as sk
from synthkit.errors import ConfigError, PipelineError, StoreError
from synthkit.testing import LoopbackServer, Reply

Serve = Callable[..., LoopbackServer]


@sk.generator(writes="n")
def numbers(top: int = 20):
    for number in range(top):
        yield {"n": number}


class Rude(BaseException):
    """Not even an exception."""


class Wordless(Exception):
    """Cannot say what it is."""

    def __str__(self) -> str:
        raise ValueError("no words")


@sk.step(reads="n", writes="m")
async def rude(record: sk.Record, how: str = "exit") -> Any:
    """Leaves in ways of its own."""
    if record["n"] == 3:
        if how == "exit":
            sys.exit(0)
        raise {"cancelled": asyncio.CancelledError, "base": Rude, "closed": GeneratorExit, "mute": Wordless}[how]
    return {"m": record["n"]}


@pytest.mark.parametrize("how", ["exit", "cancelled", "base", "closed", "mute"])
def test_a_step_ends_its_record_and_not_the_run(project: Path, how: str) -> None:
    result = (sk.Pipeline("p") >> numbers >> rude(how=how)).run()
    assert (result.status, len(result.accepted)) == ("complete", 19)
    assert [(r["kind"], r["step"]) for r in result.rejected] == [("failed", "rude")]


@sk.generator(writes="n")
def leaving():
    yield {"n": 1}
    sys.exit(0)


def test_a_generator_that_exits_is_named(project: Path) -> None:
    with pytest.raises(sk.errors.UsageError, match="the generator leaving failed: SystemExit: 0"):
        (sk.Pipeline("p") >> leaving).run(folder="run")
    assert json.loads(Path("run/run.json").read_text("utf-8"))["status"] == "failed"


@sk.filter(reads="n")
def wordy(record: sk.Record) -> Any:
    """Says something in place of yes or no."""
    return "too short"


def test_a_filter_that_returns_text_is_a_failure(project: Path) -> None:
    result = (sk.Pipeline("p") >> numbers(top=3) >> wordy).run()
    assert result.status == "failed"
    assert {r["reason"] for r in result.rejected} == {"bad result"}


def test_a_folder_that_is_not_empty_is_left_alone(project: Path) -> None:
    Path("d").mkdir()
    Path("d/accepted.jsonl").write_text("MINE", "utf-8")
    with pytest.raises(StoreError, match=r"d is not empty \(there is accepted.jsonl\): name a new folder"):
        (sk.Pipeline("p") >> numbers).run(folder="d")
    assert Path("d/accepted.jsonl").read_text("utf-8") == "MINE"


def test_a_target_that_is_no_number_is_named(project: Path) -> None:
    with pytest.raises(PipelineError, match="the target of 'p' is 'x': give a whole number"):
        sk.Pipeline("p", target="x")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="target is '5': give a whole number"):
        (sk.Pipeline("p") >> numbers).run(target="5")  # type: ignore[arg-type]


class Ask(sk.Prompt):
    """Asks."""

    template = "Say {{ n }}"


@pytest.mark.parametrize("escape", ["slash", "letters"])
def test_a_key_that_is_repeated_in_escapes_is_hidden(
    serve: Serve, project: Path, monkeypatch: pytest.MonkeyPatch, escape: str
) -> None:
    key = "ab/cd+a-longer-key-0123456789"
    monkeypatch.setenv("OPENAI_API_KEY", key)
    said = key.replace("/", "\\/") if escape == "slash" else "".join(f"\\u{ord(c):04x}" for c in key)
    message = '{"role": "assistant", "content": "your key is %s, thank you"}' % said  # noqa: UP031
    body = '{"choices": [{"index": 0, "finish_reason": "stop", "message": %s}]}' % message  # noqa: UP031
    serve(answer=lambda request: Reply(raw=body.encode()))
    result = (sk.Pipeline("p") >> numbers(top=3) >> Ask(model="m")).run()
    assert [r["text"] for r in result.accepted] == ["your key is ***, thank you"] * 3
    again = (sk.Pipeline("p") >> numbers(top=3) >> Ask(model="m")).run(offline=True)
    assert [r["text"] for r in again.accepted] == ["your key is ***, thank you"] * 3


def test_a_redirect_is_not_followed(serve: Serve, project: Path) -> None:
    other = serve("other", answer=lambda request: "stolen")
    goal = {"location": f"{other.url}/chat/completions"}
    serve("m", answer=lambda request: Reply(status=302, headers=goal, raw=b""))
    result = (sk.Pipeline("p") >> numbers(top=3) >> Ask(model="m")).run()
    assert result.status == "failed"
    assert "redirects to 127.0.0.1" in result.reason and "correct base_url" in result.reason
    assert other.count == 0


def test_absurd_usage_is_no_usage(serve: Serve, project: Path) -> None:
    with (project / "synthkit.toml").open("a") as file:
        file.write('[prices."openai/m"]\ninput = 1\noutput = 1\n')
    serve(answer=lambda request: Reply(text="yes", usage={"prompt_tokens": int("9" * 4000)}))
    result = (sk.Pipeline("p") >> numbers(top=3) >> Ask(model="m")).run()
    assert (result.status, len(result.accepted)) == ("complete", 3)
    assert result.cost is None, "unknown, and not free"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"temperature": "hot"}, "temperature='hot' must be a number"),
        ({"temperature": float("nan")}, "temperature=nan must be a number"),
        ({"max_tokens": -5}, "max_tokens=-5 must be a whole number from 1 on"),
        ({"stop": [""]}, r"stop=\[''\] must be a text, or several"),
    ],
)
def test_options_are_checked_by_value(project: Path, options: dict[str, Any], said: str) -> None:
    with pytest.raises(PipelineError, match=f"ask: demo/default: {said}"):
        (sk.Pipeline("p") >> numbers(top=3) >> Ask(model="demo/default", options=options)).run()
