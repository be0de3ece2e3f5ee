"""`--on-bad-line`: lines of input files that are no records."""

import json
from pathlib import Path

import pytest
from cli_kit import Cli, process

FILE = """
import synthkit as sk
from pathlib import Path
from synthkit.generators import LoadRecords
from synthkit.techniques import FewShot, SelfInstruct


def pipeline(path: Path = Path("rows.jsonl")) -> sk.Pipeline:
    return sk.Pipeline("rows") >> LoadRecords(path)
"""
GOOD = [json.dumps({"n": number, "text": f"row {number}"}) for number in range(300)]
BAD = ["{", "[1, 2]", '{"n": NaN, "text": ""}', '{"n": 1, "n": 2, "text": "x"}', "\udc80"]


@pytest.fixture
def rows(place: Path) -> Path:
    """A file of 300 good lines, with bad ones among them, one of them first and one last."""
    lines = [BAD[0], *GOOD[:7], BAD[1], BAD[2], *GOOD[7:280], BAD[3], *GOOD[280:], BAD[4]]
    file = place / "rows.jsonl"
    file.write_bytes("\n".join(lines).encode("utf-8", "surrogateescape"))
    (place / "rows.py").write_text(FILE)
    return file


def test_a_bad_line_stops_before_anything_is_done(rows: Path, cli: Cli) -> None:
    said = cli("run", "rows.py")
    assert said.code == 2
    assert "rows.jsonl, line 1, column 3" in said.err and "--on-bad-line skip" in said.err
    assert not Path("runs").exists()
    assert cli("run", "rows.py", "--on-bad-line", "fail").code == 2


def test_bad_lines_are_left_out_and_told(rows: Path, cli: Cli) -> None:
    said = cli("run", "rows.py", "--on-bad-line", "skip", "--quiet")
    assert said.code == 0
    assert said.lines[0] == "complete: 300 accepted, all that there were"
    assert "note rows.jsonl: 5 bad lines were left out; the first: line 1, column 3" in " ".join(said.out.split())
    found = [json.loads(line) for line in Path("runs/rows-001/accepted.jsonl").read_text().splitlines()]
    assert [{"n": row["n"], "text": row["text"]} for row in found] == [json.loads(line) for line in GOOD]


def test_a_resumed_run_leaves_out_the_same(rows: Path, place: Path) -> None:
    """Each round is read by another process, so that no place in the file is remembered."""
    (place / "odd.py").write_text(
        FILE.replace("LoadRecords(path)", "LoadRecords(path) >> odd")
        + "\n\n@sk.filter(reads={'n': int})\ndef odd(record):\n    return record['n'] % 2 == 1, 'even'\n"
    )
    whole = process("run", "odd.py", "--target", "100", "--on-bad-line", "skip", "--quiet", cwd=place)
    assert whole.code == 0, whole.err
    first = process(
        "run", "odd.py", "--target", "100", "--on-bad-line", "skip", "--max-rounds", "1", "--quiet", cwd=place
    )
    assert first.code == 3
    again = process("resume", "runs/rows-002", "--max-rounds", "9", "--quiet", cwd=place)
    assert again.code == 0, again.err
    runs = place / "runs"
    assert (runs / "rows-001/accepted.jsonl").read_bytes() == (runs / "rows-002/accepted.jsonl").read_bytes()


def test_a_file_without_a_good_line(rows: Path, cli: Cli) -> None:
    rows.write_text("{\n[\n")
    said = cli("run", "rows.py", "--on-bad-line", "skip")
    assert said.code == 2 and "holds no good records" in said.err


@pytest.mark.parametrize(
    "part", ['SelfInstruct(seeds=path, model="demo/default")', 'FewShot(seeds=path, model="demo/default", task="Ask.")']
)
def test_seeds(rows: Path, place: Path, cli: Cli, part: str) -> None:
    tasks = [json.dumps({"instruction": f"Name {n} rivers.", "output": "Rhine"}) for n in range(2, 12)]
    rows.write_text("\n".join(["{}", *tasks[:4], "nothing", '{"instruction": 3}', *tasks[4:]]))
    (place / "rows.py").write_text(FILE.replace("LoadRecords(path)", part).replace('"rows")', '"rows", target=3)'))
    failed = cli("check", "rows.py")
    assert failed.code == 2 and "rows.jsonl, line 1" in failed.err
    said = cli("run", "rows.py", "--on-bad-line", "skip", "--quiet")
    assert said.code == 0, said.err
    assert "bad lines were left out; the first: line 1" in " ".join(said.out.split())
