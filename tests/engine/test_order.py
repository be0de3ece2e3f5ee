"""End steps that put records in another order, and steps that read them back."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from engine_kit import adds_up, numbers

import synthkit as sk
from synthkit.core import Have
from synthkit.engine import api, order
from synthkit.engine.dataset import Sketches
from synthkit.errors import StoreError
from synthkit.generators import Rows


class Ordered(sk.DatasetStep):
    """Orders by what a test says of n: a number, nothing, or that it goes."""

    when = "end"
    orders: dict[int, float | int | None]
    drops: list[int] = []
    groups: dict[int, str] = {}

    def io(self, have: Have) -> sk.IO:
        return sk.IO.of(reads={"n": int}, maybe="members")

    def resolve(self, view: sk.View) -> pl.DataFrame:
        ns = view.new["n"].to_list()
        return view.new.select(
            "_id",
            keep=pl.Series([n not in self.drops for n in ns], dtype=pl.Boolean),
            order=pl.Series([self.orders.get(n) for n in ns], dtype=pl.Float64),
            group=pl.Series([self.groups.get(n) for n in ns], dtype=pl.String),
        )

    def merge(self, members: Any) -> sk.Fields:
        return {"members": [member["n"] for member in members]}


def leave(project: Path, step: Ordered, shard: int, *behind: Any, name: str = "run") -> Any:
    pipeline = sk.Pipeline("p") >> numbers(top=10) >> step
    for part in behind:
        pipeline = pipeline >> part
    return adds_up(api.run(pipeline, folder=project / f"{name}-{shard}", shard=shard))


@pytest.mark.parametrize("shard", [1, 3, 256])
def test_the_smallest_leave_first_and_those_without_an_order_last(project: Path, shard: int) -> None:
    orders = {0: 2.5, 1: None, 2: -1, 3: 2.5, 4: float("nan"), 5: 1e300, 6: 0, 7: -(2**40), 8: 2.5}
    result = leave(project, Ordered(orders=orders, drops=[3, 9, 6]), shard)
    assert [row["n"] for row in result.accepted] == [7, 2, 0, 8, 5, 1, 4]
    assert [line["fields"]["n"] for line in result.rejected] == [6, 3, 9]
    assert {r.id for r in result.accepted} < {
        r.id for r in leave(project, Ordered(orders={}), shard, name="plain").accepted
    }


@sk.step(reads={"n": int}, writes="m")
def more(record: sk.Record) -> sk.Fields:
    return {"m": record["n"]}


@pytest.mark.parametrize("shard", [1, 3, 256])
def test_what_stands_behind_sees_that_order(project: Path, shard: int) -> None:
    back = Ordered(orders={n: -n for n in range(10)})
    evens_first = Ordered(orders={n: n % 2 for n in range(10)}, label="again")
    result = leave(project, back, shard, more, evens_first)
    assert [row["m"] for row in result.accepted] == [8, 6, 4, 2, 0, 9, 7, 5, 3, 1]


@pytest.mark.parametrize("shard", [1, 3, 256])
def test_members_of_a_group_come_in_that_order(project: Path, shard: int) -> None:
    step = Ordered(orders={n: -n for n in range(10)}, groups={2: "x", 7: "x", 5: "x"})
    result = leave(project, step, shard)
    assert [row.get("members", row["n"]) for row in result.accepted] == [9, 8, 6, 4, 3, [7, 5, 2], 1, 0]


def test_all_values_come_back_as_they_were(project: Path) -> None:
    rows = [{"n": n, "v": v} for n, v in enumerate(["ö\n\u2028", None, [1.5, {"a": 10**30}], "\ud800", {}, True])]
    pipeline = sk.Pipeline("p") >> Rows(rows) >> Ordered(orders={n: -n for n in range(6)})
    result = api.run(pipeline, folder=project / "run")
    assert [dict(record) for record in result.accepted] == rows[::-1]


class Early(Ordered):
    when = "round"


class Named(sk.DatasetStep):
    when = "end"

    def resolve(self, view: sk.View) -> pl.DataFrame:
        return view.new.select("_id", keep=pl.lit(True), order=pl.lit("first"))


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (
            Early(orders={1: 1}),
            "early.resolve gives an order, and runs in every round, when records of earlier ones have",
        ),
        (Named(), "named.resolve gives an order of type String: an order is a number"),
    ],
)
def test_an_order_that_cannot_be(project: Path, step: sk.DatasetStep, said: str) -> None:
    result = api.run(sk.Pipeline("p") >> numbers >> step)
    assert result.status == "failed"
    assert result.reason.startswith(said)


def test_an_order_of_nothing_but_null_is_none(project: Path) -> None:
    result = leave(project, Ordered(orders={}), 3)
    assert [row["n"] for row in result.accepted] == list(range(10))


def test_a_folder_that_cannot_be_written_is_named(project: Path) -> None:
    decisions = {str(n): {"order": -n} for n in range(3)}
    records = (sk.Record(str(n), str(n), {"n": n}) for n in range(3))
    (project / "file").touch()
    with pytest.raises(StoreError) as caught:
        list(order.in_order(records, decisions, project / "file" / "stage"))
    assert str(caught.value).startswith(f"cannot put records in order in {project}/file/stage: ")


def test_a_file_aside_leaves_nothing_behind(project: Path) -> None:
    decisions = {str(n): {"order": -n} for n in range(300)}
    records = (sk.Record(str(n), str(n), {"n": n}) for n in range(300))
    rest = order.in_order(records, decisions, project / "stage")
    assert next(rest)[1]["n"] == 299
    assert list((project / "stage").iterdir()) == []
    rest.close()  # type: ignore[attr-defined]


def test_rows_are_read_back_in_any_order_and_held_no_longer_than_need_be() -> None:
    read_so_far: list[int] = []

    def read() -> Iterator[sk.Record]:
        for n in range(10):
            read_so_far.append(n)
            yield sk.Record(str(n), str(n), {"n": n, "m": -n} if n != 4 else {"n": n})

    view = Sketches(pl.DataFrame(), pl.DataFrame(), read, 0, "label")
    rows = view.rows([str(n) for n in range(10)], ["m"])
    assert dict(next(rows)) == {"m": 0} and read_so_far == [0]
    assert [dict(row) for row in rows][2:5] == [{"m": -3}, {}, {"m": -5}]
    assert [row["n"] for row in view.rows(["7", "2", "2", "9", "0"], ["n"])] == [7, 2, 2, 9, 0]
    with pytest.raises(KeyError, match="10"):
        list(view.rows(["3", "10"], ["n"]))
