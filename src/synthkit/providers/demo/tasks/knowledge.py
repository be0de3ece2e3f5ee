"""Tasks about words and the world: questions with one answer, explanations, translations, synonyms, comparisons."""

from re import IGNORECASE, search

from synthkit.providers.demo.brief import counted, matter, topic
from synthkit.providers.demo.dice import Dice, capital
from synthkit.providers.demo.tasks.kind import Kind, worded
from synthkit.providers.demo.words.tables import CONCEPTS, FACTS, GAPS, HOWTO, PAIRS, PHRASEBOOK, SYNONYMS

_LANGUAGES = ("French", "Spanish", "German")


def _fact(dice: Dice) -> str:
    question = dice.pick(FACTS)[0]
    frames = (
        "{Q} Answer for {audience}, {tail}.",
        "{name} asks at a quiz about {subject}: {q}",
        "Answer a question that came up {context}: {q}",
        "{Q} Answer in one sentence, as {job} would.",
    )
    return dice.line(frames, {"Q": question, "q": question})


def told(dice: Dice, instruction: str, given: str) -> str:
    """The fact that is asked for."""
    text = f"{instruction} {given}"
    fact = next((fact for fact in FACTS if fact[0] in text), None)
    if fact is None:
        about = matter(instruction, given)
        return capital(dice.fill(f"As far as {about} goes, {{benefit}}, and the usual answer rests on {{aspect}}."))
    return f"{fact[2]}." if dice.chance(0.7) else f"The answer is {fact[1]}. {fact[2]}."


def _concept(dice: Dice) -> str:
    frames = (
        "Explain {W} to {audience}, {tail}.",
        "{name} has never understood {W}. Explain it with an example from {subject}.",
        "What is {W}? Write an explanation {context}, {tail}.",
        "Describe how {W} works, using {subject} as a picture, for {audience}.",
    )
    return dice.line(frames, {"W": dice.pick(CONCEPTS)[0]})


_MEANS = (
    "{W} means that {d}.",
    "The idea of {W} is quickly told: {d}.",
    "Think of {W} like this: {d}.",
)
_PICTURE = (
    "You can see it at {S}: small changes add up until everybody notices them.",
    "Take {S} as an example: first it looks like chance, then the pattern becomes clear.",
    "With {S}, it is just the same, only on a smaller scale.",
    "If you remember one thing, remember that it takes {aspect}.",
)


def explained(dice: Dice, instruction: str, given: str) -> str:
    """The concept's meaning, and a picture of it."""
    text = f"{instruction} {given}".lower()
    known = next((concept for concept in CONCEPTS if concept[0] in text), None)
    picture = search(r"example from ([^.,]+)|using ([^.,]+) as a picture", instruction)
    scene = next(filter(None, picture.groups()), "") if picture else ""
    scene = scene or dice.fill("{subject}")
    if known is None:
        return told(dice, instruction, given)
    first = dice.line(_MEANS, {"W": known[0], "d": known[1]})
    return f"{first} {dice.line(_PICTURE, {'S': scene})}"


def _translation(dice: Dice) -> str:
    frames = (
        "Translate the sentence into {L} for {audience}.",
        "{name} is travelling because of {topic}. Put the sentence below into {L}.",
        "How do you say the following sentence in {L}? For {audience}, {job} needs it {context}.",
        "Translate the line from English into {L}, {tail}.",
    )
    return dice.line(frames, {"L": dice.pick(_LANGUAGES)})


def _phrase(dice: Dice, instruction: str) -> str:
    return dice.pick(PHRASEBOOK)[0]


def translated(dice: Dice, instruction: str, given: str) -> str:
    """The phrase in the language asked for, as far as the phrasebook goes."""
    column = next((n for n, language in enumerate(_LANGUAGES, 1) if language in instruction), 0)
    text = f"{given} {instruction}"
    for row in PHRASEBOOK:
        if any(phrase in text for phrase in row):
            return row[column]
    return f"{capital(matter(instruction, given))}."


def _synonym(dice: Dice) -> str:
    frames = (
        "Give {pair} synonyms of the word “{W}” for a crossword about {topic}.",
        "{name} uses the word “{W}” too often in a text on {subject}. Which other words mean the same, {tail}?",
        "What is the opposite of “{W}”? {job} wants to know it {context}.",
        "Write a sentence about {topic} with a synonym of “{W}”.",
    )
    return dice.line(frames, {"W": dice.pick(SYNONYMS)[0]})


def replaced(dice: Dice, instruction: str, given: str) -> str:
    """Synonyms, or the opposite."""
    text = f"{instruction} {given}"
    known = next((row for row in SYNONYMS if search(rf"\b{row[0]}\b", text)), None)
    if known is None:
        return f"Another word for {topic(text)} would be hard to beat; a plain one is “thing”."
    if search(r"opposite|antonym", text, IGNORECASE):
        return f"The opposite of “{known[0]}” is “{known[2]}”."
    if "sentence" in text:
        word = known[1].split(", ")[0]
        about = topic(instruction)
        return dice.line(("With “{W}” for “{w}”: about {T}, {name} is {W}.",), {"W": word, "w": known[0], "T": about})
    return f"Words that mean much the same as “{known[0]}” are {known[1]}."


def _gap(dice: Dice, instruction: str) -> str:
    return dice.pick(GAPS)[0]


def filled(dice: Dice, instruction: str, given: str) -> str:
    """The sentence with its gap filled."""
    known = next((row for row in GAPS if row[0] in given), None)
    word = known[1] if known else "answer"
    return given.replace("___", word) if "___" in given else capital(word)


def _pair(dice: Dice) -> str:
    one, other = dice.pick(PAIRS)
    frames = (
        "Compare {A} with {B} for {audience}, {tail}.",
        "{name} cannot decide between {A} and {B}. List one advantage of each {context}.",
        "What are the main differences between {A} and {B} for {job}?",
        "Argue for {A} rather than {B} in a debate about {topic}.",
    )
    return dice.line(frames, {"A": one, "B": other})


_BETWEEN = (
    r"(?:compare|between|differences? of|argue for) (.{3,60}?) (?:with|and|to|versus|vs\.?|rather than) "
    r"(.{3,60}?)(?: for| in| when|[.,;?\n]|$)"
)


def contrasted(dice: Dice, instruction: str, given: str) -> str:
    """A word for each side, and when to take which."""
    found = search(_BETWEEN, f"{instruction} {given}", IGNORECASE)
    one, other = (found[1], found[2]) if found else (topic(instruction), "the alternative")
    frames = (
        "{A} is the better choice when you need {aspect}: {benefit}. {B} has its own strengths, but {drawback}.",
        "The main difference lies in the price and in {aspect}. With {a}, {benefit}; with {b}, {drawback}.",
        "For {a} speaks that {benefit}. For {b} speaks that it takes less preparation. Over a year, {a} comes out "
        "ahead.",
    )
    return dice.line(frames, {"A": capital(one), "B": capital(other), "a": one, "b": other})


def _howto(dice: Dice) -> str:
    frames = (
        "How do I {W}? Describe it in {few} steps for {audience}.",
        "{name} wants to {W} before {hour} on {day}. Write instructions, {tail}.",
        "Give {few} tips on how to {W}, {tail}.",
        "Write a short guide {context} that explains how to {W}.",
    )
    return dice.line(frames, {"W": dice.pick(HOWTO)})


_STEPS = (
    "Get everything ready before you {w}: {thing} is not needed, patience is.",
    "Clear the place where you want to {w}, and put a cloth under it.",
    "Try a small part first, and wait for ten minutes.",
    "Work slowly, from the edge to the middle.",
    "Stop as soon as it gets warm or begins to smell.",
    "Check the result in daylight.",
    "Repeat the second step if it is not quite right.",
    "Tidy up, and note what you would do differently.",
    "Ask somebody to hold the other end.",
)


def instructed(dice: Dice, instruction: str, given: str) -> str:
    """Numbered steps."""
    found = search(
        r"how (?:do (?:i|you|we)|can (?:i|you|we)|to) (.{4,70}?)(?:[.,;?\n]|$)", f"{instruction} {given}", IGNORECASE
    )
    wish = found or search(r"(?:wants|needs|tries) to (.{4,70}?)(?: before|[.,;?\n]|$)", instruction)
    what = wish[1] if wish else topic(instruction)
    steps = [_STEPS[dice.whole(0, 1)], *dice.some(_STEPS[2:], counted(instruction, 4, 7) - 1)]
    return "\n".join(f"{n}. {capital(dice.fill(step, {'w': what}))}" for n, step in enumerate(steps, 1))


KINDS = (
    Kind(
        "translate",
        " translate | translation of |! in french|! into french|! in spanish|! in german|! into spanish|! into "
        "german| into italian",
        _translation,
        translated,
        _phrase,
        noun="Sentence",
        echoes=False,
    ),
    Kind(
        "fill",
        "!___| fill in | fill the | missing word| mask ",
        worded(
            "Fill in the gap with the missing word, {tail}.",
            "{name} has spilt tea over a page of sayings {context}. Write the sentence with its missing word.",
            "Complete the sentence from a language course about {topic}: which missing word fits the gap?",
        ),
        filled,
        _gap,
        noun="Sentence",
        echoes=False,
        weight=1,
    ),
    Kind("synonym", "! synonym|! antonym|! opposite of | other words mean", _synonym, replaced, weight=1),
    Kind(
        "compare",
        " compare | difference between| differences between| decide between| argue for | pros and cons| advantages| "
        "advantage of ",
        _pair,
        contrasted,
    ),
    Kind(
        "howto",
        " how do i | how do you | how do we | how can i | how can we | how can you | how to | write instructions| "
        "tips ",
        _howto,
        instructed,
        question=True,
        weight=3,
    ),
    Kind(
        "explain",
        " explain | explanation | describe how | define | definition of ",
        _concept,
        explained,
        question=True,
        weight=3,
    ),
    Kind(
        "fact",
        "",
        _fact,
        told,
        question=True,
    ),
)
