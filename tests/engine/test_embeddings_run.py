"""Vectors in a run: each text once, kept across kills, shown and exported."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from engine_kit import adds_up, failed
from export_kit import put

import synthkit as sk
from synthkit.engine import api
from synthkit.engine.book import Book
from synthkit.engine.rehearsal import rehearse
from synthkit.engine.settings import Settings
from synthkit.errors import PipelineError
from synthkit.generators import LoadRecords, Rows
from synthkit.models.journal import Entry
from synthkit.models.journal.store import Store
from synthkit.models.project import find_project
from synthkit.steps import Embed
from synthkit.testing import LoopbackServer, Reply, Request
from synthkit.testing.loopback.wire_embeddings import made

Serve = Callable[..., LoopbackServer]
PRICED = '[prices."openai/m"]\ninput = 2\noutput = 0\n'


def rows(number: int, distinct: int | None = None) -> Rows:
    return Rows([{"n": n, "text": f"text {n % (distinct or number)}"} for n in range(number)])


def asked(server: LoopbackServer) -> Counter[str]:
    """How often each text was asked for."""
    return Counter(text for received in server.requests for text in received.body["input"])


def journaled(project: Path) -> list[Entry]:
    """What the journal holds."""
    with closing(Store(project / ".synthkit" / "journal", read_only=True)) as store:
        return list(store.scan())


def test_a_thousand_records_with_a_hundred_texts(serve: Serve) -> None:
    server = serve(latency=0.002)
    result = adds_up((sk.Pipeline("p") >> rows(1000, 100) >> Embed("text", model="m", dimensions=8)).run())
    assert (result.status, len(result.accepted)) == ("complete", 1000)
    assert asked(server) == Counter(f"text {n}" for n in range(100))
    assert server.count <= 10
    for record in result.accepted:
        assert record["embedding"] == pytest.approx(made(record["text"], 8), rel=1e-8)
    spent = result.tally["embed"].spent
    assert (spent.asked, spent.journaled) == (1000, 900)


def test_one_text_too_long_fails_only_its_record(serve: Serve) -> None:
    serve(context=50)
    texts = [{"text": "long " * 100 if n == 7 else f"text {n}"} for n in range(20)]
    pipeline = sk.Pipeline("p") >> Rows([*texts, {"text": ""}]) >> Embed("text", model="m")
    result = adds_up(pipeline.run(max_failures="50%"))
    assert len(result.accepted) == 19
    reasons = failed(result)
    assert [(reason, error) for reason, error, _ in reasons] == [
        ("bad request", "BadRequest"),
        ("empty text", "RecordError"),
    ]
    assert "maximum context length is 50 tokens" in reasons[0][2]


SCRIPT = """
import synthkit as sk
from synthkit.generators import Rows
from synthkit.steps import Embed

pipeline = sk.Pipeline("p") >> Rows([{"text": f"text {n}"} for n in range(300)]) >> Embed("text", model="m")
if __name__ == "__main__":
    pipeline.run(folder="run", concurrency=4, shard=32)
"""


def test_killed_in_the_middle_and_gone_on(serve: Serve, project: Path) -> None:
    """What was in the journal is not asked again; the rest is, and nothing is lost."""
    server = serve(latency=0.05)
    (project / "script.py").write_text(SCRIPT)
    process = subprocess.Popen([sys.executable, "script.py"], cwd=project, stderr=subprocess.DEVNULL)
    while process.poll() is None and server.count < 8:
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait(30) == -signal.SIGKILL
    kept = {entry.data["request"]["input"] for entry in journaled(project)}
    before = set(asked(server))
    assert 0 < len(kept) < 300 and kept < before
    result = api.resume(project / "run")
    assert (result.status, len(result.accepted)) == ("complete", 300)
    assert {text for text, times in asked(server).items() if times > 1} == before - kept
    assert set(asked(server)) == {f"text {n}" for n in range(300)}
    for record in result.accepted:
        assert record["embedding"] == pytest.approx(made(record["text"], 32), rel=1e-8)


def test_the_money_adds_up_with_the_journal(serve: Serve, project: Path) -> None:
    serve()
    with (project / "synthkit.toml").open("a") as file:
        file.write(PRICED)
    result = (sk.Pipeline("p") >> rows(30) >> Embed("text", model="m")).run(budget=1)
    tokens = sum(json.loads(entry.data["body"])["usage"]["input"] for entry in journaled(project))
    spent = result.tally["embed"].spent
    assert spent.usage.input == tokens >= 30 and spent.unpriced == 0
    assert float(spent.cost) == pytest.approx(tokens * 2 / 1e6)


def test_a_budget_that_is_used_up_ends_the_run_in_order(serve: Serve, project: Path) -> None:
    server = serve()
    with (project / "synthkit.toml").open("a") as file:
        file.write(PRICED)
    result = adds_up((sk.Pipeline("p") >> rows(50) >> Embed("text", model="m")).run(budget="0.00001"))
    assert result.status == "partial" and "budget" in result.reason
    assert server.count == 0


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("model", "more", "said"),
    [
        ("anthropic/claude-haiku-4-5", {}, "anthropic/claude-haiku-4-5 makes no vectors of texts"),
        ("openai/gpt-4o-mini", {}, "openai/gpt-4o-mini makes no vectors of texts: name an embedding model"),
        ("openai-responses/gpt-4o-mini", {}, "makes no vectors of texts"),
        ("openai/text-embedding-3-small", {"dimensions": 4096}, "makes vectors of up to 1,536 numbers"),
        ("openai/text-embedding-ada-002", {"dimensions": 64}, "makes vectors of 1,536 numbers only"),
        ("openai/text-embedding-3-small", {"options": {"top_p": 1}}, "takes no option 'top_p' for vectors"),
        ("openai/text-embedding-3-small", {"options": {"extra": {"input": "x"}}}, "`extra` cannot set input"),
    ],
)
def test_what_a_model_cannot_do_is_said_before_the_run(model: str, more: dict[str, Any], said: str) -> None:
    with pytest.raises(PipelineError) as caught:
        (sk.Pipeline("p") >> rows(2) >> Embed("text", model=model, **more)).run()
    assert len(caught.value.problems) == 1 and said in caught.value.problems[0]
    assert caught.value.problems[0].startswith("embed: ")


@pytest.mark.usefixtures("project")
def test_an_embedding_model_answers_nothing() -> None:
    with pytest.raises(PipelineError, match="text-embedding-3-small makes vectors of texts, and answers nothing"):
        (sk.Pipeline("p") >> rows(2) >> sk.Prompt("openai/text-embedding-3-small", template="{{ text }}")).run()


@pytest.mark.usefixtures("project")
def test_an_embedding_model_with_an_input_price_alone_may_be_used_under_a_budget() -> None:
    pipeline = sk.Pipeline("p") >> rows(2) >> Embed("text", model="openai/text-embedding-3-small")
    plan = api.check(pipeline, Settings(budget="1"), project=find_project())
    assert [bound.label for stage in plan.stages for bound in stage.parts] == ["embed"]


def test_the_story_of_a_record_and_what_an_edit_would_ask(serve: Serve, project: Path) -> None:
    server = serve()
    pipeline = sk.Pipeline("p") >> rows(3) >> Embed("text", model="m")
    result = pipeline.run()
    with Book(result.folder, find_project()) as book:
        (story,) = book.tree(result.accepted[0].id)
        (exchange,) = story.acts[-1].asked
    assert exchange.messages == [{"role": "text", "content": "text 0"}]
    assert exchange.reply is not None and exchange.reply.text.startswith("a vector of 32 numbers: ")
    more = sk.Pipeline("p") >> rows(5) >> Embed("text", model="m")
    settings = Settings()
    found = rehearse(api.check(more, settings, project=find_project()), settings, find_project())
    known = [asking.form is None for askings in found.asked.places.values() for asking in askings]
    assert sorted(known) == [False, False, True, True, True]
    assert found.stalled == {"embed": 2} and server.count == 1


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("name", ["vectors.parquet", "vectors.jsonl", "vectors.json"])
def test_vectors_survive_files(project: Path, name: str) -> None:
    result = (sk.Pipeline("p") >> rows(5) >> Embed("text", model="demo/default", dimensions=6)).run()
    examples = [dict(record) for record in result.accepted]
    vectors = [list(example["embedding"]) for example in examples]
    lines = [json.loads(line) for line in (result.folder / "accepted.jsonl").read_text().splitlines()]
    assert [line["embedding"] for line in lines] == vectors
    put(project / name, examples)
    loaded = (sk.Pipeline("again") >> LoadRecords(project / name)).run()
    assert [list(record["embedding"]) for record in loaded.accepted] == vectors
    if name.endswith("parquet"):
        assert pl.read_parquet_schema(project / name)["embedding"] == pl.List(pl.Float64)


@sk.step(reads="text", writes="near")
async def near(record: sk.Record, ctx: sk.Context) -> sk.Fields:
    one, two = await ctx.embed("m", [record["text"], "text 0"])
    return {"near": sum(a * b for a, b in zip(one, two, strict=True))}


def test_a_step_of_ones_own_may_embed(serve: Serve) -> None:
    def answer(request: Request) -> Reply:
        return Reply(vectors=[[1.0, 0.0] if text == "text 0" else [0.0, 1.0] for text in request.inputs])

    server = serve(answer=answer)
    result = (sk.Pipeline("p") >> rows(4) >> near).run()
    assert [record["near"] for record in result.accepted] == [1.0, 0.0, 0.0, 0.0]
    assert asked(server) == Counter(f"text {n}" for n in range(4))
