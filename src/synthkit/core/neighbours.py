"""Texts that are nearly the same: their signatures, the groups they make, and a division that keeps groups together.

    groups(["one text", "One  text", "another"])             # [0, 0, 2]
    divided([0, 0, 2, 3], share=0.5, rng=Random(0))           # [True, True, False, False], or the other way round

Near means, here as in the filter `MinHashDedup`, that the Jaccard similarity of two sets of shingles, estimated by
datasketch's MinHash, is at least a threshold (A. Z. Broder, «On the resemblance and containment of documents», 1997).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from random import Random
from typing import TYPE_CHECKING, Any, Literal

from synthkit.core.texts import normal

if TYPE_CHECKING:
    import numpy as np

    Numbers = np.ndarray[Any, np.dtype[Any]]

SCHEME = "affine32"
"""datasketch's permutation scheme of choice: 4 bytes a hash value, as its own digest has them."""
VALUES = "<u4"
"""A signature's hash values in bytes, whatever machine made them."""
BLANK = 2**32 - 1
"""Each hash value of a text without a shingle."""
WEIGHTS = (0.05, 0.95)
"""What candidates are looked for with: 95 parts that no pair is missed, 5 that none is looked at in vain."""


@dataclass(frozen=True)
class Signatures:
    """How texts become signatures: shingles are runs of `ngram` characters or words, `permutations` the hash values
    that are kept of them."""

    permutations: int = 128
    ngram: int = 5
    unit: Literal["char", "word"] = "char"
    seed: int = 1

    def shingles(self, text: str) -> set[bytes]:
        """The set that stands for a text; empty for a blank one. It is compared in Unicode's compatibility form,
        without case, white space as one space; a shorter text is one shingle."""
        text = normal(text)
        parts, glue = (text.split(" "), " ") if self.unit == "word" else (text, "")
        runs = range(max(len(parts) - self.ngram, 0) + 1) if text else ()
        return {glue.join(parts[at : at + self.ngram]).encode() for at in runs}

    def of(self, texts: Iterable[str]) -> Iterator[bytes]:
        """The signatures of texts, 4 bytes a permutation."""
        from datasketch import MinHash  # type: ignore[import-untyped]

        hash = MinHash(self.permutations, seed=self.seed, scheme=SCHEME)
        for text in texts:
            hash.clear()
            hash.update_batch(self.shingles(text))
            yield hash.hashvalues.astype(VALUES).tobytes()


@lru_cache(64)
def bands(threshold: float, permutations: int) -> tuple[int, int]:
    """Into how many bands a signature is cut, and how many values are in each: two texts are looked at together when
    they agree in one band."""
    from datasketch import MinHashLSH

    try:
        tuned = MinHashLSH(threshold, permutations, weights=WEIGHTS)
    except ValueError:  # so near 1 that one band would do, which datasketch refuses
        return 2, permutations // 2
    return tuned.b, tuned.r


def groups(
    texts: Iterable[str],
    threshold: float = 0.8,
    *,
    keys: Sequence[object] | None = None,
    signatures: Signatures | None = None,
) -> list[int]:
    """The group of each text, named by the position of its first member.

    Two texts are in one group when they are near each other or have the same key (`keys`: one for each text), directly
    or over others in between: so no member of a group is near a text outside it. A blank text is near none. It misses
    few pairs (5 of 100 right at a threshold of 0.8, 1 of 160 at 0.85), and holds 4 bytes a permutation for each text;
    `texts` is read once.
    """
    made = signatures or Signatures()
    return joined(made.of(texts), threshold, keys=keys, permutations=made.permutations)


def joined(
    signatures: Iterable[bytes],
    threshold: float = 0.8,
    *,
    keys: Sequence[object] | None = None,
    permutations: int = Signatures.permutations,
) -> list[int]:
    """The same as `groups`, of texts whose signatures are made already."""
    import numpy as np

    rows = np.frombuffer(bytearray().join(signatures), VALUES).reshape(-1, permutations)
    sets = _Sets(len(rows))
    if keys is not None:
        first: dict[object, int] = {}
        for number, key in enumerate(keys):
            sets.join(first.setdefault(key, number), number)
    full = np.flatnonzero((rows != BLANK).any(axis=1))
    for members in _candidates(rows, full, threshold):
        _join(rows, members, threshold, sets)
    return sets.firsts()


def divided(groups: Sequence[object], share: float, rng: Random) -> list[bool]:
    """Who is in the first of two parts, which has this `share` of all as nearly as whole groups allow: True or False
    for each member, given the group of each. Neither part is empty where there are two groups or more; a single one is
    in the first."""
    sizes: dict[object, int] = {}
    for group in groups:
        sizes[group] = sizes.get(group, 0) + 1
    if len(sizes) < 2:
        return [True] * len(groups)
    names = list(sizes)
    rng.shuffle(names)
    total, smallest = len(groups), min(sizes.values())
    want = min(max(total - round(total * share), smallest), total - smallest)
    second, left = set[object](), want
    for name in names:  # by chance, so that large groups come there as well as small ones
        if sizes[name] <= left:
            second.add(name)
            left -= sizes[name]
    if left:
        second = _nearest(names, sizes, want)
    return [group not in second for group in groups]


def _nearest(names: Sequence[object], sizes: dict[object, int], want: int) -> set[object]:
    """Groups, but neither none nor all, whose sizes together come as near to `want` as any do."""
    by_size: dict[int, list[object]] = {}
    for name in names:
        by_size.setdefault(sizes[name], []).append(name)
    # groups of a size are taken in bundles of 1, 2, 4 …: few bundles, and any number of groups can be made of them
    bundles: list[list[object]] = []
    for alike in by_size.values():
        at, step = 0, 1
        while at < len(alike):
            bundles.append(alike[at : at + step])
            at, step = at + step, step * 2
    reached = [1]  # bit n: the bundles so far can make n
    weights = [sum(sizes[name] for name in bundle) for bundle in bundles]
    for weight in weights:
        reached.append(reached[-1] | reached[-1] << weight)
    total = sum(sizes.values())
    possible = f"{reached[-1]:b}"[::-1]
    sums = (n for off in range(total) for n in (want - off, want + off) if 0 < n < total and possible[n] == "1")
    left, chosen = next(sums), set[object]()
    for number in range(len(bundles) - 1, -1, -1):
        if not reached[number] >> left & 1:
            chosen.update(bundles[number])
            left -= weights[number]
    return chosen


class _Sets:
    """Disjoint sets of positions; `of` tells the set of each."""

    def __init__(self, count: int) -> None:
        import numpy as np

        self.of: Numbers = np.arange(count)
        self._members: dict[int, list[int]] = {}

    def join(self, one: int, other: int) -> None:
        small, large = int(self.of[one]), int(self.of[other])
        if small == large:
            return
        moved, kept = self._members.pop(small, [small]), self._members.pop(large, [large])
        if len(moved) > len(kept):
            moved, kept, large = kept, moved, small
        self.of[moved] = large
        kept += moved
        self._members[large] = kept

    def firsts(self) -> list[int]:
        first: dict[int, int] = {}
        return [first.setdefault(int(name), number) for number, name in enumerate(self.of)]


def _candidates(rows: "Numbers", full: "Numbers", threshold: float) -> "Iterator[Numbers]":
    """Positions whose signatures agree in a band, band for band, those of each value together."""
    import numpy as np

    count, size = bands(threshold, rows.shape[1])
    rng = np.random.default_rng(1)
    for at in range(0, count * size, size):
        factors = rng.integers(1, 2**63, size, np.uint64) | np.uint64(1)
        # a sum for each band: where two agree by chance only, the estimate tells
        sums = (rows[full, at : at + size].astype(np.uint64) * factors).sum(axis=1, dtype=np.uint64)
        order = np.argsort(sums, kind="stable")
        starts = np.flatnonzero(np.diff(sums[order], prepend=sums[order][:1] + 1))
        sizes = np.diff(starts, append=len(full))
        for start, length in zip(starts[sizes > 1], sizes[sizes > 1], strict=True):
            yield full[order[start : start + length]]


def _join(rows: "Numbers", members: "Numbers", threshold: float, sets: _Sets) -> None:
    """Joins those of the members that are near each other."""
    for number, one in enumerate(members[:-1]):
        others = members[number + 1 :]
        others = others[sets.of[others] != sets.of[one]]
        if not len(others):  # all that follow are in one set: nothing is left to compare, however many they are
            return
        near = (rows[others] == rows[one]).mean(axis=1) >= threshold
        for other in others[near]:
            sets.join(int(one), int(other))
