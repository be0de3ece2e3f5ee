"""What the commands say of damaged run folders, and of files and folders that cannot be."""

import shutil
from pathlib import Path
from random import Random

import pytest
from cli_kit import Cli

PIPELINE = """
import synthkit as sk
from synthkit.generators import Rows


@sk.step(reads="n", writes=("instruction", "output"))
def worded(record):
    return {"instruction": f"say {record['n']}", "output": "yes"}


@sk.filter(reads="n")
def low(record):
    return record["n"] < 250, "high"


def pipeline(top: int = 300) -> sk.Pipeline:
    return sk.Pipeline("qa") >> Rows([{"n": n} for n in range(top)]) >> worded >> low
"""


@pytest.fixture
def ran(cli: Cli, place: Path) -> Path:
    (place / "qa.py").write_text(PIPELINE)
    assert cli("run", "qa.py", "--quiet", "--run-dir", "x").code == 0
    return place / "x"


def test_a_complete_run_with_a_parts_file_gone(cli: Cli, ran: Path) -> None:
    (ran / "parts/rounds/00000/stage-00/00000001-0000.zst").unlink()
    gone = "x/parts/rounds/00000/stage-00 holds 256 of 300 records: put the files back that are missing, or start"
    (ran / "accepted.jsonl").unlink()
    for command in (["export", "x", "out.jsonl:alpaca"], ["export", "x"], ["resume", "x"]):
        said = cli(*command)
        assert (said.code, said.out) == (1, "")
        assert said.err.startswith(f"synthkit: error: {gone}")
    assert not (ran / "accepted.jsonl").exists() and not Path("out.jsonl").exists()
    for more in ((), ("--json",)):
        shown = cli("show", "x", *more)
        assert shown.code == 1 and "worded" in shown.out
        assert shown.err.startswith(
            f"synthkit: error: parts of this run are gone, so the numbers above are too small: {gone}"
        )


def test_a_run_without_parts(cli: Cli, ran: Path) -> None:
    shutil.rmtree(ran / "parts")
    assert "holds 0 of 300 records" in cli("export", "x", "out.jsonl:alpaca").err
    said = cli("show", "x", "1")
    assert said.code == 1 and said.err.startswith("synthkit: error: no part in x/parts holds the record ")


@pytest.mark.parametrize("content", ["bytes", "[]\n", "{}\n", '{"kind": 1}\n'])
def test_files_of_records_that_nobody_wrote_so(cli: Cli, ran: Path, content: str) -> None:
    before = {name: (ran / name).read_bytes() for name in ("accepted.jsonl", "rejected.jsonl")}
    for name in before:
        (ran / name).write_bytes(Random(3).randbytes(5000) if content == "bytes" else content.encode())
    said = "is damaged: delete the file, and `synthkit resume x` writes it again"
    for name, *command in (
        ("rejected", "show", "x"), ("rejected", "rejected", "x"), ("rejected", "rejected", "x", "--json"),
        ("accepted", "show", "x", "1"),
    ):  # fmt: skip
        told = cli(*command)
        assert (told.code, told.err) == (1, f"synthkit: error: x/{name}.jsonl, line 1 {said}\n")
    for name in before:
        (ran / name).unlink()
    assert cli("resume", "x").code == 0
    assert {name: (ran / name).read_bytes() for name in before} == before


def test_exports_to_what_no_file_can_be(cli: Cli, ran: Path) -> None:
    Path("loop").symlink_to("loop")
    long, aside = "n" * 300, "n" * 249 + ".jsonl"
    for name, why in (
        ("loop", "Too many levels of symbolic links"),
        (long, "File name too long"),
        (aside, "File name"),
    ):
        for command in (["check", "qa.py", "--export"], ["export", "x"]):
            said = cli(*command, f"{name}:alpaca")
            assert said.code == 2 and f"{name}:alpaca: {name}: {why}" in said.err
            assert said.err.endswith("; name another file\n")


def test_run_folders_that_cannot_be(cli: Cli, ran: Path) -> None:
    Path("file").write_text("mine")
    Path("full").mkdir()
    Path("full/a").touch()
    for name, why in (
        ("file", "file is a file, or below one: name a new folder"),
        ("full", "full is not empty (there is a): name a new folder"),
        ("n" * 300, f"{'n' * 300}: File name too long: name another folder"),
    ):
        said = cli("run", "qa.py", "--run-dir", name)
        assert (said.code, said.err) == (2, f"synthkit: error: --run-dir: {why}\n")
    assert cli("show", "n" * 300).code == 2


def test_a_split_that_leaves_a_file_empty_says_so(cli: Cli, ran: Path) -> None:
    assert cli("run", "qa.py", "--quiet", "--run-dir", "y", "--top", "1").code == 0
    said = cli("export", "y", "z.jsonl:alpaca", "--split", "0.9")
    assert said.code == 0 and Path("z-validation.jsonl").read_bytes() == b""
    assert (
        "z-validation.jsonl is empty, since no example is left for validation: give it more records, or a smaller split"
    ) in " ".join(said.out.split())
