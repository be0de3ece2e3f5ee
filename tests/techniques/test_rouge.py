"""ROUGE-L between two texts, in any script."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthkit.core.scripts import words
from synthkit.techniques.rouge import rouge_l


@pytest.mark.parametrize(
    ("one", "other", "score"),
    [
        ("Name a river.", "name  A RIVER", 1.0),
        ("a b c d e f g", "a b c d e f g h i j k l m", 14 / 20),
        ("a b c d", "d c b a", 2 / 8),
        ("Nenne drei Flüsse", "Nenne drei Flusse", 4 / 6),
        ("解释潮汐", "解释月亮潮汐", 8 / 10),
        ("one two", "", 0.0),
        ("", "", 0.0),
        ("!?", "…", 0.0),
    ],
)
def test_it_is_twice_the_common_words_over_all_words(one: str, other: str, score: float) -> None:
    assert rouge_l(one, other) == rouge_l(other, one) == pytest.approx(score)


@given(st.text(), st.text())
def test_it_lies_between_0_and_1_and_is_1_for_equal_words(one: str, other: str) -> None:
    assert 0 <= rouge_l(one, other) <= 1
    assert (rouge_l(one, other) == 1) == (words(one) == words(other) != [])


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("Don't count_on 3.5 kg!", ["don", "t", "count", "on", "3", "5", "kg"]),
        ("Straße", ["strasse"]),
        ("日本の川 Tone", ["日", "本", "の", "川", "tone"]),
        ("Реки Азии", ["реки", "азии"]),
    ],
)
def test_words_are_runs_of_letters_and_single_letters_where_nothing_parts_words(text: str, cut: list[str]) -> None:
    assert words(text) == cut
