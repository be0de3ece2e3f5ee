"""`synthkit journal explain`: for an edit, and for two runs."""

import json
import re
from pathlib import Path

import pytest
from cli_kit import Cli
from journal_kit import HOSTILE, KEY, harmless


def test_an_edit_is_explained_with_the_options_of_the_last_run(journaled: Cli, place: Path) -> None:
    assert journaled("run", "cities.py", "--quiet", "--top", "3", "--seeds", "a b", "--seeds", "c").code == 0
    path = place / "cities.py"
    path.write_text(path.read_text().replace("in one sentence", "in two short sentences"))
    before = sorted(str(path) for path in place.rglob("*") if "__pycache__" not in str(path))
    said = journaled("journal", "explain", "cities.py")
    assert said.code == 0 and said.err == ""
    blocks = said.out.split("\n\n")
    assert blocks[0] == "cities.py as it is now, compared with runs/cities-002"
    assert [line.split() for line in blocks[1].splitlines()] == [
        ["requests", "of", "same", "changed", "waiting", "calls"],
        ["describe", "0", "3", "0", "3"],
        ["slogan", "0", "0", "3", "0"],
    ]
    assert blocks[2].splitlines()[0] == "describe: user message (3)"
    assert blocks[2].splitlines()[2:] == [
        "  - …Rome (Italy) in one sentence.",
        "  + …Rome (Italy) in two short sentences.",
    ]
    assert re.search(r"calls    3 to make, for about \$0\.\d+\n", blocks[3])
    assert "waiting  3 later requests of that run; at the most all are asked anew" in blocks[3]
    assert said.lines[-1] == "note     as that run: --top 3, --seeds 'a b' --seeds c"
    assert sorted(str(path) for path in place.rglob("*") if "__pycache__" not in str(path)) == before
    form = json.loads(journaled("journal", "explain", "cities.py", "--top", "4", "--json").out)
    assert form["calls"] == 4 and form["waiting_records"] == 4 and form["records"] == {"same": 3, "new": 1, "gone": 0}
    assert journaled("run", "cities.py", "--quiet", "--top", "3").code == 0
    assert "calls  none: the journal has every answer" in journaled("journal", "explain", "cities.py").out


def test_a_run_that_failed_is_not_the_one_to_compare_with(journaled: Cli, place: Path) -> None:
    assert journaled("run", "cities.py", "--quiet", "--offline", "--seed", "99").code == 1
    assert json.loads((place / "runs/cities-002/run.json").read_text())["status"] == "failed"
    assert journaled("journal", "explain", "cities.py").out.split(" with ")[1].startswith("runs/cities-001\n")
    told = journaled("journal", "explain", "cities.py", "--against", "cities-002")
    assert told.out.split(" with ")[1].startswith("runs/cities-002\n")


def test_two_runs_are_explained(journaled: Cli, place: Path) -> None:
    path = place / "cities.py"
    path.write_text(path.read_text().replace("for posters", "for shirts"))
    assert journaled("run", "cities.py", "--quiet").code == 0
    said = journaled("journal", "explain", "cities-001", "runs/cities-002")
    assert said.code == 0 and said.lines[0] == "runs/cities-002, compared with runs/cities-001"
    assert [line.split() for line in said.out.split("\n\n")[1].splitlines()[1:]] == [
        ["describe", "4", "0"],
        ["slogan", "0", "4"],
    ]
    assert "slogan: system prompt (4)" in said.out
    assert "  - You write for posters." in said.out and "  + You write for shirts." in said.out
    assert json.loads(journaled("journal", "explain", "cities-001", "cities-002", "--json").out)["calls"] == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["cities-001"], "cities-001 is one run: name a second one behind it, or a pipeline file, to compare it with"),
        (["cities-001", "cities-007"], "there is no run cities-007; did you mean 'cities-001'?"),
        (
            ["cities-001", "cities.py"],
            "for a file against a run: `synthkit journal explain cities.py --against cities-001`",
        ),
        (["cities.py", "cities-001"], "for a file against a run: `synthkit journal explain cities.py --against RUN`"),
        (["nothing.py"], "there is no file nothing.py; there are: cities.py, nums.py"),
        (["cities.py", "--against", "x"], "there is no run x"),
        (["cities.py", "--agains", "x"], "there is no option --agains: did you mean --against, an option of every exp"),
        (["cities.py", "--model", "nobody"], "cities.py: describe: no model is called 'nobody'"),
        ([], "`synthkit journal explain` needs FILE"),
    ],
)
def test_what_cannot_be_explained_is_named(journaled: Cli, arguments: list[str], said: str) -> None:
    told = journaled("journal", "explain", *arguments)
    assert told.code == 2 and told.err.startswith(f"synthkit: error: {said}"), told.err


def test_prompts_with_keys_and_hostile_ones_are_shown_harmlessly(
    journaled: Cli, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    path = place / "cities.py"
    hostile = HOSTILE.encode("utf-8", "replace").decode().replace("{", "")
    path.write_text(path.read_text().replace('"Describe {{', f'{hostile!r} "{KEY} {{{{'))
    said = journaled("journal", "explain", "cities.py")
    assert said.code == 0 and KEY not in said.out and "***" in said.out
    harmless(said.out)
    assert KEY not in journaled("journal", "explain", "cities.py", "--json").out
