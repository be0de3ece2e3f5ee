"""Rules: every rule at its border, phrases in several scripts, and what is refused before a run."""

import asyncio
from typing import Any, cast

import pytest

from synthkit.core import IO, Context, Have, Record
from synthkit.errors import PipelineError
from synthkit.filters import Rules

NO_CONTEXT = cast(Context, None)


def verdict(rules: Rules, **fields: Any) -> tuple[str, str] | None:
    """Reason and detail; None for a record that is kept."""
    said = asyncio.run(rules.check(Record("id", "id", fields), NO_CONTEXT))
    return None if said.keep else (said.reason, said.detail)


@pytest.mark.parametrize(
    ("rules", "text", "said"),
    [
        (Rules(min_words={"a": 3}), "one two", ("a: too short", "2 words, at least 3")),
        (Rules(min_words={"a": 3}), " one\ttwo\n three", None),
        (Rules(min_words={"a": 2}), "one", ("a: too short", "1 word, at least 2")),
        (Rules(max_words={"a": 2}), "one two three", ("a: too long", "3 words, at most 2")),
        (Rules(max_words={"a": 2}), "one two", None),
        (Rules(min_chars={"a": 3}), " ab ", ("a: too short", "2 characters, at least 3")),
        (Rules(min_chars={"a": 3}), "äöü", None),
        (Rules(max_chars={"a": 3}), "abcd", ("a: too long", "4 characters, at most 3")),
        (Rules(max_chars={"a": 3}), " abc\n", None),
        (Rules(min_words={"a": 2}, max_words={"a": 2}), "one two", None),
        (Rules(matches={"a": r"^\d+\.$"}), "12.", None),
        (Rules(matches={"a": r"^\d+$"}), "12.", ("a: no match", "'^\\\\d+$' is not found")),
        (Rules(matches={"a": "(?i)yes"}), "oh YES", None),
        (Rules(refuses={"a": "https?://"}), "see http://x", ("a: refused match", "'https?://' is found")),
        (Rules(refuses={"a": "https?://"}), "see x", None),
        (Rules(refuses={"a": "x"}), "\ud800 x", ("a: refused match", "'x' is found")),
        (Rules(one_of={"a": ["yes", "no"]}), " no\n", None),
        (Rules(one_of={"a": ["yes", "no"]}), "No", ("a: another value", "'No', not one of 'yes', 'no'")),
        (Rules(valid_json=["a"]), ' {"a": [1]} ', None),
        (Rules(valid_json=["a"]), "{'a': 1}", ("a: no JSON", "Expecting property name enclosed in double quotes")),
        (Rules(valid_json=["a"]), "[NaN]", ("a: no JSON", "NaN is no JSON")),
        (Rules(valid_json=["a"]), "[" * 100_000, ("a: no JSON", "it is nested too deeply")),
        (Rules(valid_json=["a"]), "", ("a: no JSON", "Expecting value: line 1 column 1 (char 0)")),
    ],
)
def test_a_rule_at_its_border(rules: Rules, text: str, said: tuple[str, str] | None) -> None:
    found = verdict(rules, a=text)
    if said is None:
        assert found is None
    else:
        assert found is not None
        assert (found[0], found[1][: len(said[1])]) == said


@pytest.mark.parametrize(
    ("phrase", "text", "there"),
    [
        ("as an AI", "Sorry, As  an\nAI, I do not", True),
        ("as an AI", "(as an ai)", True),
        ("as an AI", "has an aim", False),
        ("art", "A party", False),
        ("art", "art", True),
        ("art", "state-of-the-art.", True),
        ("art", "party art", True),
        ("art", "art_2", False),
        ("I can't", "I can’t help", True),
        ("C++", "Use C++, not C", True),
        ("C++", "Use C", False),
        (".net", "in ASP.NET", True),
        ("STRASSE", "die Straße.", True),
        ("café", "a cafe\u0301!", True),
        ("cafe", "a cafe\u0301!", False),
        ("нет", "Нет, спасибо", True),
        ("нет", "интернет", False),
        ("कर", "काम कर।", True),
        ("कर", "काम करें", False),
        ("苹果", "我喜欢苹果吗", True),
        ("GPT", "使用GPT模型", True),
        ("GPT", "使用GPTs", False),
        ("ขอโทษ", "ผมขอโทษครับ", True),
        ("❤", "I ❤️ it", True),
        ("ＡＩ", "an AI model", True),
        ("x", "\ud800 x", True),
    ],
)
def test_phrases_are_words_of_their_own(phrase: str, text: str, there: bool) -> None:
    banned = verdict(Rules(banned={"a": ["never there", phrase]}), a=text)
    required = verdict(Rules(required={"a": ["never there", phrase]}), a=text)
    assert banned == (("a: banned phrase", repr(phrase)) if there else None)
    assert required == (None if there else ("a: no required phrase", f"none of 'never there', {phrase!r}"))


def test_the_first_broken_rule_is_told() -> None:
    rules = Rules(min_words={"a": 1, "b": 2}, max_chars={"a": 1}, banned={"b": ["no"]})
    assert verdict(rules, a="ab", b="no") == ("b: too short", "1 word, at least 2")
    assert verdict(rules, a="ab", b="no no") == ("a: too long", "2 characters, at most 1")
    assert verdict(rules, a="a", b="no no") == ("b: banned phrase", "'no'")
    assert verdict(rules, a="a", b="yes yes") is None


def test_no_pattern_holds_up_the_others() -> None:
    """Python's engine would need longer than the universe is old, and a test may take two minutes."""
    rules = Rules(matches={"a": r"^(a+)+$"}, refuses={"a": r"(x|x)*y"})
    assert verdict(rules, a="a" * 50_000 + "!") == ("a: no match", "'^(a+)+$' is not found")
    assert verdict(rules, a="a" * 50_000) is None


def test_columns_are_read_as_text() -> None:
    rules = Rules(min_words={"a": 1}, banned={"b": ["x"]}, valid_json=["c"], one_of={"a": ["x"]})
    assert rules.io(Have()) == IO.of(reads={"a": str, "b": str, "c": str})


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        (Rules(), "it has no rule: give one, as in Rules(min_words={'instruction': 3})"),
        (Rules(min_words={"a": 0}), "min_words['a']=0 must be 1 or more"),
        (Rules(min_chars={"a": 5}, max_chars={"a": 4}), "'a': min_chars=5 is more than max_chars=4"),
        (Rules(banned={"a": []}), "banned['a'] is empty: list something, or leave the column out"),
        (Rules(required={"a": ["x", " "]}), "required['a'] has an empty phrase: remove it"),
        (Rules(matches={"a": "(x"}), "matches['a']='(x' is no regular expression of Rust's kind: unclosed group"),
        (
            Rules(refuses={"a": "(?=x)"}),
            "refuses['a']='(?=x)' is no regular expression of Rust's kind: look-around, including look-ahead and "
            "look-behind, is not supported",
        ),
        (
            Rules(matches={"a": "a{999}{999}{9}"}),
            "matches['a']='a{999}{999}{9}' is no regular expression of Rust's kind: Compiled regex exceeds size limit "
            "of 10485760 bytes",
        ),
        (Rules(min_words={"a": 0}, one_of={"b": []}), "min_words['a']=0 must be 1 or more\none_of['b'] is empty"),
    ],
)
def test_rules_that_make_no_sense(rules: Rules, said: str) -> None:
    with pytest.raises(PipelineError) as caught:
        rules.io(Have())
    assert str(caught.value).startswith(said)
