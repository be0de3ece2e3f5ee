"""Rounds and targets: how many records are made, when a run ends, and what generators may do."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from engine_kit import adds_up, doubled, even, forever, numbers

import synthkit as sk
from synthkit.core import Have
from synthkit.engine import api
from synthkit.errors import StoreError, UsageError

pytestmark = pytest.mark.usefixtures("project")


def run(*parts: Any, target: int | None = None, **settings: Any) -> Any:
    pipeline = sk.Pipeline("p", target=target)
    for part in parts:
        pipeline = pipeline >> part
    return adds_up(api.run(pipeline, **settings))


def wants(result: Any) -> list[int]:
    return [form["made"] for form in result.state["rounds"]]


@pytest.mark.parametrize("target", [1, 2, 255, 256, 257, 600])
def test_a_target_is_met_exactly(target: int) -> None:
    result = run(forever, even, target=target)
    assert (result.status, result.reason) == ("complete", f"{target} of {target} accepted")
    assert [r["n"] for r in result.accepted] == [2 * k for k in range(target)], "the first ones in source order"
    assert wants(result)[0] == target
    assert len(wants(result)) <= 4


def test_a_finite_generator_may_be_too_small() -> None:
    result = run(numbers(top=20), even, target=50)
    assert (result.status, result.reason) == ("partial", "10 of 50 accepted: numbers has no more records")
    assert len(result.accepted) == 10
    assert adds_up(api.resume(result.folder)).status == "partial", "nor is there more later"


@pytest.mark.parametrize("target", [None, 5])
def test_an_empty_generator(target: int | None) -> None:
    result = run(numbers(top=0), doubled, target=target)
    assert result.status == ("complete" if target is None else "partial")
    assert result.reason == (
        "0 accepted, all that there were" if target is None else "0 of 5 accepted: numbers has no more records"
    )
    assert (result.accepted, result.rejected, dict(result.tally)) == ([], [], {})
    assert (result.folder / "accepted.jsonl").read_bytes() == b""


def test_without_a_target_all_there_is() -> None:
    result = run(numbers(top=1000), even, concurrency=4)
    assert (result.status, result.reason) == ("complete", "500 accepted, all that there were")
    assert len(result.state["rounds"]) == 1


@sk.filter(reads="n")
def never(record: sk.Record) -> Any:
    return False, "never good"


def test_rounds_that_lead_to_nothing_end_the_run() -> None:
    result = run(forever, never, target=50)
    assert (result.status, result.reason) == ("partial", "0 of 50 accepted: the last three rounds led to nothing")
    assert wants(result) == [50, 200, 1000]


def test_max_rounds() -> None:
    result = run(forever, even, target=100, max_rounds=1)
    assert (result.status, result.reason) == ("partial", "50 of 100 accepted: --max-rounds 1 is reached")
    more = adds_up(api.resume(result.folder, max_rounds=9))
    assert (more.status, len(more.accepted)) == ("complete", 100)
    whole = run(forever, even, target=100, folder="whole")
    assert [r.id for r in more.accepted] == [r.id for r in whole.accepted]


def test_an_endless_generator_without_a_target_makes_rounds_of_some() -> None:
    result = run(forever, max_rounds=2)
    assert (result.status, result.reason) == ("partial", "128 accepted in 2 rounds, as many as --max-rounds allows")


@sk.step(reads={"n": int}, writes="k", fans_out=True)
def ten(record: sk.Record) -> Any:
    return [{"k": k} for k in range(10)]


def test_what_may_fan_out_starts_small() -> None:
    result = run(forever, ten, target=1000)
    assert wants(result)[0] == 64
    assert result.tally["ten"].out <= 1150, "so that little more is paid for than is wanted"
    assert len(result.accepted) == 1000
    assert {r["kind"] for r in result.rejected} == {"surplus"}


@sk.generator(writes=["n", "again"], endless=True)
def equal(round: sk.Round) -> Iterator[sk.Fields]:
    for n in range(round.start, round.start + round.want):
        yield {"n": 1, "again": n % 2}


def test_equal_records_are_other_records() -> None:
    result = run(equal, even_again, target=30)
    assert len(result.accepted) == 30
    ids = {r.id for r in result.scan()}
    small = run(equal, even_again, target=30, shard=3, folder="small")
    assert {r.id for r in small.scan()} == ids
    assert len(result.state["rounds"]) > 1


@sk.filter(reads="again")
def even_again(record: sk.Record) -> bool:
    return bool(record["again"] == 0)


class Looks(sk.Generator):
    """A generator that reads what earlier rounds led to."""

    endless = True

    def io(self, have: Have) -> sk.IO:
        return sk.IO.of(writes=["n", "saw"], maybe="luck")

    def taps(self) -> list[str]:
        return ["doubled"]

    def generate(self, round: sk.Round) -> Iterator[sk.Fields]:
        accepted = [r["n"] for r in round.accepted(["n"])]
        tapped = [r["m"] for r in round.tap("doubled", ["m"])]
        for n in range(round.start, round.start + round.want):
            saw = [round.index, round.goal, len(accepted), len(tapped), sum(tapped)]
            yield {"n": n, "saw": saw, "luck": round.rng("luck", n).random()}


def test_a_generator_sees_what_earlier_rounds_led_to() -> None:
    result = run(Looks(), doubled, even, target=10, folder="run")
    by_round = {tuple(r["saw"]) for r in result.accepted}
    assert by_round == {(0, 10, 0, 0, 0), (1, 10, 5, 10, 90)}
    other = run(Looks(), doubled, even, target=10, folder="other", seed=1)
    assert [r["n"] for r in other.accepted] == [r["n"] for r in result.accepted]
    assert [r["luck"] for r in other.accepted] != [r["luck"] for r in result.accepted]


class Sly(sk.Generator):
    """A generator that breaks what it declares, at its fifth record."""

    what: str

    def io(self, have: Have) -> sk.IO:
        return sk.IO.of(writes="n", maybe="m")

    def generate(self, round: sk.Round) -> Iterator[Any]:
        if self.what == "no iterator":
            return None  # type: ignore[return-value]
        return self._records()

    def _records(self) -> Iterator[Any]:
        for n in range(100):
            yield {"n": n} if n != 70 else self._wrong()

    def _wrong(self) -> Any:
        if self.what == "raises":
            raise FileNotFoundError("seeds.txt")
        return {
            "lacks": {"m": 1}, "more": {"n": 1, "o": 2}, "none": None, "text": "abc", "set": {"n": {1}},
            "named": {"n": 1, "_id": "x"},
        }[self.what]  # fmt: skip


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("raises", "the generator sly failed: FileNotFoundError: seeds.txt"),
        ("lacks", "sly: record 70 lacks the column 'n', against what it declares"),
        ("more", "sly: record 70 has the undeclared column 'o', against what it declares"),
        ("named", "sly: record 70 has the undeclared column '_id', against what it declares"),
        ("none", "sly: record 70 is None, not a mapping of columns"),
        ("text", "sly: record 70 is str, not a mapping of columns"),
        ("set", "sly: record 70: column 'n' is a set, which a record cannot carry: use text, numbers, true or false"),
        ("no iterator", "the generator sly failed: TypeError: 'NoneType' object is not iterable"),
    ],
)
def test_a_generator_that_goes_wrong_stops_the_run(what: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        run(Sly(what=what), doubled_or_not, folder="run")
    assert str(caught.value).startswith(said)
    state = api.Result(Path("run"))
    assert (state.status, state.reason) == ("failed", str(caught.value))
    assert len(adds_up(state).accepted) == (0 if what == "no iterator" else 70), "what was finished is committed"


@sk.step(reads="n", maybe="m")
def doubled_or_not(record: sk.Record) -> sk.Fields:
    return {}


class Top(sk.DatasetStep):
    """The largest numbers, over everything."""

    when = "end"
    top: int

    def io(self, have: Have) -> sk.IO:
        return sk.IO.of(reads={"n": int})

    def wants(self, goal: int) -> int:
        return goal * 4

    def resolve(self, view: sk.View) -> pl.DataFrame:
        best = view.new.sort("n", descending=True)["_id"].head(self.top).to_list()
        return view.new.select("_id", keep=pl.col("_id").is_in(best), reason=pl.lit("small"))


def test_an_end_step_decides_anew_when_there_is_more() -> None:
    result = run(forever, even, Top(top=5), doubled, target=5, max_rounds=1, folder="run")
    assert [r["n"] for r in result.accepted] == [10, 12, 14, 16, 18]
    assert result.status == "complete"
    none = run(forever, even, Top(top=20), doubled, target=20, max_rounds=1, folder="more", shard=7)
    assert none.status == "complete" and [r["n"] for r in none.accepted] == list(range(40, 80, 2))
    few = run(forever, even, Top(top=3), doubled, target=5, max_rounds=1, folder="few")
    assert (few.status, few.reason) == ("partial", "3 of 5 accepted: --max-rounds 1 is reached")
    more = adds_up(api.resume(Path("few"), max_rounds=3))
    assert (more.status, more.reason) == (
        "partial", "3 of 5 accepted: too few came out of the steps at the end, which are not topped up",
    )  # fmt: skip
    assert [r["n"] for r in more.accepted] == [r["n"] for r in run(forever, even, Top(top=3), target=5).accepted]
    assert more.tally["top"].seen > few.tally["top"].seen, "over everything, not over what came later"


def test_the_same_folder_goes_on(project: Path) -> None:
    pipeline = sk.Pipeline("p", target=100) >> forever >> even
    first = pipeline.run(folder="run", max_rounds=1)
    assert first.status == "partial"
    second = adds_up(pipeline.run(folder="run", concurrency=2))
    assert (second.status, second.folder) == ("complete", first.folder)
    third = pipeline.run(folder="run")
    assert [r.id for r in third.accepted] == [r.id for r in second.accepted]
    assert [form["made"] for form in third.state["rounds"]] == [form["made"] for form in second.state["rounds"]]
    others: list[tuple[sk.Pipeline, dict[str, Any]]] = [
        (sk.Pipeline("p", target=100) >> forever >> even(label="other"), {}),
        (sk.Pipeline("p", target=101) >> forever >> even, {}),
        (pipeline, {"seed": 1}),
        (pipeline, {"target": 7}),
    ]
    said = ["pipeline", r"target \(100, not 101\)", r"seed \(0, not 1\)", r"target \(100, not 7\)"]
    for (other, settings), what in zip(others, said, strict=True):
        with pytest.raises(StoreError, match=f"run holds a run with another {what}: give this one a folder"):
            other.run(folder="run", **settings)


def test_another_export_needs_another_folder() -> None:
    pipeline = sk.Pipeline("p") >> talks
    pipeline.run(folder="run", export="a.jsonl:chatml")
    again = pipeline.run(folder="run")
    assert [written["written"] for written in again.state["written"]] == [2]
    assert pipeline.run(folder="run", export="a.jsonl:chatml").status == "complete"
    with pytest.raises(StoreError, match=r"run holds a run with other exports \(.*/a.jsonl:chatml\): name these, or"):
        pipeline.run(folder="run", export="b.jsonl:chatml")


@sk.generator(writes=["instruction", "output"])
def talks() -> Any:
    yield {"instruction": "a", "output": "b"}
    yield {"instruction": "c", "output": "d"}


def test_folders_are_numbered() -> None:
    names = [run(numbers(top=1)).folder.name for _ in range(3)]
    assert names == ["p-001", "p-002", "p-003"]
    with pytest.raises(StoreError, match="cannot make the run folder afile/run"):
        Path("afile").write_text("x")
        run(numbers(top=1), folder="afile/run")
