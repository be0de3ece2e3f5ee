"""The budget: what is admitted, and that the cap holds by the server's own count."""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from calls_kit import calls, context, outcome

import synthkit as sk
from synthkit.engine import api
from synthkit.errors import OutOfBudget, PipelineError
from synthkit.models.budget import Budget
from synthkit.models.limiter import Stopped
from synthkit.testing import Faults, LoopbackServer, Reply, steady

Serve = Callable[..., LoopbackServer]
PRICES = "[prices.m]\ninput = 1\noutput = 2\n"
USAGE = {"prompt_tokens": 100, "completion_tokens": 50}
PRICE = Decimal("0.0002")


def test_a_call_waits_for_those_on_their_way_before_the_budget_is_used_up() -> None:
    async def main() -> list[str]:
        budget, said = Budget(Decimal(10)), list[str]()

        async def call(name: str, worst: int, cost: int | None, seconds: float) -> None:
            try:
                reserved = await budget.reserve(Decimal(worst))
            except OutOfBudget as error:
                said.append(f"{name}: {error}")
                return
            said.append(name)
            assert budget.spent + budget.reserved <= 10
            await asyncio.sleep(seconds)
            budget.settle(reserved, None if cost is None else Decimal(cost))

        await asyncio.gather(call("a", 6, 1, 0.02), call("b", 6, None, 0.04), call("c", 3, 0, 0.01))
        assert (budget.spent, budget.reserved) == (7, 0)
        await call("d", 4, 1, 0)
        await call("e", 3, 3, 0)
        await call("f", 1, 1, 0)
        return said

    assert asyncio.run(main()) == [
        "a", "b", "c",
        "d: the budget of $10.00 is used up: $7.0000 are spent, and the next call may cost $4.0000; resume with a "
        "larger --budget",
        "e",
        "f: the budget of $10.00 is used up: $10.0000 are spent, and the next call may cost $1.0000; resume with a "
        "larger --budget",
    ]  # fmt: skip


def test_without_a_limit_nothing_is_counted() -> None:
    async def main() -> None:
        budget = Budget()
        assert await budget.reserve(None) == 0
        budget.settle(Decimal(0), Decimal(5))
        assert budget.spent == 0
        with pytest.raises(OutOfBudget, match="a model without a known price cannot be used under a budget"):
            await Budget(Decimal(1)).reserve(None)

    asyncio.run(main())


def test_what_a_call_costs_is_settled_by_what_came_of_it(serve: Serve, project: Path) -> None:
    replies = [
        Reply(text="x", usage=USAGE),
        Reply(error="bad_request"),
        Reply(text="no usage told", usage={"prompt_tokens": 0, "completion_tokens": 0}),
    ]
    serve(answer=lambda request: replies[request.number])
    with (project / "synthkit.toml").open("a") as file:
        file.write(f"max_tokens = 1000\n{PRICES}")

    async def main() -> None:
        budget = Budget(Decimal(1))
        async with calls(project, budget=budget) as models:
            ask = context(models)
            assert (await ask.ask("m", "1")).cost == float(PRICE)
            assert (budget.spent, budget.reserved) == (PRICE, 0)
            await outcome(ask.ask("m", "2"))
            assert budget.spent == PRICE, "what is refused costs nothing"
            answer = await ask.ask("m", "3")
            assert answer.cost is None
            assert budget.spent - PRICE > Decimal("0.002"), "of unknown cost: the most that it can have cost"

    asyncio.run(main())


def test_who_waits_for_the_budget_does_not_ask_after_a_stop(serve: Serve, project: Path) -> None:
    server = serve(answer=lambda request: Reply(error="invalid_api_key", delay=0.2))
    with (project / "synthkit.toml").open("a") as file:
        file.write(f"max_tokens = 1000\n{PRICES}")

    async def main() -> list[Any]:
        async with calls(project, budget=Budget(Decimal("0.003"))) as models:
            return list(await asyncio.gather(*(outcome(context(models, n).ask("m", "Hello")) for n in range(3))))

    assert [type(error).__name__ for error in asyncio.run(main())] == ["BadKey", "Stopped", "Stopped"]
    assert server.count == 1
    assert issubclass(Stopped, BaseException)


@sk.generator(writes="n")
def numbers(top: int = 400) -> Any:
    for n in range(top):
        yield {"n": n}


class Ask(sk.Prompt):
    template = "Number {{ n }}"


@pytest.mark.parametrize("faults", [None, Faults(server_error=0.05, rate_limit=0.05, retry_after=0.01)])
def test_a_run_under_a_budget(serve: Serve, project: Path, faults: Any) -> None:
    server = serve(answer=lambda request: Reply(text=steady(request).text, usage=USAGE), faults=faults)
    with (project / "synthkit.toml").open("a") as file:
        file.write(f"max_tokens = 400\n{PRICES}")
    pipeline = sk.Pipeline("p", target=300) >> numbers >> Ask(model="m")
    first = api.run(pipeline, folder=project / "run", budget="0.02", concurrency=32)
    assert first.status == "partial", first
    assert first.reason.startswith("the budget of $0.0200 is used up: $0.01")
    spent = server.answered * PRICE
    assert Decimal("0.018") < spent <= Decimal("0.02"), "used up, and never above it"
    assert len(first.accepted) <= server.answered
    before = server.answered
    again = api.resume(project / "run")
    assert again.status == "partial" and server.answered * PRICE <= Decimal("0.02")
    assert server.answered - before <= 2, "what is left of it may do for one more"
    last = api.resume(project / "run", budget="0.2")
    assert last.status == "complete"
    assert server.answered == 300, "nothing was paid twice"
    assert last.cost == pytest.approx(float(300 * PRICE))


def test_a_model_without_a_price_is_refused_under_a_budget(serve: Serve, project: Path) -> None:
    server = serve()
    pipeline = sk.Pipeline("p", target=3) >> numbers >> Ask(model="m")
    with pytest.raises(PipelineError) as caught:
        pipeline.run(budget="1")
    assert str(caught.value) == (
        f"ask: m has no known price, since it is asked at {server.url}, and list prices hold for the provider's own "
        "address only, so it cannot be used under a budget: add it to [prices]"
    )
    result = pipeline.run()
    assert (result.status, result.cost) == ("complete", None), "unknown, and not 0"
    assert server.count == 3
