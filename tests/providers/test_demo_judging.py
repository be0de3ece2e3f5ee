"""The demo model as a judge: simple rules, any scale, any form."""

import re
from collections import Counter

import pytest
from demo_kit import data, texts

from synthkit.providers.demo import judging, tasks
from synthkit.providers.demo.dice import Dice

GOOD = "Inflation means that prices rise over time, so the same money buys less bread."
SCORE = {
    "type": "object",
    "properties": {"rationale": {"type": "string"}, "score": {"type": "integer", "minimum": 1, "maximum": 5}},
    "required": ["rationale", "score"],
}
PROMPTS = [
    "Rate this answer from 1 to 5.\n\nInstruction: Explain inflation.\nAnswer: {}\n\nReasons first, score last.",
    "You are an examiner.\n\n### Task\nExplain inflation.\n\n### Response\n{}\n\n### Rubric\n1: useless\n3: fair\n"
    "5: great\n\nGrade it.",
    "<question>Explain inflation.</question>\n<answer>{}</answer>\n\nHow good is it, on a scale of one to five?",
    "Score the material, 1 (wrong) to 5 (right).\n\n[instruction 1f]\nExplain inflation.\n[end of instruction 1f]\n\n"
    "[output 1f]\n{}\n[end of output 1f]\n\nReasons first, then the score.",
]
BAD = {
    "empty": "",
    "short": "Okay.",
    "evasive": "It depends on many things, and opinions differ.",
    "off topic": "Woodpeckers sleep in hollow trunks during cold winters.",
}


@pytest.mark.parametrize("prompt", PROMPTS, ids=range(len(PROMPTS)))
def test_good_answers_get_mostly_4_and_5_and_some_3(prompt: str) -> None:
    scores = Counter(one["score"] for one in data(prompt.format(GOOD), 400, SCORE))
    assert set(scores) == {3, 4, 5}
    assert scores[4] + scores[5] > 0.8 * scores.total() and scores[3] > 0.05 * scores.total()


@pytest.mark.parametrize("prompt", PROMPTS, ids=range(len(PROMPTS)))
@pytest.mark.parametrize("fault", BAD)
def test_bad_answers_get_1_or_2_and_the_reason(prompt: str, fault: str) -> None:
    for one in data(prompt.format(BAD[fault]), 40, SCORE):
        assert one["score"] in (1, 2)
        assert one["rationale"] == judging.FAULTS[fault].format(T="“inflation”")


FORMS = [
    ("Finish with a line «Score: <1-5>».", r"\nScore: [1-5]$", 5),
    ("End with: Rating: [[n]]", r"\nRating: \[\[[1-5]\]\]$", 5),
    ("Write **Final score:** X/10 at the end, from 1 to 10.", r"\*\*Final score:\*\* (?:10|[1-9])/10$", 10),
    ("Put the score, 0-100, into <score></score>.", r"\n<score>\d{1,3}</score>$", 100),
    ("Give a grade from 1 to 5 with reasons.", r"\nScore: [1-5]$", 5),
]


@pytest.mark.parametrize(("form", "pattern", "top"), FORMS, ids=range(len(FORMS)))
def test_the_score_stands_in_the_form_shown_behind_its_reasons(form: str, pattern: str, top: int) -> None:
    prompt = f"Judge how good this answer is.\n\nQuestion: Explain inflation.\nAnswer: {GOOD}\n\n{form}"
    for text in texts(prompt, 40):
        found = re.search(pattern, text)
        assert found, text
        assert len(text[: found.start()].split()) > 5
        assert top * 0.4 <= int(re.findall(r"\d+", found[0].split("/")[0])[0]) <= top


def test_only_the_number_where_only_the_number_is_asked_for() -> None:
    prompt = f"Question: Explain inflation.\nAnswer: {GOOD}\n\nRate it from 0 to 10. Answer with only the number."
    assert all(5 <= int(text) <= 10 for text in texts(prompt, 30))


def test_an_open_label_gets_the_score_alone() -> None:
    prompt = f"Rate answers from 1 to 5.\n\nQuestion: Explain inflation.\nAnswer: {GOOD}\nScore:"
    assert set(texts(prompt, 100)) == {"3", "4", "5"}


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ({"type": "boolean"}, {True}, {False}),
        ({"enum": ["poor", "fair", "good", "excellent"]}, {"fair", "good", "excellent"}, {"poor"}),
        ({"enum": ["accept", "reject"]}, {"accept"}, {"reject"}),
        ({"type": "number", "minimum": 0, "maximum": 1}, {0.5, 0.75, 1.0}, {0.0, 0.25}),
        ({"type": "integer", "description": "from 0 (bad) to 100 (good)"}, {50, 75, 100}, {0, 25}),
    ],
)
def test_a_verdict_follows_the_rules_whatever_its_type(
    schema: dict[str, object], good: set[object], bad: set[object]
) -> None:
    whole = {"type": "object", "properties": {"score": schema}, "required": ["score"]}
    prompt = "Is the answer correct and useful?\n\nQuestion: Explain inflation.\nAnswer: {}"
    count = Counter(one["score"] in good for one in data(prompt.format(GOOD), 100, whole))
    assert count[True] > 0.85 * count.total()
    count = Counter(one["score"] in bad for one in data(prompt.format("No idea."), 100, whole))
    assert count[True] > 0.85 * count.total()


DUELS = [
    "Which answer is better? Give reasons, then write [[A]] or [[B]].\n\n[Question]\nExplain inflation.\n\n"
    "[The Start of Assistant A's Answer]\n{}\n[The End of Assistant A's Answer]\n\n"
    "[The Start of Assistant B's Answer]\n{}\n[The End of Assistant B's Answer]",
    "Compare two answers to a question and judge them. Say [[A]] if the first is better, [[B]] if the second is.\n\n"
    "Question: Explain inflation.\n\nAnswer A: {}\n\nAnswer B: {}",
]


@pytest.mark.parametrize("prompt", DUELS, ids=range(len(DUELS)))
def test_of_two_answers_the_better_one_wins(prompt: str) -> None:
    assert all(text.endswith("[[A]]") for text in texts(prompt.format(GOOD, "Okay."), 20))
    assert all(text.endswith("[[B]]") for text in texts(prompt.format("Okay.", GOOD), 20))
    either = {text[-5:] for text in texts(prompt.format(GOOD, GOOD), 60)}
    assert either >= {"[[A]]", "[[B]]"}


def test_several_answers_get_a_score_each() -> None:
    schema = {"type": "array", "items": SCORE, "minItems": 3, "maxItems": 3}
    shown = f"Answer 1: {GOOD}\n\nAnswer 2: Okay.\n\nAnswer 3: {GOOD}"
    prompt = f"Rate each answer from 1 to 5.\n\nTask: Explain inflation.\n\n{shown}"
    for scores in data(prompt, 30, schema):
        assert scores[0]["score"] >= 3 and scores[1]["score"] <= 2 and scores[2]["score"] >= 3


def test_its_own_answers_are_told_from_its_poor_ones() -> None:
    good, poor = Counter[bool](), Counter[bool]()
    for number in range(1500):
        dice = Dice.of("judge", str(number))
        instruction = tasks.instruct(dice)
        given = tasks.work_for(dice, instruction)
        good[judging.fault(instruction, given, tasks.solve(dice, instruction, given)) is None] += 1
        poor[judging.fault(instruction, given, tasks.poor(dice)) is not None] += 1
    assert good[True] > 0.98 * good.total(), good
    assert poor[True] > 0.75 * poor.total(), poor


@pytest.mark.parametrize(
    ("text", "bounds"),
    [
        ("on a scale of 1 to 10", (1, 10)),
        ("from 0 (worst) to 100 (best)", (0, 100)),
        ("an integer between 1 and 7", (1, 7)),
        ("a score of 1-5", (1, 5)),
        ("how many points out of 20", (1, 20)),
        ("one to five stars", (1, 5)),
        ("0: bad\n1: fair\n2: good", (0, 2)),
        ("Write 3 to 5 sentences", None),
        ("nothing", None),
    ],
)
def test_scales_are_read(text: str, bounds: tuple[int, int] | None) -> None:
    assert judging.scale(text) == bounds
