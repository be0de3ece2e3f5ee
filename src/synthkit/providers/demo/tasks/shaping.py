"""Tasks on lists and notations, whose answers are computed: sorting, counting, formatting, codes."""

import json
from re import findall, search, split

from synthkit.providers.demo.brief import topic
from synthkit.providers.demo.dice import Dice
from synthkit.providers.demo.tasks.kind import Kind, worded
from synthkit.providers.demo.words.people import CITIES, NAMES
from synthkit.providers.demo.words.phrases import NOUNS
from synthkit.providers.demo.words.tables import GROUPS

_MORSE = dict(
    zip(
        "abcdefghijklmnopqrstuvwxyz",
        [
            ".-",
            "-...",
            "-.-.",
            "-..",
            ".",
            "..-.",
            "--.",
            "....",
            "..",
            ".---",
            "-.-",
            ".-..",
            "--",
            "-.",
            "---",
            ".--.",
            "--.-",
            ".-.",
            "...",
            "-",
            "..-",
            "...-",
            ".--",
            "-..-",
            "-.--",
            "--..",
        ],
        strict=True,
    )
)


def _items(given: str) -> list[str]:
    text = given.strip().strip("[]")
    text = text.split(":", 1)[1] if search(r"^\w+:", text) else text
    parts = (part.strip(" *\"'").removeprefix("- ") for part in split(r",|\n|;", text))
    return [part for part in parts if part]


def _numbers(dice: Dice, instruction: str) -> str:
    if not search(r"\bnumbers?\b", instruction) and search(r"\b(?:names?|words?)\b|alphabet", instruction):
        return ", ".join(dice.some(NAMES, dice.whole(5, 8)))
    return ", ".join(str(dice.whole(-20, 180)) for _ in range(dice.whole(5, 8)))


def _value(item: str) -> float:
    found = search(r"-?\d+(?:\.\d+)?", item)
    return float(found[0]) if found else 0.0


def ordered(dice: Dice, instruction: str, given: str) -> str:
    """The list in the order asked for."""
    text = instruction.lower()
    items = _items(given) or _items(topic(instruction))
    backwards = any(word in text for word in ("descend", "largest first", "highest first", "reverse", "large to small"))
    if "length" in text or "shortest" in text:
        made = sorted(items, key=lambda item: (len(item), item), reverse=backwards)
    elif all(search(r"\d", item) for item in items):
        made = sorted(items, key=_value, reverse=backwards)
    else:
        made = sorted(items, key=str.lower, reverse=backwards)
    return ", ".join(made)


_COUNTED = ("vowels", "words", "letters")


def totals(dice: Dice, instruction: str, given: str) -> str:
    """How many there are of what is asked for."""
    text = given.strip() or topic(instruction)
    for what in _COUNTED:
        if what in instruction.lower():
            pattern = {"vowels": r"[aeiouAEIOU]", "words": r"[\w'’-]+", "letters": r"[^\W\d_]"}[what]
            return f"The text has {len(findall(pattern, text))} {what}."
    return f"There are {len(_items(text))} of them."


def _sentence(dice: Dice, instruction: str) -> str:
    return dice.line(("{sentence}",))


def _rows(dice: Dice, instruction: str) -> str:
    names = dice.some(NAMES, dice.whole(3, 4))
    return "\n".join(f"{name}, {dice.whole(19, 84)}, {dice.pick(CITIES)}" for name in names)


def reshaped(dice: Dice, instruction: str, given: str) -> str:
    """The rows in another notation."""
    rows = [[cell.strip() for cell in line.split(",")] for line in given.splitlines() if line.strip()][:50]
    text = instruction.lower()
    if not rows:
        return topic(instruction)
    width = max(map(len, rows))
    heads = (["name", "age", "city"] + [f"field {n}" for n in range(4, width + 1)])[:width]
    if "json" in text:
        return json.dumps([dict(zip(heads, row, strict=False)) for row in rows], ensure_ascii=False, indent=2)
    if "csv" in text:
        return "\n".join([",".join(heads), *(",".join(row) for row in rows)])
    if "sentence" in text:
        return " ".join(f"{row[0]} ({', '.join(row[1:])}) is on the list." for row in rows)
    if "bullet" in text:
        return "\n".join(f"- {row[0]}: {', '.join(row[1:])}" for row in rows)
    lines = [heads, ["---"] * width, *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def coded(dice: Dice, instruction: str, given: str) -> str:
    """The words in Morse code, in Pig Latin, or backwards."""
    text = (given.strip() or topic(instruction)).lower()[:400]
    if "morse" in instruction.lower():
        words = (" ".join(_MORSE[c] for c in word if c in _MORSE) for word in text.split())
        return " / ".join(word for word in words if word)
    if "pig latin" in instruction.lower():
        return " ".join(_pig(word) for word in text.split())
    return text[::-1]


def _pig(word: str) -> str:
    head = search(r"^[^aeiou\W]+", word)
    return f"{word}way" if head is None else f"{word[head.end() :]}{head[0]}ay"


def _phrase(dice: Dice, instruction: str) -> str:
    return " ".join(dice.some(NOUNS, 2))


def odd_one_out(dice: Dice, instruction: str, given: str) -> str:
    """The one that belongs to another group than the rest."""
    items = _items(given)
    for group in sorted(GROUPS, key=lambda group: -sum(item in group for item in items)):
        strangers = [item for item in items if item not in group]
        if strangers:
            return f"{strangers[0]}, since all the others are {_plural(group[0])}."
    return items[-1] if items else topic(instruction)


def _plural(name: str) -> str:
    noun = name.split(" ", 1)[1]
    return noun.replace("piece of", "pieces of").replace("kind of", "kinds of") if " of " in noun else f"{noun}s"


def _group(dice: Dice, instruction: str) -> str:
    one, other = dice.some(GROUPS, 2)
    items = [*dice.some(one[1:], 4), dice.pick(other[1:])]
    dice.shuffle(items)
    return ", ".join(items)


KINDS = (
    Kind(
        "odd one out",
        " odd one out| odd word| odd item| does not belong| doesn t belong| not fit with",
        worded(
            "Which word does not belong with the others? {name} needs the answer for a quiz {context}.",
            "Find the odd one out in the list and say why, {tail}.",
            "{job} has made a puzzle about {topic}. Name the word that does not fit with the others.",
        ),
        odd_one_out,
        _group,
        noun="List",
        echoes=False,
        question=True,
        weight=1,
    ),
    Kind(
        "order",
        " sort the | sort these | sort this | sort a | in ascending| in descending| alphabetical order| largest "
        "first| smallest first| shortest first| rank the | by length",
        worded(
            "Sort the numbers from the log of {subject} in ascending order, {tail}.",
            "{job} wants to publish these names {context}. Put them in order: sort the names alphabetically.",
            "Arrange the numbers below with the largest first, so that {audience} can read them at a glance.",
            "Order the list of names about {topic} by length, shortest first.",
        ),
        ordered,
        _numbers,
        noun="List",
        echoes=False,
    ),
    Kind(
        "count",
        "! how many vowels|! how many words|! how many letters|! count the |! count all |! number of words",
        worded(
            "How many vowels are there in the sentence that {name} wrote about {topic}?",
            "Count the words of this sentence {context}, ignoring punctuation.",
            "How many letters would {job} have to carve to put the sentence below on a sign near {subject}?",
        ),
        totals,
        _sentence,
        noun="Sentence",
        echoes=False,
        question=True,
        weight=1,
    ),
    Kind(
        "reshape",
        "! markdown table|! csv|! to json| convert the list| convert the rows| bullet list| turn these rows| turn "
        "these lines| turn the rows| into json ",
        worded(
            "Turn the rows below into a Markdown table {context}, {tail}.",
            "Convert the list of guests of {subject} to JSON, so that {job} can load it.",
            "{name} keeps a list of members on paper. Turn these lines into CSV with a header, ready {context}.",
            "Turn these rows about {topic} into a bullet list that {audience} can read.",
        ),
        reshaped,
        _rows,
        noun="Rows",
        echoes=False,
    ),
    Kind(
        "encode",
        "! morse |! pig latin |! backwards ",
        worded(
            "Write the words below in Morse code for a treasure hunt about {topic}, with slashes between words.",
            "Translate the phrase into Pig Latin, the way {name} teaches it to {audience}.",
            "Spell the phrase backwards for a riddle {context}, {tail}.",
        ),
        coded,
        _phrase,
        noun="Phrase",
        echoes=False,
        weight=1,
    ),
)
