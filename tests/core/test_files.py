"""The readers of data files: what they accept, how they go on, and the sentence for whatever is wrong."""

import datetime
import decimal
import json
import os
import subprocess
import sys
from itertools import islice
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthkit.core import jsonfiles
from synthkit.core.files import kind_of, read_csv, read_json, read_jsonl, read_parquet, read_rows, unit
from synthkit.errors import InputError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
ROWS = st.lists(st.dictionaries(st.text(), JSON, max_size=3), min_size=1, max_size=8)


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def problem(path: Path) -> str:
    """The sentence that reading a file ends with."""
    with pytest.raises(InputError) as caught:
        list(read_rows(path))
    assert str(caught.value).startswith(str(path))
    return str(caught.value).removeprefix(str(path))


@pytest.fixture(params=["jsonl", "array", "csv", "parquet"])
def numbers(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A file of 50 rows, in each format."""
    rows = [{"n": str(n), "text": 'two\nlines, "quoted" ä'} for n in range(50)]
    if request.param == "jsonl":
        return write(tmp_path, "n.jsonl", "\n".join(json.dumps(r) for r in rows))
    if request.param == "array":
        return write(tmp_path, "n.json", json.dumps(rows, indent=1, ensure_ascii=False))
    path = tmp_path / f"n.{request.param}"
    frame = pl.DataFrame(rows)
    frame.write_csv(path) if request.param == "csv" else frame.write_parquet(path)
    return path


@given(ROWS, st.booleans(), st.booleans())
def test_json_lines_are_read_exactly(
    tmp_path_factory: pytest.TempPathFactory, rows: list, mark: bool, crlf: bool
) -> None:
    text = ("\r\n" if crlf else "\n").join(json.dumps(row, ensure_ascii=n % 2 == 0) for n, row in enumerate(rows))
    path = write(
        tmp_path_factory.mktemp("f"), "a.jsonl", ("\ufeff" if mark else "").encode() + text.encode(errors="replace")
    )
    assert [row for _, row in read_jsonl(path)] == [
        json.loads(line) for line in path.read_text("utf-8-sig").split("\n")
    ]


@settings(max_examples=60)
@given(ROWS, st.sampled_from([None, 2]), st.integers(1, 40))
def test_json_arrays_are_read_exactly_in_chunks_of_any_size(
    tmp_path_factory: pytest.TempPathFactory, rows: list, indent: int | None, chunk: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsonfiles, "CHUNK", chunk)
        path = write(tmp_path_factory.mktemp("f"), "a.json", json.dumps(rows, indent=indent))
        found = list(read_json(path))
        assert [row for _, row in found] == rows
        lines = path.read_text().split("\n")
        assert all(lines[line - 1].lstrip(" [,").startswith("{") for line, _ in found)
        for start in range(len(rows) + 1):  # goes on where another reading stopped
            assert list(read_json(path, start)) == found[start:]
            assert len(list(islice(read_json(path), start))) == start


def test_lines_are_counted_from_one_and_blank_ones_are_skipped(tmp_path: Path) -> None:
    path = write(tmp_path, "a.jsonl", b'\xef\xbb\xbf{"a": 1}\r\n\r\n  \n{"a": 2}\n\n{"a": 3}')
    assert list(read_jsonl(path)) == [(1, {"a": 1}), (4, {"a": 2}), (6, {"a": 3})]
    assert list(read_jsonl(path, 1)) == [(4, {"a": 2}), (6, {"a": 3})]
    assert list(read_jsonl(path, 3)) == []
    table = write(tmp_path, "a.csv", b'\xef\xbb\xbfa,b\r\n\r\n1,"x\r\ny"\r\n007,\r\n')
    assert list(read_csv(table)) == [(3, {"a": "1", "b": "x\r\ny"}), (5, {"a": "007", "b": ""})]
    assert list(read_csv(table, 1)) == [(5, {"a": "007", "b": ""})]
    lines = write(tmp_path, "lines.json", '{"a": 1}\n{"a": 2}\n')
    assert [row["a"] for _, row in read_json(lines)] == [1, 2]


@pytest.mark.parametrize("size", [1, 7, 49, 50])
def test_reading_in_pieces_is_reading_at_once(numbers: Path, size: int) -> None:
    whole = list(read_rows(numbers))
    assert [row["n"] for _, row in whole] == [str(n) for n in range(50)]
    pieces = []
    for start in range(0, 50, size):
        pieces += islice(read_rows(numbers, start=start), size)
    assert pieces == whole
    assert list(read_rows(numbers, start=20)) == whole[20:]  # and back again
    assert list(read_rows(numbers, start=50)) == []


def test_reading_on_does_not_read_anew(tmp_path: Path) -> None:
    """Pieces are found by their byte: what is before them may have become unreadable."""
    for name, rows in {"a.jsonl": b'{"a": 1}\n' * 40, "a.json": b"[" + b'{"a": 1},' * 40 + b'{"a": 2}]'}.items():
        path = write(tmp_path, name, rows)
        stat = path.stat()
        assert len(list(islice(read_rows(path), 20))) == 20
        with path.open("r+b") as file:
            file.seek(30)
            file.write(b"\xff\xff")
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        assert len(list(islice(read_rows(path, start=20), 10))) == 10
        assert "is not UTF-8" in problem(path)


def test_a_broken_line_is_not_passed_over_by_the_next_reading(tmp_path: Path) -> None:
    path = write(tmp_path, "a.jsonl", '{"a": 1}\n{"a": }\n{"a": 3}\n')
    for _ in range(2):
        rows = read_jsonl(path)
        assert next(rows) == (1, {"a": 1})
        with pytest.raises(InputError, match="line 2, column 7"):
            next(rows)
    with pytest.raises(InputError, match="line 2"):
        next(read_jsonl(path, 1))


def test_one_broken_line_in_ten_thousand_is_named(tmp_path: Path) -> None:
    lines = [f'{{"n": {n}, "text": "ä"}}' for n in range(10_000)]
    lines[7311] = '{"n": 7311, "text": "ä" "more": 1}'
    path = write(tmp_path, "a.jsonl", "\n".join(lines))
    assert problem(path) == ", line 7312, column 25: Expecting ',' delimiter: repair that record or remove it"
    array = write(tmp_path, "a.json", "[" + ",\n".join(lines) + "]")
    assert problem(array) == ", line 7312, column 25: Expecting ',' delimiter: repair that record or remove it"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"a": 1}\n{"a": "\xe9t\xe9"}\n', ", line 2: byte 8 of the line (0xe9) is not UTF-8: save the file as UTF-8"),
        ('{"a": 1}'.encode("utf-16"), " is UTF-16, not UTF-8: save it as UTF-8"),
        (
            '{"a": 1}\n[1]\n',
            ", line 2: a list stands where an object must: write {…}; a file that is one JSON array has",
        ),
        ('{"a": 1}\n3\n', ", line 2: a number stands where an object must: write {…}"),
        ('{"a": 1}\nnull\n', ", line 2: null stands where an object must: write {…}"),
        ('{"a": 1}\n{"a": {"b": 1, "c": 2, "b": 3}}', ", line 2: the key 'b' is there twice: remove or rename one"),
        ('{"a": "NaN", "b": NaN}', ", line 1, column 19: NaN is no JSON: write null instead"),
        ('{"a": -Infinity}', ", line 1, column 7: -Infinity is no JSON: write null instead"),
        ('{"a": [1e999]}', ", line 1, column 8: 1e999 is too large for a number: write it as text"),
        ('{"a": ' + "9" * 5000 + "}", ", line 1: a whole number has too many digits: write it as text"),
        ('{"a": ' + "[" * 100_000, ", line 1: lists and objects stand too deep inside each other"),
        ('{"a": 1} {"a": 2}', ", line 1, column 10: Extra data: repair that record or remove it"),
        ("", " is empty: it needs at least one record"),
        ("\n \n", " holds no records: it needs at least one"),
    ],
)
def test_what_is_wrong_with_json_lines(tmp_path: Path, content: str | bytes, said: str) -> None:
    assert problem(write(tmp_path, "a.jsonl", content)).startswith(said)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[]", " holds no records: it needs at least one"),
        (' [ {"a": 1}\n', ", line 2, column 1: the file ends inside its array: it was cut, or the last ']' is missing"),
        (
            '[{"a": 1},\n{"a": "x',
            ", line 2, column 7: Unterminated string starting at: repair that record or remove it",
        ),
        ('[{"a": 1}\n {"a": 2}]', ", line 2, column 2: Expecting ',' delimiter: put a comma between two records"),
        ('[{"a": 1},\n 3]', ", line 2: a number stands where an object must: write {…}"),
        ('[{"a": 1},\n]', ", line 2, column 1: Expecting value: repair that record or remove it"),
        ('[{"a": 1}]\n[', ", line 2, column 1: the file goes on behind the end of its array: remove what stands there"),
        ('[{"a": 1},\n{"b": NaN}]', ", line 2, column 7: NaN is no JSON: write null instead"),
        (
            '[{"a": 1},\n{"b": 1, "b": 2}]',
            ", line 2, column 1: the key 'b' is there twice: remove or rename one of them",
        ),
        (b'[{"a": 1},\n {"b": "\xff"}]', ", line 2: byte 9 of the line (0xff) is not UTF-8: save the file as UTF-8"),
        ("3", ", line 1: a number stands where an object must: write {…}"),
    ],
)
def test_what_is_wrong_with_a_json_array(tmp_path: Path, content: str | bytes, said: str) -> None:
    assert problem(write(tmp_path, "a.json", content)) == said


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a,b\n1,2\n3\n", ", line 3: 1 values under 2 columns: quote values that hold commas"),
        ("a,b\n\n1,2,3\n", ", line 3: 3 values under 2 columns: quote values that hold commas"),
        ("a,b,a\n1,2,3\n", ", line 1: the column 'a' is there twice: the first line must name every column once"),
        ("a,,b\n1,2,3\n", ", line 1: a column has no name: the first line must name every column once"),
        ('a,b\n1,2\n3,"4\n5,6\n', ", line 3: unexpected end of data: check the quotes of that row"),
        (b"a\n1\n\xfc\n", ", line 3: byte 1 of the line (0xfc) is not UTF-8: save the file as UTF-8"),
        ("a,b\n", " holds no records: it needs at least one"),
    ],
)
def test_what_is_wrong_with_csv(tmp_path: Path, content: str | bytes, said: str) -> None:
    assert problem(write(tmp_path, "a.csv", content)) == said


def test_csv_values_may_be_long(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", 'a\n"' + "x" * 300_000 + '"\n')
    assert [len(row["a"]) for _, row in read_csv(path)] == [300_000]


def test_parquet_values_become_json(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    day = datetime.date(2024, 2, 29)
    pl.DataFrame(
        {
            "text": ["ä", None],
            "number": [1, 2],
            "real": [0.5, float("nan")],
            "day": [day, None],
            "at": [datetime.datetime(2024, 2, 29, 12, 30, tzinfo=datetime.UTC)] * 2,
            "price": [decimal.Decimal("1.50"), None],
            "nested": [[{"x": 1.5, "days": [day]}], []],
        }
    ).write_parquet(path)
    assert list(read_parquet(path)) == [
        (
            1,
            {
                "text": "ä",
                "number": 1,
                "real": 0.5,
                "day": "2024-02-29",
                "at": "2024-02-29T12:30:00+00:00",
                "price": "1.50",
                "nested": [{"x": 1.5, "days": ["2024-02-29"]}],
            },
        ),
        (
            2,
            {
                "text": None,
                "number": 2,
                "real": None,
                "day": None,
                "at": "2024-02-29T12:30:00+00:00",
                "price": None,
                "nested": [],
            },
        ),
    ]


def test_what_is_wrong_with_parquet(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    refused = {
        "'raw' is of type Binary": pl.DataFrame({"raw": [b"x"]}),
        "'raw.inner' is of type Binary": pl.DataFrame({"raw": [[{"inner": b"x"}]]}),
        "'time' is of type Duration": pl.DataFrame({"time": [datetime.timedelta(1)]}),
    }
    for said, frame in refused.items():
        frame.write_parquet(path)
        assert said in problem(path)
    pl.DataFrame({"x": [1.0, float("inf")]}).write_parquet(path)
    assert problem(path) == ", row 2: the column 'x' is inf: write null instead"
    pl.DataFrame({"x": []}).write_parquet(path)
    assert problem(path) == " holds no records: it needs at least one"
    whole = path.read_bytes()
    for broken in (whole[:-9], b"no parquet at all"):
        path.write_bytes(broken)
        said = problem(path)
        assert said.startswith(" cannot be read as Parquet (") and said.endswith(
            "): check that it is a whole Parquet file"
        )


def test_files_that_cannot_be_opened(tmp_path: Path) -> None:
    write(tmp_path, "seeds.jsonl", '{"a": 1}')
    assert problem(tmp_path / "seed.jsonl") == (
        f" does not exist: check the name; did you mean '{tmp_path / 'seeds.jsonl'}'?"
    )
    assert problem(tmp_path / "x.csv") == " does not exist: check the name; there are: seeds.jsonl"
    assert (
        problem(tmp_path / "no" / "x.csv") == f" does not exist, nor does the folder {tmp_path / 'no'}: check the path"
    )
    assert problem(tmp_path / "x.txt").startswith(": the suffix '.txt' tells no format: use one of .jsonl, .ndjson,")
    folder = tmp_path / "seeds.json"
    folder.mkdir()
    write(folder, "a.jsonl", "{}")
    assert problem(folder) == " is a directory: name a file in it; there are: a.jsonl"
    loop = tmp_path / "loop.jsonl"
    loop.symlink_to(loop)
    assert " cannot be read (" in problem(loop)
    os.mkfifo(tmp_path / "pipe.jsonl")
    assert problem(tmp_path / "pipe.jsonl") == " is no regular file: write what it gives into one first"


def test_formats_are_known_by_suffix(tmp_path: Path) -> None:
    assert [kind_of(Path(f"a.{s}")) for s in ("jsonl", "NDJSON", "json", "csv", "parquet")] == [
        "jsonl",
        "jsonl",
        "json",
        "csv",
        "parquet",
    ]
    assert kind_of(Path("a.txt"), "csv") == "csv"
    assert (unit("csv"), unit("parquet")) == ("line", "row")
    assert list(read_rows(write(tmp_path, "a.txt", "a\n1\n"), "csv")) == [(2, {"a": "1"})]


MEASURE = """
import resource, sys
from pathlib import Path
from synthkit.core.files import read_rows
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for _ in read_rows(Path(sys.argv[1])): pass
before = peak()
count = sum(1 for _ in read_rows(Path(sys.argv[2])))
print(count, peak() - before)
"""


@pytest.mark.parametrize("suffix", ["jsonl", "json", "csv"])
def test_memory_does_not_grow_with_the_file(tmp_path: Path, suffix: str) -> None:
    """200,000 lines (20 MB and more) need as much as 5,000 do."""
    paths = []
    for count in (5_000, 200_000):
        rows = (f"row {n} " + "x" * 90 for n in range(count))
        if suffix == "csv":
            text = "a\n" + "\n".join(rows)
        else:
            text = (",\n" if suffix == "json" else "\n").join(f'{{"a": "{row}"}}' for row in rows)
        paths.append(write(tmp_path, f"{count}.{suffix}", f"[{text}]" if suffix == "json" else text))
    done = subprocess.run([sys.executable, "-c", MEASURE, *map(str, paths)], capture_output=True, text=True, check=True)
    count, grown = map(int, done.stdout.split())
    assert count == 200_000
    assert grown * 1024 < 4_000_000, f"{grown} KB more"
