"""Files of examples: whole or not there, and Parquet's types."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from export_kit import put, rows
from hypothesis import given, settings
from hypothesis import strategies as st

import synthkit as sk
from synthkit.core.files import read_rows
from synthkit.engine.examples import sink


@pytest.mark.parametrize("name", ["t.jsonl", "t.json", "t.parquet", "t"])
def test_a_file_is_whole_or_as_it_was(project: Path, name: str) -> None:
    path = project / name
    put(path, [{"a": "old"}])
    before = path.read_bytes()
    with pytest.raises(RuntimeError), sink(path) as file:
        file.add({"a": "new"})
        file.close()
        raise RuntimeError
    assert path.read_bytes() == before
    assert [left.name for left in project.iterdir()] == [name]
    put(path, [{"a": "new"}, {"a": "newer"}])
    assert [left.name for left in project.iterdir()] == [name]
    if name != "t":
        assert rows(path) == [{"a": "new"}, {"a": "newer"}]


@pytest.mark.parametrize("name", ["t.jsonl", "t.json", "t.parquet"])
def test_no_examples(project: Path, name: str) -> None:
    assert put(project / name, []).count == 0
    assert (pl.read_parquet(project / name).height if name.endswith("parquet") else 0) == 0
    if name == "t.json":
        assert json.loads((project / name).read_text()) == []


FULL = """
import resource, sys
from pathlib import Path
from random import Random
from synthkit.engine.examples import sink
from synthkit.errors import StoreError
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
try:
    with sink(Path({name!r})) as file:
        for n in range(300):
            file.add({{"a": Random(n).randbytes(1000).hex()}})
        file.close()
        file.publish()
except StoreError as error:
    print(error)
"""


@pytest.mark.parametrize(("name", "limit"), [("t.jsonl", 9_000), ("t.json", 9_000), ("t.parquet", 9_000),
                                             ("t.parquet", 650_000)])  # fmt: skip
def test_a_disk_that_is_full(project: Path, name: str, limit: int) -> None:
    """At once, and where the lines that become Parquet still fit beside the limit."""
    (project / name).write_text("what was there")
    code = FULL.format(name=name, limit=limit)
    if limit > 600_000:  # the lines take 600 KB, the compressed columns half of that
        code = code.replace("file.close()", "resource.setrlimit(resource.RLIMIT_FSIZE, (9_000, -1)); file.close()")
    done = subprocess.run([sys.executable, "-c", code], cwd=project, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"cannot write {name}: ")
    assert "File too large" in done.stdout
    assert done.stdout.endswith("; what stood there before is as it was\n")
    assert (project / name).read_text() == "what was there"
    assert [left.name for left in project.iterdir()] == [name]


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**65), 2**65)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("xyz"), inner, max_size=3),
    max_leaves=6,
)
EXAMPLES = st.lists(st.dictionaries(st.sampled_from(["a", "b", "c"]), VALUES, max_size=3), min_size=1, max_size=8)


@settings(max_examples=150)
@given(EXAMPLES)
def test_parquet_gives_back_any_examples(
    tmp_path_factory: pytest.TempPathFactory, examples: list[dict[str, Any]]
) -> None:
    if not any(examples):
        return  # rows without a column have no place in it
    path = tmp_path_factory.getbasetemp() / "any.parquet"
    put(path, examples)
    expected = [{name: value for name, value in example.items() if value is not None} for example in examples]
    found = rows(path)
    ordered = [dict(sorted(e.items(), key=_order(examples))) for e in expected]
    assert [list(row) for row in found] == [list(row) for row in ordered]
    # as text, which tells True from 1 and 1 from 1.0; mappings inside have their keys in one order for all rows
    assert json.dumps(found, sort_keys=True) == json.dumps(expected, sort_keys=True)


def _order(examples: list[dict[str, Any]]) -> Any:
    """Columns stand in the order in which they were first seen."""
    names = list(dict.fromkeys(name for example in examples for name in example))
    return lambda item: names.index(item[0])


def test_types_are_found_by_all_examples(project: Path) -> None:
    """What first comes late, and what changes its type at the very end."""
    early = [{"n": n, "t": [{"role": "user", "content": "x"}], "l": [], "m": {"k": 1}} for n in range(12_000)]
    late = {"n": -1, "t": [{"role": "user", "content": None}], "l": ["x"], "m": {"k": 1, "z": 2}, "new": True}
    file = put(project / "t.parquet", [*early, late])
    schema = pl.read_parquet_schema(project / "t.parquet")
    assert {name: str(kind) for name, kind in schema.items()} == {
        "n": "Int64",
        "t": "List(Struct({'role': String, 'content': String}))",
        "l": "List(String)",
        "m": "Extension('arrow.json', String, '')",
        "new": "Boolean",
    }
    assert file.notes == ["m: written as JSON text, since the values have no one type"]
    assert rows(project / "t.parquet") == [*early, late]
    again = put(project / "again.parquet", [*early, late]).path
    assert again.read_bytes() == (project / "t.parquet").read_bytes()


def test_a_column_that_is_marked_as_json_and_is_none(project: Path) -> None:
    frame = pl.DataFrame({"a": ["[1]", "{"]})
    frame.with_columns(pl.col("a").ext.to(pl.Extension("arrow.json", pl.String, ""))).write_parquet(
        project / "t.parquet"
    )
    found = read_rows(project / "t.parquet")
    assert next(found) == (1, {"a": [1]})
    with pytest.raises(
        sk.errors.InputError, match="row 2: the column 'a' is marked as JSON and holds none: write that"
    ):
        next(found)
