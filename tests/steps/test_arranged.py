"""Steps that see many records: the same bytes at any concurrency, at any size of shards, and across kills."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from synthkit.engine import api, source
from synthkit.engine.result import Result
from synthkit.testing import LoopbackServer, steady

Serve = Callable[..., LoopbackServer]
FILE = Path(__file__).parent / "arranged.py"
FILES = ("accepted.jsonl", "rejected.jsonl")
WORKER = """
import os, signal, sys
from pathlib import Path
from synthkit.engine import api, parts, source
folder, left, moment = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
save = parts.save
def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)
def deadly(place, part):
    global left
    left -= place.parent.name == "end"
    if left == 0:
        if moment == "before":
            Path.replace = die
        elif moment == "after":
            parts.sync_folder = die
        else:
            os.fsync = die
    return save(place, part)
parts.save = deadly
if (folder / "run.json").exists():
    api.resume(folder)
else:
    loaded = source.load(Path(sys.argv[4]))
    api.run(loaded.pipeline({}), folder=folder, file=loaded, shard=5)
"""


def run(folder: Path, **settings: Any) -> Result:
    loaded = source.load(FILE)
    return api.run(loaded.pipeline({}), folder=folder, file=loaded, **settings)


def content(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in FILES}


def test_bytes_do_not_depend_on_concurrency_or_shards(serve: Serve, project: Path) -> None:
    serve(answer=steady, latency=(0.0, 0.003))
    one = run(project / "one", concurrency=64)
    assert one.status == "complete", one.reason
    assert len(one.accepted) == 10
    assert all(one.tally[label].dropped for label in ("balance-by", "limit", "top-k", "sample", "evened")), one.tally
    assert one.tally["by-number"].made < 0
    topics = [row["topic"] for row in one.accepted]
    assert topics == sorted(topics) and len(set(topics)) > 2
    assert {side for row in one.accepted for side in row["split"]} == {"train", "validation"}
    shutil.rmtree(project / ".synthkit")
    two = run(project / "two", concurrency=1, shard=6)
    assert len(two.state["rounds"]) == len(one.state["rounds"]) > 1
    assert content(project / "two") == content(project / "one")
    other = run(project / "three", seed=1)
    assert other.status == "complete", other.reason
    assert content(project / "three") != content(project / "one")


@pytest.mark.timeout(300)
def test_killed_in_commits_of_the_end(serve: Serve, project: Path) -> None:
    """Each process dies in a later commit of the end phase than the one before: what is there stays as it is."""
    serve(answer=steady)
    folder = project / "killed"
    for left, moment in ((1, "after"), (14, "before"), (20, "half"), (8, "after")):
        command = [sys.executable, "-c", WORKER, str(folder), str(left), moment, str(FILE)]
        done = subprocess.run(command, capture_output=True, env=os.environ.copy(), timeout=60)
        assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    parts = sorted((folder / "parts" / "end").rglob("*.zst"))
    stages = {path.parent.name for path in parts}
    assert len(stages) > 4, "it came far before it was killed for the last time"
    before = {path: path.stat().st_mtime_ns for path in parts}
    result = api.resume(folder)
    assert result.status == "complete", result.reason
    assert {path: path.stat().st_mtime_ns for path in parts} == before, "no part is ever made again"
    assert not list(folder.rglob(".*.tmp"))
    run(project / "undisturbed", shard=256)
    assert content(project / "undisturbed") == content(folder)
