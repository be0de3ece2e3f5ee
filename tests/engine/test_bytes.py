"""Same seed and same answers give the same bytes: at any concurrency, at any shard size, across kills."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from synthkit.engine import api, source
from synthkit.engine.result import Result
from synthkit.testing import LoopbackServer, fresh, steady

Serve = Callable[..., LoopbackServer]
FILE = Path(__file__).parent / "mixed.py"
FILES = ("accepted.jsonl", "rejected.jsonl")
TARGET = 150


def run(folder: Path, **settings: object) -> Result:
    loaded = source.load(FILE)
    return api.run(loaded.pipeline({"target": TARGET}), folder=folder, file=loaded, **settings)


def content(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in FILES}


def test_bytes_do_not_depend_on_concurrency_or_shards(serve: Serve, project: Path) -> None:
    serve(answer=steady, latency=(0.0, 0.01))
    one = run(project / "one", concurrency=256)
    assert one.status == "complete", one.reason
    assert len(one.accepted) == TARGET
    kinds = Counter(r["kind"] for r in one.rejected)
    assert all(kinds[kind] for kind in ("dropped", "failed", "surplus", "attempt")), kinds
    shutil.rmtree(project / ".synthkit")
    two = run(project / "two", concurrency=1, shard=7)
    assert len(two.state["rounds"]) > 1
    assert content(project / "one") == content(project / "two")
    shutil.rmtree(project / ".synthkit")
    other = run(project / "three", concurrency=64, seed=1)
    assert content(project / "three") != content(project / "one"), "a second seed is another dataset"
    assert other.status == "complete"


def test_a_replay_of_the_journal_asks_nothing_and_gives_the_same_bytes(serve: Serve, project: Path) -> None:
    server = serve(answer=fresh, latency=(0.0, 0.03))
    first = run(project / "one")
    asked = server.count
    second = run(project / "two", offline=True, concurrency=3, shard=50)
    assert (first.status, second.status) == ("complete", "complete")
    assert server.count == asked
    assert content(project / "one") == content(project / "two")
    assert second.cost == first.cost
    spent = [count.spent for count in second.tally.values()]
    assert sum(s.asked for s in spent) == sum(s.journaled for s in spent) > TARGET


WORKER = """
import os, random, signal, sys
from pathlib import Path
where, folder, concurrency = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
sys.path.insert(0, os.path.dirname(sys.argv[4]))
from synthkit.engine import api, parts, source
if where.startswith("commit"):
    # dies inside the n-th commit: before the rename, after it, or with half of the file written
    _, how, left = where.split("-")
    left = int(left)
    def die(*_):
        os.kill(os.getpid(), signal.SIGKILL)
    save = parts.save
    def deadly(place, part):
        global left
        left -= 1
        if left == 0:
            if how == "before":
                Path.replace = die
            elif how == "after":
                parts.sync_folder = die
            else:
                os.fsync = die
        return save(place, part)
    parts.save = deadly
if (folder / "run.json").exists():
    result = api.resume(folder, concurrency=concurrency)
else:
    loaded = source.load(Path(sys.argv[4]))
    pipeline = loaded.pipeline({"target": int(sys.argv[5])})
    result = api.run(pipeline, folder=folder, file=loaded, shard=16, concurrency=concurrency)
sys.exit(0 if result.status == "complete" else 9)
"""


def worker(project: Path, folder: Path, where: str, concurrency: int) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-c", WORKER, where, str(folder), str(concurrency), str(FILE), str(TARGET)]
    return subprocess.Popen(command, cwd=project, stderr=subprocess.PIPE, env=os.environ.copy())


@pytest.mark.timeout(300)
@pytest.mark.parametrize("answers", [steady, fresh], ids=["steady", "fresh"])
def test_killed_at_random_moments(serve: Serve, project: Path, answers: Callable[..., str]) -> None:
    """Twenty kills for each kind of server, six of them inside a commit; what was answered is never asked again,
    except for what held a slot."""
    concurrency = 8
    server = serve(answer=answers, latency=(0.01, 0.06))
    rng = random.Random(answers.__name__)
    folder = project / "killed"
    commits = [
        "commit-before-1",
        "commit-after-2",
        "commit-half-1",
        "commit-before-3",
        "commit-after-1",
        "commit-half-2",
    ]
    plans = [*commits, *["any"] * 14]
    rng.shuffle(plans)
    done = lost = kills = 0
    for where in plans:
        began = server.count
        process = worker(project, folder, where, concurrency)
        if where == "any":
            wanted = began + rng.randrange(3, 30)
            while process.poll() is None and server.count < wanted:
                time.sleep(0.001)
            process.send_signal(signal.SIGKILL)
        code = process.wait(60)
        assert process.stderr is not None
        said = process.stderr.read().decode()
        process.stderr.close()
        if code == 0:
            done += 1
            break
        assert code == -signal.SIGKILL, said
        kills += 1
        lost += concurrency
    if not done:
        process = worker(project, folder, "end", concurrency)
        _, said_bytes = process.communicate(timeout=100)
        assert process.returncode == 0, said_bytes.decode()
    assert kills == len(plans)
    total = Result(folder)
    server_count = server.count
    if answers is fresh:
        replay = run(project / "replay", offline=True)
        assert server.count == server_count
        assert replay.status == "complete", replay.reason
        assert content(project / "replay") == content(folder)
        asked = sum(c.spent.asked for c in replay.tally.values())
    else:
        shutil.rmtree(project / ".synthkit")
        run(project / "undisturbed", concurrency=64)
        assert content(project / "undisturbed") == content(folder)
        asked = server.count - server_count
    assert total.status == "complete"
    assert server_count - asked <= lost, "no more is asked again than held a slot when it was killed"
