"""`synthkit show` and `rejected`: runs in every state, and text that wants to do harm."""

import fcntl
import json
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest
from cli_kit import COMMAND, NUMS, Cli, environment, until

HOSTILE = "\x1b[2J\x1b]0;title\x07red\r\n\u202ereversed\u2069 \x9b31m \x00 \ud800 \u2028 👩‍👩‍👧 数字 " + "e\u0301" * 3


@pytest.fixture
def done(cli: Cli) -> Cli:
    """With a complete run, nums-001."""
    assert cli("run", "nums.py", "--quiet", "--top", "60").code == 0
    return cli


@pytest.fixture
def hostile(cli: Cli, place: Path) -> Cli:
    """With a run whose records, reasons and messages are hostile, p-001."""
    (place / "p.py").write_text(
        "import synthkit as sk\n\n"
        f"BAD = {HOSTILE!r}\n\n"
        "@sk.generator(writes=['n', 'text', 'nested', BAD])\n"
        "def made():\n"
        "    for i in range(9):\n"
        "        yield {'n': i, 'text': BAD + 'word ' * 200, 'nested': {BAD: [BAD]}, BAD: 1}\n\n"
        "@sk.filter(reads='text')\n"
        "def check(record):\n"
        "    if record['n'] == 3:\n"
        "        raise ValueError(BAD)\n"
        "    return record['n'] < 3, BAD\n\n"
        "def pipeline():\n"
        "    return sk.Pipeline('p') >> made >> check\n",
        "utf-8", "backslashreplace",
    )  # fmt: skip
    assert cli("run", "p.py", "--quiet", "--max-failures", "50%").code == 0
    return cli


def test_a_complete_run(done: Cli) -> None:
    said = done("show", "nums-001")
    blocks = said.out.split("\n\n")
    assert (said.code, said.err, blocks[0]) == (0, "", "complete: 30 of 30 accepted")
    assert blocks[1].splitlines()[0].split() == ["step", "in", "out", "dropped", "failed"]
    assert re.match(r"began       \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC, \d+ rounds?\nended  ", blocks[2])
    assert blocks[2].endswith("run folder  runs/nums-001")
    assert [re.sub(r"[0-9a-f]{24}", "ID", block.strip()) for block in blocks[3:]] == [
        "accepted record 1  ID\n  n       0\n  square  0",
        "accepted record 2  ID\n  n       2\n  square  4",
        "accepted record 3  ID\n  n       4\n  square  16",
    ]


def test_numbers_for_programs(done: Cli) -> None:
    told = json.loads(done("show", "nums-001", "--json").out)
    assert {name: told[name] for name in ("name", "status", "target", "generated", "accepted", "surplus")} == {
        "name": "nums", "status": "complete", "target": 30, "generated": 60, "accepted": 30, "surplus": 0,
    }  # fmt: skip
    assert told["steps"][0] == {
        "step": "square", "in": 60, "made": 0, "out": 59, "dropped": 0, "failed": 1,
        "reasons": {"dropped": {}, "failed": {"ValueError": 1}},
        "calls": 0, "calls_failed": 0, "calls_hedged": 0, "answers": 0, "journaled": 0,
        "tokens_in": 0, "tokens_out": 0, "cost": 0.0,
    }  # fmt: skip
    assert told["steps"][1]["reasons"] == {"dropped": {"odd": 29}, "failed": {}}


def test_a_run_that_runs_and_one_that_was_killed(cli: Cli, place: Path) -> None:
    command = [*COMMAND, "run", "nums.py", "--quiet", "--wait", "0.3", "--run-dir", "runs/slow"]
    with subprocess.Popen([*command, "--top", "10000", "--target", "9000"], cwd=place, env=environment()) as child:
        try:
            until(lambda: any((place / "runs/slow").glob("parts/rounds/*/stage-00/*.zst")))
            running = cli("show", "slow")
            assert cli("resume", "slow").err.startswith("synthkit: error: runs/slow is in use by process ")
        finally:
            child.send_signal(signal.SIGKILL)
    assert running.lines[0].startswith(f"running: process {child.pid} on ")
    assert "go on with" not in running.out
    killed = cli("show", "slow")
    assert killed.lines[0] == "killed: its process ended before the run did; all that was committed or answered is kept"
    assert "go on with  synthkit resume runs/slow\n" in killed.out and "accepted record 1" in killed.out
    assert re.search(r"^accepted    \d+ of 9,000$", killed.out, re.MULTILINE)
    assert json.loads(cli("show", "slow", "--json").out)["status"] == "killed"
    assert cli("rejected", "slow").code == 0


def test_looking_at_a_run_does_not_lock_it(done: Cli, place: Path) -> None:
    state = json.loads((place / "runs/nums-001/run.json").read_text("utf-8"))
    (place / "runs/nums-001/run.json").write_text(json.dumps({**state, "status": "running"}), "utf-8")
    with (place / "runs/nums-001/run.lock").open() as lock:
        assert done("show", "nums-001").lines[0].startswith("killed: ")
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        assert done("show", "nums-001").lines[0].startswith("running: process ")


def test_a_partial_and_a_failed_run(cli: Cli, place: Path) -> None:
    cli("run", "nums.py", "--quiet", "--top", "9")
    said = cli("show", "nums-001")
    assert said.lines[0] == "partial: 5 of 30 accepted: numbers has no more records"
    assert "go on with  synthkit resume runs/nums-001\n" in said.out
    (place / "nums.py").write_text(NUMS.replace("== 13", "> 1"), "utf-8")
    cli("run", "nums.py", "--quiet")
    failed = cli("show", "nums-002")
    assert failed.lines[0].startswith("failed: ") and "records failed" in failed.lines[0]
    assert "go on with  synthkit resume runs/nums-002 --max-failures N\n" in failed.out


def harmless(text: str) -> bool:
    """No control character but line breaks, nothing that turns the direction, no half character."""
    return not re.search(
        r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]", text
    )


@pytest.mark.parametrize("columns", ["40", "80", "120"])
def test_hostile_text_is_made_harmless(hostile: Cli, monkeypatch: pytest.MonkeyPatch, columns: str) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    for arguments in (["show", "p-001"], ["rejected", "p-001"], ["rejected", "p-001", "--sample", "0"]):
        said = hostile(*arguments)
        assert said.code == 0 and harmless(said.out) and said.err == ""
        shown = r"\x1b[2J\x1b]0;title\x07red↵\u202ereversed"
        assert shown[: 8 if columns == "40" else None] in "".join(said.out.split())


def test_hostile_text_for_programs_is_ascii(hostile: Cli) -> None:
    for arguments in (["show", "p-001", "--json"], ["rejected", "p-001", "--json"]):
        said = hostile(*arguments)
        assert said.out.isascii() and harmless(said.out)
    form = json.loads(hostile("rejected", "p-001", "--json", "--sample", "1").out)
    assert form["reason"] in (HOSTILE, "ValueError") and form["fields"]["text"].startswith(HOSTILE)


def test_rejected_counts_first_and_then_shows_some(done: Cli) -> None:
    said = done("rejected", "nums-001", "--sample", "3")
    assert (said.code, said.err) == (0, "")
    first, second = (int(text.split()[1]) for text in said.lines if re.match("  n +[0-9]+$", text) and "13" not in text)
    assert first < second and first % 2 == second % 2 == 1
    assert [re.sub("  [0-9a-f]{12}$", "  ID", text) for text in said.lines] == [
        "step    kind     reason      records",
        "square  failed   ValueError        1",
        "even    dropped  odd              29",
        "",
        *["failed at square: ValueError  ID", "  message  ValueError: thirteen at …", "  n        13", ""],
        *["dropped at even: odd  ID", f"  n       {first}", f"  square  {first**2}", ""],
        *["dropped at even: odd  ID", f"  n       {second}", f"  square  {second**2}", ""],
        "note  `synthkit show nums-001 ID` tells the whole story of a record",
    ]


@pytest.mark.parametrize(
    ("arguments", "counts", "samples"),
    [
        (["--step", "even"], ["even dropped odd 29"], 20),
        (["--step", "square"], ["square failed ValueError 1"], 1),
        (["--kind", "failed"], ["square failed ValueError 1"], 1),
        (["--kind", "dropped", "--sample", "0"], ["even dropped odd 29"], 29),
        (["--reason", "odd", "--sample", "2"], ["even dropped odd 29"], 2),
        (["--sample", "1"], ["square failed ValueError 1", "even dropped odd 29"], 1),
    ],
)
def test_rejected_is_narrowed_down(done: Cli, arguments: list[str], counts: list[str], samples: int) -> None:
    said = done("rejected", "nums-001", *arguments)
    assert [" ".join(text.split()) for text in said.out.split("\n\n")[0].splitlines()[1:]] == counts
    assert len(re.findall(r"^(?:dropped|failed) at ", said.out, re.MULTILINE)) == samples


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--kind", "attempt"], "nothing was rejected of the kind 'attempt'"),
        (["--reason", "od"], "nothing was rejected for the reason 'od'; did you mean 'odd'?"),
        (
            ["--step", "even", "--kind", "failed", "--reason", "x"],
            "nothing was rejected of the kind 'failed' at 'even' for the reason 'x'; there are: ValueError, odd",
        ),
    ],
)
def test_nothing_rejected_is_said(done: Cli, arguments: list[str], sentence: str) -> None:
    said = done("rejected", "nums-001", *arguments)
    assert (said.code, said.out, said.err) == (0, f"{sentence}\n", "")


def test_an_unknown_step_names_the_nearest(done: Cli) -> None:
    said = done("rejected", "nums-001", "--step", "evn")
    assert (said.code, said.out) == (2, "")
    assert said.err == "synthkit: error: --step: the run has no step evn; did you mean 'even'?\n"
    other = done("rejected", "nums-001", "--step", "xyz")
    assert other.err == "synthkit: error: --step: the run has no step xyz; it has: even, square\n"


def test_steps_inside_a_step_are_found_under_it(cli: Cli, place: Path) -> None:
    fork = 'sk.Fork({"a": even(label="check"), "b": even}, into="both", at_least=0)'
    (place / "nums.py").write_text(NUMS.replace(">> even", f">> {fork}"), "utf-8")
    assert cli("run", "nums.py", "--quiet", "--top", "30").code in (0, 3)
    said = cli("rejected", "nums-001", "--step", "fork", "--sample", "1")
    assert [text.split()[:3] for text in said.lines[1:3]] == [
        ["fork/a/check", "attempt", "odd"],
        ["fork/b/even", "attempt", "odd"],
    ]
    assert len(cli("rejected", "nums-001", "--step", "fork/a", "--sample", "1").out.split("\n\n")[0].splitlines()) == 2


def test_rejected_records_for_programs(done: Cli) -> None:
    said = done("rejected", "nums-001", "--json", "--sample", "0", "--kind", "dropped")
    forms = [json.loads(text) for text in said.lines]
    assert [form["fields"]["n"] for form in forms] == [n for n in range(1, 60, 2) if n != 13]
    assert len(done("rejected", "nums-001", "--json").lines) == 20


def test_all_runs_of_the_project(done: Cli, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert done("run", "nums.py", "--quiet", "--top", "9").code == 3
    (place / "runs/odd\x1b[2J").mkdir()
    (place / "runs/odd\x1b[2J/run.json").write_text("{")
    (place / "runs/other").mkdir()
    for columns in ("40", "80", "120"):
        monkeypatch.setenv("COLUMNS", columns)
        said = done("show")
        assert (said.code, said.err) == (0, "") and harmless(said.out)
    assert said.lines[0].split() == ["run", "status", "accepted", "paid", "began"]
    assert said.lines[1].startswith("odd\\x1b[2J  unreadable")
    assert [text.split()[:6] for text in said.lines[2:4]] == [
        ["nums-001", "complete", "30", "of", "30", "$0.00"],
        ["nums-002", "partial", "5", "of", "30", "$0.00"],
    ]
    assert re.search(r" \d{4}-\d\d-\d\d \d\d:\d\d$", said.lines[2]) and "is damaged" in said.lines[4]
    forms = json.loads(done("show", "--json").out)
    assert [(form["run"], form["status"]) for form in forms[1:]] == [("nums-001", "complete"), ("nums-002", "partial")]


def test_a_project_without_runs(cli: Cli) -> None:
    said = cli("show")
    assert (said.code, said.out) == (0, "there are no runs in runs: `synthkit run FILE` makes one\n")
    assert json.loads(cli("show", "--json").out) == []


def test_files_that_were_deleted_are_written_again(done: Cli, place: Path) -> None:
    folder = place / "runs/nums-001"
    before = {name: (folder / name).read_bytes() for name in ("accepted.jsonl", "rejected.jsonl")}
    for name in before:
        (folder / name).unlink()
    shown = done("show", "nums-001").out
    assert "missing     accepted.jsonl is gone: `synthkit resume runs/nums-001` writes it again\n" in shown
    said = done("resume", "nums-001")
    both = "accepted.jsonl and rejected.jsonl were gone, and have been written again"
    assert said.out == f"runs/nums-001 is complete; {both}\n"
    assert {name: (folder / name).read_bytes() for name in before} == before
    assert "missing" not in done("show", "nums-001").out and "nothing to go on with" in done("resume", "nums-001").out


def test_a_folder_that_nobody_may_write_to_can_be_shown(done: Cli, place: Path) -> None:
    folder = place / "runs/nums-001"
    (folder / "run.lock").unlink()
    folder.chmod(0o555)
    try:
        assert done("show", "nums-001").code == 0
        assert not (folder / "run.lock").exists() or os.getuid() == 0
    finally:
        folder.chmod(0o755)
