"""Labelled blocks: reading «Task: … Input: … Output: …», and finding what is still due at the end of a prompt."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from re import IGNORECASE, MULTILINE, compile, search

from synthkit.providers.demo.brief import line_starts
from synthkit.providers.demo.roles import Role, role_of

_LINE = compile(
    r"^(?P<head>[ \t>]{0,8}(?:#{1,6} ?|\*\*|[-*] )?(?P<label>[A-Za-z][A-Za-z'’/_ -]{0,48}?)"
    r"(?: ?#?(?P<number>\d{1,3}))?#?[ \t]?"
    r"(?:\*\*)?(?P<mark>[:?])(?:\*\*)?)(?P<gap>[ \t]*)(?=(?P<value>.*)$)",
    MULTILINE,
)
_BARE = compile(
    r"^(?P<head>[ \t]*(?:#{1,6} +(?P<hash>[A-Za-z][^\n:?#]{0,48})|\*\*(?P<bold>[^*\n:?]{1,48})\*\*"
    r"|\[(?P<square>[A-Za-z][^\]\n]{0,48})\]))[ \t]*$",
    MULTILINE,
)
_HEADING = compile(
    r"^[ \t]*(?P<head>(?:#{1,6} ?|\*\*)?(?:Example|Instance|Sample|Case) ?#?(?P<number>\d{1,3})(?:\*\*)?[:.]?)[ \t]*$",
    IGNORECASE | MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Line:
    """A label and its value. `head` is the label as it is printed; a heading has no value."""

    head: str
    label: str
    number: int | None
    value: str
    role: Role
    start: int
    heading: bool = False


@dataclass(frozen=True, slots=True)
class Open:
    """A prompt whose last block is not complete.

    head: what stands before the first block. blocks: the complete ones. known: what the last block has. empty:
    whether the last label stands there without a value.
    """

    head: str
    blocks: Sequence[Sequence[Line]]
    known: Sequence[Line]
    empty: bool

    @property
    def first(self) -> Line:
        return self.known[0]

    def values(self, label: str) -> list[str]:
        """The values that a label has in the complete blocks."""
        return [line.value for block in self.blocks for line in block if line.label.lower() == label.lower()]


@dataclass(frozen=True, slots=True)
class _Found:
    """What looks like a label, before it is known whether it is one."""

    label: str
    mark: str
    head: str
    number: int | None
    start: int
    end: int


def _labels(text: str) -> Iterator[_Found]:
    for place in line_starts(text):
        if match := _LINE.match(text, place):
            number = int(match["number"]) if match["number"] else None
            yield _Found(match["label"].strip(), match["mark"], match["head"], number, match.start(), match.end())
        elif bare := _BARE.match(text, place):
            label = (bare["hash"] or bare["bold"] or bare["square"]).strip()
            if label.lower().startswith(("the end", "end ")):
                continue
            yield _Found(label, "#", bare["head"], None, bare.start(), bare.end())


def _headings(text: str) -> Iterator[_Found]:
    if search(r"(?:ample|nstance|ase) ?#?\d", text):
        for match in _HEADING.finditer(text):
            yield _Found("example", "", match["head"], int(match["number"]), match.start(), match.end())


@lru_cache(64)
def lines(text: str) -> tuple[Line, ...]:
    """The labelled lines of a prompt: labels that come more than once, whose meaning is known, or that end it."""
    headings = list(_headings(text))
    places = {one.start for one in headings}
    found = [*headings, *(one for one in _labels(text) if one.start not in places)]
    found.sort(key=lambda one: one.start)
    counts = Counter((one.label.lower(), one.mark) for one in found)
    length = len(text.rstrip())
    kept: list[_Found] = []
    for one in found:
        begins = bool(kept) and not kept[-1].mark and one.mark == ":" and one.start - kept[-1].end < 3
        if begins or _is_label(one, counts[one.label.lower(), one.mark], one.end >= length):
            kept.append(one)
    ends = [*(one.start for one in kept), len(text)][1:]
    return tuple(
        Line(one.head, one.label, one.number, text[one.end : stop].strip(), role_of(one.label), one.start, not one.mark)
        for one, stop in zip(kept, ends, strict=True)
    )


def _is_label(one: _Found, count: int, last: bool) -> bool:
    known = one.mark in ":#" and bool(role_of(one.label)) and one.label.count(" ") < 3
    return not one.mark or last or known or (count > 1 and one.label.count(" ") < 7)


def split_blocks(found: Sequence[Line]) -> list[list[Line]]:
    """The lines in blocks, each of which begins with the same label: the first that comes again."""
    counts = Counter(line.label.lower() for line in found if not line.heading)
    first = next((line.label.lower() for line in found if not line.heading and counts[line.label.lower()] > 1), None)
    blocks: list[list[Line]] = []
    for line in found:
        if line.label.lower() == first and not line.heading:
            blocks.append([line])
        elif blocks:
            blocks[-1].append(line)
    return blocks


@lru_cache(64)
def unfinished(text: str) -> Open | None:
    """What is still due at the end of a prompt; None where nothing is."""
    found = lines(text)
    if not found:
        return None
    last = found[-1]
    blocks = split_blocks(found)
    repeated = blocks and len(blocks) > 1 and blocks[-1][-1] is last
    if not last.value and not last.heading:
        known = blocks[-1] if repeated else list(found)
        return Open(text[: found[0].start], blocks[:-1] if repeated else [], known, True)
    if not repeated or "\n\n" in last.value or last.heading:
        return None
    ends = Counter(block[-1].label.lower() for block in blocks[:-1])
    usual = ends.most_common(1)[0][0]
    have = [line.label.lower() for line in blocks[-1]]
    if usual in have or last.label.lower() == usual:
        return None
    return Open(text[: found[0].start], blocks[:-1], blocks[-1], False)


def examples(text: str) -> list[dict[str, str]]:
    """The complete blocks of a prompt as mappings; [] where it has fewer than two alike."""
    blocks = split_blocks(lines(text))
    made = [{line.label.lower(): line.value for line in block if line.value and not line.heading} for block in blocks]
    usual = Counter(tuple(item) for item in made).most_common(1)
    return (
        [item for item in made if tuple(item) == usual[0][0]]
        if usual and usual[0][1] > 1 and len(usual[0][0]) > 1
        else []
    )
