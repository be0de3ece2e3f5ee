"""The demo model goes on in the form of a prompt, however the prompt is worded."""

import json
import re

import pytest
from demo_kit import data, texts

from synthkit.providers.demo.dice import Dice
from synthkit.providers.demo.tasks import POOR_ANSWERS, closed, kind_of, solve

BAD = {text for kind in POOR_ANSWERS for text in kind}

# --- lists with an open end

LISTS = [
    ("Come up with a series of tasks:\n\nTask 1: Name a river.\nTask 2: Sort the list.\nTask 3:", r"Task {}: ", 4),
    ("Here is what people ask us.\n1. Write a haiku.\n2. Why is the sky blue?\n3. Translate this.\n4.", r"{}\. ", 5),
    ("Instruction #7: Name a tree.\n\nInstruction #8: Sort these words.\n\nInstruction #9:", r"Instruction #{}: ", 10),
    ("(1) Explain tides.\nExercise 1) Explain tides.\nExercise 2) Write a song.\nExercise 3)", r"Exercise {}\) ", 4),
]


@pytest.mark.parametrize(("prompt", "mark", "number"), LISTS, ids=range(len(LISTS)))
def test_an_open_list_of_tasks_goes_on_in_its_format(prompt: str, mark: str, number: int) -> None:
    sizes = set()
    for text in texts(prompt, 60):
        gap = "\n\n" if "\n\nInstruction" in prompt else "\n"
        entries = text.split(gap)
        sizes.add(len(entries))
        for place, entry in enumerate(entries[1:], number):
            assert re.match(mark.format(place), entry), text
        assert not re.match(r"^\W*\d", text) and len(entries[0].split()) > 3
    assert sizes == {4, 5, 6, 7, 8}


def test_bullets_go_on_as_bullets() -> None:
    for text in texts("Tasks for a class:\n- Write a poem\n- Explain how bees find home\n-", 20):
        first, *others = text.split("\n")
        assert not first.startswith("-") and others and all(line.startswith("- ") for line in others)


@pytest.mark.parametrize(
    ("prompt", "check"),
    [
        ("Questions for a quiz:\nQuestion 1: What is a fjord?\nQuestion 2: Who wrote it?\nQuestion 3:", "?"),
        ("Come up with classification tasks:\n1. Is it spam?\n2. Choose the mood.\n3.", "labels"),
        ("Topics:\n1) gardening\n2) medieval history\n3)", "short"),
        ("More maths word problems:\n1. Ann has 3 pens. How many are 2 sets?\n2.", "digits"),
    ],
)
def test_entries_are_of_the_kind_that_the_list_has(prompt: str, check: str) -> None:
    entries = [re.sub(r"^(?:Question )?\d+[:.)] ", "", line) for text in texts(prompt, 60) for line in text.split("\n")]
    fits = {
        "?": lambda entry: "?" in entry,
        "labels": lambda entry: bool(closed(entry)),
        "short": lambda entry: len(entry.split()) <= 4,
        "digits": lambda entry: bool(re.search(r"\d", entry)),
    }[check]
    assert sum(map(fits, entries)) > 0.85 * len(entries)


# --- labelled blocks with an open end

INPUT_FIRST = """{0}

{1}: Name three rivers.
{3}: The Nile, the Po and the Ob.

{1}: Rewrite the sentence in the past tense.
Example 1
Sentence: The bus stops.
{3}: The bus stopped.
Example 2
Sentence: I know it.
{3}: I knew it.

{1}: Turn the recipe into a shopping list.
Example 1
Recipe: Whisk three eggs.
{3}:
- eggs

{1}: {2}
"""
WORDINGS = [
    ("Come up with examples for the following tasks.", "Task", "Output"),
    ("Below, jobs come with what they work on and how they end. Finish the last one.", "Job", "Result"),
    ("For the last instruction, show inputs and answers in the same layout.", "Instruction", "Answer"),
]
ASKED = "Summarise the following short article about a bell tower, in plain words."


@pytest.mark.parametrize(("head", "task", "output"), WORDINGS)
def test_instances_come_in_the_layout_of_the_demonstrations(head: str, task: str, output: str) -> None:
    seen = set()
    for text in texts(INPUT_FIRST.format(head, task, ASKED, output), 40):
        blocks = re.split(r"^Example \d+\n", text, flags=re.MULTILINE)
        seen.add(len(blocks) - 1)
        assert blocks[0] == ""
        for block in blocks[1:]:
            found = re.fullmatch(rf"Passage: (.+)\n{output}: (.+)\n?", block)
            assert found and "a bell tower" in found[1], block
            assert (
                found[2] in BAD
                or found[2].split(". ")[0].rstrip(".") in f"{found[1]} In short: {found[1]}"
                or (found[2].startswith("In short"))
            )
    assert seen == {1, 2, 3}


@pytest.mark.parametrize(("head", "task", "output"), WORDINGS)
def test_no_input_is_made_where_none_is_needed(head: str, task: str, output: str) -> None:
    prompt = INPUT_FIRST.format(head, task, "Write a letter about a bell tower, with one example.", output)
    for text in texts(prompt, 40):
        assert text.startswith(f"{output}: ") and text.count(f"{output}:") == 1
        assert "a bell tower" in text or text.removeprefix(f"{output}: ") in BAD


OUTPUT_FIRST = """{0}

{1}: Tell whether the number is prime.
{2}: prime
{3}: 7
{2}: not prime
{3}: 8

{1}: Is the guest pleased or cross?
{2}: pleased
Comment: What a lovely room.
{2}: cross
Comment: Nobody cleaned it.

{1}: {4}
"""


@pytest.mark.parametrize(
    ("head", "task", "label", "noun"),
    [
        ("For each class label, write an input.", "Task", "Class label", "Number"),
        ("The verdict first, then a case that belongs to it.", "Question", "Verdict", "Case"),
        ("Give the category, then an example of it.", "Instruction", "Category", "Figure"),
    ],
)
def test_labels_come_first_where_they_come_first(head: str, task: str, label: str, noun: str) -> None:
    asked = "Decide whether the message that reached a vet is urgent or routine."
    for text in texts(OUTPUT_FIRST.format(head, task, label, noun, asked), 30):
        found = re.findall(rf"^{label}: (\w+)\nMessage: (.+)$", text, re.MULTILINE)
        assert {name for name, _ in found} == {"urgent", "routine"}, text
        for name, given in found:
            assert solve(Dice.of("x"), asked, given) == name


def test_headings_without_a_colon_are_labels_too() -> None:
    prompt = (
        "### Instruction\nSort the words.\n### Input\npear, apple\n### Output\napple, pear\n\n"
        "### Instruction\nCount the words of this sentence.\n### Input\nI am.\n### Output\n2\n\n"
        "### Instruction\nCorrect the spelling in the note.\n"
    )
    for text in texts(prompt, 20):
        assert re.match(r"### Input\n.+\n### Output\n.+", text), text


def test_the_word_for_no_input_is_that_of_the_demonstrations() -> None:
    prompt = (
        "Instruction: Name a river.\nInput: <noinput>\nOutput: The Po.\n\n"
        "Instruction: Sort the words.\nInput: b, a\nOutput: a, b\n\n"
        "Instruction: Write a letter about tea.\n"
    )
    assert all(text.startswith("Input: <noinput>\nOutput: ") for text in texts(prompt, 20))


@pytest.mark.parametrize(
    "prompt",
    [
        "Below is an instruction. Write a response.\n\n### Instruction:\nExplain inflation.\n\n### Response:",
        "Q: Explain inflation.\nA:",
        "You get a task and solve it.\n\nTask: Explain inflation.\n\nSolution:",
    ],
)
def test_a_single_open_label_gets_its_value_alone(prompt: str) -> None:
    for text in texts(prompt, 40):
        assert text in BAD or "prices rise" in text
        assert not re.match(r"(?:### Response|A|Solution):", text)


def test_a_whole_block_is_written_where_even_its_first_label_is_open() -> None:
    prompt = "Question: What is 2 + 2?\nAnswer: 4\n\nQuestion: Who came?\nAnswer: Ada\n\nQuestion:"
    for text in texts(prompt, 30):
        assert re.match(r"(?s).*\?.*\nAnswer: .+", text), text


# --- closed answers

YES_NO = [
    (
        "Can the following task be regarded as a classification task with finite output labels?\n\n"
        "Task: Is it spam?\nIs it classification? Yes\n\nTask: Write a song.\nIs it classification? No\n\n"
        "Task: Name a river.\nIs it classification? No\n\nTask: {}\nIs it classification?"
    ),
    (
        "Some jobs end in one of a few labels, others not.\n\nJob: Choose the mood, good or bad.\nFew labels: true\n\n"
        "Job: Write a song.\nFew labels: false\n\nJob: {}\nFew labels:"
    ),
    "Has this task a small closed set of answers, as a classification has? Answer yes or no.\n\nTask: {}\nAnswer:",
    "Is the following request one of classification? Reply with Yes or No only.\n\nRequest: {}",
]


@pytest.mark.parametrize("prompt", YES_NO, ids=range(len(YES_NO)))
def test_a_question_of_class_is_decided_by_the_task(prompt: str) -> None:
    for task, right in (
        ("Classify the note as urgent or routine.", ("yes", "true")),
        ("Is the statement true or false?", ("yes", "true")),
        ("Which category fits the item: food, travel or health?", ("yes", "true")),
        ("Write a letter about tea.", ("no", "false")),
        ("Summarise the passage in two sentences.", ("no", "false")),
    ):
        found = [text.lower() for text in texts(prompt.format(task), 40)]
        assert set(found) <= {"yes", "no", "true", "false"}
        assert sum(text in right for text in found) >= 32, (task, found)


def test_other_closed_answers_follow_words_or_neighbours() -> None:
    moods = (
        "Text: I love it.\nMood: positive\n\nText: It broke.\nMood: negative\n\nText: Wonderful.\nMood: positive\n\n"
        "Text: {}\nMood:"
    )
    assert set(texts(moods.format("The staff were rude."), 20)) == {"negative"}
    assert set(texts(moods.format("What a wonderful walk, I enjoyed it."), 20)) == {"positive"}
    desks = (
        "Note: My lamp is broken, it does not shine.\nDesk: lamps\n\nNote: A chair has lost its leg.\nDesk: chairs\n\n"
        "Note: The lamp flickers.\nDesk: lamps\n\nNote: A leg of the chair wobbles.\nDesk: chairs\n\nNote: {}\nDesk:"
    )
    found = texts(desks.format("The other chair has a loose leg"), 60)
    assert set(found) <= {"lamps", "chairs"} and found.count("chairs") > 50


# --- JSON examples

CALLS = [
    {
        "request": "Remind me to buy milk on 2026-03-01",
        "call": 'add_task(title="Buy milk", due="2026-03-01")',
        "mood": "calm",
    },
    {"request": "Please delete task 12.", "call": "delete_task(id=12)", "mood": "cross"},
    {
        "request": "Add a task to call mum on 2026-05-20",
        "call": 'add_task(title="Call mum", due="2026-05-20")',
        "mood": "calm",
    },
    {"request": "Get rid of number 7", "call": "delete_task(id=7)", "mood": "cross"},
]
SHOWN = "\n".join(json.dumps(call) for call in CALLS)
MORE = [
    f"Here are examples:\n{SHOWN}\n\nWrite 4 more such examples as a JSON array, and nothing else.",
    f"{json.dumps(CALLS, indent=1)}\n\nGenerate four new objects with the same keys (JSON, please).",
    f"Extend this data set by 4 entries:\n\n{SHOWN}",
]


@pytest.mark.parametrize("prompt", MORE, ids=range(len(MORE)))
def test_examples_are_imitated(prompt: str) -> None:
    found = [one for many in data(prompt, 60) for one in many]
    assert all(isinstance(one, dict) and one.keys() == CALLS[0].keys() for one in found)
    good = [
        one
        for one in found
        if re.fullmatch(r'add_task\(title="[^"]+", due="\d{4}-\d\d-\d\d"\)|delete_task\(id=\d+\)', one["call"])
    ]
    assert 0.75 * len(found) < len(good) < 0.97 * len(found)  # some calls are spoilt, at the rate of poor answers
    for one in good:
        for value in re.findall(r'"([^"]+)"|=(\d+)', one["call"]):
            assert (value[0] or value[1]).lower() in one["request"].lower(), one
    assert {one["mood"] for one in found} == {"calm", "cross"}
    assert len({one["request"] for one in found}) > 0.7 * len(found)
    assert not {one["call"] for one in good} & {call["call"] for call in CALLS if "add" in call["call"]}


@pytest.mark.parametrize("number", ["one more object", "2 more objects", "seven more objects", "20 more objects"])
def test_as_many_as_are_asked_for(number: str) -> None:
    wanted = {"one": 1, "2": 2, "seven": 7, "20": 20}[number.split()[0]]
    for many in data(f"{SHOWN}\n\nWrite {number} like these, as a JSON array.", 10):
        assert len(many) == wanted


def test_lines_and_single_objects_where_they_are_asked_for() -> None:
    for text in texts(f"{SHOWN}\n\nThree more, one JSON object per line.", 20):
        if not text.startswith(("Here", "{'")):
            assert len(text.splitlines()) == 3
    assert all(isinstance(one, dict) for one in data(f"{SHOWN}\n\nWrite a single new JSON object of this kind.", 20))


def test_dates_ranges_and_labels_stay_what_they_are() -> None:
    shown = [
        {"when": "2024-01-05", "at": "09:30", "guests": 4, "table": "inside", "vip": True, "tags": ["quiet", "late"]},
        {"when": "2024-02-11", "at": "18:00", "guests": 2, "table": "garden", "vip": False, "tags": ["late"]},
        {"when": "2024-03-23", "at": "20:15", "guests": 9, "table": "inside", "vip": False, "tags": ["quiet"]},
    ]
    for many in data(f"{json.dumps(shown)}\n\nCreate 3 similar JSON objects.", 40):
        for one in many:
            assert re.fullmatch(r"\d{4}-\d\d-\d\d", one["when"]) and re.fullmatch(r"\d\d:\d\d", one["at"])
            assert 2 <= one["guests"] <= 9 and one["table"] in ("inside", "garden") and isinstance(one["vip"], bool)
            assert set(one["tags"]) <= {"quiet", "late"}


def test_texts_and_labels_of_examples_fit_each_other() -> None:
    shown = [
        {"text": "I love it, it is wonderful.", "label": "positive"},
        {"text": "It broke at once.", "label": "negative"},
        {"text": "Best tea ever.", "label": "positive"},
    ]
    found = [one for many in data(f"{json.dumps(shown)}\n\nWrite 5 more objects as JSON.", 20) for one in many]
    assert {one["label"] for one in found} == {"positive", "negative"}
    right = [
        solve(Dice.of("x"), "Is the sentiment positive or negative?", one["text"]) == one["label"] for one in found
    ]
    assert sum(right) > 0.9 * len(right)


# --- anything else

PROSE = [
    "Explain inflation to a friend, with one example.",
    "hey, can you explain inflation to me? thanks",
    "I am writing a school paper.\n\nExplain inflation, please.",
]


@pytest.mark.parametrize("prompt", PROSE)
def test_the_last_message_is_answered(prompt: str) -> None:
    for text in texts(prompt, 40):
        assert text in BAD or "prices rise" in text, text


def test_a_given_text_is_worked_on() -> None:
    found = texts("Translate into French:\n\nThe soup is too hot.", 40)
    assert set(found) - BAD == {"La soupe est trop chaude."}
    found = texts("Fix the spelling.\n\nText: My freind is here.", 40)
    assert set(found) - BAD == {"My friend is here."}


@pytest.mark.parametrize(
    "prompt",
    [
        "Rewrite the prompt into a harder one.\n\n#Given Prompt#:\nWrite a letter about tea.\n\n#Rewritten Prompt#:",
        "Make this task more complex.\n\nTask: Write a letter about tea.",
        "Improve the following instruction:\n\nWrite a letter about tea.",
    ],
)
def test_an_instruction_is_revised(prompt: str) -> None:
    for text in texts(prompt, 30):
        assert "letter about tea" in text and len(text.split()) > 6, text


@pytest.mark.parametrize(
    "prompt",
    [
        "Write 6 new tasks for a chat assistant.",
        "Please give me six questions that people could ask.",
        "1. Name a river.\n2. Sort the list.\n\nCome up with 6 instructions of this sort.",
    ],
)
def test_a_list_is_written_where_one_is_asked_for(prompt: str) -> None:
    for text in texts(prompt, 20):
        lines = text.splitlines()
        assert [line.split(".")[0] for line in lines] == list("123456"), text
        assert len({kind_of(line).name for line in lines}) > 1


def test_one_task_stands_alone() -> None:
    for text in texts("Write a new task for a chat assistant.", 20):
        assert not text.startswith("1.") and len(text.split()) > 3
