"""Identical prompts, asked as different samples, get different answers; the same sample gets the one it has.

The server never says a thing twice, so two equal answers can only come from the journal or from what was shared.
"""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import synthkit as sk
from synthkit.engine.result import Result
from synthkit.generators import Rows
from synthkit.testing import LoopbackServer, Reply, Request, fresh

Serve = Callable[..., LoopbackServer]
SAME: list[dict[str, Any]] = [{"city": "Rome"}] * 6
TEMPLATE = "Describe {{ city }}."


def prompt(label: str = "say", **more: Any) -> sk.Prompt:
    return sk.Prompt("m", template=TEMPLATE, into=label, label=label, **more)


def run(*parts: Any, rows: list[dict[str, Any]] = SAME, **settings: Any) -> Result:
    pipeline = sk.Pipeline("p") >> Rows(rows)
    for part in parts:
        pipeline = pipeline >> part
    result = pipeline.run(**settings)
    assert result.status == "complete", (result.reason, result.rejected)
    return result


def said(result: Result, column: str = "say") -> list[str]:
    return [record[column] for record in result.accepted]


def prompts(server: LoopbackServer) -> set[str]:
    """The requests that a server got, but for how they came."""
    return {str(received.body) for received in server.requests}


@pytest.mark.parametrize("concurrency", [1, 64], ids=["one by one", "all at once"])
def test_records_with_equal_text(serve: Serve, concurrency: int) -> None:
    server = serve(answer=fresh, latency=0.005)
    result = run(prompt(), concurrency=concurrency)
    assert len(set(said(result))) == 6
    assert server.count == 6 and len(prompts(server)) == 1  # the very same bytes were asked each time


def test_the_same_samples_again_are_those_of_the_journal(serve: Serve) -> None:
    server = serve(answer=fresh)
    first = run(prompt())
    assert said(run(prompt())) == said(first) == said(run(prompt(), offline=True))
    assert server.count == 6


def test_another_seed_is_another_sample(serve: Serve) -> None:
    server = serve(answer=fresh)
    found = [text for seed in range(3) for text in said(run(prompt(), seed=seed))]
    assert len(set(found)) == 18 and server.count == 18


def test_two_steps_with_one_prompt(serve: Serve) -> None:
    serve(answer=fresh)
    result = run(prompt("one"), prompt("two"))
    assert len({*said(result, "one"), *said(result, "two")}) == 12


def test_more_equal_records_are_more_samples_and_the_old_ones_stay(serve: Serve) -> None:
    server = serve(answer=fresh)
    few, many = said(run(prompt(), rows=SAME[:2])), said(run(prompt()))
    assert many[:2] == few and len(set(many)) == 6 and server.count == 6


@sk.step(reads="city", writes=("texts", "apart"))
async def twice(record: sk.Record, ctx: sk.Context) -> sk.Fields:
    """The same question again and again, in a row and side by side."""
    row = [str(await ctx.ask("m", "Say something.")) for _ in range(3)]
    apart = await asyncio.gather(*(ctx.at(n).ask("m", "Say something.") for n in range(3)))
    return {"texts": row, "apart": [str(answer) for answer in apart]}


def test_one_record_that_asks_again(serve: Serve) -> None:
    server = serve(answer=fresh, latency=0.005)
    first = run(twice)
    texts = [text for record in first.accepted for text in (*record["texts"], *record["apart"])]
    assert len(set(texts)) == len(texts) == server.count == 36
    again = run(twice)
    assert [dict(record) for record in again.accepted] == [dict(record) for record in first.accepted]
    assert server.count == 36


TRIED: list[str] = []


@sk.filter(reads="say")
def never(record: sk.Record) -> bool:
    """Lets nothing through, and remembers it."""
    TRIED.append(record["say"])
    return False


def test_repetitions_branches_and_turns_of_a_loop(serve: Serve) -> None:
    server = serve(answer=fresh)
    repeated = sk.Repeat(prompt(), n=4, into="all")
    forked = sk.Fork({"a": prompt("left"), "b": prompt("right")})
    result = run(repeated, forked, rows=SAME[:2])
    texts = [one["say"] for record in result.accepted for one in record["all"]]
    texts += [*said(result, "left"), *said(result, "right")]
    assert len(set(texts)) == len(texts) == server.count == 12
    TRIED.clear()
    looped = sk.Pipeline("p") >> Rows(SAME[:2]) >> sk.Loop(prompt(), never(), max_rounds=3)
    looped.run()
    assert len(set(TRIED)) == len(TRIED) == 6 and not set(TRIED) & set(texts)


def test_what_is_shared_is_asked_once(serve: Serve) -> None:
    server = serve(answer=fresh, latency=0.005)
    assert len(set(said(run(prompt(share=True))))) == 1
    assert server.count == 1
    assert len(set(said(run(prompt())))) == 6  # and is no answer to those who do not share


def test_a_try_that_failed_lends_nobody_its_answer(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synthkit.models.attempts.FIRST_DELAY", 0.001)

    def answer(request: Request) -> Reply:
        return Reply(status=500) if request.number % 3 == 0 else Reply(text=f"answer {request.number}")

    serve(answer=answer)
    assert len(set(said(run(prompt())))) == 6


SCRIPT = """
import sys
import synthkit as sk
from synthkit.generators import Rows

prompt = sk.Prompt("m", template="Describe {{ city }}.", into="response")
pipeline = sk.Pipeline("p") >> Rows([{"city": "Rome"}] * 6) >> prompt
if __name__ == "__main__":
    for record in pipeline.run(seed=int(sys.argv[1])).accepted:
        print(record["response"])
"""


def test_two_processes_at_once(serve: Serve, project: Path) -> None:
    """Of one seed they end up with the same answers, of two seeds with none in common."""
    server = serve(answer=fresh, latency=0.02)
    (project / "script.py").write_text(SCRIPT)

    def start(seed: int) -> "subprocess.Popen[str]":
        command = [sys.executable, "script.py", str(seed)]
        return subprocess.Popen(command, cwd=project, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    running = [start(seed) for seed in (1, 1, 2)]
    told = [process.communicate(timeout=60) for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], told
    lines = [set(out.splitlines()) for out, _ in told]
    assert len(lines[0]) == len(lines[2]) == 6
    assert lines[0] == lines[1] and not lines[0] & lines[2]
    assert 12 <= server.count <= 18
