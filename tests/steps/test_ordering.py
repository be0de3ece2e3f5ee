"""Sort, Shuffle, Limit and Sample: which records leave, and in which order."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from steps_kit import Records, accepted, decided, reasons, refused, run, same_bytes, stay

import synthkit as sk
from synthkit.core import Have
from synthkit.engine import api
from synthkit.errors import PipelineError
from synthkit.steps import Limit, Map, Sample, Shuffle, Sort

NUMBERS = [{"n": n} for n in range(30)]


def order(step: sk.DatasetStep, rows: list[dict[str, Any]], **given: Any) -> list[int]:
    """The numbers of the rows in the order in which they leave."""
    found = decided(step, rows, **given)
    assert all(row["keep"] for row in found)
    return [int(row["_id"]) for row in sorted(found, key=lambda row: row["order"])]


MIXED = [{"v": v} for v in ("b", 2, None, "B", 1.5, True, [2], "a", 2.0, False, {"x": 1}, -1, 10**30)] + [{"w": 1}]


@pytest.mark.parametrize(
    ("step", "wanted"),
    [
        # numbers, text, false and true, lists and mappings; then what has none
        (Sort("v"), [11, 4, 1, 8, 12, 3, 7, 0, 9, 5, 6, 10, 2, 13]),
        (Sort("v", descending=True), [10, 6, 5, 9, 0, 7, 3, 12, 1, 8, 4, 11, 2, 13]),
    ],
)
def test_sort_has_a_place_for_every_value(step: Sort, wanted: list[int]) -> None:
    assert order(step, MIXED) == wanted


def test_sort_by_several_columns() -> None:
    rows = [{"t": t, "s": s} for t, s in (("b", 1), ("a", 1), ("b", 3), ("a", 2), ("b", 3))]
    assert order(Sort("t", "s"), rows) == [1, 3, 0, 2, 4]
    assert order(Sort("t", "s", descending=["s"]), rows) == [3, 1, 2, 4, 0]
    assert order(Sort("t", "s", descending=["t"]), rows) == [0, 2, 4, 1, 3]
    assert order(Sort("s", "t", descending=True), rows) == [2, 4, 3, 0, 1]


@given(st.lists(st.one_of(st.none(), st.integers(-3, 3), st.text("ab", max_size=2))), st.booleans())
def test_sort_is_stable_and_turns_round(values: list[Any], falls: bool) -> None:
    if not values:
        return
    found = order(Sort("v", descending=falls), [{"v": v} for v in values])
    some = [values[at] for at in found if values[at] is not None]
    key = {int: lambda v: (0, v), str: lambda v: (1, v)}
    assert some == sorted(some, key=lambda v: key[type(v)](v), reverse=falls)
    assert [values[at] for at in found][len(some) :] == [None] * (len(values) - len(some))
    assert all(one < two for one, two in pairwise(found) if values[one] == values[two])


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (Sort(by=()), "it names no column to sort by"),
        (Sort("m"), "column 'm', which nothing before it writes; there are: n"),
        (Sort("n", "n"), "the column 'n' is named twice to sort by"),
        (Sort("n", descending=["s"]), "descending names 's', by which it does not sort; there are: n"),
        (Sort("n", "some"), ""),
        (Sample(), "give either how many records to keep, Sample(100), or which share, Sample(share=0.1)"),
        (Sample(3, share=0.5), "give either how many records to keep"),
        (Sample(3, of=2), "of=2 is less than the 3 records to keep"),
    ],
)
def test_what_makes_no_sense_is_refused_before_the_run(step: sk.DatasetStep, said: str) -> None:
    found = refused(Have(frozenset({"n"}), frozenset({"some"})), step)
    assert found.startswith(said) and bool(found) == bool(said)


@pytest.mark.parametrize(
    "wrong", [lambda: Limit(0), lambda: Sample(0), lambda: Sample(share=1), lambda: Sample(share=0)]
)
def test_numbers_out_of_bounds_are_refused(wrong: Any) -> None:
    with pytest.raises(PipelineError, match=r"Input should be (greater|less) than"):
        wrong()


def test_sort_in_a_run(project: Path) -> None:
    rows = [{"v": n * 7 % 30, "half": n % 2} for n in range(30)]
    result = same_bytes(rows, Sort("half", "v", descending=["v"]))
    assert [(r["half"], r["v"]) for r in result.accepted] == sorted(
        [(row["half"], row["v"]) for row in rows], key=lambda pair: (pair[0], -pair[1])
    )
    assert {r.id for r in result.accepted} == {r.id for r in run(rows).accepted}
    behind = run(rows, Sort("v"), Map(str, "v", into="text"), Limit(3))
    assert [row["text"] for row in accepted(behind)] == ["0", "1", "2"]
    best = run(rows, Sort("v", descending=True), target=30)
    assert [row["v"] for row in accepted(best)] == list(range(29, -1, -1))


@sk.generator(writes="n", endless=True)
def forever(round: sk.Round) -> Any:
    for number in range(round.start, round.start + round.want):
        yield {"n": number * 7 % 100}


@sk.filter(reads={"n": int})
def even(record: sk.Record) -> bool:
    return bool(record["n"] % 2 == 0)


def test_under_a_target_the_first_of_the_order_count(project: Path) -> None:
    pipeline = sk.Pipeline("p", target=10) >> forever >> even >> Sort("n", descending=True)
    result = api.run(pipeline, folder=project / "run")
    found = [row["n"] for row in accepted(result)]
    surplus = [line["fields"]["n"] for line in result.rejected if line["kind"] == "surplus"]
    assert len(result.state["rounds"]) > 1
    assert found == sorted(found, reverse=True) and len(found) == 10
    assert surplus and max(surplus) < min(found)


def test_shuffle_is_the_same_for_the_same_seed(project: Path) -> None:
    first = [row["n"] for row in accepted(same_bytes(NUMBERS, Shuffle()))]
    assert sorted(first) == list(range(30)) and first != list(range(30))
    assert [row["n"] for row in accepted(run(NUMBERS, Shuffle()))] == first
    assert [row["n"] for row in accepted(run(NUMBERS, Shuffle(), seed=1))] != first
    assert [row["n"] for row in accepted(run(NUMBERS, Shuffle(label="again")))] != first
    without = [row["n"] for row in accepted(run([row for row in NUMBERS if row["n"] != 7], Shuffle()))]
    assert without == [n for n in first if n != 7], "one record less moves none of the others"


def test_limit_counts_over_all_rounds(project: Path) -> None:
    assert stay(Limit(3), NUMBERS) == [0, 1, 2]
    assert stay(Limit(3), NUMBERS, kept=2) == [2]
    assert stay(Limit(3), NUMBERS, kept=3) == []
    result = same_bytes(NUMBERS, Limit(4), Map(str, "n", into="text"))
    assert [row["n"] for row in accepted(result)] == [0, 1, 2, 3]
    assert reasons(result) == [("over the limit", "")] * 26
    assert result.tally["str"].seen == 4
    pipeline = sk.Pipeline("p", target=12) >> forever >> even >> Limit(12)
    late = api.run(pipeline, folder=project / "late")
    assert len(late.state["rounds"]) > 1
    assert len(accepted(late)) == 12 == late.tally["limit"].out


def test_sample_is_exact_and_as_likely_for_each(project: Path) -> None:
    assert len(stay(Sample(7), NUMBERS)) == 7
    assert stay(Sample(31), NUMBERS) == list(range(30))
    assert len(stay(Sample(share=0.5), NUMBERS)) == 15
    assert len(stay(Sample(share=0.01), NUMBERS)) == 0
    counts = [0] * 30
    for seed in range(400):
        for number in stay(Sample(15), NUMBERS, seed=seed):
            counts[number] += 1
    assert min(counts) > 150 and max(counts) < 250, "200 each, give or take five standard deviations"


def test_a_record_more_changes_a_sample_in_one_place_at_most() -> None:
    for seed in range(20):
        before = set(stay(Sample(7), NUMBERS[:-1], seed=seed))
        after = set(stay(Sample(7), NUMBERS, seed=seed))
        assert len(before - after) <= 1 and after - before <= {29}


def test_sample_in_a_run(project: Path) -> None:
    result = same_bytes(NUMBERS, Sample(share=0.2))
    found = [row["n"] for row in accepted(result)]
    assert found == sorted(found) and len(found) == 6
    assert reasons(result) == [("not in the sample", "")] * 24
    assert [row["n"] for row in accepted(run(NUMBERS, Sample(share=0.2), seed=3))] != found


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.55, 0.9, 0.99])
def test_a_share_makes_as_many_candidates_as_it_takes(share: float) -> None:
    for goal in range(1, 60):
        wanted = Sample(share=share).wants(goal)
        assert round(wanted * share) >= goal and wanted < goal / share + 2
    assert Sample(5).wants(5) == 5
    assert Sample(5, of=50).wants(5) == 50


def test_a_target_that_cannot_be_met_is_refused_before_the_run(project: Path) -> None:
    def problem(*steps: Any) -> str:
        pipeline = sk.Pipeline("p", target=20) >> forever
        for step in steps:
            pipeline = pipeline >> step
        with pytest.raises(PipelineError) as caught:
            api.check(pipeline, api.Settings())
        return str(caught.value)

    assert problem(Limit(10)) == (
        "limit lets at most 10 records through, and the target is 20: let more through, or want fewer"
    )
    assert problem(Sample(19), Sort("n")).startswith("sample lets at most 19 records through")
    pipeline = sk.Pipeline("p", target=20) >> forever >> Sample(10, of=40) >> repeated
    assert len(accepted(api.run(pipeline, folder=project / "run"))) == 20


@sk.step(reads="n", writes="m", fans_out=True)
def repeated(record: sk.Record) -> Any:
    return [{"m": 1}, {"m": 2}]


def test_a_view_has_no_chance_but_the_seeds() -> None:
    step = Shuffle()
    one, two = Records(step, NUMBERS, 0, ()), Records(step, NUMBERS, 0, ())
    two.seed = 1
    assert step.resolve(one).equals(step.resolve(one))
    assert not step.resolve(one).equals(step.resolve(two))
