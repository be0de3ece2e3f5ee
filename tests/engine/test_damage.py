"""Run folders that lost something: a run says so, and nothing short of it is taken for all."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from engine_kit import doubled, even, numbers

import synthkit as sk
from synthkit.engine import api, ledger, source
from synthkit.engine.book import Book
from synthkit.engine.result import Result
from synthkit.engine.store import Store, read_state
from synthkit.errors import PipelineError, StoreError
from synthkit.models.project import find_project
from synthkit.steps import Drop, Shuffle


@sk.step(reads="n", writes=("instruction", "output"))
def worded(record: sk.Record) -> sk.Fields:
    return {"instruction": f"say {record['n']}", "output": "n" * (record["n"] % 7 + 1)}


BODY = sk.Pipeline("p") >> numbers(top=100) >> even >> doubled >> worded
PIPELINES = {"body": BODY, "end": BODY >> Shuffle() >> Drop("n")}
GONE = "records: put the files back that are missing, or start a new run, which gets its answers from the journal"


@pytest.fixture(params=sorted(PIPELINES))
def done(project: Path, request: pytest.FixtureRequest) -> Path:
    result = api.run(PIPELINES[request.param], folder=project / "run", shard=16)
    assert (result.status, len(result.accepted)) == ("complete", 50)
    result.verify()
    return result.folder


def test_each_part_is_missed_before_an_export_and_before_files_are_written_again(done: Path, project: Path) -> None:
    files = sorted(done.rglob("*.zst"))
    assert len(files) >= 7
    (done / "accepted.jsonl").unlink()
    for path in files:
        aside = path.rename(project / "aside")
        for attempt in (lambda: Result(done).export("out.jsonl:alpaca"), lambda: api.mend(done)):
            with pytest.raises(StoreError) as caught:
                attempt()
            assert str(caught.value).startswith(f"{path.parent} holds ")
            assert str(caught.value).endswith(GONE)
        aside.rename(path)
    assert not (project / "out.jsonl").exists() and not (done / "accepted.jsonl").exists()
    assert Result(done).export("out.jsonl:alpaca")[0]["written"] == 50
    assert api.mend(done) == ["accepted.jsonl"]
    assert len((done / "accepted.jsonl").read_bytes().splitlines()) == 50


def test_a_record_that_no_part_holds(done: Path) -> None:
    id = json.loads((done / "accepted.jsonl").read_text().splitlines()[0])["_id"]
    shutil.rmtree(done / "parts")
    with Book(done, find_project(done)) as book:
        assert book.find("1") == id
        with pytest.raises(StoreError, match=f"no part in {done}/parts holds the record {id}: put the files back"):
            book.lineage(id)


def test_a_folder_of_parts_that_cannot_be_read_is_no_empty_one(done: Path) -> None:
    place = done / "parts/rounds/00000/stage-00"
    shutil.rmtree(place)
    place.write_text("no folder")
    with pytest.raises(StoreError, match=rf"cannot read {place} \(Not a directory\): make it a folder"):
        list(Result(done).rejects())


def test_the_list_of_what_is_tried_again_is_missed(project: Path) -> None:
    @sk.step(reads="n", writes="m")
    def fails(record: sk.Record) -> sk.Fields:
        raise ValueError("no")

    folder = (sk.Pipeline("p") >> numbers(top=4) >> even).run(folder="run").folder
    store = Store.open(folder, write=False)
    store.rounds.append({"index": 1, "want": 1, "start": 0, "made": 1, "ended": False, "retry": True, "accepted": 0})
    with pytest.raises(StoreError, match=r"cannot read .*/retry\.jsonl: No such file or directory: put it back"):
        ledger.verify(store, Result(folder).shape)


WRONG: list[tuple[str, Any]] = [
    ("rounds", [1]), ("rounds", [{"index": 0}]), ("rounds", [{"index": 0, "want": 1, "start": 0, "made": "x"}]),
    ("written", ["x"]), ("written", [{"path": "a", "format": "b", "written": "many"}]), ("notes", [1]), ("notes", "x"),
    ("dropped_wishes", []), ("dropped_wishes", {"m": "top_k"}), ("journal", "x"), ("journal", {"problems": 3}),
    ("ended", 7), ("reason", None), ("totals", {"a": {}}), ("unfinished", {"asked": 1}), ("bill", {"lines": []}),
    ("settings", {}), ("exports", [1]), ("inputs", {"a": 1}), ("target", "ten"), ("source", 1),
    ("shape", {"generator": "g", "stages": [], "end": 0, "target": None}), ("shape", {"generator": "g"}),
]  # fmt: skip


@pytest.mark.parametrize(("key", "value"), WRONG, ids=[f"{key}-{n}" for n, (key, _) in enumerate(WRONG)])
def test_a_key_of_a_wrong_kind_is_named(project: Path, key: str, value: Any) -> None:
    folder = (sk.Pipeline("p") >> numbers(top=2)).run(folder="run").folder
    state = read_state(folder)
    (folder / "run.json").write_text(json.dumps({**state, key: value}))
    with pytest.raises(StoreError) as caught:
        read_state(folder)
    said = f"{folder}/run.json is damaged ({key!r} is missing or wrong): it is not what synthkit wrote"
    assert str(caught.value) == said


FULL = """
import resource, sys
sys.path.insert(0, {here!r})
from test_damage import *
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
try:
    BODY.run(folder={folder!r})
except StoreError as error:
    print(error)
"""


@pytest.mark.parametrize(("limit", "said"), [(0, "cannot write in new: "), (100, "cannot write new/")])
def test_a_run_that_cannot_begin_leaves_nothing(project: Path, limit: int, said: str) -> None:
    code = FULL.format(here=str(Path(__file__).parent), limit=limit, folder="new")
    with (project / "out").open("wb+") as out:
        reader, writer = os.pipe()  # a pipe has no limit
        done = subprocess.run([sys.executable, "-c", code], cwd=project, stdout=writer, stderr=out, timeout=60)
        os.close(writer)
        with os.fdopen(reader) as told:
            text = told.read()
        assert done.returncode == 0, out.read()
    assert text.startswith(said) and "File too large" in text
    assert not (project / "new").exists()
    assert BODY.run(folder="new").status == "complete"


def test_a_lock_that_was_there_stays(project: Path) -> None:
    (project / "new").mkdir()
    (project / "new/run.lock").write_text("before")
    code = FULL.format(here=str(Path(__file__).parent), limit=0, folder="new")
    done = subprocess.run([sys.executable, "-c", code], cwd=project, capture_output=True, text=True, timeout=60)
    assert done.stdout.startswith("cannot write in new: "), done.stderr
    assert (project / "new/run.lock").exists()


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    before = sys.path[:]
    yield tmp_path / "damaged_pipeline.py"
    sys.path[:] = before


HEAD = "import synthkit as sk\nfrom synthkit.generators import Rows\nfrom pathlib import Path\nclass Own:\n    pass\n"
BODY_OF = " -> sk.Pipeline:\n    return sk.Pipeline('p') >> Rows([{'n': 1}])\n"
DEFAULTS = [
    ('x: "Nope" = 1', "the types of the pipeline function cannot be read (NameError: name 'Nope' is not defined): "),
    (
        'x: int = "abc"',
        "the default of the parameter 'x' of the pipeline function is 'abc': Input should be a valid int",
    ),
    ('x: int = "5"', "the default of the parameter 'x' of the pipeline function is '5': Input should be a valid int"),
    ("x: list[int] = ('a',)", "the default of the parameter 'x' of the pipeline function is ('a',): Input should be"),
]


@pytest.mark.parametrize(("parameter", "said"), DEFAULTS)
def test_parameters_that_cannot_be(path: Path, parameter: str, said: str) -> None:
    path.write_text(f"{HEAD}def pipeline({parameter}){BODY_OF}")
    with pytest.raises(PipelineError) as caught:
        source.load(path).pipeline({})
    assert str(caught.value).startswith(f"{path}: {said}")


def test_defaults_that_can_be(path: Path) -> None:
    several = "a: int = None, b: float = 1, c: Path = 'x', d: list[str] = ('a',), e: Own = Own(), f: str | None = None"
    path.write_text(f"{HEAD}def pipeline({several}){BODY_OF}")
    assert source.load(path).pipeline({}).name == "p"
    with pytest.raises(PipelineError, match="the parameter 'e' of the pipeline function has a type that no option"):
        source.load(path).pipeline({"e": "x"})


def test_a_pipeline_file_that_cannot_be_read(path: Path) -> None:
    long = path.with_name("n" * 300 + ".py")
    with pytest.raises(PipelineError, match=r"cannot read .*\.py \(File name too long\): make it readable"):
        source.load(long)
    path.write_text(HEAD)
    path.chmod(0)
    if os.access(path, os.R_OK):
        return  # nothing is closed to this user
    with pytest.raises(PipelineError, match=r"cannot read .*\.py \(Permission denied\): make it readable"):
        source.load(path)
