"""`synthkit convert`: files of examples from one format into another, bad lines, and what is refused."""

import json
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from cli_kit import Cli, process
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synthkit.core.files import read_rows
from synthkit.engine.convert import convert
from synthkit.errors import SynthkitError
from synthkit.formats import Alpaca, ShareGPT

TASKS = [{"instruction": f"Add {n}.", "input": f"{n} 1" if n % 2 else "", "output": f"{n + 1}"} for n in range(5)]
TALK = {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]}


def lines(path: Path) -> list[Any]:
    return [json.loads(text) for text in path.read_text("utf-8").splitlines()]


def put(path: Path, rows: list[dict[str, Any]]) -> Path:
    if path.suffix == ".json":
        path.write_text(json.dumps(rows), "utf-8")
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    elif path.suffix == ".csv":
        pl.DataFrame(rows).write_csv(path)
    else:
        pl.DataFrame(rows).write_parquet(path)
    return path


@pytest.mark.parametrize("suffix", [".jsonl", ".json", ".csv", ".parquet"])
def test_every_kind_of_file_is_read(place: Path, cli: Cli, suffix: str) -> None:
    put(place / f"in{suffix}", TASKS)
    said = cli("convert", f"in{suffix}", "out.jsonl", "--from", "alpaca", "--to", "sharegpt")
    assert (said.code, said.out, said.err) == (0, "written  out.jsonl: 5 examples in the form sharegpt\n", "")
    assert lines(place / "out.jsonl") == [ShareGPT().encode(task) for task in TASKS]


@pytest.mark.parametrize("suffix", [".jsonl", ".json", ".parquet"])
def test_every_kind_of_file_is_written_and_read_back(place: Path, cli: Cli, suffix: str) -> None:
    put(place / "in.jsonl", TASKS)
    assert cli("convert", "in.jsonl", f"chat{suffix}", "--from", "alpaca", "--to", "openai").code == 0
    assert cli("convert", f"chat{suffix}", "back.jsonl", "--from", "openai", "--to", "alpaca").code == 0
    joined = [f"{task['instruction']}\n\n{task['input']}" if task["input"] else task["instruction"] for task in TASKS]
    assert [row["instruction"] for row in lines(place / "back.jsonl")] == joined
    assert [row["output"] for row in lines(place / "back.jsonl")] == [task["output"] for task in TASKS]


def test_a_pair_becomes_two_examples(place: Path, cli: Cli) -> None:
    put(place / "pairs.jsonl", [{"prompt": f"p{n}", "chosen": "a", "rejected": "b"} for n in range(3)])
    said = cli("convert", "pairs.jsonl", "kto.parquet", "--from", "dpo", "--to", "kto,conversational=true")
    assert said.out == "written  kto.parquet: 6 examples in the form kto,conversational=true of 3 lines\n"
    assert [row["label"] for _, row in read_rows(place / "kto.parquet")] == [True, False] * 3


def test_records_need_no_format(place: Path, cli: Cli) -> None:
    put(place / "rows.csv", [{"question": "Q", "answer": "A"}])
    assert cli("convert", "rows.csv", "out.jsonl", "--to", "alpaca,instruction=question,output=answer").code == 0
    assert lines(place / "out.jsonl") == [{"instruction": "Q", "input": "", "output": "A"}]


def test_bad_lines_are_named_or_left_out(place: Path, cli: Cli) -> None:
    rows = [json.dumps(task) for task in TASKS]
    rows[1:1] = ["{broken", "[1]", json.dumps({**TASKS[0], "output": " "}), json.dumps({"instruction": "x"})]
    (place / "in.jsonl").write_text("\n".join(rows) + "\n")
    (place / "out.jsonl").write_text("what was there")
    arguments = ["convert", "in.jsonl", "out.jsonl", "--from", "alpaca", "--to", "chatml"]
    said = cli(*arguments)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("synthkit: error: in.jsonl, line 2, column 2: Expecting property name")
    assert "--on-bad-line skip" in said.err
    assert (place / "out.jsonl").read_text() == "what was there"
    said = cli(*arguments, "--on-bad-line", "skip")
    assert (said.code, said.err) == (0, "")
    assert said.lines[0] == "written  out.jsonl: 5 examples in the form chatml"
    assert said.lines[1].startswith("note     in.jsonl: 4 bad lines were left out; the first: line 2, column 2: ")
    assert len(lines(place / "out.jsonl")) == 5
    (place / "in.jsonl").write_text("\n".join(rows[3:]) + "\n")
    said = cli(*arguments)
    assert said.err.startswith("synthkit: error: in.jsonl, line 1: column 'output' is empty\n")
    assert sorted(path.name for path in place.iterdir() if path.name.startswith(".")) == []


def test_keys_that_are_left_behind(place: Path, cli: Cli) -> None:
    put(place / "in.jsonl", [{**TALK, "id": 1}, {**TALK, "source": "web"}])
    arguments = ["convert", "in.jsonl", "out.jsonl", "--from", "chatml", "--to", "sharegpt"]
    said = cli(*arguments)
    assert said.err.startswith(
        "synthkit: error: in.jsonl, line 1: the example has 'id', which this format cannot hold; leave it behind with "
        "--drop id\n"
    )
    said = cli(*arguments, "--drop", "id", "--drop", "sauce")
    assert said.code == 2
    assert (
        "line 2: the example has 'source', which this format cannot hold; leave it behind with --drop source"
        in said.err
    )
    assert cli(*arguments, "--drop", "id", "--drop", "source").code == 0
    assert lines(place / "out.jsonl") == [ShareGPT().encode(TALK)] * 2
    said = cli(*arguments, "--drop", "id", "--drop", "source", "--drop", "sourc")
    assert said.err == "synthkit: error: --drop sourc: no line of in.jsonl has that key; did you mean 'source'?\n"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (
            ["in.jsonl", "out.jsonl"],
            2,
            "--to: name the format to write, as in --to sharegpt; there are alpaca, chatml, ",
        ),
        (
            ["in.jsonl", "out.jsonl", "--to", "alpca"],
            2,
            "--to alpca: no format is called 'alpca': did you mean 'alpaca'?",
        ),
        (["in.jsonl", "out.jsonl", "--from", "x", "--to", "dpo"], 2, "--from x: no format is called 'x' (there are: "),
        (
            ["in.jsonl", "out.jsonl", "--to", "dpo,prompts=x"],
            2,
            "--to dpo,prompts=x: DPO has no parameter 'prompts'; did ",
        ),
        (
            ["in.jsonl", "out.csv", "--to", "dpo"],
            2,
            "OUT: examples are not written as .csv; let the name end in .jsonl",
        ),
        (["in.jsonl", "no/out.jsonl", "--to", "dpo"], 2, "OUT: there is no folder no; make it first"),
        (["in.jsonl", "runs", "--to", "dpo"], 2, "OUT: runs is a folder; name a file in it, as in runs/train.jsonl"),
        (["in.jsonl", "in.jsonl", "--to", "alpaca"], 2, "in.jsonl is what is read, too: name another file to write"),
        (
            ["in.txt", "out.jsonl", "--to", "alpaca"],
            2,
            "in.txt: the suffix '.txt' tells no format: use one of .jsonl, ",
        ),
        (
            ["inn.jsonl", "out.jsonl", "--to", "alpaca"],
            2,
            "inn.jsonl does not exist: check the name; did you mean 'in.js",
        ),
        (["none.jsonl", "out.jsonl", "--to", "alpaca"], 2, "none.jsonl is empty: it needs at least one record"),
        (["in.jsonl"], 2, "`synthkit convert` needs OUT: see `synthkit convert --help`"),
    ],
)
def test_what_cannot_be_converted(place: Path, cli: Cli, arguments: list[str], code: int, said: str) -> None:
    put(place / "in.jsonl", TASKS)
    (place / "in.txt").write_text("x")
    (place / "none.jsonl").write_text("")
    (place / "runs").mkdir()
    found = cli("convert", *arguments)
    assert (found.code, found.out) == (code, "")
    assert found.err.startswith(f"synthkit: error: {said}")
    assert not (place / "out.jsonl").exists()


def test_nothing_that_is_left_is_an_error(place: Path, cli: Cli) -> None:
    put(place / "in.jsonl", [{"a": 1}, {"b": 2}])
    said = cli("convert", "in.jsonl", "out.jsonl", "--from", "alpaca", "--to", "dpo", "--on-bad-line", "skip")
    assert said.code == 1
    assert said.err.startswith(
        "synthkit: error: nothing is written to out.jsonl, since no line is left; in.jsonl: 2 bad lines were left out"
    )
    assert not (place / "out.jsonl").exists()


def test_in_a_process(place: Path) -> None:
    put(place / "in.json", [{**TALK, "\x1b[2J": 1}])
    said = process("convert", "in.json", "out.jsonl", "--from", "chatml", "--to", "alpaca", cwd=place)
    assert said.code == 2
    assert "\x1b" not in said.err
    assert "Traceback" not in said.err


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200) | st.text(alphabet='{}[]",:abc \n\\1', max_size=80).map(str.encode), st.sampled_from(
    [".jsonl", ".json", ".csv", ".parquet"]
), st.booleans())  # fmt: skip
def test_whatever_is_in_a_file_there_is_a_sentence(tmp_path: Path, data: bytes, suffix: str, skip: bool) -> None:
    path, out = tmp_path / f"in{suffix}", tmp_path / "out.jsonl"
    path.write_bytes(data)
    with pytest.raises(SynthkitError) as caught:
        convert(path, out, Alpaca(), ShareGPT(), skip=skip)
    assert str(caught.value)
    assert [left.name for left in tmp_path.iterdir()] == [path.name]
    path.unlink()


@pytest.mark.parametrize("more", [[], ["--on-bad-line", "skip"]])
def test_another_format_that_the_first_line_has_is_named(place: Path, cli: Cli, more: list[str]) -> None:
    put(place / "in.jsonl", [TALK, TALK])
    said = cli("convert", "in.jsonl", "out.jsonl", "--from", "dpo", "--to", "sharegpt", *more)
    assert said.code != 0 and "the example has no 'prompt'" in said.err and len(said.err.splitlines()) == 1
    looks, fix = re.search(r"; it looks like (.+): --from (\S+)\n$", said.err).groups()  # type: ignore[union-attr]
    assert fix == "chatml" and looks.split(" or ")[0] == fix
    assert cli("convert", "in.jsonl", "out.jsonl", "--from", fix, "--to", "sharegpt").code == 0


def test_no_format_is_named_where_the_first_line_has_the_one_that_was_said(place: Path, cli: Cli) -> None:
    put(place / "in.jsonl", [TALK, {"what": 1}])
    assert "looks like" not in cli("convert", "in.jsonl", "out.jsonl", "--from", "chatml", "--to", "sharegpt").err
    put(place / "in.jsonl", [{"what": 1}])
    said = cli("convert", "in.jsonl", "out.jsonl", "--from", "chatml", "--to", "sharegpt")
    assert said.code == 2 and "line 1: " in said.err and "looks like" not in said.err, "no format has that"
