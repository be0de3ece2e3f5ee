"""What `--runtime-env` installs for the lanes of a run, on a real node that lacks it, and what is said without."""

import shutil
from collections.abc import Iterator

import pytest
from env_kit import Cluster, Run, lacking, place, run, wheel
from run_kit import Place

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(170)]
__all__ = ["place", "run"]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with lacking(tmp_path_factory.mktemp("nodes")) as made:
        yield made


def test_a_plugin_that_nodes_lack_is_installed_for_the_run_alone(cluster: Cluster, place: Place, run: Run) -> None:
    cluster.has(None)
    wheel(cluster.wheels, "1.5")
    said = run("1.5", "--runtime-env")
    assert "setting up the lanes, which may take minutes: synthkit 0" in said
    (event,) = place.events("far", "runtime env")
    assert "loud-plugin 1.5" in event["installs"]
    assert not any(name.startswith("ray ") for name in event["installs"])
    shutil.rmtree(place.folder / "far")
    lacks = "lacks loud-plugin 1.5: install it there, or let --runtime-env do it for this run"
    assert lacks in run("1.5", code=2)
    assert list(cluster.packages.glob("loud_plugin*")) == []


def test_a_plugin_in_another_version_is_said_or_installed(cluster: Cluster, place: Place, run: Run) -> None:
    cluster.has("1.4")
    wheel(cluster.wheels, "1.6")
    assert "has loud-plugin 1.4, and this run needs 1.6: install that version there, or let" in run("1.6", code=2)
    shutil.rmtree(place.folder / "far")
    run("1.6", "--runtime-env", "--quiet")


def test_what_cannot_be_installed_ends_the_run_in_a_sentence(cluster: Cluster, place: Place, run: Run) -> None:
    cluster.has(None)
    said = " ".join(run("1.7", "--runtime-env", code=1).split())
    assert "the runtime env of the lanes cannot be set up: No matching distribution found for loud-plugin==1.7" in said
    assert place.events("far", "lane lost") == []


def test_what_is_installed_from_a_folder_is_sent(cluster: Cluster, place: Place, run: Run) -> None:
    cluster.has("1.4")
    run("1.8", "--runtime-env", "--quiet", url="file:///nowhere/loud")
