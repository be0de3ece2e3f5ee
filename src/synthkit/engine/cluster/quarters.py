"""The folder of a Ray that is started for a run, and the environment that its processes get."""

import contextlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from synthkit.engine.cluster.probe import OURS
from synthkit.engine.cluster.room import locked, sweep
from synthkit.errors import RunError

LONGEST = 14
"""Characters of the folder around it. The names of Ray's sockets may have 103 (107 on Linux), and need the rest."""
ELSEWHERE = (
    "RAY_ADDRESS", "RAY_REDIS_ADDRESS", "RAY_GCS_SERVER_PORT", "RAY_JOB_CONFIG_JSON_ENV_VAR", "RAY_RUNTIME_ENV_HOOK",
    "RAY_OVERRIDE_NODE_ID_FOR_TESTING", "RAY_OVERRIDE_DASHBOARD_URL", "RAY_NAMESPACE", "RAY_RUNTIME_ENV",
    "RAY_LOG_TO_STDERR", "RAY_AUTH_TOKEN",
)  # fmt: skip
"""What tells Ray of another cluster, or to write to the terminal."""


class Quarters:
    """A folder that only this user can read: in `rays`, Ray's session, its sockets and logs; beside it, for Ray opens
    its own folder to everybody, the token without which nobody talks to it, not even from this machine. A lock says
    that its run lives. kept: it stays, for its logs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rays = folder / "r"
        self.kept = False

    @classmethod
    @contextlib.contextmanager
    def made(cls) -> Iterator["Quarters"]:
        """A new one, which is removed at the end. Those of runs that were killed are removed first."""
        base = _base()
        sweep(base, OURS)
        try:
            quarters = cls(Path(tempfile.mkdtemp(prefix=OURS, dir=base)))
            token = quarters.folder / "token"
            token.touch(mode=0o600)
            token.write_text(secrets.token_hex(32), "ascii")
            lock = locked(quarters.folder)
        except OSError as error:
            raise RunError(f"--ray: Ray has no room in {base} ({error.strerror}): set RAY_TMPDIR") from error
        with lock:
            try:
                yield quarters
            finally:
                if not quarters.kept:
                    shutil.rmtree(quarters.folder, ignore_errors=True)

    def variables(self) -> dict[str, str | None]:
        """What Ray's processes get: loopback only, a token, and nothing of other clusters."""
        return {
            **dict.fromkeys(ELSEWHERE),
            "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # this machine is 127.0.0.1, as on macOS
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(self.folder / "token"),
        }


@contextlib.contextmanager
def environment(changes: Mapping[str, str | None]) -> Iterator[None]:
    """Other variables for a while; None for those that are not to be there."""
    before = {name: os.environ.get(name) for name in changes}
    _set(changes)
    try:
        yield
    finally:
        _set(before)


@contextlib.contextmanager
def replaced(thing: Any, **values: Any) -> Iterator[None]:
    """Other attributes for a while, of those that are there."""
    before = {name: getattr(thing, name) for name in values if hasattr(thing, name)}
    for name in before:
        setattr(thing, name, values[name])
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(thing, name, value)


def _set(variables: Mapping[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _base() -> str:
    wanted = os.environ.get("RAY_TMPDIR") or tempfile.gettempdir()
    return wanted if len(wanted) <= LONGEST and Path(wanted).is_dir() else "/tmp"
