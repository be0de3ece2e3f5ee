"""Whole runs on a Claude model: from a pipeline through the journal to records, their cost, and back without a call."""

import subprocess
import sys
from pathlib import Path
from typing import ClassVar, Literal

import pytest
from pydantic import BaseModel

from synthkit import Pipeline, Prompt
from synthkit.engine.result import Result
from synthkit.errors import PipelineError
from synthkit.generators import Rows
from synthkit.testing import Faults, LoopbackServer, demo, fresh

FILE = Path(__file__).resolve().parents[2] / "pipelines" / "instructions.py"
KEY = "sk-ant-api03-0123456789abcdef"
PRICES = "[prices.teacher]\ninput = 4\noutput = 20\ncached = 0.2\nwritten = 5\n"


class Tag(Prompt):
    """A prompt whose beginning is the same for all records."""

    system: str | None = "You sort letters of customers into boxes. " * 100
    template: str = "Sort this letter: {{ letter }}"

    class Out(BaseModel):
        box: Literal["praise", "blame"]
        why: str


def pipeline() -> Pipeline:
    return Pipeline("letters") >> Rows([{"letter": f"Letter {n}."} for n in range(30)]) >> Tag(model="teacher")


def table(project: Path, server: LoopbackServer, *more: str, use: str = "anthropic/claude-opus-5-5") -> None:
    lines = ["[models.teacher]", f'use = "{use}"', f'base_url = "{server.url}"', 'endpoint = "loop"', *more, PRICES]
    (project / "synthkit.toml").write_text("\n".join(lines), "utf-8")


@pytest.fixture(autouse=True)
def key(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    monkeypatch.delenv("ANTHROPIC_BASE_URL", raising=False)


def test_a_run_answers_from_the_cache_and_costs_less(project: Path) -> None:
    with LoopbackServer(fresh, key=KEY) as server:
        table(project, server)
        cheap = pipeline().run(folder="cheap", concurrency=4)
        assert server.count == 30
        again = pipeline().run(folder="again", offline=True)
        assert server.count == 30
        sent = server.requests[-1].body
        table(project, server, "settings = { cache = false }")
        dear = pipeline().run(folder="dear", seed=2, concurrency=4)
    assert cheap.status == again.status == dear.status == "complete"
    assert {record["box"] for record in cheap.accepted} <= {"praise", "blame"}
    assert [dict(r) for r in cheap.accepted] == [dict(r) for r in again.accepted]
    assert sent["output_config"]["format"]["schema"]["required"] == ["box", "why"]
    assert cheap.cost and dear.cost and cheap.cost == again.cost
    spent, full = (sum(c.spent.usage.written for c in r.tally.values()) for r in (cheap, dear))
    assert 0 < spent < 5 * 1100 and full == 0
    read = sum(c.spent.usage.cached for c in cheap.tally.values())
    assert read > 20 * 1000
    assert cheap.cost < 0.55 * dear.cost  # what is left is output and letters


def test_a_bad_day_costs_no_record(project: Path) -> None:
    with LoopbackServer(fresh, faults=Faults.mixed(), key=KEY) as server:
        table(project, server)
        result = pipeline().run(folder="run")
        assert server.count > server.answered > 0
    assert result.status == "complete" and len(result.accepted) == 30


def test_what_a_model_does_not_take_is_told_before_the_run(project: Path) -> None:
    with LoopbackServer(demo) as server:
        table(project, server, 'reasoning_effort = "none"')
        with pytest.raises(PipelineError, match="claude-opus-5-5 always thinks: leave reasoning_effort out"):
            pipeline().run(folder="a")
        table(project, server, "temperature = 0.7")
        with pytest.raises(PipelineError, match=r"teacher does not take temperature \(its table in synthkit.toml\)"):
            pipeline().run(folder="b")
        assert server.count == 0


def test_the_main_job_on_a_claude_model(project: Path, data: Path) -> None:
    with LoopbackServer(demo, key=KEY) as server:
        environment = {"ANTHROPIC_BASE_URL": server.url.removesuffix("/v1"), "ANTHROPIC_API_KEY": KEY, "PATH": ""}
        options = ["--model", "anthropic/claude-sonnet-5-5", "--judge", "anthropic/claude-haiku-5-5", "--target", "10"]
        seeds = ["--seeds", str(data / "self_instruct_seed_tasks.jsonl"), "--run-dir", "run"]
        command = [sys.executable, "-m", "synthkit.cli.main", "run", str(FILE), *seeds, *options]
        done = subprocess.run(command, capture_output=True, text=True, timeout=100, env=environment)
        models = {got.body["model"] for got in server.requests}
    assert done.returncode == 0, done.stderr
    assert models == {"claude-sonnet-5-5", "claude-haiku-5-5"}
    said = " ".join(done.stdout.split())
    assert "complete: 10 of 10 accepted" in said
    assert "anthropic/claude-haiku-5-5 does not take temperature, so it was asked without" in said
    assert len(Result(project / "run").accepted) == 10
    assert not [p for p in project.rglob("*") if p.is_file() and KEY.encode() in p.read_bytes()]


class Warm(Prompt):
    """Wishes what newer versions of the API do not have."""

    template: str = "Answer this letter: {{ letter }}"
    wishes: ClassVar[dict[str, float]] = {"temperature": 0.9}


def test_a_wish_that_somebody_elses_model_refuses_is_asked_again_without_it_and_remembered(project: Path) -> None:
    rows = Pipeline("letters") >> Rows([{"letter": f"Letter {n}."} for n in range(5)])
    with LoopbackServer(fresh, key=KEY) as server:
        table(project, server, use="anthropic/my-model")
        first = (rows >> Warm(model="teacher")).run(folder="first", concurrency=1)
        sent = ["temperature" in received.body for received in server.requests]
        table(project, server, "temperature = 0.5", use="anthropic/my-model")
        demanded = (rows >> Warm(model="teacher")).run(folder="demanded", concurrency=1)
    assert first.status == "complete" and len(first.accepted) == 5
    assert sent[0] and not sent[-1] and sum(not had for had in sent) == 5
    assert demanded.status == "failed"
    assert "teacher does not take temperature: leave it out" in str(demanded.reason)
