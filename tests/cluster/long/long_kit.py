"""Runs on a cluster that are disturbed at random moments, and what must hold after each.

SYNTHKIT_CLUSTER_TIMES: how often each failure is tried, ten times where it is not set. SYNTHKIT_CLUSTER_SEED: of the
moments; each test's own is printed when it fails.
"""

import json
import os
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import psutil
from cluster_kit import Nodes
from ray_kit import leaks
from run_kit import SECRET, Place, finished, until

from synthkit.testing import LoopbackServer, fresh

TIMES = int(os.environ.get("SYNTHKIT_CLUSTER_TIMES", "10"))
SEED = os.environ.get("SYNTHKIT_CLUSTER_SEED") or str(int.from_bytes(os.urandom(4), "big"))
RECORDS = 600
NODES = 3
IN_FLIGHT = 64
LATENCY = (0.0, 0.3)
DEADLY = f"topic {RECORDS // 2}"
PIPELINE = '''
import os, signal
from zlib import crc32
from synthkit import Pipeline, Prompt, filter, step
from synthkit.filters import MinHashDedup
from synthkit.generators import LoadRecords

class Ask(Prompt):
    """Asks."""
    template = "Write about {{ topic }}"
    into = "text"

class Again(Prompt):
    """Asks for more."""
    template = "Say it again: {{ text }}"
    into = "again"

@step(reads="topic")
def deadly(record):
    """A record that ends the process that works on it, and fails where nobody is to be killed."""
    if record["topic"] == os.environ.get("DEADLY"):
        os.kill(os.getpid(), signal.SIGKILL)
    if record["topic"] == os.environ.get("FAILS"):
        raise ValueError("this one would be deadly")
    return {}

@filter(reads="text")
def lucky(record):
    """Drops a seventh."""
    return crc32(record["text"].encode()) % 7 > 0

def pipeline() -> Pipeline:
    return (
        Pipeline("p") >> LoadRecords(path="in.jsonl") >> Ask(model="m") >> deadly >> lucky
        >> MinHashDedup("text", threshold=0.95) >> Again(model="m")
    )
'''


class Trial:
    """One run on a cluster. chance: of this trial alone."""

    def __init__(self, place: Place, nodes: Nodes, chance: Random) -> None:
        self.place, self.nodes, self.chance = place, nodes, chance
        self.process: subprocess.Popen[str] | None = None

    def begin(self) -> "subprocess.Popen[str]":
        """Starts the run."""
        options = ("--ray", self.nodes.address, "--quiet", "--run-dir", "far")
        self.process = self.place.begin("run", "p.py", *options)
        return self.process

    def resume(self) -> "subprocess.Popen[str]":
        """Goes on with it."""
        self.process = self.place.begin("resume", "far", "--ray", self.nodes.address, "--quiet")
        return self.process

    def moment(self) -> None:
        """Waits for a random moment of the run: the start of its first lane, or one of its calls."""
        assert self.process is not None
        process, server = self.process, self.place.server
        self.lanes()
        calls = self.chance.randrange(-RECORDS // 5, RECORDS * 5 // 3)
        print(f"at call {calls}")
        if calls > 0:
            until(lambda: server.count >= calls or process.poll() is not None, 120)
        else:
            time.sleep(self.chance.random() * 2)
        time.sleep(self.chance.random() * 0.05)

    def lanes(self) -> list[psutil.Process]:
        """The processes of its lanes, by age, as soon as there is one."""
        return self._actors("Worker")

    def keeper(self) -> psutil.Process:
        """The process of its keeper."""
        return self._actors("Keeper")[-1]

    def _actors(self, kind: str) -> list[psutil.Process]:
        found: list[psutil.Process] = []

        def there() -> bool:
            found[:] = sorted(self.nodes.actors(kind), key=lambda process: process.create_time())
            return bool(found) or self.process is None or self.process.poll() is not None

        until(there, 60)
        assert found, finished(self.process) if self.process else "there is no run"
        return found

    def complete(self, *, restarts: int = 0) -> None:
        """The run ends by itself, and is what it would be without a cluster. restarts: how often its driver ended."""
        assert self.process is not None
        said = finished(self.process, seconds=240)
        assert "complete: " in said and "Traceback" not in said
        place, state = self.place, self.place.state("far")
        assert state["status"] == "complete"
        accepted, rejected = lines(place.folder / "far" / "accepted.jsonl"), lines(place.folder / "far/rejected.jsonl")
        topics = Counter(topic_of(line) for line in [*accepted, *rejected])
        assert topics == Counter(f"topic {number}" for number in range(RECORDS))
        lost = len(place.events("far", "lane lost"))
        asked = RECORDS + len(accepted)
        most = asked + (lost + restarts) * IN_FLIGHT  # a lane may have had all of them
        print(f"{lost} lanes lost, {place.server.count - asked} calls more")
        assert asked <= place.server.count <= most
        assert place.server.asked_again <= place.server.count - asked
        self.replayed(accepted, rejected)
        assert leaks([SECRET.encode()], self.nodes.folder, place.folder) == []
        until(lambda: not [*self.nodes.actors("Worker"), *self.nodes.actors("Keeper")], 30)

    def replayed(self, accepted: list[str], rejected: list[str]) -> None:
        """The bytes are those of this process alone; but it says why the deadly record failed in other words."""
        before, folder = self.place.server.count, self.place.folder / "replay"
        self.place.run("run", "p.py", "--offline", "--quiet", "--run-dir", "replay", FAILS=DEADLY)
        assert self.place.server.count == before
        assert accepted == lines(folder / "accepted.jsonl")
        other = lines(folder / "rejected.jsonl")
        assert [without_reason(line) for line in rejected] == [without_reason(line) for line in other]
        different = [json.loads(a) for a, b in zip(rejected, other, strict=True) if a != b]
        assert [(row["fields"]["topic"], row["reason"]) for row in different] == [(DEADLY, "killed its lane")]


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines()


def topic_of(line: str) -> str:
    """Which record a line of either file is of."""
    row = json.loads(line)
    return str(row.get("fields", row)["topic"])


def without_reason(line: str) -> dict[str, Any]:
    """A line of the ledger without what is said of the deadly record."""
    row: dict[str, Any] = json.loads(line)
    if row["kind"] == "failed":
        row |= dict.fromkeys(("step", "fields", "reason", "message", "error", "cost"))
    return row


@contextmanager
def trial(folder: Path, nodes: Nodes, name: str, number: int) -> Iterator[Trial]:
    """A trial of its own folder and its own service, that leaves no process of the run."""
    print(f"SYNTHKIT_CLUSTER_SEED={SEED}, {name} {number}")
    with LoopbackServer(fresh, latency=LATENCY, seed=number) as server:
        place = Place(folder, server, RECORDS)
        (folder / "p.py").write_text(PIPELINE)
        one = Trial(place, nodes, Random(f"{SEED}/{name}/{number}"))
        try:
            yield one
        finally:
            if one.process is not None and one.process.poll() is None:
                one.process.kill()
                one.process.communicate()
