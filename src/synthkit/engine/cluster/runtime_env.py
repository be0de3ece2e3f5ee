"""What is installed for the lanes of a run alone: `--runtime-env`."""

import contextlib
import importlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthkit.core.columns import hint
from synthkit.engine.cluster import shipment
from synthkit.engine.cluster.address import Where
from synthkit.engine.cluster.equipment import PYTHON, Equipment
from synthkit.errors import ConfigError, RunError

if TYPE_CHECKING:
    from packaging.requirements import Requirement

    from synthkit.engine.monitor import Monitor
    from synthkit.models.keys import Keys

OPTION = "--runtime-env"
PATIENCE = 3600
"""Seconds that an installation may take, where nothing else is said; Ray's own would be ten minutes."""
MANY = 4
"""Of what is installed, so much is shown while it is."""
RAY = "ray"
"""What no lane may have in another version than its node."""
FIELDS = (
    *("conda", "config", "container", "env_vars", "excludes", "image_uri", "java_jars", "nsight", "pip"),
    *("py_executable", "py_modules", "rocprof_sys", "uv", "worker_process_setup_hook"),
)
Given = bool | str | Path | Mapping[str, Any] | None
"""How it is asked for: True or "" for what the run needs, a file, or a runtime env as Ray takes it."""
LOGIN = re.compile(r"(?<=://)[^/@\s]+@")


@dataclass(frozen=True)
class RuntimeEnv:
    """What was asked for. given: a runtime env of Ray's; None for what the run needs. named: where that stands."""

    given: Mapping[str, Any] | None = None
    named: str = OPTION

    @property
    def value(self) -> str | None:
        """What stands behind the option; None where it was asked for otherwise."""
        return self.named.removeprefix(OPTION).strip() if self.named.startswith(OPTION) else None

    def check(self, keys: "Keys") -> None:
        """Raises `ConfigError` where a key, or a variable that holds one, is in it: it lands in Ray's logs."""
        given = self.given or {}
        why = "leave it out, since a runtime env lands in Ray's logs; the keys of models travel on their own"
        for name in given.get("env_vars") or {}:
            if name in keys.variables or name in keys.environment:
                raise ConfigError(f"{self.named} sets {name}: {why}")
        for where, text in _texts(given):
            if any(secret in text for secret in keys.secrets if secret):
                raise ConfigError(f"{self.named}: {where} holds a key: {why}")


@dataclass(frozen=True)
class Fitted:
    """What lanes get. env: as Ray takes it for an actor. installs: what it is, for people. sent: what is at the cluster
    for this run alone, for `shipment.forget` at its end."""

    env: Mapping[str, Any]
    installs: tuple[str, ...]
    sent: tuple[str, ...] = ()


class Unfit(RunError):
    """A node on which it cannot be installed."""


class Fitting:
    """Tells what lanes wait for while it is installed: entered by each that begins."""

    def __init__(self, fitted: Fitted, monitor: "Monitor") -> None:
        self.env = fitted.env
        self._fitted, self._monitor = fitted, monitor
        first, others = fitted.installs[:MANY], fitted.installs[MANY:]
        what = ", ".join([*first, *([f"{len(others)} more"] if others else [])])
        self._said = f"setting up the lanes, which may take minutes: {what}"
        self.there = False
        """Whether a lane has it."""
        self._waiting = 0

    def __enter__(self) -> None:
        self._waiting += 1
        if not self.there:
            self._monitor.awaits = self._said

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._waiting -= 1
        self.there |= kind is None
        if self.there or not self._waiting:
            self._monitor.awaits = ""

    def close(self) -> None:
        """Takes away what was sent."""
        with contextlib.suppress(Exception):  # a cluster that is gone has nothing left
            shipment.forget(self._fitted.sent)


def asked(value: Given, at: Where | None) -> RuntimeEnv | None:
    """What `--runtime-env` or `runtime_env=` says: True or "" is what the run needs, a path is a file in YAML or JSON.
    at: on which Ray. Raises `ConfigError`."""
    if value is None or value is False:
        return None
    if at is None:
        raise ConfigError(f"{OPTION} installs something for the lanes of a run on Ray: give --ray, too")
    if value is True or value == "":
        return RuntimeEnv()
    if isinstance(value, Mapping):
        return RuntimeEnv(_valid(value, "runtime_env"), "runtime_env")
    return RuntimeEnv(_valid(_read(Path(value)), f"{OPTION} {value}"), f"{OPTION} {value}")


def fitted(wanted: RuntimeEnv, equipment: Equipment, keys: "Keys", run: str) -> Fitted:
    """What lanes get; what is in local files is sent to the cluster. Raises `ConfigError` and `RunError`."""
    if wanted.given is None:
        pip, local, installs = _needed(equipment)
        env: dict[str, Any] = {"pip": pip} if pip else {}
        zips = [shipment.packed(local)] if local else []
        others: list[str] = []
    else:
        env = dict(wanted.given)
        modules = [str(module) for module in env.pop("py_modules", None) or ()]
        others = [module for module in modules if "://" in module]
        zips = [shipment.module(_path(module, wanted.named)) for module in modules if "://" not in module]
        installs = [f"{', '.join(sorted(wanted.given))} of {wanted.named.removeprefix(OPTION).strip()}"]
    sent = []
    for data in zips:
        if (file := shipment.holds(data, keys.secrets)) is not None:
            raise ConfigError(f"{wanted.named}: {file}, which is sent to the cluster, holds a key: take it out")
        sent.append(shipment.sent(data, run))
    if modules := [*sent, *others]:
        env["py_modules"] = modules
    env["config"] = {"setup_timeout_seconds": PATIENCE, **(env.get("config") or {})}
    return Fitted(env, tuple(installs), tuple(sent))


def failed(text: str) -> Unfit:
    """What is said where it cannot be set up. text: Ray's, which ends with what pip has written."""
    if "install virtualenv" in text:
        return Unfit(
            f"{OPTION}: a node lacks virtualenv, without which Ray installs nothing: `pip install virtualenv` there, "
            "in the Python of Ray (ray[default] brings it)"
        )
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    errors = [line for line in lines if line.upper().startswith(("ERROR:", "× ", "╰─▶"))]
    last = (errors or lines or ["nobody knows why"])[-1].removeprefix("ERROR:").strip().rstrip(".")
    return Unfit(f"the runtime env of the lanes cannot be set up: {LOGIN.sub('', last)[:500]}")


# what a run needs


def _needed(equipment: Equipment) -> tuple[list[str], list[metadata.Distribution], list[str]]:
    """The distributions of a run in the versions of this process: what pip is told, those from local files, and all for
    people. What those from local files require is installed, too."""
    parse = importlib.import_module("packaging.requirements").Requirement
    waiting: list[Requirement] = [parse(name) for name in equipment.versions if name != PYTHON]
    pip: list[str] = []
    local: list[metadata.Distribution] = []
    installs: list[str] = []
    seen = {RAY}
    while waiting:
        wish = waiting.pop(0)
        if (name := _normal(wish.name)) in seen or (wish.marker and not wish.marker.evaluate({"extra": ""})):
            continue
        seen.add(name)
        try:
            dist = metadata.distribution(wish.name)
        except metadata.PackageNotFoundError:  # this process does without
            continue
        extras = f"[{','.join(sorted(wish.extras))}]" if wish.extras else ""
        installs.append(f"{dist.name} {dist.version}")
        url, here = shipment.origin(dist)
        if here:
            local.append(dist)
            waiting += [parse(text) for text in dist.requires or ()]
        else:
            pip.append(f"{dist.name}{extras} @ {url}" if url else f"{dist.name}{extras}=={dist.version}")
    return pip, local, installs


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


# what is given


def _read(path: Path) -> Any:
    if path.suffix == ".py":
        raise ConfigError(f"{OPTION}: {path} is a pipeline, not a runtime env: write {OPTION} behind FILE")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        said = getattr(error, "strerror", None) or "it is no text"
        raise ConfigError(f"{OPTION}: {path} cannot be read ({said}): name a file in YAML or JSON") from error
    yaml = importlib.import_module("yaml")  # Ray requires it
    try:
        return json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{OPTION}: {path} is no JSON ({error}): mend it") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise ConfigError(
            f"{OPTION}: {path}{where} is no YAML ({getattr(error, 'problem', None) or 'unreadable'}): mend it"
        ) from error


def _valid(given: Any, named: str) -> Mapping[str, Any]:
    """As Ray reads it, with the files that it names. Raises `ConfigError`."""
    if not isinstance(given, Mapping) or not all(isinstance(name, str) for name in given):
        raise ConfigError(
            f"{named} is no runtime env, which is a mapping of fields, as `pip: [nltk==3.9]`, but {_kind(given)}"
        )
    if "working_dir" in given:
        raise ConfigError(
            f"{named}: leave out working_dir: the pipeline file, its modules and the files that steps read travel on "
            "their own"
        )
    for name in given:
        if name not in FIELDS:
            raise ConfigError(f"{named}: a runtime env has no field {name!r}{hint(name, FIELDS)}")
    made = importlib.import_module("ray.runtime_env").RuntimeEnv
    try:
        return dict(made(**deepcopy(dict(given))))
    except (ValueError, TypeError, OSError) as error:
        raise ConfigError(f"{named}: {' '.join(str(error).split())}") from error


def _kind(given: Any) -> str:
    return "empty" if given is None else "a list" if isinstance(given, list) else f"a {type(given).__name__}"


def _texts(value: Any, where: str = "") -> Iterator[tuple[str, str]]:
    """All texts in it, with the field that they are in."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield where or str(name), str(name)
            yield from _texts(inner, where or str(name))
    elif isinstance(value, Iterable) and not isinstance(value, str):
        for inner in value:
            yield from _texts(inner, where)
    else:
        yield where, str(value)


def _path(module: str, named: str) -> Path:
    """A local module of `py_modules`, which Ray itself sends with a whole job only."""
    if module.endswith(".whl"):
        raise ConfigError(
            f"{named}: {module} in py_modules is a wheel: install it here and write {OPTION} alone, or put it where "
            "nodes can get it, as at https://…"
        )
    return Path(module)
