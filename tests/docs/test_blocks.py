"""What the documentation shows is true: every block runs, in order, as somebody who follows a page would run it."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from doc_blocks import ROOT, RUNS, SHOWN, Block, Reader, blocks, commands, same_output

PAGES = ["README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]
PLUGINS = "docs/plugins.md"
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")


EXAMPLE = ROOT / "plugins" / "synthkit-example"


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    """A reader in a new project that has the pipelines of this one."""
    project = tmp_path / "project"
    shutil.copytree(ROOT / "pipelines", project / "pipelines", ignore=shutil.ignore_patterns("__pycache__"))
    someone = Reader(project)
    yield someone
    someone.leave()


@pytest.fixture
def installed(reader: Reader, tmp_path: Path) -> Reader:
    """A reader who has installed the example plugin."""
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check", "--quiet"]
    target = tmp_path / "installed"
    command = [sys.executable, "-m", "pip", "install", *options, "--target", str(target), str(EXAMPLE)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr
    reader.environment["PYTHONPATH"] = str(target)
    return reader


@pytest.mark.parametrize("page", [page for page in PAGES if page != PLUGINS])
def test_a_reader_can_follow_the_page(page: str, reader: Reader) -> None:
    for block in blocks(page):
        reader.follow(block)


def test_a_reader_can_follow_the_page_on_plugins(installed: Reader) -> None:
    for block in blocks(PLUGINS):
        installed.follow(block)


@pytest.mark.parametrize("page", PAGES)
def test_no_block_goes_unchecked(page: str) -> None:
    for block in blocks(page):
        assert block.language in (*RUNS, *SHOWN), f"{block.where}: what runs a block of {block.language!r}?"
        assert block.runs or block.notes["not run"].strip(), f"{block.where}: say why it is not run"


@pytest.mark.parametrize("page", PAGES)
def test_links_between_files_lead_somewhere(page: str) -> None:
    for target in LINK.findall((ROOT / page).read_text("utf-8")):
        if "://" not in target:
            assert ((ROOT / page).parent / target).exists(), f"{page} links to {target}, which is not there"


def block(text: str, language: str = "console") -> Block:
    return Block("page.md", 1, language, "", text, {})


def test_a_wrong_exit_code_is_noticed(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="ended with 3, not 0"):
        Reader(tmp_path).follow(block("$ exit 3\n"))


def test_a_script_that_fails_is_noticed(tmp_path: Path) -> None:
    reader = Reader(tmp_path)
    reader.follow(block("print(1)\n", "python"))
    assert reader.printed == "1\n"
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        reader.follow(block("1 / 0\n", "python"))
    with pytest.raises(AssertionError, match="old ways"):
        reader.follow(block("import warnings\nwarnings.warn('old ways')\n", "python"))
    reader.leave()


def test_a_piece_that_is_no_longer_in_its_file_is_noticed(tmp_path: Path) -> None:
    page = Block("page.md", 1, "python", "pipelines/instructions.py", "def pipelines():\n", {})
    with pytest.raises(AssertionError, match=r"no longer, in pipelines/instructions\.py"):
        Reader(tmp_path).follow(page)


def test_options_of_blocks_that_are_not_run_are_checked(reader: Reader) -> None:
    text = "$ synthkit run pipelines/instructions.py --modle openai/gpt-5\n"
    with pytest.raises(AssertionError, match="did you mean --model"):
        reader.follow(Block("page.md", 1, "console", "", text, {"not run": "it costs money"}))


def test_wrong_output_is_noticed(tmp_path: Path) -> None:
    reader = Reader(tmp_path)
    reader.follow(block("$ printf 'one\\ntwo\\nthree\\n'\none\n…\nth…\n"))
    with pytest.raises(AssertionError, match="and this was printed"):
        reader.follow(block("$ printf 'one\\ntwo\\n'\none\n"))


def test_a_line_may_go_on_behind_a_backslash() -> None:
    (command,) = commands(block("$ synthkit run x.py \\\n    --target 3\nshown\n"))
    assert command.line == "synthkit run x.py --target 3" and command.output == ["shown"]


@pytest.mark.parametrize(("shown", "fits"), [(["a", "…"], True), (["…", "c"], True), (["a", "…", "d"], False)])
def test_dots_stand_for_any_lines(shown: list[str], fits: bool) -> None:
    if fits:
        same_output(shown, "a\nb\nc\n", "here")
    else:
        with pytest.raises(AssertionError):
            same_output(shown, "a\nb\nc\n", "here")
