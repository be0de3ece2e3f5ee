"""ROUGE-L between short texts: the F-measure of their longest common subsequence of words."""

import re
from collections.abc import Iterator, Sequence

from synthkit.core.scripts import words

TOKEN = re.compile(r"[a-z0-9]+")


def tokens(text: str) -> list[str]:
    """Lower-cased runs of ASCII letters and digits, as rouge_score cuts them without a stemmer."""
    return TOKEN.findall(text.lower())


def rouge_l(one: str, other: str) -> float:
    """2·LCS / (m + n) of two texts' words, m and n being how many they have; 0 where both have none."""
    from rapidfuzz.distance import LCSseq

    left, right = words(one), words(other)
    if not left and not right:
        return 0.0
    return 2 * LCSseq.similarity(left, right) / (len(left) + len(right))


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
    for text, parts in zip(new, cut, strict=True):
        code = "".join(letters[part] for part in parts)
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
