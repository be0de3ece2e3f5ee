"""Looks at a Ray before this process joins it, in a process of its own: `python probe.py auto|HOST:PORT [token]` writes
a line of JSON. Ray's library waits minutes for a head that does not answer, and ends its process where it likes; here
that costs nothing. It imports nothing of synthkit."""

import importlib
import ipaddress
import json
import socket
import sys
import textwrap
from typing import Any

OURS = "synthkit-ray-"
"""How the folders begin of Rays that runs have started for themselves: nobody else joins them."""
CONNECT = 5.0
"""Seconds that a connection may take."""
LOOPBACK = ("localhost", "127.0.0.1", "::1")


def main(address: str, token: bool = False) -> dict[str, Any]:
    """What is there: «address», «loopback», «ray» and «python» (its versions); or «problem» and «why»; «here», whether
    this machine is a node of it. token: with the one in `~/.ray`, which a cluster that has none must not be shown: its
    processes would not answer each other."""
    services = importlib.import_module("ray._private.services")
    found = _raylets()
    if address == "auto":
        addresses = sorted({gcs for gcs, _ in found})
        if not addresses:
            return {"problem": "none"}
        if len(addresses) > 1:  # Ray takes the one that was started last, whoever did
            return {"problem": "several", "why": ", ".join(addresses)}
        address = addresses[0]
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    hosts = [host, services.get_node_ip_address()] if host in LOOPBACK else [host]
    for host in hosts:
        try:
            socket.create_connection((host, int(port)), CONNECT).close()
            break
        except OSError as error:
            why = error.strerror or str(error)
    else:
        return {"problem": "unreachable", "address": address, "why": why}
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    if token:
        tokens()
    told = {"address": address, "loopback": host in LOOPBACK, "here": any(_same(address, gcs) for gcs, _ in found)}
    return told | {"token": token} | _asked(address, [node for _, node in found])


def _asked(address: str, raylets: list[str]) -> dict[str, Any]:
    """What the head says."""
    usage = importlib.import_module("ray._common.usage.usage_lib")
    try:
        client = importlib.import_module("ray._raylet").GcsClient(address=address)
        told = usage.get_cluster_metadata(client) or {}
        nodes = {node.hex() for node in client.get_all_node_info(timeout=CONNECT)}
    except Exception as error:
        said = f"{type(error).__name__}: {error}".splitlines()[0]
        return {"problem": "refused", "why": textwrap.shorten(said, 300, placeholder=" …")}
    if not nodes & set(raylets):
        return {"problem": "elsewhere"}
    return {"ray": told.get("ray_version"), "python": told.get("python_version")}


def _same(one: str, other: str) -> bool:
    """Whether two addresses are the same one: this machine has several, and names."""
    hosts, ports = zip(*(address.rpartition(":")[::2] for address in (one, other)), strict=True)
    return len(set(ports)) == 1 and (len(set(hosts)) == 1 or all(_mine(host.strip("[]")) for host in hosts))


def _mine(host: str) -> bool:
    psutil = importlib.import_module("psutil")
    mine = {known.address for each in psutil.net_if_addrs().values() for known in each}
    try:
        found = {str(info[4][0]) for info in socket.getaddrinfo(host, None)}
    except OSError:
        return False
    return any(address in mine or ipaddress.ip_address(address.partition("%")[0]).is_loopback for address in found)


def _raylets() -> list[tuple[str, str]]:
    """The address of the head, and the id, of each node on this machine."""
    psutil = importlib.import_module("psutil")  # Ray brings its own
    found = []
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or [""]
        if words[0].endswith("raylet") and not any(OURS in word for word in words):
            given = dict(word.lstrip("-").split("=", 1) for word in words if "=" in word)
            found.append((given.get("gcs-address", ""), given.get("node_id", "")))
    return [(address, node) for address, node in found if address and node]


def tokens() -> None:
    """As Ray does for a cluster that it finds itself, and never for an address that was given."""
    try:
        from ray._private.authentication.authentication_token_setup import maybe_enable_token_auth_if_token_available
    except ImportError:  # an older one
        return
    maybe_enable_token_auth_if_token_available(warn_if_disabled=False)


if __name__ == "__main__":
    import logging

    import ray  # noqa: F401  # first: it makes its psutil known

    logging.getLogger("ray").setLevel(logging.CRITICAL)
    sys.stdout.write(json.dumps(main(sys.argv[1], "token" in sys.argv[2:])) + "\n")
    sys.stdout.flush()
