"""Splits: two files that share no source and no near-duplicate."""

from pathlib import Path
from random import Random
from typing import Any

import pytest
from export_kit import TALKS, rows

import synthkit as sk
from synthkit.core import Record
from synthkit.core.neighbours import Signatures
from synthkit.engine import export
from synthkit.engine.target import target_of
from synthkit.generators import Rows
from synthkit.plugins import registry


def records(count: int, rng: Random) -> list[Record]:
    """Records of which some have a common source, and some are nearly the same."""
    words = ["".join(rng.choices("abcdefghij", k=6)) for _ in range(400)]
    texts = [" ".join(rng.choices(words, k=12)) for _ in range(count)]
    made = []
    for number, text in enumerate(texts):
        if number % 5 == 1:
            text = texts[number - 1] + "!"
        source = f"{number - number % 3}" if number % 9 < 3 else f"own{number}"
        made.append(Record(f"{number}", source, {"instruction": text, "output": f"The answer is {number * 7}."}))
    return made


def halves_of(folder: Path, made: list[Record], split: float, seed: int = 0) -> tuple[list[Any], list[Any], list[Any]]:
    """The examples of both files, and what was told."""
    target = target_of(f"{folder}/sft.jsonl:alpaca", registry())
    told = export.write([target], lambda: made, split=split, seed=seed)
    train, validation = (rows(path) if path.stat().st_size else [] for path in target.files(True))
    assert [form["written"] for form in told] == [len(train), len(validation)]
    return train, validation, told


@pytest.mark.parametrize(("split", "seed"), [(0.9, 0), (0.9, 1), (0.5, 0), (0.75, 3)])
def test_halves_share_no_source_and_no_near_duplicate(tmp_path: Path, split: float, seed: int) -> None:
    made = records(120, Random(5))
    train, validation, told = halves_of(tmp_path, made, split, seed)
    assert (len(train), len(validation)) == (round(120 * split), 120 - round(120 * split))
    assert [form["part"] for form in told] == ["train", "validation"]
    sources = {record["instruction"]: record.source for record in made}
    assert {sources[row["instruction"]] for row in train}.isdisjoint(sources[row["instruction"]] for row in validation)
    signatures = Signatures()
    for one in validation:
        shingles = signatures.shingles(f"{one['instruction']}\n{one['output']}")
        for other in train:
            theirs = signatures.shingles(f"{other['instruction']}\n{other['output']}")
            assert len(shingles & theirs) / len(shingles | theirs) < 0.8
    order = [record["instruction"] for record in made]
    for part in (train, validation):
        found = [row["instruction"] for row in part]
        assert found == sorted(found, key=order.index)
    assert halves_of(tmp_path, made, split, seed)[:2] == (train, validation)


def test_another_seed_is_another_split(tmp_path: Path) -> None:
    made = records(60, Random(2))
    assert len({str(halves_of(tmp_path, made, 0.8, seed)[1]) for seed in range(5)}) == 5


def test_what_all_share_makes_no_neighbours(tmp_path: Path) -> None:
    """A long system message and definitions of tools are the same everywhere."""
    long = " ".join(["Follow these rules at all times."] * 30)
    made = [Record(f"{n}", f"{n}", {**TALKS[n], "system": long}) for n in range(40)]
    train, validation, told = halves_of(tmp_path, made, 0.75)
    assert (len(train), len(validation), told[1]["notes"]) == (30, 10, [])


def test_a_split_that_groups_do_not_allow(tmp_path: Path) -> None:
    made = [Record(f"{n}", "a" if n < 15 else f"{n}", TALKS[n]) for n in range(20)]
    train, validation, told = halves_of(tmp_path, made, 0.4)
    assert (len(train), len(validation)) in ((5, 15), (15, 5))
    assert told[0]["notes"] == []
    assert told[1]["notes"] == [
        "25% of the records are for training, not 40%: near-duplicates, and records of one source, stay together, and "
        "the largest of 6 such groups has 15 of 20"
    ]
    one = [Record(f"{n}", "a", TALKS[n]) for n in range(3)]
    train, validation, told = halves_of(tmp_path, one, 0.9)
    assert (len(train), len(validation)) == (3, 0)
    assert told[1]["notes"][0].startswith("100% of the records are for training, not 90%: ")


def test_a_record_is_on_one_side_in_all_files(project: Path) -> None:
    talks = [{**talk, "chosen": f"Yes, {n}.", "rejected": f"No, {n}."} for n, talk in enumerate(TALKS)]
    exports = ["sft.jsonl:alpaca", "pairs.jsonl:dpo", "single.parquet:kto"]
    result = (sk.Pipeline("p") >> Rows(talks)).run(export=exports, split=0.8)
    sides = []
    for part in ("train", "validation"):
        asked = [row["instruction"] for row in rows(project / f"sft-{part}.jsonl")]
        assert [row["prompt"] for row in rows(project / f"pairs-{part}.jsonl")] == asked
        assert [row["prompt"] for row in rows(project / f"single-{part}.parquet")] == [a for a in asked for _ in "ab"]
        sides.append(len(asked))
    assert sides == [32, 8]
    assert [form["written"] for form in result.state["written"]] == [32, 8, 32, 8, 64, 16]
