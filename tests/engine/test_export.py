"""Exports: what a target names, what a run refuses, what it counts, and what is left out."""

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from engine_kit import adds_up, forever, numbers
from export_kit import TALKS, rows

import synthkit as sk
from synthkit.engine import api
from synthkit.engine.settings import Settings
from synthkit.engine.target import target_of
from synthkit.errors import ConfigError, PipelineError, RunError, StoreError
from synthkit.formats import DPO
from synthkit.generators import LoadRecords, Rows
from synthkit.plugins import registry


@pytest.mark.parametrize(
    ("text", "path", "form"),
    [
        ("train.jsonl:dpo", "train.jsonl", "dpo"),
        ("data:v2.parquet:sharegpt", "data:v2.parquet", "sharegpt"),
        ("a b/t.json:dpo,conversational=true,prompt=a:b", "a b/t.json", "dpo,conversational=true,prompt=a:b"),
        ("train:alpaca", "train", "alpaca"),
    ],
)
def test_what_a_target_names(project: Path, text: str, path: str, form: str) -> None:
    (project / "a b").mkdir()
    target = target_of(text, registry())
    assert (str(target.path), target.form, target.absolute()) == (path, form, f"{project}/{path}:{form}")
    assert target.format.name == form.split(",")[0]
    if "true" in form:
        assert isinstance(target.format, DPO)
        assert (target.format.conversational, target.format.prompt) == (True, "a:b")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("t.jsonl", "say which format, as in t.jsonl:sharegpt; there are alpaca, chatml, dpo, kto, "),
        ("t.jsonl:", "say which format, as in t.jsonl:sharegpt; there are "),
        (":dpo", "say which format, as in "),
        ("t.jsonl:dop", "no format is called 'dop': did you mean 'dpo'?"),
        ("t.jsonl:dpo,conversation=true", "DPO has no parameter 'conversation'; did you mean 'conversational'?"),
        ("t.jsonl:dpo,conversational=perhaps", "DPO: conversational: Input should be a valid boolean"),
        ("t.jsonl:dpo,conversational", "'conversational' is no parameter: write name=value, as in dpo,messages=chat"),
        ("t.jsonl:kto,label=thumb", "kto has no parameter 'label'; it has: chosen, "),
        ("t.csv:dpo", "examples are not written as .csv; let the name end in .jsonl, .json or .parquet"),
        ("t.jsonl.gz:dpo", "examples are not written as .gz; let the name end in "),
        ("no/t.jsonl:dpo", "there is no folder no; make it first"),
        ("full.jsonl:dpo", "full.jsonl is a folder; name a file in it, as in full.jsonl/train.jsonl"),
        ("/dev/null:dpo", "/dev/null is no regular file; name another one"),
    ],
)
def test_targets_that_cannot_be(project: Path, text: str, said: str) -> None:
    (project / "full.jsonl").mkdir()
    with pytest.raises(ConfigError) as caught:
        target_of(text, registry())
    assert str(caught.value).startswith(f"--export {text}: {said}")


def test_a_folder_that_is_closed() -> None:
    """As root, to whom nothing is closed, we are somebody else meanwhile."""
    registry().format("dpo")  # loaded while we may read our own files
    root = os.geteuid() == 0
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        closed = Path(name) / "closed"
        closed.mkdir(mode=0o555)
        if root:
            os.seteuid(65534)
        try:
            with pytest.raises(ConfigError, match=r"the folder .*closed cannot be written to; name another one"):
                target_of(f"{closed}/t.jsonl:dpo", registry())
        finally:
            if root:
                os.seteuid(0)


@pytest.mark.parametrize(
    ("path", "train", "validation"),
    [
        ("sft.jsonl", "sft-train.jsonl", "sft-validation.jsonl"),
        ("train.parquet", "train.parquet", "validation.parquet"),
        ("my.train.jsonl", "my.train.jsonl", "my.validation.jsonl"),
        ("sft_train_2.json", "sft_train_2.json", "sft_validation_2.json"),
        ("training.jsonl", "training-train.jsonl", "training-validation.jsonl"),
        ("set", "set-train", "set-validation"),
    ],
)
def test_the_names_of_a_split(project: Path, path: str, train: str, validation: str) -> None:
    target = target_of(f"{path}:dpo", registry())
    assert [str(file) for file in target.files(True)] == [train, validation]
    assert target.files(False) == (Path(path),)


def test_a_run_refuses_before_it_begins(project: Path) -> None:
    (project / "talks.jsonl").write_text(json.dumps(TALKS[0]) + "\n")
    (project / "a-validation.jsonl").mkdir()
    pipeline = sk.Pipeline("p") >> LoadRecords("talks.jsonl")
    with pytest.raises(PipelineError) as caught:
        pipeline.run(
            export=["a.jsonl:alpaca", "train.jsonl:alpaca", "validation.jsonl:chatml,texts=true", "x.jsonl:dpo",
                    "talks.jsonl:alpaca", "train.jsonl:chatml"],
            split=0.9,
        )  # fmt: skip
    assert [str(problem) for problem in caught.value.problems] == [
        "--export a.jsonl:alpaca: a-validation.jsonl is a folder; name a file in it, as in "
        "a-validation.jsonl/train.jsonl",
        "--export validation.jsonl:chatml,texts=true: ChatML has no parameter 'texts'; did you mean 'text'?",
        "--export train.jsonl:chatml: train.jsonl is written twice; give each export a file of its own",
        "--export train.jsonl:chatml: validation.jsonl is written twice; give each export a file of its own",
        "export-dpo: it is fed by 'chosen', 'rejected' and one of 'prompt', 'messages' and 'instruction': add 'chosen' "
        "and 'rejected'",
    ]
    with pytest.raises(PipelineError, match="--split divides what is exported: name a file with --export, or leave"):
        pipeline.run(split=0.9)
    with pytest.raises(PipelineError, match=r"--export talks.jsonl:alpaca: the pipeline reads that file: export to"):
        pipeline.run(export="talks.jsonl:alpaca")
    assert not (project / "runs").exists()


def test_a_target_counts_records_and_a_file_counts_examples(project: Path) -> None:
    """A pair is one record and two examples; what a format refuses is topped up."""

    pipeline = sk.Pipeline("p", target=10) >> forever >> paired
    result = adds_up(pipeline.run(export=["kto.jsonl:kto", "pairs.jsonl:dpo", "talk.jsonl:dpo,conversational=true"]))
    assert (result.status, len(result.accepted)) == ("complete", 10)
    assert list(result.tally)[-3:] == ["export-kto", "export-dpo", "export-dpo-2"]
    assert result.tally["export-kto"].dropped > 0
    told = result.state["written"]
    assert [(form["written"], form["format"], form["left_out"]) for form in told] == [
        (20, "kto", []),
        (10, "dpo", []),
        (10, "dpo,conversational=true", []),
    ]
    assert [row["label"] for row in rows(project / "kto.jsonl")] == [True, False] * 10
    assert rows(project / "talk.jsonl")[0]["chosen"] == [{"role": "assistant", "content": "yes 1"}]


@sk.step(reads="n", writes=["prompt", "chosen", "rejected"])
def paired(record: sk.Record) -> sk.Fields:
    """A preference; every third says the same twice."""
    n = record["n"]
    return {"prompt": f"n {n}", "chosen": f"yes {n}", "rejected": f"yes {n}" if n % 3 == 0 else f"no {n}"}


def test_a_resumed_run_keeps_its_split(project: Path) -> None:
    pipeline = sk.Pipeline("p") >> Rows(TALKS)
    first = pipeline.run(folder="run", export="sft.jsonl:alpaca", split=0.75)
    files = [(project / f"sft-{part}.jsonl").read_bytes() for part in ("train", "validation")]
    assert [file.count(b"\n") for file in files] == [30, 10]
    for path in project.glob("sft-*"):
        path.unlink()
    with pytest.raises(StoreError, match=r"run holds a run with another split \(0.75\): give this one a folder of its"):
        pipeline.run(folder="run", export="sft.jsonl:alpaca", split=0.8)
    with pytest.raises(ConfigError, match="split cannot change in a run that has begun"):
        api.resume(first.folder, split=0.8)
    pipeline.run(folder="run")
    assert [(project / f"sft-{part}.jsonl").read_bytes() for part in ("train", "validation")] == files


def test_nothing_replaces_no_half_of_an_earlier_split(project: Path) -> None:
    (project / "validation.jsonl").write_text("what was there")
    none = sk.Pipeline("p", target=3) >> numbers(top=0) >> paired
    assert none.run(export="train.jsonl:dpo", split=0.9).status == "partial"
    assert (project / "validation.jsonl").read_text() == "what was there"
    assert not (project / "train.jsonl").exists()


def test_a_result_exports_what_was_accepted(project: Path) -> None:
    mixed = [*TALKS[:20], *({**talk, "output": " "} for talk in TALKS[20:25]), {**TALKS[30], "output": 3}]
    result = (sk.Pipeline("p") >> Rows(mixed)).run(seed=4)
    told = result.export("a.jsonl:alpaca", "b.parquet:chatml")
    empty = {"reason": "empty text", "records": 5, "first": "column 'output' is empty"}
    other = {"reason": "not text", "records": 1, "first": "column 'output' is not text"}
    assert [(form["path"], form["written"], form["left_out"]) for form in told] == [
        ("a.jsonl", 20, [empty, other]),
        ("b.parquet", 20, [empty, other]),
    ]
    assert [form["written"] for form in result.export("a.jsonl:alpaca", split=0.9)] == [18, 2]
    with pytest.raises(PipelineError) as caught:
        result.export("a.jsonl:dpo", "a.csv:alpaca", "c.jsonl:alpaca", "c.jsonl:chatml")
    assert [str(problem)[:60] for problem in caught.value.problems] == [
        "a.jsonl:dpo: it is fed by 'chosen', 'rejected' and one of 'p",
        "a.csv:alpaca: examples are not written as .csv; let the name",
        "c.jsonl:chatml: c.jsonl is written twice; give each export a",
    ]
    with pytest.raises(
        ConfigError, match="split is 90: give the share of training examples, over 0 and under 1, as in"
    ):
        result.export("a.jsonl:alpaca", split=90)
    bad = (sk.Pipeline("q") >> Rows([{**TALKS[0], "output": ""}])).run()
    with pytest.raises(
        RunError, match=r"c.jsonl:alpaca: nothing is written, since no record of 1 can be an example: col"
    ):
        bad.export("c.jsonl:alpaca")
    assert not (project / "c.jsonl").exists()


def test_settings_hold_a_split() -> None:
    assert Settings.of(Settings(exports=("a:b",), split=0.9).form()).split == 0.9
    old: Mapping[str, Any] = {name: value for name, value in Settings().form().items() if name != "split"}
    assert Settings.of(old).split is None
