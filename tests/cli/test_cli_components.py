"""`synthkit components list` and `show`: what is there, from synthkit and from plugins, on screens of every width."""

import ast
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from cli_kit import Cli, Said, Terminal, environment, process

THEIRS = '''
from synthkit import Component, Fields, Filter, Format, IO, Step, Verdict


class ShoutLoud(Step):
    """Writes a text in \x1b[31mcapitals."""

    column: str = "text"

    def io(self, have):
        return IO.of(reads=self.column, writes=self.column)

    async def process(self, record, ctx):
        return {self.column: record[self.column].upper()}


class Silent(Filter):
    async def check(self, record, ctx):
        return Verdict(True)


class Demo(Component):
    """A technique with the name of a provider.

    Example:
        Pipeline("example") >> Rows([{"text": "one"}]) >>
    """


class Unwilling(Format):
    """A form that takes nothing."""

    def encode(self, record):
        raise RuntimeError("no")

    def decode(self, example):
        raise RuntimeError("no")
'''
HOOKS = """
from synthkit.plugins import hookimpl


@hookimpl
def synthkit_steps():
    return {"shout-loud": "their_parts:ShoutLoud", "lost": "their_parts:Lost"}


@hookimpl
def synthkit_filters():
    return {"silent": "their_parts:Silent"}


@hookimpl
def synthkit_techniques():
    return {"demo": "their_parts:Demo"}


@hookimpl
def synthkit_formats():
    return {"unwilling": "their_parts:Unwilling"}
"""


@pytest.fixture
def theirs(place: Path) -> Mapping[str, str]:
    """An environment with a plugin of four classes and a fifth that is not there, and with one that is broken."""
    site = place / "site"
    for name, module in (("theirs", "plugin_theirs"), ("sick", "plugin_sick")):
        info = site / f"dist_{name}-2.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: dist-{name}\nVersion: 2.0\n", "utf-8")
        (info / "entry_points.txt").write_text(f"[synthkit]\n{name} = {module}\n", "utf-8")
    (site / "plugin_theirs.py").write_text(HOOKS, "utf-8")
    (site / "plugin_sick.py").write_text("import nothing_of_the_kind\n", "utf-8")
    (site / "their_parts.py").write_text(THEIRS, "utf-8")
    return environment(PYTHONPATH=str(site))


@pytest.mark.parametrize("arguments", [[], ["list"], ["show"]])
def test_help_imports_nothing_that_it_does_not_need(arguments: list[str]) -> None:
    code = (
        "import json, sys\nfrom synthkit.cli.main import main\n"
        f"try: main(['components', *{arguments!r}, '--help'])\nexcept SystemExit as end: code = end.code\n"
        "print(json.dumps([code, sorted(sys.modules)]))"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True)
    exit_code, modules = json.loads(done.stdout.splitlines()[-1])
    assert exit_code == 0 and "Usage: synthkit components" in done.stdout
    assert not {"pydantic", "rich", "polars", "pluggy", "synthkit.core", "synthkit.plugins"} & set(modules)


def rows(said: Said) -> dict[str, tuple[str, str, str]]:
    """Kind, plugin and text of each row of the list, by its name."""
    found: dict[str, tuple[str, str, str]] = {}
    last = ""
    for text in said.lines[1:]:
        if text[:1].strip():
            last, kind, plugin, *what = text.split(maxsplit=3)
            found[last] = (kind, plugin, what[0] if what else "")
        else:
            found[last] = (*found[last][:2], f"{found[last][2]} {text.strip()}")
    return found


def test_the_list_has_every_kind_with_a_sentence_each(cli: Cli) -> None:
    said = cli("components", "list")
    found = rows(said)
    assert (said.code, said.err) == (0, "") and said.lines[0].split() == ["name", "kind", "plugin", "what", "it", "is"]
    assert {kind for kind, _, _ in found.values()} == {
        "generator", "step", "filter", "judge", "technique", "provider", "format",
    }  # fmt: skip
    assert found["min-hash-dedup"][:2] == ("filter", "synthkit")
    assert found["exact-dedup"][2] == "Drops a record whose columns equal those of an earlier one"
    assert all(text for _, _, text in found.values())


def test_the_list_can_be_narrowed(cli: Cli) -> None:
    filters = rows(cli("components", "list", "--kind", "filter"))
    assert "rules" in filters and {kind for kind, _, _ in filters.values()} == {"filter"}
    assert set(rows(cli("components", "list", "near-duplicate"))) == {"min-hash-dedup"}
    assert set(rows(cli("components", "list", "MINHASH", "--kind", "filter"))) == {"min-hash-dedup"}
    assert "self-instruct" in rows(cli("components", "list", "seed instruction"))
    assert set(rows(cli("components", "list", "--plugin", "synthkit"))) == set(rows(cli("components", "list")))
    said = cli("components", "list", "xyzzy")
    assert (said.code, said.out) == (0, "none: `synthkit components list` without more shows all that there is\n")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["list", "--plugin", "synthkitt"], "--plugin: there is no plugin 'synthkitt'; did you mean 'synthkit'?"),
        (["list", "--kind", "filters"], "--kind: 'filters' is not one of 'generator', 'step', 'filter', 'judge', "),
        (["lst"], "there is no command lst: did you mean list?"),
        (["show"], "`synthkit components show` needs NAME: see `synthkit components show --help`"),
        (["show", "MinHashDedupe"], "nothing is registered as 'MinHashDedupe': did you mean 'min-hash-dedup'?"),
        (["show", "xyzzy"], "nothing is registered as 'xyzzy' (there are: load-documents, "),
        (["show", "rules", "--kind", "step"], "--kind: rules is no step but a filter: say --kind filter, or leave "),
        (["show", "demo", "--example"], "provider 'demo' of plugin 'synthkit' (synthkit "),
    ],
)
def test_wrong_words_are_named_in_one_line(cli: Cli, arguments: list[str], sentence: str) -> None:
    said = cli("components", *arguments)
    assert (said.code, said.out, len(said.err.splitlines())) == (2, "", 1)
    assert said.err.startswith(f"synthkit: error: {sentence}")


def test_all_there_is_to_know_is_shown(cli: Cli) -> None:
    said = cli("components", "show", "Rubric")
    assert (said.code, said.err) == (0, "")
    assert said.lines[0].startswith("rubric  judge of synthkit")
    assert said.lines[1] == "from synthkit.judges import Rubric"
    blocks = {block.split("\n")[0]: block for block in said.out.split("\n\n")}
    parameters = blocks["Parameters"].splitlines()
    assert parameters[1:3] == ["  model  ModelName, required", "      The judge."]
    assert "  share  bool, default True" in parameters and '  prefix  str, default ""' in parameters
    assert blocks["Columns, in the example below"].splitlines()[1:] == [
        "  reads   instruction, output",
        "  writes  score, rationale",
    ]
    assert "  from synthkit.generators import Rows" in said.lines
    assert "  │ {{ material }}" in said.lines, "the prompt with its own lines"
    assert "{{" not in said.out.partition("Prompt `template`")[0]


def test_a_source_is_shown(cli: Cli) -> None:
    said = cli("components", "show", "self-instruct")
    assert "\nSource\n  Wang et al. (2022), Self-Instruct, arXiv 2212.10560" in said.out
    assert "\n  parts   demonstrations, tasks, suitable" in said.out


def test_providers_and_formats_say_how_they_are_used(cli: Cli) -> None:
    openai = cli("components", "show", "openai", "--kind", "provider").out
    assert "\n  models" in openai and "`openai/NAME`" in openai and "`OPENAI_API_KEY` in the environment" in openai
    alpaca = cli("components", "show", "Alpaca").out
    assert "  export  `--export train.jsonl:alpaca`" in alpaca
    assert '  a line  `{"instruction": "Add 2 and 3.", "input": "", "output": "5"}`' in alpaca


def test_the_example_alone_is_a_file_that_runs(cli: Cli, place: Path) -> None:
    said = cli("components", "show", "rows", "--example")
    assert (said.code, said.err) == (0, "")
    ast.parse(said.out)
    (place / "example.py").write_text(said.out, "utf-8")
    assert cli("run", "example.py", "--quiet").out.startswith("complete: 2 accepted")


def test_components_of_plugins_are_shown_from_their_docstrings_alone(place: Path, theirs: Mapping[str, str]) -> None:
    said = process("components", "show", "ShoutLoud", cwd=place, env=theirs)
    assert said.code == 0 and said.out == (
        "shout-loud  step of theirs 2.0\n"
        "from their_parts import ShoutLoud\n\n"
        "Writes a text in \\x1b[31mcapitals.\n\n"
        'Parameters\n  column  str, default "text"\n\n'
        "Columns, without parameters\n  reads   text (by `column`)\n  writes  text (by `column`)\n"
    )
    assert said.err.startswith("synthkit: warning: plugin 'sick' (dist-sick 2.0) cannot be imported")
    bare = process("components", "show", "silent", cwd=place, env=theirs)
    assert bare.out == "silent  filter of theirs 2.0\nfrom their_parts import Silent\n"
    form = process("components", "show", "unwilling", cwd=place, env=theirs)
    assert form.out.endswith("In use\n  export  `--export train.jsonl:unwilling`\n")


def test_what_is_broken_is_listed_and_breaks_nothing(place: Path, theirs: Mapping[str, str]) -> None:
    said = process("components", "list", "--plugin", "theirs", cwd=place, env=theirs)
    found = rows(said)
    assert said.code == 0 and set(found) == {"shout-loud", "lost", "silent", "demo", "unwilling"}
    assert found["lost"][2].startswith("cannot be imported: step 'lost' of plugin 'theirs' (dist-theirs 2.0)")
    assert found["silent"] == ("filter", "theirs", "") and "\x1b" not in said.out
    assert len(said.err.splitlines()) == 1 and "'sick'" in said.err
    assert "rubric" in rows(process("components", "list", cwd=place, env=theirs))
    lost = process("components", "show", "lost", cwd=place, env=theirs)
    assert lost.code == 2 and "has no attribute 'Lost'" in lost.err and "Traceback" not in lost.err


def test_one_name_of_two_kinds_needs_the_kind(place: Path, theirs: Mapping[str, str]) -> None:
    said = process("components", "show", "demo", cwd=place, env=theirs)
    sentence = "synthkit: error: demo is a technique and a provider: say which one, as in --kind technique\n"
    assert (said.code, said.err) == (2, sentence)
    said = process("components", "show", "demo", "--kind", "technique", cwd=place, env=theirs)
    assert said.code == 0 and said.lines[0] == "demo  technique of theirs 2.0"
    assert "Example, which cannot run: the example of technique 'demo' of plugin 'theirs'" in said.out
    assert '  Pipeline("example") >> Rows([{"text": "one"}]) >>' in said.lines, "what there is of it is shown"


@pytest.mark.parametrize("columns", [40, 80])
@pytest.mark.parametrize("arguments", [["list"], ["show", "rubric"], ["show", "alpaca"], ["show", "prompt"]])
def test_it_fits_the_screen(cli: Cli, monkeypatch: pytest.MonkeyPatch, arguments: list[str], columns: int) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    said = cli("components", *arguments)
    prose = said.out.partition("\nExample")[0].splitlines()  # code is to be copied, and has its own lines
    assert said.code == 0 and max(map(len, prose)) <= columns


def test_names_stand_out_on_a_terminal(place: Path) -> None:
    with Terminal("components", "show", "rows", cwd=place) as terminal:
        assert terminal.end() == 0
    assert "\x1b[1mrows\x1b[0m" in terminal.raw and "\x1b[1mParameters\x1b[0m" in terminal.raw
    with Terminal("components", "show", "rows", cwd=place, NO_COLOR="1") as plain:
        assert plain.end() == 0
    assert "\x1b[" not in plain.raw and plain.text == terminal.text
