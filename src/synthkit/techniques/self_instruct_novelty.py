"""The novelty filter of Self-Instruct: ROUGE-L against the seeds and everything kept before."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from synthkit.core import IO, DatasetStep, Have, View
from synthkit.techniques.self_instruct_seeds import read_seeds

if TYPE_CHECKING:
    import polars as pl

TOKEN = re.compile(r"[a-z0-9]+")


def tokens(text: str) -> list[str]:
    """Lower-cased runs of ASCII letters and digits, as rouge_score cuts them without a stemmer."""
    return TOKEN.findall(text.lower())


class Novel(DatasetStep):
    """Drops instructions that are too like a seed or one kept before, by the F-measure of ROUGE-L.

    Greedy in the order of the records: a rejected instruction rejects nobody else, and a record's fate depends on
    earlier ones only. threshold: the highest score (0 to 1) that is still novel; the paper's is 0.7.
    """

    seeds: Path
    threshold: float = 0.7

    def io(self, have: Have) -> IO:
        return IO.of(reads={"instruction": str})

    def sketch(self, frame: "pl.DataFrame") -> "pl.DataFrame":
        return frame.select("_id", "instruction")

    def resolve(self, view: View) -> "pl.DataFrame":
        import polars as pl

        known = [*read_seeds(self.seeds), *view.kept["instruction"].to_list()]
        likes = list(too_similar(view.new["instruction"].to_list(), known, self.threshold))
        return pl.DataFrame(
            {
                "_id": view.new["_id"],
                "keep": [like is None for like in likes],
                "reason": ["" if like is None else "too similar" for like in likes],
                "detail": ["" if like is None else f"ROUGE-L {like[0]:.2f} with {like[1]!r}" for like in likes],
            },
            schema={"_id": pl.String, "keep": pl.Boolean, "reason": pl.String, "detail": pl.String},
        )


def too_similar(new: Sequence[str], known: Sequence[str], threshold: float) -> Iterator[tuple[float, str] | None]:
    """For each new text the score and the known text it is most like, if that is above the threshold, else None.

    What is let through becomes known. The F-measure of ROUGE-L is 2·LCS / (m + n), m and n being the texts' lengths
    in tokens: the normalised similarity of rapidfuzz's Indel, which runs in C and skips pairs whose lengths already
    rule the threshold out. It works on text, so each token becomes one character. Only tokens of the new texts can
    ever match, so that all others share a character, and the alphabet is large enough.
    """
    from rapidfuzz import process
    from rapidfuzz.distance import Indel, LCSseq

    cut = [tokens(text) for text in new]
    letters = {token: chr(_code(n)) for n, token in enumerate(dict.fromkeys(t for text in cut for t in text), 1)}
    texts = list(known)
    codes = ["".join(letters.get(token, "\0") for token in tokens(text)) for text in known]
    for text, words in zip(new, cut, strict=True):
        code = "".join(letters[word] for word in words)
        found = process.extractOne(code, codes, scorer=Indel.normalized_similarity, score_cutoff=threshold)
        if found is not None and code:
            nearest = codes[found[2]]
            # Divided once from whole numbers, so that 7 of 10 is 0.7 exactly, and not above it.
            score = 2 * LCSseq.similarity(code, nearest) / (len(code) + len(nearest))
            if score > threshold:
                yield score, texts[found[2]]
                continue
        texts.append(text)
        codes.append(code)
        yield None


def _code(number: int) -> int:
    """The code point of the token of this number: the surrogates are left out."""
    return number if number < 0xD800 else number + 0x800
