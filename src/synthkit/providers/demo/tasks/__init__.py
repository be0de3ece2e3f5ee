"""The tasks that the demo model knows: how it words them, what they work on, and how it answers them."""

from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from re import compile

from synthkit.providers.demo.brief import READ, labels
from synthkit.providers.demo.common import COMMON, COMMON_QUESTIONS, remembered, reworded
from synthkit.providers.demo.dice import Dice, small
from synthkit.providers.demo.rates import EXACT_DUPLICATES, NEAR_DUPLICATES, POOR
from synthkit.providers.demo.tasks import coding, editing, knowledge, maths, shaping, sorting, writing
from synthkit.providers.demo.tasks.cues import Entry, index, plain, spot
from synthkit.providers.demo.tasks.kind import Kind
from synthkit.providers.demo.words.phrases import BACKGROUNDS, PREFIXES, VERBS

KINDS: tuple[Kind, ...] = (
    *coding.KINDS,
    *sorting.KINDS,
    *shaping.KINDS,
    *maths.KINDS,
    *editing.KINDS,
    *knowledge.KINDS,
    *writing.KINDS,
)
"""All kinds, in the order in which they are tried."""

OTHER = next(kind for kind in KINDS if kind.name == "prose")
"""What an instruction is taken for that no kind knows."""

_WANTED = (
    (compile(r"\bclassif|\blabels?\b|\bcategor"), "sentiment subject intent urgency register truth same"),
    (compile(r"\bmath|\barithmetic|\bword problem|\bnumeric"), "problem problem problem equation convert"),
    (compile(r"\bcod(?:e|ing)\b|\bprogramming\b|\bpython\b|\bsoftware task"), "function function query pattern trace"),
    (compile(r"\btranslation"), "translate"),
    (compile(r"\bsummar"), "summarise"),
    (compile(r"\brewrit|\bparaphras|\bediting\b"), "rewrite correct summarise"),
    (compile(r"\bextract"), "extract redact keywords"),
    (compile(r"\bbrainstorm|\bcreative"), "ideas story verse slogan"),
    (compile(r"\bplanning\b"), "plan"),
    (compile(r"\bexplanation|\bexplaining"), "explain"),
    (compile(r"\btrivia|\bquiz\b|\bfactual"), "fact truth"),
)
_BY_NAME = {kind.name: kind for kind in KINDS}
_ALL = tuple(kind for kind in KINDS for _ in range(kind.weight))
_QUESTIONS = tuple(kind for kind in _ALL if kind.question and kind.work.__name__ == "no_input")


def wanted(text: str) -> tuple[Kind, ...]:
    """The kinds that a request for tasks asks for, by the words it uses; () for all."""
    text = text.lower()
    for cue, names in _WANTED:
        if cue.search(text):
            return tuple(_BY_NAME[name] for name in names.split())
    return ()


_ASKING = ("Tell me:", "Quick question:", "Please tell me:", "Somebody asks:")


def instruct(dice: Dice, kinds: tuple[Kind, ...] = (), question: bool = False) -> str:
    """A new instruction, at the stated rates one that is well known."""
    known = dice.random()
    if known < EXACT_DUPLICATES:
        return dice.pick(COMMON_QUESTIONS if question else COMMON)
    if known < EXACT_DUPLICATES + NEAR_DUPLICATES:
        return f"{dice.pick(_ASKING)} {dice.pick(COMMON_QUESTIONS)}" if question else reworded(dice)
    choice = kinds or (_QUESTIONS if question else _ALL)
    text = dice.pick(choice).ask(dice)
    for _ in range(12):
        if not question or "?" in text:
            break
        text = dice.pick(choice).ask(dice)
    if dice.chance(0.55 if len(text) < 170 else 0.25):
        text = f"{text} {dice.line(BACKGROUNDS)}"
    elif dice.chance(0.1) and text.split(" ", 1)[0].lower() in VERBS:
        return f"{dice.pick(PREFIXES)} {small(text)}"
    return text


@lru_cache(2048)
def kind_of(instruction: str) -> Kind:
    """The kind of task that an instruction is."""
    text = plain(instruction[:READ])
    found = spot(text, _cues(True))
    if found is not None and KINDS[found].solve is sorting.classified and not labels(instruction):
        found = spot(text, _cues(False))  # «an urgent report» is no question of urgency
    if found is not None:
        return KINDS[found]
    return _BY_NAME["fact"] if "?" in instruction[:READ] else OTHER


@cache
def _cues(classes: bool) -> Mapping[str, Sequence[Entry]]:
    return index([kind.cue if classes or kind.solve is not sorting.classified else "" for kind in KINDS])


def work_for(dice: Dice, instruction: str) -> str:
    """An input that the instruction can be applied to; "" where it needs none."""
    kind = kind_of(instruction)
    return kind.work(dice, instruction)


def example_for(dice: Dice, instruction: str, label: str) -> str:
    """An input whose answer is this label."""
    kind = kind_of(instruction)
    return (kind.example or sorting.exemplified)(dice, instruction, label)


def solve(dice: Dice, instruction: str, given: str = "") -> str:
    """A good answer."""
    known = () if given else remembered(instruction)
    if known:
        return dice.pick(known)
    return kind_of(instruction).solve(dice, instruction, given)


def closed(instruction: str) -> tuple[str, ...]:
    """The labels that an instruction of classification allows; () for other instructions."""
    kind = kind_of(instruction)
    return (labels(instruction) or ("yes", "no")) if kind.example is not None else ()


SHORT = ("Yes.", "Done.", "Okay.", "Not sure.", "No idea.")
EVASIVE = (
    "It depends on many things, so that is hard to say in general.",
    "There are many possible answers to this.",
    "I would rather not commit myself here.",
    "Opinions differ on this, and both sides have a point.",
    "It is hard to say without knowing more about the details.",
)
OFF_TOPIC = (
    "Honey keeps for years as long as its jar stays tightly closed.",
    "Octopuses have three hearts, two of which rest whenever they swim.",
    "My favourite pizza comes with olives, capers and far too much garlic.",
    "Glaciers move by several metres a day, although nobody hears them.",
    "Woodpeckers hit trunks up to twenty times a second without headaches.",
)
POOR_ANSWERS = (SHORT, EVASIVE, OFF_TOPIC)
"""The poor answers, by what is wrong with them."""


def answer(dice: Dice, instruction: str, given: str = "") -> str:
    """An answer, at the stated rate a poor one."""
    if dice.chance(POOR):
        return poor(dice)
    return solve(dice, instruction, given)


def poor(dice: Dice) -> str:
    """An answer that helps nobody."""
    return dice.pick(dice.pick(POOR_ANSWERS))
