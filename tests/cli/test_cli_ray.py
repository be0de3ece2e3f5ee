"""`--ray` on the command line: where it may stand, and what it says of what it cannot take. No Ray is started here."""

from pathlib import Path

import pytest
from cli_kit import Cli

from synthkit.engine import api
from synthkit.engine.cluster.address import Where
from synthkit.engine.pipeline import Pipeline
from synthkit.errors import ConfigError

SUBMIT = "`ray job submit -- synthkit run FILE --ray auto`"


class Asked(Exception):
    """Where a run was to go."""


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs say where they would go, and do not."""
    stop(monkeypatch)


def stop(monkeypatch: pytest.MonkeyPatch) -> None:
    def in_ray(at: Where | None, *rest: object) -> None:
        raise Asked(str(at))

    monkeypatch.setattr(api, "in_ray", in_ray)


@pytest.mark.parametrize(
    ("arguments", "where"),
    [
        (["nums.py"], "None"),
        (["nums.py", "--ray"], "local"),
        (["--ray", "--seed", "3", "nums.py"], "local"),
        (["nums.py", "--ray", "--top", "5"], "local"),
        (["nums.py", "--ray", "auto"], "auto"),
        (["--ray=auto", "nums.py"], "auto"),
        (["--ray", "auto", "nums.py"], "auto"),
        (["nums.py", "--ray", "head-1.example:06379"], "head-1.example:6379"),
        (["nums.py", "--ray", "[fd00::1]:6379"], "[fd00::1]:6379"),
    ],
)
def test_it_stands_alone_or_with_an_address(
    cli: Cli, place: Path, stopped: None, arguments: list[str], where: str
) -> None:
    assert f"Asked: {where}" in cli("run", *arguments).err


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (["--ray", "nums.py"], "nums.py is a file, not an address: write --ray behind FILE, or --ray=auto"),
        (
            ["nums.py", "--ray", "ray://head:10001"],
            "ray://head:10001 is for Ray's client, which needs another extra and runs where the files of the driver "
            f"are not: run inside the cluster, by {SUBMIT}",
        ),
        (
            ["nums.py", "--ray", "http://head:8265"],
            f"http://head:8265 is no address of a Ray head: give HOST:PORT, or run inside the cluster, by {SUBMIT}",
        ),
        (["nums.py", "--ray", "head"], "'head' is no address: write --ray alone, auto, or HOST:PORT, as in head:6379"),
        (["nums.py", "--ray="], "'' is no address: write --ray alone, auto, or HOST:PORT, as in head:6379"),
        (
            ["nums.py", "--ray", "a b:1"],
            "'a b:1' is no address: write --ray alone, auto, or HOST:PORT, as in head:6379",
        ),
        (["nums.py", "--ray", "head:x"], "'x' is no port: give a number from 1 to 65535, as in head:6379"),
        (["nums.py", "--ray", "head:0"], "'0' is no port: give a number from 1 to 65535, as in head:6379"),
        (["nums.py", "--ray", "head:65536"], "'65536' is no port: give a number from 1 to 65535, as in head:6379"),
    ],
)
def test_what_is_no_address_is_said_before_anything_starts(
    cli: Cli, place: Path, given: list[str], sentence: str
) -> None:
    said = cli("run", *given)
    assert (said.code, said.err) == (2, f"synthkit: error: --ray: {sentence}\n")
    assert not (place / "runs").exists()


def test_resume_takes_it_too(cli: Cli, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cli("run", "nums.py", "--target", "1000").code == 3
    stop(monkeypatch)
    assert "Asked: local" in cli("resume", "nums-001", "--ray").err
    assert "Asked: None" in cli("resume", "nums-001").err
    assert "'h' is no address" in cli("resume", "nums-001", "--ray", "h").err


@pytest.mark.parametrize("command", ["preview", "estimate"])
def test_previews_and_estimates_do_not(cli: Cli, place: Path, command: str) -> None:
    said = cli(command, "nums.py", "--ray")
    assert said.err == "synthkit: error: the option --ray is one of `synthkit run`: leave it out\n"


def test_in_a_script_it_is_a_keyword(stopped: None, project: Path) -> None:
    from synthkit.generators.rows import Rows

    pipeline = Pipeline("p") >> Rows([{"n": 1}])
    for given, where in ((True, "local"), ("auto", "auto"), ("h:1", "h:1"), (None, "None"), (False, "None")):
        with pytest.raises(Asked, match=f"^{where}$"):
            pipeline.run(ray=given)
    with pytest.raises(ConfigError, match=r"^--ray: 'h' is no address"):
        api.run(pipeline, ray="h")
    assert Where("[::1]:6379").host == "::1"
