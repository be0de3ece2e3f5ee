"""Rows: which columns it promises, what it gives in which round, and what it refuses."""

import json
from typing import Any

import pytest

import synthkit as sk
from synthkit.core import Have, Round
from synthkit.core.component import build, spec
from synthkit.engine import api
from synthkit.errors import PipelineError
from synthkit.generators import Rows


class Part(Round):
    """A round of so many records from number `start` on."""

    def __init__(self, start: int, want: int) -> None:
        self.index, self.want, self.start, self.goal = 0, want, start, None


class Names:
    """A registry of one component."""

    def name_of(self, cls: type) -> str:
        return "rows"

    def component(self, name: str) -> type:
        return Rows

    def function(self, name: str) -> Any:
        raise AssertionError("there is none")


def test_it_promises_the_columns_that_every_record_has() -> None:
    io = Rows([{"b": 1, "a": None}, {"a": 2, "b": 3, "x": 0}]).io(Have())
    assert (io.writes, io.maybe) == (("b", "a"), ("x",))


def test_rounds_go_on_where_the_last_one_ended() -> None:
    rows = Rows({"n": n} for n in range(5))
    found = [[row["n"] for row in rows.generate(Part(start, 2))] for start in (0, 2, 4, 6)]
    assert found == [[0, 1], [2, 3], [4], []]


def test_later_changes_of_a_list_do_not_reach_it() -> None:
    given: list[dict[str, Any]] = [{"tags": ["a"]}]
    rows = Rows(given)
    given[0]["tags"].append("b")
    given.append({"tags": []})
    assert [dict(row) for row in rows.generate(Part(0, 9))] == [{"tags": ["a"]}]


@pytest.mark.parametrize(
    ("records", "said"),
    [
        ({"a": 1}, "Rows takes a list of mappings, not a dict: Rows([{…}, {…}])"),
        ("text", "Rows takes a list of mappings, not a str: Rows([{…}, {…}])"),
        (7, "Rows takes a list of mappings, not a int: Rows([{…}, {…}])"),
        ([1], "Rows: records.0: Input should be a valid dictionary"),
        ([{"a": 1}, {"b": {1}}], "Rows: records: in [1], column 'b' is a set, which a record cannot carry"),
        ([{"a": float("nan")}], "Rows: records: in [0], column 'a' is nan, which JSON cannot say"),
        ([{"_id": 1}], "Rows: records: in [0], '_id' cannot be a column's name"),
    ],
)
def test_what_is_no_record_is_refused(records: Any, said: str) -> None:
    with pytest.raises(PipelineError) as caught:
        Rows(records)
    assert str(caught.value).startswith(said)


def test_no_records_at_all_are_refused_before_the_run() -> None:
    with pytest.raises(PipelineError, match="rows: records is empty: write down at least one"):
        api.check(sk.Pipeline("p") >> Rows([]), api.Settings())


def test_it_travels_as_name_and_parameters() -> None:
    records = [{"n": 1, "tools": [{"type": "function", "function": {"parameters": {"type": "string"}}}]}, {"type": "x"}]
    packed = spec(Rows(records, label="seeds"), Names())
    again = build(json.loads(json.dumps(packed)), Names())
    assert again == Rows(records, label="seeds")
    assert [dict(row) for row in again.generate(Part(0, 9))] == records  # type: ignore[attr-defined]


def test_a_run_has_them_in_their_order_at_any_size_of_rounds(project: Any) -> None:
    rows = [{"n": n % 3, "say": "ö\ud83d\ude00"} for n in range(7)]
    for target in (None, 7):
        result = api.run(sk.Pipeline("p", target=target) >> Rows(rows), shard=2)
        assert result.status == "complete", result.reason
        assert [dict(record) for record in result.accepted] == [{"n": n % 3, "say": "ö😀"} for n in range(7)]
        assert len({record.id for record in result.accepted}) == 7
    short = api.run(sk.Pipeline("p", target=8) >> Rows(rows))
    assert (short.status, short.reason) == ("partial", "7 of 8 accepted: rows has no more records")
