"""Stopping a run from outside, in real processes: what is finished is committed, and nothing is asked again."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from engine_kit import Ask, adds_up, doubled, numbers

import synthkit as sk
from synthkit.engine import api
from synthkit.engine.result import Result
from synthkit.models.journal import Journal
from synthkit.testing import LoopbackServer, Reply, steady

Serve = Callable[..., LoopbackServer]
WORKER = """
import asyncio, sys
sys.path.insert(0, {here!r})
from engine_kit import *
import synthkit as sk
pipeline = sk.Pipeline("p") >> numbers(top=300) >> doubled >> Ask(model="m")
def work():
    result = pipeline.run(folder="run", concurrency=6, shard=16)
    print(result.status, result.reason, flush=True)
async def cell():
    work()
if {notebook}:
    asyncio.new_event_loop().run_until_complete(cell())
else:
    work()
"""


def start(project: Path, *, notebook: bool = False) -> "subprocess.Popen[str]":
    code = WORKER.format(here=str(Path(__file__).parent), notebook=notebook)
    command = [sys.executable, "-c", code]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=project, env=os.environ.copy(), **pipes)


@pytest.mark.parametrize("how", ["SIGINT", "SIGTERM", "notebook"])
def test_an_orderly_stop(serve: Serve, project: Path, how: str) -> None:
    server = serve(answer=steady, latency=(0.02, 0.08))
    process = start(project, notebook=how == "notebook")
    server.wait(20)
    process.send_signal(signal.SIGTERM if how == "SIGTERM" else signal.SIGINT)
    out, said = process.communicate(timeout=30)
    assert process.returncode == 0, said
    assert out == f"partial stopped by {'SIGTERM' if how == 'SIGTERM' else 'Ctrl-C'} before it was done\n"
    result = adds_up(Result(project / "run"))
    assert result.status == "partial"
    assert 20 <= server.answered < 300
    assert len(result.accepted) == server.answered, "answers on their way are waited for, and their records committed"
    last = adds_up(api.resume(project / "run"))
    assert (last.status, len(last.accepted), server.count) == ("complete", 300, 300)
    whole = (sk.Pipeline("p") >> numbers(top=300) >> doubled >> Ask(model="m")).run(folder="whole")
    assert server.count == 300
    for name in ("accepted.jsonl", "rejected.jsonl"):
        assert (whole.folder / name).read_bytes() == (last.folder / name).read_bytes()


def test_twice_stops_at_once(serve: Serve, project: Path) -> None:
    server = serve(answer=lambda request: Reply(text="late", delay=30) if request.number >= 10 else "fine")
    process = start(project)
    server.wait(16)
    deadline = time.monotonic() + 20
    while process.poll() is None and time.monotonic() < deadline:  # two that come at once are one
        process.send_signal(signal.SIGINT)
        time.sleep(0.05)
    _, said = process.communicate(timeout=5)
    assert process.returncode == 130, said
    assert said == "\nstopped at once; nothing that was answered is lost\ngo on with: synthkit resume run\n"
    assert Result(project / "run").status == "running"
    server.stop()
    kept = Journal(project / ".synthkit" / "journal", read_only=True)
    assert len(kept) == 10


def test_offline_with_an_empty_journal(serve: Serve, project: Path) -> None:
    server = serve()
    pipeline = sk.Pipeline("p") >> numbers(top=5) >> doubled >> Ask(model="m")
    result = adds_up(api.run(pipeline, folder=project / "run", offline=True))
    first = next(iter((sk.Pipeline("q") >> numbers(top=1)).run().scan())).id
    assert result.status == "failed" and server.count == 0
    assert result.reason.startswith(
        f"offline, and the journal in {project}/.synthkit/journal has no answer for ask of record {first} (m, request "
    )
    assert not (project / ".synthkit" / "journal").exists(), "who only reads makes nothing"
    last = adds_up(api.resume(project / "run", offline=False))
    assert (last.status, server.count) == ("complete", 5)
    again = api.run(pipeline, folder=project / "again", offline=True)
    assert (again.status, server.count) == ("complete", 5)


def test_inside_a_running_loop(serve: Serve, project: Path) -> None:
    serve(answer=steady)
    pipeline = sk.Pipeline("p") >> numbers(top=5) >> Ask(model="m")
    threads = threading.active_count()

    async def cell() -> tuple[Result, str]:
        ran = []
        task = asyncio.create_task(asyncio.sleep(0))
        result = pipeline.run()
        await task
        ran.append("the loop goes on")
        return result, ran[0]

    result, _ = asyncio.run(cell())
    assert result.status == "complete" and len(result.accepted) == 5
    assert repr(result).startswith("<Result complete: 5 accepted, all that there were; ")
    assert threading.active_count() <= threads + 1, "no thread is left but the server's"

    async def wrong() -> None:
        (sk.Pipeline("p") >> numbers(top=5) >> Ask(model="nobody")).run()

    with pytest.raises(sk.errors.PipelineError, match="no model is called 'nobody'"):
        asyncio.run(wrong())


def test_the_handlers_of_the_caller_are_put_back(serve: Serve, project: Path) -> None:
    serve(answer=steady)
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    (sk.Pipeline("p") >> numbers(top=2) >> Ask(model="m")).run()
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_a_run_of_a_bad_key_stops_at_once_and_is_told_in_run_json(serve: Serve, project: Path) -> None:
    server = serve(key="another key", latency=0.02)
    result = (sk.Pipeline("p") >> numbers(top=500) >> Ask(model="m")).run(folder="run", concurrency=4)
    assert result.status == "failed"
    assert server.count <= 8, "those that were on their way"
    state = json.loads((project / "run" / "run.json").read_text())
    assert (state["status"], state["reason"]) == ("failed", result.reason)
    assert "does not take the key from OPENAI_API_KEY (401, invalid_api_key)" in result.reason
    assert [line["kind"] for line in result.rejected] == [], "no record is to blame"
