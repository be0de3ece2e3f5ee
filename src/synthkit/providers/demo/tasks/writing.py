"""Open tasks: ideas, plans, letters, stories, slogans, questions to ask."""

from re import IGNORECASE, search

from synthkit.providers.demo.brief import counted, matter, topic
from synthkit.providers.demo.dice import Dice, capital, small
from synthkit.providers.demo.tasks.kind import Kind, worded

_IDEAS = (
    "{A} {T}",
    "An evening on {T} with {name}, {job}",
    "{Action}, and write about it",
    "A map of {T} drawn by {audience}",
    "A prize for whoever can {chore} fastest",
    "Free tea on {day}, because {benefit}",
    "A small exhibition: “{T} and {subject}”",
    "A {day} without {aspect}",
    "{Name} in {city} as a partner",
    "A podcast about {T} from {city}",
)
_STARTERS = ("A guided tour of", "A quiz night about", "A photo walk around", "A starter kit for", "A calendar about")


def ideas(dice: Dice, instruction: str, given: str) -> str:
    """A bullet list."""
    about = matter(instruction, given)
    chosen = ["{A} {T}", *dice.some(_IDEAS[1:], min(9, counted(instruction, 4, 10)) - 1)]
    lines = (dice.fill(idea, _given(dice, about)) for idea in chosen)
    return "\n".join(f"- {capital(line)}" for line in lines)


def _given(dice: Dice, about: str) -> dict[str, str]:
    action = capital(dice.fill("{action}"))
    return {"T": about, "A": dice.pick(_STARTERS), "Action": action, "Name": dice.fill("{name}"), "C": capital(about)}


def plan(dice: Dice, instruction: str, given: str) -> str:
    """Numbered stages."""
    about = matter(instruction, given)
    steps = dice.some(tuple(range(20)), counted(instruction, 4, 8))
    lines = [f"Decide what {about} should look like in the end."]
    lines += [dice.fill("{action}, with an eye on {aspect}.") for _ in steps[1:]]
    return "\n".join(f"{n}. {capital(line)}" for n, line in enumerate(lines, 1))


_LETTER = (
    "Dear {name},\n\nthank you for your interest in {T}. {Middle} Please let me know by {day} whether {hour} suits "
    "you.\n\n"
    "Kind regards\n{name} {surname}",
    "Hello {name},\n\nI am writing about {T}. {Middle} Could we talk about it on {day}?\n\nBest wishes\n{name}",
    "Dear all,\n\nas you know, we have to decide about {T}. {Middle} I suggest that we {action}.\n\nWarm "
    "regards\n{name}",
)
_MIDDLE = (
    "What I like most is that {benefit}.",
    "One thing troubles me: {drawback}.",
    "So far, {name} has done most of it.",
)


def letter(dice: Dice, instruction: str, given: str) -> str:
    """A short letter."""
    about = matter(instruction, given)
    return dice.line(_LETTER, {"T": about, "Middle": dice.line(_MIDDLE)})


_FIRST = (
    "Nobody in {city} had planned it, yet there was {T}, and {name} stood in front of it with {thing}.",
    "On the last {day} of {month}, {name} decided that {T} deserved one more chance.",
    "“You will laugh,” said {name}, “but it began with {T}.”",
)
_THEN = (
    "{name} {surname}, {job}, only shook the head and went on counting.",
    "At {hour} the lights went out, and for a moment nothing could be heard.",
    "In the bag there was {thing}, and nobody knew why.",
    "A letter from {city} changed everything: {drawback}, it said.",
)
_LAST = (
    "Since then, the door stays open on {day}.",
    "And that is why {benefit}.",
    "“Next year again?” asked {name}. It was not really a question.",
)


def story(dice: Dice, instruction: str, given: str) -> str:
    """A few lines with a beginning, a turn and an end."""
    words = {"T": matter(instruction, given)}
    parts = [dice.pick(_FIRST), *dice.some(_THEN, 2), dice.pick(_LAST)]
    return " ".join(capital(dice.fill(part, words)) for part in parts)


_VERSES = (
    "{C}, {place_word} and small,",
    "the {noun} waits by the wall,",
    "{name} hums a tune,",
    "as pale as the moon,",
    "and {month} remembers it all.",
)


def verse(dice: Dice, instruction: str, given: str) -> str:
    """Five short lines."""
    words = {"C": capital(matter(instruction, given)), "place_word": dice.pick(("quiet", "bright", "early", "windy"))}
    return "\n".join(dice.fill(line, words) for line in _VERSES)


_SLOGANS = (
    "{C}: because {benefit}.",
    "{C}. Once you know it, {day} is never the same.",
    "Say yes to {T}. Your {noun} can wait.",
    "{C}: {aspect} included.",
)


def slogan(dice: Dice, instruction: str, given: str) -> str:
    """One line that sells."""
    about = matter(instruction, given)
    return dice.line(_SLOGANS, {"C": capital(about), "T": about})


_QUESTIONS = (
    "What was the first thing about {T} that surprised you?",
    "Who would miss {T} most, and why?",
    "How do you deal with it when {drawback}?",
    "What would you do with twice the money for {T}?",
    "Which mistake did you make only once?",
    "What does a normal {day} look like for you?",
    "Would you say that {benefit}?",
    "What should people in {city} know about {T}?",
)


def questions(dice: Dice, instruction: str, given: str) -> str:
    """A numbered list of questions."""
    words = {"T": matter(instruction, given)}
    chosen = [
        "What was the first thing about {T} that surprised you?",
        *dice.some(_QUESTIONS[1:], counted(instruction, 4, 7) - 1),
    ]
    return "\n".join(f"{n}. {dice.fill(line, words)}" for n, line in enumerate(chosen, 1))


_PROSE = (
    "{C} is worth a closer look, above all because {benefit}. {name} {surname}, {job}, puts it like this: it takes "
    "{aspect}, and somebody has to begin.",
    "When people speak about {T}, they usually mean that {benefit}. What they leave out is that {drawback}. A sensible "
    "first step would be to {action}.",
    "There are two sides to {T}. On the one hand {benefit}; on the other, {drawback}. In {city} they found a way: "
    "{action}, and see what happens.",
)


def prose(dice: Dice, instruction: str, given: str) -> str:
    """A paragraph on whatever the instruction is about."""
    about = topic(instruction)
    if given and not search(r"\babout\b", instruction, IGNORECASE):
        about = small(topic(given))
    return dice.line(_PROSE, {"T": about, "C": capital(about)})


KINDS = (
    Kind(
        "questions",
        " interview questions| discussion questions| survey questions| questions to ask| questions for | questions "
        "about | what would you ask",
        worded(
            "Write {few} interview questions for {job} about {topic}, {tail}.",
            "Think of {few} discussion questions about {topic}, which {audience} could answer {context}.",
        ),
        questions,
        weight=1,
    ),
    Kind(
        "plan",
        " plan a | plan the | plan for | make a plan| schedule| itinerary | checklist | agenda of | an agenda| "
        "programme for ",
        worded(
            "Plan a day about {topic}, with {few} stages and a break, {tail}.",
            "Draw up a checklist in {few} points for {name}, who is responsible for anything about {topic}.",
            "{job} and {audience} want to organise something about {topic}. Make a plan in {few} steps.",
            "Write the agenda of a meeting in {city} about {topic}, {tail}.",
        ),
        plan,
        weight=3,
    ),
    Kind(
        "verse",
        " poem | limerick | haiku | verse | rhyme | song | lyrics ",
        worded(
            "Write a short poem about {topic}, {tail}.",
            "Compose a limerick for {audience} about {topic}, in which {name} makes an appearance.",
        ),
        verse,
        weight=1,
    ),
    Kind(
        "story",
        " story | tale | fable | dialogue | opening scene| anecdote | diary entry of| a diary entry ",
        worded(
            "Tell a very short story about {topic}, in which {thing} plays a part, {tail}.",
            "Write the opening scene of a play {context} about {topic}.",
            "Invent a diary entry of {job} about {topic}, {tail}.",
        ),
        story,
    ),
    Kind(
        "slogan",
        " slogan | tagline | an advert| motto | product description",
        worded(
            "Invent a slogan {context} about {topic}, {tail}.",
            "{name} sells {thing}. For {audience}, write a product description that is about {topic}, too.",
        ),
        slogan,
        weight=1,
    ),
    Kind(
        "letter",
        " a letter | an email| an e mail| a reply | an invitation| reply to | a message to| a note to | a postcard "
        "to | thank you note| polite email| apology ",
        worded(
            "Write a letter from {job} to {audience} about {topic}, {tail}.",
            "Draft an email in which {name} {surname} asks the town hall of {city} about {topic}.",
            "Write an invitation {context} about {topic}, {tail}.",
            "Compose a note to {name} about {topic}, to be read on {day} at {hour}.",
        ),
        letter,
        weight=3,
    ),
    Kind(
        "ideas",
        " brainstorm| ideas | suggest | come up with | list # ways| ways in which| ways to | reasons why| give me a "
        "list| make a list| a list of ",
        worded(
            "Brainstorm {few} ideas about {topic} that cost next to nothing, {tail}.",
            "Suggest {few} names for an event about {topic}, to be held in {city} in {month}.",
            "List {few} ways in which {audience} could learn something about {topic}.",
            "Give {few} reasons why {job} should care about {topic}, {tail}.",
            "{name} has {tens} euros and one weekend. Come up with {few} presents about {topic}.",
        ),
        ideas,
        weight=4,
    ),
    Kind(
        "prose",
        " write a paragraph| describe to | short speech| discuss | essay ",
        worded(
            "Write a paragraph {context} about {topic}, {tail}.",
            "Describe to {audience} what is special about {topic}, {tail}.",
            "Draft a short speech that {name} could give in {city} about {topic}.",
            "Discuss with equal care what speaks for and against something like this: an essay about {topic}.",
        ),
        prose,
        weight=3,
    ),
)
