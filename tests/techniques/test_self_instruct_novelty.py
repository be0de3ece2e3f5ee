"""The novelty filter: ROUGE-L as rouge_score has it, greedy, and the same in any split into rounds."""

import itertools
import json
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from technique_kit import SEEDS, lines, needs_real_seeds

from synthkit.core import View
from synthkit.techniques.rouge import tokens, too_similar
from synthkit.techniques.self_instruct_novelty import Novel


def rouge_l(target: str, prediction: str) -> float:
    """The F-measure of ROUGE-L with a plain table, step by step as its definition says."""
    left, right = tokens(target), tokens(prediction)
    if not left or not right:
        return 0.0
    table = [[0] * (len(right) + 1) for _ in range(len(left) + 1)]
    for i, one in enumerate(left):
        for j, other in enumerate(right):
            table[i + 1][j + 1] = table[i][j] + 1 if one == other else max(table[i][j + 1], table[i + 1][j])
    precision, recall = table[-1][-1] / len(right), table[-1][-1] / len(left)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


class Frames(View):
    def __init__(self, new: list[str], kept: list[str]) -> None:
        self.new, self.kept = frame(new), frame(kept, "k")


def frame(texts: list[str], name: str = "n") -> pl.DataFrame:
    return pl.DataFrame(
        {"_id": [f"{name}{number}" for number in range(len(texts))], "instruction": texts},
        schema={"_id": pl.String, "instruction": pl.String},
    )


def seeds_file(folder: Path, *instructions: str) -> Path:
    return lines(folder / "seeds.jsonl", *(json.dumps({"instruction": text}) for text in instructions))


WORD = st.sampled_from(
    ["write", "a", "poem", "about", "the", "sea", "sort", "list", "of", "names", "Été", "3.5", "don't"]
)
TEXT = st.lists(WORD, max_size=9).map(" ".join)


def test_tokens_are_lower_cased_runs_of_ascii_letters_and_digits() -> None:
    assert tokens("Don't SORT 3.5 naïve_words – at all!") == [
        "don",
        "t",
        "sort",
        "3",
        "5",
        "na",
        "ve",
        "words",
        "at",
        "all",
    ]
    assert tokens("… Ωμέγα") == []


@given(TEXT, st.lists(TEXT, max_size=6), st.sampled_from([0.0, 0.4, 0.5, 0.7, 0.9]))
def test_the_score_is_the_f_measure_of_rouge_l(new: str, known: list[str], threshold: float) -> None:
    scores = [rouge_l(text, new) for text in known]
    found = next(too_similar([new], known, threshold))
    if found is None:
        assert max(scores, default=0.0) <= threshold + 1e-9
    else:
        assert found[0] == pytest.approx(max(scores))
        assert rouge_l(found[1], new) == pytest.approx(found[0])
        assert found[0] > threshold


def test_exactly_the_threshold_is_still_novel() -> None:
    ten, seven = "a b c d e f g h i j", "a b c d e f g x y z"
    assert list(too_similar([seven], [ten], 0.7)) == [None]
    assert next(too_similar([seven], [ten], 0.69)) == (0.7, ten)


def test_a_text_without_tokens_is_like_nothing() -> None:
    assert list(too_similar(["…", "…", "Ωμέγα"], ["", "…"], 0.7)) == [None, None, None]


@given(st.lists(TEXT, max_size=14), st.lists(st.integers(0, 14), max_size=4), st.lists(TEXT, max_size=3))
def test_any_split_into_rounds_says_the_same(texts: list[str], cuts: list[int], seeds: list[str]) -> None:
    whole = [like is None for like in too_similar(texts, seeds, 0.7)]
    kept: list[str] = []
    verdicts: list[bool] = []
    bounds = sorted({0, *(cut for cut in cuts if cut <= len(texts)), len(texts)})
    for start, end in itertools.pairwise(bounds):
        new = texts[start:end]
        keeps = [like is None for like in too_similar(new, [*seeds, *kept], 0.7)]
        kept += [text for text, keep in zip(new, keeps, strict=True) if keep]
        verdicts += keeps
    assert verdicts == whole


def test_the_step_judges_against_seeds_kept_and_earlier_new_ones(tmp_path: Path) -> None:
    step = Novel(seeds=seeds_file(tmp_path, "Write a short poem about the sea at night."))
    new = [
        "Write a short poem about the sea at dawn.",  # like the seed
        "List seven rivers of Africa by length.",  # like what was kept
        "Explain how a canal lock works.",
        "Explain how a canal lock really works.",  # like the one before
        "Guess the riddle.",
    ]
    resolved = step.resolve(Frames(new, ["List seven rivers of Asia by length."]))
    assert resolved["_id"].to_list() == ["n0", "n1", "n2", "n3", "n4"]
    assert resolved["keep"].to_list() == [False, False, True, False, True]
    assert resolved["reason"].to_list() == ["too similar", "too similar", "", "too similar", ""]
    assert resolved["detail"][0] == "ROUGE-L 0.89 with 'Write a short poem about the sea at night.'"
    assert resolved["detail"][3] == "ROUGE-L 0.92 with 'Explain how a canal lock works.'"


def test_the_step_takes_an_empty_round(tmp_path: Path) -> None:
    resolved = Novel(seeds=seeds_file(tmp_path, "Name a river.")).resolve(Frames([], []))
    assert resolved.height == 0 and resolved.schema["keep"] == pl.Boolean


def test_a_sketch_is_the_text_alone(tmp_path: Path) -> None:
    step = Novel(seeds=seeds_file(tmp_path, "Name a river."))
    wide = frame(["Sort the names."]).with_columns(other=pl.lit("x"))
    assert step.sketch(wide).columns == ["_id", "instruction"]


@needs_real_seeds
def test_real_seeds_are_all_novel_to_each_other_but_a_few() -> None:
    texts = [json.loads(line)["instruction"] for line in SEEDS.read_text(encoding="utf-8").splitlines()]
    found = [like for like in too_similar(texts, [], 0.7) if like is not None]
    slow = [max(rouge_l(a, b) for a in texts[:n]) > 0.7 for n, b in enumerate(texts) if n and n < 60]
    assert len(found) < 5
    assert sum(slow) == sum(like is not None for like in too_similar(texts[:60], [], 0.7))
