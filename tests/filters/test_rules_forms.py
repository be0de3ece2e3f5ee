"""Rules on what is filled, on numbers, several patterns, scripts and JSON schemas; and rules in a run."""

import asyncio
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

import synthkit as sk
from synthkit.core import IO, Context, Have, Record
from synthkit.engine import api
from synthkit.errors import ColumnError, PipelineError
from synthkit.filters import Rules
from synthkit.generators import Rows
from synthkit.steps import Template

NO_CONTEXT = cast(Context, None)
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string", "pattern": "^[A-Z]"}, "age": {"type": "integer", "minimum": 0}},
    "required": ["name"],
    "additionalProperties": False,
}
TREE = {"$ref": "#/$defs/node", "$defs": {"node": {"type": "array", "items": {"$ref": "#/$defs/node"}}}}


def verdict(rules: Rules, **fields: Any) -> tuple[str, str] | None:
    """Reason and detail; None for a record that is kept."""
    said = asyncio.run(rules.check(Record("id", "id", fields), NO_CONTEXT))
    return None if said.keep else (said.reason, said.detail)


@pytest.mark.parametrize(
    ("rules", "value", "said"),
    [
        (Rules(filled=["a"]), "x", None),
        (Rules(filled=["a"]), " \n", ("a: empty", "")),
        (Rules(filled=["a"]), None, ("a: empty", "")),
        (Rules(filled=["a"]), [], ("a: empty", "")),
        (Rules(filled=["a"]), {}, ("a: empty", "")),
        (Rules(filled=["a"]), 0, None),
        (Rules(filled=["a"]), False, None),
        (Rules(filled=["a"]), [None], None),
        (Rules(filled=["a"], min_words={"a": 2}), None, ("a: empty", "")),
        (Rules(filled=["a"], min_words={"a": 2}), "x", ("a: too short", "1 word, at least 2")),
        (Rules(filled=["b"]), "x", ("b: empty", "it is missing")),
        (Rules(min_value={"a": 3}), 3, None),
        (Rules(min_value={"a": 3}), 2.5, ("a: too low", "2.5, at least 3")),
        (Rules(max_value={"a": 3.5}), 3.5, None),
        (Rules(max_value={"a": 3.5}), 10**400, ("a: too high", f"{10**400}, at most 3.5")),
        (Rules(matches={"a": ["^x", "y$"]}), "my", None),
        (Rules(matches={"a": ["^x", "y$"]}), "yx", ("a: no match", "none of '^x', 'y$' is found")),
        (Rules(matches_all={"a": ["x", "y"]}), "yx", None),
        (Rules(matches_all={"a": ["x", "y"]}), "x", ("a: no match", "'y' is not found")),
        (Rules(refuses={"a": ["x", "y"]}), "z", None),
        (Rules(refuses={"a": ["x", "y"]}), "zy", ("a: refused match", "'y' is found")),
        (Rules(required_all={"a": ["red", "Blue"]}), "blue, red", None),
        (Rules(required_all={"a": ["red", "blue"]}), "red bluebell", ("a: required phrase missing", "'blue'")),
    ],
)
def test_a_rule_at_its_border(rules: Rules, value: Any, said: tuple[str, str] | None) -> None:
    assert verdict(rules, a=value) == said


LATIN, MIXED = "Größe, naïve café № 42!", "The word мир means peace"


@pytest.mark.parametrize(
    ("script", "text", "share", "passes"),
    [
        ("latin", LATIN, 1, True),
        ("latin", MIXED, 0.86, False),
        ("latin", MIXED, 0.85, True),
        ("cyrillic", "Мир, труд, май", 1, True),
        ("Cyrillic", LATIN, 0.01, False),
        (["latin", "cyrillic"], MIXED, 1, True),
        ("Latn", LATIN, 1, True),
        ("japanese", "コーヒーを飲む。ラーメン", 1, True),
        ("japanese", "我喜欢 coffee", 1, False),
        ("chinese", "我喜欢苹果", 1, True),
        ("chinese", "コーヒーを飲む", 0.5, False),
        ("korean", "안녕하세요 漢字", 1, True),
        ("devanagari", "कर्म करो", 1, True),
        ("arabic", "السلام عليكم", 1, True),
        ("hebrew", "שלום", 1, True),
        ("thai", "ผมขอโทษครับ", 1, True),
        ("greek", "μ is not µ", 1, False),
        ("latin", "5 µm and 𝒳", 1, True),  # letters of no script do not count
        ("latin", "42 + 1 = 43 🎉", 1, True),
        ("latin", "", 1, True),
        ("latin", "\ud800 x", 1, True),
    ],
)
def test_the_script_of_a_text(script: Any, text: str, share: float, passes: bool) -> None:
    found = verdict(Rules(script={"a": script}, script_share=share), a=text)
    assert (found is None) == passes
    if found:
        assert found[0] == "a: another script"


def test_the_share_of_a_script_is_told() -> None:
    rules = Rules(script={"a": ["greek", "latin"]}, script_share=0.95)
    assert verdict(rules, a="a" * 60 + "α" * 34 + "ж" * 6) == (
        "a: another script",
        "94% of its letters are greek or latin, at least 95%",
    )


@given(st.text())
def test_any_text_has_a_share_of_each_script(text: str) -> None:
    """Shares of scripts that have no letter in common make 1 at most."""
    passing = [
        script
        for script in ("latin", "greek", "cyrillic", "hangul", "arabic")
        if verdict(Rules(script={"a": script}, script_share=0.51), a=text) is None
    ]
    letters = [character for character in text if character.isalpha()]
    assert len(passing) <= 1 or not [c for c in letters if c.isascii()]


@pytest.mark.parametrize(
    ("schema", "value", "said"),
    [
        (PERSON, '{"name": "Ada", "age": 36}', None),
        (PERSON, {"name": "Ada"}, None),
        (PERSON, '{"name": "ada"}', ("a: does not fit its schema", "$.name: 'ada' does not match '^[A-Z]'")),
        (PERSON, {"age": 1}, ("a: does not fit its schema", "$: 'name' is a required property")),
        (
            PERSON,
            '{"name": "Ada", "age": "36"}',
            ("a: does not fit its schema", "$.age: '36' is not of type 'integer'"),
        ),
        (PERSON, '{"name": ', ("a: no JSON", "Expecting value: line 1 column 10 (char 9)")),
        (PERSON, '{"name": "Ada", "age": NaN}', ("a: no JSON", "NaN is no JSON")),
        (PERSON, None, ("a: does not fit its schema", "$: None is not of type 'object'")),
        (TREE, "[[], [[]]]", None),
        (TREE, "[[], [1]]", ("a: does not fit its schema", "$[1][0]: 1 is not of type 'array'")),
        (TREE, "[" * 900 + "]" * 900, ("a: does not fit its schema", "it is nested too deeply")),
        ({"pattern": "^(a+)+$"}, '"' + "a" * 5_000 + '!"', ("a: does not fit its schema", "$: 'aaaaaaaaaaaaaaaaaaaaa")),
        ({"const": 1.0, "$schema": "http://json-schema.org/draft-07/schema#"}, "1", None),
    ],
)
def test_a_json_schema(schema: dict[str, Any], value: Any, said: tuple[str, str] | None) -> None:
    rules = Rules(json_schema={"a": schema})
    assert rules.io(Have(frozenset("a"))) == IO.of("a")
    found = verdict(rules, a=value)
    assert found == said or (found and said and found[0] == said[0] and found[1].startswith(said[1]))
    assert found is None or len(found[1]) <= 200


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        (Rules(min_value={"a": 2}, max_value={"a": 1}), "'a': min_value=2 is more than max_value=1"),
        (Rules(max_value={"a": float("inf")}), "max_value['a']=inf is no number: leave the column out"),
        (
            Rules(min_value={"a": 2}, banned={"a": ["x"]}),
            "'a' is text for banned and a number for min_value: it cannot",
        ),
        (Rules(matches={"a": []}), "matches['a'] is empty: list something, or leave the column out"),
        (
            Rules(matches_all={"a": ["x", "("]}),
            "matches_all['a']='(' is no regular expression of Rust's kind: unclosed",
        ),
        (Rules(required_all={"a": [""]}), "required_all['a'] has an empty phrase: remove it"),
        (Rules(script={"a": []}), "script['a'] is empty: list something, or leave the column out"),
        (Rules(script={"a": "latinn"}), "script['a']: 'latinn' is no script of Unicode's; did you mean 'Latin'?"),
        (Rules(script={"a": "x}|."}), "script['a']: 'x}|.' is no script of Unicode's; there are: Arabic, "),
        (
            Rules(json_schema={"a": {"type": "strin"}}),
            "json_schema['a'] cannot be used: $.type: 'strin' is not valid under any of the given schemas",
        ),
        (
            Rules(json_schema={"a": {"items": {"$ref": "https://example.invalid/x.json"}}}),
            "json_schema['a'] cannot be used: $ref 'https://example.invalid/x.json' is not in it, and nothing is "
            "looked up elsewhere",
        ),
        (
            Rules(json_schema={"a": {"$ref": "#/$defs/x"}}),
            "json_schema['a'] cannot be used: $ref '#/$defs/x' is not in",
        ),
        (
            Rules(json_schema={"a": {"properties": {"b": {"pattern": "(?=x)"}}}}),
            "json_schema['a'] cannot be used: pattern '(?=x)' is no regular expression of Rust's kind: look-around",
        ),
    ],
)
def test_rules_that_make_no_sense(rules: Rules, said: str) -> None:
    with pytest.raises(PipelineError) as caught:
        rules.io(Have())
    assert str(caught.value).startswith(said)


def test_a_share_of_letters_is_over_0_and_at_most_1() -> None:
    for share in (0, 1.1):
        with pytest.raises(PipelineError, match="Rules: script_share: Input should be"):
            Rules(script={"a": "latin"}, script_share=share)


def test_a_filled_column_of_another_type_fails_its_record() -> None:
    with pytest.raises(ColumnError, match="column 'a' is int, and rules needs str"):
        verdict(Rules(filled=["a"], min_words={"a": 1}), a=3)
    with pytest.raises(ColumnError, match="column 'a' is str, and rules needs float"):
        verdict(Rules(filled=["a"], min_value={"a": 1}), a="3")


def test_behind_a_filled_column_all_records_have_it(project: Path) -> None:
    rows = [{"t": "x", "note": "n"}, {"t": "y"}, {"t": "z", "note": None}]
    have = Have(frozenset({"t"}), frozenset({"note"}))
    filled = Rules(filled=["note"], min_chars={"note": 1})
    assert filled.io(have) == IO.of(optional="note", ensures="note")
    assert "note" in have.after(filled.io(have))
    template = Template(into="text", template="{{ t }}{{ note }}")
    for step in (filled, sk.Route(by="t", ways=dict.fromkeys("xyz", filled))):
        pipeline = sk.Pipeline("p") >> Rows(rows) >> step
        if isinstance(step, Rules):
            pipeline = pipeline >> template
        result = api.run(pipeline)
        assert [record["t"] for record in result.accepted] == ["x"]
        assert [line["reason"] for line in result.rejected if line["kind"] == "dropped"] == ["note: empty"] * 2
    with pytest.raises(PipelineError, match="template reads column 'note', which only some records have there"):
        api.check(sk.Pipeline("p") >> Rows(rows) >> template, api.Settings())


def test_rules_in_a_run(project: Path) -> None:
    rows = [
        {"q": "Wie heißt du?", "a": '{"name": "Ada"}', "score": 5},
        {"q": "Wie?", "a": '{"name": "Ada"}', "score": 5},
        {"q": "Как тебя зовут?", "a": '{"name": "Ada"}', "score": 5},
        {"q": "Wie heißt du jetzt?", "a": "{}", "score": 5},
        {"q": "Wie heißt er?", "a": '{"name": "Ada"}', "score": 1},
    ]
    rules = Rules(min_words={"q": 2}, script={"q": "latin"}, json_schema={"a": PERSON}, min_value={"score": 3})
    for shard in (1, 256):
        result = api.run(sk.Pipeline("p") >> Rows(rows) >> rules, shard=shard)
        assert [record["q"] for record in result.accepted] == ["Wie heißt du?"]
        assert [line["reason"] for line in result.rejected] == [
            "q: too short",
            "q: another script",
            "a: does not fit its schema",
            "score: too low",
        ]
