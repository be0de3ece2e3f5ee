"""Runs on Ray as users have them: the command line in a process of its own, real processes that are killed, and a
service that answers anew at each call."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from synthkit.engine.cluster.probe import OURS
from synthkit.testing import LoopbackServer

SYNTHKIT = str(Path(sys.executable).with_name("synthkit"))
SECRET = "sk-the-key-of-a-run-on-ray-0123456789"
PIPELINE = '''
import os, signal, sys
from pathlib import Path
from synthkit import Pipeline, Placement, Prompt, Step, step
from synthkit.filters import MinHashDedup
from synthkit.generators import LoadRecords
from words import count_of

if "NO_LANES" in os.environ and "ray" in sys.modules:
    os._exit(3)

class Ask(Prompt):
    """Asks."""
    template = "Write about {{ topic }}"
    into = "text"

class Again(Prompt):
    """Asks for more."""
    template = "Say it again: {{ text }}"
    into = "again"

@step(reads="text", writes="words")
def count(record):
    """Counts words, in a module beside this file."""
    return {"words": count_of(record["text"])}

@step(reads="topic")
def deadly(record):
    """Some records end the process that works on them."""
    if record["topic"] in os.environ.get("DEADLY", "").split(","):
        os.kill(os.getpid(), signal.SIGKILL)
    return {}

class Loads(Step):
    """Loads something once, and says so in a file."""
    into: str = "loaded"
    log: str = ""
    def io(self, have):
        from synthkit.core import IO
        return IO.of((), (self.into,))
    async def open(self, ctx):
        with Path(self.log).open("a") as file:
            file.write(f"{os.getpid()}\\n")
        ctx.resource("model", lambda: "loaded")
    async def process(self, record, ctx):
        return {self.into: ctx.resource("model", lambda: "never opened")}

def pipeline(model: str = "m") -> Pipeline:
    return (
        Pipeline("p") >> LoadRecords(path="in.jsonl") >> Ask(model=model) >> count >> deadly
        >> MinHashDedup("text", threshold=0.95) >> Again(model=model)
    )
'''


class Place:
    """A project folder with a pipeline, its inputs and a service."""

    def __init__(self, folder: Path, server: LoopbackServer, records: int) -> None:
        self.folder, self.server, self.records = folder, server, records
        (folder / "p.py").write_text(PIPELINE)
        (folder / "words.py").write_text("def count_of(text):\n    return len(text.split())\n")
        lines = (json.dumps({"topic": f"topic {number}"}) for number in range(records))
        (folder / "in.jsonl").write_text("\n".join(lines))
        self.configure()

    def configure(self, more: str = "") -> None:
        """Writes synthkit.toml."""
        table = f'[models.m]\nuse = "openai/x"\nbase_url = "{self.server.url}"\n{more}'
        (self.folder / "synthkit.toml").write_text(table)

    def begin(self, *arguments: str, **environment: str) -> "subprocess.Popen[str]":
        """Starts the command."""
        return subprocess.Popen(
            [SYNTHKIT, *arguments], cwd=self.folder, text=True, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "OPENAI_API_KEY": SECRET, **environment},
        )  # fmt: skip

    def run(self, *arguments: str, code: int = 0, **environment: str) -> str:
        """Runs the command to its end, and returns what it wrote."""
        return finished(self.begin(*arguments, **environment), code)

    def state(self, run: str) -> dict[str, Any]:
        """What run.json says."""
        state: dict[str, Any] = json.loads((self.folder / run / "run.json").read_text())
        return state

    def events(self, run: str, kind: str) -> Sequence[dict[str, Any]]:
        """The events of a kind."""
        path = self.folder / run / "events.jsonl"
        lines = map(json.loads, path.read_text().splitlines()) if path.exists() else ()
        return [line for line in lines if line["kind"] == kind]

    def same(self, run: str, other: str) -> bool:
        """Whether two runs came to the same bytes."""
        names = ("accepted.jsonl", "rejected.jsonl")
        return all((self.folder / run / n).read_bytes() == (self.folder / other / n).read_bytes() for n in names)

    def replayed(self, run: str, **environment: str) -> bool:
        """Whether this process alone comes to the same bytes by the answers in the journal."""
        before = self.server.count
        self.run("run", "p.py", "--offline", "--quiet", "--run-dir", "replay", **environment)
        return self.same(run, "replay") and self.server.count == before


def finished(process: "subprocess.Popen[str]", code: int = 0, seconds: float = 100) -> str:
    """What a process wrote; its exit code is this one."""
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise AssertionError(f"it did not end: {out[-2000:]} {err[-2000:]}") from None
    assert process.returncode == code, f"{process.returncode}: {out[-2000:]} {err[-4000:]}"
    return out + err


@contextmanager
def placed(folder: Path, records: int, latency: tuple[float, float] = (0.0, 0.1)) -> Iterator[Place]:
    """A place, and its service."""
    with LoopbackServer(latency=latency) as server:
        yield Place(folder, server, records)


def lanes(root: int) -> list[psutil.Process]:
    """The processes of the lanes of a run."""
    try:
        return [p for p in psutil.Process(root).children(recursive=True) if "ray::Worker" in " ".join(p.cmdline())]
    except psutil.Error:
        return []


def quarters(root: int) -> Path:
    """The folder of the Ray that a run has started."""
    for child in psutil.Process(root).children(recursive=True):
        for word in child.cmdline():
            if (at := word.find(OURS)) >= 0:
                start = word.rfind("=", 0, at) + 1
                return Path(word[start : word.find("/", at) if "/" in word[at:] else None])
    raise AssertionError("there is no Ray")


def until(true: Callable[[], bool], seconds: float = 60) -> None:
    """Waits for something."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.05)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with placed(tmp_path, 600) as found:
        yield found
