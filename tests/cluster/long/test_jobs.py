"""Runs that `ray job submit` starts inside a cluster: stopped, killed, gone on with by another job; and runs that would
be in a folder which Ray removes."""

import importlib.util
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from ray_kit import ended, leaks
from run_kit import SECRET, SYNTHKIT, Place, place, until

from synthkit.engine.cluster import family

pytestmark = [pytest.mark.cluster, pytest.mark.long, pytest.mark.timeout(170)]
__all__ = ["place"]
RAY = str(Path(sys.executable).with_name("ray"))
IN_FLIGHT = 64
needs_server = pytest.mark.skipif(
    importlib.util.find_spec("opencensus") is None, reason="Ray serves jobs only where ray[default] is installed"
)


class Head:
    """A node with Ray's server for jobs at an address; the key is in the node's environment, not in that of those who
    submit."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        port, server = _free(), _free()
        self.at = f"http://127.0.0.1:{server}"
        self.ray(
            "start", "--head", "--port", str(port), "--num-cpus", "2", "--object-store-memory", "100000000",
            "--dashboard-host", "127.0.0.1", "--dashboard-port", str(server), "--temp-dir", str(folder),
            OPENAI_API_KEY=SECRET,
        )  # fmt: skip

    def submit(self, name: str, folder: Path, *command: str, wait: bool = True) -> str:
        """Has a job run synthkit in a folder of the node; what it wrote, if it is waited for."""
        words = "sh", "-c", f"cd {folder} && exec {shlex.join([SYNTHKIT, *command])}"
        return self.ray("job", "submit", *([] if wait else ["--no-wait"]), "--submission-id", name, "--", *words)

    def ray(self, *command: str, **environment: str) -> str:
        """Runs Ray's own command."""
        bare = {name: value for name, value in os.environ.items() if name not in ("OPENAI_API_KEY", "RAY_ADDRESS")}
        said = subprocess.run(
            [RAY, *command], capture_output=True, text=True, timeout=100, cwd=self.folder, check=False,
            env={**bare, "RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled", "RAY_API_SERVER_ADDRESS": self.at,
                 **environment},
        )  # fmt: skip
        assert said.returncode == 0, said.stdout + said.stderr
        return said.stdout + said.stderr


def _free() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def drivers(folder: Path) -> list[psutil.Process]:
    """The processes of runs that work in a folder."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if SYNTHKIT in process.cmdline() and process.cwd() == str(folder):
                found.append(process)
    return found


@pytest.fixture
def head() -> Iterator[Head]:
    folder = Path(tempfile.mkdtemp(prefix="skj-", dir="/tmp"))  # the names of Ray's sockets may not be long
    try:
        yield Head(folder)
    finally:
        family.end(str(folder), 0)
        left = ended(str(folder), 5)
        shutil.rmtree(folder, ignore_errors=True)
    assert left == [], left


@needs_server
def test_a_job_is_stopped_then_killed_and_others_go_on(head: Head, place: Place) -> None:
    head.submit("one", place.folder, "run", "p.py", "--ray", "auto", "--run-dir", "far", wait=False)
    until(lambda: place.server.count > 150)
    head.ray("job", "stop", "one")
    assert place.state("far")["status"] == "partial"
    assert "SIGTERM" in place.run("show", "far")
    before = place.server.count
    assert before < 1200
    head.submit("two", place.folder, "resume", "far", "--ray", "auto", wait=False)
    until(lambda: place.server.count > before + 150)
    (driver,) = drivers(place.folder)
    driver.send_signal(signal.SIGKILL)
    said = head.submit("three", place.folder, "resume", "far", "--ray", "auto")
    assert "complete: 600 accepted" in said and "working_dir" not in said
    assert 1200 <= place.server.count <= 1200 + IN_FLIGHT
    assert place.replayed("far")
    assert leaks([SECRET.encode()], head.folder, place.folder) == []
    copy = ("job", "submit", "--working-dir", str(place.folder), "--", SYNTHKIT, "run", "p.py", "--offline")
    assert "the journal and the run folder are in a copy of the job's working_dir" in head.ray(*copy)
