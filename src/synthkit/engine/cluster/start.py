"""Starting a Ray on this machine, or joining one that runs, and leaving it again."""

import contextlib
import functools
import importlib
import inspect
import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from synthkit.engine.cluster import probe
from synthkit.engine.cluster.address import SUBMIT, Where, surrounding, where
from synthkit.engine.cluster.family import watched
from synthkit.engine.cluster.quarters import Quarters, environment, replaced
from synthkit.errors import ConfigError, RunError

__all__ = ["Node", "Session", "Where", "joined", "nodes", "where"]

STORE = 1 << 30
"""Bytes of the object store of a Ray that is started here, at most; no more than an eighth of the memory."""
ANSWER = 10.0
"""Seconds in which a cluster must have answered."""


@dataclass(frozen=True)
class Session:
    """A Ray that this process is in. address: of its head. own: whether it was started for this run. folder: of its
    logs, where it was."""

    address: str
    own: bool
    folder: Path | None = None


@dataclass(frozen=True)
class Node:
    """One node of a cluster. resources: all that it has, by name; memory in bytes."""

    id: str
    address: str
    cpus: float
    gpus: float
    resources: Mapping[str, float] = field(default_factory=dict)
    alive: bool = True


@contextlib.contextmanager
def joined(
    at: Where,
    *,
    cpus: int | None = None,
    store: int | None = None,
    resources: Mapping[str, float] | None = None,
    namespace: str | None = None,
    hidden: frozenset[str] = frozenset(),
) -> Iterator[Session]:
    """In a Ray until the end of the block: one that is started and ended here, or one that runs and goes on. Where this
    process is in one already, that is taken as it is and left so. Nothing is written to the terminal.

    A Ray that is started ends with the *thread* that started it, too: enter it in one that lives as long as the run.

    cpus, store (bytes of the object store), resources: of a Ray that is started; by default all cores, and at most
    1 GiB. hidden: variables that its processes do not see in their environment, as those that hold keys.
    Raises `ConfigError` where there is none to join, `RunError` where none can be started.
    """
    ray = _ray()
    if ray.is_initialized():
        yield _present(ray)
        return
    with _undisturbed(), _unsaid():
        if at.local:
            with _started(ray, cpus, store, dict(resources or {}), namespace, hidden) as session:
                yield session
            return
        session = _join(ray, at, namespace)
        try:
            yield session
        finally:
            ray.shutdown()


def nodes() -> list[Node]:
    """All nodes of the cluster that this process is in, also those that are gone, by address and id."""
    found = []
    for told in _ray().nodes():
        held: dict[str, float] = dict(sorted(told["Resources"].items()))
        cpus, gpus = held.get("CPU", 0.0), held.get("GPU", 0.0)
        found.append(Node(told["NodeID"], told["NodeManagerAddress"], cpus, gpus, held, told["Alive"]))
    return sorted(found, key=lambda node: (node.address, node.id))


def described(at: Where) -> dict[str, Any]:
    """The Ray that this process is in: where, how many nodes, and their processors together."""
    alive = [node for node in nodes() if node.alive]
    address = "" if at.local else _ray().get_runtime_context().gcs_address
    return {"address": address, "nodes": len(alive), "cpus": sum(node.cpus for node in alive)}


def _ray() -> Any:
    with environment({"RAY_USAGE_STATS_ENABLED": "0"}):
        try:
            return importlib.import_module("ray")
        except ImportError as error:
            raise ConfigError(f"--ray: Ray cannot be imported ({error}): `pip install ray` for this Python") from error


def _present(ray: Any) -> Session:
    client = importlib.import_module("ray.util.client").ray
    if client.is_connected():
        raise ConfigError(f"--ray: this process is in a cluster by Ray's client (ray://): run inside it, by {SUBMIT}")
    return Session(ray.get_runtime_context().gcs_address, own=False)


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Leaves what `ray.init` takes for itself as it was: the handler of SIGTERM, which exits, and Ray's logger."""
    log = logging.getLogger("ray")
    level, handlers, on = log.level, list(log.handlers), log.propagate
    main = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGTERM) if main else None
    try:
        yield
    finally:
        log.setLevel(level)
        log.handlers[:], log.propagate = handlers, on
        if before is not None:
            signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def _unsaid() -> Iterator[None]:
    """Keeps from the terminal what Ray has to say of workers that ended: who runs on it says that, in a line."""
    worker = importlib.import_module("ray._private.worker")
    with replaced(worker, print_to_stdstream=lambda *given, **named: None):
        yield


def _init(ray: Any, changes: Mapping[str, str | None], loopback: bool, **given: Any) -> str:
    """`ray.init` without its words and without a copy of the working folder; returns the address of the head."""
    constants = importlib.import_module("ray._private.ray_constants")
    main = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGTERM) if main else None
    alone = {"ENABLE_RAY_CLUSTER": False} if loopback else {}  # what Ray does on macOS: this machine is 127.0.0.1
    quiet = {"RAY_ENABLE_UV_RUN_RUNTIME_ENV": False}  # else `uv run` sends the working folder along, and all keys in it
    kept = {"PYTHONBREAKPOINT": os.environ.get("PYTHONBREAKPOINT")}  # else `breakpoint()` is Ray's from now on
    with environment({"RAY_USAGE_STATS_ENABLED": "0", **kept, **changes}), replaced(constants, **alone, **quiet):
        context = ray.init(log_to_driver=False, logging_level=logging.CRITICAL, **given)
    if before is not None:
        signal.signal(signal.SIGTERM, before)
    return str(context.address_info["gcs_address"])


@contextlib.contextmanager
def _started(
    ray: Any,
    cpus: int | None,
    store: int | None,
    resources: dict[str, float],
    namespace: str | None,
    hidden: frozenset[str],
) -> Iterator[Session]:
    """A Ray of its own, which nobody else can reach."""
    with Quarters.made() as quarters, watched(str(quarters.folder)):
        try:
            address = _launched(ray, quarters, hidden, cpus, store, resources, namespace)
            yield Session(address, own=True, folder=quarters.folder)
        finally:
            try:
                ray.shutdown()
            finally:
                _forget_token()


def _launched(
    ray: Any,
    quarters: Quarters,
    hidden: frozenset[str],
    cpus: int | None,
    store: int | None,
    resources: dict[str, float],
    namespace: str | None,
) -> str:
    psutil = importlib.import_module("psutil")
    changes = quarters.variables() | dict.fromkeys(sorted(hidden))
    try:
        with environment(changes):
            _forget_token()
        with _bare():
            address = _init(
                ray, changes, loopback=True, address="local", include_dashboard=False, num_cpus=cpus,
                resources=resources, namespace=namespace, _temp_dir=str(quarters.rays), _skip_env_hook=True,
                object_store_memory=store or min(STORE, psutil.virtual_memory().total // 8),
            )  # fmt: skip
    except Exception as error:
        quarters.kept = True
        raise RunError(
            f"--ray: Ray does not start on this machine ({_first(error)}): see its logs in {quarters.folder}"
        ) from error
    if address.rpartition(":")[0] not in ("127.0.0.1", "[::1]"):
        raise RunError(f"--ray: this version of Ray listens on {address}, not on loopback only: use Ray 2.60")
    return address


@contextlib.contextmanager
def _bare() -> Iterator[None]:
    """Without three processes that do nothing for a Ray of one machine and take a second or two to start: the
    autoscaler, the reader of logs for a driver that does not want them, and what is left of a dashboard that is off."""
    parameter = importlib.import_module("ray._private.parameter")
    node = importlib.import_module("ray._private.node").Node
    known = inspect.signature(parameter.RayParams).parameters
    off = {name: value for name, value in (("no_monitor", True), ("include_log_monitor", False)) if name in known}
    with (
        replaced(parameter, RayParams=functools.partial(parameter.RayParams, **off)),
        replaced(node, start_api_server=lambda *_, **__: None),
    ):
        yield


def _join(ray: Any, at: Where, namespace: str | None) -> Session:
    """In the cluster that is there. Raises `ConfigError`."""
    at = surrounding() if at.address == "auto" else at
    found = _probed(at)
    address = found["address"]
    was = (found["ray"], found["python"])
    mine = (ray.__version__, ".".join(map(str, sys.version_info[:3])))
    if None not in was and was != mine:
        raise ConfigError(
            f"--ray: the cluster at {address} runs Ray {was[0]} on Python {was[1]}, and this is Ray {mine[0]} on "
            f"Python {mine[1]}: use the same versions on both"
        )
    if found["token"]:
        logging.getLogger("ray").setLevel(logging.CRITICAL)  # it has a word to say of tokens
        probe.tokens()
    try:
        return Session(_init(ray, {}, found["loopback"], address=address, namespace=namespace), own=False)
    except Exception as error:
        ray.shutdown()
        raise ConfigError(f"--ray: the cluster at {address} cannot be joined: {_first(error)}") from error


def _probed(at: Where) -> dict[str, Any]:
    found = _looked(at.address)
    if found.get("problem") == "refused" and found["here"]:  # one of this machine, whose token this user may have
        found = _looked(found["address"], "token")
    if "problem" in found:
        raise ConfigError("--ray: " + _sentence(found.get("address", str(at)), found["problem"], found.get("why", "")))
    return found


def _looked(*given: str) -> dict[str, Any]:
    command = [sys.executable, "-P", probe.__file__, *given]
    with environment({"RAY_USAGE_STATS_ENABLED": "0"}):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    with process:
        try:
            text, _ = process.communicate(timeout=ANSWER)
        except subprocess.TimeoutExpired:
            text = b'{"problem": "silent"}'
        finally:
            process.kill()
    found: dict[str, Any] = json.loads(text or b'{"problem": "silent"}')
    return found


def _sentence(at: str, problem: str, why: str) -> str:
    alone = "start one by `ray start --head`, or write --ray alone for one of this run"
    return {
        "none": f"no Ray runs on this machine, and RAY_ADDRESS is not set: {alone}",
        "several": f"several Rays run on this machine ({why}): say which by --ray HOST:PORT",
        "unreachable": f"nothing answers at {at} ({why}): is that the address of a Ray head that runs?",
        "silent": f"what answers at {at} is no Ray head, or too busy: it told nothing in {ANSWER:.0f} s",
        "refused": f"what answers at {at} does not let us in: for a Ray head with a token, set RAY_AUTH_MODE=token "
        f"here ({why})",
        "elsewhere": f"this machine is no node of the cluster at {at}: run on one of its nodes, by {SUBMIT}",
    }[problem]


def _first(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__).rstrip(".")


def _forget_token() -> None:
    """Ray's token, and its settings, outlive a session: they are read anew from the environment when needed next."""
    raylet = importlib.import_module("ray._raylet")
    loader = getattr(raylet, "AuthenticationTokenLoader", None)
    if loader is not None:  # older ones know no tokens
        loader.instance().reset_cache()
        raylet.Config.initialize("")
