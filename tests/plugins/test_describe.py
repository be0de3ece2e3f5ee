"""What is read of a class for its users: docstrings taken apart, parameters, examples, columns."""

from enum import Enum
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest
from plugin_site import Site, hook
from pydantic import Field

from synthkit import Component, Fork, ModelName, PartField, Prompt
from synthkit.core.component import kebab
from synthkit.errors import PluginError
from synthkit.plugins import Registry, load
from synthkit.plugins.columns import columns
from synthkit.plugins.describe import Description, describe
from synthkit.plugins.docstrings import attribute_docs, parse, points
from synthkit.plugins.examples import pipeline_file, pipeline_of
from synthkit.plugins.parameters import meanings, parameters_of, spelled, type_text

NAMES = load([], {})
CLAIMS = NAMES.claims()
COMPONENTS = [claim for claim in CLAIMS if claim.kind not in ("provider", "format")]

DOC = """Cuts texts: `Cut(most=3)`. It keeps words whole.

    Every limit is given by column. most, least: how many words, with a «:» in
    between; at least one. how: a word. A sentence that belongs to it; into: the column
    for the rest, as in {"a": 1}.

    None of this: is a parameter. A source: neither. Source: Doe et al. (2020), arXiv 2001.00001, section 3. More prose.

    - one point that is
      long
    - another

    Example:
        Pipeline("example") >> Rows([{"a": "b"}])

        # and below a comment
        Cut()
    """


def test_a_docstring_is_taken_apart() -> None:
    doc = parse(DOC, ["most", "least", "how", "into"])
    assert (doc.summary, doc.usage) == ("Cuts texts", "Cut(most=3)")
    assert doc.meanings == {
        "most": "how many words, with a «:» in between; at least one.",
        "least": "how many words, with a «:» in between; at least one.",
        "how": "a word. A sentence that belongs to it.",
        "into": 'the column for the rest, as in {"a": 1}.',
    }
    assert doc.source == "Doe et al. (2020), arXiv 2001.00001, section 3"
    assert doc.example.splitlines() == [
        'Pipeline("example") >> Rows([{"a": "b"}])',
        "",
        "# and below a comment",
        "Cut()",
    ]
    first, second, third, fourth = doc.text
    assert first == "Cuts texts: `Cut(most=3)`. It keeps words whole."
    assert second == "Every limit is given by column."
    assert third == "None of this: is a parameter. A source: neither. More prose."
    assert points(fourth) == ["- one point that is long", "- another"]


@pytest.mark.parametrize("given", [None, "", "  \n "])
def test_no_docstring_says_nothing(given: str | None) -> None:
    doc = parse(given, ["a"])
    assert (doc.summary, doc.text, doc.meanings, doc.source, doc.example) == ("", (), {}, "", "")


@pytest.mark.parametrize(
    ("text", "summary"),
    [
        ("One sentence.", "One sentence"),
        ("Reads `a. b` and e.g.`c`. More.", "Reads `a. b` and e.g.`c`"),
        ("No full stop", "No full stop"),
        ("Why? Because.", "Why?"),
        ("`x`: `f(1)`.", "`x`"),
    ],
)
def test_the_summary_is_the_first_sentence(text: str, summary: str) -> None:
    assert parse(text).summary == summary


def test_a_source_may_be_a_paragraph_and_a_meaning_stands_on_a_line_of_its_own() -> None:
    doc = parse("It.\n\nArgs:\n    a: one.\n    b: two\n\nSource: A. Author et al. (2020), A title. More.", ["a", "b"])
    assert doc.meanings == {"a": "one.", "b": "two"} and doc.source == "A. Author et al. (2020), A title"
    assert doc.text == ("It.", "Args:", "More.")


def test_what_is_raised_belongs_to_no_parameter() -> None:
    doc = parse("It.\n\na: one.\nb: two. Raises `ValueError` for three. And more.", ["a", "b"])
    assert doc.meanings == {"a": "one.", "b": "two."} and doc.text[1] == "Raises `ValueError` for three. And more."


def test_code_in_a_docstring_stays_as_it_is() -> None:
    doc = parse("It.\n\n    a: int = 1\n    b = 2\n\nEnd.", ["a"])
    assert doc.text == ("It.", "    a: int = 1\n    b = 2", "End.") and doc.meanings == {}


class Colour(Enum):
    RED = "red"


class Base(Component):
    """A base. shared: from the base. own: never seen."""

    shared: int = 1
    beneath: str = ""
    """Beneath the field,
    on two lines."""


class Child(Base):
    """A child.

    own: what the child says. Kind: a class variable; not_there: no parameter.
    """

    own: int = Field(3, ge=1, le=5, description="not this")
    described: Literal["a", "b"] = Field("a", description="by pydantic")
    model: ModelName
    models_more: list[ModelName] = []
    part: PartField
    parts: dict[str, PartField] = {}
    colour: Colour | None = Colour.RED
    names: tuple[str, ...] = ("x",)
    path: Path = Path("a.jsonl")
    share: float = Field(0.5, gt=0, lt=1)
    few: list[str] = Field(["x"], min_length=1)
    Kind: ClassVar[str] = "k"


def test_meanings_come_from_the_class_that_has_them() -> None:
    found = meanings(Child)
    assert found["own"] == "what the child says."
    assert found["shared"] == "from the base."
    assert found["beneath"] == "Beneath the field, on two lines."
    assert found["described"] == "by pydantic"
    assert found["Kind"] == "a class variable; not_there: no parameter."
    assert "not_there" not in found and "model" not in found
    assert attribute_docs(Base) == {"beneath": "Beneath the field, on two lines."}


def test_parameters_are_told_as_one_writes_them() -> None:
    told = {p.name: (p.type, p.given, p.limits) for p in parameters_of(Child)}
    assert told == {
        "own": ("int", "default 3", "from 1 to 5"),
        "described": ('"a" | "b"', 'default "a"', ""),
        "model": ("ModelName", "required", ""),
        "models_more": ("list[ModelName]", "default []", ""),
        "part": ("Part", "required", ""),
        "parts": ("dict[str, Part]", "default {}", ""),
        "colour": ("Colour | None", 'default "red"', ""),
        "names": ("list[str]", 'default ["x"]', ""),
        "path": ("Path", 'default "a.jsonl"', ""),
        "share": ("float", "default 0.5", "over 0, under 1"),
        "few": ("list[str]", 'default ["x"]', "not shorter than 1"),
        "shared": ("int", "default 1", ""),
        "beneath": ("str", 'default ""', ""),
        "label": ("str | None", "default None", ""),
    }
    assert next(iter(told)) == "own", "a class's own parameters come first"


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Any, "Any"),
        (dict[str, list[int] | None], "dict[str, list[int] | None]"),
        (None | int, "int | None"),
        (type[Prompt], "type[Prompt]"),
        (tuple[int, str], "tuple[int, str]"),
    ],
)
def test_types(kind: Any, text: str) -> None:
    assert type_text(kind) == text


def test_values() -> None:
    assert spelled({"a": ["b", 1, None, True], "c": {"d": 'e"'}}) == '{"a": ["b", 1, None, True], "c": {"d": "e\\""}}'
    assert spelled(Colour) == "Colour"


# What is built in.


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
def test_everything_built_in_says_what_it_is(claim: Any) -> None:
    found = describe(claim, NAMES)
    assert 10 <= len(found.doc.summary) <= 200, found.doc.summary
    assert [p.name for p in found.parameters if not p.meaning] == [], "say in the docstring what they mean"
    assert not any("Example:" in text or "Source:" in text for text in found.doc.text)
    assert found.import_line.startswith("from synthkit")
    space: dict[str, Any] = {}
    exec(found.import_line, space)
    assert space[found.cls.__name__] is found.cls


@pytest.mark.parametrize("claim", COMPONENTS, ids=lambda claim: claim.name)
def test_every_component_built_in_has_an_example_that_holds_it(claim: Any, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    found = describe(claim, NAMES)
    seen = columns(found, NAMES)
    assert seen is not None and not seen.default, "the example has no component of this class, or cannot be planned"
    assert list(tmp_path.iterdir()) == [], "looking at an example leaves nothing behind"


def test_columns_are_those_of_the_example_with_the_parameters_that_named_them() -> None:
    def rows(name: str) -> dict[str, str]:
        found = columns(describe(NAMES.find(name)[0], NAMES), NAMES)
        assert found is not None
        return dict(found.rows())

    assert rows("Fork") == {"reads": "city", "writes": "texts (by `into`)"}
    assert rows("rubric") == {"reads": "instruction, output", "writes": "score, rationale"}
    assert rows("self-instruct")["parts"].startswith("demonstrations, tasks, suitable, novel")
    assert rows("exact-dedup") == {"reads": "text (by `columns`)"}


def test_prompts_are_the_defaults_that_are_templates() -> None:
    assert list(describe(NAMES.find("rubric")[0], NAMES).prompts) == ["template"]
    tasks = describe(NAMES.find("self-instruct")[0], NAMES).prompts
    assert list(tasks) == ["tasks", "classification", "output_first", "input_first"]
    assert "{{ last }}" in tasks["tasks"]
    assert describe(NAMES.find("alpaca")[0], NAMES).prompts == {}, "a column called `system` is no prompt"


# What others bring.

STEP = '''
from synthkit import Fields, IO, Step, drop, filter


@filter(reads={"n": int})
def small(record, most: int = 3):
    return record["n"] <= most


class Plus(Step):
    """Adds to a number.

    by: how much.

    Example:
        def double(record):
            return record

        top = 3
        Pipeline("example") >> Rows([{"n": n} for n in range(top)]) >> Plus(by=2) >> small()
    """

    by: int = 1

    def io(self, have):
        return IO.of(reads={"n": int}, writes="n")

    async def process(self, record, ctx):
        return {"n": record["n"] + self.by}


class Bare(Step):
    column: str = "n"

    def io(self, have):
        return IO.of(reads=self.column)

    async def process(self, record, ctx):
        return {}


class Fixed(Bare):
    """Its parameter has the name of a column by accident."""

    word: str = "fixed"

    def io(self, have):
        return IO.of(reads=self.column, writes="fixed")


class Broken(Step):
    """It has an example that is none.

    Example:
        Pipeline("example") >>
    """

    async def process(self, record, ctx):
        return {}


class Statement(Broken):
    """Its example is no pipeline.

    Example:
        n = 1
    """
'''


@pytest.fixture
def theirs(site: Site) -> Registry:
    names = ", ".join(f"'{kebab(n)}': 'their_steps:{n}'" for n in ("Plus", "Bare", "Fixed", "Broken", "Statement"))
    source = hook("steps", f"return {{{names}}}") + "\n\n" + hook("filters", "return {'gone': 'not_there:Gone'}")
    site.add("dist-theirs", {"theirs": "plugin_theirs"}, {"plugin_theirs.py": source, "their_steps.py": STEP})
    return site.load()


def described(name: str, names: Registry) -> Description:
    return describe(names.find(name)[0], names)


def test_a_plugin_needs_its_docstrings_only(theirs: Registry) -> None:
    plus = described("Plus", theirs)
    assert plus.import_line == "from their_steps import Plus" and plus.claim.entry.name == "theirs"
    assert [(p.name, p.meaning) for p in plus.parameters] == [("by", "How much.")]
    text = pipeline_file(plus, theirs)
    assert text == (
        '"""An example of `plus`."""\n\n'
        "from synthkit import Pipeline\n"
        "from synthkit.generators import Rows\n"
        "from their_steps import Plus, small\n\n\n"
        "def double(record):\n    return record\n\n\n"
        "def pipeline() -> Pipeline:\n"
        "    top = 3\n"
        "    return (\n"
        '        Pipeline("example")\n'
        '        >> Rows([{"n": n} for n in range(top)])\n'
        "        >> Plus(by=2)\n"
        "        >> small()\n"
        "    )\n"
    )
    assert [part.name for part in pipeline_of(text).parts] == ["rows", "plus", "small"]
    seen = columns(plus, theirs)
    assert seen is not None and seen.rows() == [("reads", "n"), ("writes", "n")]


def test_without_a_docstring_it_still_says_what_it_can(theirs: Registry) -> None:
    bare = described("bare", theirs)
    assert (bare.doc.summary, bare.doc.example) == ("", "")
    seen = columns(bare, theirs)
    assert seen is not None and seen.default and seen.rows() == [("reads", "n (by `column`)")]
    with pytest.raises(PluginError, match=r"^step 'bare' of plugin 'theirs' \(dist-theirs 1\.0\) has no example: "):
        pipeline_file(bare, theirs)


def test_a_parameter_names_a_column_only_where_another_value_changes_it(theirs: Registry) -> None:
    seen = columns(described("fixed", theirs), theirs)
    assert seen is not None and seen.rows() == [("reads", "n (by `column`)"), ("writes", "fixed")]


@pytest.mark.parametrize(
    ("name", "said"), [("broken", "is no Python: line 1: "), ("statement", "does not end with a pipeline: write ")]
)
def test_an_example_that_is_none_is_named(theirs: Registry, name: str, said: str) -> None:
    found = described(name, theirs)
    with pytest.raises(PluginError, match=f"^the example of step '{name}' of plugin 'theirs' .+ {said}"):
        pipeline_file(found, theirs)
    assert columns(found, theirs) is None


def test_names_are_found_in_any_spelling(theirs: Registry) -> None:
    for name in ("min-hash-dedup", "MinHashDedup", "min_hash_dedup", "MINHASHDEDUP"):
        assert [claim.name for claim in theirs.find(name)] == ["min-hash-dedup"]
    assert [claim.name for claim in theirs.find("ShareGPT")] == ["sharegpt"]
    with pytest.raises(
        PluginError, match=r"^nothing is registered as 'MinHashDedupe': did you mean 'min-hash-dedup'\?$"
    ):
        theirs.find("MinHashDedupe")
    with pytest.raises(PluginError, match=r"^nothing is registered as 'qqq' \(there are: load-"):
        theirs.find("qqq")


def test_claims_come_by_kind_and_name(theirs: Registry) -> None:
    kinds = [claim.kind for claim in theirs.claims()]
    order = ["generator", "step", "filter", "judge", "technique", "provider", "format"]
    assert kinds == sorted(kinds, key=order.index) and set(kinds) == set(order)
    steps = [claim.name for claim in theirs.claims() if claim.kind == "step"]
    assert steps == sorted(steps) and "plus" in steps
    gone = next(claim for claim in theirs.claims() if claim.name == "gone")
    with pytest.raises(PluginError, match="cannot be imported from 'not_there:Gone'"):
        describe(gone, theirs)


def test_two_plugins_with_one_name_are_both_named(site: Site) -> None:
    for name in ("first", "second"):
        site.plugin(name, hook("steps", f"return {{'same': 'm_{name}:Same'}}"))
    with pytest.raises(PluginError, match=r"^component 'same' is registered by .+'first'.+ and by .+'second'"):
        site.load().find("same")


def test_the_facade_is_the_home_of_what_it_exports() -> None:
    assert describe(NAMES.find("fork")[0], NAMES).cls is Fork
    assert describe(NAMES.find("fork")[0], NAMES).home == "synthkit"
    assert describe(NAMES.find("demo")[0], NAMES).home == "synthkit.providers.demo"
