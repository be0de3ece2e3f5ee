"""The demo model on harder instructions, texts for a label, questions about a passage, and two answers to compare."""

import re
from collections import Counter
from typing import Any

import pytest
from demo_kit import data, texts

from synthkit.providers.demo import asking, evolving, labelled
from synthkit.providers.demo.dice import Dice
from synthkit.providers.demo.rates import LEAKS, LEANS, MISLABELLED, MISQUOTED, TIES, UNEVOLVED
from synthkit.providers.demo.tasks.sorting import best
from synthkit.techniques.rouge import rouge_l

TASK = "Explain why the sea is salty to a child."
PASSAGE = (
    "The windmill\n\nThe windmill was restored in 1999. It now makes flour again. Visitors may climb to the top. "
    "Its sails are nine metres long.\n\nA ticket has two halves. Children can enter for free."
)


def near(count: int, total: int, rate: float) -> bool:
    """Within four standard deviations of a rate."""
    return abs(count - rate * total) <= 4 * (total * rate * (1 - rate)) ** 0.5


def one(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": {name: schema}, "required": [name]}


def test_harder_versions_differ_from_their_task_except_at_the_stated_rate() -> None:
    made = [evolving.revised(Dice.of(str(number)), TASK, False) for number in range(3000)]
    scores = [rouge_l(text, TASK) for text in made]
    assert near(sum(score > 0.7 for score in scores), len(made), UNEVOLVED)
    rest = [text for text, score in zip(made, scores, strict=True) if score <= 0.7]
    assert near(sum(text.startswith("New instruction:") for text in rest), len(rest), LEAKS)
    assert all("why the sea is salty" in text for text in made) and len(set(made)) > 2000


@pytest.mark.parametrize(
    ("asked", "sign"),
    [
        ("Add a table or some JSON to it.", r"\| |JSON|record|note"),
        ("Let it need more steps of reasoning.", r"steps|assume|weigh"),
        ("Make general notions more specific.", r"Take the case|Let it be about|in mind"),
        ("Go deeper into the subject.", r"Go into|Say where it fails|Cover how"),
        ("Add one more requirement.", r"Stay below|has to work|One more condition"),
    ],
)
def test_a_task_gets_harder_in_the_way_that_is_asked_for(asked: str, sign: str) -> None:
    prompt = f"Rewrite the instruction into a harder one. {asked}\n\nInstruction: {TASK}"
    found = [value["instruction"] for value in data(prompt, 40, one("instruction", {"type": "string"}))]
    changed = [text for text in found if rouge_l(text, TASK) <= 0.7]
    assert len(changed) > 20 and all(re.search(sign, text) for text in changed)


def test_a_harder_task_can_be_made_harder_again() -> None:
    for number in range(300):
        first = evolving.revised(Dice.of("one", str(number)), TASK, False)
        second = evolving.revised(Dice.of("two", str(number)), first, False)
        assert "why the sea is salty" in second


WISH = """\
Messages to a shop. The labels:
- refund: wants money back
- delivery: asks about a parcel
- account: about passwords and the like

Write 4 different messages with the label «delivery».
- tone: annoyed
- length: {}"""


@pytest.mark.parametrize(("length", "least", "most"), [("one short sentence", 1, 3), ("a whole paragraph", 4, 8)])
def test_texts_are_written_for_a_label_at_the_stated_rate_for_another(length: str, least: int, most: int) -> None:
    schema = one("texts", {"type": "array", "items": {"type": "string"}})
    found = data(WISH.format(length), 400, schema)
    assert Counter(len(value["texts"]) for value in found)[4] > 0.95 * len(found)
    made = [text for value in found for text in value["texts"]]
    names = ("refund", "delivery", "account")
    assert near(sum(best(names, text) != "delivery" for text in made), len(made), MISLABELLED)
    sizes = [len(re.findall(r"[.!?:](?: |$)", text)) for text in made]
    assert sum(least <= size <= most for size in sizes) > 0.8 * len(sizes)
    assert len(set(made)) > 0.8 * len(made)


def test_no_text_is_made_for_a_label_where_a_text_is_given() -> None:
    assert labelled.wanted("Write three reviews of the class “positive”.") == "positive"
    assert labelled.wanted("Write three reviews of the class “wibble”.") == ""
    assert labelled.wanted("Does the review have the label “positive”?") == ""
    asked = "Which label fits: refund, delivery or account?\n\nText: My parcel is late, says the courier."
    schema = one("label", {"enum": ["refund", "delivery", "account"]})
    assert {value["label"] for value in data(asked, 40, schema)} == {"delivery"}


QUIZ = one(
    "questions",
    {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {name: {"type": "string"} for name in ("evidence", "question", "answer")},
            "required": ["evidence", "question", "answer"],
        },
    },
)


def test_questions_quote_their_passage_except_at_the_stated_rate() -> None:
    shown = f"[passage 00ab12cd]\n{PASSAGE}\n[end of passage 00ab12cd]"
    prompt = f"Write 3 questions about the passage, and quote it.\n\n{shown}"
    found = [value["questions"] for value in data(prompt, 800, QUIZ)]
    assert all(len(many) == 3 and len({one["question"] for one in many}) == 3 for many in found)
    quotes = [one["evidence"] for many in found for one in many]
    assert near(sum(quote not in PASSAGE for quote in quotes), len(quotes), MISQUOTED)
    assert not any("The windmill\n" in quote for quote in quotes), "headings are no statements"
    pairs = {(one["question"], one["answer"]) for many in found for one in many}
    assert {
        ("What was the windmill?", "restored in 1999"),
        ("What does a ticket have?", "two halves"),
        ("What can children do?", "enter for free"),
    } <= pairs


@pytest.mark.parametrize(
    ("statement", "question", "answer"),
    [
        ("Drones have no sting.", "What do drones have?", "no sting"),
        ("A worker is a female that lays no eggs.", "What is a worker?", "a female that lays no eggs"),
        ("Many bakers had two ovens.", "What did many bakers have?", "two ovens"),
    ],
)
def test_plain_statements_become_plain_questions(statement: str, question: str, answer: str) -> None:
    assert asking.question(Dice.of("0"), statement) == question
    assert asking.answer(statement) == answer


@pytest.mark.parametrize(
    "statement", ["It is late.", "There is one queen, who lays eggs.", "When it rains, they wait."]
)
def test_others_are_asked_for_by_their_beginning(statement: str) -> None:
    assert "“" in asking.question(Dice.of("0"), statement) and asking.answer(statement) == statement


DUEL = """\
Compare the two answers.

[instruction 1234abcd]
Explain inflation.
[end of instruction 1234abcd]

[first answer 1234abcd]
{}
[end of first answer 1234abcd]

[second answer 1234abcd]
{}
[end of second answer 1234abcd]

Which is better?"""
SCHEMA = {
    "type": "object",
    "properties": {"rationale": {"type": "string"}, "winner": {"enum": ["first", "second", "tie"]}},
    "required": ["rationale", "winner"],
}


def verdicts(first: str, second: str, number: int) -> Counter[str]:
    found = data(DUEL.format(first, second), number, SCHEMA)
    for value in found:
        said = {"first": "The first answer", "second": "The second answer", "tie": "Both answers"}[value["winner"]]
        assert value["rationale"].startswith(said), "the reasons are those of the verdict"
    return Counter(value["winner"] for value in found)


def test_the_same_answer_wins_in_both_orders_but_for_the_stated_leaning() -> None:
    ties = leaning = clear = 0
    for number in range(120):
        one, other = (f"Inflation means that prices rise, says witness {number}{letter}." for letter in "ab")
        there, back = verdicts(one, other, 30), verdicts(other, one, 30)
        if there["tie"] or back["tie"]:
            ties += 1
            continue
        clear += there.total() + back.total()
        loser = min((there["first"], back["second"]), (there["second"], back["first"]), key=sum)
        leaning += sum(loser)
    assert near(ties, 120, TIES)
    assert near(leaning, clear, LEANS / 2)


def test_a_bad_answer_never_wins() -> None:
    good = "Inflation means that prices rise over time."
    assert set(verdicts(good, "Okay.", 40)) == {"first"} and set(verdicts("Okay.", good, 40)) == {"second"}
    assert set(verdicts("Okay.", "No idea.", 40)) == {"tie"}


def test_prompts_in_other_words_are_understood() -> None:
    for text in texts(f"Make this prompt more demanding.\n\nPrompt: {TASK}", 20):
        assert "the sea is salty" in text
