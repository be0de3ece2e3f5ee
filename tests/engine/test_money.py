"""The cap holds by the server's own bill, whatever fails, is lost or is killed; and what a run says that it paid."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest

from synthkit.engine.result import Result
from synthkit.testing import Faults, LoopbackServer, Reply, Request, steady

CHILD = Path(__file__).with_name("money_child.py")
SCHEDULES = int(os.environ.get("SYNTHKIT_MONEY_SCHEDULES", "10"))
"""Random schedules of faults and kills; each takes a second or two."""
PRICES = {"": ("1", "2")}
LIMIT = 300
"""Tokens of an answer at most."""


class Runs:
    """Processes that run a pipeline, one at a time."""

    def __init__(self, child: subprocess.Popen[str], project: Path) -> None:
        self._child, self._project = child, project

    def begin(self, **order: Any) -> int:
        """Starts or goes on with the run; the process' id."""
        assert self._child.stdin is not None
        self._child.stdin.write(json.dumps({"project": str(self._project), **order}) + "\n")
        self._child.stdin.flush()
        return self._said()

    def ended(self) -> int:
        """Waits for the end of the process; its exit code."""
        assert self._child.stdin is not None
        self._child.stdin.write("\n")
        self._child.stdin.flush()
        return self._said()

    def _said(self) -> int:
        assert self._child.stdout is not None
        return int(self._child.stdout.readline())


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("money")


@pytest.fixture(scope="module")
def processes(project: Path) -> Iterator[Runs]:
    environment = {**os.environ, "OPENAI_API_KEY": "k", "PYTHONPATH": str(CHILD.parent)}
    with subprocess.Popen(
        [sys.executable, str(CHILD)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as child:
        yield Runs(child, project)
        assert child.poll() is None
        assert child.stdin is not None
        child.stdin.close()


def greedy(request: Request) -> Reply:
    """Answers that cost as much as they may, or little, or anything between: by the request's number."""
    dice = Random(f"greedy {request.number}")
    most = len(json.dumps(dict(request.body), ensure_ascii=False).encode()) + 100
    usage = dice.choice([(most, LIMIT), (10, 5), (dice.randint(1, most), dice.randint(1, LIMIT))])
    return Reply(text=steady(request).text, usage=dict(zip(("prompt_tokens", "completion_tokens"), usage, strict=True)))


def settled(server: LoopbackServer) -> Decimal:
    """The bill, when no more calls come in: what a killed process had sent is still read."""
    before = -1
    while before != server.count or server.in_flight:
        before = server.count
        time.sleep(0.05)
    return server.bill


def told(folder: Path) -> Decimal:
    """Up to which sum the run says that it may have spent."""
    path = folder / "budget.jsonl"
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    last = json.loads(lines[-1]) if lines else {"spent": "0"}
    return Decimal(last.get("leased") or last["spent"])


def write_project(folder: Path, url: str, timeout: float) -> None:
    (folder / "synthkit.toml").write_text(
        f'[models.m]\nuse = "openai/x"\nbase_url = "{url}"\nmax_tokens = {LIMIT}\ntimeout = {timeout}\n'
        "[prices.m]\ninput = 1\noutput = 2\n"
    )


@pytest.mark.parametrize("seed", range(SCHEDULES))
def test_no_interleaving_of_faults_and_kills_exceeds_the_cap(processes: Runs, project: Path, seed: int) -> None:
    """One run: begun, killed at some moments, and at last left to its end."""
    dice = Random(f"money {seed}")
    share = dice.choice([0.0, 0.02, 0.05])
    faults = Faults(
        rate_limit=share, server_error=share, reset=share, close_early=share, cut=share, html=share, empty=share,
        hang=(share, 3.0), retry_after=0.01, seed=seed,
    )  # fmt: skip
    cap = Decimal(dice.randint(5, 60)) / 1000
    order = {
        "run": str(project / f"run-{seed}"),
        "budget": str(cap),
        "concurrency": dice.choice([1, 3, 16, 64]),
    }
    folder = Path(order["run"])
    with LoopbackServer(greedy, latency=(0.0, 0.03), faults=faults, prices=PRICES, keep=False, seed=seed) as server:
        write_project(project, server.url, timeout=dice.choice([0.4, 1.5]))
        for _ in range(dice.randint(0, 4)):
            process, stop = processes.begin(**order), server.count + dice.randint(0, 40)
            deadline = time.monotonic() + dice.uniform(0.0, 1.0)
            while server.count < stop and time.monotonic() < deadline:
                time.sleep(0.001)
            os.kill(process, signal.SIGKILL)  # it may have ended by then
            processes.ended()
            bill = settled(server)
            assert bill <= told(folder) <= cap, (seed, bill, told(folder), cap)
            if not (folder / "run.json").exists():  # killed before there was a run
                shutil.rmtree(folder, ignore_errors=True)
        processes.begin(**order)
        assert processes.ended() == 0
        bill, result = settled(server), Result(folder)
        assert (result.status, "the budget of" in result.reason) == ("partial", True), result.reason
        assert result.bill.total.cost <= bill <= told(folder) <= cap, (seed, bill, told(folder), cap)
        assert told(folder) == result.bill.most + result.bill.cut_off


@pytest.mark.parametrize("concurrency", [1, 64])
def test_a_budget_is_used(processes: Runs, project: Path, tmp_path: Path, concurrency: int) -> None:
    """Else a cap that admits nothing would pass above."""
    cap = Decimal("0.1")
    with LoopbackServer(greedy, latency=(0.0, 0.01), prices=PRICES) as server:
        write_project(project, server.url, timeout=30)
        processes.begin(run=str(tmp_path / "run"), budget=str(cap), concurrency=concurrency)
        assert processes.ended() == 0
        result = Result(tmp_path / "run")
        assert Decimal("0.9") * cap < server.bill <= cap
        assert result.bill.total.cost == server.bill == told(result.folder)
        assert result.bill.total.calls == server.count
