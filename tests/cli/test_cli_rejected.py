"""`synthkit rejected`: samples of many records, the same ones each time."""

import json
import re
from pathlib import Path

import pytest
from cli_kit import Cli, Terminal

MANY = """
import synthkit as sk


@sk.generator(writes=["n"])
def made(top: int = 4000):
    for n in range(top):
        yield {"n": n}


@sk.filter(reads="n")
def few(record):
    reason = "third" if record["n"] % 3 == 0 else "rare" if record["n"] in (7, 3001) else "other"
    return record["n"] % 1000 == 1, reason


def pipeline(top: int = 4000) -> sk.Pipeline:
    return sk.Pipeline("many") >> made(top=top) >> few
"""


@pytest.fixture
def many(cli: Cli, place: Path) -> Cli:
    """With a complete run, many-001, that dropped nearly all of 4000 records."""
    (place / "many.py").write_text(MANY)
    assert cli("run", "many.py", "--quiet").code == 0
    return cli


def numbers(cli: Cli, *arguments: str) -> list[int]:
    said = cli("rejected", "many-001", *arguments)
    assert said.code == 0, said.err
    return [int(text.split()[1]) for text in said.lines if text.startswith("  n ")]


def test_a_sample_is_of_all_and_always_the_same(many: Cli) -> None:
    ten = numbers(many, "--reason", "other", "--sample", "10")
    assert len(ten) == 10 and ten == sorted(ten) and ten == numbers(many, "--reason", "other", "--sample", "10")
    assert max(ten) - min(ten) > 1000, "not the first ones"
    assert set(ten) < set(numbers(many, "--reason", "other", "--sample", "30")), "more are these, and others"


def test_each_reason_has_its_turn(many: Cli) -> None:
    said = many("rejected", "many-001", "--sample", "5")
    counts = [" ".join(text.split()) for text in said.lines[1:4]]
    assert counts == ["few dropped other 2,662", "few dropped third 1,333", "few dropped rare 1"]
    titles = re.findall("^dropped at few: ([a-z]+) ", said.out, re.M)
    assert titles == ["other", "other", "third", "third", "rare"], "in the order of the table"


def test_for_programs_it_is_the_same_sample(many: Cli) -> None:
    said = many("rejected", "many-001", "--json", "--sample", "6")
    forms = [json.loads(text) for text in said.lines]
    assert [form["fields"]["n"] for form in forms] == numbers(many, "--sample", "6")
    assert len(many("rejected", "many-001", "--json", "--sample", "0", "--reason", "third").lines) > 1000


def test_the_ids_lead_to_the_stories(many: Cli) -> None:
    said = many("rejected", "many-001", "--sample", "1", "--reason", "third")
    title = next(text for text in said.lines if text.startswith("dropped at few: third"))
    story = many("show", "many-001", title.split()[-1])
    assert story.code == 0 and story.lines[0] == "dropped: third, at few"
    assert f"\n  n  {numbers(many, '--sample', '1', '--reason', 'third')[0]}\n" in story.out


def test_it_fits_a_terminal(many: Cli, place: Path) -> None:
    with Terminal("rejected", "many-001", "--sample", "4", cwd=place, columns=40, NO_COLOR="1") as terminal:
        assert terminal.end() == 0
    assert max(map(len, terminal.text.splitlines())) <= 40 and "\x1b" not in terminal.raw


WIDE = """
import synthkit as sk
from synthkit.generators import Rows

RECORD = {
    "ticket": "T-1", "contact": "ann@example.org", "instruction": "Name a river.", "input": "", "output": "The Po.",
    "language": "en", "tags": ["a"], "score": 3, "rationale": "It is short.",
}


def pipeline() -> sk.Pipeline:
    return sk.Pipeline("wide") >> Rows([RECORD]) >> sk.AtLeast(least=4, rationale="rationale")
"""


def test_the_usual_columns_come_before_all_others(cli: Cli, place: Path) -> None:
    (place / "wide.py").write_text(WIDE)
    assert cli("run", "wide.py", "--quiet").code == 0
    said = cli("rejected", "wide-001")
    assert said.lines[3:] == [
        said.lines[3],
        "  message      It is short.",
        "  score        3",
        "  instruction  Name a river.",
        "  output       The Po.",
        "  language     en",
        "  … 4 more columns",
        "",
        "note  `synthkit show wide-001 ID` tells the whole story of a record",
    ]
    story = cli("show", "wide-001", said.lines[3].split()[-1])
    assert "  score    3\n" in story.out and "3.0" not in story.out + said.out, "one form everywhere"
