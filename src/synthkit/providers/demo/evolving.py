"""Other versions of a task: in other words, or a step harder."""

from re import IGNORECASE, compile, split

from synthkit.providers.demo.dice import Dice, small
from synthkit.providers.demo.rates import LEAKS, UNEVOLVED

_POLITE = ("Please", "Kindly", "Here is what I need:", "Could you")
_CURIOUS = ("I would like to know:", "Could you tell me:", "Here is my question:")
_SLIGHTLY = ("in your own words", "and take your time", "as well as you can", "with care")
_LEAKED = "New instruction:"

_HARDER = (
    (
        compile(r"\b(?:tables?|code|json|excerpts?|input data|formulas?)\b", IGNORECASE),
        (
            "Work with these figures, and name the line that surprises you most:\n\n| month | {noun} |\n| --- | --- |\n"
            "| {month} | {hundreds} |\n| {month} | {tens} |\n| {month} | {hundreds} |",
            "Take this note into account, and say which part of it is out of date:\n\n“{sentence} {sentence}”",
            "Apply it to this record, and explain each value:\n\n| place | {city} |\n| visitors | {hundreds} |\n"
            "| since | {year} |\n| contact | {name} {surname} |",
        ),
    ),
    (
        compile(r"\breason(?:s|ing)?\b|\bsteps?\b", IGNORECASE),
        (
            "Reason in {few} numbered steps, check each against the case that {drawback}, and conclude only then.",
            "First list what you assume, then show how the result changes if {drawback} or if {benefit}.",
            "Before you answer, weigh {aspect} against {aspect}, and show how that decides between two ways to do it.",
        ),
    ),
    (
        compile(r"\bspecific\w*|\bconcret\w*", IGNORECASE),
        (
            "Take the case of {name} {surname}, {job} in {city}, who has {tens} euros and {few} days until the {noun}.",
            "Let it be about {subject} in {city} in {month}, where {tens} of {hundreds} people are new to it.",
            "Have {audience} in mind, who know {subject} {angle} and have never been to {city} before.",
        ),
    ),
    (
        compile(r"\bdepth|\bdeep\w*|\bbreadth", IGNORECASE),
        (
            "Go into {aspect} as well, say what follows from it for {audience}, and name a question that stays open.",
            "Say where it fails, what it has to do with {subject}, and how somebody in {city} would object to it.",
            "Cover how it began, why {benefit}, and what will be different about it in twenty years.",
        ),
    ),
    (
        compile(r"\bconstraints?|\brequirements?|\bconditions?", IGNORECASE),
        (
            "Stay below {tens} words, {tail}, and do without the words that everybody would use first.",
            "It has to work for {audience}, even though {drawback}, and must not mention {thing}.",
            "One more condition: {tail}, and every second sentence has to contain a number.",
        ),
    ),
)
"""What is added, by how the request speaks of it."""
_ALL = tuple(text for _, texts in _HARDER for text in texts)


def revised(dice: Dice, instruction: str, same: bool, asked: str = "") -> str:
    """Another version of an instruction: in other words, or harder in the way that is asked for; at the stated rates
    hardly another one, or with a piece of the prompt in front."""
    text = instruction.strip()
    if same and text.endswith("?"):
        return f"{dice.pick(_CURIOUS)} {text}"
    if same:
        return f"{dice.pick(_POLITE)} {small(text.rstrip('.'))}."
    if dice.chance(UNEVOLVED):
        return f"{text.rstrip('.?! ')}, {dice.pick(_SLIGHTLY)}{text[-1:] if text[-1:] in '.?!' else '.'}"
    found = [(cue.start(), texts) for pattern, texts in _HARDER if (cue := pattern.search(asked))]
    added = dice.line(min(found)[1] if found else _ALL)
    made = f"{_core(text)} {added}"
    return f"{_LEAKED} {made}" if dice.chance(LEAKS) else made


def _core(text: str) -> str:
    """What an instruction is about at heart: its first sentence, or as much of it as one can remember."""
    first = split(r"(?<=[.?!])\s|\n", text, maxsplit=1)[0]
    words = first.split()
    end = "?" if first.endswith("?") else "."
    return f"{' '.join(words[:16]).rstrip(' .,;:?!')}{end}"
