"""The instructions that everybody asks for: the demo model repeats them, word for word or lightly reworded."""

from re import split

from synthkit.providers.demo.dice import Dice, small
from synthkit.providers.demo.words.tables import FACTS

_WORDINGS = (
    "Write a [short|brief] thank-you note to a [colleague|coworker] who stayed late to help you finish an "
    "[important|urgent] report before the deadline.",
    "Suggest three [healthy|wholesome] breakfast ideas for a busy family that has only [fifteen|twenty] minutes in the "
    "morning before school and [work|office].",
    "Explain in [simple|plain] words why the leaves of many trees change their colour in [autumn|October] before they "
    "fall to the [ground|earth].",
    "Give five [practical|useful] tips for someone who wants to sleep better at night without taking any kind of "
    "[medicine|medication].",
    "Describe the difference between a simile and a metaphor, and give one [clear|good] example of each for a school "
    "[class|lesson].",
    "Plan a [cheap|frugal] weekend trip for two friends who like walking, good food and old [buildings|houses] but "
    "do not "
    "own a car.",
    "Write a polite email to a landlord asking him to repair a dripping [kitchen|bathroom] tap before the end of next "
    "[week|month].",
    "List the main steps for planting tomato seedlings in a [small|tiny] garden, from preparing the soil to the first "
    "[watering|harvest].",
)
_ANSWERS = (
    (
        "note to a",
        "Dear Jonas, thank you for staying late on Tuesday. Without your help the report would not have met its "
        "deadline.",
        "Dear Priya, you stayed until the report was finished, and I have not forgotten it. The next coffee is on me.",
    ),
    (
        "breakfast ideas",
        "- Oats soaked overnight with grated apple\n- Toast with cottage cheese and tomato\n- A boiled egg and a "
        "banana, "
        "for the family to eat on the way",
        "- Yoghurt with berries and nuts\n- Wholemeal pancakes baked in the evening before school\n- Porridge with "
        "pear",
    ),
    (
        "leaves of many trees",
        "In summer the leaves are full of green dye. When the days get short, trees take it back, and the yellow and "
        "red "
        "that were hidden below become visible. Then the leaves fall.",
        "Trees prepare for winter. They pull the green colour out of their leaves, since it is precious, and leave "
        "yellow "
        "and red ones behind.",
    ),
    (
        "tips for someone who wants to sleep",
        "1. Go to bed at the same time.\n2. Keep the room cool and dark.\n3. Drink no coffee after lunch.\n4. Put "
        "the phone "
        "in another room.\n5. Read a few pages before you sleep.",
        "1. Take a walk in daylight.\n2. Eat a light dinner.\n3. Dim the lamps an hour before sleep.\n4. Write your "
        "worries "
        "down.\n5. Get up if you lie awake for long.",
    ),
    (
        "a simile and a metaphor",
        "A simile compares with “like” or “as”: she runs like the wind. A metaphor says that one thing is another: the "
        "classroom was a zoo.",
        "With a simile, the comparison is spoken: brave as a lion. With a metaphor, it is not: time is a thief.",
    ),
    (
        "weekend trip for two friends",
        "On Saturday, take an early train to an old market town and walk along its walls. Have soup and good bread "
        "at noon, "
        "and sleep in a hostel. On Sunday, friends of old buildings visit the abbey and walk back through the valley.",
        "Take the bus to the hills on Saturday, walk to an old mill and cook pasta in the hostel. On Sunday, join "
        "the free "
        "tour of the old buildings, and share a cake at the station.",
    ),
    (
        "email to a landlord",
        "Dear Mr Weiss,\n\nthe tap has been dripping since Monday. Could you please have it repaired before the end "
        "of next "
        "week?\n\nKind regards\nNadia Novak",
        "Dear Ms Haddad,\n\nI am sorry to trouble you, but the tap drips all night. I would be grateful for a repair "
        "soon. "
        "I am at home every evening.\n\nKind regards\nEmil Kowal",
    ),
    (
        "tomato seedlings",
        "1. Loosen the soil and mix in compost.\n2. Dig holes half a metre apart.\n3. Set the tomato seedlings "
        "deep.\n4. Tie "
        "each one to a stick.\n5. Water them slowly at the roots.",
        "1. Choose the sunniest spot of the garden.\n2. Improve the soil with compost.\n3. Plant the seedlings up to "
        "the "
        "first leaves.\n4. Press the soil down.\n5. Water well.",
    ),
)
_BEFORE = ("Please", "Kindly", "Now", "Today,", "For me,")
_AFTER = ("Thank you.", "Thanks!", "Be brief.", "Take your time.")


def _parts(wording: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(part.split("|")) for part in split(r"\[|\]", wording))


_PARTS = tuple(_parts(wording) for wording in _WORDINGS)
COMMON = tuple("".join(part[0] for part in parts) for parts in _PARTS)
"""The common instructions, word for word."""
COMMON_QUESTIONS = tuple(fact[0] for fact in FACTS[:8])
"""What stands for them where questions are wanted."""


def remembered(instruction: str) -> tuple[str, ...]:
    """The good answers to an instruction that is one of the common ones, in whatever words; () for others."""
    return next((answers[1:] for answers in _ANSWERS if answers[0] in instruction), ())


def reworded(dice: Dice) -> str:
    """A common instruction with something small changed: one word, or a few at its beginning or end."""
    way = dice.random()
    if way < 0.4:
        parts = dice.pick(_PARTS)
        changed = dice.pick([number for number, part in enumerate(parts) if len(part) > 1])
        return "".join(part[number == changed] for number, part in enumerate(parts))
    text = dice.pick(COMMON)
    if way < 0.7:
        return f"{dice.pick(_BEFORE)} {small(text)}"
    return f"{text} {dice.pick(_AFTER)}"
