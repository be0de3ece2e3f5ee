"""What the tests of pipelines share: the command line as a process, in a folder of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from synthkit.engine.result import Result
from synthkit.testing import LoopbackServer

PIPELINES = Path(__file__).parents[2] / "pipelines"


def synthkit(folder: Path, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    """Runs the command in this folder, without any key."""
    environ = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    return subprocess.run(
        [Path(sys.executable).with_name("synthkit"), *arguments],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def killed_and_replayed(project: Path, server: LoopbackServer, name: str, calls: int, *options: str) -> Result:
    """Runs a pipeline as a process that is killed after so many calls, resumes it, and asserts that a replay of the
    journal gives the same bytes without a call."""
    command = [Path(sys.executable).with_name("synthkit"), "run", str(PIPELINES / f"{name}.py"), *options]
    process = subprocess.Popen(
        [*command, "--run-dir", "run", "--concurrency", "8"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while process.poll() is None and server.count < calls:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    assert process.wait(30) == -signal.SIGKILL
    at_kill = server.count
    resumed = synthkit(project, "resume", "run")
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    asked = server.count
    assert asked > at_kill
    replayed = synthkit(project, "run", str(PIPELINES / f"{name}.py"), *options, "--run-dir", "replay", "--offline")
    assert replayed.returncode == 0, replayed.stdout + replayed.stderr
    assert server.count == asked, "a replay asks nothing"
    for file in ("accepted.jsonl", "rejected.jsonl"):
        assert (project / "run" / file).read_bytes() == (project / "replay" / file).read_bytes()
    return Result(project / "run")
