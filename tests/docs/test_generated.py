"""The pages that are made from the code say what the code says, and every example on them runs."""

import importlib.util
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import pytest
from doc_blocks import ROOT

import synthkit
import synthkit.testing
from synthkit import errors
from synthkit.cli.main import main
from synthkit.plugins import load
from synthkit.plugins.describe import SAMPLE, describe
from synthkit.plugins.examples import pipeline_file

NAMES = load([], {})
CLAIMS = NAMES.claims()
COMPONENTS = [claim for claim in CLAIMS if claim.kind not in ("provider", "format")]
FORMATS = [claim for claim in CLAIMS if claim.kind == "format"]


@pytest.fixture(scope="module")
def generate() -> Iterator[ModuleType]:
    """The generator, loaded as it is run."""
    before = sys.path[:]
    spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs" / "generate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    sys.path[:] = before


@pytest.fixture(scope="module")
def pages(generate: ModuleType) -> Mapping[str, str]:
    made: Mapping[str, str] = generate.pages()
    return made


def test_the_pages_say_what_the_code_says(generate: ModuleType, pages: Mapping[str, str]) -> None:
    assert generate.stale(pages) == [], "run `make reference` and commit what it writes"


def test_a_stale_page_is_noticed_and_written_anew(
    generate: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(generate, "HERE", tmp_path)
    monkeypatch.setattr(generate, "pages", lambda: {"a.md": "new\n", "reference/b.md": "b\n"})
    (tmp_path / "reference").mkdir()
    (tmp_path / "a.md").write_text("old\n", "utf-8")
    (tmp_path / "reference" / "gone.md").write_text("of a kind that is no more\n", "utf-8")
    monkeypatch.setattr(sys, "argv", ["generate.py", "--check"])
    assert generate.main() == 1
    assert capsys.readouterr().err.splitlines() == [
        f"docs/{path} is not what the code says: run `make reference`"
        for path in ("a.md", "reference/b.md", "reference/gone.md")
    ]
    monkeypatch.setattr(sys, "argv", ["generate.py"])
    assert generate.main() == 0
    assert (tmp_path / "a.md").read_text("utf-8") == "new\n"
    assert [path.name for path in (tmp_path / "reference").iterdir()] == ["b.md"]
    assert generate.stale(generate.pages()) == []


def test_everything_registered_is_in_the_gallery_and_has_a_section(pages: Mapping[str, str]) -> None:
    for claim in CLAIMS:
        name = describe(claim, NAMES).cls.__name__
        page = f"reference/{claim.kind}s.md"
        assert f"[{name}]({page}#{name.lower()})" in pages["gallery.md"]
        assert f"\n## {name}\n\n`{claim.name}`, from " in pages[page]


def test_every_public_name_is_in_the_reference(pages: Mapping[str, str]) -> None:
    parts = {describe(claim, NAMES).cls.__name__ for claim in COMPONENTS}
    for name in synthkit.__all__:
        assert f"\n### {name}\n" in pages["reference/python.md"] or name in parts, name
    for name in synthkit.testing.__all__:
        assert f"\n## {name}\n" in pages["reference/testing.md"], name
    for name, found in vars(errors).items():
        if isinstance(found, type) and issubclass(found, Exception):
            assert f"| {name} |" in pages["reference/errors.md"], name


def _commands(command: click.Command, words: str) -> Iterator[tuple[str, click.Command]]:
    yield words, command
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            found = command.get_command(click.Context(command), name)
            assert found is not None
            yield from _commands(found, f"{words} {name}")


def test_every_command_and_every_option_is_on_the_page(pages: Mapping[str, str]) -> None:
    from synthkit.cli.main import synthkit as command

    sections = {part.partition("\n")[0].strip("# "): part for part in pages["commands.md"].split("\n#")}
    for words, found in _commands(command, "synthkit"):
        assert f"Usage: {words} " in sections[words]
        for option in found.params:
            if isinstance(option, click.Option) and not option.hidden:
                assert option.opts[-1] in sections[words], f"{words} {option.opts[-1]}"
                assert option.help, f"{words} {option.opts[-1]} says nothing for --help"
    assert all(len(line) <= 120 for line in pages["commands.md"].splitlines())


def synthkit_run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["run", *arguments, "--quiet"])
    assert isinstance(ended.value.code, int)
    return ended.value.code


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty one, without any key."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path[:])
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.mark.parametrize("claim", COMPONENTS, ids=lambda claim: claim.name)
def test_the_example_runs_on_the_demo_model(claim: Any, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "example.py").write_text(pipeline_file(describe(claim, NAMES), NAMES), "utf-8")
    assert synthkit_run("example.py") == 0, capsys.readouterr()
    accepted = (project / "runs" / "example-001" / "accepted.jsonl").read_text("utf-8").splitlines()
    assert accepted, "an example leads to something"
    assert capsys.readouterr().out.startswith("complete: ")


@pytest.mark.parametrize("claim", FORMATS, ids=lambda claim: claim.name)
def test_the_line_shown_of_a_format_is_what_an_export_writes(claim: Any, project: Path) -> None:
    found = describe(claim, NAMES)
    shown = json.loads(found.facts["a line"].strip("`"))
    (project / "example.py").write_text(
        "from synthkit import Pipeline\nfrom synthkit.generators import Rows\n\n\n"
        f"def pipeline() -> Pipeline:\n    return Pipeline('example') >> Rows([{SAMPLE!r}])\n",
        "utf-8",
    )
    assert synthkit_run("example.py", "--export", f"train.jsonl:{claim.name}") == 0
    (line,) = (project / "train.jsonl").read_text("utf-8").splitlines()
    assert json.loads(line) == shown
