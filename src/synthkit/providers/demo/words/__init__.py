"""The demo model's vocabulary: tuples of words and phrases, sorted by theme, and the grammar made of them."""

from collections.abc import Mapping, Sequence

from synthkit.providers.demo.words import code, people, phrases, tables, topics


def _numbers(low: int, high: int, step: int = 1) -> Sequence[str]:
    return tuple(map(str, range(low, high, step)))


COUNTS = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
"""Number words, from two on."""

GRAMMAR: Mapping[str, Sequence[str]] = {
    "name": people.NAMES,
    "surname": people.SURNAMES,
    "city": people.CITIES,
    "month": people.MONTHS,
    "day": people.DAYS,
    "job": people.JOBS,
    "audience": people.AUDIENCES,
    "subject": topics.SUBJECTS,
    "angle": topics.ANGLES,
    "topic": ("{subject} {angle}", "{subject} {angle}", "{subject} {angle}", "{subject}"),
    "drawback": topics.DRAWBACKS,
    "benefit": topics.BENEFITS,
    "action": topics.ACTIONS,
    "aspect": topics.ASPECTS,
    "thing": topics.THINGS,
    "tail": phrases.TAILS,
    "document": phrases.DOCUMENTS,
    "tone": phrases.TONES,
    "chore": phrases.CHORES,
    "noun": phrases.NOUNS,
    "context": phrases.CONTEXTS,
    "sentence": phrases.SENTENCES,
    "howto": tables.HOWTO,
    "few": COUNTS[1:5],
    "pair": COUNTS[:3],
    "digit": _numbers(2, 10),
    "teens": _numbers(4, 25),
    "tens": _numbers(20, 100, 5),
    "hundreds": _numbers(110, 980, 10),
    "year": _numbers(1950, 2025),
    "dom": _numbers(1, 29),
    "hour": tuple(f"{hour} o'clock" for hour in ("five", "six", "seven", "eight", "nine", "ten")),
    "amount": tuple(f"{whole}.{cents} euros" for whole in range(3, 80, 4) for cents in ("20", "50", "95")),
    "place": code.PLACES,
    "care": code.CARE,
}
"""What the slots of templates are filled with; an option may have slots itself."""
