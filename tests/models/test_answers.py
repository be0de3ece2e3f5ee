"""Answers: structured ones, repairs, refusals, and which question is answered from the journal."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest
from calls_kit import calls, context, outcome
from pydantic import BaseModel, Field

from synthkit.errors import AnswerError, ConfigError, ContentFiltered, NotInJournal, RecordError
from synthkit.testing import LoopbackServer, Reply, fresh

Serve = Callable[..., LoopbackServer]


class Score(BaseModel):
    reason: str
    score: int = Field(ge=1, le=5)
    kind: Literal["a", "b"] = "a"


GOOD = '{"reason": "fine", "score": 4}'
SCHEMA = {"type": "object", "properties": {"score": {"type": "integer", "maximum": 5}}, "required": ["score"]}


def ask(project: Path, *texts: str, answer: Any = Score, **options: Any) -> Any:
    async def main() -> Any:
        async with calls(project) as models:
            return await outcome(context(models).ask("m", "Rate it", answer=answer, **options))

    return asyncio.run(main())


def in_turn(*texts: str | Reply) -> Callable[[Any], Any]:
    return lambda request: texts[min(request.number, len(texts) - 1)]


def test_a_schema_goes_out_natively(serve: Serve, project: Path) -> None:
    server = serve(answer=lambda request: GOOD)
    answer = ask(project)
    assert answer.data == Score(reason="fine", score=4)
    assert answer.text == GOOD
    body = server.requests[0].body
    asked = body["response_format"]["json_schema"]
    assert asked["schema"]["properties"]["score"]["maximum"] == 5
    assert asked["schema"]["additionalProperties"] is False
    assert body["messages"] == [{"role": "user", "content": "Rate it"}]


@pytest.mark.parametrize(
    "messages",
    ["Rate it", [{"role": "user", "content": [{"type": "text", "text": "Rate it"}]}]],
    ids=["text", "parts"],
)
def test_a_schema_goes_out_in_words(serve: Serve, project: Path, messages: Any) -> None:
    server = serve(answer=lambda request: GOOD)
    with (project / "synthkit.toml").open("a") as file:
        file.write('structured = "prompt"\n')

    async def main() -> Any:
        async with calls(project) as models:
            return await context(models).ask("m", messages, answer=Score)

    assert asyncio.run(main()).data.score == 4
    body = server.requests[0].body
    assert "response_format" not in body
    content = body["messages"][0]["content"]
    said = content if isinstance(content, str) else content[1]["text"]
    assert said.startswith("Rate it\n\nAnswer with one JSON" if isinstance(content, str) else "Answer with one JSON")
    assert json.loads(said[said.index("{") :])["properties"]["score"]["maximum"] == 5
    assert isinstance(content, str) or content[0] == {"type": "text", "text": "Rate it"}


NEARLY = [
    f"```json\n{GOOD}\n```",
    f"Here you are:\n\n{GOOD}\n\nAnything else?",
    '{"reason": "fine", "score": 4,}',
    "{'reason': 'fine', 'score': 4}",
    '{"reason": "fine", "score": 4',
    '{reason: "fine", score: 4}',
]


@pytest.mark.parametrize("text", NEARLY)
def test_what_is_nearly_json_is_read(serve: Serve, project: Path, text: str) -> None:
    server = serve(answer=lambda request: text)
    assert ask(project).data == Score(reason="fine", score=4)
    assert server.count == 1


def test_an_answer_that_does_not_fit_is_asked_for_again_with_the_error(serve: Serve, project: Path) -> None:
    server = serve(answer=in_turn('{"reason": "x", "score": 9}', "no idea", GOOD))
    answer = ask(project)
    assert answer.data.score == 4
    assert server.count == 3
    assert answer.usage.output > 0
    messages = server.requests[2].body["messages"]
    assert [m["role"] for m in messages] == ["user", "assistant", "user", "assistant", "user"]
    assert messages[1]["content"] == '{"reason": "x", "score": 9}'
    assert messages[2]["content"] == (
        "That answer cannot be used: score: Input should be less than or equal to 5\nAnswer again, with one JSON value "
        "that fits the schema, and nothing else."
    )
    assert messages[4]["content"].startswith("That answer cannot be used: the answer is not JSON\n")


@pytest.mark.parametrize(("repairs", "count"), [(0, 1), (1, 2), (2, 3)])
def test_an_answer_that_never_fits_fails_the_record(serve: Serve, project: Path, repairs: int, count: int) -> None:
    server = serve(answer=lambda request: '{"reason": "x"}')
    error = ask(project, repairs=repairs)
    assert type(error) is AnswerError and error.reason == "unfit answer"
    assert str(error) == "score: Field required"
    assert server.count == count


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("I would say four.", "the answer is not JSON"),
        ("[]", "Score: Input should be a valid dictionary or instance of Score"),
        ("4", "Score: Input should be a valid dictionary or instance of Score"),
        ("", "the answer is not JSON"),
        ('{"reason": 1, "score": "high"}', "reason: Input should be a valid string; score: Input should be a valid"),
        ("[" * 100_000, "the answer is not JSON"),
    ],
    ids=["words", "list", "number", "empty", "two", "deep"],
)
def test_what_is_said_of_an_answer(serve: Serve, project: Path, text: str, said: str) -> None:
    serve(answer=lambda request: Reply(text=text, finish_reason="stop"))
    error = ask(project, repairs=0)
    assert type(error) is AnswerError
    assert str(error).startswith(said)


def test_a_plain_schema_gives_plain_json(serve: Serve, project: Path) -> None:
    server = serve(answer=in_turn('{"score": 7}', '{"score": 3, "more": [1]}'))
    assert ask(project, answer=SCHEMA).data == {"score": 3, "more": [1]}
    assert "$.score: 7 is greater than the maximum of 5" in server.requests[1].body["messages"][2]["content"]


def test_a_refusal_is_an_answer_without_data(serve: Serve, project: Path) -> None:
    server = serve(answer=lambda request: Reply(refusal="I cannot help with that."))
    answer = ask(project)
    assert (answer.data, answer.refusal, answer.text) == (None, "I cannot help with that.", "")
    assert server.count == 1


def test_an_answer_that_the_filter_cut_fails_the_record(serve: Serve, project: Path) -> None:
    server = serve(answer=lambda request: Reply(text="I was", finish_reason="content_filter"))
    error = ask(project, answer=None)
    assert type(error) is ContentFiltered and str(error) == "the content filter of m stopped the answer"
    assert server.count == 1


def gather(project: Path, asking: Callable[[Any], Any]) -> Any:
    async def main() -> Any:
        async with calls(project) as models:
            return await asking(models)

    return asyncio.run(main())


def test_a_shared_answer_is_asked_for_once(serve: Serve, project: Path) -> None:
    server = serve(answer=fresh, latency=0.05)

    async def asking(models: Any) -> list[Any]:
        asked = (context(models, n, f"p{n}", seed=n).ask("m", "The same", share=True) for n in range(20))
        return [*await asyncio.gather(*asked), await context(models, 99).ask("m", "The same", share=True)]

    answers = gather(project, asking)
    assert server.count == 1
    assert len({answer.text for answer in answers}) == 1
    assert [answer.journaled for answer in answers] == [False] + [True] * 20


def test_a_shared_answer_that_fails_fails_all_who_wait_and_is_asked_anew(serve: Serve, project: Path) -> None:
    server = serve(answer=in_turn(Reply(error="bad_request", delay=0.1), "fine"))

    async def asking(models: Any) -> Any:
        first = await asyncio.gather(*(outcome(context(models, n).ask("m", "The same", share=True)) for n in range(3)))
        return first, await context(models, 4).ask("m", "The same", share=True)

    failed, answer = gather(project, asking)
    assert {type(error).__name__ for error in failed} == {"BadRequest"}
    assert answer.text == "fine" and server.count == 2


def test_equal_prompts_of_different_records_paths_and_seeds_are_different_samples(serve: Serve, project: Path) -> None:
    server = serve(answer=fresh)

    async def asking(models: Any) -> list[str]:
        contexts = [context(models, 0), context(models, 1), context(models, 0, "other"), context(models, 0, seed=1)]
        return [(await each.ask("m", "The same")).text for each in contexts]

    texts = gather(project, asking)
    assert len(set(texts)) == server.count == 4
    assert gather(project, asking) == texts
    assert server.count == 4, "a second run asks nothing"


def test_the_same_asked_twice_has_two_answers_whatever_is_asked_between(serve: Serve, project: Path) -> None:
    server = serve(answer=fresh)

    async def asking(models: Any, *between: str) -> tuple[str, str]:
        one = context(models)
        first = await one.ask("m", "The same")
        for text in between:
            await one.ask("m", text)
        return first.text, (await one.ask("m", "The same")).text

    twice = gather(project, asking)
    assert len(set(twice)) == 2
    assert gather(project, lambda models: asking(models, "another", "one more")) == twice
    assert server.count == 4


def test_options_make_another_question_and_equal_numbers_the_same(serve: Serve, project: Path) -> None:
    server = serve(answer=fresh)

    async def asking(models: Any) -> list[str]:
        options = [
            {},
            {"temperature": 1},
            {"temperature": 1.0},
            {"temperature": 0.5},
            {"max_tokens": 700},
            {"stop": "x"},
        ]
        return [(await context(models).ask("m", "The same", **each)).text for each in options]

    texts = gather(project, asking)
    assert texts[1] == texts[2]
    assert len(set(texts)) == server.count == 5
    assert [r.body.get("temperature") for r in server.requests] == [None, 1.0, 0.5, None, None]
    assert [r.body["max_tokens"] for r in server.requests] == [2048, 2048, 2048, 700, 2048]


def test_demands_beat_the_model_s_own_options_and_those_beat_wishes(serve: Serve, project: Path) -> None:
    server = serve(answer=lambda request: "yes")
    with (project / "synthkit.toml").open("a") as file:
        file.write("temperature = 0.3\nmax_tokens = 50\n")

    async def asking(models: Any) -> Any:
        wishes = {"temperature": 0.9, "top_p": 0.5, "mirostat": 3, "seed": None}
        await context(models).ask("m", "Hello", wishes=wishes, max_tokens=9)
        return models.services["m"].refused

    assert gather(project, asking) == {"mirostat"}, "a wish that is not taken is dropped, and noted"
    body = server.requests[0].body
    assert (body["temperature"], body["top_p"], body["max_tokens"]) == (0.3, 0.5, 9)


def test_a_demand_that_is_not_taken_stops_the_run(serve: Serve, project: Path) -> None:
    server = serve()
    error = ask(project, mirostat=3)
    assert type(error) is ConfigError
    assert str(error).startswith(
        "m takes no option 'mirostat': it takes extra, frequency_penalty, logprobs, max_tokens, "
    )
    assert server.count == 0


def test_two_asks_at_once_on_one_context_are_refused(serve: Serve, project: Path) -> None:
    serve(answer=lambda request: "yes")

    async def asking(models: Any) -> Any:
        one = context(models)
        return await asyncio.gather(one.ask("m", "a"), one.ask("m", "b"), return_exceptions=True)

    first, second = gather(project, asking)
    assert first.text == "yes"
    assert type(second) is RecordError and second.reason == "context"
    assert str(second) == "step asks twice at once on one context: take ctx.at(key) for each coroutine before a gather"


def test_a_context_for_each_coroutine_is_stable(serve: Serve, project: Path) -> None:
    server = serve(answer=fresh, latency=(0.0, 0.03))

    async def asking(models: Any, keys: list[Any]) -> dict[str, str]:
        one = context(models)
        answers = await asyncio.gather(*(one.at(key).ask("m", "The same") for key in keys))
        assert one.at("a") is one.at("a")
        assert one.at(1) is one.at("1")
        return {str(key): answer.text for key, answer in zip(keys, answers, strict=True)}

    one = gather(project, lambda models: asking(models, ["a", "b", 1]))
    two = gather(project, lambda models: asking(models, ["1", "c", "a", "b"]))
    assert len(set(one.values())) == 3
    assert {key: two[key] for key in one} == one
    assert server.count == 4


def test_a_step_on_the_cpu_cannot_ask(serve: Serve, project: Path) -> None:
    server = serve()

    async def asking(models: Any) -> Any:
        def work() -> Any:
            try:
                context(models).ask("m", "Hello").send(None)
            except RecordError as error:
                return error

        return await asyncio.to_thread(work)

    error = gather(project, asking)
    assert str(error) == "step asks a model, which a step with cpu=True cannot: split it into two steps"
    assert server.count == 0


def test_offline_the_first_request_that_is_missing_is_named(serve: Serve, project: Path) -> None:
    server = serve(answer=lambda request: "yes")
    assert ask(project, answer=None).text == "yes"

    async def main() -> Any:
        async with calls(project, offline=True) as models:
            known = await context(models).ask("m", "Rate it")
            missing = context(models, 7, "judge/rubric")
            return known, await outcome(missing.ask("m", "Hello")), missing.record.id, models.fatal

    known, error, record, fatal = asyncio.run(main())
    assert known.text == "yes" and known.journaled
    assert type(error) is NotInJournal and fatal is error
    assert str(error).startswith(
        f"offline, and the journal in {project}/.synthkit/journal has no answer for judge/rubric of record {record} (m,"
    )
    assert server.count == 1
