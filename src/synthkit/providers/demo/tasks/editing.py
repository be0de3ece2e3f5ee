"""Tasks that turn one text into another: summaries, rewriting, corrections, extraction, headings."""

import json
from re import IGNORECASE, escape, findall, search, sub

from synthkit.providers.demo.brief import asked, counted, matter, sentences, topic
from synthkit.providers.demo.dice import Dice, capital, small
from synthkit.providers.demo.tasks.kind import Kind, worded
from synthkit.providers.demo.tasks.passages import message, notice, passage_for
from synthkit.providers.demo.words.people import CITIES, MONTHS
from synthkit.providers.demo.words.tables import MISTAKEN, SPELLING

_OPENERS = (
    "I hope you are well. {M}",
    "I would be grateful for your help. {M}",
    "Thank you for your patience. {M}",
    "If it is not too much trouble: {m}",
)
_SOFTER = (
    ("Send me", "Could you please send me"),
    ("Tell", "Would you kindly tell"),
    ("Bring it", "Could you bring it"),
    ("Explain it again", "Could you explain it once more"),
    ("Change it", "Perhaps we could change it"),
    ("Don't be late", "It would be lovely if everyone came on time"),
    ("You forgot", "It seems that we are still missing"),
    ("makes no sense", "is not quite clear to me yet"),
    ("I can't come", "I am afraid that I cannot come"),
    ("I want to know who decided that", "I would be glad to learn how this was decided"),
    ("looks bad", "could look a little better"),
    ("I won't pay", "I would rather not pay"),
    ("I need it for", "It would help me a great deal with"),
)

_WRONG = {row[0]: row[1] for row in SPELLING}


def summary(dice: Dice, instruction: str, given: str) -> str:
    """The first sentences, shortened at their commas, tied together."""
    kept = sentences(given)[: min(3, asked(instruction, "sentences?|lines?") or 2)]
    if not kept:
        return capital(dice.fill(f"{topic(instruction)} matters because {{benefit}}, although {{drawback}}."))
    short = [sub(r", (?:while|half|each|which)\b[^.]*", "", part) for part in kept]
    return " ".join(short) if len(short) > 1 else f"In short: {small(short[0])}"


def rewritten(dice: Dice, instruction: str, given: str) -> str:
    """The text with its hard edges taken off."""
    text = given.strip() or topic(instruction)
    for hard, soft in _SOFTER:
        text = text.replace(hard, soft)
    return capital(dice.pick(_OPENERS).format(M=capital(text), m=small(text)))


def corrected(dice: Dice, instruction: str, given: str) -> str:
    """The text with the usual misspellings put right."""
    text = given.strip() or topic(instruction)
    for right, wrong in SPELLING:
        text = sub(rf"\b{wrong}\b", right, text)
        text = sub(rf"\b{wrong.capitalize()}\b", right.capitalize(), text)
    return text if text != given else f"{text} (There was nothing to correct.)"


def _misspelt(dice: Dice, instruction: str) -> str:
    return dice.line(MISTAKEN, _WRONG)


_MONTH = "|".join(MONTHS)
_CITY = "|".join(CITIES)
_FINDERS = (
    (r"\bdates?\b|\bwhen\b", rf"\d{{1,2}} (?:{_MONTH})(?: \d{{4}})?|\d{{4}}-\d{{2}}-\d{{2}}"),
    (r"\bplaces?\b|\btowns?\b|\bcit(?:y|ies)\b|\bwhere\b", rf"\b(?:{_CITY})\b"),
    (r"\bamounts?\b|\bprices?\b|\bsums?\b|\bmoney\b", r"\d+(?:\.\d+)? euros|[$€£]\s?\d[\d.,]*"),
    (r"\be-?mails?\b", r"[\w.+-]+@[\w-]+\.[\w.]+"),
    (r"\bnumbers?\b", r"\d+(?:\.\d+)?"),
    (r"\bnames?\b|\bpeople\b|\bpersons?\b|\bwho\b", rf"\b(?!(?:On|The|In|{_MONTH})\b)[A-Z][a-z]+ [A-Z][a-z]+\b"),
)


def extracted(dice: Dice, instruction: str, given: str) -> str:
    """What the instruction names, found in the text."""
    found: list[str] = []
    for what, pattern in _FINDERS:
        if findall(what, instruction, IGNORECASE):
            found += findall(pattern, given)
    kept = list(dict.fromkeys(found))
    if not kept:
        return f"The text names nothing of the kind: {small(sentences(given)[0])}" if given else "None."
    if "json" in instruction.lower():
        return json.dumps(kept, ensure_ascii=False)
    return "\n".join(f"- {item}" for item in kept) if "bullet" in instruction else ", ".join(kept)


_KEYS = r"\b[A-Z]?[a-z]{6,}\b"
_COMMON = frozenset(
    [
        "people",
        "because",
        "however",
        "percent",
        "others",
        "should",
        "before",
        "answer",
        "supporters",
        "critics",
        "expected",
    ]
)


def keywords(dice: Dice, instruction: str, given: str) -> str:
    """The long words of the text."""
    words = [word.lower() for word in findall(_KEYS, given or instruction)]
    kept = [word for word in dict.fromkeys(words) if word not in _COMMON]
    return ", ".join(kept[: counted(instruction, 4, 8)]) or topic(instruction)


_HEADLINES = (
    "{T}: Why It Divides the Town",
    "What We Can Learn from {T}",
    "{T} at a Turning Point",
    "A Closer Look at {T}",
)


def headline(dice: Dice, instruction: str, given: str) -> str:
    """A heading in capitals where headings have them."""
    named = search(r"(?:about|notice|discussed) ([\w' -]{4,70}?)(?: since [A-Z]| for two hours|, |\.)", given)
    return dice.pick(_HEADLINES).format(T=_titled(named[1] if named else matter(instruction, given)))


def _titled(text: str) -> str:
    little = ("a", "an", "the", "of", "in", "on", "at", "by", "for", "with", "and", "to")
    words = text.split()
    return " ".join(word if n and word in little else capital(word) for n, word in enumerate(words))


def redacted(dice: Dice, instruction: str, given: str) -> str:
    """The text without full names."""
    names = dict.fromkeys(findall(_FINDERS[-1][1], given))
    text = given
    for name in names:
        text = sub(rf"\b{escape(name)}\b", "[name]", text)
    return text or topic(instruction)


KINDS = (
    Kind(
        "correct",
        " correct the | fix every | fix the | fix any | spelling | proofread | typos| grammar",
        worded(
            "Correct the spelling in the following note about {topic}, {tail}.",
            "{name} typed a few lines about {topic} in a great hurry. Fix every typo and change nothing else.",
            "Proofread the sentence below before it is printed {context}, leaving its meaning as it is.",
        ),
        corrected,
        _misspelt,
        noun="Sentence",
    ),
    Kind(
        "extract",
        " extract | pull out | pick out | find all | list all | identify all ",
        worded(
            "Extract all dates from the notice below {context} and list them separated by commas.",
            "List all people named in this notice about {topic}, as bullet points.",
            "Pull out every amount of money that {name} will need for the accounts of {subject}, separated by commas.",
            "Find all towns mentioned in the text, since {job} wants to put them on a map {context}.",
            "Extract the names and dates from the passage as a JSON array, so that {job} can file them {context}.",
        ),
        extracted,
        notice,
        noun="Notice",
        echoes=False,
    ),
    Kind(
        "redact",
        "! anonymise|! anonymize|! redact| replace all names| replace all full names| replace every name| replace "
        "all the human names",
        worded(
            "Anonymise this notice {context} by replacing every full name with [name].",
            "Before {job} shares the text about {topic}, replace all full names with [name] and keep the rest.",
        ),
        redacted,
        notice,
        noun="Notice",
        echoes=False,
        weight=1,
    ),
    Kind(
        "summarise",
        " summar| gist of | boil | tl dr | condense | shorten ",
        worded(
            "Summarise the following {document} about {topic}, {tail}.",
            "Give {audience} the gist of this {document} in {pair} sentences, {tail}.",
            "{job} has one minute before a meeting about {topic}. Condense the text below into {pair} sentences.",
            "Boil the passage down to {pair} sentences {context}, {tail}.",
            "Shorten this {document} for {audience}, but keep what it says about {topic}.",
        ),
        summary,
        passage_for,
        noun="Passage",
        weight=3,
    ),
    Kind(
        "keywords",
        " keyword| key words| key terms| tags for ",
        worded(
            "List {few} keywords for this {document} about {topic}, separated by commas.",
            "{name} files texts {context}. Which {few} keywords would you give the passage below?",
        ),
        keywords,
        passage_for,
        noun="Passage",
        weight=1,
    ),
    Kind(
        "headline",
        "! headline|! subject line|! catchy title| title for this| title for the",
        worded(
            "Write a headline for the following {document} about {topic}, {tail}.",
            "Suggest a catchy title for this passage {context}, one that {audience} would click on.",
        ),
        headline,
        passage_for,
        noun="Passage",
        weight=1,
    ),
    Kind(
        "rewrite",
        " rewrite | rephrase | reword | paraphrase | make them sound | make it sound | more polite",
        worded(
            "Rewrite this message about {topic} so that it sounds {tone}, {tail}.",
            "{name} wants to send the lines below to {audience}. Make them sound {tone} without changing the facts.",
            "Rephrase the message {context} in a way that is {tone}, {tail}.",
            "Reword what {job} wrote after a long day, so that it is {tone} and {audience} can take it well.",
        ),
        rewritten,
        message,
        noun="Message",
        weight=3,
    ),
)
