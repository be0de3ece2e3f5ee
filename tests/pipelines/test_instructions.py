"""pipelines/instructions.py on the demo model, from the command line and in Python."""

import sys
from collections import Counter
from pathlib import Path

import pytest
from pipeline_kit import PIPELINES, rows, synthkit

from synthkit.techniques.rouge import too_similar

REAL = Path(__file__).parents[3] / "shared" / "data" / "self_instruct_seed_tasks.jsonl"


def test_the_shipped_seeds_are_24_across_kinds() -> None:
    seeds = rows(PIPELINES / "seeds.jsonl")
    assert len(seeds) == len({seed["id"] for seed in seeds}) == len({seed["name"] for seed in seeds}) == 24
    assert all(seed.keys() == {"id", "name", "instruction", "instances", "is_classification"} for seed in seeds)
    assert all(one.keys() == {"input", "output"} and one["output"] for seed in seeds for one in seed["instances"])
    assert sum(seed["is_classification"] for seed in seeds) == 8
    assert sum(not one["input"] for seed in seeds for one in seed["instances"]) >= 4


@pytest.mark.skipif(not REAL.is_file(), reason=f"the original's seed tasks are not in {REAL.parent}")
def test_no_shipped_seed_is_one_of_the_original() -> None:
    ours = [seed["instruction"] for seed in rows(PIPELINES / "seeds.jsonl")]
    theirs = [seed["instruction"] for seed in rows(REAL)]
    assert list(too_similar(ours, theirs, 0.6)) == [None] * 24


def test_the_command_line_makes_a_training_file(tmp_path: Path) -> None:
    done = synthkit(
        tmp_path, "run", PIPELINES / "instructions.py", "--target", "60", "--export", "train.jsonl:sharegpt"
    )
    assert done.returncode == 0, done.stderr + done.stdout
    examples = rows(tmp_path / "train.jsonl")
    assert len(examples) == 60
    for example in examples:
        assert [turn["from"] for turn in example["conversations"]] == ["human", "gpt"]
        assert all(turn["value"].strip() for turn in example["conversations"])
    run = next((tmp_path / "runs").iterdir())
    accepted = rows(run / "accepted.jsonl")
    instructions = list(dict.fromkeys(record["instruction"] for record in accepted))
    assert len(instructions) > 30 and list(too_similar(instructions, [], 0.7)) == [None] * len(instructions)
    assert {record["is_classification"] for record in accepted} == {True, False}
    assert any(record["input"] for record in accepted) and any(not record["input"] for record in accepted)
    assert all(record["score"] >= 4 and record["rationale"] for record in accepted)
    wanted = ["instruction", "input", "output", "is_classification", "score", "rationale"]
    assert all(set(wanted) == {name for name in record if not name.startswith("_")} for record in accepted)
    dropped = Counter(row["reason"] for row in rows(run / "rejected.jsonl") if row["kind"] == "dropped")
    assert dropped["too similar"] and dropped["score too low"]


@pytest.mark.skipif(not REAL.is_file(), reason=f"the original's seed tasks are not in {REAL.parent}")
def test_the_original_s_seeds_go_through_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(PIPELINES)
    monkeypatch.delitem(sys.modules, "instructions", raising=False)
    from instructions import pipeline  # type: ignore[import-not-found]

    result = pipeline(seeds=REAL).run(target=40, folder=tmp_path / "run")
    assert result.status == "complete", result.reason
    assert len(result.accepted) == 40
    assert not {record["instruction"] for record in result.accepted} & {seed["instruction"] for seed in rows(REAL)}


def test_a_missing_seeds_file_is_named(tmp_path: Path) -> None:
    done = synthkit(tmp_path, "run", PIPELINES / "instructions.py", "--seeds", "gone.jsonl")
    assert done.returncode == 2 and "gone.jsonl" in done.stderr
    assert "Traceback" not in done.stderr
