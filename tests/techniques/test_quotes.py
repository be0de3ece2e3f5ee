"""Finding a quotation in a text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthkit.techniques.quotes import found

TEXT = "He said: “The  cat\nsat on—the mat.” Then it left… and came back. The Café Über (1999) was full!"


@pytest.mark.parametrize(
    ("quote", "stands"),
    [
        ("The  cat\nsat on—the mat.", "The  cat\nsat on—the mat."),
        ("the cat sat on-the mat", "The  cat\nsat on—the mat"),
        ('"The cat sat on–the mat."', "The  cat\nsat on—the mat."),
        ("**the cat sat**", "The  cat\nsat"),
        ("said: 'The cat", "said: “The  cat"),
        ("The cat … it left", "The  cat\nsat on—the mat.” Then it left"),
        ("the cat [...] came back.", "The  cat\nsat on—the mat.” Then it left… and came back."),
        ("it left… and came", "it left… and came"),
        ("CAFE\u0301 ÜBER (1999)", "Café Über (1999)"),
        ("was full!", "was full!"),
    ],
)
def test_what_differs_in_looks_only_is_found_as_the_text_has_it(quote: str, stands: str) -> None:
    place = found(quote, TEXT)
    assert place is not None
    assert TEXT[slice(*place)] == stands


@pytest.mark.parametrize("quote", ["The dog sat", "mat the", "came back … the cat", "sat on the mat", "", " ", "…"])
def test_what_stands_elsewhere_or_nowhere_is_not(quote: str) -> None:
    assert found(quote, TEXT) is None


@given(st.text(min_size=1), st.text(), st.text())
def test_a_piece_of_a_text_is_found_where_it_has_words(quote: str, before: str, behind: str) -> None:
    place = found(quote, before + quote + behind)
    if any(character.isalnum() for character in quote):
        assert place is not None
    if place is not None:
        assert 0 <= place[0] < place[1] <= len(before + quote + behind)


@given(st.text(), st.text())
def test_any_two_texts_can_be_compared(quote: str, text: str) -> None:
    place = found(quote, text)
    assert place is None or text[slice(*place)]
