"""MinHashDedup: against exact similarities, in rounds of any size, and on the texts that trip shingling."""

from random import Random

import polars as pl
import pytest
from datasketch import MinHash
from hypothesis import given, settings
from hypothesis import strategies as st
from sketch_kit import Sketches, decide, frame, stay

from synthkit.core import IO, Have
from synthkit.core.neighbours import bands
from synthkit.errors import PipelineError
from synthkit.filters import MinHashDedup

WORDS = ["write", "list", "explain", "short", "long", "poem", "recipe", "email", "about", "three", "cats", "taxes"]
TEXTS = st.lists(
    st.lists(st.sampled_from(WORDS), max_size=9).map(" ".join)
    | st.sampled_from(["", " ", "a", "abcd", "ABCD ", "abcde"]),
    min_size=1,
    max_size=25,
)


def jaccard(step: MinHashDedup, one: str, other: str) -> float:
    """The exact similarity."""
    a, b = step.signatures().shingles(one), step.signatures().shingles(other)
    return len(a & b) / len(a | b) if a | b else 1.0


@settings(max_examples=60)
@given(
    TEXTS,
    st.lists(st.integers(0, 25), max_size=5),
    st.sampled_from([0.3, 0.6, 0.8, 1.0]),
    st.sampled_from(["char", "word"]),
)
def test_any_split_into_rounds_decides_alike(texts: list[str], cuts: list[int], threshold: float, unit: str) -> None:
    step = MinHashDedup("text", threshold=threshold, unit=unit, ngram=5 if unit == "char" else 2)
    rows = [{"text": text} for text in texts]
    assert decide(step, rows, [cut for cut in cuts if cut <= len(rows)]) == decide(step, rows)


@settings(max_examples=60)
@given(TEXTS)
def test_clear_cases_are_as_exact_similarity_has_them(texts: list[str]) -> None:
    """What equals a kept record goes; what is far from all of them stays."""
    step = MinHashDedup("text")
    kept: list[str] = []
    for text, row in zip(texts, decide(step, [{"text": text} for text in texts]), strict=True):
        nearest = max((jaccard(step, text, other) for other in kept), default=0.0)
        if nearest == 1:
            assert not row["keep"]
        elif nearest < 0.3:
            assert row["keep"]
        if row["keep"]:
            kept.append(text)


def test_similar_texts_are_found_and_others_are_not() -> None:
    """A thousand texts with planted copies that differ in a word: next to all found, and nothing else."""
    rng = Random(7)
    syllables = ["ka", "lo", "mi", "ren", "tu", "sha", "po", "ver", "na", "dis"]
    base = [" ".join("".join(rng.choices(syllables, k=3)) for _ in range(25)) for _ in range(500)]
    copies = [f"{text} indeed" for text in base]
    step = MinHashDedup("text")
    assert min(jaccard(step, a, b) for a, b in zip(base, copies, strict=True)) > 0.9
    assert max(jaccard(step, base[n], other) for n in range(40) for other in base[:n]) < 0.4
    made = decide(step, [{"text": text} for text in [*base, *copies]])
    assert all(row["keep"] for row in made[:500])
    found = [row for row in made[500:] if not row["keep"]]
    assert len(found) >= 495
    assert all(int(row["detail"].split()[-1], 16) == int(row["_id"][:12], 16) - 500 for row in found)


def test_signatures_are_those_of_datasketch() -> None:
    step = MinHashDedup("text", permutations=64, seed=9)
    text = "Ｗrite  a POEM about three cats"
    plain = "write a poem about three cats"
    expected = MinHash(64, seed=9)
    expected.update_batch({plain[at : at + 5].encode() for at in range(len(plain) - 4)})
    made = step.sketch(frame(step, [{"text": text}]))
    assert made.columns == ["_id", "signature"]
    assert made["signature"][0] == expected.digest().astype("<u4").tobytes()
    assert len(made["signature"][0]) == 64 * 4
    assert step.sketch(frame(step, [])).schema == made.schema


def test_a_dropped_record_draws_no_other_with_it() -> None:
    """Each text is near the one before it, the third is far from the first: greedy keeps first and third."""
    step = MinHashDedup("text", threshold=0.5, ngram=1, unit="word", permutations=512)
    texts = ["a b c d e f", "a b c d e f g h i", "d e f g h i"]
    assert [round(jaccard(step, texts[0], t), 2) for t in texts] == [1.0, 0.67, 0.33]
    assert stay(step, *texts) == [0, 2]


def test_the_detail_names_the_nearest_that_stayed() -> None:
    step = MinHashDedup("text", threshold=0.5)
    text = "Explain how rivers shape the land over thousands of years"
    made = decide(
        step, [{"text": t} for t in ("Name three cats.", text, "something else entirely", f"{text}!", text.upper())]
    )
    assert [row["keep"] for row in made] == [True, True, True, False, False]
    assert made[3]["reason"] == "near-duplicate"
    estimate, like = made[3]["detail"].split(" like ")
    assert 0.9 <= float(estimate) <= 1
    assert like == made[1]["_id"][:12]
    assert made[4]["detail"] == f"1.00 like {like}"


def test_short_and_blank_texts() -> None:
    step = MinHashDedup("text")
    assert step.signatures().shingles("Hi") == {b"hi"}
    assert step.signatures().shingles(" \n") == set()
    assert stay(step, "Hi", "hi ", "Ho", "", " ", "abcd", "abcde") == [0, 2, 3, 5, 6]
    words = MinHashDedup("text", unit="word", ngram=3)
    assert words.signatures().shingles("One two") == {b"one two"}
    assert words.signatures().shingles("One two three  four") == {b"one two three", b"two three four"}
    assert stay(words, "one two", "One  two", "two one") == [0, 2]


@pytest.mark.parametrize("threshold", [0.01, 0.5, 0.8, 0.95, 0.99, 1.0])
def test_equal_texts_are_found_at_every_threshold(threshold: float) -> None:
    step = MinHashDedup("text", threshold=threshold, permutations=16)
    assert stay(step, "write a poem", "WRITE a  poem") == [0]
    count, size = bands(threshold, 16)
    assert count >= 2 and count * size <= 16


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"threshold": 0}, "threshold=0.0 must be over 0, and at most 1"),
        ({"threshold": 1.5}, "threshold=1.5 must be over 0, and at most 1"),
        ({"permutations": 1}, "permutations=1 must be from 2 to 4096"),
        ({"ngram": 0}, "ngram=0 must be 1 or more"),
        ({"seed": -1}, "seed=-1 must be from 0 to 4294967295"),
    ],
)
def test_parameters_that_make_no_sense(parameters: dict[str, float], said: str) -> None:
    with pytest.raises(PipelineError) as caught:
        MinHashDedup("text", **parameters).io(Have())
    assert str(caught.value) == said


def test_it_reads_one_text_column() -> None:
    assert MinHashDedup("text").io(Have()) == IO.of(reads={"text": str})
    empty = pl.DataFrame(schema={"_id": pl.String, "signature": pl.Binary})
    assert MinHashDedup("text").resolve(Sketches(empty, empty)).columns == ["_id", "keep", "reason", "detail"]
