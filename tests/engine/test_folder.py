"""The run folder: who holds it, what it says when something in it is not what was written, and what it records."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from engine_kit import Ask, adds_up, doubled, even, numbers

import synthkit as sk
from synthkit.engine import api, parts
from synthkit.engine.result import Result
from synthkit.engine.store import Store, holder
from synthkit.errors import LockedError, StoreError
from synthkit.testing import LoopbackServer, Reply, steady

Serve = Callable[..., LoopbackServer]
MAGIC = b"\x28\xb5\x2f\xfd"
"""How what zstd has compressed begins."""
PIPELINE = sk.Pipeline("p", target=50) >> numbers(top=200) >> even >> doubled


@pytest.fixture
def done(project: Path) -> Path:
    """The folder of a run of two rounds that is complete."""
    result = adds_up(api.run(PIPELINE, folder=project / "run", shard=16))
    assert result.status == "complete" and len(result.state["rounds"]) == 2
    return result.folder


def test_a_second_process_is_refused_and_told_who_is_there(serve: Serve, project: Path) -> None:
    server = serve(answer=lambda request: Reply(text="late", delay=5))
    code = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from engine_kit import *\n"
        "(sk.Pipeline('p') >> numbers(top=3) >> Ask(model='m')).run(folder='run')"
    )
    process = subprocess.Popen([sys.executable, "-c", code], cwd=project, env=os.environ.copy())
    try:
        server.wait(1)
        with pytest.raises(LockedError) as caught:
            api.resume(project / "run")
        said = str(caught.value)
        assert said.startswith(f"{project}/run is in use by process {process.pid} on ")
        assert said.endswith(": wait for it, or stop it first")
        assert f"process {process.pid} on" in str(holder(project / "run"))
        with pytest.raises(LockedError, match=f"in use by process {process.pid} on"):
            (sk.Pipeline("p") >> numbers(top=3) >> Ask(model="m")).run(folder="run")
        assert Result(project / "run").status == "running", "looking needs no lock"
    finally:
        process.kill()
        process.wait()
    assert holder(project / "run") is None, "a lock ends with its process"
    server.stop()
    assert holder(project / "nothing") is None


def test_two_runs_of_one_project_have_folders_of_their_own(serve: Serve, project: Path) -> None:
    serve(answer=steady, latency=0.05)
    code = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from engine_kit import *\n"
        "print((sk.Pipeline('p') >> numbers(top=9) >> Ask(model='m')).run(seed=int(sys.argv[1])).folder.name)"
    )
    command = [sys.executable, "-c", code]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "text": True, "cwd": project, "env": os.environ.copy()}
    processes = [subprocess.Popen([*command, str(seed)], **pipes) for seed in range(3)]
    names = [process.communicate(timeout=60)[0].strip() for process in processes]
    assert sorted(names) == ["p-001", "p-002", "p-003"]
    for name in names:
        assert len(adds_up(Result(project / "runs" / name)).accepted) == 9


def test_a_run_in_this_process_holds_its_folder(done: Path) -> None:
    store = Store.open(done)
    with pytest.raises(LockedError, match=f"is in use by process {os.getpid()} on"):
        api.resume(done)
    store.close()
    assert api.resume(done).status == "complete"


BROKEN: list[tuple[Any, str]] = [
    (None, "{0} holds no run: there is no run.json in it"),
    ("", "{0}/run.json is damaged (Expecting value: line 1 column 1 (char 0)): it is not what synthkit wrote"),
    ('{"version": 1, "status', "{0}/run.json is damaged (Unterminated string"),
    (b"\xff\xfe", "{0}/run.json is damaged ('utf-8' codec can't decode byte 0xff"),
    ("[1]", "{0}/run.json is damaged (it names no format of a run): it is not what synthkit wrote"),
    (
        '{"version": 99}',
        "{0}/run.json was made by a newer synthkit (run format 99; this one reads 1): upgrade synthkit",
    ),
]


@pytest.mark.parametrize(("content", "said"), BROKEN, ids=["missing", "empty", "cut", "bytes", "list", "newer"])
def test_a_run_json_that_is_not_ours(done: Path, content: Any, said: str) -> None:
    file = done / "run.json"
    before = file.read_bytes()
    file.unlink()
    if content is not None:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    for attempt in (lambda: api.resume(done), lambda: Result(done)):
        with pytest.raises(StoreError) as caught:
            attempt()
        assert str(caught.value).startswith(said.format(done))
    file.write_bytes(before)
    assert api.resume(done).status == "complete", "nothing else was touched"


def test_a_folder_that_is_none(project: Path, done: Path) -> None:
    with pytest.raises(StoreError, match=f"{project}/nun holds no run: there is no run.json in it; there are {done}"):
        api.resume(project / "nun")
    with pytest.raises(StoreError, match=f"{done}/run.json is a file, not a run folder"):
        api.resume(done / "run.json")


def part_files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.zst"))


def flipped(data: bytes) -> bytes:
    middle = len(data) * 2 // 3
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


def header(data: bytes) -> bytes:
    return data[: data.index(MAGIC, 1)]


def sizeless(data: bytes) -> bytes:
    """The size that the second frame tells of is none: zstd would take it for empty, and look no further."""
    size = data.index(MAGIC, 1) + 5
    return data[:size] + bytes(4) + data[size + 4 :]


@pytest.mark.parametrize("how", ["cut", "header", "sizeless", "longer", "empty", "flipped", "other"])
def test_a_part_that_is_damaged_is_named(done: Path, how: str) -> None:
    path = part_files(done)[1]
    data = path.read_bytes()
    cut = data[: len(data) // 2]
    forms = {
        "cut": cut, "header": header(data), "sizeless": sizeless(data), "longer": data + data, "empty": b"",
        "flipped": flipped(data), "other": b"hello",
    }  # fmt: skip
    path.write_bytes(forms[how])
    with pytest.raises(StoreError) as caught:
        Result(done).accepted  # noqa: B018
    assert str(caught.value).startswith(f"{path} is damaged (")
    assert str(caught.value).endswith(
        "): put it back from a copy, or start a new run, which gets its answers from the journal"
    )
    with pytest.raises(StoreError, match=f"{path} is damaged"):
        api.resume(done)
    path.write_bytes(data)
    assert len(adds_up(api.resume(done)).accepted) == 50


def test_a_part_of_another_version_is_named(done: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "VERSION", 3)
    with pytest.raises(
        StoreError, match=r"\.zst was written by another version of synthkit \(format 2\): use that one"
    ):
        Result(done).accepted  # noqa: B018
    monkeypatch.setattr(parts, "VERSION", 1)
    said = r"\.zst was made by a newer synthkit \(part format 2; this one reads 1\): upgrade synthkit"
    with pytest.raises(StoreError, match=said):
        Result(done).accepted  # noqa: B018


@pytest.mark.parametrize("number", [0, 3, -1])
def test_a_part_that_is_missing_is_noticed(done: Path, number: int) -> None:
    path = part_files(done)[number]
    data = path.read_bytes()
    path.unlink()
    before = (done / "accepted.jsonl").read_bytes()
    with pytest.raises(StoreError) as caught:
        api.resume(done)
    assert str(caught.value).startswith(f"{path.parent} holds ")
    assert str(caught.value).endswith(
        "records: put the files back that are missing, or start a new run, which gets its answers from the journal"
    )
    with pytest.raises(StoreError, match="records: put the files back"):
        PIPELINE.run(folder=done)
    assert (done / "accepted.jsonl").read_bytes() == before
    path.write_bytes(data)
    assert api.resume(done).status == "complete"


def test_parts_of_a_round_that_is_not_done_are_made_again(serve: Serve, project: Path) -> None:
    server = serve(answer=steady, faults=None, key=None)
    pipeline = sk.Pipeline("p") >> numbers(top=64) >> Ask(model="m")
    whole = api.run(pipeline, folder=project / "whole", shard=16)
    cut = project / "cut"
    shutil.copytree(whole.folder, cut)
    state = json.loads((cut / "run.json").read_text())
    state["rounds"] = [{"index": 0, "want": state["rounds"][0]["want"], "start": 0}]
    (cut / "run.json").write_text(json.dumps(state))
    for path in part_files(cut)[1:3]:
        path.unlink()
    (cut / "parts/rounds/00000/stage-00/.00000001-0000.zst.tmp").write_bytes(b"half")
    count = server.count
    last = adds_up(api.resume(cut))
    assert (last.status, server.count) == ("complete", count), "their answers are in the journal"
    assert (cut / "accepted.jsonl").read_bytes() == (whole.folder / "accepted.jsonl").read_bytes()
    assert not list(cut.rglob("*.tmp"))


def test_parts_of_a_shard_never_take_another_s_place(project: Path) -> None:
    place = project / "stage"
    records = [sk.Record.generated("g", {"n": n}, 0) for n in range(4)]
    entries = [parts.Entry(n, record.id, (record,), ()) for n, record in enumerate(records)]
    saved = [parts.save(place, parts.Part(3, [entry])) for entry in entries[:3]]
    assert [path.name for path in saved] == ["00000003-0000.zst", "00000003-0001.zst", "00000003-0002.zst"]
    saved[0].unlink()
    assert parts.save(place, parts.Part(3, [entries[3]])).name == "00000003-0003.zst"
    assert [entry.index for entry in parts.entries(place)] == [1, 2, 3]


def test_other_people_s_files_are_left_alone(project: Path) -> None:
    pipeline = sk.Pipeline("p") >> numbers(top=3)
    assert pipeline.run(folder="run").status == "complete"
    (project / "run/notes.txt").write_text("mine")
    (project / "run/sub").mkdir()
    (project / "run/sub/.swap.tmp").write_text("mine")
    assert pipeline.run(folder="run").status == "complete"
    assert (project / "run/notes.txt").read_text() == (project / "run/sub/.swap.tmp").read_text() == "mine"


def test_what_a_run_records(serve: Serve, project: Path) -> None:
    serve(answer=steady)
    with (project / "synthkit.toml").open("a") as file:
        file.write("[prices.m]\ninput = 2\noutput = 2\n")
    result = (sk.Pipeline("p", target=4) >> numbers(top=9) >> Ask(model="m")).run(seed=5)
    state = result.state
    assert {"name": "p", "target": 4, "status": "complete", "version": 1}.items() <= state.items()
    assert state["settings"]["seed"] == 5
    assert state["project"] == str(project)
    assert set(state["versions"]) >= {"python", "synthkit"}
    assert state["pipeline"][1]["with"]["model"] == "m"
    assert state["shape"]["stages"] == [["ask"]]
    assert state["totals"]["ask"]["seen"] == 4
    assert float(state["totals"]["ask"]["spent"]["cost"]) == pytest.approx(result.cost)
    assert result.cost and result.cost > 0


def test_another_version_of_a_plugin_is_noted_when_a_run_goes_on(done: Path) -> None:
    events = done / "events.jsonl"
    api.resume(done)
    assert not events.exists() or '"versions"' not in events.read_text()
    state = json.loads((done / "run.json").read_text())
    (done / "run.json").write_text(json.dumps({**state, "versions": {**state["versions"], "synthkit-x": "0.9"}}))
    assert api.resume(done).status == "complete"
    noted = [json.loads(line) for line in events.read_text().splitlines()]
    assert [(e["was"]["synthkit-x"], "synthkit-x" in e["now"]) for e in noted if e["kind"] == "versions"] == [
        ("0.9", False)
    ]
