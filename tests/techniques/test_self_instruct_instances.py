"""Classification or not, and the instances of a task as models write them."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from technique_kit import Told, answered, checked, record

from synthkit.core import Have, Verdict
from synthkit.errors import AnswerError
from synthkit.techniques.self_instruct_instances import (
    Classification,
    InputFirst,
    OutputFirst,
    ValidInstance,
    choose,
    examples,
    labelled,
    own_task,
    yes_or_no,
)

TASK = {"instruction": "Tell whether the day in the diary was good.", "is_classification": True}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Yes", True),
        (" No.", False),
        ("**Yes**", True),
        ("yes, since there are two labels. No doubt.", True),
        ("Is it classification? No", False),
        ("Is it a classification task? Yes.", True),
        ("Answer: NO", False),
        ("The labels are not known beforehand, so the answer is no.", False),
        ("The answer must be one of three labels: **Yes**", True),
        ("", None),
        ("It depends on the labels.", None),
        ("Nobody knows; yesterday it was.", None),
    ],
)
def test_yes_or_no(text: str, said: bool | None) -> None:
    assert yes_or_no(text) is said


def test_classification_is_written_as_true_or_false() -> None:
    step = Classification(model="m/x")
    assert answered(step, "Yes", TASK) == {"is_classification": True}
    assert answered(step, "no", TASK) == {"is_classification": False}
    assert answered(step, "", TASK, refusal="I will not.") == Verdict(False, "refused", "I will not.")
    with pytest.raises(AnswerError, match="neither yes nor no") as caught:
        answered(step, "Perhaps.", TASK)
    assert caught.value.reason == "neither yes nor no"


def test_half_of_the_demonstrations_are_classification_and_the_end_is_open() -> None:
    step, told = Classification(model="m/x"), Told("Yes")
    asyncio.run(step.process(record(**TASK), told))  # type: ignore[arg-type]
    text = told.asked[0].messages[0]["content"]
    assert text.count("Is it classification? Yes") == text.count("Is it classification? No") >= 5
    assert text.endswith(f"Task: {TASK['instruction']}\nIs it classification?")
    assert told.asked[0].wishes == {"temperature": 0}
    assert step.io(Have(frozenset(TASK))).writes == ("is_classification",)


LABELLED = {
    "plain": "Class label: good\nDiary: Sun.\nClass label: bad\nDiary: Hail.",
    "blank lines": "Class label: good\nDiary: Sun.\n\nClass label: bad\nDiary: Hail.\n",
    "task stated again": "Task: Is the day good?\nClass label: good\nDiary: Sun.\nClass label: bad\nDiary: Hail.",
    "courtesy": "Sure, here you are:\n\nClass label: good\nDiary: Sun.\nClass label: bad\nDiary: Hail.",
    "bold": "**Class label:** good\nDiary: Sun.\n\n**Class label:** bad\nDiary: Hail.",
    "bold line": "**Class label: good**\nDiary: Sun.\n\n**Class label: bad**\nDiary: Hail.",
    "numbered": "1. Class label: good\nDiary: Sun.\n2. Class label: bad\nDiary: Hail.",
    "lower case": "class label: good\nDiary: Sun.\nclass label: bad\nDiary: Hail.",
    "rules": "Class label: good\nDiary: Sun.\n---\nClass label: bad\nDiary: Hail.\n---",
    "one more task": "Class label: good\nDiary: Sun.\nClass label: bad\nDiary: Hail.\n\nTask: Next\nClass label: x",
}


@pytest.mark.parametrize("text", LABELLED.values(), ids=LABELLED)
def test_output_first_answers(text: str) -> None:
    made = answered(OutputFirst(model="m/x"), text, TASK)
    assert made == [
        {"input": "Diary: Sun.", "output": "good"},
        {"input": "Diary: Hail.", "output": "bad"},
    ]


def test_the_name_input_goes_other_names_stay() -> None:
    assert labelled(
        "Class label: a\nInput: One.\nClass label: b\n**Input:** Two.\nClass label: c\nText: x\nInput: y"
    ) == [
        ("One.", "a"),
        ("Two.", "b"),
        ("Text: x\nInput: y", "c"),
    ]


def test_labels_without_input() -> None:
    assert labelled("Class label: (b)") == [("", "(b)")]
    assert labelled("Class label: (b)\nInput: None") == [("", "(b)")]


EXAMPLES = {
    "plain": "Example 1\nWord: lamp\nOutput: Lampe\nExample 2\nWord: sea\nOutput: Meer",
    "blank lines": "Example 1\nWord: lamp\nOutput: Lampe\n\nExample 2\nWord: sea\nOutput: Meer\n",
    "colons": "Example 1:\nWord: lamp\nOutput: Lampe\nExample 2:\nWord: sea\nOutput: Meer",
    "on one line": "Example 1. Word: lamp\nOutput: Lampe\nExample 2. Word: sea\nOutput: Meer",
    "bold": "**Example 1**\nWord: lamp\n**Output:** Lampe\n\n**Example 2:**\nWord: sea\n**Output:** Meer",
    "headings": "### Example 1\nWord: lamp\nOutput: Lampe\n\n### Example 2\nWord: sea\nOutput: Meer",
    "numbered outputs": "Example 1\nWord: lamp\nOutput 1: Lampe\nExample 2\nWord: sea\nOutput 2: Meer",
    "courtesy": "Happy to help!\n\nExample 1\nWord: lamp\nOutput: Lampe\nExample 2\nWord: sea\nOutput: Meer",
    "task stated again": "Task: Translate.\nExample 1\nWord: lamp\nOutput: Lampe\nExample 2\nWord: sea\nOutput: Meer",
    "no examples, two inputs": "Input: Word: lamp\nOutput: Lampe\nInput: Word: sea\nOutput: Meer",
    "an input behind": "Example 1\nWord: lamp\nOutput: Lampe\nExample 2\nWord: sea\nOutput: Meer\nInput: dog",
    "one without an output": "Example 1\nWord: lamp\nOutput: Lampe\nExample 2\nWord: sea\nOutput: Meer\nExample 3\nx",
    "one more task": "Example 1\nWord: lamp\nOutput: Lampe\nExample 2\nWord: sea\nOutput: Meer\n\nTask: x\nOutput: y",
    "output below": "Example 1\nWord: lamp\nOutput:\nLampe\nExample 2\nWord: sea\nOutput:\nMeer",
}


@pytest.mark.parametrize("text", EXAMPLES.values(), ids=EXAMPLES)
def test_input_first_answers(text: str) -> None:
    made = answered(InputFirst(model="m/x"), text, TASK)
    assert made == [{"input": "Word: lamp", "output": "Lampe"}, {"input": "Word: sea", "output": "Meer"}]


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("Output: The Nile.", [("", "The Nile.")]),
        ("Output:\n- one\n- two", [("", "- one\n- two")]),
        ("Input: None\nOutput: The Nile.", [("", "The Nile.")]),
        ("Input: (N/A)\nOutput: The Nile.", [("", "The Nile.")]),
        ("Input: a\nOutput: b", [("a", "b")]),
        ("Example 1\nOutput: The Nile.", [("", "The Nile.")]),
        ("Example 1\nThe Nile.\nExample 2\nThe Mekong.", [("", "The Nile."), ("", "The Mekong.")]),
        ("The Nile is a river, for example.", []),
        ("", []),
    ],
)
def test_other_layouts(text: str, pairs: list[tuple[str, str]]) -> None:
    assert examples(own_task(text)) == pairs


def test_several_lines_are_kept_as_they_are() -> None:
    text = "Example 1\nTable:\na  1\nb  2\nQuestion: How many?\nOutput: 1 + 2\n= 3"
    assert examples(text) == [("Table:\na  1\nb  2\nQuestion: How many?", "1 + 2\n= 3")]


def test_a_cut_answer_loses_its_last_instance() -> None:
    step = InputFirst(model="m/x")
    made = answered(step, "Example 1\nWord: a\nOutput: b\nExample 2\nWord: c\nOutput: d", TASK, finish="length")
    assert made == [{"input": "Word: a", "output": "b"}]
    assert answered(step, "Output: The Ni", TASK, finish="length") == Verdict(False, "cut off", "Output: The Ni")


def test_no_instances_is_a_reason() -> None:
    assert answered(InputFirst(model="m/x"), "No idea.", TASK) == Verdict(False, "no instances", "No idea.")
    assert answered(OutputFirst(model="m/x"), "good", TASK).reason == "no instances"


def test_contradicting_instances_drop_all() -> None:
    text = "Class label: good\nDiary: Rain.\nClass label: bad\nDiary: Rain.\nClass label: bad\nDiary: Hail."
    assert answered(OutputFirst(model="m/x"), text, TASK).reason == "same input, different outputs"


@pytest.mark.parametrize(
    ("pairs", "chosen"),
    [
        ([("a", "b"), ("a", "b"), ("c", "b")], [("a", "b"), ("c", "b")]),
        ([("", "b"), ("", "c")], [("", "b"), ("", "c")]),  # no input: different outputs are no contradiction
        ([("a", ""), ("a", "b")], [("a", ""), ("a", "b")]),  # a faulty one contradicts nobody
        ([("a", "b"), ("a", "c"), ("d", "e")], None),
        ([(str(n), "x") for n in range(7)], [(str(n), "x") for n in range(3)]),
        (
            [("a", "a"), ("b", "x"), ("c", "x"), ("d", "x"), ("e", "x")],
            [("a", "a"), ("b", "x"), ("c", "x"), ("d", "x")],
        ),
    ],
)
def test_which_instances_go_on(pairs: list[tuple[str, str]], chosen: Any) -> None:
    assert choose(pairs, 3) == chosen


PAIRS = st.lists(st.tuples(st.sampled_from(["", "a", "b:", "c"]), st.sampled_from(["", "a", "c", "d:"])), max_size=12)


@given(PAIRS, st.integers(1, 5))
def test_what_goes_on_never_contradicts_itself(pairs: list[tuple[str, str]], most: int) -> None:
    chosen = choose(pairs, most)
    if chosen is not None:
        good = [pair for pair in chosen if checked(ValidInstance(), {"input": pair[0], "output": pair[1]}).keep]
        inputs = [given for given, _ in good if given]
        assert len(good) <= most and len(inputs) == len(set(inputs)) and len(chosen) == len(set(chosen))


@pytest.mark.parametrize(
    ("given", "made", "reason"),
    [
        ("a", "b", ""),
        ("", "b", ""),
        ("a", "", "empty output"),
        ("", "", "empty output"),
        ("a", "a", "output repeats input"),
        ("List:", "b", "input ends with a colon"),
        ("a", "As follows:", "output ends with a colon"),
    ],
)
def test_faulty_instances_have_reasons(given: str, made: str, reason: str) -> None:
    verdict = checked(ValidInstance(), {"input": given, "output": made})
    assert (verdict.keep, verdict.reason) == (not reason, reason)


def test_wishes_and_stops_of_both_ways() -> None:
    for step, stops in (
        (OutputFirst(model="m/x", max_instances=3), ["\nTask:"]),
        (InputFirst(model="m/x", max_instances=3), ["\nTask:", "\nExample 4"]),
    ):
        told = Told("Output: x")
        asyncio.run(step.process(record(**TASK), told))  # type: ignore[arg-type]
        assert told.asked[0].wishes == {"temperature": 0, "presence_penalty": 1.5, "max_tokens": 1024, "stop": stops}
        text = told.asked[0].messages[0]["content"]
        assert text.endswith(f"Task: {TASK['instruction']}") and "up to 3 examples" in text
        io = step.io(Have(frozenset(TASK)))
        assert io.reads == {"instruction": object} and io.writes == ("input", "output") and io.fans_out


@given(st.text(max_size=300))
def test_any_answer_can_be_read(text: str) -> None:
    for read in (labelled, examples):
        for one, other in read(own_task(text)):
            assert one == one.strip() and other == other.strip()
