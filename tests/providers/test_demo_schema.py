"""The demo model fills JSON schemas: validly, and with what the names of fields mean."""

import json
import re
from typing import Any, Literal

import jsonschema
import pytest
from demo_kit import data, texts
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from synthkit.providers.demo.dice import Dice
from synthkit.providers.demo.patterns import fitting
from synthkit.providers.demo.roles import role_of
from synthkit.providers.demo.scene import Scene
from synthkit.providers.demo.schema import Filler
from synthkit.providers.demo.tasks import POOR_ANSWERS, closed, solve

BAD = {text for kind in POOR_ANSWERS for text in kind}
NAMES = st.sampled_from(
    [
        "instruction",
        "input",
        "output",
        "answer",
        "question",
        "rationale",
        "score",
        "label",
        "category",
        "title",
        "name",
        "city",
        "date",
        "email",
        "age",
        "year",
        "price",
        "steps",
        "tags",
        "items",
        "value",
        "is_good",
        "x_1",
        "text",
        "rejected",
        "options",
        "persona",
        "finalAnswer",
        "user-query",
    ]
)
INTS = st.integers(-50, 50)


def bounded(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.tuples(INTS, st.integers(0, 60)).map(lambda t: {"type": kind, "minimum": t[0], "maximum": t[0] + t[1]})


PLAIN = ({"type": kind} for kind in ("string", "integer", "number", "boolean", "null"))
FORMATS = ({"type": "string", "format": form} for form in ("date", "date-time", "email", "uri", "uuid", "ipv4"))
PATTERNS = (r"^[A-Z]{3}-\d{4}$", r"^\d+$", r"^(yes|no)$", r"^[a-z_]{2,8}$", r"^#[0-9a-f]{6}$", r"\w+@\w+\.(com|org)")
STEPS = ({"type": "number", "multipleOf": step, "minimum": -20, "maximum": 80} for step in (1, 2, 5, 10, 0.5, 0.25))
LEAVES = st.one_of(
    st.sampled_from([*PLAIN, *FORMATS, *STEPS, {"type": ["string", "null"]}, {"type": "integer", "multipleOf": 3}]),
    st.sampled_from(PATTERNS).map(lambda pattern: {"type": "string", "pattern": pattern}),
    st.tuples(st.integers(0, 60), st.integers(0, 200)).map(
        lambda t: {"type": "string", "minLength": t[0], "maxLength": t[0] + t[1]}
    ),
    bounded("integer"),
    bounded("number"),
    st.tuples(INTS, st.integers(2, 40)).map(
        lambda t: {"type": "integer", "exclusiveMinimum": t[0], "exclusiveMaximum": t[0] + t[1]}
    ),
    st.lists(st.one_of(st.text(min_size=1, max_size=8), INTS, st.booleans()), min_size=1, max_size=4).map(
        lambda options: {"enum": options}
    ),
    st.one_of(st.text(max_size=5), INTS).map(lambda value: {"const": value}),
)


def objects(parts: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    required = st.sets(st.sampled_from(sorted(parts)) if parts else st.nothing())
    return required.map(
        lambda names: {
            "type": "object",
            "properties": parts,
            "required": sorted(names),
            "additionalProperties": False,
        }
    )


def nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.dictionaries(NAMES, inner, max_size=5).flatmap(objects),
        st.tuples(inner, st.integers(0, 4), st.integers(0, 4)).map(
            lambda t: {"type": "array", "items": t[0], "minItems": t[1], "maxItems": t[1] + t[2]}
        ),
        st.lists(inner, min_size=1, max_size=3).map(lambda branches: {"anyOf": [*branches, {"type": "null"}]}),
        inner.map(lambda part: {"allOf": [part]}),
        inner.map(lambda part: {"type": "object", "additionalProperties": part, "minProperties": 1}),
        st.lists(inner, min_size=1, max_size=3).map(
            lambda parts: {"type": "array", "prefixItems": parts, "minItems": len(parts), "items": False}
        ),
    )


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(st.recursive(LEAVES, nested, max_leaves=10), st.text(max_size=200), st.integers(0, 1000))
def test_instances_validate(schema: dict[str, Any], prompt: str, seed: int) -> None:
    value = Filler(Dice.of(str(seed)), Scene([{"role": "user", "content": prompt}]), schema).fill()
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    jsonschema.Draft202012Validator(schema, format_checker=checker).validate(json.loads(json.dumps(value)))


class Step(BaseModel):
    text: str = Field(min_length=5, max_length=80)
    minutes: int = Field(gt=0, lt=60)


class Comment(BaseModel):
    body: str
    replies: list["Comment"] = Field(max_length=3)
    parent: "Comment | None" = None


class Recipe(BaseModel):
    """A recipe."""

    title: str
    difficulty: Literal["easy", "hard"]
    code: str = Field(pattern=r"^[A-Z]{2}\d{3}$")
    steps: list[Step] = Field(min_length=2, max_length=5)
    comments: list[Comment]
    rating: float = Field(ge=0, le=1)
    source: str | None
    sizes: tuple[int, int]
    by_unit: dict[str, float]


def test_pydantic_models_validate() -> None:
    schema = Recipe.model_json_schema()
    for value in data("Write a recipe.", 150, schema):
        made = Recipe.model_validate(value)
        assert len(made.steps) >= 2 and made.sizes


PROMPTS = [
    "Write {} new tasks with inputs and outputs.",
    "I need training data. Please come up with {} examples: what is asked, what is given, and what to reply.",
    "Give me {} diverse exercises for an assistant!",
]
TASKS = {
    "type": "object",
    "properties": {
        "items": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {key: {"type": "string"} for key in ("instruction", "input", "output")},
                "required": ["instruction", "input", "output"],
            },
        }
    },
    "required": ["items"],
}


@pytest.mark.parametrize("prompt", PROMPTS)
@pytest.mark.parametrize("count", ["3", "seven", "a dozen"])
def test_arrays_are_as_long_as_asked_for_and_items_belong_together(prompt: str, count: str) -> None:
    number = {"3": 3, "seven": 7, "a dozen": 12}[count]
    for value in data(prompt.format(count), 40, TASKS):
        assert len(value["items"]) == number
        for item in value["items"]:
            if closed(item["instruction"]):
                right = solve(Dice.of("x"), item["instruction"], item["input"])
                assert item["input"] and item["output"] in (right, *BAD)


def test_the_same_schema_quoted_in_the_prompt_is_filled_too() -> None:
    for words in (
        "Answer with one JSON value that fits this JSON schema, and with nothing else: no explanation.\n{}",
        "Output format:\n```json\n{}\n```",
        "Here is the schema of your reply: {} Do not add fields.",
    ):
        prompt = f"Write 2 new tasks.\n\n{words.format(json.dumps(TASKS))}"
        for value in data(prompt, 20):
            jsonschema.validate(value, TASKS)
            assert len(value["items"]) == 2


@pytest.mark.parametrize(
    "prompt",
    [
        'Judge. Reply as JSON: {"reason": "...", "score": "<1-10>"}\n\nQuestion: Name a river.\nAnswer: The river Po.',
        'Judge. As JSON: {"reason": <text>, "score": <1-10>}\n\nQuestion: Name a river.\nAnswer: The river Po.',
        "Judge it from 1 to 10. Return a JSON object with the keys `reason` and `score`.\n\nQuestion: Name a river.\n"
        "Answer: The river Po.",
    ],
)
def test_keys_that_are_only_shown_or_named_are_filled(prompt: str) -> None:
    for value in data(prompt, 30):
        assert value.keys() == {"reason", "score"}
        assert isinstance(value["reason"], str) and 5 <= int(value["score"]) <= 10


def one(schema: dict[str, Any], name: str) -> dict[str, Any]:
    return {"type": "object", "properties": {name: schema}, "required": [name]}


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("date", r"\d{4}-\d\d-\d\d"),
        ("dueDate", r"\d{4}-\d\d-\d\d"),
        ("author_email", r"[\w.]+@example\.org"),
        ("website", r"https://.+"),
        ("customer", r"[A-Z]\w+ [A-Z]\w+"),
        ("city", r"[A-Z]\w+"),
        ("task_id", r"[0-9a-f]{8}"),
        ("language", r"[A-Z][a-z]+"),
        ("topic", r".{3,90}"),
        ("difficulty", r"(?i)easy|medium|hard"),
    ],
)
def test_texts_look_like_what_their_field_is_called(name: str, pattern: str) -> None:
    for value in data("Make something up.", 20, one({"type": "string"}, name)):
        assert re.fullmatch(pattern, value[name]), value


def test_numbers_are_plausible() -> None:
    assert all(18 <= value["age"] <= 90 for value in data("A person.", 20, one({"type": "integer"}, "age")))
    assert all(1950 <= value["year"] <= 2025 for value in data("A film.", 20, one({"type": "integer"}, "year")))


def test_labels_come_from_the_enum_the_description_or_the_prompt_and_texts_fit_them() -> None:
    schema = {
        "type": "object",
        "properties": {"review": {"type": "string"}, "sentiment": {"enum": ["positive", "negative"]}},
        "required": ["review", "sentiment"],
    }
    found = data("Make up a review.", 60, schema)
    assert {value["sentiment"] for value in found} == {"positive", "negative"}
    told = [solve(Dice.of("x"), "Is the sentiment positive or negative?", value["review"]) for value in found]
    assert sum(a == value["sentiment"] for a, value in zip(told, found, strict=True)) > 0.9 * len(found)
    described = one({"type": "string", "description": "one of calm, cross or tired"}, "kind")
    assert {value["kind"] for value in data("Invent a guest.", 60, described)} == {"calm", "cross", "tired"}
    asked = "Classify the review as positive or negative.\n\nReview: The staff were rude and it broke."
    assert {value["label"] for value in data(asked, 30, one({"type": "string"}, "label"))} == {"negative"}
    enum = one({"enum": ["sports", "politics"]}, "category")
    news = "Text: The team scored twice in the final, and the coach praised the training."
    assert {value["category"] for value in data(f"Which section is it?\n\n{news}", 30, enum)} == {"sports"}


def test_a_task_of_the_prompt_is_answered_not_replaced() -> None:
    schema = one({"type": "string"}, "answer")
    for prompt in (
        "Instruction: Explain inflation.",
        "Solve this task:\n\nExplain inflation to a friend.",
        'Here is a record: {"instruction": "Explain inflation.", "input": ""}. Solve it.',
    ):
        for value in data(prompt, 40, schema):
            assert value["answer"] in BAD or "prices rise" in value["answer"], value


def test_a_chosen_answer_beats_a_rejected_one() -> None:
    schema = {
        "type": "object",
        "properties": {"chosen": {"type": "string"}, "rejected": {"type": "string"}},
        "required": ["chosen", "rejected"],
    }
    for value in data("Task: Explain inflation.", 40, schema):
        assert value["rejected"] in BAD


def test_a_question_about_a_task_and_a_harder_task() -> None:
    asked = "Ask one clarifying question about this task:\n\nWrite a letter about rainwater barrels."
    for value in data(asked, 20, one({"type": "string", "description": "one sentence"}, "question")):
        assert value["question"].endswith("?")
    harder = "Evolve this instruction into a harder one.\n\nInstruction: Write a letter about rainwater barrels."
    for value in data(harder, 20, one({"type": "string"}, "instruction")):
        assert "letter about rainwater barrels" in value["instruction"] and len(value["instruction"]) > 50


def test_questions_about_a_passage_are_about_it() -> None:
    pair = {"type": "object", "properties": {"question": {"type": "string"}, "answer": {"type": "string"}}}
    schema = {"type": "array", "items": {**pair, "required": ["question", "answer"]}}
    passage = "The windmill was restored in 1999. It now makes flour again. Visitors may climb to the top."
    for many in data(f"Write 2 questions about this passage.\n\nPassage: {passage}", 20, schema):
        for value in many:
            assert value["answer"] in passage or value["answer"] in BAD
            quoted, plain = r"“(.+)”", r"What \w+ (?:the )?(.+?)(?: do)?\?"
            named = re.findall(quoted, value["question"]) or re.findall(plain, value["question"])
            assert named[0] in passage


def test_examples_in_the_prompt_are_imitated_under_a_schema_too() -> None:
    shown = "\n".join(
        json.dumps({"say": f"Remind me to {chore}", "call": f'add(title="{chore}", when="2026-03-0{n}")'})
        for n, chore in enumerate(("buy milk", "call mum", "clean up"), 1)
    )
    schema = {
        "type": "array",
        "items": {"type": "object", "properties": {"say": {"type": "string"}, "call": {"type": "string"}}},
    }
    found = [value for many in data(f"{shown}\n\nWrite 4 more.", 30, schema) for value in many]
    good = [value for value in found if re.fullmatch(r'add\(title="[^"]+", when="\d{4}-\d\d-\d\d"\)', value["call"])]
    assert len(good) > 0.75 * len(found)
    for value in good:
        assert re.findall(r'title="([^"]+)"', value["call"])[0].lower() in value["say"].lower()


@pytest.mark.parametrize("pattern", PATTERNS)
def test_patterns_are_fitted(pattern: str) -> None:
    for number in range(30):
        made = fitting(Dice.of(str(number)), pattern)
        assert made is not None and re.search(pattern, made)


@pytest.mark.parametrize("pattern", ["(", "a(?=b)c", "[", "(a+)+$", "x{999}" * 80])
def test_patterns_that_are_too_much_are_left(pattern: str) -> None:
    made = fitting(Dice.of("0"), pattern)
    assert made is None or re.search(pattern, made)


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("instruction", "instruction"),
        ("finalAnswer", "output"),
        ("INPUT", "input"),
        ("is_classification", "label"),
        ("Class label", "label"),
        ("response_text", "output"),
        ("question_rationale", "rationale"),
        ("Q", "instruction"),
        ("Write a thing", ""),
        ("zzz", ""),
    ],
)
def test_roles_of_names(name: str, role: str) -> None:
    assert role_of(name) == role


def test_the_description_helps_where_the_name_says_nothing() -> None:
    assert role_of("x", "the question that a user asks") == "instruction"
    assert role_of("y", "an answer to it") == "output"


def test_prose_is_no_json_and_json_is_no_prose() -> None:
    assert not any(text.startswith(("{", "[")) for text in texts("Explain what JSON is.", 30))
    assert all(text.lstrip()[:1] in "{H" for text in texts("Explain tides. Reply in JSON only.", 30))
