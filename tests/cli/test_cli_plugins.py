"""`synthkit plugins list`."""

import re
from pathlib import Path

import pytest
from cli_kit import Said, environment, process


@pytest.fixture
def installed(place: Path) -> dict[str, str]:
    """An environment with three plugins more: a good one, one that cannot be imported, one that is misspelt."""
    site = place / "site"
    sources = {
        "good": "@hookimpl\ndef synthkit_filters():\n    return {'good-one': 'a:One', 'good-two': 'b:Two'}",
        "missing": "import nothing_of_the_kind",
        "misspelt": "@hookimpl\ndef synthkit_filter():\n    return {}",
    }
    for name, source in sources.items():
        info = site / f"dist_{name}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: dist-{name}\nVersion: 1.0\n", "utf-8")
        (info / "entry_points.txt").write_text(f"[synthkit]\n{name} = plugin_{name}\n", "utf-8")
        (site / f"plugin_{name}.py").write_text(f"from synthkit.plugins import hookimpl\n\n{source}\n", "utf-8")
    return environment(PYTHONPATH=str(site))


def listed(place: Path, env: dict[str, str]) -> Said:
    return process("plugins", "list", cwd=place, env=env)


def test_plugins_are_listed_with_what_they_provide_and_lack(place: Path, installed: dict[str, str]) -> None:
    said = listed(place, installed)
    rows = {text.split()[0]: text.split()[1:] for text in said.out.split("\n\n")[0].splitlines()}
    assert said.code == 0 and said.err == ""
    assert rows["plugin"] == ["distribution", "version", "status"]
    assert rows["synthkit"][0] == "synthkit" and rows["synthkit"][-1] == "ok"
    assert rows["good"] == ["dist-good", "1.0", "ok"]
    assert rows["missing"] == ["dist-missing", "1.0", "broken"]
    assert rows["misspelt"] == ["dist-misspelt", "1.0", "broken"]
    details = {block.split("\n")[0]: " ".join(block.split()) for block in said.out.split("\n\n")[1:]}
    assert details["good"] == "good filters good-one, good-two"
    assert "problem plugin 'missing' (dist-missing 1.0)" in details["missing"]
    assert "No module named 'nothing_of_the_kind'" in details["missing"]
    assert "synthkit_filter, which does not exist: did you mean synthkit_filters?" in details["misspelt"]
    assert "min-hash-dedup" in details["synthkit"] and "sharegpt" in details["synthkit"]


def test_plugins_that_are_left_out(place: Path, installed: dict[str, str]) -> None:
    said = listed(place, {**installed, "SYNTHKIT_PLUGINS": "good,gone"})
    rows = {text.split()[0]: text.split()[-1] for text in said.out.split("\n\n")[0].splitlines()}
    assert (rows["good"], rows["missing"], rows["misspelt"]) == ("ok", "off", "off")
    assert said.err.startswith("synthkit: warning: SYNTHKIT_PLUGINS names the plugin 'gone', which is not installed")
    assert len(said.err.splitlines()) == 1


def test_a_run_warns_of_each_problem_once(place: Path, installed: dict[str, str]) -> None:
    said = process("check", "nums.py", cwd=place, env=installed)
    warnings = said.err.splitlines()
    assert said.code == 0 and len(warnings) == 2
    assert all(text.startswith("synthkit: warning: plugin 'mis") for text in warnings)


@pytest.mark.parametrize("columns", ["40", "80"])
def test_the_list_fits_the_screen(place: Path, installed: dict[str, str], columns: str) -> None:
    said = listed(place, {**installed, "COLUMNS": columns})
    assert said.code == 0 and max(map(len, said.lines)) <= int(columns)


def test_hostile_names_are_made_harmless(place: Path) -> None:
    info = place / "site/dist_bad-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: dist-bad\nVersion: 1.0\n", "utf-8")
    (info / "entry_points.txt").write_text("[synthkit]\nbad\x1b[2J\u202e = nothing_of_the_kind\n", "utf-8")
    said = listed(place, environment(PYTHONPATH=str(place / "site")))
    assert said.code == 0 and "bad\\x1b[2J" in said.out
    for text in (said.out, said.err):
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", text)
