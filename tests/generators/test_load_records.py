"""LoadRecords: which columns it promises, which rows it gives in which round, and what it refuses."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthkit.core import Have, Round
from synthkit.core.component import build, spec
from synthkit.errors import InputError, PipelineError
from synthkit.generators import LoadRecords, load_records


class Part(Round):
    """A round of so many records from number `start` on."""

    def __init__(self, start: int = 0, want: int = 1_000_000) -> None:
        self.index, self.want, self.start, self.goal = 0, want, start, None


class Names:
    """A registry of one component."""

    def name_of(self, cls: type) -> str:
        return "load-records"

    def component(self, name: str) -> type:
        return LoadRecords


def jsonl(folder: Path, rows: list[dict[str, Any]], name: str = "rows.jsonl") -> Path:
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def rows(component: LoadRecords, start: int = 0, want: int = 1_000_000) -> list[dict[str, Any]]:
    return [dict(row) for row in component.generate(Part(start, want))]


def refused(component: LoadRecords) -> str:
    with pytest.raises((InputError, PipelineError)) as caught:
        component.io(Have())
    return str(caught.value)


def test_it_promises_the_columns_that_every_row_has(tmp_path: Path) -> None:
    component = LoadRecords(jsonl(tmp_path, [{"b": 1, "a": None, "x": 1}, {"a": 2, "b": 3, "y": 0}]))
    io = component.io(Have())
    assert (io.writes, io.maybe) == (("b", "a"), ("x", "y"))
    assert rows(component) == [{"b": 1, "a": None, "x": 1}, {"a": 2, "b": 3, "y": 0}]
    assert component.files() == [tmp_path / "rows.jsonl"]


def test_columns_select_and_rename(tmp_path: Path) -> None:
    path = jsonl(tmp_path, [{"_id": "1", "prompt": "p", "z": 1}, {"_id": "2", "prompt": "q", "tag": "t"}])
    component = LoadRecords(path, columns={"prompt": "instruction", "tag": "kind"})
    assert (component.io(Have()).writes, component.io(Have()).maybe) == (("instruction",), ("kind",))
    assert rows(component) == [{"instruction": "p"}, {"instruction": "q", "kind": "t"}]
    wrong = LoadRecords(path, columns={"promt": "instruction"})
    assert refused(wrong) == f"{path}: no record has the column 'promt'; did you mean 'prompt'?"
    assert refused(LoadRecords(path)) == (
        f"{path}, line 1: '_id' cannot be a column's name: rename it, as in columns={{'_id': 'old'}}"
    )


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"limit": 0}, "limit=0 takes no rows: use 1 or more, or leave it out"),
        ({"columns": {}}, "columns={} takes no columns: name some, or leave it out for all of them"),
        ({"columns": {"a": "x", "b": "x"}}, "columns={'a': 'x', 'b': 'x'} gives the name 'x' twice: names must differ"),
        ({"columns": {"a": "_id"}}, "columns={'a': '_id'}: '_id' cannot be a column's name: choose another"),
    ],
)
def test_parameters_that_make_no_sense(tmp_path: Path, parameters: dict[str, Any], said: str) -> None:
    assert refused(LoadRecords(jsonl(tmp_path, [{"a": 1, "b": 2}]), **parameters)) == said


@given(
    st.integers(1, 30), st.integers(1, 12), st.none() | st.integers(1, 40), st.sampled_from(["jsonl", "json", "csv"])
)
def test_rounds_of_any_size_give_the_rows_of_one(
    tmp_path_factory: pytest.TempPathFactory, count: int, size: int, limit: int | None, suffix: str
) -> None:
    made = [{"n": str(n)} for n in range(count)]
    path = jsonl(tmp_path_factory.mktemp("f"), made, f"rows.{suffix}")
    if suffix == "json":
        path.write_text(json.dumps(made))
    elif suffix == "csv":
        with path.open("w", newline="") as file:
            csv.writer(file).writerows([["n"], *([row["n"]] for row in made)])
    component = LoadRecords(path, limit=limit)
    component.io(Have())
    found: list[dict[str, Any]] = []
    while part := rows(component, len(found), size):
        assert len(part) == size or len(found) + len(part) == min(count, limit or count)
        found += part
    assert found == made[:limit]
    assert rows(component) == found


def test_a_broken_line_is_found_before_the_run(tmp_path: Path) -> None:
    path = jsonl(tmp_path, [{"n": n} for n in range(3_000)])
    with path.open("a") as file:
        file.write('{"n": \n')
    assert refused(LoadRecords(path)).startswith(f"{path}, line 3001, column 8: Expecting value: ")
    assert LoadRecords(path, limit=3_000).io(Have()).writes == ("n",)  # it is never read


def test_a_large_file_is_looked_at_in_part_and_its_promise_is_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load_records, "WHOLE", 1_000)
    path = jsonl(tmp_path, [*({"a": n, "b": n} for n in range(1_500)), {"b": 1}])
    component = LoadRecords(path)
    assert component.io(Have()).writes == ("a", "b")
    given: Iterator[Any] = component.generate(Part())
    assert [next(given)["a"] for _ in range(1_500)] == list(range(1_500))
    with pytest.raises(InputError) as caught:
        next(given)
    assert str(caught.value) == (
        f"{path}, line 1501: the column 'a', which all rows looked at before the run have, is missing"
    )
    late = LoadRecords(path, columns={"b": "b", "later": "later"})  # a column that may come yet
    assert (late.io(Have()).writes, late.io(Have()).maybe) == (("b",), ("later",))


def test_the_promise_holds_in_a_process_that_did_not_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load_records, "WHOLE", 100)
    path = jsonl(tmp_path, [*({"a": n} for n in range(1_000)), {"b": 1}])
    load_records._looks.clear()
    with pytest.raises(InputError, match="line 1001: the column 'a'"):
        rows(LoadRecords(path), 990, 100)


def test_parquet_and_csv_are_read_under_their_headers(tmp_path: Path) -> None:
    frame = pl.DataFrame({"text": ["ä", "b"], "n": [1, None]})
    frame.write_parquet(tmp_path / "a.parquet")
    frame.write_csv(tmp_path / "table")
    packed = LoadRecords(tmp_path / "a.parquet")
    assert packed.io(Have()).writes == ("text", "n")
    assert rows(packed) == [{"text": "ä", "n": 1}, {"text": "b", "n": None}]
    assert rows(packed, 1, 1) == [{"text": "b", "n": None}]
    table = LoadRecords(tmp_path / "table", format="csv")
    assert table.io(Have()).writes == ("text", "n")
    assert rows(table) == [{"text": "ä", "n": "1"}, {"text": "b", "n": ""}]
    assert refused(LoadRecords(tmp_path / "a.parquet", columns={"txt": "text"})) == (
        f"{tmp_path / 'a.parquet'}: no record has the column 'txt'; did you mean 'text'?"
    )


def test_it_travels_as_name_and_parameters(tmp_path: Path) -> None:
    component = LoadRecords(tmp_path / "x.jsonl", columns={"a": "b"}, limit=3, format="json", label="rows")
    packed = spec(component, Names())
    assert packed["with"]["path"] == str(tmp_path / "x.jsonl")
    assert build(json.loads(json.dumps(packed)), Names()) == component


@pytest.mark.parametrize("name", ["missing.jsonl", "empty.jsonl", "folder.jsonl", "file.txt"])
def test_files_that_cannot_be_read_are_found_before_the_run(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty.jsonl").touch()
    (tmp_path / "folder.jsonl").mkdir()
    (tmp_path / "file.txt").write_text("x")
    assert refused(LoadRecords(tmp_path / name)).startswith(str(tmp_path / name))
