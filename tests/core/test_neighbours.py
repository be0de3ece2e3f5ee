"""Near-duplicates: groups against exact similarities and transitive closure, and divisions that keep groups whole."""

from itertools import combinations
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from synthkit.core.neighbours import Signatures, divided, groups

WORDS = ["write", "list", "explain", "short", "long", "poem", "recipe", "email", "about", "three", "cats", "taxes"]
TEXTS = st.lists(st.lists(st.sampled_from(WORDS), max_size=9).map(" ".join), max_size=25)


def jaccard(one: str, other: str, signatures: Signatures) -> float:
    """The exact similarity."""
    a, b = signatures.shingles(one), signatures.shingles(other)
    return len(a & b) / len(a | b) if a | b else 0.0


def closed(count: int, pairs: list[tuple[int, int]]) -> list[int]:
    """The first member of each one's connected component, by repeated walks."""
    first = list(range(count))
    while any(first[a] != first[b] for a, b in pairs):
        for a, b in pairs:
            first[a] = first[b] = min(first[a], first[b])
    return first


@settings(max_examples=60)
@given(TEXTS, st.data())
def test_groups_are_the_connected_components(texts: list[str], data: st.DataObject) -> None:
    """With so many permutations the estimate is exact enough for what is clearly on one side of the threshold."""
    keys = data.draw(st.lists(st.integers(0, 30), min_size=len(texts), max_size=len(texts)))
    signatures = Signatures(permutations=512)
    similar = {
        (a, b): jaccard(texts[a], texts[b], signatures) for a, b in combinations(range(len(texts)), 2)
    }  # fmt: skip
    if any(0.4 < near < 0.95 for near in similar.values()):
        similar = {pair: near for pair, near in similar.items() if near >= 0.95}  # what must be together, at least
        exact = False
    else:
        exact = True
    pairs = [pair for pair, near in similar.items() if near >= 0.95]
    pairs += [(a, b) for a, b in combinations(range(len(texts)), 2) if keys[a] == keys[b]]
    found = groups(texts, 0.7, keys=keys, signatures=signatures)
    for a, b in pairs:
        assert found[a] == found[b]
    if exact:
        assert found == closed(len(texts), pairs)
    assert all(found[number] <= number and found[found[number]] == found[number] for number in range(len(texts)))


def test_near_is_transitive_and_blank_is_near_nothing() -> None:
    base = "the quick brown fox jumps over the lazy dog and runs into the deep dark forest at night"
    chain = [
        base,
        base + " again",
        base + " again today",
        base + " again today, slowly and with much care for its feet",
    ]
    assert jaccard(chain[0], chain[3], Signatures()) < 0.7 < jaccard(chain[2], chain[3], Signatures())
    assert groups(chain, 0.6) == [0, 0, 0, 0]
    assert groups([chain[0], chain[3]], 0.75) == [0, 1]
    assert groups(["", " ", "\n", "x", "X "]) == [0, 1, 2, 3, 3]
    assert groups([]) == []
    assert groups(["", "", "other"], keys=["a", "b", "a"]) == [0, 1, 0]


def test_planted_copies_are_found_among_many() -> None:
    rng = Random(7)
    syllables = ["ka", "lo", "mi", "ren", "tu", "sha", "po", "ver", "na", "dis"]
    base = [" ".join("".join(rng.choices(syllables, k=3)) for _ in range(25)) for _ in range(400)]
    found = groups([*base, *(f"{text} indeed" for text in base)])
    assert found[:400] == list(range(400))
    assert sum(found[400 + number] == number for number in range(400)) >= 396
    assert set(found[400:]) <= {*range(400), *range(400, 800)}


@given(st.lists(st.integers(0, 12), max_size=60), st.sampled_from([0.1, 0.5, 0.8, 0.9, 0.99]), st.integers(0, 5))
@example([0] * 4 + [1] * 3 + [2] * 3, 0.4, 0)
@example([0] * 10, 0.9, 0)
@example([0] * 5 + [1] * 5, 0.9, 0)
def test_whole_groups_come_as_near_to_the_share_as_they_can(members: list[int], share: float, seed: int) -> None:
    sides = divided(members, share, Random(seed))
    assert sides == divided(members, share, Random(seed))
    assert len(sides) == len(members)
    first = {group for group, side in zip(members, sides, strict=True) if side}
    assert first.isdisjoint(group for group, side in zip(members, sides, strict=True) if not side)
    sizes = [members.count(group) for group in set(members)]
    if len(sizes) < 2:
        assert all(sides)
        return
    assert 0 < sum(sides) < len(members)
    sums = {0}
    for size in sizes:
        sums |= {total + size for total in sums}
    possible = sums - {0, len(members)}
    want = round(len(members) * share)
    best = min(abs(total - want) for total in possible)
    assert abs(sum(sides) - want) == best


def test_large_groups_come_on_both_sides_by_chance() -> None:
    members = [number // 5 for number in range(100)] + list(range(20, 120))
    small = [sum(not side for side in divided(members, 0.8, Random(seed))[:100]) for seed in range(40)]
    assert {sum(divided(members, 0.8, Random(seed))) for seed in range(40)} == {160}
    assert min(small) < 20 < max(small)


@pytest.mark.parametrize("count", [20_000])
def test_many_members_are_divided_quickly(count: int) -> None:
    sides = divided([n if n > count // 2 else 0 for n in range(count)], 0.9, Random(1))
    assert sum(sides) == count * 9 // 10
