"""Word problems, conversions and equations. The result is always computed from the numbers in the text."""

from collections.abc import Callable, Mapping
from functools import cache
from re import Pattern, compile, escape, findall, search, split

from synthkit.providers.demo.dice import Dice
from synthkit.providers.demo.tasks.kind import Kind

_RANGES: Mapping[str, tuple[int, int]] = {"a": (12, 60), "b": (2, 9), "c": (3, 20), "d": (2, 6)}
_STORIES: tuple[tuple[str, Callable[..., str]], ...] = (
    (
        "{name} bakes {a} loaves for {subject} and sells each of them for {b} euros. The flour costs {c} euros. How "
        "much "
        "money is left in the end?",
        lambda a, b, c: (
            f"The {a} loaves bring {a} * {b} = {a * b} euros. Without the flour, {a * b} - {c} = {a * b - c} "
            f"euros of the money are left. The answer is {a * b - c}."
        ),
    ),
    (
        "For {topic}, {name} orders {b} boxes with {a} candles each, and finds that {c} candles are broken. How many "
        "good "
        "candles are there?",
        lambda b, a, c: (
            f"There are {b} * {a} = {a * b} candles in the boxes. Of these {c} are broken, so "
            f"{a * b} - {c} = {a * b - c} good candles remain. The answer is {a * b - c}."
        ),
    ),
    (
        "A train leaves {city} with {a} passengers. At the first stop {c} get on and {d} get off; at the second, {b} "
        "more "
        "get on with {thing}. How many passengers are on the train?",
        lambda a, c, d, b: (
            f"After the first stop there are {a} + {c} - {d} = {a + c - d} passengers, after the second "
            f"{a + c - d} + {b} = {a + c - d + b}. The answer is {a + c - d + b}."
        ),
    ),
    (
        "{name} reads {b} pages of a book about {subject} every weekday and {c} pages on each day of the weekend. "
        "How many "
        "pages are that in {d} weeks?",
        lambda b, c, d: (
            f"One week has 5 * {b} + 2 * {c} = {5 * b + 2 * c} pages. In {d} weeks that makes "
            f"{d} * {5 * b + 2 * c} = {d * (5 * b + 2 * c)} pages. The answer is {d * (5 * b + 2 * c)}."
        ),
    ),
    (
        "Tickets for {subject} cost {c} euros for adults and {d} euros for children. On {day}, {a} adults and {b} "
        "children "
        "came. How many euros were taken?",
        lambda c, d, a, b: (
            f"The adults paid {a} * {c} = {a * c} euros and the children {b} * {d} = {b * d} euros, "
            f"together {a * c + b * d}. The answer is {a * c + b * d}."
        ),
    ),
    (
        "{name} and {surname} share {a} stickers from {city} so that {name} gets {b} more than half of them, rounded "
        "down. "
        "How many stickers does {surname} get?",
        lambda a, b: (
            f"Half of {a} stickers, rounded down, is {a // 2}. One gets {a // 2} + {b} = {a // 2 + b}, so the "
            f"other gets {a} - {a // 2 + b} = {a - a // 2 - b} stickers. The answer is {a - a // 2 - b}."
        ),
    ),
    (
        "A water tank at {subject} holds {a} litres. Every hour {b} litres run out and {d} litres are poured in. How "
        "much "
        "water is in it after {d} hours if it was full, counting no overflow?",
        lambda a, b, d, e: (
            f"In one hour the tank changes by {d} - {b} = {d - b} litres, in {e} hours by {e * (d - b)}. "
            f"So the water is {a} + ({e * (d - b)}) = {a + e * (d - b)} litres. The answer is {a + e * (d - b)}."
        ),
    ),
    (
        "To decorate {topic}, {job} cuts a ribbon of {a} metres into pieces of {b} metres. How many whole pieces are "
        "there, "
        "and how much ribbon remains?",
        lambda a, b: (
            f"{a} = {a // b} * {b} + {a % b}, so there are {a // b} whole pieces and {a % b} metres of ribbon "
            f"remain. The answer is {a // b} pieces."
        ),
    ),
    (
        "{job} cycles {c} kilometres to {subject} and back, {d} times a week, for {b} weeks. How many kilometres is "
        "that "
        "altogether?",
        lambda c, d, b: (
            f"One trip there and back is 2 * {c} = {2 * c} kilometres. That makes {2 * c} * {d} * {b} = "
            f"{2 * c * d * b} kilometres. The answer is {2 * c * d * b}."
        ),
    ),
    (
        "A shop in {city} sells {thing} for {a} euros. During a sale the price falls by {b} euros, and with a "
        "voucher by "
        "another {d}. What do {d} of them cost then?",
        lambda a, b, d, e: (
            f"The price falls to {a} - {b} - {d} = {a - b - d} euros. So {e} of them cost "
            f"{e} * {a - b - d} = {e * (a - b - d)} euros. The answer is {e * (a - b - d)}."
        ),
    ),
    (
        "Between {city} and {city} there are {a} lamps, and every lamp needs {b} bulbs. {name} has bought {c} bulbs "
        "so far. "
        "How many bulbs are missing?",
        lambda a, b, c: (
            f"The {a} lamps need {a} * {b} = {a * b} bulbs. So {a * b} - {c} = {a * b - c} bulbs are still "
            f"missing. The answer is {a * b - c}."
        ),
    ),
    (
        "{job} divides {a} kilos of rice from {subject} into bags of {d} kilos and gives {b} of the bags away. How "
        "many full "
        "bags are left, if none had to be opened?",
        lambda a, d, b: (
            f"The rice fills {a} / {d}, so {a // d} full bags. After giving {min(b, a // d)} away, "
            f"{a // d} - {min(b, a // d)} = {a // d - min(b, a // d)} bags are left. "
            f"The answer is {a // d - min(b, a // d)}."
        ),
    ),
    (
        "On {day}, {name} walked {c} kilometres to see {thing}; on the next day it was {b} kilometres more, and on "
        "the third "
        "day {d} fewer than on the second. How far was it on the third day?",
        lambda c, b, d: (
            f"On the second day it was {c} + {b} = {c + b} kilometres, on the third day {c + b} - {d} = "
            f"{c + b - d}. The answer is {c + b - d} kilometres."
        ),
    ),
    (
        "A choir in {city} has {a} members. For {topic}, {b} of them are ill and {c} friends step in, each with "
        "{thing}. How "
        "many people sing?",
        lambda a, b, c: (
            f"Without the ill there are {a} - {b} = {a - b} members in the choir; with the friends, {a - b} + "
            f"{c} = {a - b + c} people sing. The answer is {a - b + c}."
        ),
    ),
    (
        "{name} is {b} years older than {surname}, who turned {c} on the day {subject} was opened in {city}. How old "
        "are they "
        "together?",
        lambda b, c: (
            f"{c} + {b} = {c + b} is the age of the older one, so together they are {c} + {c + b} = {2 * c + b} "
            f"years old. The answer is {2 * c + b}."
        ),
    ),
    (
        "A printer for {subject} makes {b} pages a minute and jams after every {a} pages, which costs {d} minutes. How "
        "long do {a} pages with one jam take, rounded up to whole minutes?",
        lambda b, a, d, e: (
            f"Printing takes {a} / {b}, rounded up {-(-a // b)} minutes; with the jam, {-(-a // b)} + {d} = "
            f"{-(-a // b) + d} minutes. The answer is {-(-a // b) + d} minutes for {e} pages."
        ),
    ),
    (
        "{name} plants {b} rows of {a} beans beside {subject}. Snails eat {c} plants, and {name} replaces {d} of "
        "them. How "
        "many bean plants are there now?",
        lambda b, a, c, d: (
            f"There are {b} * {a} = {a * b} plants in the rows at first, and {a * b} - {c} + {d} = "
            f"{a * b - c + d} bean plants in the end. The answer is {a * b - c + d}."
        ),
    ),
)


@cache
def _matcher(number: int) -> Pattern[str]:
    parts = split(r"\{(\w+)\}", _STORIES[number][0])
    texts = ((r"(\d+)" if part in _RANGES else r".{1,120}?") if n % 2 else escape(part) for n, part in enumerate(parts))
    return compile("".join(texts))


@cache
def _anchor(number: int) -> str:
    """The longest words of a story that never change: looking for them is faster than matching it."""
    return max(split(r"\{\w+\}", _STORIES[number][0]), key=len)


def _story(dice: Dice) -> str:
    template = dice.pick(_STORIES)[0]
    given = {slot: str(dice.whole(*bounds)) for slot, bounds in _RANGES.items()}
    for slot in ("name", "surname"):
        given[slot] = dice.fill(f"{{{slot}}}")
    return dice.line((template,), given)


def solved(dice: Dice, instruction: str, given: str) -> str:
    """The way to the result, and the result."""
    text = f"{instruction} {given}"[:1500]
    for number, (_, solution) in enumerate(_STORIES):
        found = _matcher(number).search(text) if _anchor(number) in text else None
        if found:
            return solution(*map(int, found.groups()))
    return calculated(dice, instruction, given)


def calculated(dice: Dice, instruction: str, given: str) -> str:
    """A sum written in figures, an equation, a percentage, or the sum of the numbers that are given."""
    text = f"{instruction} {given}"[:1500]
    if found := search(r"(-?\d{1,9})\s*x\s*([+-])\s*(\d{1,9})\s*=\s*(-?\d{1,9})", text):
        a, b, c = int(found[1]), int(found[2] + found[3]), int(found[4])
        return f"{found[1]}x = {c} - ({b}) = {c - b}, so x = {_ratio(c - b, a)}."
    if found := search(r"(\d{1,3}) ?(?:percent|per cent|%) of (\d{1,9})", text):
        a, b = int(found[1]), int(found[2])
        return f"{a} percent of {b} is {b} * {a} / 100 = {_ratio(a * b, 100)}."
    if found := search(r"(-?\d{1,9})\s*([+*/×-])\s*(-?\d{1,9})", text):
        a, b = int(found[1]), int(found[3])
        sums = {"+": a + b, "-": a - b, "*": a * b, "×": a * b}
        return f"{found[0]} = {sums[found[2]] if found[2] in sums else _ratio(a, b)}"
    numbers = [int(found) for found in findall(r"(?<![\w.])\d{1,7}(?![\w.]\d)", text)][:4]
    if len(numbers) < 2:
        return f"The answer is {numbers[0] if numbers else 0}."
    return f"Adding up what is given: {' + '.join(map(str, numbers))} = {sum(numbers)}. The answer is {sum(numbers)}."


def _ratio(a: int, b: int) -> str:
    if b == 0:
        return "not defined"
    return str(a // b) if a % b == 0 else f"{a / b:.2f}"


_UNITS = (
    ("kilometres", "miles", 0.621371, 0.0),
    ("kilograms", "pounds", 2.204623, 0.0),
    ("litres", "gallons", 0.264172, 0.0),
    ("metres", "feet", 3.28084, 0.0),
    ("inches", "centimetres", 2.54, 0.0),
    ("degrees Celsius", "degrees Fahrenheit", 1.8, 32.0),
    ("hours", "minutes", 60.0, 0.0),
)
_MEASURED = (
    "A sign near {subject} gives a value of {a} {from}. Convert it to {to}, to one decimal place.",
    "{name} read {a} {from} in an old note about {topic}. What is that in {to}?",
    "For {audience}, express {a} {from} in {to} and say which numbers you rounded.",
    "{job} needs {a} {from} {context}. Convert this to {to}, {tail}.",
)


def _conversion(dice: Dice) -> str:
    one, other, _, _ = dice.pick(_UNITS)
    return dice.line(_MEASURED, {"a": str(dice.whole(3, 240)), "from": one, "to": other})


def converted(dice: Dice, instruction: str, given: str) -> str:
    """The measure in the other unit."""
    text = f"{instruction} {given}"
    for one, other, factor, shift in _UNITS:
        found = search(rf"(-?\d+(?:\.\d+)?) ?{one}", text)
        if found and other in text:
            return f"{found[1]} {one} are {float(found[1]) * factor + shift:.1f} {other}."
    return calculated(dice, instruction, given)


_EQUATIONS = (
    "Solve {a}x + {c} = {r} for x, as {name} would write it on the board, {tail}.",
    "{name} has to solve the equation {a}x - {c} = {r} before leaving for {city}. What is x?",
    "What is {tens} percent of {hundreds}? {job} asks because of {topic}.",
    "A cash book about {subject} says {hundreds} * {digit}. Work it out, {tail}.",
)


def _equation(dice: Dice) -> str:
    a, x, c = dice.whole(2, 9), dice.whole(2, 12), dice.whole(1, 30)
    template = dice.pick(_EQUATIONS)
    right = a * x + (c if "+ {c}" in template else -c)
    return dice.line((template,), {"a": str(a), "c": str(c), "r": str(right)})


KINDS = (
    Kind(
        "convert",
        " convert & #| what is that in | express #| converting & #",
        _conversion,
        converted,
        question=True,
        weight=1,
    ),
    Kind(
        "equation",
        "!#x & x |!# percent of #|!#% of #|!# * #|!# + #| equation & #| solve & #",
        _equation,
        calculated,
        echoes=False,
        question=True,
        weight=1,
    ),
    Kind(
        "problem",
        "!# & how many |!# & how much |!# & how far |!# & how long |!# & how old |!# & what do |!# & what is the "
        "total| word problem",
        _story,
        solved,
        question=True,
        weight=4,
    ),
)
