"""The demo model's grammar: instructions that differ, inputs and outputs that fit them, results that are right."""

import ast
import json
import re
from collections import Counter

import pytest
from demo_kit import data, texts
from rapidfuzz.distance import LCSseq

from synthkit.providers.demo import tasks
from synthkit.providers.demo.brief import asked, counted, labels, topic
from synthkit.providers.demo.common import COMMON
from synthkit.providers.demo.dice import Dice
from synthkit.providers.demo.tasks import KINDS, kind_of
from synthkit.providers.demo.words import GRAMMAR

SERIES = (
    "Come up with a series of tasks:\n\nTask 1: Name a river.\nTask 2: Sort the list.\nTask 3: Why is it dark?\nTask 4:"
)
TASK = {"type": "object", "properties": {"instruction": {"type": "string"}}, "required": ["instruction"]}


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def rouge_l(one: list[str], other: list[str]) -> float:
    return 2 * LCSseq.similarity(one, other) / (len(one) + len(other))


def listed(text: str) -> list[str]:
    return [re.sub(r"^Task \d+: ", "", line) for line in text.splitlines()]


def check_distinct(instructions: list[str]) -> None:
    assert len(instructions) == 1000
    assert len(set(instructions)) >= 900
    split = [words(text) for text in instructions]
    pairs = [(split[n], split[(n + step) % 1000]) for step in (1, 7, 31, 177, 499) for n in range(1000)]
    assert sum(rouge_l(*pair) < 0.7 for pair in pairs) > 0.98 * len(pairs)
    kept: list[list[str]] = []
    for one in split[:400]:
        if all(rouge_l(one, other) <= 0.7 for other in kept):
            kept.append(one)
    assert 280 <= len(kept) < 400  # most are new beside all before them, and some are not


def test_a_thousand_instructions_of_a_list_are_mostly_distinct() -> None:
    check_distinct([task for text in texts(SERIES, 260) for task in listed(text)][:1000])


def test_a_thousand_instructions_by_schema_are_mostly_distinct() -> None:
    check_distinct([one["instruction"] for one in data("Write one new task.", 1100, TASK)][:1000])


def test_instructions_read_like_instructions() -> None:
    made = [tasks.instruct(Dice.of(str(n))) for n in range(2000)]
    for text in made:
        assert text[0].isupper() and text.rstrip()[-1] in ".?!”:" and "{" not in text and "  " not in text, text
        assert 4 <= len(text.split()) <= 75, text
    assert len({kind_of(text).name for text in made}) >= 35


@pytest.mark.parametrize("kind", KINDS, ids=[kind.name for kind in KINDS])
def test_a_kind_is_found_again_by_its_words(kind: tasks.Kind) -> None:
    made = [kind.ask(Dice.of(kind.name, str(n))) for n in range(300)]
    found = Counter(kind_of(text).name for text in made)
    assert found[kind.name] >= 285, found


@pytest.mark.parametrize("kind", KINDS, ids=[kind.name for kind in KINDS])
def test_outputs_fit_their_instructions(kind: tasks.Kind) -> None:
    for number in range(60):
        dice = Dice.of("fit", kind.name, str(number))
        instruction = kind.ask(dice)
        given = kind.work(dice, instruction)
        output = kind.solve(dice, instruction, given)
        assert output.strip()
        assert "{" not in output or kind.name in ("function", "pattern", "reshape"), output
        if kind.example is not None:
            assert output in tasks.closed(instruction), (instruction, output)


def test_a_label_s_example_gets_that_label() -> None:
    right = Counter[bool]()
    for kind in KINDS:
        if kind.example is None:
            continue
        for number in range(100):
            dice = Dice.of("label", kind.name, str(number))
            instruction = kind.ask(dice)
            label = dice.pick(tasks.closed(instruction))
            right[kind.solve(dice, instruction, kind.example(dice, instruction, label)) == label] += 1
    assert right[True] > 0.95 * right.total(), right


def solve(instruction: str, given: str = "") -> str:
    return tasks.solve(Dice.of("x"), instruction, given)


@pytest.mark.parametrize(
    ("instruction", "given", "output"),
    [
        ("Sort the numbers in ascending order.", "3, -1, 12, 7", "-1, 3, 7, 12"),
        ("Sort the names alphabetically.", "Zoe, Ada, Max", "Ada, Max, Zoe"),
        ("How many vowels are there in the sentence?", "An owl sat.", "The text has 3 vowels."),
        ("Write the words below in Morse code.", "sos", "... --- ..."),
        ("Translate the phrase into Pig Latin.", "apple tree", "appleway eetray"),
        ("Turn the rows below into CSV.", "Ada, 36, Cork\nMax, 9, Lima", "name,age,city\nAda,36,Cork\nMax,9,Lima"),
        ("Convert 10 kilometres to miles, please.", "", "10 kilometres are 6.2 miles."),
        ("Solve 4x + 3 = 23 for x.", "", "4x = 23 - (3) = 20, so x = 5."),
        ("What is 25 percent of 480?", "", "25 percent of 480 is 480 * 25 / 100 = 120."),
        ("A cash book says 130 * 9. Work it out.", "", "130 * 9 = 1170"),
        ("What is the opposite of “tidy”?", "", "The opposite of “tidy” is “messy”."),
        ("Translate the sentence into German.", "The soup is too hot.", "Die Suppe ist zu heiß."),
        ("Fill in the gap.", "Bees live in a ___ and make honey.", "Bees live in a hive and make honey."),
        ("What is the opposite of “narrow”?", "", "The opposite of “narrow” is “wide”."),
        ("Fix every typo.", "My freind will come tommorow.", "My friend will come tomorrow."),
        ("Extract all dates.", "Ada Novak came on 3 May 2020 and left on 9 June 2020.", "3 May 2020, 9 June 2020"),
        ("Is the statement true or false?", "The Sahara is a rainforest.", "false"),
        ("Is the review positive or negative?", "The staff were rude and it broke.", "negative"),
        ("Find the odd one out.", "oak, birch, owl, elm", "owl, since all the others are trees."),
    ],
)
def test_answers_are_right(instruction: str, given: str, output: str) -> None:
    assert solve(instruction, given) == output


def test_word_problems_state_a_true_result() -> None:
    """Each sum that an answer writes down is checked."""
    problem = next(kind for kind in KINDS if kind.name == "problem")
    checked = 0
    for number in range(500):
        dice = Dice.of("sum", str(number))
        answer = problem.solve(dice, problem.ask(dice), "")
        assert "The answer is " in answer
        for left, right in re.findall(r"((?:[-\d(][-\d+* ()]*) [+*-] [-\d+* ()]*[\d)]) = (-?\d+)", answer):
            assert eval_sum(left) == int(right), answer
            checked += 1
    assert checked > 500


def eval_sum(text: str) -> int:
    def value(node: ast.expr) -> int:
        match node:
            case ast.Constant(value=int(number)):
                return number
            case ast.UnaryOp(operand=inner):
                return -value(inner)
            case ast.BinOp(left=left, op=op, right=right):
                one, other = value(left), value(right)
                return (
                    one * other if isinstance(op, ast.Mult) else one + other if isinstance(op, ast.Add) else one - other
                )
        raise AssertionError(ast.dump(node))

    return value(ast.parse(text.strip(), mode="eval").body)


def test_functions_are_python() -> None:
    function = next(kind for kind in KINDS if kind.name == "function")
    for number in range(200):
        dice = Dice.of("code", str(number))
        tree = ast.parse(function.solve(dice, function.ask(dice), ""))
        assert isinstance(tree.body[0], ast.FunctionDef)


def test_json_outputs_are_json() -> None:
    rows = solve("Convert the list of guests to JSON.", "Ada, 36, Cork")
    assert json.loads(rows) == [{"name": "Ada", "age": "36", "city": "Cork"}]
    assert json.loads(solve("Extract the names as a JSON array.", "Ada Novak met Max Weiss.")) == [
        "Ada Novak",
        "Max Weiss",
    ]


def test_common_instructions_have_answers_of_their_own() -> None:
    for text in COMMON:
        assert len({tasks.solve(Dice.of(str(n)), text) for n in range(20)}) == 2, text


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Classify it as positive, negative or mixed.", ("positive", "negative", "mixed")),
        ("Is the statement true or false?", ("true", "false")),
        (
            "Sort this item into politics, sports, health or science, as Ada does.",
            ("politics", "sports", "health", "science"),
        ),
        ('Answer with "follows" or "does not follow".', ("follows", "does not follow")),
        ("Route it to the right desk: delivery, account or refund.", ("delivery", "account", "refund")),
        ("Write a poem.", ()),
    ],
)
def test_labels_are_read_from_the_instruction(text: str, names: tuple[str, ...]) -> None:
    assert labels(text) == names


def test_numbers_and_topics_are_read_from_the_instruction() -> None:
    assert topic("Write a letter about a bell tower, please.") == "a bell tower"
    assert topic("Explain inflation to a child.") == "inflation"
    assert counted("Give five tips on 3 things", 4) == 5 and counted("Give tips", 4) == 4
    assert asked("Write three more short tasks", "tasks") == 3 and asked("Write 12 tasks", "tasks") == 12
    assert asked("Write tasks", "tasks") is None and asked("three new ones, one task a line", "tasks?|ones") == 3


def test_every_slot_of_the_grammar_can_be_filled() -> None:
    for slot, options in GRAMMAR.items():
        assert len(set(options)) == len(options) or slot == "topic", slot
        for option in options:
            assert "{" not in Dice.of(slot).fill(option)
