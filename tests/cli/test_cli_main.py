"""The command itself: help without imports, versions, errors in one line, exit codes."""

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from cli_kit import COMMAND, Cli, environment, process

from synthkit.cli import main as module
from synthkit.errors import ConfigError, InputError, LockedError, PipelineError, StoreError

HEAVY = ("pydantic", "rich", "polars", "openai", "anthropic", "ray", "datasketch", "numpy", "synthkit.engine.api")


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["check", "--help"], ["show", "--help"]])
def test_help_imports_nothing_that_it_does_not_need(arguments: list[str]) -> None:
    code = (
        "import json, sys\nfrom synthkit.cli.main import main\n"
        f"try: main({arguments!r})\nexcept SystemExit as end: code = end.code\n"
        "print(json.dumps([code, sorted(sys.modules)]))"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True)
    exit_code, modules = json.loads(done.stdout.splitlines()[-1])
    assert exit_code == 0 and done.stdout.startswith("Usage: synthkit ")
    assert [name for name in HEAVY if name in modules] == []


def test_help_lists_all_commands_and_exit_codes(cli: Cli) -> None:
    said = cli("--help")
    assert said.code == 0
    for name in ("run", "resume", "check", "show", "rejected", "plugins"):
        assert any(text.startswith(f"  {name} ") for text in said.lines), name
    assert [text.split()[0] for text in said.lines[-5:]] == ["0", "1", "2", "3", "130"]


def test_short_help_in_the_table_is_that_of_the_command() -> None:
    import click

    for name in module.COMMANDS:
        command = module.synthkit.get_command(click.Context(module.synthkit), name)
        assert command is not None and command.name == name and command.help


def test_version(cli: Cli) -> None:
    assert cli("--version").out == f"synthkit {version('synthkit')}\n"


def test_no_command_shows_the_help(cli: Cli) -> None:
    said = cli()
    assert said.code == 2 and "Usage: synthkit" in said.err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["rnu"], "there is no command rnu: did you mean run?"),
        (["wxyz"], f"there is no command wxyz: there are {', '.join(module.COMMANDS)}"),
        (["nums.py"], "there is no command nums.py: write `synthkit run nums.py`"),
        (["plugins", "lst"], "there is no command lst: did you mean list?"),
        (["--verson"], "there is no option --verson: did you mean --version?"),
        (["rejected"], "`synthkit rejected` needs RUN: see `synthkit rejected --help`"),
        (["show", "a", "--jsn"], "there is no option --jsn: did you mean --json?"),
        (["show", "a", "b", "c"], "unexpected extra argument (c)"),
        (["show", "nope"], "there is no run nope; there are none in runs"),
        (["resume", "nope"], "there is no run nope; there are none in runs"),
        (["rejected", "."], ". holds no run: there is no run.json in it"),
        (["rejected", "a", "--sample", "-1"], "--sample: -1 is less than none: give 0 for all, or more"),
        (["rejected", "a", "--kind", "x"], "--kind: 'x' is not one of 'dropped', 'failed', 'surplus', 'attempt'"),
        (
            ["resume", "a", "--target", "3"],
            "there is no option --target of synthkit resume: a run keeps what it began with",
        ),
        (["resume", "a", "--bdget", "3"], "there is no option --bdget: did you mean --budget?"),
        (["resume", "a", "--xyzzy"], "there is no option --xyzzy: see `synthkit resume --help`"),
    ],
)
def test_wrong_words_are_named_in_one_line(cli: Cli, arguments: list[str], sentence: str) -> None:
    said = cli(*arguments)
    assert (said.code, said.out, said.err) == (2, "", f"synthkit: error: {sentence}\n")


@pytest.mark.parametrize(
    ("error", "code", "lines"),
    [
        (ConfigError("one", "two"), 2, ["one", "two"]),
        (ConfigError("one\nhas a break"), 2, ["one has a break"]),
        (StoreError("there is no 'a\nb'"), 1, ["there is no 'a b'"]),
        (PipelineError("one\nhas a break", "two"), 2, ["one has a break", "two"]),
        (InputError("a.jsonl, line 3: broken"), 2, ["a.jsonl, line 3: broken"]),
        (LockedError("in use"), 1, ["in use"]),
        (StoreError("full"), 1, ["full"]),
        (ValueError("odd \x1b[2J"), 1, ["ValueError: odd \\x1b[2J (--debug shows where)"]),
    ],
)
def test_every_error_is_a_sentence_and_a_code(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, error: Exception, code: int, lines: list[str]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("synthkit.cli.runs.find_run", fail)
    said = cli("show", "x")
    assert (said.code, said.out) == (code, "")
    assert said.err.splitlines() == [f"synthkit: error: {line}" for line in lines]


@pytest.mark.parametrize("arguments", [["--debug", "show", "nope"], ["show", "nope", "--debug"]])
def test_debug_shows_where(cli: Cli, arguments: list[str]) -> None:
    said = cli(*arguments)
    assert said.code == 2 and said.err.startswith("Traceback (most recent call last):")
    assert said.err.endswith("synthkit: error: there is no run nope; there are none in runs\n")


def test_ctrl_c_outside_a_run_is_quiet(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("synthkit.cli.runs.find_run", interrupted)
    said = cli("show", "x")
    assert (said.code, said.out, said.err.strip()) == (130, "", "")


def test_a_reader_that_leaves_is_no_error(place: Path) -> None:
    said = process("run", "nums.py", "--top", "4000", "--target", "1900", "--quiet", cwd=place)
    assert said.code == 0, said.err
    shell = f"{' '.join(COMMAND)} rejected nums-001 --sample 0 | head -1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", shell], cwd=place, env=environment(), capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "") and done.stdout.startswith("step")


def test_output_that_cannot_be_written_is_an_error(place: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*COMMAND, "check", "nums.py"], cwd=place, env=environment(), stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 1
    assert done.stderr == "synthkit: error: cannot write the output: No space left on device\n"


def test_an_encoding_that_lacks_characters_escapes_them(place: Path) -> None:
    said = process("check", "nums.py", cwd=place, env=environment(PYTHONIOENCODING="ascii", COLUMNS="30"))
    assert said.code == 0 and said.out.isascii()
