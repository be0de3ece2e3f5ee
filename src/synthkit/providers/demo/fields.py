"""Values of single fields, by the role that their name and description suggest."""

from collections.abc import Mapping, Sequence
from re import IGNORECASE, search
from typing import Any

from synthkit.providers.demo import judging, tasks
from synthkit.providers.demo.brief import labels, topic
from synthkit.providers.demo.dice import Dice
from synthkit.providers.demo.item import Item, choice, decision, reads_like_classification, sentence
from synthkit.providers.demo.patterns import fitting
from synthkit.providers.demo.roles import Role, role_of

_GRADES = {
    "terrible": 1, "very poor": 1, "very bad": 1, "useless": 1, "reject": 1, "fail": 1, "incorrect": 1, "wrong": 1,
    "drop": 1, "poor": 2, "bad": 2, "weak": 2, "low": 2, "invalid": 1, "fair": 3, "average": 3, "acceptable": 3,
    "ok": 3, "okay": 3, "medium": 3, "partly": 3, "partially correct": 3, "good": 4, "pass": 4, "accept": 4,
    "correct": 5, "keep": 4, "right": 5, "valid": 5, "very good": 5, "excellent": 5, "perfect": 5, "high": 5,
}  # fmt: skip
_PLAIN: Mapping[Role, tuple[str, ...]] = {
    "topic": ("{topic}",),
    "name": ("{name} {surname}",),
    "place": ("{city}",),
    "time": ("09:30", "11:15", "14:00", "16:45", "18:20", "20:05"),
    "company": ("{surname} & Sons", "{surname} Ltd", "Studio {name}", "{city} Works"),
    "language": ("English", "French", "Spanish", "German"),
    "difficulty": ("easy", "medium", "hard"),
    "money": ("{amount}",),
    "steps": ("{action}",),
    "age": ("{tens}",),
    "year": ("{year}",),
    "amount": ("{digit}",),
}
_LABELS = ("writing", "analysis", "planning", "mathematics", "coding", "everyday life")


def text(item: Item, name: str, description: str, form: str) -> str:
    """A text for a field."""
    dice = item.dice
    if form:
        made = formatted(dice, form)
        if made:
            return made
    role = role_of(name, description)
    made = item.text(role, name, description)
    if made or role in ("instruction", "input", "output"):
        return made
    if role == "label" or "one of" in description:
        return item.labelled(_labels(item, description))
    if role == "date":
        return formatted(dice, "date")
    if role == "email":
        return formatted(dice, "email")
    if role == "url":
        return formatted(dice, "uri")
    if role == "identity":
        return f"{dice.getrandbits(32):08x}"
    if role == "code":
        return tasks.solve(dice, f"Write a Python function that {topic(item.instruction)}")
    if role in _PLAIN:
        return dice.line(_PLAIN[role])
    return sentence(dice, topic(item.scene.instruction) if item.scene.sections and dice.chance(0.5) else "")


def _labels(item: Item, description: str) -> Sequence[str]:
    return tasks.closed(item.instruction) or labels(description) or labels(item.scene.ask) or _LABELS


def formatted(dice: Dice, form: str) -> str:
    """A text of one of JSON schema's formats; "" for others."""
    day = f"{dice.whole(2023, 2026)}-{dice.whole(1, 12):02d}-{dice.whole(1, 28):02d}"
    hour = f"{dice.whole(0, 23):02d}:{dice.whole(0, 59):02d}:00Z"
    made = {
        "date": lambda: day,
        "date-time": lambda: f"{day}T{hour}",
        "time": lambda: hour,
        "duration": lambda: f"PT{dice.whole(5, 90)}M",
        "email": lambda: f"{dice.fill('{name}.{surname}').lower()}@example.org",
        "idn-email": lambda: f"{dice.fill('{name}').lower()}@example.org",
        "hostname": lambda: f"{dice.fill('{surname}').lower()}.example.org",
        "uri": lambda: f"https://example.org/{dice.fill('{noun}').replace(' ', '-')}",
        "url": lambda: f"https://example.org/{dice.fill('{noun}').replace(' ', '-')}",
        "uuid": lambda: "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}".format(
            *(dice.getrandbits(b) for b in (32, 16, 12, 12, 48))
        ),
        "ipv4": lambda: f"192.0.2.{dice.whole(1, 254)}",
        "ipv6": lambda: f"2001:db8::{dice.whole(1, 9999):x}",
    }.get(form)
    return made() if made else ""


def string(item: Item, schema: Mapping[str, Any], name: str) -> str:
    """A text within the bounds of a schema."""
    least, most = int(schema.get("minLength", 0)), schema.get("maxLength")
    pattern = schema.get("pattern")
    if isinstance(pattern, str):
        made = fitting(item.dice, pattern, least, most)
        if made is not None:
            return made
    made = text(item, name, str(schema.get("description", "")), str(schema.get("format", "")))
    while len(made) < least and least <= 100_000:
        made = f"{made} {sentence(item.dice)}".strip()
    if isinstance(most, int | float) and len(made) > most:
        cut = made[: int(most)]
        short = cut.rsplit(" ", 1)[0].rstrip(" ,;:")
        made = short if len(short) >= max(least, len(cut) // 2) else cut
    return made


def number(item: Item, schema: Mapping[str, Any], name: str, whole: bool) -> int | float:
    """A number within the bounds of a schema."""
    step = schema.get("multipleOf") or (1 if whole else 0.01)
    low, high = schema.get("minimum"), schema.get("maximum")
    if (above := schema.get("exclusiveMinimum")) is not None:
        low = above + step if low is None else max(low, above + step)
    if (below := schema.get("exclusiveMaximum")) is not None:
        high = below - step if high is None else min(high, below - step)
    wish = _wish(item, name, str(schema.get("description", "")), low, high)
    first = wish if low is None else max(low, wish)
    value = first if high is None else min(high, first)
    return _stepped(value, step, low, high, whole, "multipleOf" in schema)


def _stepped(
    value: float, step: float, low: float | None, high: float | None, whole: bool, strict: bool
) -> int | float:
    if not strict and not whole:
        return round(float(value), 4) if low is None or low <= round(float(value), 4) else float(value)
    near = round(value / step)
    for count in (near, near + 1, near - 1, near + 2, near - 2):
        made = int(count * step) if whole and float(count * step).is_integer() else count * step
        inside = (low is None or made >= low) and (high is None or made <= high)
        if inside and (made / step).is_integer() and (not whole or float(made).is_integer()):
            return made
    return int(value) if whole else value


_USUAL: Mapping[Role, tuple[int, int]] = {"age": (18, 90), "year": (1950, 2025), "amount": (1, 20), "money": (3, 400)}


def _wish(item: Item, name: str, description: str, low: float | None, high: float | None) -> float:
    role = role_of(name, description)
    if role in ("score", "rationale", "label") or search(
        r"\b(?:score|rate|rating|quality|how good)", description, IGNORECASE
    ):
        named = judging.scale(description) or judging.scale(item.scene.ask) or judging.scale(item.scene.frame) or (1, 5)
        bottom, top = (named[0] if low is None else low), (named[1] if high is None else high)
        exact = judging.on_scale(item.judgement[0], bottom, top)
        return round(exact) if top - bottom >= 4 else round(exact, 2)
    if role == "identity" and item.place >= 0:
        return item.place + 1
    usual = _USUAL.get(role, (1, 100))
    bottom = usual[0] if low is None else max(low, usual[0]) if high is None or usual[0] <= high else low
    top = (max(usual[1], bottom + 10) if low is None or low <= usual[1] else low + 100) if high is None else high
    return bottom + item.dice.random() * (top - bottom)


def truth(item: Item, name: str, description: str) -> bool:
    """True or false, by what the field asks."""
    question = f"{name.replace('_', ' ')} {description}"
    if search(r"classif|finite|closed", question, IGNORECASE):
        return reads_like_classification(item.instruction)
    return decision(item.dice, f"{question} {item.scene.ask}", item.scene)


def option(item: Item, options: Sequence[Any], name: str, description: str) -> Any:
    """One of an enum: a grade where the options are grades, the label that fits where they are labels."""
    role = role_of(name, description)
    numbers = [o for o in options if isinstance(o, int | float) and not isinstance(o, bool)]
    if len(numbers) == len(options) and role in ("score", "label", "rationale"):
        ranked = sorted(numbers)
        return ranked[round((len(ranked) - 1) * (item.judgement[0] - 1) / 4)]
    texts = [o for o in options if isinstance(o, str)]
    if len(texts) != len(options) or not texts:
        return item.dice.pick(options)
    grades = [_GRADES.get(o.lower().replace("_", " ")) for o in texts]
    if sum(grade is not None for grade in grades) * 2 > len(texts) and (item.scene.answers or role == "score"):
        return min(texts, key=lambda o: abs(_GRADES.get(o.lower().replace("_", " "), 3) - item.judgement[0]))
    if len(item.scene.answers) > 1 and len(texts) in (2, 3) and role in ("label", "score", "output"):
        winner = item.duel[0]
        return texts[winner] if winner < len(texts) else item.dice.pick(texts)
    if role == "label" and item.fresh:
        return item.labelled(texts)
    if role == "label" and item.scene.given:
        return item.labelled(texts)
    if role in ("label", "output") and (item.scene.sections or len(item.scene.text) > 40):
        return choice(item.dice, item.scene, texts)
    return item.dice.pick(texts)


_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}


def fits(value: Any, schema: Any) -> bool:
    """Whether a value from an example can stand where this schema is: its type, its options, its length."""
    if not isinstance(schema, dict):
        return False
    options = schema.get("enum")
    if isinstance(options, list):
        return value in options
    kind = schema.get("type")
    if not isinstance(kind, str) or kind not in _TYPES or (isinstance(value, bool) and kind != "boolean"):
        return False
    bounded = {"minLength", "maxLength", "pattern", "format", "minimum", "maximum", "multipleOf"} & set(schema)
    return isinstance(value, _TYPES[kind]) and not bounded
