"""The built-ins in a run: file, rules, duplicates, judge over a real socket, and every format that fits."""

import json
from collections import Counter
from pathlib import Path

import pytest

from synthkit import Pipeline
from synthkit.filters import ExactDedup, MinHashDedup, Rules
from synthkit.generators import LoadRecords
from synthkit.judges import Rubric
from synthkit.testing import LoopbackServer, Request

CITIES = ["Lisbon", "Oslo", "Quito", "Hanoi", "Dakar", "Riga", "Lima", "Izmir"]


def rows() -> list[dict[str, str]]:
    made = []
    for number, city in enumerate(CITIES):
        task = f"Recommend {number + 3} quiet museums in {city} that a family can visit on foot"
        made += [
            {"instruction": task, "input": "", "output": f"Good answer on {city}."},
            {"instruction": f" {task.upper()}", "input": "", "output": "Said before."},
            {"instruction": f"{task}!", "input": "", "output": "Nearly said before."},
            {"instruction": "Too short", "input": "", "output": "x"},
            {"instruction": f"Say what the word {city * 3} means to a sailor", "input": city, "output": "Poor answer."},
            {"instruction": f"Count the letters of {city * 4} and sort them", "input": "", "output": "Unspeakable."},
        ]
    return made


def judge(request: Request) -> str:
    asked = str(request.body["messages"])
    if "Unspeakable" in asked:  # also when it is asked to repair that
        return "I cannot put this into JSON."
    score = 5 if "Good answer" in asked else 2
    return json.dumps({"rationale": f"It deserves {score}.", "score": score})


def test_from_a_file_to_training_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "test")
    Path("rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows()))
    with LoopbackServer(judge) as server:
        Path("synthkit.toml").write_text(f'[models.judge]\nuse = "openai/judge"\nbase_url = "{server.url}"\n')
        result = (
            Pipeline("museums")
            >> LoadRecords("rows.jsonl")
            >> Rules(min_words={"instruction": 3})
            >> ExactDedup("instruction")
            >> MinHashDedup("instruction")
            >> Rubric("judge").at_least(4)
        ).run(folder="run", export=[f"{name}.jsonl:{name}" for name in ("sharegpt", "alpaca", "chatml")])
    assert [(r["instruction"], r["score"]) for r in result.accepted] == [(r["instruction"], 5) for r in rows()[::6]]
    assert Counter((line["kind"], line["step"], line["reason"]) for line in result.rejected) == {
        ("dropped", "rules", "instruction: too short"): 8,
        ("dropped", "exact-dedup", "duplicate"): 8,
        ("dropped", "min-hash-dedup", "near-duplicate"): 8,
        ("dropped", "rubric/at-least", "score too low"): 8,
        ("failed", "rubric", "unfit answer"): 8,
    }
    expected = rows()[0]
    first = {name: json.loads(Path(f"{name}.jsonl").read_text().splitlines()[0]) for name in ("sharegpt", "alpaca")}
    assert first["alpaca"] == expected
    assert [turn["value"] for turn in first["sharegpt"]["conversations"]] == [
        expected["instruction"],
        expected["output"],
    ]
    assert len(Path("chatml.jsonl").read_text().splitlines()) == 8
