"""A project that was moved or copied, and exports that must not harm what is there."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import synthkit as sk
from synthkit.engine import api
from synthkit.errors import PipelineError
from synthkit.generators import LoadRecords
from synthkit.testing import LoopbackServer, steady

Serve = Callable[..., LoopbackServer]


class Say(sk.Prompt):
    """Asks about a number."""

    template = "Say something about {{ instruction }}"
    into = "output"


def seeds(folder: Path, count: int = 20) -> Path:
    path = folder / "seeds.jsonl"
    path.write_text("".join(json.dumps({"instruction": f"n{n}"}) + "\n" for n in range(count)), "utf-8")
    return path


@pytest.mark.parametrize("how", [shutil.move, shutil.copytree])
def test_a_moved_project_goes_on_with_its_own_journal(
    serve: Serve, project: Path, monkeypatch: pytest.MonkeyPatch, how: Callable[[Path, Path], object]
) -> None:
    home = project / "home"
    home.mkdir()
    monkeypatch.chdir(home)
    server = serve(answer=steady)
    shutil.move(project / "synthkit.toml", home / "synthkit.toml")
    path = seeds(home)
    (home / "out").mkdir()
    pipeline = sk.Pipeline("p") >> LoadRecords(path=path) >> Say(model="m")
    first = api.run(pipeline, exports=["out/t.jsonl:alpaca"], max_rounds=1)
    assert first.status == "complete" and server.count == 20
    shutil.rmtree(first.folder / "parts")
    state = json.loads((first.folder / "run.json").read_text("utf-8"))
    (first.folder / "run.json").write_text(json.dumps({**state, "rounds": [], "status": "partial"}), "utf-8")
    (home / "out" / "t.jsonl").unlink()
    how(home, project / "away")
    monkeypatch.chdir(project)
    again = api.resume(project / "away" / "runs" / "p-001")
    assert again.status == "complete"
    assert server.count == 20, "all of it is in the journal that came along"
    assert len((project / "away" / "out" / "t.jsonl").read_text("utf-8").splitlines()) == 20
    assert not (home / "out" / "t.jsonl").exists()


def test_an_export_whose_folder_is_gone_goes_into_the_run_folder(serve: Serve, project: Path) -> None:
    serve(answer=steady)
    (project / "out").mkdir()
    pipeline = sk.Pipeline("p", target=10) >> LoadRecords(path=seeds(project)) >> Say(model="m")
    first = api.run(pipeline, exports=["out/t.jsonl:alpaca"])
    shutil.rmtree(project / "out")
    again = api.resume(first.folder)
    assert again.state["written"][0]["path"] == str(first.folder / "t.jsonl")
    assert len((first.folder / "t.jsonl").read_text("utf-8").splitlines()) == 10


def test_an_export_does_not_replace_what_the_pipeline_reads(project: Path) -> None:
    path = seeds(project)
    before = path.read_bytes()
    pipeline = sk.Pipeline("p") >> LoadRecords(path=path) >> Say(model="demo/default")
    with pytest.raises(PipelineError, match="the pipeline reads that file: export to another one"):
        api.run(pipeline, exports=["seeds.jsonl:alpaca"])
    assert path.read_bytes() == before


def test_nothing_does_not_replace_an_earlier_export(project: Path) -> None:
    Path("t.jsonl").write_text('{"good": "work"}\n', "utf-8")
    none = sk.Pipeline("p", target=5) >> LoadRecords(path=seeds(project)) >> Say(model="demo/default") >> nothing
    result = api.run(none, exports=["t.jsonl:alpaca"])
    assert (result.status, result.state["written"]) == ("partial", [])
    assert Path("t.jsonl").read_text("utf-8") == '{"good": "work"}\n'


@sk.filter(reads="output")
def nothing(record: sk.Record) -> bool:
    """Lets nothing pass."""
    return False
