"""Questions about a passage, and what is quoted from it."""

from collections.abc import Sequence
from re import compile, split

from synthkit.providers.demo.brief import sentences
from synthkit.providers.demo.dice import Dice, small
from synthkit.providers.demo.rates import MISQUOTED

_ASKED = (
    "What does the passage say about “{T}”?",
    "According to the text, what is to be known about “{T}”?",
    "Which statement of the passage begins with “{T}”?",
    "What do we learn where the text speaks of “{T}”?",
)
_PLAIN = compile(
    r"^(?!(?:It|They|There|This|That|These|Those|He|She|We|You|One|Both|Such|If|When|Where|While|As|Because|But|And|So|"
    r"Then|Later|After|Before|Since|In|On|At|For|From|With|Only|Some|Others|Here|Now|Instead|Its|Their|His|Her)\b)"
    r"(?P<who>[A-Z][\w’'-]*(?: [\w’'-]+){0,5}?) (?P<verb>is|are|was|were|has|have|had|can|needs|need) "
    r"(?P<what>[^.!?]{4,200})[.!?]$"
)
_FORMS = {
    **{verb: f"What {verb} {{who}}?" for verb in ("is", "are", "was", "were")},
    "has": "What does {who} have?",
    "have": "What do {who} have?",
    "had": "What did {who} have?",
    "can": "What can {who} do?",
    "needs": "What does {who} need?",
    "need": "What do {who} need?",
}


def statements(passage: str) -> Sequence[str]:
    """The sentences of a passage, without headings."""
    parts = [part.strip() for part in split(r"\n\s*\n", passage)]
    full = [part for part in parts if part.endswith((".", "!", "?", "”", '"'))] or parts
    return [one for part in full for one in sentences(part)][:40]


def question(dice: Dice, statement: str) -> str:
    """A question that a statement answers."""
    found = _PLAIN.match(statement)
    if found is None:
        return dice.line(_ASKED, {"T": _begin(statement)})
    return _FORMS[found["verb"]].format(who=small(found["who"]))


def answer(statement: str) -> str:
    """The answer to it, in the words of the statement."""
    found = _PLAIN.match(statement)
    return found["what"] if found else statement


def quoted(dice: Dice, statement: str) -> str:
    """The statement word for word; at the stated rate as one who quotes from memory."""
    if not dice.chance(MISQUOTED):
        return statement
    words = statement.split()
    place = dice.whole(0, max(0, len(words) - 2))
    words[place : place + 2] = [*reversed(words[place : place + 2]), "roughly"]
    return " ".join(words)


def _begin(sentence: str) -> str:
    """The first words of a sentence, without the little ones at their end."""
    words = sentence.rstrip(".!?").split()[:6]
    while len(words) > 2 and len(words[-1]) < 4:
        words.pop()
    return " ".join(words)[:80]
