"""`synthkit check`."""

from pathlib import Path

import pytest
from cli_kit import NUMS, Cli

PARTS = '''
from pydantic import BaseModel
import synthkit as sk
from synthkit.filters import MinHashDedup


@sk.generator(writes=["text", "raw"])
def texts(top: int = 3):
    for i in range(top):
        yield {"text": f"text {i}", "raw": "x"}


class Ask(sk.Prompt):
    """Asks."""
    template = "{{ text }}?"

    class Out(BaseModel):
        answer: str


@sk.step(reads=["text", "raw"], writes="length", drops="raw", maybe="odd")
def measure(record):
    return {"length": 1}


@sk.filter(reads="answers")
def good(record):
    return True


def pipeline(model: str = "demo/default", other: str = "demo/default") -> sk.Pipeline:
    """Everything there is."""
    fork = sk.Fork({"a": Ask(model=model), "b": (Ask(model=other), Ask(label="again", model=other))}, into="answers")
    return sk.Pipeline("parts", target=2) >> texts >> measure >> MinHashDedup("text") >> fork >> good
'''


def test_the_plan_the_models_the_target_and_the_exports_are_shown(cli: Cli, place: Path) -> None:
    (place / "parts.py").write_text(PARTS, "utf-8")
    said = cli("check", "parts.py", "--target", "1200")
    assert (said.code, said.err) == (0, "")
    assert said.out == (
        "step            kind          reads      writes\n"
        "texts           generator                text, raw\n"
        "measure         step          text, raw  length, odd (maybe), raw (dropped)\n"
        "min-hash-dedup  dataset step  text\n"
        "fork            fork          text       answers\n"
        "  a/ask         step\n"
        "  b/ask         step\n"
        "  b/again       step\n"
        "good            filter        answers\n"
        "\n"
        "model         goes to       key\n"
        "demo/default  this process  none needed\n"
        "\n"
        "pipeline  parts\n"
        "target    1,200 accepted records\n"
    )


def test_nothing_is_written(cli: Cli, place: Path) -> None:
    before = sorted(path.name for path in place.iterdir())
    assert cli("check", "nums.py").code == 0
    assert sorted(path.name for path in place.iterdir() if path.name != "__pycache__") == before


def test_without_a_target_and_models(cli: Cli, place: Path) -> None:
    (place / "nums.py").write_text(NUMS.replace(", target=30", ""), "utf-8")
    said = cli("check", "nums.py")
    assert "model" not in said.out and said.lines[-1] == "target    all that the generator has"


def test_where_models_go_and_whether_the_key_is_there(cli: Cli, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "parts.py").write_text(PARTS, "utf-8")
    (place / "synthkit.toml").write_text(
        '[models.near]\nuse = "openai/q"\nbase_url = "http://localhost:1/v1"\n'
        '[models.far]\nuse = "openai/g"\napi_key_env = "FAR_KEY"\n',
        "utf-8",
    )
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    (place / ".env").write_text("FAR_KEY=sk-very-secret-0123456789\n", "utf-8")
    said = cli("check", "parts.py", "--model", "near", "--other", "far")
    assert said.out.split("\n\n")[1].splitlines() == [
        "model  goes to                            key",
        "near   openai/q at http://localhost:1/v1  OPENAI_API_KEY is not set; a server of one's own may need none",
        "far    openai/g at the service of openai  FAR_KEY is set",
    ]
    assert "very-secret" not in said.out + said.err


def test_a_missing_key_is_a_problem_of_the_file(cli: Cli, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "parts.py").write_text(PARTS, "utf-8")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    said = cli("check", "parts.py", "--model", "openai/g", "--other", "openai/g")
    assert (said.code, said.out) == (2, "") and len(said.err.splitlines()) == 1
    assert said.err.startswith("synthkit: error: parts.py: fork/a/ask: openai/g needs a key: set OPENAI_API_KEY in ")


def test_a_model_that_is_not_there_is_named_once(cli: Cli, place: Path) -> None:
    (place / "parts.py").write_text(PARTS, "utf-8")
    said = cli("check", "parts.py", "--model", "nope", "--other", "nope")
    assert said.code == 2 and len(said.err.splitlines()) == 1
    assert said.err.startswith("synthkit: error: parts.py: fork/a/ask: no model is called 'nope': write provider/name")


def test_all_problems_are_told(cli: Cli, place: Path) -> None:
    text = NUMS.replace('reads="square"', 'reads="sqare"').replace("target=30", "target=0")
    (place / "nums.py").write_text(text, "utf-8")
    for command in ("check", "run"):
        said = cli(command, "nums.py", "--export", "a.jsonl:nope")
        assert (said.code, said.out) == (2, "")
        problems = said.err.splitlines()
        assert problems[0].startswith("synthkit: error: --export a.jsonl:nope: no format is called 'nope'")
        assert problems[1:] == [
            "synthkit: error: nums.py: a target of 0 records makes no sense: give 1 or more",
            "synthkit: error: nums.py: even reads column 'sqare', which nothing before it writes; did you mean "
            "'square'?",
        ]


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("x = 1", "p.py has no pipeline: define `def pipeline(...) -> Pipeline:` in it"),
        ("x = 1\0", "p.py: source code string cannot contain null bytes"),
        (
            "import synthkit as sk\na, b = sk.Pipeline('a'), sk.Pipeline('b')",
            "p.py has nothing called `pipeline`, but a, b: give the one to run that name",
        ),
        (
            "def pipeline():\n    return 1\n\n\ndef pipeline():\n    return 2",
            "p.py defines `pipeline` in lines 1 and 5: keep one, rename the others",
        ),
        ("def pipeline(): return 3", "p.py: its function returned a value of type int: let it return a Pipeline"),
        ("\nimport nothing_of_the_kind", "p.py, line 2: ModuleNotFoundError: No module named 'nothing_of_the_kind'"),
        ("def pipeline():\n    raise OSError('no\\x1b[2J\\nluck')", "p.py, line 2: OSError: no\\x1b[2J luck"),
    ],
)
def test_a_file_that_cannot_be_used(cli: Cli, place: Path, source: str, sentence: str) -> None:
    (place / "p.py").write_text(source, "utf-8")
    said = cli("check", "p.py")
    assert (said.code, said.out, said.err) == (2, "", f"synthkit: error: {sentence}\n")


@pytest.mark.parametrize("columns", ["40", "60", "80", "200"])
def test_tables_fit_the_screen(cli: Cli, place: Path, monkeypatch: pytest.MonkeyPatch, columns: str) -> None:
    long = "a-label/that-goes/on-and-on-and-on-for-ever-and-ever-and-a-day"
    text = NUMS.replace(">> even", f">> even(label={long!r})").replace('reads="square"', "reads=['square', 'n']")
    (place / "nums.py").write_text(text, "utf-8")
    monkeypatch.setenv("COLUMNS", columns)
    said = cli("check", "nums.py")
    assert said.code == 0 and max(map(len, said.lines)) <= int(columns)
    assert long in said.out or columns != "200"
