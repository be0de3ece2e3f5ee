"""A working folder with a pipeline file, and the command in this process."""

import sys
from collections.abc import Callable
from pathlib import Path

import journal_kit
import pytest
from cli_kit import NUMS, Cli, Said

from synthkit.cli.main import main
from synthkit.testing import LoopbackServer, steady


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder: empty but for nums.py."""
    (tmp_path / "nums.py").write_text(NUMS, "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path[:])
    monkeypatch.delenv("COLUMNS", raising=False)
    return tmp_path


@pytest.fixture
def cli(place: Path, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Calls the command here, which is quicker than a process."""

    def call(*arguments: str) -> Said:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        said = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return Said(ended.value.code, said.out, said.err)

    return call


@pytest.fixture
def served(serve: Callable[..., LoopbackServer], place: Path) -> Path:
    """With a pipeline file, and a model «m» with a price."""
    serve(answer=steady)
    with (place / "synthkit.toml").open("a") as file:
        file.write("[prices.m]\ninput = 1\noutput = 1\n")
    (place / "cities.py").write_text(journal_kit.CITIES)
    return place


@pytest.fixture
def journaled(cli: Cli, served: Path) -> Cli:
    """With a run cities-001 of four records, and its journal of eight answers."""
    assert cli("run", "cities.py", "--quiet").code == 0
    return cli
