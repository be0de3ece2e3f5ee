"""Texts that a prompt wants for a label, in the manner that it asks for."""

from collections.abc import Sequence
from re import IGNORECASE, MULTILINE, compile, findall, search

from synthkit.providers.demo.dice import Dice
from synthkit.providers.demo.rates import MISLABELLED
from synthkit.providers.demo.tasks.sorting import exemplified, is_known

_TEXTS = (
    r"texts?|messages?|sentences?|reviews?|utterances?|comments?|posts?|e-?mails?|tweets?|queries|notes?|headlines?|"
    r"snippets?"
)
_WANTED = compile(
    rf"\b(?:write|create|generate|compose|make|invent|give|produce)\b[^.:\n]{{0,50}}\b(?:{_TEXTS})\b", IGNORECASE
)
_NAMED = compile(
    r"\b(?:label|labelled|labeled|class|category|intent|sentiment|topic)\b[^.\n]{0,24}?"
    r"[«\"“'](?P<label>[^»\"”'\n]{1,40})[»\"”']",
    IGNORECASE,
)
_LISTED = compile(r"^[ \t]*[-*•] [«\"“]?([^:»\"”\n]{1,40})[»\"”]?(?::|$)", MULTILINE)

_BEFORE = {
    r"\bpolite|\bformal": ("Good morning,", "Dear team,", "I hope you are well.", "May I ask for your help?"),
    r"\bannoyed|\bangry|\brude": ("Second time I am writing.", "Seriously?", "I am losing patience.", "Unbelievable."),
    r"\bhurry|\bterse": ("Quick one.", "Short on time:", "In a rush here.", "Just this:"),
    r"\bchatty|\bcasual|\binformal": ("So, funny story.", "Me again!", "You will not believe this.", "Hi folks,"),
}
_MORE = (
    "My number is {hundreds}{tens}.",
    "I live in {city}, by the way.",
    "{name} told me to write to you.",
    "I have been a customer since {year}.",
    "You reach me after {hour}.",
    "My sister {name} had the same in {month}.",
    "I have looked at your help page and found nothing.",
    "I would rather not telephone.",
    "It is for {subject}, in case that matters.",
    "The name on it is {name} {surname}.",
    "That happened on {dom} {month}.",
    "Nobody in the house knows what to do.",
)


def wanted(frame: str) -> str:
    """The label that texts are wanted for; "" where none is named."""
    found = _NAMED.search(frame) if _WANTED.search(frame) else None
    return found["label"].strip() if found and is_known(found["label"]) else ""


def written(dice: Dice, label: str, frame: str) -> str:
    """A text for the label; at the stated rate one for another label of the prompt."""
    others = [one for one in _known(frame) if one != label]
    if others and dice.chance(MISLABELLED):
        label = dice.pick(others)
    parts = [exemplified(dice, "", label)]
    if search(r"\bparagraph|\blong\b", frame, IGNORECASE):
        parts += [dice.line((one,)) for one in dice.some(_MORE, dice.whole(3, 4))]
    elif not search(r"\bone (?:\w+ )?sentence", frame, IGNORECASE) or dice.chance(0.1):
        parts += [dice.line((one,)) for one in dice.some(_MORE, dice.whole(1, 2))]
    tones = [texts for cue, texts in _BEFORE.items() if search(cue, frame, IGNORECASE)]
    if tones and dice.chance(0.6):
        parts.insert(0, dice.pick(dice.pick(tones)))
    return " ".join(parts)


def _known(frame: str) -> Sequence[str]:
    return [one.strip() for one in findall(_LISTED, frame) if is_known(one)]
