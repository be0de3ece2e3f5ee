"""Runs on a cluster of three nodes whose processes are killed or stopped at random moments: complete, with the same
bytes, and nothing asked twice but what was in flight. In each of them a record kills the lane that works on it."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from cluster_kit import Nodes, clustered
from long_kit import DEADLY, NODES, TIMES, Trial, trial
from run_kit import until

pytestmark = [pytest.mark.cluster, pytest.mark.long, pytest.mark.timeout(400)]
again = pytest.mark.parametrize("number", range(TIMES))


@pytest.fixture(scope="module")
def cluster() -> Iterator[Nodes]:
    with clustered(*[1] * NODES, DEADLY=DEADLY) as nodes:
        yield nodes


@pytest.fixture
def one(tmp_path: Path, cluster: Nodes, number: int, request: pytest.FixtureRequest) -> Iterator[Trial]:
    while len(cluster.raylets) < NODES:
        cluster.add()
    with trial(tmp_path, cluster, request.function.__name__, number) as made:
        yield made


@again
def test_a_lane_is_killed(one: Trial) -> None:
    one.begin()
    one.moment()
    kill(one.chance.choice(one.lanes()).pid)
    one.complete()


@again
def test_a_lane_is_stopped_and_goes_on_as_if_nothing_had_been(one: Trial) -> None:
    one.begin()
    one.moment()
    stopped = one.chance.choice(one.lanes()).pid
    kill(stopped, signal.SIGSTOP)
    seconds = one.chance.uniform(0.5, 14)  # it is given up meanwhile, or it is not
    print(f"stopped for {seconds:.1f} s")
    time.sleep(seconds)
    kill(stopped, signal.SIGCONT)
    one.complete()


@again
def test_a_node_is_gone(one: Trial) -> None:
    one.begin()
    one.moment()
    raylet = one.chance.choice(one.nodes.raylets[1:])  # the driver is on the first
    if one.chance.random() < 0.5:
        print("its raylet is killed")
        kill(raylet)
        time.sleep(one.chance.random() * 3)
    one.nodes.remove(raylet)
    if one.chance.random() < 0.5:
        print("another comes")
        one.nodes.add()
    one.complete()


@again
def test_the_keeper_is_killed(one: Trial) -> None:
    process = one.begin()
    one.moment()
    kill(one.keeper().pid)
    said = ended(process, 120)
    assert process.returncode == 1 and "Traceback" not in said, said
    assert "keeps the journal" in said and "go on with: synthkit resume far" in " ".join(said.split()), said
    one.resume()
    one.complete(restarts=1)


@again
def test_the_driver_is_killed(one: Trial) -> None:
    process = one.begin()
    one.moment()
    kill(process.pid)
    ended(process, 10)
    time.sleep(one.chance.choice([0, 0, 3]))
    one.resume()
    one.complete(restarts=1)


@again
def test_the_head_is_restarted(tmp_path: Path, number: int, request: pytest.FixtureRequest) -> None:
    with (
        clustered(*[1] * NODES, DEADLY=DEADLY) as first,
        trial(tmp_path, first, request.function.__name__, number) as one,
    ):
        process = one.begin()
        one.moment()
        if one.chance.random() < 0.5:
            print("its raylet is killed first")
            kill(first.raylets[0])
            time.sleep(one.chance.random())
        first.remove(first.raylets[0])
        said = ended(process, 120)
        assert process.returncode != 0 and "Traceback" not in said, said
        for raylet in list(first.raylets):
            first.remove(raylet)
        with clustered(*[1] * NODES, DEADLY=DEADLY) as second:
            one.nodes = second
            one.resume()
            one.complete(restarts=1)


def kill(pid: int, number: int = signal.SIGKILL) -> None:
    """Sends a signal to a process that is perhaps gone."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        print("it was gone")


def ended(process: "subprocess.Popen[str]", seconds: float) -> str:
    """What a process wrote until it ended."""
    until(lambda: psutil.Process(process.pid).status() == psutil.STATUS_ZOMBIE, seconds)
    out, err = process.communicate(timeout=10)
    return out + err
