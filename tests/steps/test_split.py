"""Split: shares, and what must be on one side."""

from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from steps_kit import accepted, decided, refused, run, same_bytes

from synthkit.core import IO, Have
from synthkit.steps import Expand, Split

HAVE = Have(frozenset({"text", "n"}), frozenset({"some"}))
WORDS = ("amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heron", "inlet", "joist", "kelp", "larch",
         "maple", "nadir", "otter", "piano", "quill")  # fmt: skip


def text(number: int) -> str:
    """Texts that share next to nothing."""
    return " ".join(WORDS[number * step % len(WORDS)] + str(number) for step in (1, 5, 7, 11))


UNLIKE = [{"text": text(number)} for number in range(100)]


def parts(step: Split, rows: list[dict[str, Any]], **given: Any) -> list[str]:
    return [row[step.into] for row in decided(step, rows, **given)]


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (Split("text", shares={}), "it has no shares: say how much is for training, as in Split(train=0.9)"),
        (Split("text", train=1.5), "train=1.5 must be over 0 and under 1, as in Split(train=0.9)"),
        (Split("text", train=0.9, test=0.2), "the shares train=0.9, test=0.2 make 1.1: they must make 1"),
        (Split("text", train=0.5, validation=0.4), "the shares train=0.5, validation=0.4 make 0.9: they must make 1"),
        (Split("txt", train=0.5), "column 'txt', which nothing before it writes; did you mean 'text'?"),
        (Split("text", train=0.5, into="order"), "into='order' is a name that decisions use: choose another"),
        (Split("text", train=0.5, into=""), "'' cannot be a column's name"),
        (Split("text", "some", train=0.7, test=0.3), ""),
    ],
)
def test_what_makes_no_sense_is_refused_before_the_run(step: Split, said: str) -> None:
    found = refused(HAVE, step)
    assert found.startswith(said) and bool(found) == bool(said)


def test_it_reads_the_columns_named_or_all() -> None:
    assert Split("text", train=0.5).io(HAVE) == IO.of("text", "split")
    assert Split(train=0.5, into="n").io(HAVE) == IO.of("text", "n", optional="some")
    assert Split("text", train=0.5) == Split("text", shares={"train": 0.5})


def test_shares_are_met_as_nearly_as_can_be() -> None:
    assert Counter(parts(Split("text", train=0.9), UNLIKE)) == {"train": 90, "validation": 10}
    three = Counter(parts(Split("text", train=0.7, validation=0.2, test=0.1), UNLIKE))
    assert three == {"train": 70, "validation": 20, "test": 10}
    assert Counter(parts(Split("text", train=0.99), UNLIKE[:5])) == {"train": 4, "validation": 1}, "neither is empty"
    assert parts(Split("text", train=0.9), UNLIKE[:1]) == ["train"]
    seeds = [parts(Split("text", train=0.5), UNLIKE, seed=seed) for seed in (0, 0, 1)]
    assert seeds[0] == seeds[1] != seeds[2]


def test_what_is_nearly_the_same_is_on_one_side() -> None:
    """Ten families of ten, whose members are a letter apart from the next one."""
    rows = [{"text": f"{text(n % 10)} {text(n % 10 + 50)} {'x' * (n // 10)}"} for n in range(100)]
    found = parts(Split("text", train=0.6), rows)
    assert Counter(found) == {"train": 60, "validation": 40}
    assert all(found[n] == found[n % 10] for n in range(100))
    apart = parts(Split("text", train=0.6, threshold=1), rows)
    assert any(apart[n] != apart[n % 10] for n in range(100))


def test_what_comes_of_one_source_is_on_one_side() -> None:
    sources = [f"s{n % 7}" for n in range(100)]
    found = parts(Split("text", train=0.5), UNLIKE, sources=sources)
    sides = defaultdict(set)
    for source, side in zip(sources, found, strict=True):
        sides[source].add(side)
    assert all(len(side) == 1 for side in sides.values())
    assert 40 <= Counter(found)["train"] <= 60


def test_texts_inside_of_lists_and_mappings_are_compared() -> None:
    def chat(said: str, id: int) -> dict[str, Any]:
        return {"messages": [{"role": "user", "content": [{"type": "text", "text": said}]}], "id": id, "more": None}

    rows = [chat(f"{text(n // 2)} {text(n // 2 + 50)}", n) for n in range(40)]
    found = parts(Split("messages", train=0.5), rows)
    assert all(found[n] == found[n + 1] for n in range(0, 40, 2))
    assert len(set(found)) == 2


def test_all_columns_are_compared_where_none_is_named() -> None:
    rows = [{"a": text(n // 2), "b": text(n // 2 + 50)} for n in range(40)]
    found = parts(Split(train=0.5), rows)
    assert all(found[n] == found[n + 1] for n in range(0, 40, 2))


def test_blank_texts_are_not_near_each_other() -> None:
    found = parts(Split("text", train=0.5), [{"text": " "} for _ in range(20)])
    assert Counter(found) == {"train": 10, "validation": 10}
    assert Counter(parts(Split("text", train=0.5), [{"text": None} for _ in range(4)])) == {"train": 2, "validation": 2}


@settings(max_examples=25)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=30), st.floats(0.05, 0.95))
def test_no_group_is_ever_divided(families: list[int], share: float) -> None:
    rows = [{"text": f"{text(family)} {text(family + 50)}"} for family in families]
    found = parts(Split("text", train=share), rows)
    assert len({(family, side) for family, side in zip(families, found, strict=True)}) == len(set(families))
    if len(set(families)) > 1:
        assert set(found) == {"train", "validation"}


def test_split_in_a_run(project: Path) -> None:
    rows = [{"doc": n, "qs": [text(3 * n + m) for m in range(3)]} for n in range(30)]
    result = same_bytes(rows, Expand("qs", into="q"), Split("q", train=0.8, into="part"))
    found = accepted(result)
    assert [row["q"] for row in found] == [text(n) for n in range(90)], "all stay, in their order"
    assert Counter(row["part"] for row in found) == {"train": 72, "validation": 18}
    assert all(found[3 * n]["part"] == found[3 * n + m]["part"] for n in range(30) for m in range(3))
    other = accepted(run(rows, Expand("qs", into="q"), Split("q", train=0.8, into="part"), seed=1))
    assert other != found
