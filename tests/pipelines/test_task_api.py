"""pipelines/task_api.py on the demo model."""

from collections import Counter
from pathlib import Path

from pipeline_kit import PIPELINES, rows, synthkit
from test_task_api_calls import fault


def test_the_command_line_makes_calls_that_the_api_takes(tmp_path: Path) -> None:
    exports = ("--export", "a.jsonl:alpaca", "--export", "s.jsonl:sharegpt")
    done = synthkit(tmp_path, "run", PIPELINES / "task_api.py", "--per-call", "3", "--target", "40", *exports)
    assert done.returncode == 0, done.stderr + done.stdout
    examples = rows(tmp_path / "a.jsonl")
    assert len(examples) == 40 == len(rows(tmp_path / "s.jsonl"))
    assert all(example.keys() == {"instruction", "input", "output"} for example in examples)
    assert [fault(example["output"]) for example in examples] == [""] * 40
    assert len({example["instruction"].lower() for example in examples}) == 40
    run = next((tmp_path / "runs").iterdir())
    accepted = rows(run / "accepted.jsonl")
    assert {(record["operation"], record["style"]) for record in accepted} >= {("add a task", "terse")}
    dropped = Counter(row["step"] for row in rows(run / "rejected.jsonl") if row["kind"] == "dropped")
    assert dropped["valid-call"]


def test_the_prompt_names_every_function() -> None:
    from task_api import API, TASK  # type: ignore[import-not-found]

    assert all(f"\n{function}(" in TASK for function in API)
    assert "add_task(title: str, due?: date, priority?: low|normal|high)" in TASK
