"""Writes that fail: the run fails with a sentence, what was committed is safe, and with space the run goes on."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from engine_kit import Ask, adds_up, doubled, numbers

import synthkit as sk
from synthkit.engine import api
from synthkit.engine.result import Result
from synthkit.errors import StoreError
from synthkit.testing import LoopbackServer

Serve = Callable[..., LoopbackServer]


@sk.step(reads="n", writes="noise")
def noise(record: sk.Record, ctx: sk.Context, late: int = 100) -> sk.Fields:
    """Text that cannot be made small, long from number `late` on."""
    size = 2000 if record["n"] >= late else 10
    return {"noise": ctx.rng("noise").randbytes(size).hex()}


@sk.step(reads="n", writes="zeros")
def zeros(record: sk.Record) -> sk.Fields:
    """Text that is small in a part and long in a file of lines."""
    return {"zeros": "0" * 1000}


@sk.step(reads="text", writes="seen", drops="text")
def seen(record: sk.Record) -> sk.Fields:
    return {"seen": True}


PIPELINES = {
    "noise": sk.Pipeline("p") >> numbers(top=160) >> doubled >> noise,
    "zeros": sk.Pipeline("p") >> numbers(top=160) >> zeros,
    "asks": sk.Pipeline("p") >> numbers(top=60) >> Ask(model="m") >> seen,
}
WORKER = """
import resource, sys
sys.path.insert(0, {here!r})
from test_disk import *
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
try:
    result = api.run(PIPELINES[{name!r}], folder="run", shard=16, concurrency=4)
    print(result.status, result.reason, sep="|")
except StoreError as error:
    print("raised", error, sep="|")
"""


def limited(project: Path, name: str, limit: int) -> tuple[str, str]:
    """Runs where no file may be longer than this; what came of it."""
    code = WORKER.format(here=str(Path(__file__).parent), name=name, limit=limit)
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=project, env=os.environ.copy(), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    how, _, said = done.stdout.strip().partition("|")
    return how, said


def same_files(one: Path, two: Path) -> None:
    for name in ("accepted.jsonl", "rejected.jsonl"):
        assert (one / name).read_bytes() == (two / name).read_bytes()


def test_a_part_that_cannot_be_written(project: Path) -> None:
    how, said = limited(project, "noise", 30_000)
    assert how == "raised"
    part = project / "run/parts/rounds/00000/stage-00"
    assert said.startswith(f"cannot write {part.relative_to(project)}/0000")
    assert said.endswith(".zst: File too large; what was committed before is safe")
    assert not list((project / "run").rglob("*.tmp")), "no half of a file is left"
    first = adds_up(Result(project / "run"))
    assert (first.status, first.reason) == ("failed", said)
    assert len(first.accepted) in range(96, 160, 16), "the shards before it"
    last = adds_up(api.resume(project / "run"))
    assert (last.status, len(last.accepted)) == ("complete", 160)
    whole = api.run(PIPELINES["noise"], folder=project / "whole")
    same_files(whole.folder, last.folder)


def test_a_file_of_records_that_cannot_be_written(project: Path) -> None:
    how, said = limited(project, "zeros", 30_000)
    assert (how, said) == (
        "raised",
        "cannot write run/accepted.jsonl: File too large; what was committed before is safe",
    )
    state = json.loads((project / "run/run.json").read_text())
    assert (state["status"], state["reason"]) == ("failed", said)
    assert not (project / "run/accepted.jsonl").exists()
    last = adds_up(api.resume(project / "run"))
    assert (last.status, len((project / "run/accepted.jsonl").read_text().splitlines())) == ("complete", 160)


def test_a_journal_that_cannot_be_written(serve: Serve, project: Path) -> None:
    words = Random(0)
    server = serve(answer=lambda request: words.randbytes(2000).hex(), latency=0.005)
    how, said = limited(project, "asks", 60_000)
    assert how == "failed"
    assert said.startswith(
        f"the journal cannot write {project}/.synthkit/journal/000001.journal: File too large; raise "
    )
    first = adds_up(Result(project / "run"))
    paid = server.answered
    kept = len(first.accepted)
    assert 0 < kept <= paid <= kept + 8, "no more is asked once answers cannot be kept"
    assert [r["kind"] for r in first.rejected] == [], "no record is to blame"
    last = adds_up(api.resume(project / "run"))
    assert last.status == "complete"
    assert server.answered <= 60 + paid - kept, "what was committed is not asked again"


@pytest.fixture
def small(project: Path) -> Iterator[Path]:
    """A file system of 96 KB; skipped where none can be mounted."""
    place = project / "small"
    place.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96k", "tmpfs", str(place)], capture_output=True)
    if done.returncode:
        pytest.skip("no file system can be mounted here")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_disk_that_is_full(small: Path, project: Path) -> None:
    filler = small / "filler"
    with pytest.raises(StoreError, match="No space left on device; what was committed before is safe") as caught:
        api.run(PIPELINES["noise"], folder=small / "run", shard=16)
    assert str(small) in str(caught.value)
    first = adds_up(Result(small / "run"))
    assert 0 < len(first.accepted) < 160, "what was committed is readable"
    filler.write_bytes(b"")
    subprocess.run(["mount", "-o", "remount,size=4m", str(small)], check=True)
    last = adds_up(api.resume(small / "run"))
    assert (last.status, len(last.accepted)) == ("complete", 160)
    same_files(api.run(PIPELINES["noise"], folder=project / "whole").folder, last.folder)


def test_places_that_cannot_be_written(project: Path) -> None:
    pipeline = sk.Pipeline("p") >> numbers(top=3)
    with pytest.raises(StoreError, match="cannot make the run folder /sys/run: "):
        api.run(pipeline, folder="/sys/run")
    (project / "runs").write_text("")
    with pytest.raises(StoreError, match=r"cannot make a run folder in .*/runs: File exists"):
        api.run(pipeline)


def test_an_export_that_cannot_be_written(project: Path) -> None:
    pipeline = sk.Pipeline("p") >> talks >> seen_all
    (project / "out").mkdir()
    (project / "out/train.jsonl").mkdir()
    with pytest.raises(sk.errors.PipelineError, match=r"out/train.jsonl is a folder; name a file in it"):
        pipeline.run(folder="run", export="out/train.jsonl:chatml")
    (project / "out/train.jsonl").rmdir()

    BLOCK.append(project / "out/train.jsonl")
    with pytest.raises(sk.errors.ConfigError, match=r"out/train.jsonl is a folder; name a file in it"):
        pipeline.run(folder="run", export="out/train.jsonl:chatml")
    assert Result(project / "run").status == "failed"
    (project / "out/train.jsonl").rmdir()
    BLOCK.clear()
    assert api.resume(project / "run").status == "complete"
    assert len((project / "out/train.jsonl").read_text().splitlines()) == 1


BLOCK: list[Path] = []


@sk.generator(writes=["instruction", "output"])
def talks() -> Any:
    yield {"instruction": "a", "output": "b"}


@sk.step(reads="output", writes="done")
def seen_all(record: sk.Record) -> sk.Fields:
    for path in BLOCK:
        path.mkdir()
    return {"done": resource.RLIMIT_FSIZE > 0}
