"""Passages to work on: short texts about a topic, and messages that people write."""

from synthkit.providers.demo.brief import topic
from synthkit.providers.demo.dice import Dice, capital

_OPENINGS = (
    "{city} has been talking about {T} since {month}.",
    "In {year}, few people in {city} had heard of {T}.",
    "When {name} {surname} first read about {T}, it sounded like a joke.",
    "On {day}, the council of {city} discussed {T} for two hours.",
    "Anyone who visits {city} in {month} will notice {T}.",
)
_MIDDLES = (
    "{name} {surname}, {job}, says that it takes {aspect} and a good deal of patience.",
    "A survey of {hundreds} residents found that {tens} percent want to see more of it.",
    "Critics say that {drawback}, while supporters answer that {benefit}.",
    "The project costs about {hundreds} euros a month, half of which comes from donations.",
    "Its greatest advantage is that {benefit}.",
    "Last year {hundreds} people took part, {tens} more than the year before.",
    "What worries the organisers most is that {drawback}.",
    "{name} suggests that everyone should {action}.",
)
_ENDINGS = (
    "A decision is expected on {dom} {month}.",
    "The next open day is on {day}, {dom} {month}, at {hour}.",
    "Whether it lasts will depend on {aspect}.",
    "For now, {name} keeps the door open every {day}.",
    "The people of {city} have made up their minds: it should stay.",
)
MESSAGES = (
    "Send me the {noun} by {day}. I need it for {subject}.",
    "I can't come on {day}. Tell {name} to do the {noun} alone.",
    "You forgot the {noun} again. Bring it to {city} before {hour}.",
    "Your answer about {subject} makes no sense. Explain it again.",
    "We moved the {noun} to {day}. Don't be late.",
    "Nobody told me about {subject}. I want to know who decided that.",
    "The {noun} looks bad. Change it before {name} sees it.",
    "I won't pay for the {noun}. It came {few} days late.",
)
NOTICES = (
    "{name} {surname} will speak about {subject} in {city} on {dom} {month} {year}. Tickets cost {amount} and can be "
    "ordered from {name} {surname} until {hour}.",
    "On {dom} {month} {year}, {name} {surname} opened {subject} in {city}. Two guests, {name} {surname} and "
    "{name} {surname}, each gave {amount}.",
    "The invoice of {dom} {month} {year} for {thing} came to {amount}. {name} {surname} paid it in {city}; the "
    "remaining "
    "{amount} are due on {dom} {month}.",
    "{name} {surname} left {city} on {dom} {month} {year} with {thing}, and met {name} {surname} {few} days later in "
    "{city}.",
)


def passage(dice: Dice, about: str, middles: int = 2) -> str:
    """Some sentences about a topic."""
    given = {"T": about}
    parts = [dice.pick(_OPENINGS), *dice.some(_MIDDLES, middles), dice.pick(_ENDINGS)]
    return " ".join(capital(dice.fill(part, given)) for part in parts)


def passage_for(dice: Dice, instruction: str) -> str:
    """A passage on what the instruction names, on anything where it names nothing."""
    named = topic(instruction) if "about " in instruction else dice.fill("{topic}")
    return passage(dice, named, 1 + dice.whole(1, 2))


def message(dice: Dice, instruction: str) -> str:
    """A blunt message."""
    return dice.line(MESSAGES)


def notice(dice: Dice, instruction: str) -> str:
    """A notice full of names, places, dates and amounts."""
    return dice.line(NOTICES)
