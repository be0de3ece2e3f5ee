"""The headers that the vendors' SDKs send, put together without them.

Importing an SDK takes half a second (OpenAI's) or more than one (Anthropic's), nearly all of it for types of requests
and answers that calls beneath it never use. What it sends with each request is known: the key, the JSON types, its own
name and version, the platform. Tests compare every header with those of the installed SDK. Whatever might come out
otherwise (a proxy, an unusual address, a header that changes how the body is framed, a platform that is not known here)
gives None: then the SDK makes them itself.
"""

import importlib.util
import os
import platform
import re
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import metadata
from urllib.parse import parse_qsl, urlencode, urlsplit
from urllib.request import getproxies

PLAIN_URL = re.compile(r"https?://([a-z0-9.-]+|\[[0-9a-f:]+\])(:\d{1,5})?(/(?!\.\.?(/|$))[\w.~-]+)*/?", re.ASCII)
PLAIN_QUERY = re.compile(r"[\w.~=&-]*", re.ASCII)
NAME = re.compile(r"[!#$%&'*+.^_`|~\w-]+", re.ASCII)
VALUE = re.compile(r"[!-~]+( [!-~]+)*")
OTHERS = frozenset(
    {"host", "connection", "content-length", "content-type", "transfer-encoding", "accept-encoding", "expect", "te"}
    | {"upgrade", "trailer", "cookie", "keep-alive", "proxy-authorization"}
)
"""Headers that change more than themselves."""
SYSTEMS = {"Linux": "Linux", "Darwin": "MacOS", "Windows": "Windows"}
MACHINES = {"x86_64": "x64", "arm64": "arm64", "aarch64": "arm64", "arm": "arm"}

Layer = Mapping[str, str | None]
"""Headers by name; None takes out what stood there before."""


def address(base_url: str) -> tuple[str, str] | None:
    """An address and its query, as the SDKs would send them; None where they might change something, or where the
    environment names a proxy."""
    url, _, query = base_url.partition("?")
    if not PLAIN_URL.fullmatch(url) or not PLAIN_QUERY.fullmatch(query):
        return None
    return None if _proxied(url) else (url, urlencode(dict(parse_qsl(query))))


def _proxied(url: str) -> bool:
    """Whether a proxy may stand before an address: it does not where `NO_PROXY` names just this host, or all."""
    known = getproxies()
    spared = {host.strip().lower() for host in known.get("no", "").split(",")}
    if spared & {"*", urlsplit(url).hostname}:
        return False
    return any(scheme in ("http", "https", "all") for scheme in known)


def custom(variable: str) -> dict[str, str]:
    """Headers from an environment variable, one a line."""
    found = {}
    for line in os.environ.get(variable, "").split("\n"):
        name, colon, value = line.partition(":")
        if colon:
            found[name.strip()] = value.strip()
    return found


@cache
def sdk(package: str, client: str) -> Mapping[str, str] | None:
    """What an SDK says of itself and of the machine."""
    system, machine = SYSTEMS.get(platform.system()), platform.machine().lower()
    if system is None or not machine or sys.maxsize <= 2**32 or "android" in platform.release():
        return None
    version = metadata.version(package)
    return {
        "Accept": "application/json",
        "Content-Type": "application/json",
        "User-Agent": f"{client}/Python {version}",
        "X-Stainless-Lang": "python",
        "X-Stainless-Package-Version": version,
        "X-Stainless-OS": system,
        "X-Stainless-Arch": MACHINES.get(machine, f"other:{machine}"),
        "X-Stainless-Runtime": platform.python_implementation(),
        "X-Stainless-Runtime-Version": platform.python_version(),
    }


def composed(layers: Iterable[Layer], given: Iterable[str]) -> dict[str, str] | None:
    """The headers of a request, in small letters: later layers before earlier ones. given: the names of those that do
    not come from the SDK."""
    made: dict[str, str] = {"accept-encoding": _encodings(), "connection": "keep-alive"}
    for layer in layers:
        for name, value in layer.items():
            made.pop(name.lower(), None)
            if value is not None:
                made[name.lower()] = value
    if OTHERS & {name.lower() for name in given}:
        return None
    if not all(NAME.fullmatch(name) and VALUE.fullmatch(value) for name, value in made.items()):
        return None
    return made


@cache
def _encodings() -> str:
    """What the HTTP client below the SDKs can unpack."""
    brotli = any(importlib.util.find_spec(name) for name in ("brotli", "brotlicffi"))
    zstd = sys.version_info >= (3, 14) or _there("backports.zstd")
    return "gzip, deflate" + (", br" if brotli else "") + (", zstd" if zstd else "")


def _there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # not even its parent is
        return False
