"""Reading an instruction: how many, about what, which labels."""

from functools import lru_cache
from re import IGNORECASE, MULTILINE, Match, compile, findall, finditer, search, split, sub

from synthkit.providers.demo.words import COUNTS
from synthkit.providers.demo.words.lists import words

READ = 2000
"""Characters of an instruction that are looked at; more would only cost time."""

_NUMBERS = {
    "one": 1, "single": 1, "a couple of": 2, **{word: number for number, word in enumerate(COUNTS, 2)},
    "eleven": 11, "twelve": 12, "dozen": 12, "fifteen": 15, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50,
}  # fmt: skip
_NUMBER = rf"(?<![\w.-])(\d{{1,3}}|{'|'.join(_NUMBERS)})(?![\w.]|-\d)"
_ABOUT = compile(
    r"\b(?:about|regarding|concerning|on the subject of|on the topic of)[:\s]+([^.,;:?!\n]{3,160})", IGNORECASE
)
_DIRECT = compile(
    r"^\W*(?:please )?(?:explain|describe|define|discuss|compare) ((?!in |to |for |how |why |what )[^.,;:?!\n]{3,60}?)"
    r"(?: to | for | in | with |[.,;:?!\n]|$)",
    IGNORECASE,
)
_OTHER = compile(r"\b(?:for|of|on|with|in|to)\s+((?:an?|the|my|our)?\s*[^.,;:?!\n]{3,120})", IGNORECASE)
_LISTED = compile(
    r"(?:\b(?:into|as|either|is|are|labels?|categor(?:y|ies)|class(?:es)?|candidates|options|one of|output|answer|say|"
    r"choose from|include|reply|with|from|between|its|it)\b:?|:|\()\s*"
    r"((?:[\"'“]?[\w-]+(?: [\w-]+){0,2}[\"'”]?,\s*(?:or |and )?){0,9}"
    r"[\"'“]?[\w-]+(?: [\w-]+){0,2}?[\"'”]?,?\s+(?:or|and)\s+[\"'“]?[\w-]+(?: [\w-]+){0,2}[\"'”]?)\s*(?=[.,;:?)\n]|$)",
    IGNORECASE,
)  # fmt: skip
_DATA = compile(r"^[ \t]*[|{].*$", MULTILINE)
"""Lines of tables and JSON, which no text is about."""
_FILLERS = frozenset(
    words(
        """
about above after again all also and another answer any are because been before being below between both but can could
did does each every following for from get give given had has have her here his how into its just let like made make
many may more most must need new nor not now off old one only other our out over own per please put said same say see
sentence sentences set she should some such text than that the their them then there these they this those three too
two use using very want was way well were what when where which while who why will with without words would write yes
yet you your
"""
    )
)


def counted(text: str, default: int, most: int = 50) -> int:
    """The first number of things that a text asks for."""
    found = search(_NUMBER, text[:READ].lower())
    return min(number(found[1]), most) if found and number(found[1]) else default


def number(word: str) -> int:
    """The number that a word or figure stands for."""
    return int(word) if word.isdecimal() else _NUMBERS.get(word.lower(), 0)


def asked(text: str, things: str) -> int | None:
    """How many of `things` (a regex) a text asks for: «5 examples», «another three short tasks».

    The last such number; one only where no other is named.
    """
    found = finditer(rf"{_NUMBER}(?:[ -](?:[a-z][\w-]*,?)){{0,4}}? (?:{things})\b", text.lower())
    numbers = [number(one[1]) for one in found]
    several = [one for one in numbers if one > 1]  # «three more, one object a line» are three
    return several[-1] if several else 1 if numbers else None


@lru_cache(1024)
def topic(instruction: str) -> str:
    """What an instruction is about, as words that can stand in a sentence."""
    text = _DATA.sub("", instruction[:READ])
    found = _ABOUT.search(text)
    if found is None:
        quoted = search(r"[\"“]([^\"”\n]{3,80})[\"”]", text)
        found = quoted or _DIRECT.search(text) or _OTHER.search(text)
    said = found[1].split() if found else split(r"[.?!\n]", text.strip(), maxsplit=1)[0].split()[-7:]
    return " ".join(said[:16]).strip(" .,:;!?\"'“”()") or "this"


def matter(instruction: str, given: str) -> str:
    """What a task is about: its input, or where that is none or only data, its instruction."""
    return topic(given if _DATA.sub("", given[:READ]).strip() else instruction)


@lru_cache(1024)
def labels(instruction: str) -> tuple[str, ...]:
    """The closed set of answers that an instruction names: «positive, negative or mixed»; () where it names none."""
    text = instruction[-READ:]
    best: tuple[str, ...] = ()
    for found in _LISTED.finditer(text):
        parts = _split_labels(found)
        if len(parts) > len(best):
            best = parts
    quoted = findall(r"[\"“]([\w -]{1,24})[\"”]", text)
    return tuple(dict.fromkeys(quoted)) if len(quoted) > max(1, len(best)) else best


def _split_labels(found: Match[str]) -> tuple[str, ...]:
    parts = split(r",\s*(?:or |and )?|\s+(?:or|and)\s+", found[1])
    kept = [sub(r"^(?:an?|the|either) |[\"'“”]", "", part.strip(), flags=IGNORECASE) for part in parts]
    if " " in kept[0] and all(" " not in part for part in kept[1:]):  # «is the statement true or false»
        kept[0] = kept[0].split()[-1]
    return tuple(dict.fromkeys(part for part in kept if part))


def stems(text: str) -> frozenset[str]:
    """The stems of a text's words of content: their first five letters."""
    said = findall(r"[^\W\d_]{3,}", text.lower())
    return frozenset(word[:5] for word in said if word not in _FILLERS)


@lru_cache(16)
def line_starts(text: str) -> tuple[int, ...]:
    """Where those lines begin that may begin with a label: with a colon or question mark early on, or in brackets."""
    found, place = [], 0
    for line in text.split("\n"):
        head = line[:66]
        if ":" in head or "?" in head or head.lstrip(" \t>")[:1] in _BRACKETS:
            found.append(place)
        place += len(line) + 1
    return tuple(found)


_BRACKETS = frozenset("#[<*")


def sentences(text: str) -> list[str]:
    """The sentences of a passage."""
    return [part.strip() for part in split(r"(?<=[.!?])\s+", text[: 2 * READ].strip()) if part.strip()]
