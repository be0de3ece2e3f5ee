"""Both techniques through the engine and the official SDK, against a service on this machine."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from technique_kit import lines

from synthkit.engine.pipeline import Pipeline
from synthkit.techniques import FewShot, SelfInstruct
from synthkit.testing import LoopbackServer, Request

VERBS = ["Explain", "Compare", "Describe", "Sort", "Translate", "Judge", "Rank", "Rewrite", "Outline", "Test"]
THINGS = [
    *("rivers", "bridges", "poems", "engines", "gardens", "letters", "planets"),
    *("recipes", "maps", "clocks", "songs", "roofs", "boats", "lamps"),
]


def model(request: Request) -> str:
    """Continues whatever the prompt leaves open, and says the same to the same request."""
    rng, prompt = Random(request.digest), request.prompt
    if prompt.endswith("Task 9:"):
        tasks = [f"{rng.choice(VERBS)} {' '.join(rng.sample(THINGS, 4))}." for _ in range(2)]
        return f" {tasks[0]}\nTask 10: {tasks[1]}\nTask 11: {tasks[1]}"
    if prompt.endswith("Is it classification?"):
        return "Yes" if "Judge" in prompt.rpartition("Task:")[2] else "No"
    if "JSON array" in prompt:
        made = [{"q": f"What is {n} and {rng.randrange(1000)}?", "a": str(n)} for n in range(4)]
        return json.dumps(made)[: -rng.randrange(1, 30)]
    if "class label" in prompt:
        return "Class label: fine\nText: All of it.\nClass label: poor\nText: None of it.\nClass label: odd\nText:"
    return "Example 1\nText: one\nOutput: first\nExample 2\nText: two\nOutput: second\nExample 3\nText: three\nOutput:"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackServer]:
    with LoopbackServer(model) as server:
        (tmp_path / "synthkit.toml").write_text(f'[models.teacher]\nuse = "openai/any"\nbase_url = "{server.url}"\n')
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("OPENAI_API_KEY", "none")
        yield server


def test_self_instruct_feeds_what_it_kept_into_later_rounds(tmp_path: Path, server: LoopbackServer) -> None:
    seeds = [f"Seed task about {word} and nothing else" for word in THINGS]
    path = lines(tmp_path / "seeds.jsonl", *(json.dumps({"instruction": seed}) for seed in seeds))
    pipeline = Pipeline("tasks", target=200) >> SelfInstruct(seeds=path, model="teacher", max_instances=1)
    result = pipeline.run(folder=tmp_path / "run")
    assert result.status == "complete", result.reason
    assert len(result.accepted) == 200
    assert all(set(r) == {"instruction", "input", "output", "is_classification"} for r in result.accepted)
    kinds = {(r["is_classification"], r["output"]) for r in result.accepted}
    assert kinds == {(True, "fine"), (False, "first")}
    reasons = {(r["step"], r["reason"]) for r in result.rejected}
    assert {("self-instruct/suitable", "unsuited word"), ("self-instruct/novel", "too similar")} <= reasons

    shown = [re.findall(r"^Task \d+: (.+)$", prompt, re.M) for prompt in prompts(server, "Task 9:")]
    mixes = [sum(task in seeds for task in tasks) for tasks in shown]
    pilot = 200 // 8  # an eighth of the target
    assert mixes[:pilot] == [8] * pilot and set(mixes[pilot:]) == {6}
    instructions = {r["instruction"] for r in result.accepted} | {r["fields"]["instruction"] for r in result.rejected}
    assert {task for tasks in shown[pilot:] for task in tasks if task not in seeds} <= {
        i.rstrip(":") for i in instructions
    }
    first = server.requests[0].body
    assert first["presence_penalty"] == 2 and first["stop"] == ["Task 16:", "\n16."]


def test_few_shot_keeps_the_complete_examples_of_cut_answers(tmp_path: Path, server: LoopbackServer) -> None:
    path = lines(tmp_path / "s.jsonl", *(json.dumps({"q": f"Q{n}", "a": f"A{n}"}) for n in range(6)))
    pipeline = Pipeline("sums", target=40) >> FewShot(seeds=path, model="teacher", axes={"style": ["plain", "rude"]})
    result = pipeline.run(folder=tmp_path / "run")
    assert result.status == "complete", result.reason
    assert len(result.accepted) == 40 and {r["style"] for r in result.accepted} == {"plain", "rude"}
    assert all(set(r) == {"q", "a", "style"} for r in result.accepted)


def test_a_bad_seed_stops_the_run_before_anything_is_asked(tmp_path: Path, server: LoopbackServer) -> None:
    good = [json.dumps({"instruction": "Name a river of Asia."})] * 9_999
    path = lines(tmp_path / "seeds.jsonl", *good[:7_000], '{"instruction": ', *good[7_000:])
    with pytest.raises(Exception, match=r"seeds\.jsonl, line 7001") as caught:
        (Pipeline("tasks", target=5) >> SelfInstruct(seeds=path, model="teacher")).run(folder=tmp_path / "run")
    assert type(caught.value).__name__ == "InputError" and server.count == 0


def prompts(server: LoopbackServer, end: str) -> list[str]:
    asked = [str(received.body["messages"][-1]["content"]) for received in server.requests]
    return [text for text in asked if text.endswith(end)]
