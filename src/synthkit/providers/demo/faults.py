"""How answers go wrong at the stated rates: refusals, JSON that is none."""

from re import findall, sub

from synthkit.providers.demo.dice import Dice

REFUSED = (
    "I'm sorry, but I can't help with that.",
    "I'm afraid I have to decline this request.",
    "Sorry, this is something that I would rather not answer.",
)


def malformed(dice: Dice, text: str) -> str:
    """JSON text that is broken in one of the usual ways."""
    ways = (cut, trailing, quoted, wrapped)
    made = dice.pick(ways)(dice, text)
    return made if made != text else wrapped(dice, text)


def cut(dice: Dice, text: str) -> str:
    """Ends too early."""
    return text[: max(1, int(len(text) * (0.6 + 0.35 * dice.random())))]


def trailing(dice: Dice, text: str) -> str:
    """Has a comma before its last bracket."""
    return sub(r"(\s*[\]}])$", r",\1", text) if findall(r"[^\[{\s]\s*[\]}]$", text) else text


def quoted(dice: Dice, text: str) -> str:
    """Has single quotes around its keys."""
    return sub(r'"(\w+)"(\s*:)', r"'\1'\2", text)


def wrapped(dice: Dice, text: str) -> str:
    """Stands in a code fence, with words around it."""
    return f"Here is the JSON:\n```json\n{text}\n```\nLet me know if you need anything else."
