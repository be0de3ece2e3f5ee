"""Map: what it finds out of a function, how it runs it, and what it refuses."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import mapped
import pytest
from steps_kit import accepted, reasons, refused, run, same_bytes

import synthkit as sk
from synthkit.core import IO, Have
from synthkit.core.component import build, spec
from synthkit.engine import api
from synthkit.errors import PipelineError
from synthkit.generators import Rows
from synthkit.plugins import registry
from synthkit.steps import Map

HAVE = Have(frozenset({"text"}), frozenset({"note"}))
ROWS: list[dict[str, Any]] = [{"text": "one two"}, {"text": "x", "note": "why"}]
TEXT = IO.of({"text": str})


@pytest.mark.parametrize(
    ("step", "io", "made"),
    [
        (Map(mapped.shout), IO.of("text", "loud"), [{"loud": "ONE TWO"}, {"loud": "X"}]),
        (Map(mapped.words, into="n"), IO.of({"text": str}, "n"), [{"n": 2}, {"n": 1}]),
        (Map(len, "text", into="n"), IO.of("text", "n"), [{"n": 7}, {"n": 1}]),
        (Map(str.title, "text"), IO.of("text", "text"), [{"text": "One Two"}, {"text": "X"}]),
        (Map(mapped.Tools.clean, "text"), IO.of("text", "text"), [{"text": "one two"}, {"text": "x"}]),
        (Map(mapped.words, "text"), IO.of({"text": str}, "text"), [{"text": 2}, {"text": 1}]),
        (
            Map(mapped.both),
            IO.of({"text": str}, ["line", "length"], optional="note"),
            [{"line": "one two none", "length": 7}, {"line": "x why", "length": 1}],
        ),
        (
            Map(mapped.graded),
            IO.of("text", "grade", maybe="why", optional="note"),
            [{"grade": 3}, {"grade": 1, "why": "why"}],
        ),
        (
            Map(mapped.repeats),
            IO.of("text", ["text", "n"]),
            [{"text": "one twoone two", "n": 1}, {"text": "xx", "n": 1}],
        ),
        (Map(mapped.hidden, writes="loud"), IO.of("text", "loud"), [{"loud": "ONE TWO"}, {"loud": "X"}]),
        (Map(mapped.hidden, writes=["loud"], reads=[]), IO.of((), "loud"), [{"loud": "ONE TWO"}, {"loud": "X"}]),
        (Map(mapped.later), IO.of({"text": str}, "later"), [{"later": "one two"}, {"later": "x"}]),
        (Map(mapped.cached), IO.of({"text": str}, "cached"), [{"cached": "one two"}, {"cached": "x"}]),
        (Map(mapped.wrapped), IO.of("text", "text"), [{"text": "one two!!"}, {"text": "x!!"}]),
        (Map(json.dumps, "text"), IO.of("text", "text"), [{"text": '"one two"'}, {"text": '"x"'}]),
        (Map(str, "text", into="again"), IO.of("text", "again"), [{"again": "one two"}, {"again": "x"}]),
    ],
    ids=lambda value: value.name if isinstance(value, Map) else "",
)
def test_what_a_function_reads_and_makes(step: Map, io: IO, made: list[dict[str, Any]], project: Path) -> None:
    assert step.io(HAVE) == io
    assert build(json.loads(json.dumps(spec(step, api.Names(registry())))), api.Names(registry())) == step
    assert accepted(run(ROWS, step)) == [{**row, **new} for row, new in zip(ROWS, made, strict=True)]


@pytest.mark.parametrize(
    ("step", "column"),
    [
        (Map(mapped.sentences), "sentence"),
        (Map(mapped.parts), "part"),
        (Map(mapped.many, writes="one", fans_out=True), "one"),
    ],
)
def test_lists_and_generators_make_records(step: Map, column: str, project: Path) -> None:
    assert step.io(HAVE).fans_out
    rows = [{"text": "a. b. c"}, {"text": "d"}]
    result = same_bytes(rows, step)
    glue = ". " if step.name == "sentences" else " "
    assert [row[column] for row in accepted(result)] == [part for row in rows for part in row["text"].split(glue)]
    if step.name == "parts":
        assert step.io(HAVE).writes == ("part", "inner")


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (Map(mapped.shout), ""),
        (Map(mapped.hidden), "its code does not show which columns hidden makes: say Map(hidden, writes=[…]) if it"),
        (Map(mapped.words), "its code does not show which columns words makes: say Map(words, writes=[…]) if it"),
        (Map(mapped.changes), "changes changes its record, which never changes: let it return {'loud': …} instead"),
        (Map(mapped.picky), "its code does not show which columns picky makes"),
        (Map(len), "which columns len takes cannot be seen: name them, as in Map(len, 'text', into='…')"),
        (Map(mapped.anything, into="x"), "which columns anything takes cannot be seen"),
        (Map(mapped.options), "options takes no column: give it a parameter called like one, or `record`"),
        (Map(len, "txt", into="n"), "column 'txt', which nothing before it writes; did you mean 'text'?"),
        (Map(mapped.words, "note", into="n"), "column 'note', which only some records have there"),
        (Map(mapped.shout, into="x", writes="y"), "give either `into`, the column of its result, or `writes`"),
        (Map(len, "text", into="n", reads="text"), "it names the columns to take already: leave `reads` out"),
        (Map(len, "text", "text", into="n"), "the column 'text' is named twice to take"),
        (Map(mapped.shout, into=""), "'' cannot be a column's name"),
    ],
)
def test_what_cannot_be_known_is_asked_for(step: Map, said: str) -> None:
    assert refused(HAVE, step).startswith(said) and bool(refused(HAVE, step)) == bool(said)


def test_a_column_that_the_code_reads_is_missed_before_the_run() -> None:
    assert refused(Have(frozenset({"txt"})), Map(mapped.shout)) == (
        "column 'text', which nothing before it writes; did you mean 'txt'?"
    )
    assert refused(Have(frozenset({"txt"})), Map(mapped.shout, reads=[])) == ""


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda text: {"n": 1}, "map.function: a lambda has no name by which a resumed run can find it: write it as"),
        (
            mapped.without_a_name,
            "called.function: called is defined inside a function, where a resumed run cannot find",
        ),
        ("abc".join, "join.function: join belongs to one object, which a resumed run cannot find: write a function"),
    ],
)
def test_a_function_that_no_other_process_finds_is_refused(function: Any, said: str) -> None:
    pipeline = sk.Pipeline("p") >> Rows(ROWS) >> Map(function, "text", into="n")
    with pytest.raises(PipelineError) as caught:
        api.check(pipeline, api.Settings())
    assert str(caught.value).startswith(said)


def test_what_is_no_function_is_refused() -> None:
    with pytest.raises(PipelineError, match="a_step is a part of a pipeline already: write `>> a_step` without Map"):
        Map(mapped.a_step)
    with pytest.raises(PipelineError, match="Map: function: Input should be callable"):
        Map("shout")  # type: ignore[arg-type]


def test_it_is_called_like_its_function() -> None:
    assert [Map(f).name for f in (mapped.shout, mapped.a_step.function, len, str.upper)] == [
        "shout",
        "a-step",
        "len",
        "upper",
    ]
    assert Map(mapped.shout, label="x").name == "x"


def test_a_verdict_drops_and_an_error_fails_its_record(project: Path) -> None:
    result = run(ROWS, Map(mapped.picky, writes="fine"))
    assert [dict(record) for record in result.accepted] == [{"text": "one two", "fine": True}]
    assert reasons(result) == [("too short", "x")]
    assert reasons(run(ROWS, Map(mapped.fails, into="n")), "failed") == [
        ("ValueError", "ValueError: no one two"),
        ("ValueError", "ValueError: no x"),
    ]
    empty = reasons(run(ROWS, Map(mapped.nothing, writes="n")), "failed")
    assert empty[0][1] == "nothing returned None: a step returns a mapping of columns, a list of them, or a Verdict"


PIPELINE = """
import synthkit as sk
from synthkit.generators import Rows
from synthkit.steps import Map
from helpers import clean

def loud(record):
    return {"loud": record["text"].upper()}

def pipeline() -> sk.Pipeline:
    return sk.Pipeline("own") >> Rows([{"text": " a "}, {"text": "b"}]) >> Map(clean, "text") >> Map(loud)
"""


def test_functions_of_a_pipeline_file_and_of_its_neighbours_are_found_again(project: Path) -> None:
    (project / "own.py").write_text(PIPELINE)
    (project / "helpers.py").write_text("def clean(text):\n    return text.strip()\n")

    def synthkit(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "synthkit.cli.main", *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=60)

    checked = synthkit("check", "own.py")
    assert checked.returncode == 0, checked.stderr
    assert "loud   step       text   loud" in checked.stdout
    done = synthkit("run", "own.py", "--quiet")
    assert done.returncode == 0, done.stderr
    result = api.Result(project / "runs" / "own-001")
    assert [record["loud"] for record in result.accepted] == ["A", "B"]
    (project / "own.py").unlink()
    (project / "helpers.py").unlink()
    again = synthkit("resume", "own-001", "--quiet")
    assert again.returncode == 0, again.stderr


NOTEBOOK = """
import synthkit as sk
from synthkit.generators import Rows
from synthkit.steps import Map

def loud(record):
    return {"loud": record["text"].upper()}

result = (sk.Pipeline("script") >> Rows([{"text": "a"}]) >> Map(loud)).run()
print(result.status, [record["loud"] for record in result.accepted])
"""


@pytest.mark.parametrize("how", ["script", "cell"])
def test_a_function_of_a_script_and_of_a_cell(project: Path, how: str) -> None:
    if how == "script":
        (project / "it.py").write_text(NOTEBOOK)
        command = [sys.executable, "it.py"]
    else:  # as notebooks do it: the source is known by the cell's name, and the module is __main__
        code = (
            "import linecache; s = {0!r}; linecache.cache['<cell 1>'] = (len(s), None, s.splitlines(True), '<cell 1>')"
        )
        command = [sys.executable, "-c", f"{code.format(NOTEBOOK)}\nexec(compile(s, '<cell 1>', 'exec'))"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.stdout == "complete ['A']\n", done.stderr


def test_without_its_source_it_says_what_to_write(project: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", NOTEBOOK.replace("Map(loud)", "Map(loud, writes='loud')")],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.stdout == "complete ['A']\n", done.stderr
