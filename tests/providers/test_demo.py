"""The demo model as a provider: the same answer to the same question, the body, limits, hostile requests."""

import asyncio
import json
import subprocess
import sys
import time
from collections import Counter
from typing import Any

import pytest
from demo_kit import DEMO, ask, bodies, body, replies, request, texts

from synthkit.core import Endpoint, Request
from synthkit.errors import BrokenBody, CallError, ConfigError
from synthkit.providers.demo import Demo

TASKS = "Come up with a series of tasks:\n\nTask 1: Name a river.\nTask 2: Sort the list.\nTask 3:"
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name"],
}


def test_it_declares_what_it_is() -> None:
    assert Demo.capabilities == {"structured", "tools", "embeddings"} and not Demo.needs_key and Demo.key_env is None
    assert Demo.note.endswith("not for training.") and Demo.note.count(".") == 1
    assert {"temperature", "top_p", "max_tokens", "stop", "presence_penalty", "frequency_penalty"} <= Demo.options


def test_there_are_two_models_and_others_are_unknown() -> None:
    assert Demo.problem("default") is None and Demo.problem("slow") is None
    assert Demo.problem("fast") == "unknown model 'demo/fast': there are demo/default and demo/slow"


def test_the_body_has_the_shape_of_a_chat_completion() -> None:
    raw = json.loads(body("What is the capital of Norway?"))
    assert raw["object"] == "chat.completion" and raw["model"] == "default" and raw["id"].startswith("demo-")
    choice = raw["choices"][0]
    assert choice["message"]["role"] == "assistant" and choice["finish_reason"] == "stop"
    usage, text = raw["usage"], choice["message"]["content"]
    assert usage["completion_tokens"] == -(-len(text.encode()) // 4)
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"] and usage["prompt_tokens"] > 10
    reply = DEMO.parse(json.dumps(raw))
    assert (reply.text, reply.finish, reply.model) == (text, "stop", "default")
    assert (reply.usage.input, reply.usage.output) == (usage["prompt_tokens"], usage["completion_tokens"])


@pytest.mark.parametrize(
    "broken", ["", "<html>", "{}", "[]", '{"choices": []}', '{"choices": [{"message": 3}], "usage": {}}']
)
def test_a_body_of_anything_else_is_broken(broken: str) -> None:
    with pytest.raises(BrokenBody, match="no answer of the demo model"):
        DEMO.parse(broken)


def test_the_same_request_and_sample_give_the_same_bytes() -> None:
    assert body(TASKS, "a") == body(TASKS, "a")
    assert body(TASKS, "a") != body(TASKS, "b")
    assert body(TASKS, "a") != body(TASKS, "a", temperature=0.1)
    assert ask(TASKS, "a").text != ask(TASKS, "a", schema=PERSON).text


ASKED: list[tuple[str, Any]] = [
    (TASKS, None),
    ("Explain inflation.", None),
    ("Write 3 tasks.", {"type": "array", "items": PERSON}),
    ('{"a": "x", "b": "f(1)"}\n{"a": "y", "b": "f(2)"}\nFive more, as JSON.', None),
    (
        "Task: Classify it as good or bad.\nLabel: good\n\nTask: Is it true or false?\nLabel: true\n\nTask: Choose.\n",
        None,
    ),
    ("Rate it from 1 to 5.\n\nQuestion: Why?\nAnswer: Because the sun is hot.", None),
]


def test_another_process_gives_the_same_bytes() -> None:
    code = (
        f"import sys\nsys.path[:0] = {sys.path!r}\nfrom demo_kit import body\n"
        f"sys.stdout.write(ascii([body(prompt, 'x', schema) for prompt, schema in {ASKED!r}]))"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": seed}
        ).stdout
        for seed in ("1", "2")
    }
    assert seen == {ascii([body(prompt, "x", schema) for prompt, schema in ASKED])}


def test_what_was_asked_before_changes_nothing() -> None:
    prompts = [f"Write a letter about {what}." for what in ("tea", "bees", "trains", "bread")]
    alone = [body(prompt) for prompt in prompts]
    together = bodies([request(prompt) for prompt in reversed(prompts)], ["0"] * 4)
    assert alone == together[::-1]


def test_the_slow_model_says_the_same_and_takes_its_time() -> None:
    slow = Demo(Endpoint(settings={"latency": [0.03, 0.05]}))
    asked = request(TASKS)
    begin = time.monotonic()
    raw = asyncio.run(slow.call(asked.replaced(model="slow"), "s"))
    assert time.monotonic() - begin >= 0.03
    fast = json.loads(body(TASKS, "s"))
    assert {**json.loads(raw), "model": "default"} == fast
    assert asyncio.run(Demo(Endpoint(settings={"latency": 0})).call(asked.replaced(model="slow"), "s")) == raw


@pytest.mark.parametrize("latency", [-1, "soon", [0.4, 0.1], [1, 2, 3], True, None])
def test_a_latency_that_is_none_is_refused(latency: Any) -> None:
    with pytest.raises(ConfigError, match="latency"):
        Demo(Endpoint(settings={"latency": latency}))


def test_stop_sequences_end_the_text() -> None:
    whole = ask(TASKS, "5").text
    assert "\nTask 5:" in whole
    cut = ask(TASKS, "5", stop=["\nTask 5:", "never"]).text
    assert "Task 5:" not in cut and "Task 4:" in cut
    for text in texts(TASKS, 30, stop="\n"):
        assert "\n" not in text and text


def test_max_tokens_cuts_and_says_so() -> None:
    for reply in replies(TASKS, 20, max_tokens=10):
        if not reply.refusal:
            assert reply.finish == "length" and len(reply.text.encode()) <= 40 and reply.usage.output <= 10
    assert all(reply.finish == "stop" for reply in replies(TASKS, 20, max_tokens=100_000))
    cyrillic = ask("Ответь: " + "мост " * 50, "1", max_tokens=3)
    assert len(cyrillic.text.encode()) <= 12


@pytest.mark.parametrize(
    "prompt",
    [
        "请写一首关于春天的诗 🌸",
        "اكتب رسالة قصيرة",
        "Что это?\nОтвет:",
        "\ud800 lone",
        "\x00\x01\x02",
        "",
        " \n\t\n ",
        "—",
        "1.",
        ":",
        "Task:\nTask:\nTask:",
        "{" * 50,
        "```json\n```",
    ],
)
def test_any_text_gets_an_answer(prompt: str) -> None:
    for reply in replies(prompt, 5):
        assert reply.text or reply.refusal


HOSTILE = [
    "a" * 100_000,
    "Task: x\n" * 12_000,
    "[" * 100_000,
    '{"a":' * 20_000,
    "Answer in JSON. " + '{"a": "b"} ' * 9_000,
    "".join(f"{n}. entry\n" for n in range(9_000)) + "9000.",
    "Rate from 1 to 5. " * 5_000,
    "Label " * 15_000 + ":",
    ("word " * 40 + ": ?\n") * 400,
    "<" * 50_000 + ">" * 50_000,
    "- " * 50_000,
    "one of a, b, c or d, " * 4_000,
    "add(x=1, y='" * 8_000,
    " " * 100_000,
    "\n" * 100_000,
    "1 to " * 20_000,
    "(" * 50_000 + "a, b or c",
]


@pytest.mark.timeout(30)  # a regex that explodes takes minutes
@pytest.mark.parametrize("prompt", HOSTILE, ids=[prompt[:12].strip() or "blank" for prompt in HOSTILE])
def test_a_prompt_of_100_kb_is_answered(prompt: str) -> None:
    schema = {"type": "object", "properties": {"output": {"type": "string"}, "score": {"type": "integer"}}}
    for asked in (request(prompt), request(prompt, schema)):
        reply = DEMO.parse(asyncio.run(DEMO.call(asked, "0")))
        assert reply.text or reply.refusal


def deep(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        schema = {"type": "object", "properties": {"a": schema}, "required": ["a"]}
    return schema


def wide(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        schema = {"type": "object", "properties": {"a": schema, "b": schema}, "required": ["a", "b"]}
    return schema


TREE = {
    "$defs": {
        "Node": {"type": "object", "properties": {"children": {"type": "array", "items": {"$ref": "#/$defs/Node"}}}}
    },
    "$ref": "#/$defs/Node",
}
ODD_SCHEMAS: list[dict[str, Any]] = [
    deep(300),
    wide(9),
    TREE,
    {"$ref": "#"},
    {"$ref": "#/nowhere"},
    {"allOf": [{"$ref": "#"}, {"$ref": "#"}]},
    {"anyOf": [{"$ref": "#"}, {"$ref": "#"}]},
    {"type": "object", "properties": {"self": {"$ref": "#"}}, "required": ["self"]},
    {"type": "array", "items": {"$ref": "#"}, "minItems": 3},
    {"type": "array", "items": {"type": "string"}, "minItems": 10**9},
    {"type": "string", "minLength": 10**12},
    {"type": "string", "pattern": "(a+)+$" * 50},
    {"type": "string", "pattern": "("},
    {"type": "nonsense"},
    {"properties": 3, "required": 4},
    {"enum": []},
    {"type": "integer", "minimum": 9, "maximum": 1},
    {"type": "integer", "multipleOf": 0},
    {"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 10**6},
    {"type": "object", "properties": {f"f{n}": {"type": "string"} for n in range(2_000)}},
    {},
]


@pytest.mark.timeout(30)
@pytest.mark.parametrize("schema", ODD_SCHEMAS, ids=range(len(ODD_SCHEMAS)))
def test_an_odd_schema_is_answered_or_refused_as_a_request(schema: dict[str, Any]) -> None:
    for sample in range(3):
        try:
            reply = ask("Fill it.", str(sample), schema)
        except CallError as error:
            assert "schema" in str(error)
        else:
            assert reply.text or reply.refusal


def test_conversations_of_all_forms_are_read() -> None:
    parts: list[Any] = [{"role": "user", "content": [{"type": "text", "text": "What is the capital of Kenya?"}]}]
    assert "Nairobi" in " ".join(texts(parts, 10))
    history = [
        {"role": "system", "content": "You are brief."},
        {"role": "user", "content": "What is the capital of Kenya?"},
        {"role": "assistant", "content": "Nairobi."},
        {"role": "user", "content": "And which planet is closest to the sun?"},
    ]
    assert "planet" in " ".join(texts(history, 10)) + "planet"
    odd: list[Any] = [
        [],
        [{"role": "assistant", "content": "x"}],
        [{"role": "user"}],
        [{"role": "system", "content": "Hi"}],
    ]
    for messages in odd:
        assert replies(messages, 2)


def test_temperature_is_taken_and_ignored_by_the_grammar() -> None:
    wild = Counter(
        bool(reply.text) for reply in replies("Name a river.", 20, temperature=2, top_p=0.1, presence_penalty=2)
    )
    assert wild[True] >= 18


def test_a_request_is_all_it_sees() -> None:
    asked = Request("demo", "default", [{"role": "user", "content": TASKS}], {}, None, "somewhere")
    assert asyncio.run(DEMO.call(asked, "0")) != body(TASKS)  # the endpoint is part of the canonical request
