"""What the tests of pipelines share: the command line as a process, in a folder of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

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
