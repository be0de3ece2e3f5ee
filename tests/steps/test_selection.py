"""TopK, BalanceBy and Group: which records stay, which become one, and what the plan and a target make of it."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from steps_kit import accepted, decided, reasons, refused, run, same_bytes, stay

import synthkit as sk
from synthkit.core import IO, Have
from synthkit.engine import api
from synthkit.steps import BalanceBy, Group, TopK

HAVE = Have(frozenset({"score", "topic", "answer", "n"}), frozenset({"some"}))
SCORES = [{"score": score, "topic": topic} for score, topic in zip((3, 5, 1, 5, 4.5, 2), "abaabb", strict=True)]


def test_top_k_keeps_the_best() -> None:
    assert stay(TopK(2), SCORES) == [1, 3]
    assert stay(TopK(1), SCORES) == [1], "of equal ones the earlier"
    assert stay(TopK(2, lowest=True), SCORES) == [2, 5]
    assert stay(TopK(9), SCORES) == list(range(6))
    assert stay(TopK(1, per="topic"), SCORES) == [1, 3]
    assert stay(TopK(2, per="topic", lowest=True), SCORES) == [0, 2, 4, 5]
    last = decided(TopK(2), SCORES)[2]
    assert (last["reason"], last["detail"], last["score"]) == ("not in the top", "rank 6 of 6", 1.0)
    assert decided(TopK(1, per="topic"), SCORES)[5]["detail"] == "rank 3 of 3"


def test_top_k_in_a_run(project: Path) -> None:
    rows = [{"score": n * 7 % 20, "topic": n % 3} for n in range(20)]
    result = same_bytes(rows, TopK(2, per="topic"))
    assert Counter(row["topic"] for row in accepted(result)) == {0: 2, 1: 2, 2: 2}
    assert reasons(result)[0] == ("not in the top", "rank 7 of 7")
    assert next(line["score"] for line in result.rejected) == 0.0
    wrong = run([{"score": "5"}, {"score": 10**400}, {"score": 2}, {"score": None}], TopK(1))
    assert [row["score"] for row in wrong.accepted] == [2]
    assert [message for _, message in reasons(wrong, "failed")] == [
        "column 'score' is str, and top-k needs float",
        "column 'score' is a number beyond what a float can be",
        "column 'score' is NoneType, and top-k needs float",
    ]


@sk.generator(writes=["n", "label"], endless=True)
def skewed(round: sk.Round) -> Any:
    """Half of them «a», a quarter «b», an eighth «c» …"""
    for number in range(round.start, round.start + round.want):
        yield {"n": number, "label": "abcd"[min((~number & (number + 1)).bit_length() - 1, 3)]}


def test_of_says_from_how_many_to_choose(project: Path) -> None:
    pipeline = sk.Pipeline("p", target=5) >> skewed >> TopK(5, by="n", of=50)
    result = api.run(pipeline, folder=project / "run")
    assert [row["n"] for row in accepted(result)] == [45, 46, 47, 48, 49]
    assert [round["want"] for round in result.state["rounds"]] == [50]


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (TopK(3, by="rating"), "column 'rating', which nothing before it writes"),
        (TopK(3, by="some"), "column 'some', which only some records have there"),
        (TopK(3, per="topik"), "column 'topik', which nothing before it writes; did you mean 'topic'?"),
        (TopK(3, per="score"), "by and per are both 'score': name another column"),
        (TopK(3, of=2), "of=2 is less than the 3 records to keep"),
        (TopK(3, per="some", of=2), ""),
        (BalanceBy("topic"), "give either per_value, as in per_value=100, or ratio, as in ratio=1"),
        (BalanceBy("topic", per_value=1, ratio=1), "give either per_value"),
        (BalanceBy("topic", per_value=1, of=3), "per_value is topped up in rounds: leave `of` out"),
        (BalanceBy("topic", ratio=0.5), "ratio=0.5 must be 1 or more"),
        (BalanceBy("topic", ratio=float("nan")), "ratio=nan must be 1 or more"),
        (BalanceBy("topic", ratio={}), "ratio={} must give each value a number over 0"),
        (BalanceBy("topic", ratio={"a": 1, "b": 0}), "ratio={'a': 1.0, 'b': 0.0} must give each value a number over 0"),
        (BalanceBy("topik", ratio=1), "column 'topik', which nothing before it writes; did you mean 'topic'?"),
        (BalanceBy("some", ratio=1), ""),
        (Group("topic", collect=[]), "it names no column to collect"),
        (Group(by=(), collect="n"), "it names no column to group by"),
        (Group("topic", collect="topic"), "the column 'topic' is named twice in the groups"),
        (Group("topic", collect={"topic": "topics"}), "'topic' is collected, and stays as it is, too: name it once"),
        (Group("topic", collect={"n": "all", "answer": "all"}), "the column 'all' is named twice in the groups"),
        (Group("topic", collect="m"), "column 'm', which nothing before it writes"),
        (Group("some", collect="n", first=["answer"]), ""),
    ],
)
def test_what_makes_no_sense_is_refused_before_the_run(step: sk.DatasetStep, said: str) -> None:
    found = refused(HAVE, step)
    assert found.startswith(said) and bool(found) == bool(said)


VALUES = [{"v": v} for v in ("a", "a", 1, "a", "1", None, 1, "a")] + [{"w": 0}]


def test_balance_by_a_number_of_each() -> None:
    assert stay(BalanceBy("v", per_value=1), VALUES) == [0, 2, 5]
    assert stay(BalanceBy("v", per_value=2), VALUES) == [0, 1, 2, 4, 5, 8]
    assert stay(BalanceBy("v", per_value=2), VALUES, kept=1) == [1, 2, 4, 5, 8]
    assert stay(BalanceBy("v", per_value=2), VALUES, kept=4) == [4, 5, 8]
    dropped = decided(BalanceBy("v", per_value=1), VALUES)[8]
    assert (dropped["reason"], dropped["detail"]) == ("enough of its value", "null")


@given(st.lists(st.sampled_from("abc"), max_size=30), st.integers(1, 5), st.integers(0, 30))
def test_balance_decides_in_rounds_as_it_does_at_once(values: list[str], most: int, cut: int) -> None:
    rows = [{"v": value} for value in values]
    if not rows:
        return
    step = BalanceBy("v", per_value=most)
    first = stay(step, rows[:cut]) if rows[:cut] else []
    later = [rows[at] for at in first] + rows[cut:]
    second = [at - len(first) + cut for at in stay(step, later, kept=len(first))]
    assert [*first, *second] == stay(step, rows)


def test_balance_by_a_ratio() -> None:
    rows = [{"v": v} for v in "aaaaaaaabbbcc"]
    assert Counter(rows[at]["v"] for at in stay(BalanceBy("v", ratio=1), rows)) == {"a": 2, "b": 2, "c": 2}
    assert Counter(rows[at]["v"] for at in stay(BalanceBy("v", ratio=1.5), rows)) == {"a": 3, "b": 3, "c": 2}
    mix = decided(BalanceBy("v", ratio={"a": 2, "b": 0.7}), rows)
    assert [row["keep"] for row in mix] == [*[True] * 8, True, True, False, False, False]
    assert [row["reason"] for row in mix][-3:] == [
        "enough of its value",
        "value not in the mix",
        "value not in the mix",
    ]
    none = decided(BalanceBy("v", ratio={"a": 1, "z": 1}), rows)
    assert {(row["keep"], row["reason"], row["detail"]) for row in none} == {
        (False, "nothing of another value", "there is no z")
    }


def test_a_balanced_target_is_topped_up(project: Path) -> None:
    pipeline = sk.Pipeline("p", target=20) >> skewed >> BalanceBy("label", per_value=5)
    result = api.run(pipeline, folder=project / "run")
    assert Counter(row["label"] for row in accepted(result)) == dict.fromkeys("abcd", 5)
    assert len(result.state["rounds"]) > 1
    small = api.run(pipeline, folder=project / "small", shard=3)
    for name in ("accepted.jsonl", "rejected.jsonl"):
        assert (small.folder / name).read_bytes() == (result.folder / name).read_bytes()
    at_once = run([{"label": value} for value in "aabbbc"], BalanceBy("label", ratio=1))
    assert [row["label"] for row in accepted(at_once)] == ["a", "b", "c"]


ANSWERS = [
    {"topic": "a", "level": 1, "answer": "1", "n": 0},
    {"topic": "b", "level": 1, "answer": "2", "n": 1, "some": "x"},
    {"topic": "a", "level": 1, "answer": "3", "n": 2, "some": "y"},
    {"topic": "a", "level": 2, "answer": "4", "n": 3},
    {"topic": "b", "level": 1, "answer": "5", "n": 4},
]


def test_group_makes_one_of_equal_ones(project: Path) -> None:
    assert accepted(same_bytes(ANSWERS, Group("topic", collect={"answer": "answers"}))) == [
        {"topic": "a", "answers": ["1", "3", "4"]},
        {"topic": "b", "answers": ["2", "5"]},
    ]


@pytest.mark.parametrize("shard", [1, 2, 256])
def test_group_by_several_columns_with_all_that_it_can_take(project: Path, shard: int) -> None:
    step = Group("topic", "level", collect=["answer", "some"], first=["n"], at_least=2)
    assert step.io(Have(frozenset(ANSWERS[0]), frozenset({"some"}))) == IO.of(
        ["topic", "level", "n", "answer"], ["answer", "some"], optional="some"
    )
    result = run(ANSWERS, step, shard=shard)
    assert accepted(result) == [
        {"topic": "a", "level": 1, "answer": ["1", "3"], "n": 0, "some": [None, "y"]},
        {"topic": "b", "level": 1, "answer": ["2", "5"], "n": 1, "some": ["x", None]},
    ]
    assert reasons(result) == [("too few in its group", "1, at least 2")]
    first = run(ANSWERS).accepted[0]
    assert result.accepted[0].source == first.id != result.accepted[0].id
    assert (result.tally["group"].seen, result.tally["group"].made, result.tally["group"].dropped) == (5, -2, 1)


def test_group_by_a_column_that_only_some_have(project: Path) -> None:
    assert accepted(run(ANSWERS, Group("some", collect="n"))) == [
        {"n": [0, 3, 4]},
        {"some": "x", "n": [1]},
        {"some": "y", "n": [2]},
    ]
    with_none = [*ANSWERS, {**ANSWERS[0], "some": None, "n": 5}]
    assert accepted(run(with_none, Group("some", collect="n")))[0] == {"n": [0, 3, 4, 5]}


@given(st.lists(st.sampled_from([1, 1.0, "1", True, None, [1], {"a": 1}]), min_size=1, max_size=20))
def test_groups_are_told_apart_by_type(values: list[Any]) -> None:
    found = decided(Group("v", collect="n"), [{"v": value, "n": 0} for value in values])
    texts = [repr(value) for value in values]
    assert len({row["group"] for row in found}) == len(set(texts))
    assert all((one["group"] == two["group"]) == (a == b) for one, a in zip(found, texts, strict=True)
               for two, b in zip(found, texts, strict=True))  # fmt: skip
