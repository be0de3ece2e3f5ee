"""Nodes that have Ray and not synthkit, and runtime envs of one's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from env_kit import Cluster, Run, lacking, place, run, wheel
from run_kit import Place

pytestmark = [pytest.mark.cluster, pytest.mark.long, pytest.mark.timeout(170)]
__all__ = ["place", "run"]


@pytest.fixture
def cluster(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Cluster]:
    (tmp_path / "nodes").mkdir()
    with lacking(tmp_path / "nodes", equipped="bare" not in request.function.__name__) as made:
        yield made


def test_a_bare_node_gets_all_that_a_run_needs(cluster: Cluster, place: Place, run: Run) -> None:
    wheel(cluster.wheels, "1.5")
    run("1.5", "--runtime-env", "--quiet")


def test_a_bare_node_is_said_to_be_one(cluster: Cluster, place: Place, run: Run) -> None:
    said = run("1.5", code=2)
    assert "lacks synthkit 0" in said and ": install it there, or let --runtime-env do it for this run" in said
    assert place.events("far", "lane lost") == []


def test_a_runtime_env_of_ones_own(cluster: Cluster, place: Place, run: Run) -> None:
    cluster.has(None)
    wheel(cluster.wheels, "1.9")
    (place.folder / "env.yaml").write_text("pip:\n  packages: [loud-plugin==1.9]\nenv_vars: {HELLO: there}\n")
    run("1.9", "--runtime-env", "env.yaml", "--quiet")
