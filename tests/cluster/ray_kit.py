"""What tests of Ray share: programs that are in one, what its processes listen on, and a search for what must not be in
any file."""

import base64
import contextlib
import importlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import zstandard

from synthkit.engine.cluster import family

MAGIC = b"\x28\xb5\x2f\xfd"
"""How a block begins that zstandard has compressed."""


def leaks(secrets: Sequence[bytes], *folders: Path) -> list[str]:
    """The files below the folders that hold one of these, as they are or in another form, or are named after one; also
    in blocks that are compressed."""
    forms = [form for secret in secrets for form in _forms(secret)]
    return [str(path) for path in _files(folders) if any(form in text for text in _texts(path) for form in forms)]


def _forms(secret: bytes) -> Iterator[bytes]:
    yield secret
    yield secret.hex().encode()
    yield quote(secret, safe="").encode()
    for skipped in range(3):  # as a part of something longer: without the letters that its neighbours have a share in
        coded = base64.b64encode(b"\0" * skipped + secret)
        kept = coded[4 if skipped else 0 : len(coded) - 4]
        yield kept
        yield kept.translate(bytes.maketrans(b"+/", b"-_"))


def _files(folders: Sequence[Path]) -> Iterator[Path]:
    for folder in folders:
        assert folder.is_dir(), f"{folder} is no folder"
        for place, _, names in os.walk(folder):
            yield from (path for name in names if (path := Path(place, name)).is_file() and not path.is_symlink())


def _texts(path: Path) -> Iterator[bytes]:
    yield os.fsencode(path)
    try:
        raw = path.read_bytes()
    except OSError:  # gone meanwhile
        return
    yield raw
    start = raw.find(MAGIC)
    while start >= 0:
        with contextlib.suppress(zstandard.ZstdError):  # no beginning of a block
            yield zstandard.ZstdDecompressor().decompressobj().decompress(raw[start:])
        start = raw.find(MAGIC, start + 1)


class Program:
    """A Python program in a process group of its own, whose lines are read one by one."""

    def __init__(self, text: str, *arguments: str, **environment: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", text, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=os.environ | environment, start_new_session=True,
        )  # fmt: skip

    def line(self) -> str:
        """The next one. Raises `AssertionError` with what it complained of where there is none."""
        assert self.process.stdout and self.process.stderr
        said = self.process.stdout.readline()
        assert said, self.process.stderr.read()
        return said.strip()

    def signal(self, number: int, *, group: bool = False) -> None:
        """Sends a signal; group: to its whole group, as a terminal does."""
        (os.killpg if group else os.kill)(self.process.pid, number)

    def close(self) -> int:
        """Waits for its end, with force if it must, and returns its exit code."""
        try:
            self.process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGKILL)
            self.process.communicate()
        return self.process.returncode


def ended(folder: str, seconds: float) -> list[str]:
    """What is left of the Ray in a folder after so many seconds at most."""
    psutil = importlib.import_module("psutil")
    until = time.monotonic() + seconds
    while True:
        left = [p for p in family.members(folder) if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
        if not left or time.monotonic() > until:
            return [str(process) for process in left]
        time.sleep(0.1)


def listening(processes: Sequence[Any]) -> set[str]:
    """The addresses at which they can be reached, without ports."""
    psutil = importlib.import_module("psutil")
    open_to = set()
    for process in processes:
        for one in process.net_connections("inet"):
            if one.status == psutil.CONN_LISTEN or (one.status == psutil.CONN_NONE and not one.raddr):
                open_to.add(one.laddr.ip.removeprefix("::ffff:"))
    return open_to
