"""Starting a Ray on this machine: who can reach it, what it leaves behind, and what ends with it."""

import importlib
import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from ray_kit import Program, ended, leaks, listening

from synthkit.engine.cluster import family, probe
from synthkit.engine.cluster.start import Where, joined, nodes
from synthkit.errors import ConfigError

pytestmark = pytest.mark.cluster

INSIDE = """
import os, sys, time
from synthkit.engine.cluster.start import Where, joined
print("starting", flush=True)
with joined(Where(), cpus=1, store=80_000_000) as session:
    import ray
    worker = ray.remote(lambda: os.getpid())
    print(session.folder, ray.get(worker.remote()), flush=True)
    time.sleep(60)
"""
TOO_SMALL = """
from synthkit.engine.cluster.start import Where, joined
from synthkit.errors import RunError
try:
    with joined(Where(), store=1000):
        pass
except RunError as error:
    print("RunError", error)
"""
STRANGER = """
import sys
from ray._raylet import GcsClient
try:
    print("let in", GcsClient(address=sys.argv[1]).get_all_node_info(timeout=5))
except Exception as error:
    print("refused", error)
"""
SECRET = "sk-not-in-any-file-5d1f"


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A home of its own, and an environment that tells of other clusters."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("RAY_ADDRESS", "ray://127.0.0.1:1")
    monkeypatch.setenv("RAY_REDIS_ADDRESS", "127.0.0.1:1")
    monkeypatch.setenv("RAY_NAMESPACE", "theirs")
    monkeypatch.setenv("SOME_API_KEY", SECRET)
    return tmp_path


def test_one_of_its_own_is_for_this_run_alone(
    quiet: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ray = importlib.import_module("ray")
    monkeypatch.delenv("RAY_CLIENT_MODE", raising=False)  # Ray sets it, to what it means without it
    before = (dict(os.environ), signal.getsignal(signal.SIGTERM), logging.getLogger("ray").level)
    with joined(
        Where(), cpus=1, store=80_000_000, resources={"slot": 2}, hidden=frozenset({"SOME_API_KEY"})
    ) as session:

        @ray.remote(resources={"slot": 1})
        class Worker:
            def seen(self) -> dict[str, str]:
                return dict(os.environ)

        worker = Worker.remote()
        seen = ray.get(worker.seen.remote())
        assert session.own and session.folder
        assert "SOME_API_KEY" not in seen and "RAY_ADDRESS" not in seen
        psutil = importlib.import_module("psutil")
        processes = family.members(str(session.folder))
        assert {"gcs_server", "raylet"} <= {process.name() for process in processes}
        assert listening([*processes, psutil.Process()]) <= {"127.0.0.1", "::1"}
        (node,) = nodes()
        assert (node.cpus, node.gpus, node.resources["slot"], node.alive) == (1.0, 0.0, 2.0, True)
        assert node.address == "127.0.0.1"
        assert session.address not in [address for address, _ in probe._raylets()]  # `auto` of others passes it by
        assert session.folder.stat().st_mode & 0o077 == 0
        assert leaks([SECRET.encode()], session.folder) == []
        env = {k: v for k, v in os.environ.items() if not k.startswith("RAY_")} | {"RAY_AUTH_MODE": "disabled"}
        said = subprocess.run(
            [sys.executable, "-c", STRANGER, session.address], capture_output=True, text=True, env=env, check=True
        )
        assert said.stdout.startswith("refused") and "token" in said.stdout
        folder = session.folder
        with joined(Where("auto")) as again:  # in one already
            assert (again.address, again.own) == (session.address, False)
        assert ray.is_initialized()
        del worker
    assert not ray.is_initialized()
    assert ended(str(folder), 0) == [] and not folder.exists()
    assert os.environ.pop("RAY_CLIENT_MODE", "0") == "0"
    assert (dict(os.environ), signal.getsignal(signal.SIGTERM), logging.getLogger("ray").level) == before
    assert list(quiet.iterdir()) == []  # no token in the home folder
    assert capfd.readouterr() == ("", "")


def test_nothing_is_left_of_a_run_that_is_killed() -> None:
    run = Program(INSIDE)
    assert run.line() == "starting"
    folder, worker = run.line().split()
    assert int(worker) in [process.pid for process in family.members(folder)]
    run.signal(signal.SIGKILL)
    assert run.close() == -signal.SIGKILL
    assert ended(folder, 15) == []


@pytest.mark.parametrize("after", [0.4, 1.5])
def test_an_interrupt_while_it_starts_leaves_nothing(after: float, tmp_path: Path) -> None:
    room = Path("/tmp") / f"s{os.getpid()}"  # sockets need a short name
    room.mkdir()
    try:
        run = Program(INSIDE.replace("with joined", f"__import__('threading').Timer({after}, print, ['now'], "
                                     "{'flush': True}).start()\nwith joined"), RAY_TMPDIR=str(room))  # fmt: skip
        assert [run.line(), run.line()] == ["starting", "now"]
        run.signal(signal.SIGINT, group=True)
        assert run.close() in (-signal.SIGINT, 130)
        assert ended(str(room), 5) == []
        assert list(room.iterdir()) == []
    finally:
        for path in room.rglob("*"):
            path.unlink(missing_ok=True)
        room.rmdir()


def test_one_that_does_not_start_says_why_and_keeps_its_logs() -> None:
    run = Program(TOO_SMALL)
    said = run.line()
    assert run.close() == 0
    assert re.fullmatch(
        r"RunError --ray: Ray does not start on this machine \(.+ 1000 bytes.+\): see its logs in .+", said
    )
    folder = Path(said.rpartition(" ")[2])
    assert folder.is_dir() and ended(str(folder), 0) == []


def test_folders_of_killed_runs_are_swept() -> None:
    from synthkit.engine.cluster.quarters import Quarters

    with Quarters.made() as alive:
        with Quarters.made() as other:
            other.kept = True
        assert other.folder.exists()
        with Quarters.made():
            assert not other.folder.exists() and alive.folder.exists()
    assert not alive.folder.exists()


def test_what_cannot_be_joined_is_said_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr("synthkit.engine.cluster.start.ANSWER", 3.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with (
            pytest.raises(ConfigError, match=rf"^--ray: what answers at 127.0.0.1:{port} is no Ray head"),
            joined(Where(f"127.0.0.1:{port}")),
        ):
            pass
    with (
        pytest.raises(ConfigError, match=rf"^--ray: nothing answers at 127.0.0.1:{port} \("),
        joined(Where(f"127.0.0.1:{port}")),
    ):
        pass
    monkeypatch.setenv("RAY_ADDRESS", "ray://head:10001")
    with pytest.raises(ConfigError, match=r"^RAY_ADDRESS: ray://head:10001 is for Ray's client"), joined(Where("auto")):
        pass


CLUSTER = """
import json, sys
from ray.cluster_utils import Cluster
from ray._raylet import GcsClient
from ray._common.usage import usage_constants
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "object_store_memory": 80_000_000})
cluster.add_node(num_cpus=2, object_store_memory=80_000_000, resources={"slot": 1})
print(cluster.address, flush=True)
sys.stdin = None
client = GcsClient(address=cluster.address)
signal = __import__("signal")
signal.sigwait({signal.SIGUSR1, signal.SIGTERM})
key, space = usage_constants.CLUSTER_METADATA_KEY, b"cluster"
told = json.loads(client.internal_kv_get(key, namespace=space))
told["ray_version"], told["python_version"] = "2.40.0", "3.9.1"
client.internal_kv_put(key, json.dumps(told).encode(), True, namespace=space)
print("older", flush=True)
signal.sigwait({signal.SIGTERM})
cluster.shutdown()
"""
BLOCKED = "import signal; signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1, signal.SIGTERM})\n"


def test_a_cluster_is_joined_and_left(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    head = Program(CLUSTER.replace("client = GcsClient", BLOCKED + "client = GcsClient"), RAY_USAGE_STATS_ENABLED="0")
    try:
        address = head.line()
        monkeypatch.setenv("RAY_ADDRESS", address)
        port = address.rpartition(":")[2]
        for at in (address, f"127.0.0.1:{port}", "auto"):
            with joined(Where(at)) as session:
                assert session.address.endswith(f":{port}") and not session.own
                assert sorted(node.cpus for node in nodes()) == [1.0, 2.0]
                ray = importlib.import_module("ray")
                assert ray.get(ray.remote(resources={"slot": 1})(lambda: 7).remote()) == 7
        with joined(Where(), cpus=1, store=80_000_000) as own:  # beside it
            assert own.own and len(nodes()) == 1
        head.signal(signal.SIGUSR1)
        assert head.line() == "older"
        with (
            pytest.raises(ConfigError, match=r"runs Ray 2.40.0 on Python 3.9.1, and this is Ray 2\."),
            joined(Where(address)),
        ):
            pass
    finally:
        head.signal(signal.SIGTERM)
        assert head.close() == 0
    with pytest.raises(ConfigError, match=rf"^--ray: nothing answers at {address}"), joined(Where("auto")):
        pass
    assert capfd.readouterr() == ("", "")


def test_the_search_finds_what_is_hidden(tmp_path: Path) -> None:
    import base64

    import zstandard

    secret = b"sk-secret-0123456789"
    (tmp_path / "clean").write_bytes(b"sk-secret-012345678" * 9)
    assert leaks([secret], tmp_path) == []
    hidden = {
        "plain": b"x" + secret,
        "packed": b"head" + zstandard.compress(b"a" * 999 + secret) + b"tail",
        "coded": base64.b64encode(b"ab" + secret + b"cdef"),
        "json": json.dumps({"key": secret.decode()}).encode(),
    }
    for name, text in hidden.items():
        (tmp_path / name).write_bytes(text)
    assert sorted(Path(path).name for path in leaks([secret], tmp_path)) == sorted(hidden)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", socket.gethostname()])
def test_an_address_of_this_machine_is_known_by_any_of_its_names(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    own = next(a.address for each in psutil.net_if_addrs().values() for a in each if a.family == socket.AF_INET)
    name = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (own, 0))]
    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda h, p: name if h == socket.gethostname() else real(h, p))
    assert probe._same(f"{host}:6379", f"{own}:6379")
    assert not probe._same(f"{host}:6379", f"{own}:6380")
    assert not probe._same(f"{host}:6379", "192.0.2.1:6379")
