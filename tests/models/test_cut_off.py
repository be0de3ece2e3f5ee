"""Answers that are cut off at their limit of tokens: failed, kept, or given more room."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from calls_kit import calls, context, outcome
from pydantic import BaseModel

import synthkit as sk
from synthkit.core import Answer
from synthkit.errors import AnswerError, RecordError
from synthkit.generators import Rows
from synthkit.testing import LoopbackServer, Reply

Serve = Callable[..., LoopbackServer]


class Score(BaseModel):
    reason: str
    score: int


GOOD = '{"reason": "fine", "score": 4}'
CUT = Reply(text='{"score": 4, "reason": "it is ver', finish_reason="length")


def ask(project: Path, **options: Any) -> Any:
    async def main() -> Any:
        async with calls(project) as models:
            return await outcome(context(models).ask("m", "Rate it", **options))

    return asyncio.run(main())


def in_turn(*texts: str | Reply) -> Callable[[Any], Any]:
    return lambda request: texts[min(request.number, len(texts) - 1)]


def test_a_text_that_was_cut_off_fails_its_record(serve: Serve, project: Path) -> None:
    server = serve(answer=lambda request: "word " * 100)
    error = ask(project, max_tokens=9)
    assert type(error) is AnswerError and error.reason == "cut off"
    assert str(error) == (
        "the answer of m breaks off at its limit of 9 tokens: raise max_tokens, or set on_length to more (room) or "
        "keep (it as it is)"
    )
    assert server.count == 1


def test_what_went_into_reasoning_is_told(serve: Serve, project: Path) -> None:
    serve(answer=lambda request: Reply(text="", reasoning="Hm. " * 9, finish_reason="length"))
    assert "breaks off at its limit of 2048 tokens, 9 of them spent on reasoning: raise" in str(ask(project))


def test_a_text_that_was_cut_off_is_kept_where_that_is_wished(serve: Serve, project: Path) -> None:
    server = serve(answer=lambda request: "word " * 100)
    answer = ask(project, max_tokens=9, on_length="keep")
    assert (answer.text, answer.finish) == (("word " * 100)[:36], "length")
    assert server.count == 1


def test_an_answer_that_met_its_limit_is_not_mended_and_not_asked_again(serve: Serve, project: Path) -> None:
    server = serve(answer=lambda request: CUT)
    for way in ("fail", "keep"):
        error = ask(project, answer=Score, max_tokens=9, on_length=way)
        assert type(error) is AnswerError and error.reason == "cut off"
    assert server.count == 1, "the second question is the first one"


def test_an_answer_that_is_whole_at_its_limit_is_taken(serve: Serve, project: Path) -> None:
    serve(answer=lambda request: Reply(text=GOOD, finish_reason="length"))
    assert ask(project, answer=Score).data.score == 4


@pytest.mark.parametrize(("words", "limits"), [(4, [10]), (15, [10, 20]), (30, [10, 20, 40])])
def test_more_room_is_given_twice(serve: Serve, project: Path, words: int, limits: list[int]) -> None:
    server = serve(answer=lambda request: "abc " * words)
    answer = ask(project, max_tokens=10, on_length="more")
    assert answer.text == "abc " * words and answer.finish == "stop"
    assert [r.body["max_tokens"] for r in server.requests] == limits
    assert answer.usage.output == sum(min(words, limit) for limit in limits), "each try is charged"
    again = ask(project, max_tokens=10, on_length="more")
    assert again.text == answer.text and again.journaled and server.count == len(limits)


def test_more_room_than_that_is_not_given(serve: Serve, project: Path) -> None:
    server = serve(answer=lambda request: "abc " * 100)
    error = ask(project, max_tokens=10, on_length="more")
    assert "breaks off at its limit of 40 tokens" in str(error)
    assert server.count == 3


def test_more_room_and_repairs_go_together(serve: Serve, project: Path) -> None:
    server = serve(answer=in_turn(CUT, '{"score": 4}', GOOD))
    assert ask(project, answer=Score, max_tokens=10, on_length="more").data.score == 4
    assert [(r.body["max_tokens"], len(r.body["messages"])) for r in server.requests] == [(10, 1), (20, 1), (20, 3)]


def test_more_room_is_in_the_budget(serve: Serve, project: Path) -> None:
    server = serve(answer=lambda request: "abc " * 100)
    with (project / "synthkit.toml").open("a") as file:
        file.write("[prices.m]\ninput = 0\noutput = 1000\n")
    result = (sk.Pipeline("p") >> Rows([{"a": 1}]) >> Asked("m", on_length="more")).run(budget="0.025")
    assert result.status == "partial" and "budget" in result.reason
    assert [r.body["max_tokens"] for r in server.requests] == [10], "10 were paid, and 20 more do not fit"


class Asked(sk.Prompt):
    """Asks."""

    template = "Say it."
    options: dict[str, Any] = {"max_tokens": 10}


def test_a_prompt_fails_keeps_or_asks_for_more(serve: Serve, project: Path) -> None:
    serve(answer=lambda request: "abc " * 15)
    rows = Rows([{"a": 1}])
    failed = (sk.Pipeline("p") >> rows >> Asked("m")).run()
    assert [(r["kind"], r["reason"]) for r in failed.rejected] == [("failed", "cut off")]
    assert (sk.Pipeline("p") >> rows >> Asked("m", on_length="keep")).run().accepted[0]["text"] == "abc " * 10
    assert (sk.Pipeline("p") >> rows >> Asked("m", on_length="more")).run().accepted[0]["text"] == "abc " * 15


def test_how_it_may_go_on_is_one_of_three(serve: Serve, project: Path) -> None:
    serve()
    error = ask(project, on_length="less")
    assert type(error) is RecordError and str(error) == "on_length is 'less': give fail, keep or more"
    assert Answer("x").finish == "stop"
