"""The parameters of a pipeline's function as options, beside those of every run."""

from collections.abc import Callable
from pathlib import Path

import pytest
from cli_kit import Cli

from synthkit.cli.file_command import find_file
from synthkit.cli.options import going_options, run_options
from synthkit.engine.settings import Settings

HEAD = """
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Annotated, Literal
import synthkit as sk

class Tone(Enum):
    WARM = "warm"
    DRY = 2

@sk.generator(writes="said")
def one(said: str):
    yield {"said": said}

"""


@pytest.fixture
def taking(cli: Cli, place: Path) -> Callable[..., str]:
    """What a pipeline function with these parameters gets: the repr of them all."""

    def call(parameters: str, *arguments: str) -> str:
        body = f'def pipeline({parameters}) -> sk.Pipeline:\n    return sk.Pipeline("p") >> one(said=repr(locals()))\n'
        (place / "p.py").write_text(HEAD + body, "utf-8")
        said = cli("run", "p.py", "--quiet", "--run-dir", "r", *arguments)
        if said.code:
            return said.err
        line = cli("show", "r").out.splitlines()[-1]
        return line.strip().removeprefix("said").strip()

    return call


@pytest.mark.parametrize(
    ("parameters", "arguments", "got"),
    [
        ("text: str = 'a'", [], "{'text': 'a'}"),
        ("text: str = 'a'", ["--text", "-b"], "{'text': '-b'}"),
        ("text: str = 'a'", ["--text="], "{'text': ''}"),
        ("a_number: int", ["--a-number", "-3"], "{'a_number': -3}"),
        ("share: float = 0.5", ["--share", "1"], "{'share': 1.0}"),
        ("x: bool = False", ["--x"], "{'x': True}"),
        ("x: bool = True", ["--no-x"], "{'x': False}"),
        ("x: bool = True", [], "{'x': True}"),
        ("x: bool | None = None", [], "{'x': None}"),
        ("x: bool | None = None", ["--no-x"], "{'x': False}"),
        ("file: Path = Path('a')", ["--file", "b/c"], "{'file': PosixPath('b/c')}"),
        ("style: Literal['a', 'b'] = 'a'", ["--style", "b"], "{'style': 'b'}"),
        ("size: Literal[1, 2] | None = None", ["--size", "2"], "{'size': 2}"),
        ("tone: Tone = Tone.WARM", ["--tone", "2"], "{'tone': <Tone.DRY: 2>}"),
        ("most: Decimal = Decimal(1)", ["--most", "0.10"], "{'most': Decimal('0.10')}"),
        ("tags: list[str] = []", ["--tags", "a", "--tags", "b"], "{'tags': ['a', 'b']}"),
        ("tags: list[str] = ['z']", [], "{'tags': ['z']}"),
        ("sizes: tuple[int, ...] = ()", ["--sizes", "1", "--sizes", "2"], "{'sizes': (1, 2)}"),
        ("paths: list[Path] | None = None", ["--paths", "a"], "{'paths': [PosixPath('a')]}"),
        ("n: Annotated[int, 'how many'] = 1", ["--n", "2"], "{'n': 2}"),
        ("file: str = 'a', run: int = 1, source: str = 'b'", ["--run", "2"], "{'file': 'a', 'run': 2, 'source': 'b'}"),
        ("folder: str = 'x'", ["--seed", "4", "--folder", "y", "--max-rounds", "1"], "{'folder': 'y'}"),
    ],
)
def test_types_become_options(taking: Callable[..., str], parameters: str, arguments: list[str], got: str) -> None:
    assert taking(parameters, *arguments) == got


@pytest.mark.parametrize(
    ("parameters", "arguments", "sentence"),
    [
        ("n: int = 1", ["--n", "x"], "--n: 'x' is not a valid integer"),
        ("n: int = 1", ["--n"], "--n needs a value"),
        ("style: Literal['a', 'b'] = 'a'", ["--style", "c"], "--style: 'c' is not one of 'a', 'b'"),
        ("n: int", [], "p.py needs --n: it has no default"),
        (
            "text: str = 'a'",
            ["--txt", "b"],
            "there is no option --txt: did you mean --text, an option of this pipeline?",
        ),
        ("text: str = 'a'", ["--sed", "b"], "there is no option --sed: did you mean --seed, an option of every run?"),
        (
            "text: str = 'a'",
            ["--xyzzy"],
            "there is no option --xyzzy, neither of p.py nor of every run: see `synthkit run p.py --help`",
        ),
        ("n: int = 1", ["more"], "unexpected extra argument (more)"),
        ("n: int = 1", ["--gold"], "the option --gold is kept for a later version of synthkit: leave it out"),
        ("n", [], "p.py: give the parameter 'n' of the pipeline function a type"),
        ("*n: int", [], "p.py: give the parameter 'n' of the pipeline function a type"),
        (
            "n: dict = {}",
            [],
            "p.py: the parameter 'n' of the pipeline function is a dict, which no option can be: use text, numbers, "
            "true or false, or paths",
        ),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(
    taking: Callable[..., str], parameters: str, arguments: list[str], sentence: str
) -> None:
    assert taking(parameters, *arguments) == f"synthkit: error: {sentence}\n"


def test_all_missing_options_are_named(taking: Callable[..., str]) -> None:
    assert taking("a: int, b_c: str, d: int = 1").splitlines() == [
        "synthkit: error: p.py needs --a: it has no default",
        "synthkit: error: p.py needs --b-c: it has no default",
    ]


@pytest.mark.parametrize("command", ["run", "check"])
def test_a_clash_names_both(cli: Cli, place: Path, command: str) -> None:
    parameters = "seed: int = 1, target: int = 1, max_rounds: int = 1, split: str = '', no_x: int = 1, x: bool = True"
    (place / "p.py").write_text(f"{HEAD}def pipeline({parameters}) -> sk.Pipeline: ...\n", "utf-8")
    said = cli(command, "p.py")
    start = "synthkit: error: p.py: the parameter"
    assert (said.code, said.out) == (2, "")
    assert said.err.splitlines() == [
        f"{start} 'seed' of the pipeline function clashes with --seed, an option of every run: rename the parameter",
        f"{start} 'target' of the pipeline function clashes with --target, an option of every run: rename the "
        "parameter",
        f"{start} 'max_rounds' of the pipeline function clashes with --max-rounds, an option of every run: rename the "
        "parameter",
        f"{start} 'split' of the pipeline function clashes with --split, an option of every run: rename the parameter",
        f"{start} 'x' of the pipeline function clashes with --no-x, an option by the parameter 'no_x': rename the "
        "parameter",
    ]


def test_every_option_of_a_run_is_reserved(cli: Cli, place: Path) -> None:
    names = [option.opts[0].removeprefix("--").replace("-", "_") for option in run_options()]
    (place / "p.py").write_text(
        f"{HEAD}def pipeline({', '.join(f'{name}: str' for name in names)}) -> sk.Pipeline: ...\n", "utf-8"
    )
    said = cli("check", "p.py")
    assert len(said.err.splitlines()) == len(names) > 10
    assert {option.opts[0] for option in going_options()} < {option.opts[0] for option in run_options()}


def test_help_of_a_file_lists_both_kinds_apart(cli: Cli, place: Path) -> None:
    body = '''def pipeline(n_words: int, style: Literal["a", "b"] = "a", x: bool = True, tags: list[str] = ["u", "v"],
             seeds: Path | None = None) -> sk.Pipeline:
    """Words \x1b[2Jand more.

    The second paragraph.
    """
'''
    (place / "p.py").write_text(HEAD + body, "utf-8")
    said = cli("run", "p.py", "--help")
    own, _, of_runs = said.out.partition("Options of every run:\n")
    head, _, own = own.partition("Options of this pipeline:\n")
    assert said.code == 0
    assert "p.py: Words \\x1b[2Jand more.\n\n  The second paragraph.\n" in head
    assert [" ".join(text.split()) for text in own.splitlines() if text] == [
        "--n-words INTEGER [required]",
        "--style [a|b] [default: a]",
        "--x / --no-x [default: --x]",
        "--tags TEXT May repeat. [default: u, v]",
        "--seeds PATH",
    ]
    options = [text.split()[0] for text in of_runs.splitlines() if text.startswith("  --")]
    assert options == [*(option.opts[0] for option in run_options()), "--help"]


def test_help_of_a_file_without_parameters_says_so(cli: Cli, place: Path) -> None:
    (place / "p.py").write_text(f"{HEAD}pipeline = sk.Pipeline('p') >> one(said='x')\n", "utf-8")
    assert "Options of this pipeline:\n  none: its function has no parameters\n" in cli("run", "p.py", "--help").out


def test_help_without_a_file_says_where_the_others_are(cli: Cli) -> None:
    said = cli("run", "--help")
    assert "Options of this pipeline" not in said.out
    assert said.out.endswith("A pipeline has options of its own: `synthkit run FILE --help` lists them.\n")


def test_defaults_in_the_help_are_those_of_the_engine(cli: Cli) -> None:
    text = " ".join(cli("run", "--help").out.split())
    settings = Settings()
    for name, default in (
        ("--seed N", settings.seed),
        ("--max-failures N|N%", settings.max_failures),
        ("--concurrency N", settings.concurrency),
    ):
        assert f"[default: {default}]" in text.partition(name)[2].partition(" --")[0], name


@pytest.mark.parametrize(
    ("arguments", "file"),
    [
        (["p.py"], "p.py"),
        (["--seed", "3", "p.py"], "p.py"),
        (["--seed=3", "p.py"], "p.py"),
        (["--offline", "p.py"], "p.py"),
        (["--seeds", "x.jsonl", "p.py"], "p.py"),
        (["--code", "x.py", "p.py"], "p.py"),
        (["--flag", "p.py"], "p.py"),
        (["--flag", "p.py", "--tags", "b"], "p.py"),
        (["--code=x.py", "p.py"], "p.py"),
        (["p.py", "--code", "x.py"], "p.py"),
        (["--help", "p.py"], "p.py"),
        (["--", "p.py"], "p.py"),
        (["pipeline"], "pipeline"),
        (["--seeds", "x.jsonl"], None),
        (["--run-dir", "p.py"], None),
        ([], None),
    ],
)
def test_the_file_is_found_wherever_it_stands(arguments: list[str], file: str | None) -> None:
    assert find_file(arguments, run_options()) == file


def test_options_may_stand_before_the_file(cli: Cli) -> None:
    said = cli("run", "--wait", "0", "--quiet", "--top", "5", "nums.py", "--seed", "1")
    assert (said.code, said.lines[0]) == (3, "partial: 3 of 30 accepted: numbers has no more records")


def test_two_files_are_one_too_many(cli: Cli, place: Path) -> None:
    (place / "p.py").write_text(HEAD + "def pipeline(flag: str = '') -> sk.Pipeline: ...\n", "utf-8")
    assert cli("run", "--flag", "p.py", "q").err == (
        "synthkit: error: p.py and q both stand where FILE does: put the pipeline file first, as in `synthkit run FILE "
        "--option value`\n"
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--target", "x"], "--target: 'x' is not a valid integer"),
        (["--target", "0"], "nums.py: a target of 0 records makes no sense: give 1 or more"),
        (["--concurrency", "0"], "--concurrency is 0: give 1 or more"),
        (["--max-rounds", "0"], "--max-rounds is 0: give 1 or more"),
        (["--max-failures", "many"], "--max-failures 'many' is neither a count (10) nor a share (20% or 0.2)"),
        (["--budget", "x"], "--budget 'x' is no amount of dollars: write 5 or 0.50"),
        (["--budget", "-1"], "--budget '-1' is not more than 0 dollars"),
    ],
)
def test_values_that_cannot_be_are_named_by_their_option(cli: Cli, arguments: list[str], sentence: str) -> None:
    said = cli("run", "nums.py", *arguments)
    assert (said.code, said.out, said.err) == (2, "", f"synthkit: error: {sentence}\n")


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        ("num.py", "there is no file num.py; did you mean 'nums.py'?"),
        ("xyz", "there is no file xyz; there are: nums.py"),
        (".", ". is a folder: name the pipeline file in it"),
    ],
)
def test_a_file_that_is_not_there(cli: Cli, file: str, sentence: str) -> None:
    said = cli("run", file)
    assert (said.code, said.err) == (2, f"synthkit: error: {sentence}\n")


def test_no_file_at_all(cli: Cli) -> None:
    assert cli("run").err == "synthkit: error: `synthkit run` needs FILE: see `synthkit run --help`\n"
    assert cli("run", "--seeds", "x").err == (
        "synthkit: error: there is no option --seeds of every run: did you mean --seed? If not, name the FILE, whose "
        "option it may be\n"
    )
    assert cli("run", "--xyzzy").err == (
        "synthkit: error: there is no option --xyzzy of every run: name the FILE, whose option it may be\n"
    )
