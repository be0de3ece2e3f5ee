"""What the tests of the command line share: pipeline files, the command as a process, and a real terminal."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

COMMAND = [sys.executable, "-m", "synthkit.cli.main"]
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
GO = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.executable, sys.argv[1:])"
"""Takes the terminal as the controlling one, so that Ctrl-C there is a signal, and becomes the command."""

NUMS = '''
"""Numbers and their squares."""
import asyncio
import synthkit as sk


@sk.generator(writes="n")
def numbers(top: int = 100):
    for i in range(top):
        yield {"n": i}


@sk.step(reads={"n": int}, writes="square")
async def square(record, wait: float = 0.0):
    if wait:
        await asyncio.sleep(wait)
    if record["n"] == 13:
        raise ValueError("thirteen at 0xdeadbeef")
    return {"square": record["n"] ** 2}


@sk.filter(reads="square")
def even(record):
    return record["square"] % 2 == 0, "odd"


def pipeline(top: int = 100, wait: float = 0.0) -> sk.Pipeline:
    """Numbers, squared; what is odd is dropped."""
    return sk.Pipeline("nums", target=30) >> numbers(top=top) >> square(wait=wait) >> even
'''


@dataclass(frozen=True)
class Said:
    """What a command wrote, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


Cli = Callable[..., Said]


def environment(**more: str) -> dict[str, str]:
    """A calm one: no colours, no width, nothing of the terminal that the tests run in."""
    kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR", "TERM")}
    return {**kept, "PYTHONWARNINGS": "error", **more}


def process(*arguments: str, cwd: Path, env: Mapping[str, str] | None = None) -> Said:
    """Runs the command in a process of its own."""
    done = subprocess.run(
        [*COMMAND, *arguments], cwd=cwd, env=env or environment(), capture_output=True, text=True, timeout=60
    )
    return Said(done.returncode, done.stdout, done.stderr)


def until(happened: Callable[[], bool], seconds: float = 30.0) -> None:
    """Waits for something that will happen."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


class Terminal:
    """A command in a pseudo-terminal. out: a file that gets its stdout. script: what runs instead of synthkit."""

    def __init__(
        self,
        *arguments: str,
        cwd: Path,
        columns: int = 80,
        rows: int = 24,
        out: Path | None = None,
        script: str = "",
        **env: str,
    ) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        command = [sys.executable, "-c", GO, *([sys.executable, script] if script else COMMAND), *arguments]
        with (out or Path(os.devnull)).open("wb") as file:
            self.child = subprocess.Popen(
                command, cwd=cwd, env=environment(**{"TERM": "xterm-256color", **env}),
                stdin=slave, stdout=file if out else slave, stderr=slave, start_new_session=True,
            )  # fmt: skip
        os.close(slave)
        self.raw = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGKILL)
        self.child.wait()
        os.close(self.master)

    @property
    def text(self) -> str:
        """All that was written so far, without escapes."""
        return ESCAPES.sub("", self.raw).replace("\r", "")

    def read(self, wanted: str, seconds: float = 30.0) -> None:
        """Reads until the text holds something."""
        deadline = time.monotonic() + seconds
        while wanted not in self.text:
            assert time.monotonic() < deadline, f"no {wanted!r} in {self.text!r}"
            assert self._more(), f"it ended without {wanted!r}: {self.text!r}"

    def interrupt(self) -> None:
        """Ctrl-C."""
        os.write(self.master, b"\x03")

    def hang_up(self) -> None:
        """Closes the terminal, as closing its window does."""
        os.close(self.master)
        self.master = os.open(os.devnull, os.O_RDONLY)

    def end(self) -> int:
        """Reads to the end; returns the exit code."""
        while self._more():
            pass
        return self.child.wait(30)

    def _more(self) -> bool:
        ready, _, _ = select.select([self.master], [], [], 1.0)
        if not ready:
            return self.child.poll() is None
        try:
            data = os.read(self.master, 65536)
        except OSError:  # the other side is closed
            return False
        self.raw += data.decode("utf-8", "replace")
        return bool(data)
