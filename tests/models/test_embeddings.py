"""`ctx.embed`: each text asked once and kept by itself, many in one request, and nobody harmed by another's text."""

import asyncio
import json
from collections.abc import Callable, Sequence
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from calls_kit import calls, context, outcome

from synthkit.core.values import compact
from synthkit.engine.money import charge, charge_lost
from synthkit.errors import BadRequest, BrokenBody, ConfigError, FatalError, NotInJournal, OutOfBudget, RecordError
from synthkit.models import embeddings
from synthkit.models.bill import Bill, Paid
from synthkit.models.budget import Budget
from synthkit.models.journal.store import Store
from synthkit.models.limiter import Stopped
from synthkit.models.service import Services
from synthkit.models.vectors import numbers
from synthkit.testing import ApiError, LoopbackServer, Reply, Request
from synthkit.testing.loopback.wire_embeddings import made

Serve = Callable[..., LoopbackServer]
PRICED = '[prices."openai/m"]\ninput = 1\noutput = 0\n'


def texts_of(server: LoopbackServer) -> list[str]:
    """All texts that a server was asked for, in order."""
    return [text for received in server.requests for text in received.body["input"]]


def entries(project: Path) -> list[Any]:
    with closing(Store(project / ".synthkit" / "journal", read_only=True)) as store:
        return list(store.scan())


def embed(project: Path, texts: Sequence[str], **options: Any) -> list[Any]:
    """Each text asked by a record of its own, all at once: its vector, or the error."""

    async def go() -> list[Any]:
        async with calls(project) as models:
            asking = (outcome(context(models, n).embed("m", text, **options)) for n, text in enumerate(texts))
            return await asyncio.gather(*asking)

    return asyncio.run(go())


def test_a_text_gives_a_vector_and_a_list_gives_a_list(serve: Serve, project: Path) -> None:
    serve()

    async def go() -> tuple[Any, Any, Any]:
        async with calls(project) as models:
            ctx = context(models)
            return await ctx.embed("m", "one"), await ctx.embed("m", ["two", "one"]), await ctx.embed("m", [])

    one, several, none = asyncio.run(go())
    assert one == pytest.approx(made("one", 32), rel=1e-8) and len(one) == 32
    assert several == [pytest.approx(made("two", 32), rel=1e-8), one]
    assert none == []


def test_the_texts_of_many_records_go_out_together_and_each_once(serve: Serve, project: Path) -> None:
    server = serve()
    vectors = embed(project, [f"text {n % 100}" for n in range(1000)])
    assert sorted(texts_of(server)) == sorted(f"text {n}" for n in range(100))
    assert server.count == 1
    assert all(vectors[n] == vectors[n % 100] for n in range(1000))
    assert len({tuple(vector) for vector in vectors}) == 100


def test_a_batch_is_bounded_by_count_and_by_size(serve: Serve, project: Path) -> None:
    server = serve()
    embed(project, [f"text {n}" for n in range(600)])
    assert [len(received.body["input"]) for received in server.requests] == [256, 256, 88]
    embed(project, [f"{n} {'long ' * 6000}" for n in range(5)])
    assert [len(received.body["input"]) for received in server.requests[3:]] == [3, 2]


def test_a_replay_asks_nothing_and_gives_the_same(serve: Serve, project: Path) -> None:
    server = serve()
    texts = [f"text {n}" for n in range(20)]
    first = embed(project, texts)
    assert embed(project, texts) == first
    assert server.count == 1


def test_options_are_part_of_what_is_asked(serve: Serve, project: Path) -> None:
    server = serve()
    assert [len(vector) for vector in embed(project, ["a", "b"], dimensions=8)] == [8, 8]
    assert [len(vector) for vector in embed(project, ["a", "b"])] == [32, 32]
    assert server.count == 2
    wrong = embed(project, ["a"], dimensions=0) + embed(project, ["a"], temperature=1)
    assert [type(error) for error in wrong] == [ConfigError, ConfigError]
    assert "dimensions=0 must be a whole number from 1 on" in str(wrong[0])
    assert "takes no option 'temperature' for vectors: it takes dimensions, extra" in str(wrong[1])


def test_what_is_journaled_is_what_came_for_the_text_and_its_share_of_the_tokens(serve: Serve, project: Path) -> None:
    def answer(request: Request) -> Reply:
        return Reply(usage={"prompt_tokens": 17, "total_tokens": 17})

    serve(answer=answer)
    embed(project, ["a", "bb" * 20, "ccc"])
    found = {entry.data["request"]["input"]: json.loads(entry.data["body"]) for entry in entries(project)}
    assert sum(body["usage"]["input"] for body in found.values()) == 17
    assert found["a"]["usage"]["input"] >= 1
    assert found["bb" * 20]["usage"]["input"] > 10
    assert isinstance(found["a"]["embedding"], str)  # base64, as it came
    assert numbers(found["a"]["embedding"]) == pytest.approx(made("a", 32), rel=1e-8)


def test_the_ledger_counts_them_as_any_answer(serve: Serve, project: Path) -> None:
    server = serve()
    with (project / "synthkit.toml").open("a") as file:
        file.write(PRICED)

    async def go() -> Any:
        async with calls(project, budget=Budget(Decimal(1))) as models:
            one, two = context(models, 1), context(models, 2)
            await asyncio.gather(one.embed("m", ["a", "b", "a"]), two.embed("m", ["b", "c"]))
            return one.spent, two.spent, models.budget

    one, two, budget = asyncio.run(go())
    tokens = [received.body for received in server.requests]
    assert len(tokens) == 1
    assert (one.asked, one.journaled, two.asked, two.journaled) == (3, 1, 2, 1)
    assert one.unpriced == two.unpriced == 0
    assert budget.spent == Decimal(3) / 1_000_000  # three texts of a token each, though five answers were used
    assert budget.reserved == 0


def test_one_text_too_long_fails_alone(serve: Serve, project: Path) -> None:
    server = serve(context=100)
    found = embed(project, ["fine", "long " * 200, *(f"text {n}" for n in range(30))])
    bad = [n for n, vector in enumerate(found) if isinstance(vector, Exception)]
    assert bad == [1] and isinstance(found[1], BadRequest)
    assert "maximum context length is 100 tokens" in str(found[1])
    assert server.count <= 13  # two a halving; and the first are asked for plain numbers, too
    assert embed(project, ["text 7"]) == [found[9]]


def test_a_service_that_takes_fewer_texts_is_asked_for_fewer(serve: Serve, project: Path) -> None:
    def answer(request: Request) -> Reply:
        if len(request.inputs) > 32:
            return Reply(error=ApiError(422, "batch size > maximum allowed batch size 32"))
        return Reply()

    server = serve(answer=answer)

    async def go() -> list[Any]:
        async with calls(project) as models:
            first = await asyncio.gather(*(context(models, n).embed("m", f"a {n}") for n in range(256)))
            before = server.count
            second = await asyncio.gather(*(context(models, n).embed("m", f"b {n}") for n in range(256)))
            assert server.count - before == 8
            return [*first, *second]

    assert all(len(vector) == 32 for vector in asyncio.run(go()))


@pytest.mark.parametrize("spoilt", ["too few", "too many", "empty", "no numbers"])
def test_a_batch_that_comes_back_uneven_is_divided(serve: Serve, project: Path, spoilt: str) -> None:
    def answer(request: Request) -> Reply:
        vectors: list[Any] = [made(text, 4) for text in request.inputs]
        if len(request.inputs) > 2 and spoilt == "too few":
            return Reply(vectors=vectors[1:])
        if len(request.inputs) > 2 and spoilt == "too many":
            return Reply(vectors=[*vectors, vectors[0]])
        if spoilt == "empty" and len(vectors) > 1:
            vectors[0] = []
        if spoilt == "no numbers" and len(vectors) > 1:
            vectors[0] = [float("nan")] * 4
        return Reply(vectors=vectors)

    serve(answer=answer)
    with (project / "synthkit.toml").open("a") as file:
        file.write(PRICED)
    texts = [f"text {n}" for n in range(8)]

    async def go() -> tuple[list[Any], Any]:
        async with calls(project) as models:
            found = await asyncio.gather(*(context(models, n).embed("m", text) for n, text in enumerate(texts)))
            bill = Bill()
            charge(bill, models.journal.scan(), models.services)
            return found, (models.attempts.bill.total.form(), bill.total.form())

    found, (paid, journaled) = asyncio.run(go())
    assert paid == journaled and paid["unused"] >= 1  # the bill says what the journal says
    assert [pytest.approx(made(text, 4), rel=1e-8) for text in texts] == found
    kinds = [entry.kind for entry in entries(project)]
    assert kinds.count("answer") == 8 and kinds.count("attempt") >= 1  # what was paid for is kept


def test_a_body_that_is_none_is_tried_again(serve: Serve, project: Path) -> None:
    def answer(request: Request) -> Reply:
        return Reply(cut=0.5) if request.number < 2 else Reply()

    server = serve(answer=answer)
    found = embed(project, ["a", "b"])
    assert [len(vector) for vector in found] == [32, 32]
    assert server.count >= 3


def test_a_text_that_breaks_the_service_fails_alone(
    serve: Serve, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("synthkit.models.attempts.FIRST_DELAY", 0.001)

    def answer(request: Request) -> Reply:
        return Reply(status=500) if "poison" in request.inputs else Reply()

    serve(answer=answer)
    found = embed(project, ["a", "b", "poison", "c"])
    assert [isinstance(vector, Exception) for vector in found] == [False, False, True, False]
    assert "500" in str(found[2])


def test_dimensions_that_a_service_passes_over_stop_the_run(serve: Serve, project: Path) -> None:
    server = serve(answer=lambda request: Reply(vectors=[made(text, 12) for text in request.inputs]))
    found = embed(project, ["a", "b"], dimensions=4)
    assert all(isinstance(error, FatalError) for error in found)
    assert "vectors of 12 numbers, though dimensions=4 was asked for" in str(found[0])
    assert server.count == 1


def test_what_is_no_text_has_no_vector(serve: Serve, project: Path) -> None:
    server = serve()
    found = embed(project, ["", 3, "fine"])  # type: ignore[list-item]
    assert [type(error) for error in found[:2]] == [RecordError, RecordError]
    assert [error.reason for error in found[:2]] == ["empty text", "text"]
    assert texts_of(server) == ["fine"]


def test_offline_stops_at_the_first_text_that_is_not_there(serve: Serve, project: Path) -> None:
    server = serve()
    known = embed(project, ["known"])

    async def go() -> tuple[Any, Any]:
        async with calls(project, offline=True) as models:
            return await context(models).embed("m", "known"), await outcome(context(models).embed("m", "new"))

    again, error = asyncio.run(go())
    assert [again] == known and isinstance(error, NotInJournal)
    assert "has no answer for step" in str(error) and server.count == 1


def test_a_batch_that_does_not_fit_the_budget_is_not_sent(serve: Serve, project: Path) -> None:
    server = serve()
    with (project / "synthkit.toml").open("a") as file:
        file.write(PRICED)

    async def go() -> list[Any]:
        async with calls(project, budget=Budget(Decimal("0.000001"))) as models:
            return [await outcome(context(models, n).embed("m", "some text")) for n in range(1)]

    (error,) = asyncio.run(go())
    assert isinstance(error, OutOfBudget) and server.count == 0


def test_who_stops_waiting_does_not_stop_the_call(serve: Serve, project: Path) -> None:
    came = asyncio.Event()
    loop: list[asyncio.AbstractEventLoop] = []

    def answer(request: Request) -> Reply:
        loop[0].call_soon_threadsafe(came.set)
        return Reply(delay=0.1)

    server = serve(answer=answer)

    async def go() -> Any:
        loop.append(asyncio.get_running_loop())
        async with calls(project) as models:
            leaving = asyncio.create_task(context(models, 1).embed("m", "text"))
            staying = asyncio.create_task(context(models, 2).embed("m", "text"))
            await came.wait()
            leaving.cancel()
            return await staying

    assert len(asyncio.run(go())) == 32 and server.count == 1
    assert len(entries(project)) == 1


def test_a_provider_without_vectors_says_so(project: Path) -> None:
    async def go() -> Any:
        async with calls(project) as models:
            return await outcome(context(models).embed("anthropic/claude-haiku-4-5", "text"))

    error = asyncio.run(go())
    assert isinstance(error, ConfigError)
    assert str(error) == "anthropic/claude-haiku-4-5 makes no vectors of texts: name an embedding model"


def test_demo_vectors_of_like_texts_are_near(project: Path) -> None:
    async def go() -> Any:
        async with calls(project) as models:
            texts = ["The sea is blue today.", "The sea was blue today.", "Tax law changed in March."]
            return await context(models).embed("demo/default", texts)

    sea, seas, tax = asyncio.run(go())

    def near(a: list[float], b: list[float]) -> float:
        return sum(x * y for x, y in zip(a, b, strict=True))

    assert near(sea, sea) == pytest.approx(1, abs=1e-6)
    assert near(sea, seas) > 0.5 > near(sea, tax) + 0.2


def test_a_slow_trickle_does_not_hold_a_batch_back(
    serve: Serve, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an end to the waiting, a text every moment would keep the first ones for ever."""
    server = serve()
    monkeypatch.setattr(embeddings, "QUIET", 60.0)
    assert len(embed(project, ["only"])[0]) == 32  # LONGEST lets it go
    assert server.count == 1


def test_a_single_vector_that_is_none_fails_its_record(
    serve: Serve, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("synthkit.models.attempts.FIRST_DELAY", 0.001)
    serve(answer=lambda request: Reply(vectors=[[]]))
    (error,) = embed(project, ["text"])
    assert isinstance(error, BrokenBody) and "a vector is empty" in str(error)


def test_what_has_not_left_when_the_run_ends_does_not_leave(
    serve: Serve, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call behind the end would be paid for, and its answer kept nowhere."""
    server = serve()
    monkeypatch.setattr(embeddings, "LONGEST", 0.2)
    monkeypatch.setattr(embeddings, "QUIET", 0.2)

    async def go() -> Any:
        async with calls(project) as models:
            asking = asyncio.create_task(outcome(context(models).embed("m", "text")))
            await asyncio.sleep(0)
        await asyncio.sleep(0.3)
        return await asking

    assert isinstance(asyncio.run(go()), Stopped) and server.count == 0


def test_each_text_of_a_request_that_failed_counts_as_a_call_also_when_the_bill_is_made_again(
    project: Path, serve: Any, tmp_path: Path
) -> None:
    sent = 0

    def faults(request: Request, answer: Any) -> Reply:
        nonlocal sent
        sent += 1
        return Reply(error=ApiError(429, "slow")) if sent == 1 else Reply(raw=b"{") if sent == 2 else answer(request)

    server = serve(faults=faults)

    async def go() -> tuple[Paid, list[dict[str, Any]], Services]:
        async with calls(project) as models:
            await context(models).embed("m", ["one", "two", "three"])
            return models.bill.total, models.events.lines, models.services  # type: ignore[attr-defined]

    paid, lines, services = asyncio.run(go())
    assert server.count == 4, "the second time in two parts"
    assert (paid.calls, paid.answers, paid.failed, paid.free) == (9, 3, 6, 3)
    log = tmp_path / "events.jsonl"
    log.write_text("".join(compact(line) + "\n" for line in lines))
    again = Bill()
    charge(again, entries(project), services)
    charge_lost(again, log)
    assert (again.total.calls, again.total.answers, again.total.failed) == (9, 3, 6)
