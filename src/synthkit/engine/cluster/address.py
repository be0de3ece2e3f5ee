"""Where Ray is: what stands behind `--ray`."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from synthkit.errors import ConfigError

LOCAL, AUTO = "local", "auto"
SUBMIT = "`ray job submit -- synthkit run FILE --ray auto`"
HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?|\[[0-9A-Fa-f:.]+\]")


@dataclass(frozen=True)
class Where:
    """A Ray. address: «local» starts one on this machine, «auto» joins the one that runs here or that `RAY_ADDRESS`
    names, HOST:PORT joins that one."""

    address: str = LOCAL

    @property
    def local(self) -> bool:
        """Whether it is to be started."""
        return self.address == LOCAL

    @property
    def host(self) -> str:
        """Of HOST:PORT, without brackets."""
        return self.address.rpartition(":")[0].strip("[]")

    def __str__(self) -> str:
        return self.address


def where(value: str | bool) -> Where:
    """What `--ray` or `ray=` names; True is a Ray of its own, as `--ray` alone is. Raises `ConfigError`."""
    if isinstance(value, bool):
        if value:
            return Where()
        raise ConfigError("--ray is False: leave it out")
    if value in (LOCAL, AUTO):
        return Where(value)
    return _address(value, "--ray")


def asked(ray: str | bool | None) -> Where | None:
    """What `ray=` of a run says; None is the local executor. Raises `ConfigError`."""
    return None if ray is None or ray is False else where(ray)


def surrounding(environment: Mapping[str, str] = os.environ) -> Where:
    """What «auto» comes to: the address in `RAY_ADDRESS` if there is one. Raises `ConfigError`."""
    given = environment.get("RAY_ADDRESS", "")
    return Where(AUTO) if given in ("", AUTO) else _address(given, "RAY_ADDRESS")


def _address(text: str, named: str) -> Where:
    if text.startswith("ray://"):
        raise ConfigError(
            f"{named}: {text} is for Ray's client, which needs another extra and runs where the files of the driver "
            f"are not: run inside the cluster, by {SUBMIT}"
        )
    if "://" in text:
        raise ConfigError(
            f"{named}: {text} is no address of a Ray head: give HOST:PORT, or run inside the cluster, by {SUBMIT}"
        )
    host, colon, port = text.rpartition(":")
    if named == "--ray" and (text.endswith(".py") or "/" in text or _is_file(text)):
        raise ConfigError(f"--ray: {text} is a file, not an address: write --ray behind FILE, or --ray=auto")
    if not colon or not HOST.fullmatch(host):
        choice = "write --ray alone, auto, or HOST:PORT" if named == "--ray" else "set it to HOST:PORT, or unset it"
        raise ConfigError(f"{named}: {text!r} is no address: {choice}, as in head:6379")
    if not (port.isascii() and port.isdecimal() and 0 < int(port) < 65536):
        raise ConfigError(f"{named}: {port!r} is no port: give a number from 1 to 65535, as in {host}:6379")
    return Where(f"{host}:{int(port)}")


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (OSError, ValueError):
        return False
