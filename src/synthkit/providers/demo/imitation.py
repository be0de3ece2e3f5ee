"""Imitation of examples: sets of values that stay closed, dates that stay dates, calls whose words change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from re import DOTALL, IGNORECASE, Match, compile, escape, finditer, fullmatch, search, sub
from typing import Any

from synthkit.providers.demo.brief import stems
from synthkit.providers.demo.dice import Dice, capital, small
from synthkit.providers.demo.rates import POOR
from synthkit.providers.demo.roles import role_of
from synthkit.providers.demo.scene import Scene
from synthkit.providers.demo.words.people import CITIES, NAMES
from synthkit.providers.demo.words.phrases import CHORES, VERBS

_DATE = r"\d{4}-\d{2}-\d{2}"
_TIME = r"\d{1,2}:\d{2}(?::\d{2})?"
_CALL = compile(r"^\W{0,2}[A-Za-z_][\w.]*\(.*\)\W{0,3}$", DOTALL)
_VALUE = compile(
    r"(?:(\w+)\s*[=:]\s*)?(?:\"([^\"\n]{1,200})\"|'([^'\n]{1,200})'|(?<![\w\"'.-])(\d+(?:\.\d+)?)(?![\w\"'.-]))"
)
_CHORE_VERBS = (
    VERBS
    | {chore.split()[0] for chore in CHORES}
    | {"buy", "cook", "visit", "meet", "submit", "finish", "start", "learn"}
)
_BEFORE = (
    "Please",
    "Could you",
    "Hey,",
    "Quick one:",
    "For {name}:",
    "Before {hour},",
    "As agreed with {name},",
    "Can you",
)
_AFTER = (
    "Thanks!",
    "It is for {name}.",
    "I nearly forgot.",
    "{name} asked for it.",
    "No hurry.",
    "That would help me on {day}.",
    "I am in {city} until {day}.",
    "The rest can wait until I {chore}.",
)


@dataclass(frozen=True)
class Manner:
    """How the fields of some examples are written.

    calls: fields that are calls or code. closed, dated, brief: fields of few values, of dates or times, of few words.
    nearest: the examples that are like what is asked for. options: the values that arguments of calls may have.
    """

    demos: Sequence[Mapping[str, Any]]
    calls: frozenset[str]
    closed: Mapping[str, tuple[Any, ...]]
    dated: Mapping[str, str]
    brief: frozenset[str]
    nearest: Sequence[Mapping[str, Any]]
    options: Mapping[str, tuple[str, ...]]

    def example(self, dice: Dice, parts: Mapping[str, Any]) -> dict[str, Any] | None:
        """Values for the fields among `parts` that are written in a manner; None where the examples have others."""
        names = {name: key for name in parts for key in self.demos[0] if key.lower() == name.lower()}
        if len(names) < min(2, len(parts)):
            return None
        base = dice.pick(self.nearest)
        called = any(key in self.calls for key in names.values())
        swaps = self.swaps(dice, base) if called else {}
        made = {name: self.value(dice, key, base, swaps, called) for name, key in names.items()}
        return {name: value for name, value in made.items() if value is not None}

    def value(self, dice: Dice, key: str, base: Mapping[str, Any], swaps: Mapping[str, str], called: bool) -> Any:
        if called and isinstance(base.get(key), str):
            return self.swapped(dice, key, base[key], swaps) if key not in self.closed else base[key]
        if key in self.closed:
            return None if role_of(key) == "label" else dice.pick(self.closed[key])
        if key in self.dated:
            return stamp(dice, self.dated[key])
        return capital(dice.fill("{noun}")) if key in self.brief else None

    def swaps(self, dice: Dice, base: Mapping[str, Any]) -> dict[str, str]:
        """New words for those that stand in the calls of an example."""
        made: dict[str, str] = {}
        for key in sorted(self.calls):
            for found in _VALUE.finditer(str(base.get(key, ""))[:4000]):
                old = found[2] or found[3] or found[4]
                if old not in made:
                    made[old] = self.another(dice, key, found[1] or "", old)
        return made

    def another(self, dice: Dice, key: str, argument: str, old: str) -> str:
        seen = _arguments(tuple(str(demo.get(key, ""))[:4000] for demo in self.demos[:30])).get(argument, ())
        named = self.options.get(argument)
        if named and old in named:
            return dice.pick(named)
        if argument and (fullmatch(r"[a-z][a-z_-]{1,14}", old) or closed_set(seen)):
            return dice.pick(seen or (old,))
        for form in (_DATE, _TIME, rf"{_DATE}[T ]{_TIME}"):
            if fullmatch(form, old):
                return stamp(dice, form)
        if fullmatch(r"\d+(?:\.\d+)?", old):
            return str(dice.whole(1, max(9, 2 * int(float(old[:9]))))) if "." not in old else f"{dice.whole(1, 99)}.5"
        return phrase(dice, argument, old)

    def swapped(self, dice: Dice, key: str, text: str, swaps: Mapping[str, str]) -> str:
        made = _swap(text, swaps)
        if key in self.calls:
            return spoilt(dice, made) if dice.chance(POOR) else made
        if made == text and swaps:
            made = f"{capital(next(iter(swaps.values())))}: {', '.join(swaps.values())}."
        if role_of(key) in ("instruction", "input", "") and len(made.split()) > 2:
            way = dice.random()
            if way < 0.3 and not made.lower().startswith(("could", "would", "can ", "please")):
                return f"{dice.fill(dice.pick(_BEFORE))} {small(made)}"
            if way < 0.75:
                end = "" if made.rstrip()[-1:] in ".?!" else "."
                return f"{made.rstrip()}{end} {dice.fill(dice.pick(_AFTER))}"
        return made


def _swap(text: str, swaps: Mapping[str, str]) -> str:
    """All new words at once, so that one that equals an old one is not swapped again."""
    if not swaps:
        return text
    known = {old.lower(): new for old, new in swaps.items()}
    pattern = "|".join(rf"(?<!\w){escape(old)}(?!\w)" for old in sorted(swaps, key=len, reverse=True))

    def new(found: Match[str]) -> str:
        made = known[found[0].lower()]
        return small(made) if found[0][:1].islower() else made

    return sub(pattern, new, text, flags=IGNORECASE)


@lru_cache(64)
def _arguments(calls: tuple[str, ...]) -> Mapping[str, tuple[str, ...]]:
    """The values that each argument has in some calls."""
    found: dict[str, list[str]] = {}
    for call in calls:
        for match in _VALUE.finditer(call):
            found.setdefault(match[1] or "", []).append(match[2] or match[3] or match[4])
    return {name: tuple(values) for name, values in found.items()}


def stamp(dice: Dice, form: str) -> str:
    """A date, a time, or both."""
    day = f"{dice.whole(2024, 2026)}-{dice.whole(1, 12):02d}-{dice.whole(1, 28):02d}"
    hour = f"{dice.whole(7, 21):02d}:{dice.pick(('00', '15', '30', '45'))}"
    return day if form == _DATE else hour if form == _TIME else f"{day}T{hour}"


def phrase(dice: Dice, name: str, old: str) -> str:
    """Other words of the same kind: a chore for a chore, a name for a name."""
    role = role_of(name)
    words = old.split()
    if (
        role == "name"
        or (words[:1] and words[0] in NAMES)
        or name in ("to", "recipient", "attendee", "contact", "with")
    ):
        made = dice.fill("{name}") if len(words) < 2 else dice.fill("{name} {surname}")
        return f"{made.lower()}@example.org" if "@" in old else made
    if "@" in old:
        return f"{dice.fill('{name}').lower()}@example.org"
    if role == "place" or old in CITIES:
        return dice.fill("{city}")
    made = dice.fill("{chore}" if words[:1] and words[0].lower() in _CHORE_VERBS else "{noun}")
    return capital(made) if old[:1].isupper() else made.replace(" ", "_") if "_" in old else made


def spoilt(dice: Dice, call: str) -> str:
    """A call that is no good: cut, with an argument that nobody knows, of another name, or words in its place."""
    name, bracket, rest = call.partition("(")
    ways = (
        call.rstrip(")]; \n"),
        f"{name}{bracket}note={dice.pick(('true', '1', '“”'))}, {rest}",
        f"{name}_now{bracket}{rest}",
        dice.pick(("I am not sure what to do here.", "Done.", "There is no function for this.")),
    )
    return dice.pick(ways)


def manner(scene: Scene) -> Manner | None:
    """How the examples of a prompt are written; None where it shows none."""
    demos = scene.demos
    if not demos:
        from synthkit.providers.demo.blocks import examples

        demos = examples(scene.text)
    return _manner(demos, scene.prose) if demos else None


def _options(text: str) -> Mapping[str, tuple[str, ...]]:
    """The values of arguments that a text names: «priority?: low|normal|high»."""
    found = finditer(r"(\w+)\??\s*[:=]\s*[\"']?([\w-]+[\"']?(?:\s?\|\s?[\"']?[\w-]+[\"']?)+)", text[:6000])
    return {one[1]: tuple(part.strip(" \"'") for part in one[2].split("|")) for one in found}


def _nearest(demos: Sequence[Mapping[str, Any]], request: str) -> Sequence[Mapping[str, Any]]:
    """The examples that share most words with what is asked for, which may be one kind among those shown."""
    wanted = stems(request)
    shares = [len(wanted & stems(" ".join(str(value) for value in demo.values())[:2000])) for demo in demos]
    most = max(shares)
    return [demo for demo, share in zip(demos, shares, strict=True) if share == most] if most else demos


def _manner(demos: Sequence[Mapping[str, Any]], prose: str) -> Manner:
    calls, brief = set(), set()
    closed: dict[str, tuple[Any, ...]] = {}
    dated: dict[str, str] = {}
    for key in dict.fromkeys(key for demo in demos for key in demo):
        values = [demo[key] for demo in demos if key in demo]
        texts = [value for value in values if isinstance(value, str)]
        form = next(
            (f for f in (_DATE, _TIME, rf"{_DATE}[T ]{_TIME}") if texts and all(fullmatch(f, t) for t in texts)), ""
        )
        if texts and len(texts) == len(values) and sum(bool(_CALL.match(t)) for t in texts) * 2 > len(texts):
            calls.add(key)
        elif form:
            dated[key] = form
        elif options := closed_set(values):
            closed[key] = options
        elif texts and all(len(t.split()) < 4 and not search(r"\d", t) for t in texts) and not role_of(key):
            brief.add(key)
    nearest = _nearest(demos, prose[-700:]) if calls else demos
    return Manner(demos, frozenset(calls), closed, dated, frozenset(brief), nearest, _options(prose) if calls else {})


def closed_set(values: Sequence[Any]) -> tuple[Any, ...]:
    """The options that some values are taken from, () where each may be new."""
    if not all(isinstance(value, str | bool | int) for value in values):
        return ()
    options = tuple(dict.fromkeys(values))
    short = all(len(str(option).split()) <= 3 and len(str(option)) < 25 for option in options)
    repeated = len(values) >= 3 and len(options) * 2 <= len(values) + 1
    usual = len(values) > 1 and {str(option).lower() for option in options} <= {"yes", "no", "true", "false"}
    return options if short and (repeated or usual) else ()


def schema_for(demos: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The JSON schema of one more such example."""
    keys = dict.fromkeys(key for demo in demos for key in demo)
    parts = {key: _schema([demo[key] for demo in demos if key in demo], 0) for key in keys}
    return {"type": "object", "properties": parts, "required": list(demos[0])}


def _schema(values: Sequence[Any], depth: int) -> dict[str, Any]:
    first = next((value for value in values if value is not None), "")
    if isinstance(first, bool):
        return {"type": "boolean"}
    if options := closed_set(values):
        return {"enum": list(options)}
    if isinstance(first, int | float):
        numbers = [value for value in values if isinstance(value, int | float)]
        kind = "integer" if all(isinstance(value, int) for value in numbers) else "number"
        return {"type": kind, "minimum": min(numbers), "maximum": max(*numbers, min(numbers) + 1)}
    if isinstance(first, list) and depth < 6:
        inner = [item for value in values if isinstance(value, list) for item in value][:50]
        return {"type": "array", "items": _schema(inner, depth + 1), "minItems": min(1, len(inner))}
    if isinstance(first, dict) and depth < 6:
        return schema_for([value for value in values if isinstance(value, dict)]) if first else {"type": "object"}
    texts = [value for value in values if isinstance(value, str)]
    if texts and all(fullmatch(_DATE, text) for text in texts):
        return {"type": "string", "format": "date"}
    return {"type": "string"}
