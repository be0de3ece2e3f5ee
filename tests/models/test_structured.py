"""Structured answers at their edges: schemas never met, answers that are no object, schemas that are none."""

import asyncio
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import pytest
from calls_kit import calls, context, outcome
from pydantic import BaseModel, RootModel

import synthkit as sk
from synthkit.errors import AnswerError, ConfigError, PipelineError, RecordError
from synthkit.generators import Rows
from synthkit.models.journal import Journal
from synthkit.models.nulls import without_nulls
from synthkit.models.structured import conform, json_schema, native, read
from synthkit.testing import LoopbackServer, Reply, steady

Serve = Callable[..., LoopbackServer]
PRICES = "[prices.m]\ninput = 1\noutput = 10\n"


class Score(BaseModel):
    reason: str
    score: int


class Judge(sk.Prompt):
    """Scores a text."""

    template = "Score {{ text }}"
    Out: ClassVar[Any] = Score


ROWS = Rows([{"text": f"text {n}"} for n in range(3)])


def ask(project: Path, answer: Any, messages: Any = "Say it.", **options: Any) -> Any:
    async def main() -> Any:
        async with calls(project) as models:
            return await outcome(context(models).ask("m", messages, answer=answer, **options))

    return asyncio.run(main())


def test_a_schema_never_met_fails_the_record_with_each_attempt_kept_and_charged(serve: Serve, project: Path) -> None:
    server = serve(answer=lambda request: '{"reason": "because", "score": "very high"}')
    with (project / "synthkit.toml").open("a") as file:
        file.write(PRICES)
    result = (sk.Pipeline("p") >> ROWS >> Judge("m")).run(max_failures="100%")
    assert [(r["kind"], r["reason"]) for r in result.rejected] == [("failed", "unfit answer")] * 3
    said = "score: Input should be a valid integer, unable to parse string as an integer"
    assert all(r["message"] == said for r in result.rejected)
    assert server.count == server.answered == 9, "the question, and two repairs, for each of three"
    bodies = [json.loads(entry.data["body"]) for entry in entries(project)]
    assert len(bodies) == 9
    used = [body["usage"] for body in bodies]
    cost = sum(Decimal(u["prompt_tokens"]) + 10 * Decimal(u["completion_tokens"]) for u in used) / 1_000_000
    assert result.cost == pytest.approx(float(cost))
    assert sum(Decimal(str(r["cost"])) for r in result.rejected) == pytest.approx(cost)
    assert len(server.requests[-1].body["messages"]) == 5


def entries(project: Path) -> list[Any]:
    """What the journal holds."""

    async def main() -> list[Any]:
        journal = Journal(project / ".synthkit" / "journal", read_only=True)
        try:
            return [entry for entry in journal.scan() if entry.kind == "answer"]
        finally:
            await journal.close()

    return asyncio.run(main())


def test_an_answer_of_repairs_costs_what_all_its_attempts_cost(serve: Serve, project: Path) -> None:
    server = serve(answer=lambda request: '{"score": 4}' if request.number < 2 else '{"reason": "x", "score": 4}')
    with (project / "synthkit.toml").open("a") as file:
        file.write(PRICES)
    answer = ask(project, Score)
    assert server.count == 3
    bodies = [json.loads(entry.data["body"])["usage"] for entry in entries(project)]
    assert answer.usage.input == sum(u["prompt_tokens"] for u in bodies)
    assert answer.usage.output == sum(u["completion_tokens"] for u in bodies)
    assert answer.cost == pytest.approx((answer.usage.input + 10 * answer.usage.output) / 1_000_000)
    assert ask(project, Score).cost == answer.cost and server.count == 3


# answers that are no object


class Numbers(RootModel[list[int]]):
    pass


@pytest.mark.parametrize("structured", ["native", "prompt"])
def test_a_list_is_put_into_an_object_where_it_is_asked_for_natively(
    serve: Serve, project: Path, structured: str
) -> None:
    said = '{"answer": [1, 2]}' if structured == "native" else "[1, 2]"
    server = serve(answer=lambda request: said)
    with (project / "synthkit.toml").open("a") as file:
        file.write(f'structured = "{structured}"\n')
    assert ask(project, Numbers).data == Numbers([1, 2])
    assert ask(project, {"type": "array", "items": {"type": "integer"}}).data == [1, 2]
    form = server.requests[1].body.get("response_format")
    assert (form is None) == (structured == "prompt")
    if form is not None:
        assert form["json_schema"]["schema"]["properties"] == {
            "answer": {"type": "array", "items": {"type": "integer"}}
        }


def test_references_to_the_root_follow_it_into_the_object() -> None:
    tree = {"type": "array", "items": {"anyOf": [{"type": "string"}, {"$ref": "#"}, {"$ref": "#/items/anyOf/0"}]}}
    made = native(tree)
    ways = made["properties"]["answer"]["items"]["anyOf"]
    assert ways[1:] == [{"$ref": "#/properties/answer"}, {"$ref": "#/properties/answer/items/anyOf/0"}]
    conform({"answer": ["a", ["b"]]}, made)
    assert native({"type": "object", "properties": {"a": {"$ref": "#"}}})["properties"] == {"a": {"$ref": "#"}}


# nulls


SCHEMA = {
    "type": "object",
    "properties": {
        "a": {"type": "string"},
        "b": {"type": ["string", "null"]},
        "c": {"$ref": "#/$defs/c"},
        "d": {"type": "array", "items": {"$ref": "#/$defs/c"}},
        "e": {"oneOf": [{"$ref": "#/$defs/c"}, {"type": "array", "prefixItems": [{"$ref": "#/$defs/c"}]}]},
        "f": {"type": "object", "additionalProperties": {"$ref": "#/$defs/c"}},
        "g": {"allOf": [{"$ref": "#/$defs/c"}, {"properties": {"y": {"type": "string"}}}]},
    },
    "required": ["b"],
    "$defs": {"c": {"type": "object", "properties": {"x": {"enum": [1, 2]}, "free": {}}}},
}


@pytest.mark.parametrize(
    ("value", "left"),
    [
        ({"a": None, "b": None, "z": None}, {"b": None, "z": None}),
        ({"c": {"x": None, "free": None}}, {"c": {"free": None}}),
        ({"d": [{"x": None}, {"x": 1}, None]}, {"d": [{}, {"x": 1}, None]}),
        ({"e": {"x": None}}, {"e": {}}),
        ({"e": [{"x": None}]}, {"e": [{}]}),
        ({"f": {"any": {"x": None}, "null": None}}, {"f": {"any": {}, "null": None}}),
        ({"g": {"x": None, "y": None}}, {"g": {}}),
        ("text", "text"),
        (None, None),
    ],
)
def test_nulls_of_what_is_left_out_are_taken_out(value: Any, left: Any) -> None:
    assert without_nulls(value, SCHEMA) == left


def test_of_alternatives_the_one_that_fits_without_nulls_is_meant() -> None:
    number = {"type": "object", "properties": {"v": {"type": "integer"}, "w": {"type": ["string", "null"]}}}
    text = {"type": "object", "properties": {"v": {"type": "string"}, "w": {"type": "string"}}}
    for ways in ([number, text], [text, number]):
        schema = {"anyOf": [{**way, "required": ["v"]} for way in ways]}
        assert without_nulls({"v": "x", "w": None}, schema) == {"v": "x"}
        assert without_nulls({"v": 1, "w": None}, schema) == {"v": 1, "w": None}


def test_schemas_that_go_in_circles_end() -> None:
    circle = {"properties": {"a": {"$ref": "#/$defs/x"}}, "$defs": {"x": {"anyOf": [{"$ref": "#/$defs/x"}]}}}
    with pytest.raises(RecursionError):
        conform({"a": {}}, circle)
    assert without_nulls({"a": {"b": 1}}, circle) == {"a": {"b": 1}}


# what models write


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"reason": "x", "score": NaN}', "the answer is not JSON"),
        ('{"reason": "x", "score": Infinity}', "the answer is not JSON"),
        ('{"reason": ' + "[" * 5_000 + "]" * 5_000 + ', "score": 1}', ""),
        ('{"reason": "x", "score": 1' + "0" * 5_000 + "}", ""),
        ("null", "Score: Input should be"),
        ('"text"', "Score: Input should be"),
    ],
)
def test_rough_answers_are_unfit_and_no_more(text: str, said: str) -> None:
    with pytest.raises(AnswerError) as caught:
        read(text, Score)
    assert str(caught.value).startswith(said)


def test_a_deep_answer_to_a_deep_schema_is_unfit() -> None:
    tree = {"type": "object", "properties": {"a": {"$ref": "#"}}}
    deep = '{"a": ' * 900 + "{}" + "}" * 900
    with pytest.raises(AnswerError, match="the answer is nested too deeply"):
        read(deep, tree)
    assert read('{"a": ' * 20 + "{}" + "}" * 20, tree)["a"]["a"]


def test_the_error_of_a_union_names_what_is_nearest() -> None:
    schema = {"anyOf": [{"type": "string"}, {"type": "object", "properties": {"a": {"type": "integer"}}}]}
    with pytest.raises(AnswerError, match=r"^\$\.a: 'x' is not of type 'integer'"):
        conform({"a": "x"}, schema)


# conversations


def test_words_about_a_schema_go_behind_what_another_has_said(serve: Serve, project: Path) -> None:
    server = serve(answer=lambda request: '{"reason": "x", "score": 4}')
    with (project / "synthkit.toml").open("a") as file:
        file.write('structured = "prompt"\n')
    asked = [{"role": "user", "content": "Score it."}, {"role": "assistant", "content": "I would say"}]
    assert ask(project, Score, asked).data.score == 4
    messages = server.requests[0].body["messages"]
    assert messages[:2] == asked and messages[2]["role"] == "user"
    assert messages[2]["content"].startswith("Answer with one JSON value that fits this JSON schema")


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ([], "there is no message to ask a model with: give one"),
        (["Hello"], "Hello is no message: write {'role': 'user', 'content': …}"),
        ([{"content": "Hello"}], "{'content': 'Hello'} is no message"),
    ],
)
def test_what_is_no_conversation_is_named(serve: Serve, project: Path, messages: Any, said: str) -> None:
    server = serve()
    error = ask(project, None, messages)
    assert type(error) is RecordError and error.reason == "messages" and str(error).startswith(said)
    assert server.count == 0


def test_an_empty_answer_is_answered_in_its_turn(serve: Serve, project: Path) -> None:
    server = serve(answer=lambda request: "" if request.number == 0 else '{"reason": "x", "score": 4}')
    assert ask(project, Score).data.score == 4
    assert server.requests[1].body["messages"][1] == {"role": "assistant", "content": "(nothing)"}


# schemas that are none, or that a model cannot promise


class Odd(BaseModel):
    call: Callable[[], int]


class Mapped(BaseModel):
    scores: dict[str, int]


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "text"}, "a schema for answers is no JSON schema: $.type: 'text' is not valid under any"),
        ({"properties": []}, "a schema for answers is no JSON schema: $.properties: [] is not of type 'object'"),
        ({"enum": {1, 2}}, "a schema for answers is no JSON schema: Object of type set is not JSON serializable"),
        ({"$ref": "#/$defs/x"}, "a schema for answers refers to '#/$defs/x', which it does not hold: put it in"),
        ({"items": {"$ref": "http://127.0.0.1:9/x"}}, "a schema for answers refers to 'http://127.0.0.1:9/x', which"),
        (Odd, "Odd has no JSON schema, so no model can be asked for it: Cannot generate a JsonSchema for"),
    ],
)
def test_what_is_no_schema_is_named_before_anything_is_asked(
    serve: Serve, project: Path, schema: Any, said: str
) -> None:
    server = serve()
    error = ask(project, schema)
    assert type(error) is ConfigError and str(error).startswith(said)
    assert server.count == 0


def test_what_a_schema_refers_to_is_never_fetched() -> None:
    with LoopbackServer(steady) as server:
        with pytest.raises(RecordError, match="which it does not hold: put it in"):
            conform({}, {"$ref": f"{server.url}/models"})
        assert server.count == 0 and not server.by_fault


class Scoring(sk.Prompt):
    """Asks for free names."""

    template = "Score {{ text }}"
    Out: ClassVar[Any] = Mapped


@pytest.mark.parametrize("ref", ["openai/gpt-4.1", "openai-responses/gpt-4.1"])
def test_a_schema_that_a_model_cannot_promise_is_refused_by_the_check(project: Path, ref: str) -> None:
    with pytest.raises(PipelineError) as caught:
        (sk.Pipeline("p") >> ROWS >> Scoring(ref)).run()
    assert str(caught.value) == (
        f"scoring: {ref} cannot promise answers of this schema: the field `scores` is a mapping with free names: name "
        'its fields, or make it a list of pairs; or set structured = "prompt" in its table of synthkit.toml, and the '
        "schema goes into the prompt"
    )


def test_other_services_and_prompts_take_it(serve: Serve, project: Path) -> None:
    server = serve(answer=lambda request: '{"scores": {"a": 1}}')
    result = (sk.Pipeline("p") >> ROWS >> Scoring("m")).run()
    assert [r["scores"] for r in result.accepted] == [{"a": 1}] * 3
    sent = server.requests[0].body["response_format"]["json_schema"]
    assert sent == {"name": "answer", "strict": False, "schema": json_schema(Mapped)}
    assert sent["schema"]["properties"]["scores"]["additionalProperties"] == {"type": "integer"}
    with (project / "synthkit.toml").open("a") as file:
        file.write('[models.own]\nuse = "openai/gpt-4.1"\nstructured = "prompt"\n')
    assert sk.Pipeline("p").parts == () and (sk.Pipeline("p") >> ROWS >> Scoring("own")).parts


def test_closing_a_schema_leaves_values_alone() -> None:
    class Out(BaseModel):
        free: dict[str, Any] = {"type": "object", "properties": {}}
        properties: str = "properties"

    made = json_schema(Out)
    assert made["additionalProperties"] is False
    assert made["properties"]["free"]["default"] == {"type": "object", "properties": {}}
    assert made["properties"]["free"]["additionalProperties"] is True
    assert list(made["properties"]) == ["free", "properties"]


def test_several_answers_and_their_tokens_come_with_the_answer(serve: Serve, project: Path) -> None:
    serve(answer=lambda request: f"answer {request.choice}")
    answer = ask(project, None, n=3, logprobs=True, top_logprobs=2)
    assert (answer.text, answer.others) == ("answer 0", ("answer 1", "answer 2"))
    assert [token.text for token in answer.logprobs] == ["answer", " 0"]
    assert [len(token.top) for token in answer.logprobs] == [2, 2]
    again = ask(project, None, n=3, logprobs=True, top_logprobs=2)
    assert again.journaled and again.logprobs == answer.logprobs and again.others == answer.others


def test_reasoning_is_kept_apart_from_the_answer(serve: Serve, project: Path) -> None:
    server = serve(answer=lambda request: '<think>Is {"score": 1} fair?</think>{"reason": "x", "score": 4}')
    answer = ask(project, Score)
    assert answer.data.score == 4 and answer.reasoning == 'Is {"score": 1} fair?'
    assert answer.text == '{"reason": "x", "score": 4}'
    assert server.count == 1
    serve("other", answer=lambda request: Reply(text="Four.", reasoning="Two and two."))
    assert ask(project, None).text
