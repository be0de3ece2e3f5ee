"""Lists: going on with one that a prompt leaves open, and writing one that it asks for."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from re import IGNORECASE, MULTILINE, compile, escape, findall, search

from synthkit.providers.demo import tasks
from synthkit.providers.demo.brief import asked
from synthkit.providers.demo.dice import Dice, capital
from synthkit.providers.demo.imitation import phrase
from synthkit.providers.demo.item import sentence
from synthkit.providers.demo.scene import Scene
from synthkit.providers.demo.tasks.kind import Kind
from synthkit.providers.demo.words.phrases import VERBS

_MARKER = compile(r"(?:^|\n)([ \t]*)((?:[A-Za-z][\w-]*[ \t]){0,3}#?)(\d{1,4})([ \t]?[.:)\]])[ \t]*$")
_BULLET = compile(r"(?:^|\n)([ \t]*)([-*•–])[ \t]*$")
_LABEL = compile(r"^[ \t]*(?:\*\*)?[A-Z][\w ]{0,30}:", MULTILINE)
_TASKS = r"tasks?|instructions?|prompts?|requests?|exercises?|commands?|queries|assignments?"
_QUESTIONS = r"questions?|(?:word |maths? )?problems?|puzzles?|riddles?"
_KINDS: tuple[tuple[str, str], ...] = (
    (_TASKS, "task"),
    (_QUESTIONS, "question"),
    (r"topics?|subjects?|themes?|keywords?|areas?|concepts?|domains?|categories", "topic"),
    (r"names?|people|persons?", "name"),
    (r"personas?|occupations?|jobs?|characters?|roles?", "job"),
    (r"cities|towns?|places?|countries", "place"),
    (r"titles?|headlines?|slogans?", "title"),
    (r"steps?|tips?|actions?|ways?|resolutions?|rules?", "action"),
    (r"ideas?", "idea"),
)
_PLAIN = {
    "topic": "{topic}",
    "name": "{name} {surname}",
    "job": "{job} from {city}",
    "place": "{city}",
    "action": "{action}",
}


@dataclass(frozen=True, slots=True)
class OpenList:
    """A list with an empty entry at its end.

    head: what stands before it. word, mark: around the number. number: the one that is due, None for bullets.
    entries: those there are. gap: what stands between them.
    """

    head: str
    indent: str
    word: str
    number: int | None
    mark: str
    entries: Sequence[str]
    gap: str


@lru_cache(64)
def open_list(text: str) -> OpenList | None:
    """The list that a prompt leaves open at its end; None where there is none, or its entries have labels inside."""
    stripped = text.rstrip()
    numbered = _MARKER.search(stripped[-120:])
    bullet = None if numbered else _BULLET.search(stripped[-120:])
    if numbered:
        indent, word, mark = numbered[1], numbered[2], numbered[4]
        begin = rf"^{escape(indent)}{escape(word)}\d{{1,4}}{escape(mark)}[ \t]*"
    elif bullet:
        indent, word, mark = bullet[1], bullet[2], ""
        begin = rf"^{escape(indent)}{escape(word)}[ \t]+"
    else:
        return None
    places = [(found.start(), found.end()) for found in compile(begin, MULTILINE).finditer(f"{stripped} ")]
    if not places or (bullet and len(places) < 2):
        return None
    stops = [start for start, _ in places[1:]]
    raw = [stripped[end:stop] for (_, end), stop in zip(places, stops, strict=False)]
    if sum(bool(_LABEL.search(entry)) for entry in raw) * 2 > max(1, len(raw)):
        return None
    gap = "\n\n" if sum(entry.endswith("\n\n") for entry in raw) * 2 > max(1, len(raw)) else "\n"
    number = int(numbered[3]) if numbered else None
    return OpenList(stripped[: places[0][0]], indent, word, number, mark, [entry.strip() for entry in raw], gap)


def continued(dice: Dice, scene: Scene, rest: OpenList) -> str:
    """The entries that come next, the first without its mark, since that stands in the prompt."""
    total = asked(rest.head, rf"{_TASKS}|{_QUESTIONS}|entries|items|examples|more|ideas|topics|names")
    wish = (total or 0) - (rest.number - 1 if rest.number is not None else len(rest.entries))
    number = wish if 1 <= wish <= 50 else dice.whole(4, 8)
    made = entries(dice, f"{scene.system}\n{rest.head}", rest.word, rest.entries, number)
    lines = [made[0]]
    for place, entry in enumerate(made[1:], 1):
        mark = f"{rest.word} " if rest.number is None else f"{rest.word}{rest.number + place}{rest.mark} "
        lines.append(f"{rest.indent}{mark}{entry}")
    return rest.gap.join(lines)


def sort_of(head: str, word: str, shown: Sequence[str]) -> str:
    """What the entries of a list are: by the word before their number, by what they look like, by the request."""
    for pattern, kind in _KINDS:
        if search(rf"\b(?:{pattern})\b", word, IGNORECASE):
            return kind
    looks = _looks(shown)
    if looks in ("task", "question"):
        return looks
    named = search(rf"\b(?:{'|'.join(pattern for pattern, _ in _KINDS)})\b", head, IGNORECASE)
    kind = next((k for pattern, k in _KINDS if named and search(rf"^(?:{pattern})$", named[0], IGNORECASE)), "")
    return kind if kind in ("task", "question") or not looks else looks


def _looks(shown: Sequence[str]) -> str:
    entries = [entry for entry in shown if entry][:12]
    if not entries:
        return ""
    first = [(findall(r"[a-z']+", entry.lower()[:60]) or [""])[0] for entry in entries]
    long = sum(len(entry.split()) > 3 for entry in entries)
    if sum(word in VERBS for word in first) + sum("?" in entry for entry in entries) >= 0.5 * len(entries) and long:
        return "question" if all(entry.rstrip().endswith("?") for entry in entries) else "task"
    return "" if long * 2 > len(entries) else "phrase"


def entries(dice: Dice, head: str, word: str, shown: Sequence[str], number: int) -> list[str]:
    """New entries of a list."""
    sort = sort_of(head, word, shown)
    kinds = tasks.wanted(head)
    made: list[str] = []
    for _ in range(4 * number):
        if len(made) >= number:
            break
        entry = _entry(dice, sort, kinds, shown)
        if entry not in made and entry not in shown:
            made.append(entry)
    return made or [sentence(dice)]


def _entry(dice: Dice, sort: str, kinds: tuple[Kind, ...], shown: Sequence[str]) -> str:
    if sort in ("task", "question"):
        return tasks.instruct(dice, kinds, sort == "question")
    if sort in _PLAIN:
        made = dice.fill(_PLAIN[sort])
        return made if shown and shown[0][:1].islower() else capital(made)
    if sort == "phrase":
        return phrase(dice, "", dice.pick(shown))
    if sort == "title":
        return capital(dice.fill("{noun}, {noun} and {subject}"))
    if sort == "idea":
        return capital(dice.fill("{action} to bring {subject} closer to {audience}"))
    return sentence(dice)


_WANTED = compile(
    r"\b(?:write|give|generate|come up with|create|propose|suggest|list|produce|think of|invent|make|compose|"
    r"draft|provide|"
    r"continue|add|need|want)\b[^.?!\n]{0,60}?\b("
    + "|".join((_TASKS, _QUESTIONS, r"topics?|personas?|names|titles"))
    + r")\b",
    IGNORECASE,
)


def wanted(scene: Scene) -> tuple[str, int] | None:
    """The things that a prompt asks to be written as a list, and how many; None where it asks for something else."""
    found = _WANTED.search(scene.ask)
    if found is None:
        return None
    things = found[1].lower()
    number = asked(found[0], rf"{_TASKS}|{_QUESTIONS}|topics?|personas?|names|titles")
    if number is None and not (things.endswith("s") or "queries" in things):
        one = rf"\b(?:a|an|one|another)(?: [\w-]+){{0,2}} {escape(things)}$"
        return (things, 1) if search(one, found[0], IGNORECASE) else None
    return things, min(number or scene.count(5), 60)


def written(dice: Dice, scene: Scene, things: str, number: int) -> str:
    """A list as asked for: numbered on from the prompt's own numbers where it has some; a single entry stands alone."""
    shown = findall(r"^[ \t]*\d{1,3}[.)][ \t]+(.+)$", scene.text[:8000], MULTILINE)
    made = entries(dice, scene.ask, things, shown, number)
    if number == 1:
        return made[0]
    on = search(r"\b(?:continue|go on|more|starting (?:with|from|at))\b", scene.ask, IGNORECASE)
    start = len(shown) + 1 if shown and on else 1
    return "\n".join(f"{place}. {entry}" for place, entry in enumerate(made, start))
