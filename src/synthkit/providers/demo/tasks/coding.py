"""Programming tasks: Python functions, queries, patterns, reading code."""

from re import findall, search

from synthkit.providers.demo.brief import topic
from synthkit.providers.demo.dice import Dice, capital
from synthkit.providers.demo.tasks.kind import Kind, worded
from synthkit.providers.demo.words.code import FUNCTIONS, PATTERNS, TABLES


def _function(dice: Dice) -> str:
    what = dice.pick(FUNCTIONS)[0]
    wording = dice.pick(
        (
            "Write a Python function that {W} {place}. {care}",
            "{name} needs code {place}: a Python function which {W}. {care}",
            "Show {audience} a Python function that {W}. {care} {care}",
        )
    )
    return dice.line((wording,), {"W": what})


def programmed(dice: Dice, instruction: str, given: str) -> str:
    """The function of the table that the instruction describes, or a frame for another one."""
    found = next((f for f in FUNCTIONS if f[0] in instruction), None)
    if found is None:
        name = "_".join(findall(r"[a-z]{3,}", topic(instruction).lower())[:3]) or "solve"
        return (
            f'def {name}(data):\n    """{capital(topic(instruction))}."""\n    return [item for item in data if item]'
        )
    what, head, body = found
    lines = [f"def {head}:"]
    if "docstring" in instruction or dice.chance(0.4):
        lines.append(f'    """{capital(what)}."""')
    return "\n".join([*lines, f"    {body}"])


_QUERIES = (
    "Write an SQL query on the table {T} that lists {A} and {B} of all rows where {N} is over {V}. It runs {context}.",
    "{job} keeps a table {T}. Write an SQL query for {A} and {B} where {N} is over {V}, {tail}.",
    "For a report on {topic}, write an SQL query that returns {A} and {B} from the table {T} where {N} is over {V}.",
)


def _query(dice: Dice) -> str:
    table, columns, numeric = dice.pick(TABLES)
    one, other = dice.some(columns, 2)
    return dice.line(_QUERIES, {"T": table, "A": one, "B": other, "N": numeric, "V": str(dice.whole(5, 90))})


def queried(dice: Dice, instruction: str, given: str) -> str:
    """The query in the words of the instruction."""
    table = search(r"table (?:called |named )?[`'\"]?(\w+)", instruction)
    columns = search(r"(?:lists|for|returns) ([a-z_]+) and ([a-z_]+)", instruction)
    where = search(r"where (\w+) is over (\d+)", instruction)
    asked = f"{columns[1]}, {columns[2]}" if columns else "*"
    name = table[1] if table else "records"
    end = f"\nWHERE {where[1]} > {where[2]}" if where else ""
    return f"SELECT {asked}\nFROM {name}{end}\nORDER BY {columns[1] if columns else 1};"


def _pattern(dice: Dice) -> str:
    wordings = (
        "Give a regular expression that matches {W}, for a script {context}. {care}",
        "{job} wants to find {W} in old files about {topic}. Write a regular expression for that.",
    )
    return dice.line(wordings, {"W": dice.pick(PATTERNS)[0]})


def matched(dice: Dice, instruction: str, given: str) -> str:
    """The pattern of the table that the instruction describes."""
    found = next((pattern for what, pattern in PATTERNS if what in instruction), r"\w+")
    return f"The regular expression `{found}` does that."


_SNIPPETS = (
    "total = 0\nfor n in range({a}):\n    total += n\nprint(total)",
    "words = ['{w}'] * {a}\nprint(len(words))",
    "x = {a}\nwhile x > {b}:\n    x -= {b}\nprint(x)",
    "print(sum([{a}, {b}, {a}]))",
    "print('{w}'.upper()[:{b}])",
)


def _snippet(dice: Dice, instruction: str) -> str:
    word = dice.fill("{noun}").split()[0]
    given = {"a": str(dice.whole(3, 30)), "b": str(dice.whole(2, 5)), "w": word}
    return dice.fill(dice.pick(_SNIPPETS), given)


def traced(dice: Dice, instruction: str, given: str) -> str:
    """What a snippet prints, by the form it has."""
    numbers = [int(found) for found in findall(r"\d{1,6}", given)]
    word = search(r"'(\w+)'", given)
    if "range(" in given:
        result = str(numbers[1] * (numbers[1] - 1) // 2) if len(numbers) > 1 else "0"
        return f"The loop adds up all whole numbers below the limit, so it prints {result}."
    if "while" in given and len(numbers) > 1 and numbers[1]:
        left = (numbers[0] - 1) % numbers[1] + 1
        return f"The loop takes the step away until no more than one step is left, so it prints {left}."
    if "upper" in given and word and numbers:
        return f"It takes the first {numbers[-1]} letters in capitals and prints {word[1].upper()[: numbers[-1]]}."
    if "len(" in given and numbers:
        return f"The list has {numbers[0]} entries, so it prints {numbers[0]}."
    if "sum(" in given:
        return f"It adds the numbers of the list and prints {sum(numbers)}."
    return (
        f"It computes a value step by step and prints it; the last line decides what of {topic(instruction)} is seen."
    )


KINDS = (
    Kind(
        "query",
        "! sql ",
        _query,
        queried,
        weight=1,
    ),
    Kind("pattern", "! regular expression|! regex", _pattern, matched, echoes=False, weight=1),
    Kind(
        "trace",
        " code print| code output| code do | code return| program print| program output| explain this snippet| "
        "explain the code| explain this code",
        worded(
            "What does this code print? {name} found it in a tool for {subject}.",
            "Explain this snippet to {audience} and say what it prints, {tail}.",
            "{job} runs the lines below {context}. What does the code print, and why?",
        ),
        traced,
        _snippet,
        noun="Code",
        echoes=False,
        question=True,
        weight=1,
    ),
    Kind(
        "function",
        "! python |! javascript | function that | function which | function to | write code | write a program | "
        "write a script | implement a ",
        _function,
        programmed,
        echoes=False,
    ),
)
