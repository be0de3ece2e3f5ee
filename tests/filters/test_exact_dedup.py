"""ExactDedup: what counts as the same, who stays, and that rounds change nothing."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sketch_kit import decide, frame, identity, stay

from synthkit.core import IO, Have
from synthkit.errors import PipelineError
from synthkit.filters import ExactDedup

TEXTS = st.lists(
    st.sampled_from(["a", "A", " a", "b", "a  b", "A\nb", "", " ", "ﬁ", "fi", "ß", "SS"]), min_size=1, max_size=25
)


@given(TEXTS, st.lists(st.integers(0, 25), max_size=5), st.booleans(), st.booleans())
def test_any_split_into_rounds_decides_alike(texts: list[str], cuts: list[int], lower: bool, strip: bool) -> None:
    step = ExactDedup("text", lower=lower, strip=strip)
    rows = [{"text": text} for text in texts]
    assert decide(step, rows, [cut for cut in cuts if cut <= len(rows)]) == decide(step, rows)


def test_the_first_stays_and_is_named() -> None:
    made = decide(ExactDedup("text"), [{"text": t} for t in ("Say hello.", "Other", "say  HELLO.\n", "SAY hello.")])
    assert [row["keep"] for row in made] == [True, True, False, False]
    assert made[2] == {"_id": identity(2), "keep": False, "reason": "duplicate", "detail": "same as 000000000000"}
    assert made[0] == {"_id": identity(0), "keep": True, "reason": "", "detail": ""}


def test_the_parameters_say_what_is_the_same() -> None:
    texts = ("Zoë x", "zoe\u0308  X", "Zoë  x", "ZOË X", "Ｚｏë x")
    assert stay(ExactDedup("text"), *texts) == [0]
    assert stay(ExactDedup("text", lower=False), *texts) == [0, 1, 3]
    assert stay(ExactDedup("text", strip=False), *texts) == [0, 1]
    assert stay(ExactDedup("text", lower=False, strip=False), *texts, "Zoe\u0308 x") == [0, 1, 2, 3, 4]
    assert stay(ExactDedup("text"), "straße", "STRASSE", "ŉa", "ʼNA") == [0, 2]


def test_all_columns_must_be_the_same_and_may_be_of_any_type() -> None:
    rows: list[dict[str, Any]] = [
        {"a": "x", "b": ["Y", {"k": "Z"}]},
        {"a": "x", "b": ["y", {"k": "z "}]},
        {"a": "x", "b": ["y", {"k": None}]},
        {"a": "x", "b": None},
        {"a": "x", "b": "null"},
        {"a": "x", "b": 1},
        {"a": "x", "b": "1"},
        {"a": "xy", "b": ""},
        {"a": "x", "b": "y"},
    ]
    step = ExactDedup("a", "b")
    assert [row["keep"] for row in decide(step, rows)] == [True, False, *[True] * 7]


def test_columns_are_given_in_any_form() -> None:
    assert ExactDedup("a", "b") == ExactDedup(["a", "b"]) == ExactDedup(columns=("a", "b"))
    assert ExactDedup.model_validate({"columns": ["a", "b"]}) == ExactDedup("a", "b")
    assert ExactDedup("a", "b").io(Have()) == IO.of(reads=["a", "b"])
    with pytest.raises(PipelineError, match="it compares no column: name some, as in ExactDedup"):
        ExactDedup().io(Have())


def test_a_sketch_is_small_and_has_its_types_without_records() -> None:
    step = ExactDedup("text")
    made = step.sketch(frame(step, [{"text": "x" * 10_000}]))
    assert made.columns == ["_id", "hash"]
    assert len(made["hash"][0]) == 16
    assert step.sketch(frame(step, [])).schema == made.schema
