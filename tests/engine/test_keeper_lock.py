"""Who goes on with a run waits for what is left of its last execution."""

import subprocess
import sys
from pathlib import Path

import pytest

from synthkit.engine import store
from synthkit.engine.store import Store
from synthkit.errors import LockedError

HOLD = """
import sys, time
from pathlib import Path
from synthkit.engine.store import kept_by_me
lock = kept_by_me(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(float(sys.argv[2]))
"""


def holding(folder: Path, seconds: float) -> "subprocess.Popen[str]":
    held = subprocess.Popen([sys.executable, "-c", HOLD, str(folder), str(seconds)], stdout=subprocess.PIPE, text=True)
    assert held.stdout is not None and held.stdout.readline() == "held\n"
    return held


@pytest.fixture
def run(tmp_path: Path) -> Path:
    made = Store.create(tmp_path / "run", {})
    made.save(status="partial", rounds=[], run="r", name="n", settings={}, pipeline=[], target=None)
    made.close()
    return tmp_path / "run"


def test_a_run_waits_for_the_keeper_of_the_last_one(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "read_state", lambda folder: {})
    with holding(run, 1.0) as held:
        again = Store.open(run)
        assert held.wait(1) == 0, "it ends as the lock is free"
        again.close()


def test_and_not_for_ever(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "read_state", lambda folder: {})
    monkeypatch.setattr(store, "PATIENCE", 0.3)
    with holding(run, 30.0) as held:
        with pytest.raises(LockedError, match="still written by a process of its last execution"):
            Store.open(run)
        held.kill()
    Store.open(run).close()
