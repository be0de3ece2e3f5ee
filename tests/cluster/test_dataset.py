"""Steps over many records on a cluster: lanes make the sketches, and write what was decided: the same bytes."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster_kit import Nodes, clustered
from run_kit import SYNTHKIT, finished

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(170)]
RECORDS = 1000
PIPELINE = '''
import os, signal
from pathlib import Path
import polars as pl
from synthkit import DatasetStep, Pipeline, step
from synthkit.core import IO
from synthkit.generators import LoadRecords
from synthkit.steps import Limit, Sort

@step(reads="number", writes="text", drops=())
def told(record):
    """Some are none for the next step."""
    if record["number"] == 3:
        print("\x1b[31mthree\x1b[0m is\x07 here")
    if record["number"] % 50 == 7:
        raise ValueError("seven")
    if record["number"] % 90 == 0:
        return {"text": chr(0xD800)}
    return {"text": "even" if record["number"] % 2 == 0 else f"the number {record['number']} of many"}

class Odd(DatasetStep):
    """Keeps the first of each text, and says which processes saw the records."""
    log: str
    wrong: str = ""
    def io(self, have):
        return IO.of(reads={"text": str}, writes={"seen": int})
    def sketch(self, frame):
        with Path(self.log).open("a") as file:
            file.write(f"{os.getpid()} {frame.height}\\n")
        if self.wrong == "raise":
            raise KeyError("no such thing")
        if self.wrong == "always" or (self.wrong == "once" and not Path(self.log + ".died").exists()):
            Path(self.log + ".died").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return frame
    def resolve(self, view):
        new = view.new.with_row_index("seen")
        return new.select("_id", pl.col("seen").cast(pl.Int64), keep=pl.col("text").is_first_distinct())

@step(reads="seen", writes="last")
def behind(record):
    """Behind the dataset step."""
    return {"last": record["seen"] + 1}

def pipeline(wrong: str = "", end: str = "") -> Pipeline:
    made = Pipeline("p") >> LoadRecords(path="in.jsonl") >> told >> Odd(log=os.environ["LOG"], wrong=wrong) >> behind
    if end == "top":
        return made >> Sort("number", descending=True) >> Limit(100) >> behind(label="more")
    return made
'''


@pytest.fixture(scope="module")
def cluster() -> Iterator[Nodes]:
    with clustered(1, 1) as nodes:
        yield nodes


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "p.py").write_text(PIPELINE)
    rows = [{"number": number} for number in range(RECORDS)]
    (tmp_path / "in.jsonl").write_text("\n".join(map(json.dumps, rows)))
    monkeypatch.setenv("LOG", str(tmp_path / "log"))
    return tmp_path


def run(folder: Path, name: str, *options: str, code: int = 0) -> str:
    process = subprocess.Popen(
        [SYNTHKIT, "run", "p.py", "--quiet", "--run-dir", name, *options], cwd=folder, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    (folder / f"{name}.pid").write_text(str(process.pid))
    return finished(process, code)


def sketching(folder: Path) -> set[str]:
    """The processes that have made sketches since this was asked last."""
    lines = (folder / "log").read_text().splitlines()
    (folder / "log").unlink()
    return {line.split()[0] for line in lines}


def made(folder: Path, name: str) -> list[bytes]:
    return [(folder / name / file).read_bytes() for file in ("accepted.jsonl", "rejected.jsonl")]


def totals(folder: Path, name: str) -> object:
    return json.loads((folder / name / "run.json").read_text())["totals"]


@pytest.mark.parametrize("end", ["", "top"])
def test_the_same_bytes_and_counts(folder: Path, cluster: Nodes, end: str) -> None:
    run(folder, "near", "--end", end)
    here = sketching(folder)
    said = run(folder, "far", "--end", end, "--ray", cluster.address)
    assert re.search(r"^lane \d: three is\\x07 here$", said, re.MULTILINE), "what steps print is seen"
    there = sketching(folder)
    assert made(folder, "near") == made(folder, "far")
    assert totals(folder, "near") == totals(folder, "far")
    assert here == {(folder / "near.pid").read_text()}
    assert there and (folder / "far.pid").read_text() not in there, "the lanes make the sketches"
    passed = totals(folder, "far")
    assert (
        isinstance(passed, dict)
        and passed["odd"]["dropped"] > 100
        and passed["told"]["failed"] > 10
        and passed["odd"]["failed"] > 5
    )


@pytest.mark.parametrize("where", ["auto", ""])
def test_a_token_in_the_home_folder_is_not_for_a_cluster_that_has_none(
    folder: Path, cluster: Nodes, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "home/.ray").mkdir(parents=True)
    (folder / "home/.ray/auth_token").write_text("0" * 64)
    monkeypatch.setenv("HOME", str(folder / "home"))
    monkeypatch.setenv("RAY_ADDRESS", cluster.address)
    assert "complete: " in run(folder, "far", "--ray", where or cluster.address)


def test_a_lane_that_dies_in_a_sketch_is_replaced_and_one_that_always_does_ends_the_run(
    folder: Path, cluster: Nodes
) -> None:
    run(folder, "near")
    run(folder, "far", "--wrong", "once", "--ray", cluster.address)
    assert (folder / "log.died").exists()
    assert made(folder, "near") == made(folder, "far")
    said = run(folder, "never", "--wrong", "always", "--ray", cluster.address, code=1)
    assert "the step odd ended 3 processes, one after the other, with the records of shard" in " ".join(said.split())


def test_what_a_sketch_raises_ends_the_run_in_the_words_of_a_run_without_a_cluster(
    folder: Path, cluster: Nodes
) -> None:
    near = run(folder, "near", "--wrong", "raise", code=1)
    far = run(folder, "far", "--wrong", "raise", "--ray", cluster.address, code=1)
    sentence = "the step odd failed: KeyError: 'no such thing'"
    assert sentence in near and sentence in far
    for name in ("near", "far"):
        assert "in sketch" in (folder / name / "events.jsonl").read_text(), "the traceback is there"
