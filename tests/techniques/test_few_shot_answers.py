"""Examples out of answers that are cut, wrapped or broken."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthkit.techniques.few_shot_answers import examples

SHOWN = [{"q": "Is it late?", "a": "It is."}, {"q": "What now?", "a": "Tea."}]
ONE, TWO = {"q": "Who is there?", "a": 'A {"friend"}, [I] think'}, {"q": "Où ?", "a": "Là\\bas"}
CLEAN = json.dumps([ONE, TWO], ensure_ascii=False)


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("wrap", ["{}", "Sure:\n```json\n{}\n```\nEnjoy!", '{{"examples": {}}}'])
def test_an_array_cut_at_every_byte_gives_the_complete_objects(indent: int | None, wrap: str) -> None:
    text = wrap.format(json.dumps([ONE, TWO], ensure_ascii=False, indent=indent))
    values = [json.dumps(one["a"], ensure_ascii=False) for one in (ONE, TWO)]
    ends = [text.index("}", text.index(value) + len(value)) + 1 for value in values]
    raw = text.encode()
    for size in range(len(raw) + 1):
        cut = raw[:size].decode(errors="ignore")
        assert examples(cut, SHOWN) == [one for one, end in zip((ONE, TWO), ends, strict=True) if len(cut) >= end]


@pytest.mark.parametrize(
    "text",
    [
        CLEAN,
        f"Here they are:\n{CLEAN}\nAnything else?",
        f"```json\n{CLEAN}\n```",
        json.dumps({"examples": [ONE, TWO]}),
        json.dumps({"count": 2, "data": {"list": [ONE, TWO]}}),
        f"{json.dumps(ONE)}\n{json.dumps(TWO)}",
        f"1. {json.dumps(ONE)}\n2. {json.dumps(TWO)}",
        CLEAN[:-1] + ",]",
        CLEAN.replace("}, {", ",}, {"),
        CLEAN.replace('"q"', "'q'"),
        CLEAN.replace('"q"', "q"),
        CLEAN.replace("}, {", "} {"),
        f"She said {{hello}} and {{ }}: {CLEAN}",
        json.dumps([ONE, {**TWO, "note": {"deep": [1]}}]),
    ],
)
def test_what_models_write_around_and_into_json(text: str) -> None:
    assert examples(text, SHOWN) == [ONE, TWO]


def test_line_breaks_inside_strings_are_kept() -> None:
    assert examples('[{"q": "two\nlines", "a": "x"}]', SHOWN) == [{"q": "two\nlines", "a": "x"}]


@pytest.mark.parametrize(
    "bad",
    [
        '{"q": "no a"}',
        '{"q": "", "a": "x"}',
        '{"q": "  ", "a": "x"}',
        '{"q": null, "a": "x"}',
        '{"q": 5, "a": "x"}',
        '{"q": ["x"], "a": "x"}',
        '{"q": NaN, "a": "x"}',
        '{"q": {"q": "x"}, "a": "y"}',
        '{"q": "What now?", "a": "Tea."}',
        "[]",
        "3",
        '"q"',
    ],
)
def test_objects_that_do_not_fit_are_left_out(bad: str) -> None:
    assert examples(f"[{json.dumps(ONE)}, {bad}, {json.dumps(TWO)}]", SHOWN) == [ONE, TWO]
    assert examples(f"[{bad}]", SHOWN) == []


def test_an_example_counts_once() -> None:
    assert examples(json.dumps([ONE, TWO, ONE]), SHOWN) == [ONE, TWO]


@pytest.mark.parametrize(
    ("shown", "value", "fits"),
    [
        (1, 2, True),
        (1, 2.5, True),
        (1, True, False),
        (1, "2", False),
        (1, 0, True),
        (True, False, True),
        (True, 1, False),
        ([1], [2], True),
        ([1], [], False),
        ([], [2], True),
        ([], [], True),
        ("", "", True),
        ("", "x", True),
        (None, None, True),
        ({"k": 1}, {"k": 2}, True),
        ({"k": 1}, {}, False),
        ({"k": 1}, [1], False),
    ],
)
def test_types_and_emptiness_are_those_of_the_demonstrations(shown: Any, value: Any, fits: bool) -> None:
    made = examples(json.dumps([{"x": value, "n": "new"}]), [{"x": shown, "n": "old"}])
    assert made == ([{"x": value, "n": "new"}] if fits else [])


def test_two_broken_objects_are_never_run_together() -> None:
    text = '[{"q": "open, "a": "one"}, {"q": "two", "a": "next"}, {"q": "three", "a": "last"}]'
    for made in examples(text, SHOWN):
        assert made in [{"q": "two", "a": "next"}, {"q": "three", "a": "last"}]


def test_numbers_beyond_json_are_left_out() -> None:
    assert examples('[{"n": 1e999}, {"n": 3}]', [{"n": 1}]) == [{"n": 3}]


def test_runaway_brackets_cost_no_time() -> None:
    assert examples("{" * 20_000, SHOWN) == []
    assert examples('{"q": ' * 1_000, SHOWN) == []


TEXT = st.text(max_size=12).filter(str.strip)


@given(st.lists(st.fixed_dictionaries({"q": TEXT, "a": TEXT}), max_size=5), st.data())
def test_any_cut_gives_a_beginning_of_the_whole(objects: list[dict[str, str]], data: st.DataObject) -> None:
    text = json.dumps(objects, ensure_ascii=False)
    whole = examples(text, SHOWN)
    assert whole == [one for n, one in enumerate(objects) if one not in objects[:n]]
    made = examples(text[: data.draw(st.integers(0, len(text)))], SHOWN)
    assert made == whole[: len(made)]


@given(st.text(alphabet='{}[]",:\\ qa\n', max_size=60))
def test_any_text_can_be_read(text: str) -> None:
    for made in examples(text, SHOWN):
        assert made.keys() == {"q", "a"}
