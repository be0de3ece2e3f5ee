"""`synthkit run --export --split` and `synthkit export`: what is written, what is told, and what is refused."""

import json
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from cli_kit import Cli, Terminal, process, until

TALKS = '''
import synthkit as sk


@sk.generator(writes=["instruction", "output"])
def talks(top: int = 30):
    for n in range(top):
        answer = f"It is {n * 104729}." if n % 10 else " "
        yield {"instruction": f"Tell me all about number {n * 7919}", "output": answer}


@sk.step(reads="instruction", writes="longer")
async def slow(record, wait: float = 0.0):
    import asyncio
    await asyncio.sleep(wait if "0" not in record["instruction"] else 0)
    return {"longer": record["instruction"] * 2}


def pipeline(top: int = 30, wait: float = 0.0) -> sk.Pipeline:
    """Talks, some without an answer."""
    return sk.Pipeline("talks") >> talks(top=top) >> slow(wait=wait)
'''


@pytest.fixture
def talks(place: Path) -> Path:
    (place / "talks.py").write_text(TALKS, "utf-8")
    return place


def count(path: Path) -> int:
    return len(path.read_text("utf-8").splitlines())


def test_a_run_writes_both_halves(talks: Path, cli: Cli) -> None:
    exports = ["--export", "train.jsonl:alpaca", "--export", "chat.parquet:chatml", "--split", "0.9"]
    checked = cli("check", "talks.py", *exports)
    assert checked.code == 0
    assert "export    train.jsonl and validation.jsonl in the form alpaca" in checked.lines
    assert "          chat-train.parquet and chat-validation.parquet in the form chatml" in checked.lines
    said = cli("run", "talks.py", "--quiet", *exports)
    assert said.code == 0
    told = [" ".join(text.split()) for text in said.lines if "in the form" in text]
    assert told == [
        "export train.jsonl: 24 examples in the form alpaca",
        "validation.jsonl: 3 examples in the form alpaca",
        "chat-train.parquet: 24 examples in the form chatml",
        "chat-validation.parquet: 3 examples in the form chatml",
    ]
    assert (count(talks / "train.jsonl"), count(talks / "validation.jsonl")) == (24, 3)
    assert pl.read_parquet(talks / "chat-train.parquet").height == 24
    shown = cli("show", "talks-001", "--json")
    assert [form["part"] for form in json.loads(shown.out)["exports"]] == ["train", "validation"] * 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--split", "0.9"], "--split divides what is exported: name a file with --export, or leave it out"),
        (
            ["--export", "a.jsonl:alpaca", "--split", "90"],
            "--split is 90.0: give the share of training examples, over 0 ",
        ),
        (["--export", "a.jsonl:alpaca", "--split", "most"], "--split: 'most' is not a valid float"),
        (
            ["--export", "a.jsonl:dpo,conversatonal=true"],
            "--export a.jsonl:dpo,conversatonal=true: DPO has no parameter ",
        ),
        (["--export", "a.txt:alpaca"], "--export a.txt:alpaca: examples are not written as .txt; let the name end in "),
    ],
)
@pytest.mark.parametrize("command", ["run", "check"])
def test_options_that_are_refused(talks: Path, cli: Cli, command: str, arguments: list[str], said: str) -> None:
    found = cli(command, "talks.py", *arguments)
    assert (found.code, found.out) == (2, "")
    assert found.err.startswith(f"synthkit: error: {said}")
    assert not (talks / "runs").exists()


def test_a_parameter_cannot_be_called_split(talks: Path, cli: Cli) -> None:
    (talks / "clash.py").write_text(TALKS.replace("wait: float = 0.0) -> sk", "split: float = 0.1) -> sk"), "utf-8")
    said = cli("run", "clash.py")
    assert said.code == 2
    assert "the parameter 'split' of the pipeline function clashes with --split, an option of every run" in said.err


def test_a_finished_run_is_exported(talks: Path, cli: Cli) -> None:
    assert cli("run", "talks.py", "--quiet").code == 0
    said = cli("export", "talks-001", "a.jsonl:alpaca", "b.json:sharegpt")
    assert (said.code, said.err) == (0, "")
    assert said.lines == [
        "export  a.jsonl: 27 examples in the form alpaca",
        "        3 records left out, empty text: column 'output' is empty",
        "        b.json: 27 examples in the form sharegpt",
        "        3 records left out, empty text: column 'output' is empty",
    ]
    assert count(talks / "a.jsonl") == len(json.loads((talks / "b.json").read_text())) == 27
    again = cli("export", "runs/talks-001", "a.jsonl:prompt-completion,prompt=longer", "--split", "0.8")
    assert again.code == 0
    assert [text.split()[-7:-5] for text in again.lines if "examples" in text] == [
        ["a-train.jsonl:", "22"],
        ["a-validation.jsonl:", "5"],
    ]
    assert json.loads((talks / "a-train.jsonl").read_text().splitlines()[0])["prompt"].count("Tell me") == 2


def test_it_needs_no_model_and_no_pipeline_file(talks: Path, cli: Cli) -> None:
    assert cli("run", "talks.py", "--quiet").code == 0
    (talks / "talks.py").unlink()
    (talks / "synthkit.toml").write_text('[models.m]\nuse = "openai/none"\n')
    assert cli("export", "talks-001", "a.jsonl:alpaca").code == 0


def test_without_a_target_it_says_what_the_columns_feed(talks: Path, cli: Cli) -> None:
    assert cli("run", "talks.py", "--quiet").code == 0
    said = cli("export", "talks-001")
    assert (said.code, said.err) == (0, "")
    assert said.lines[0] == "columns: instruction, longer, output"
    fed = {text.split()[0]: text.split()[1] for text in said.lines if text.split()[1:2] in (["yes"], ["no"])}
    assert fed == {
        "alpaca": "yes", "chatml": "yes", "dpo": "no", "kto": "no", "openai": "yes", "openai-preference": "no",
        "prompt-completion": "yes", "sharegpt": "yes",
    }  # fmt: skip
    assert said.lines[-1] == "write one with `synthkit export runs/talks-001 train.jsonl:alpaca`"
    assert cli("run", "talks.py", "--top", "0", "--quiet").code == 0
    assert cli("export", "talks-002").out == "runs/talks-002 has accepted no record, so there is nothing to export\n"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["talks-001", "a.jsonl:dpo"], 2, "a.jsonl:dpo: it is fed by 'chosen', 'rejected' and one of 'prompt', "),
        (["talks-001", "a.jsonl:dop"], 2, "a.jsonl:dop: no format is called 'dop': did you mean 'dpo'?"),
        (["talks-001", "a.jsonl"], 2, "a.jsonl: say which format, as in a.jsonl:sharegpt; there are "),
        (["talks-001", "no/a.jsonl:alpaca"], 2, "no/a.jsonl:alpaca: there is no folder no; make it first"),
        (["talks-001", "runs:alpaca"], 2, "runs:alpaca: runs is a folder; name a file in it, as in runs/train.jsonl"),
        (["talks-001", "a.jsonl:alpaca", "a.jsonl:chatml"], 2, "a.jsonl:chatml: a.jsonl is written twice; give each"),
        (["talks-001", "a.jsonl:alpaca", "--split", "1"], 2, "split is 1.0: give the share of training examples, over"),
        (["talks-001", "--split", "0.9"], 2, "--split divides what is exported: name a file, as in train.jsonl:share"),
        (["talks-9", "a.jsonl:alpaca"], 2, "there is no run talks-9"),
        (["talks-002", "a.jsonl:alpaca"], 1, "a.jsonl:alpaca: nothing is written, since no record of 1 can be an "),
        (["talks-003", "a.jsonl:alpaca"], 1, "a.jsonl:alpaca: nothing is written, since no record was accepted"),
    ],
)
def test_what_cannot_be_exported(talks: Path, cli: Cli, arguments: list[str], code: int, said: str) -> None:
    for top in ("30", "1", "0"):  # the first of them has no answer
        cli("run", "talks.py", "--top", top, "--quiet")
    found = cli("export", *arguments)
    assert (found.code, found.out) == (code, "")
    assert found.err.startswith(f"synthkit: error: {said}")
    assert not (talks / "a.jsonl").exists()
    assert not list(talks.glob(".a*"))


def test_a_run_that_was_killed(talks: Path, cli: Cli) -> None:
    """What it had committed is exported, and that it is not all is said."""
    command = [sys.executable, "-m", "synthkit.cli.main", "run", "talks.py", "--top", "600", "--wait", "60", "--quiet"]
    child = subprocess.Popen([*command, "--concurrency", "600"], cwd=talks, stderr=subprocess.PIPE)
    try:
        until(lambda: (talks / "runs/talks-001/run.json").exists())
    finally:
        child.kill()
        child.communicate()
    said = cli("export", "talks-001", "a.jsonl:alpaca")
    assert (said.code, said.err) == (
        1,
        "synthkit: error: a.jsonl:alpaca: nothing is written, since no record was accepted\n",
    )


def test_a_partial_run(talks: Path, cli: Cli) -> None:
    assert cli("run", "talks.py", "--target", "50", "--quiet").code == 3
    said = cli("export", "talks-001", "a.jsonl:alpaca")
    assert (said.code, said.lines[0]) == (0, "export  a.jsonl: 27 examples in the form alpaca")
    assert said.lines[-1] == "note    runs/talks-001 is partial: these are the records accepted so far"


def test_hostile_text_stays_text(talks: Path, cli: Cli) -> None:
    hostile = TALKS.replace('"output": answer', '"output": [{"\\x1b[31m": 1}] if n % 7 == 0 else answer').replace(
        '"instruction", "output"]', '"instruction", "output", "\\x1b[2J"]'
    ).replace('yield {', 'yield {"\\x1b[2J": 1, ')  # fmt: skip
    (talks / "talks.py").write_text(hostile, "utf-8")
    assert cli("run", "talks.py", "--quiet").code == 0
    for arguments in (["a.jsonl:alpaca"], []):
        said = cli("export", "talks-001", *arguments)
        assert said.code == 0
        assert "\x1b" not in said.out


@pytest.mark.parametrize("env", [{}, {"NO_COLOR": "1"}])
def test_in_a_terminal(talks: Path, env: dict[str, str]) -> None:
    assert process("run", "talks.py", "--quiet", cwd=talks).code == 0
    with Terminal("export", "talks-001", cwd=talks, columns=80, **env) as terminal:
        assert terminal.end() == 0
        assert ("\x1b[32myes" in terminal.raw) is not bool(env)
        assert max(map(len, terminal.text.splitlines())) <= 80
