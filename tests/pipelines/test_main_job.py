"""The main job: the 175 seed tasks of Self-Instruct through the official SDK to a training file, killed on the way."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from synthkit.engine.result import Result
from synthkit.testing import LoopbackServer, demo

FILE = Path(__file__).resolve().parents[2] / "pipelines" / "instructions.py"
TARGET = 120


def command(seeds: Path, *more: str) -> list[str]:
    options = ["--seeds", str(seeds), "--model", "m", "--judge", "m", "--target", str(TARGET), "--concurrency", "16"]
    return [sys.executable, "-m", "synthkit.cli.main", "run", str(FILE), *options, *more]


def said(done: "subprocess.CompletedProcess[str]") -> str:
    return f"{done.stdout}\n{done.stderr}"


@pytest.mark.timeout(240)
def test_seeds_to_a_training_file(serve: Callable[..., LoopbackServer], project: Path, data: Path) -> None:
    server = serve(answer=demo, latency=(0.0, 0.02))
    seeds = data / "self_instruct_seed_tasks.jsonl"
    process = subprocess.Popen(
        command(seeds, "--run-dir", "run", "--export", "train.jsonl:sharegpt"),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    while process.poll() is None and server.count < 200:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait(30) == -signal.SIGKILL
    at_kill = server.count
    resume = [sys.executable, "-m", "synthkit.cli.main", "resume", "run"]
    done = subprocess.run(resume, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, said(done)
    assert "complete: 120 of 120 accepted" in done.stdout
    assert server.count > at_kill

    lines = Path("train.jsonl").read_text("utf-8").splitlines()
    assert len(lines) == TARGET
    for line in lines:
        first, second = json.loads(line)["conversations"]
        assert (first["from"], second["from"]) == ("human", "gpt")
        assert first["value"].strip() and second["value"].strip()
    result = Result(project / "run")
    known = {json.loads(line)["instruction"] for line in seeds.read_text("utf-8").splitlines()}
    assert not known & {r["instruction"] for r in result.accepted}
    dropped = {step for step, count in result.tally.items() if count.dropped}
    assert {"self-instruct/suitable", "self-instruct/novel", "rubric/at-least"} <= dropped
    assert all(r["score"] >= 4 for r in result.accepted)

    asked = server.count
    again = subprocess.run(command(seeds, "--run-dir", "replay", "--offline", "--export", "again.jsonl:sharegpt"),
                           capture_output=True, text=True, timeout=200)  # fmt: skip
    assert again.returncode == 0, said(again)
    assert server.count == asked, "a replay asks nothing"
    for name in ("accepted.jsonl", "rejected.jsonl"):
        assert (project / "run" / name).read_bytes() == (project / "replay" / name).read_bytes()
    assert Path("train.jsonl").read_bytes() == Path("again.jsonl").read_bytes()
    key = os.environ["OPENAI_API_KEY"].encode()
    assert not [p for p in project.rglob("*") if p.is_file() and key in p.read_bytes()]

    shutil.rmtree(".synthkit")
    lost = subprocess.run(command(seeds, "--run-dir", "lost", "--offline"), capture_output=True, text=True, timeout=60)
    assert lost.returncode == 1
    assert "the journal" in said(lost) and "self-instruct/tasks" in said(lost)
    assert server.count == asked
