"""A cluster of several nodes on this machine, whose processes can be killed: Ray's own `Cluster`, in a process of its
own, so that nothing of it stays in that of the tests."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

AGENTS = ("ray::DashboardAgent", "ray::RuntimeEnvAgent")
"""Processes of Ray that look only now and then whether their node, when it was killed, is still there."""
HELD = """
import json, sys
from ray.cluster_utils import Cluster
cluster, nodes, folder = Cluster(), {}, sys.argv[1]
for line in sys.stdin:
    word, *given = line.split()
    if word == "add":
        head = {} if nodes else {"temp_dir": folder, "include_dashboard": False}
        more = json.loads(given[1])
        node = cluster.add_node(num_cpus=int(given[0]), object_store_memory=80_000_000, **more, **head)
        pid = node.all_processes["raylet"][0].process.pid
        nodes[pid] = node
        print(pid, cluster.address, flush=True)
    else:
        cluster.remove_node(nodes.pop(int(given[0])), allow_graceful=word == "drain")
        print("gone", flush=True)
cluster.shutdown()
"""


class Nodes:
    """A cluster. raylets: the process of each node, the head's first. address: of the head. folder: of its session.
    python: what the nodes run."""

    def __init__(self, folder: Path, python: str = sys.executable, **environment: str) -> None:
        self.folder = folder
        self.raylets: list[int] = []
        self.address = ""
        self._process = subprocess.Popen(
            [python, "-c", HELD, str(folder)], text=True, start_new_session=True, cwd=folder,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**os.environ, "RAY_USAGE_STATS_ENABLED": "0", **environment},
        )  # fmt: skip

    def add(self, cpus: int = 1, **more: Any) -> int:
        """A further node; back when it is there. more: what else `Cluster.add_node` takes."""
        pid, self.address = self._asked(f"add {cpus} {json.dumps(more, separators=(',', ':'))}").split()
        self.raylets.append(int(pid))
        return int(pid)

    def remove(self, raylet: int) -> None:
        """Takes a node away, with all its processes; also what is left of one whose raylet was killed."""
        self._asked(f"remove {raylet}")
        self.raylets.remove(raylet)

    def actors(self, kind: str) -> list[psutil.Process]:
        """The processes of the actors of a class."""
        return [process for process in self.members() if f"ray::{kind}" in _title(process)]

    def members(self) -> list[psutil.Process]:
        """All processes of it: they name its folder, or, where a title stands for their command, have files there."""
        return [process for process in psutil.process_iter() if self._has(process)]

    def _has(self, process: psutil.Process) -> bool:
        try:
            title, own = _title(process), process.pid == self._process.pid
            if "ray::" not in title:
                return not own and str(self.folder) in title
            return any(file.path.startswith(str(self.folder)) for file in process.open_files())
        except (psutil.Error, OSError):
            return False

    def close(self) -> list[str]:
        """Ends it; returns what was left of it, and is no more."""
        assert self._process.stdin and self._process.stdout and self._process.stderr
        self._process.stdin.close()
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._process.stdout.close()
        self._process.stderr.close()
        end = time.monotonic() + 15
        while (left := self.members()) and time.monotonic() < end:
            if all(_title(process).strip() in AGENTS for process in left):
                break
            time.sleep(0.2)
        titles = [_title(process).strip() for process in left]
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.kill()
        return [title for title in titles if title not in AGENTS]

    def _asked(self, line: str) -> str:
        assert self._process.stdin and self._process.stdout and self._process.stderr
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        said = self._process.stdout.readline()
        assert said, self._process.stderr.read()[-2000:]
        return said


def _title(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


@contextmanager
def clustered(*cpus: int, python: str = sys.executable, **environment: str) -> Iterator[Nodes]:
    """A cluster of nodes with so many processors each. At its end no process of it is left."""
    folder = Path(tempfile.mkdtemp(prefix="skc-", dir="/tmp"))  # the names of Ray's sockets may not be long
    nodes = Nodes(folder, python, **environment)
    try:
        for count in cpus:
            nodes.add(count)
        yield nodes
        left = nodes.close()
    except BaseException:
        nodes.close()
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    assert left == [], left
