"""A clock that jumps, back and forth, changes nothing but the times that are shown."""

import random
import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from engine_kit import Ask, adds_up, even, numbers

import synthkit as sk
from synthkit.engine import api, source, store
from synthkit.engine.result import Result
from synthkit.testing import LoopbackServer, Reply, steady

Serve = Callable[..., LoopbackServer]
MIXED = Path(__file__).parent / "mixed.py"


class Jumping(datetime):
    """Tells another time at each question: years before or after the last one."""

    rng = random.Random(5)

    @classmethod
    def now(cls, tz: Any = None) -> datetime:
        return datetime(2000, 1, 1, tzinfo=UTC) + timedelta(seconds=cls.rng.randrange(-(10**9), 2 * 10**9))


@pytest.fixture
def jumping(monkeypatch: pytest.MonkeyPatch) -> None:
    """All clocks that can be set jump; the monotonic one, which nobody sets, goes on."""
    monkeypatch.setattr(store, "datetime", Jumping)
    monkeypatch.setattr(time, "time", lambda: Jumping.now().timestamp())
    monkeypatch.setattr(time, "time_ns", lambda: int(Jumping.now().timestamp() * 10**9))


def mixed(folder: Path, target: int, **settings: Any) -> Result:
    loaded = source.load(MIXED)
    return api.run(loaded.pipeline({"target": target}), folder=folder, file=loaded, **settings)


def files(folder: Path) -> tuple[bytes, bytes]:
    return (folder / "accepted.jsonl").read_bytes(), (folder / "rejected.jsonl").read_bytes()


def test_a_run_and_its_resume_are_the_same(serve: Serve, project: Path, request: pytest.FixtureRequest) -> None:
    serve(answer=steady)
    calm = mixed(project / "calm", 60)
    shutil.rmtree(project / ".synthkit")
    request.getfixturevalue("jumping")
    begun = mixed(project / "jump", 60, max_rounds=1)
    assert begun.status == "partial"
    done = adds_up(api.resume(project / "jump", max_rounds=9))
    assert (calm.status, done.status) == ("complete", "complete")
    assert files(project / "jump") == files(project / "calm")
    events = [line[6:20] for line in (project / "jump" / "events.jsonl").read_text().splitlines()]
    assert len({event[:5] for event in events}) > 1, "it did jump, from year to year"


@pytest.mark.usefixtures("jumping")
def test_waiting_does_not_hang_on_it(serve: Serve) -> None:
    """Backoff and deadlines are counted on the clock that nobody sets."""
    server = serve(answer=lambda asked: Reply(error="overloaded") if asked.number in (2, 5) else "fine")
    result = adds_up((sk.Pipeline("p") >> numbers(top=6) >> Ask(model="m") >> even).run())
    assert result.status == "complete" and len(result.accepted) == 3 and server.count == 8


@pytest.mark.usefixtures("jumping", "project")
def test_runs_get_the_next_free_names() -> None:
    pipeline = sk.Pipeline("p") >> numbers(top=2)
    assert [pipeline.run().folder.name for _ in range(3)] == ["p-001", "p-002", "p-003"]


@pytest.mark.usefixtures("jumping")
def test_a_budget_counts_the_same(serve: Serve, project: Path) -> None:
    serve(answer=steady)
    with (project / "synthkit.toml").open("a") as file:
        file.write("[prices.m]\ninput = 100\noutput = 1000\n")
    pipeline = sk.Pipeline("p") >> numbers(top=20) >> Ask(model="m")
    first = pipeline.run(budget="2.2", folder="one", concurrency=1)
    assert first.status == "partial" and "the budget of $2.20 is used up" in first.reason
    last = api.resume(Path("one"), budget="50")
    assert last.status == "complete" and len(last.accepted) == 20
