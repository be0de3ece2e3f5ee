"""Continuations of a list of tasks, as models write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthkit.techniques.self_instruct_lists import continued

A = "Write a limerick about a lighthouse keeper."
B = "Convert the list of temperatures to Fahrenheit."
C = "Is the following argument circular?"

MESSY = {
    "goes on behind the colon": f" {A}\nTask 10: {B}\nTask 11: {C}",
    "states the open number again": f"Task 9: {A}\nTask 10: {B}\nTask 11: {C}",
    "plain numbers": f"9. {A}\n10. {B}\n11. {C}",
    "plain numbers, the first one open": f"{A}\n10. {B}\n11. {C}",
    "numbers with a bracket": f"9) {A}\n10) {B}\n11) {C}",
    "numbers without a blank": f"9.{A}\n10.{B}\n11.{C}",
    "a blank before the dot": f"9 . {A}\n10 . {B}\n11 . {C}",
    "starts from one": f"1. {A}\n2. {B}\n3. {C}",
    "starts from one, the first one open": f"{A}\n2. {B}\n3. {C}",
    "starts from Task 1": f"Task 1: {A}\nTask 2: {B}\nTask 3: {C}",
    "bold marks": f"**Task 9:** {A}\n**Task 10:** {B}\n**Task 11:** {C}",
    "bold marks, colon outside": f"**Task 9**: {A}\n**Task 10**: {B}\n**Task 11**: {C}",
    "bold numbers": f"**9.** {A}\n**10.** {B}\n**11.** {C}",
    "bold lines": f"**Task 9: {A}**\n**Task 10: {B}**\n**Task 11: {C}**",
    "headings": f"### Task 9\n\n{A}\n\n### Task 10\n\n{B}\n\n### Task 11\n\n{C}",
    "blank lines between": f"Task 9: {A}\n\nTask 10: {B}\n\nTask 11: {C}\n",
    "bulleted marks": f"- Task 9: {A}\n- Task 10: {B}\n- Task 11: {C}",
    "bullets alone": f"- {A}\n- {B}\n- {C}",
    "bullets with an introduction": f"Sure:\n\n* {A}\n* {B}\n* {C}",
    "quoted block": f"> Task 9: {A}\n> Task 10: {B}\n> Task 11: {C}",
    "hash before the number": f"Task #9: {A}\nTask #10: {B}\nTask #11: {C}",
    "dash behind the number": f"Task 9 - {A}\nTask 10 – {B}\nTask 11 — {C}",
    "lower case": f"task 9: {A}\ntask 10: {B}\ntask 11: {C}",
    "windows line ends": f"Task 9: {A}\r\nTask 10: {B}\r\nTask 11: {C}\r\n",
    "a courtesy before": f"Sure! Here are more tasks:\n\nTask 9: {A}\nTask 10: {B}\nTask 11: {C}",
    "a courtesy before plain numbers": f"Of course. Here you go:\n\n9. {A}\n10. {B}\n11. {C}",
    "a courtesy before an open one": f"Sure, I can do that.\n\n{A}\nTask 10: {B}\nTask 11: {C}",
    "a courtesy after": f"Task 9: {A}\nTask 10: {B}\nTask 11: {C}\n\nLet me know if you want more!",
    "quotes": f'Task 9: "{A}"\nTask 10: “{B}”\nTask 11: «{C}»',
    "the word instruction": f"Task 9:\nInstruction: {A}\nTask 10:\nInstruction: {B}\nTask 11:\nInstruction: {C}",
    "with inputs": f"Task 9: {A}\nInput: none\nTask 10: {B}\nInput: 12, 13\nOutput: 54, 55\nTask 11: {C}\n**Input:** x",
    "rules between": f"Task 9: {A}\n---\nTask 10: {B}\n---\nTask 11: {C}\n---",
    "small letters first": f"Task 9: {A[0].lower()}{A[1:]}\nTask 10: {B}\nTask 11: {C}",
    "over two lines": f"Task 9: {A.replace(' about', chr(10) + 'about')}\nTask 10: {B}\nTask 11: {C}",
    "indented": f"   Task 9:  {A}\n   Task 10:  {B}\n   Task 11:  {C}",
}


@pytest.mark.parametrize("text", MESSY.values(), ids=MESSY)
def test_a_messy_continuation_is_read_as_three_tasks(text: str) -> None:
    assert continued(text, 9) == [A, B, C]


def test_a_cut_answer_loses_its_last_task_only() -> None:
    assert continued(f"Task 9: {A}\nTask 10: {B}\nTask 11: Is the foll", 9, cut=True) == [A, B]
    assert continued(" Write a lime", 9, cut=True) == []


def test_a_list_inside_a_task_stays_inside() -> None:
    steps = "Put these steps in order:\n1. plaster\n2. brickwork\n3. paint"
    assert continued(f"9. {steps}\n10. {B}", 9) == [
        "Put these steps in order: 1. plaster 2. brickwork 3. paint",
        B,
    ]
    assert continued(f"{steps}\n10. {B}\n11. {C}", 9)[1:] == [B, C]


def test_numbers_may_be_left_out_but_not_go_back() -> None:
    assert continued(f"9. {A}\n11. {B}\n2. {C}", 9) == [A, f"{B} 2. {C}"]


def test_a_text_that_a_task_brings_along_is_kept_behind_a_colon() -> None:
    assert continued(f"Task 9: Shorten this message:\n\nSee you at ten.\n\nTask 10: {B}", 9) == [
        "Shorten this message: See you at ten.",
        B,
    ]


@pytest.mark.parametrize(
    "text", ["", "   \n", "I'm sorry, but I can't help with that.", "Here is what I think.\nThanks!"]
)
def test_what_is_no_list_has_no_tasks(text: str) -> None:
    assert continued(text, 9) == []


def test_a_single_task_needs_no_number_where_one_was_asked_for() -> None:
    assert continued(f" {A}\n\nEnjoy!", 9, alone=True) == [A]


def test_gaps_to_fill_in_are_left_alone() -> None:
    assert continued("Task 9: Complete the proverb: Too many cooks ____\nTask 10: x", 9)[0].endswith("cooks ____")


WORDS = st.lists(
    st.sampled_from(["sort", "name", "explain", "lamp", "river", "poem", "seven", "short", "a"]),
    min_size=4,
    max_size=12,
)


@given(
    st.lists(WORDS.map(" ".join), min_size=1, max_size=7), st.sampled_from(["Task {}: {}", "{}. {}", "**Task {}:** {}"])
)
def test_every_clean_list_comes_back(tasks: list[str], layout: str) -> None:
    text = "\n".join(layout.format(number, task) for number, task in enumerate(tasks, 9))
    assert continued(text, 9) == [task[0].upper() + task[1:] for task in tasks]


@given(st.text(max_size=300), st.integers(1, 20), st.booleans())
def test_any_text_can_be_read(text: str, first: int, cut: bool) -> None:
    for task in continued(text, first, cut):
        assert task == task.strip() and "\n" not in task and task
