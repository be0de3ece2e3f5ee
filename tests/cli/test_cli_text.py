"""Text, tables and amounts for a screen."""

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthkit.cli.records import record, telling
from synthkit.cli.table import Column, apart, line, pairs, table
from synthkit.cli.text import count, cut, duration, money, plain, several, value, width_of, wrapped

HARM = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2064\u2066-\u2069\ufeff\ud800-\udfff]"
)
ANY = st.text(st.characters(), max_size=60)


@given(ANY)
def test_plain_text_is_harmless(text: str) -> None:
    shown = plain(text)
    assert not HARM.search(shown)
    assert plain(shown) == shown
    shown.encode()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("as it is", "as it is"),
        ("a\nb\r\nc\td", "a↵b↵c d"),
        ("a\rb", "a\\x0db"),
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("\x9b2J", "\\x9b2J"),
        ("\u202eback", "\\u202eback"),
        ("\U000e0041", "\\U000e0041"),
        ("\ud83d", "\\ud83d"),
        ("👩‍👩‍👧 می‌خواهم é", "👩‍👩‍👧 می‌خواهم é"),
    ],
)
def test_what_is_shown_of_control_characters(text: str, shown: str) -> None:
    assert plain(text) == shown


@given(ANY, st.integers(0, 30), st.booleans())
def test_cut_text_fits(text: str, width: int, middle: bool) -> None:
    shown = cut(plain(text), width, middle=middle)
    assert width_of(shown) <= width
    assert shown == plain(text) or "…" in shown or width == 0


@pytest.mark.parametrize(
    ("width", "end", "middle"), [(9, "a/long/name"[:8] + "…", "a/l…/name"), (11, "a/long/name", "a/long/name")]
)
def test_where_text_is_cut(width: int, end: str, middle: str) -> None:
    assert cut("a/long/name", width) == end and cut("a/long/name", width, middle=True) == middle


def test_many_marks_on_one_letter_are_cut_too() -> None:
    assert len(cut("e" + "\u0301" * 10_000, 10)) <= 40


@given(ANY, st.integers(2, 30), st.one_of(st.none(), st.integers(1, 3)))
def test_wrapped_text_fits_and_loses_no_word(text: str, width: int, lines: int | None) -> None:
    shown = wrapped(plain(text), width, lines)
    assert shown and all(width_of(part) <= width for part in shown)
    if lines is None:
        assert "".join("".join(shown).split()) == "".join(plain(text).split())
    else:
        assert len(shown) <= lines


def test_wrapping_breaks_between_words() -> None:
    assert wrapped("one two three", 7) == ["one two", "three"]
    assert wrapped("one two three four", 7, 2) == ["one two", "three …"]
    assert wrapped("数字数字", 5) == ["数字", "数字"]


def test_a_huge_value_is_cut_quickly() -> None:
    assert value("x" * 50_000_000, 10) == ["xxxxxxxxx…"]
    assert value("two words " * 5_000_000, 9, 2) == ["two words", "two word…"]
    assert value({"a": [1, "é"]}, 80) == ['{"a": [1, "é"]}']
    assert value(None, 80) == ["null"]


def test_amounts() -> None:
    assert [count(n) for n in (0, 999, 1234567)] == ["0", "999", "1,234,567"]
    assert [several(n, "record") for n in (0, 1, 2000)] == ["0 records", "1 record", "2,000 records"]
    amounts = (0, Decimal("0.00001"), Decimal("0.0001"), 0.12345, Decimal("0.99999"), 1, 1234.5)
    assert [money(n) for n in amounts] == [
        "$0.00", "less than $0.0001", "$0.0001", "$0.1235", "$1.0000", "$1.00", "$1,234.50",
    ]  # fmt: skip
    assert [duration(s) for s in (0, 61.9, 3599, 3600, 90061)] == ["0:00", "1:01", "59:59", "1:00:00", "1 day, 1:01:01"]


def text_of(lines: object) -> list[str]:
    return ["".join(text for text, _ in pieces).rstrip() for pieces in lines]  # type: ignore[attr-defined]


COLUMNS = [Column("step", fit="middle", least=6), Column("in", right=True), Column("words", fit="wrap", least=6)]


def test_a_table_is_aligned_whatever_its_cells_are() -> None:
    rows = [["数字", "1", "a"], [("é" * 3, "red"), "1,000", "b c"]]
    assert text_of(table(COLUMNS, rows, 80)) == ["step     in  words", "数字      1  a", "ééé   1,000  b c"]


@given(st.lists(st.tuples(ANY, st.integers(0, 10**6), ANY), max_size=5), st.integers(26, 100))
def test_a_table_never_is_wider_than_the_screen(rows: list[tuple[str, int, str]], width: int) -> None:
    cells = [[plain(label), count(number), plain(words)] for label, number, words in rows]
    lines = table(COLUMNS, cells, width)
    assert all(width_of(text) <= width for text in text_of(lines))
    assert len(lines) > len(rows)


def test_columns_that_may_not_shrink_stay_whole() -> None:
    lines = text_of(table(COLUMNS, [["a/very/long/label", "1,234,567", "several words"]], 10))
    assert lines == [
        "step           in  words",
        "a/…bel  1,234,567  severa",
        "                   l",
        "                   words",
    ]


def test_pairs_are_wrapped_beneath_themselves() -> None:
    shown = pairs(
        [("note", "one two three four five"), ("note", "six"), ("path", "a b c d e f g h i j k l m")], 26, ("path",)
    )
    assert text_of(shown) == ["note  one two three four", "      five", "      six", "path  a b c d e f g h i j k l m"]


def test_blocks_stand_apart() -> None:
    assert text_of(apart([[line("a")], [], [line("b"), line("c")]])) == ["a", "", "b", "c"]


def test_a_record_and_its_most_telling_columns() -> None:
    fields = {"first": "a", "n": 1, "text": "b\nb", "list": [1], "last": "c", "more": "d"}
    assert list(telling(fields)) == ["text", "last", "more"], "a usual name before all"
    assert list(telling({"first": "a", "body": "b", "last": "c", "more": "d"})) == ["first", "last", "more"]
    assert list(telling({"prompt": "", "a": "x", "n": 1, "b": "y"})) == ["a", "n", "b"], "what is empty comes last"
    assert list(telling({"n": 1, "text": "x", "m": 2, "k": 3})) == ["text", "m", "k"]
    assert list(telling({"output": "o", "a": 1, "instruction": "i", "input": "n", "z": "z"})) == [
        "output", "instruction", "input",
    ]  # fmt: skip
    assert text_of(record("title", {"a": "b\nb", "long": [1, 2]}, 40)) == ["title", "  a     b↵b", "  long  [1, 2]"]
