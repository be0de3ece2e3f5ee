"""All that is in pipelines/, on the demo model: on a cluster and in one process the same bytes."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster_kit import Nodes, clustered

sys.path.append(str(Path(__file__).parents[1] / "pipelines"))
from pipeline_kit import PIPELINES, synthkit

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(170)]
FILES = sorted(path.name for path in PIPELINES.glob("*.py"))
TARGET = 20


@pytest.fixture(scope="module")
def cluster() -> Iterator[Nodes]:
    with clustered(1, 1) as nodes:
        yield nodes


@pytest.mark.parametrize("name", FILES)
def test_a_pipeline_makes_the_same_on_a_cluster(name: str, tmp_path: Path, cluster: Nodes) -> None:
    made = []
    for folder, where in ((tmp_path / "near", ()), (tmp_path / "far", ("--ray", cluster.address))):
        folder.mkdir()
        target = ("--target", str(TARGET))
        done = synthkit(folder, "run", PIPELINES / name, "--quiet", "--run-dir", "run", *target, *where)
        assert done.returncode == 0, done.stdout + done.stderr
        made.append([(folder / "run" / file).read_bytes() for file in ("accepted.jsonl", "rejected.jsonl")])
    near, far = made
    assert near[0].count(b"\n") == TARGET
    assert near == far
