"""Tasks with a closed set of answers: sentiment, subject, intent, true or false, the same or not."""

from collections.abc import Callable, Sequence

from synthkit.providers.demo.brief import labels
from synthkit.providers.demo.dice import Dice, capital, small
from synthkit.providers.demo.tasks.kind import Kind, worded
from synthkit.providers.demo.words.classes import ALIASES, FAMILIES
from synthkit.providers.demo.words.tables import FACTS, FALSEHOODS

_TRUE = tuple(fact[2] for fact in FACTS)
_SAME = (
    ("{name} left {city} on {day}.", "On {day}, {name} departed from {city}."),
    ("The {noun} was paid for by {name}.", "{name} paid for the {noun}."),
    ("{subject} is open all year.", "All year round, {subject} stays open."),
    ("{name} is older than {surname}.", "{surname} is younger than {name}."),
)
_OTHER = (
    ("{name} left {city} on {day}.", "{name} will never leave {city}."),
    ("The {noun} was paid for by {name}.", "Nobody has paid for the {noun} yet."),
    ("{subject} is open all year.", "In {month}, {subject} is closed."),
    ("{name} is older than {surname}.", "{surname} and {name} are the same age."),
)
_YES = frozenset(("yes", "true", "same", "correct", "entailment", "equivalent", "match", "right"))


def family(label: str) -> str:
    """The class that a label's name means, or its own name in small letters."""
    name = label.lower().strip()
    if name in FAMILIES:
        return name
    if name in ALIASES:
        return ALIASES[name]
    return next((word for word in (*FAMILIES, *ALIASES) if word in name.split()), name)


def is_known(label: str) -> bool:
    """Whether a label's name means one of the known classes."""
    name = family(label)
    return ALIASES.get(name, name) in FAMILIES


def _score(label: str, given: str) -> int:
    known = FAMILIES.get(ALIASES.get(family(label), family(label)))
    return sum(mark in given for mark in known[1]) if known else 3 * (label.lower() in given)


def classified(dice: Dice, instruction: str, given: str) -> str:
    """The label of the instruction whose words the text uses most."""
    return best(labels(instruction) or ("positive", "negative"), given)


def best(names: Sequence[str], given: str) -> str:
    """The label whose words a text uses most; a neutral one, or the first, where it uses none."""
    text = given.lower()
    scores = [_score(name, text) for name in names]
    if max(scores) == 0:
        return next((n for n in names if family(n) in ("neutral", "routine", "statement", "legitimate")), names[0])
    ranked = sorted(zip(scores, range(len(names)), strict=True), key=lambda pair: (-pair[0], pair[1]))
    mixed = next((n for n in names if family(n) == "mixed"), None)
    if mixed and _score("positive", text) and _score("negative", text):
        return mixed
    return names[ranked[0][1]]


def exemplified(dice: Dice, instruction: str, label: str) -> str:
    """A text that the label fits."""
    known = FAMILIES.get(ALIASES.get(family(label), family(label)))
    if known:
        return dice.line(known[0])
    return f"{dice.line(('{sentence}',))} A clear case of {small(label)}."


def _any_example(dice: Dice, instruction: str) -> str:
    return exemplified(dice, instruction, dice.pick(labels(instruction) or ("positive", "negative")))


def _yes(instruction: str, wanted: bool) -> str:
    names = labels(instruction) or ("yes", "no")
    return next((name for name in names if (name.lower() in _YES) == wanted), names[0 if wanted else -1])


def checked(dice: Dice, instruction: str, given: str) -> str:
    """Whether a statement of the small table is true; what is unknown counts as false."""
    text = given.strip(" .").lower()
    return _yes(instruction, any(fact.lower() in text for fact in _TRUE))


def _statement(dice: Dice, instruction: str, label: str = "") -> str:
    wanted = label.lower() in _YES if label else dice.chance(0.5)
    return f"{dice.pick(_TRUE if wanted else FALSEHOODS)}."


def compared(dice: Dice, instruction: str, given: str) -> str:
    """Whether two sentences of the small table mean the same."""
    text = given.lower()
    marks = ("never leave", "nobody has", "is closed", "same age")
    return _yes(instruction, not any(mark in text for mark in marks))


def _two_sentences(dice: Dice, instruction: str, label: str = "") -> str:
    wanted = label.lower() in _YES if label else dice.chance(0.5)
    words = {slot: dice.fill(f"{{{slot}}}") for slot in ("name", "surname", "city", "day", "noun", "subject", "month")}
    one, two = dice.pick(_SAME if wanted else _OTHER)
    return f"Sentence 1: {capital(dice.fill(one, words))}\nSentence 2: {capital(dice.fill(two, words))}"


def _worded(*templates: str, tails: tuple[str, ...] = ()) -> Callable[[Dice], str]:
    ends = ("Answer with the label only.", "Give one word.", "If in doubt, take the first.", *tails, "", "")
    wording = worded(*templates)
    return lambda dice: f"{wording(dice)} {dice.pick(ends)}".strip()


def _kind(name: str, cue: str, *templates: str, noun: str) -> Kind:
    return Kind(name, cue, _worded(*templates), classified, _any_example, exemplified, noun, echoes=False)


KINDS = (
    _kind(
        "sentiment",
        "! sentiment|! positive & negative |! happy or unhappy",
        "Classify the sentiment of this review of {subject} as positive, negative or neutral.",
        "{job} reads what visitors write about {topic}. Tell whether the review is positive, negative or mixed.",
        "Is the writer happy or unhappy? Judge the comment that {name} received {context}.",
        "For a report on {topic}, label the mood of the comment below as negative, neutral or positive.",
        noun="Review",
    ),
    _kind(
        "subject",
        "! politics & sports |! politics & science |! business & technology |! food & travel | topic candidates",
        "Sort this news item into politics, sports, health or science, as {name} does {context}.",
        "Which section does the item belong to: business, technology or travel? {job} decides in ten seconds.",
        "Choose the category for the snippet that was found in a folder about {topic}: food, travel or health.",
        "The archive of {subject} keeps cuttings by subject. Classify the one below as science, business or politics.",
        noun="Item",
    ),
    _kind(
        "intent",
        "! refund|! technical problem|! praise or complaint|! complaint or praise",
        "Classify what a customer of {subject} writes as refund, delivery, technical problem or account.",
        "{name} answers letters about {thing}. Label the message below as praise or complaint.",
        "Route the request to the right desk {context}: delivery, account or refund.",
        noun="Message",
    ),
    _kind(
        "urgency",
        "! urgent|! spam | phishing",
        "Decide whether the message that reached {job} is urgent or routine.",
        "Before {name} leaves for {city}, label the note below as urgent or not urgent.",
        "Is this email spam or legitimate? It came in while {name} was planning {topic}.",
        noun="Message",
    ),
    _kind(
        "register",
        "! formal or informal|! informal or formal|! fact or opinion|! opinion or fact|! statement or command",
        "Tell whether this line from a letter about {topic} is formal or informal.",
        "Label the sentence that {job} underlined as fact or opinion.",
        "{name} collects sentences about {subject} for {audience}. Mark the one below as question, statement or "
        "command.",
        noun="Sentence",
    ),
    Kind(
        "truth",
        "! true or false|! false or true|! true false | is it true | is this true | fact check",
        _worded(
            "Tell whether the statement is true or false; {job} wants to use it in a quiz about {topic}.",
            "{name} read this on a poster near {subject}. Is the statement true or false?",
            "Check the claim below before it is printed {context}, and answer true or false.",
        ),
        checked,
        _statement,
        _statement,
        "Statement",
        echoes=False,
        question=True,
    ),
    Kind(
        "same",
        "! same thing |! same meaning |! compare the meaning| mean the same & sentences | paraphrases of ",
        _worded(
            "Do the two sentences from the minutes about {topic} mean the same thing? Answer yes or no.",
            "{job} has found two notes {context}. Compare the meaning of the sentences and answer yes or no.",
        ),
        compared,
        _two_sentences,
        _two_sentences,
        "Sentences",
        echoes=False,
        question=True,
        weight=1,
    ),
)
