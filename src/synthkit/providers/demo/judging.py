"""Judging an answer by simple rules, and putting the judgement into words and onto a scale."""

from collections.abc import Sequence
from re import IGNORECASE, MULTILINE, Match, compile, findall, search

from synthkit.providers.demo.brief import stems
from synthkit.providers.demo.dice import Dice
from synthkit.providers.demo.rates import LEANS, TIES
from synthkit.providers.demo.scene import Scene
from synthkit.providers.demo.tasks import kind_of

_EVASIVE = compile(
    r"\b(?:it depends|depends on many|hard to say|many possible answers|rather not|opinions differ|i (?:do not|"
    r"don't) know|"
    r"i cannot (?:say|answer|help)|i can't (?:say|answer|help)|no idea|not sure|no comment|as an ai)\b",
    IGNORECASE,
)
FAULTS = {
    "empty": "There is no answer.",
    "short": "The answer is too short to be of any use for this task.",
    "evasive": "The answer is evasive: it avoids what the task asks for.",
    "off topic": "The answer has nothing to do with the task about {T}.",
}
"""What is wrong with answers that get 1 or 2 out of 5."""
_PRAISE = {
    3: (
        "The answer goes in the right direction, but stays on the surface and leaves out what {T} needs most.",
        "What is said about {T} is correct, yet the second half of the task is only touched upon.",
        "The answer is usable, although it is more general than the task about {T} asks for.",
    ),
    4: (
        "The answer does what the task asks for and stays with {T}; one more concrete example would help.",
        "It follows the instruction on {T} closely and reads well, with small weaknesses in wording.",
        "The answer is right and clear. It could be a little more specific about {T}.",
    ),
    5: (
        "The answer fulfils every part of the task about {T} and is easy to follow.",
        "It is correct, complete and to the point; nothing about {T} is missing.",
        "The answer is accurate and well organised, and it keeps to what was asked about {T}.",
    ),
}


def fault(instruction: str, given: str, answer: str) -> str | None:
    """The first of the stated rules that an answer breaks: a key of `FAULTS`, or None.

    Empty: no letter or figure. Short: fewer than three words and twelve characters, where the task wants more than a
    label, a number or a word. Evasive: up to 25 words that say so. Off topic: six or more words, none of which shares
    its stem with the task, where good answers of this kind do.
    """
    words = findall(r"\w+", answer[:4000])
    if not words or answer.strip(" ()[]<>.").lower() in _NOTHING:
        return "empty"
    kind = kind_of(instruction)
    if len(words) <= 25 and _EVASIVE.search(answer):
        return "evasive"
    if kind.question and len(words) > 1 and answer.strip(" .").lower() in given.lower():
        return None  # read out of the text that it is asked about
    if len(words) < 3 and len(answer.strip()) < 12 and (kind.echoes or answer.strip(" .!").lower() in _FILLERS):
        return "short"
    foreign = len(words) >= 6 and kind.echoes
    if foreign and not stems(answer[:4000]) & stems(f"{instruction} {given}"[:6000]):
        return "off topic"
    return None


_NOTHING = ("empty", "none", "n/a", "no answer", "null")
_FILLERS = ("done", "okay", "ok", "sure", "fine", "well", "hm")


def level(dice: Dice, instruction: str, given: str, answer: str) -> tuple[int, str]:
    """From 1 (useless) to 5 (very good), and why."""
    wrong = fault(instruction, given, answer)
    about = _subject(instruction)
    if wrong:
        return (1 if wrong == "empty" or dice.chance(0.5) else 2), FAULTS[wrong].format(T=about)
    chance = dice.random()
    good = 3 if chance < 0.12 else 4 if chance < 0.5 else 5
    return good, dice.pick(_PRAISE[good]).format(T=about)


def _subject(instruction: str) -> str:
    from synthkit.providers.demo.brief import topic

    return f"“{topic(instruction)}”"


def on_scale(grade: int, low: float, high: float) -> float:
    """A level from 1 to 5 on another scale."""
    return low + (high - low) * (grade - 1) / 4


_SCALES = (
    r"(?:from|between|scale of|scale from|scale:?|of|\(|in|range|integer) ?\(?(-?\d{1,3})(?: \([^)]{1,40}\))?"
    r"(?:,[^.\n\d]{1,40})? ?"
    r"(?:to|-|–|and|\.\.|through) ?(\d{1,3})\b",
    r"\b(-?\d{1,3}) ?(?:-|–|to) ?(\d{1,3})\b",
)
_WORDS = {"zero": 0, "one": 1, "three": 3, "four": 4, "five": 5, "seven": 7, "ten": 10}


def scale(text: str) -> tuple[int, int] | None:
    """The scale that a text names: «from 1 to 10», «0-100», «out of 5», lines such as «1: bad … 5: good»."""
    for pattern in _SCALES:
        for found in findall(pattern, text, IGNORECASE):
            low, high = int(found[0]), int(found[1])
            if low < high <= 1000 and low <= 1:
                return low, high
    if found := search(
        r"\b(?:out of|of|/) ?(5|7|10|20|100)\b(?! (?:words|sentences))|\d ?/ ?(5|10|100)\b", text, IGNORECASE
    ):
        return 1, int(found[1] or found[2])
    if found := search(r"\b(zero|one) to (three|four|five|seven|ten)\b", text, IGNORECASE):
        return _WORDS[found[1].lower()], _WORDS[found[2].lower()]
    steps = [int(n) for n in findall(r"^[ \t]{0,8}(?:[-*] *)?(?:\*\*)?(\d{1,2}) ?[:=.)-]", text, MULTILINE)]
    return (min(steps), max(steps)) if len(steps) > 2 and min(steps) <= 1 and max(steps) <= 10 else None


_JUDGE = compile(
    r"\b(?:rate|rates|rating|score|scores|scoring|grade|judge|evaluate|assess|how (?:good|well|helpful|useful)|"
    r"mark out of|"
    r"give (?:it )?(?:a )?(?:mark|points)|points)\b",
    IGNORECASE,
)
_SLOT = compile(
    r"((?:\*\*)?(?:[A-Za-z]+ ){0,2}(?:score|rating|grade|mark|verdict|points)(?:\*\*)?[ \t]*[:=][ \t]*(?:\*\*[ \t]*)?)"
    r"(\[\[[^\]\n]{0,30}\]\]|<[^>\n]{0,30}>|\{[^}\n]{0,30}\}|\[[^\]\n]{0,30}\]|\d{1,3}(?: ?/ ?\d{1,3})?|"
    r"[XNn](?: ?/ ?\d{1,3})?|_+|\.\.\.|…)",
    IGNORECASE,
)
_WHY = compile(
    r"^[ \t>*-]{0,4}((?:\*\*)?(?:rationale|reason|reasoning|feedback|explanation|justification|critique)(?:\*\*)?:)",
    IGNORECASE | MULTILINE,
)
_ALONE = compile(
    r"\b(?:only|just|nothing but|single) (?:with |by )?(?:the |a |one |an |its )?(?:single )?(?:number|score|"
    r"integer|digit|rating|figure)\b"
    r"|\b(?:number|score|integer|digit|rating|figure) (?:only|alone|and nothing else)\b",
    IGNORECASE,
)


def wanted(scene: Scene) -> bool:
    """Whether the prompt wants a judgement: it says so outside of its parts, and names a scale or two rivals."""
    if _duel(scene.text):
        return True
    return bool(_JUDGE.search(scene.ask)) and bool(scale(scene.ask) or scale(scene.frame) or _shown(scene))


def _duel(text: str) -> bool:
    return "[[A]]" in text and "[[B]]" in text


def verdict(dice: Dice, scene: Scene) -> str:
    """The judgement in the form that the prompt shows, its reasons first."""
    grade, why = level(dice, scene.instruction, scene.given, judged(scene))
    if _duel(scene.text):
        winner, why = duel(dice, scene, ("A", "B", "C") if "[[C]]" in scene.text else ("A", "B"))
        return f"{why}\n\n[[{winner}]]"
    low, high = scale(scene.ask) or scale(scene.frame) or (1, 5)
    number = str(round(on_scale(grade, low, high)))
    if _ALONE.search(scene.ask):
        return number
    label = _WHY.search(scene.ask) or _WHY.search(scene.frame)
    reason = f"{label[1]} {why}" if label else why
    shown = _shown(scene)
    if shown:
        return f"{reason}\n{shown[1]}{_filled(shown[2], number)}"
    if found := search(r"<(score|rating|grade)>", scene.frame):
        return f"{reason}\n<{found[1]}>{number}</{found[1]}>"
    return f"{reason}\n[[{number}]]" if "[[" in scene.frame else f"{reason}\nScore: {number}"


def _shown(scene: Scene) -> Match[str] | None:
    """Where the prompt shows the form of the score."""
    return _SLOT.search(scene.ask) or _SLOT.search(scene.frame)


def _filled(slot: str, number: str) -> str:
    if slot.startswith("[["):
        return f"[[{number}]]"
    rest = search(r" ?/ ?\d+$", slot)
    return f"{number}{rest[0]}" if rest else number


def judged(scene: Scene, number: int = -1) -> str:
    """An answer of the prompt, the last one unless told otherwise; what follows the task where none is labelled."""
    answers = scene.answers
    if answers:
        return answers[number] if -len(answers) <= number < len(answers) else answers[-1]
    return scene.given or scene.instruction


_COMPARES = compile(r"\b(?:compare|better|best|prefer\w*|which (?:one|answer|response))\b", IGNORECASE)


def compares(scene: Scene) -> bool:
    """Whether the prompt wants to know which of two answers is better."""
    return bool(_COMPARES.search(scene.ask) or _COMPARES.search(scene.frame))


def duel(dice: Dice, scene: Scene, names: Sequence[str]) -> tuple[str, str]:
    """Which of two answers is better, and why; a third name is for a tie.

    Answers with a fault lose. Of others the better one is always the same, in whatever order they are shown; at the
    stated rates they are equally good, or the verdict leans to the first.
    """
    values = [_worth(scene, judged(scene, number)) for number in (0, 1)]
    about, ahead = _subject(scene.instruction), values[0] - values[1]
    close = ahead == 0 or (min(values) >= 1 and abs(ahead) < 1 - (1 - TIES) ** 0.5)
    if min(values) >= 1 and dice.chance(LEANS):
        best = 0
    elif close and len(names) > 2:
        return names[2], "Both answers are about equally good."
    else:
        best = int(dice.chance(0.5)) if ahead == 0 else int(ahead < 0)
    return names[best], f"{_answer(names[best])} keeps closer to the task about {about}."


def _answer(name: str) -> str:
    return name if " " in name else f"Answer {name}"


def _worth(scene: Scene, answer: str) -> float:
    """What an answer is worth: below 1 with a fault, else from 1 to 2, by its words alone."""
    if fault(scene.instruction, scene.given, answer):
        return 0.0
    return 1 + Dice.of("worth", scene.instruction, answer.strip()).random()
