"""What a run has spent on records that it was stopped before: seen, saved, told, and counted once."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from engine_kit import adds_up, numbers

import synthkit as sk
from synthkit.cli.summary import facts, reasons, together
from synthkit.engine import api
from synthkit.engine.control import Control
from synthkit.engine.monitor import Monitor
from synthkit.engine.result import Result
from synthkit.testing import LoopbackServer, steady

Serve = Callable[..., LoopbackServer]
PRICES = "[prices.m]\ninput = 1000\noutput = 1000\n"


class Twice(sk.Step):
    """Asks six times: for a while it stops a record in the middle of a step."""

    model: sk.ModelName

    def io(self, have: sk.core.Have) -> sk.IO:
        return sk.IO.of(reads={"n": int}, writes="text")

    async def process(self, record: sk.Record, ctx: sk.Context) -> sk.Fields:
        said = [await ctx.ask(self.model, f"{record['n']} {number}", max_tokens=200) for number in range(6)]
        return {"text": said[-1].text}


def pipeline(inside: bool) -> sk.Pipeline:
    part: Any = Twice(model="m")
    return sk.Pipeline("p") >> numbers(top=60) >> (sk.Repeat(part, 2, "all") if inside else part)


def priced(project: Path) -> None:
    with (project / "synthkit.toml").open("a") as file:
        file.write(PRICES)


def said(result: Result) -> dict[str, str]:
    return dict(facts(result, reasons(result)))


@pytest.mark.parametrize("inside", [False, True])
def test_a_used_up_budget(serve: Serve, project: Path, inside: bool) -> None:
    server = serve(answer=steady)
    priced(project)
    whole = pipeline(inside).run(folder="whole")
    paid = server.count
    cost = together(whole.tally).cost
    assert together(whole.tally).asked == 360 * (1 + inside)
    assert whole.unfinished.asked == 0 and "not finished" not in said(whole)["cost"]

    limit = cost / 2
    first = adds_up(api.run(pipeline(inside), folder=project / "run", seed=1, budget=str(limit), concurrency=4))
    assert first.status == "partial" and "budget" in first.reason
    done, left = together(first.tally), first.unfinished
    assert left.asked > 0 and left.cost > 0
    assert done.asked + left.asked == server.count - paid, "each answer that was paid for is counted, and once"
    assert done.cost + left.cost == first.bill.total.cost
    assert f"for {left.asked} answer" in said(first)["tokens"]
    assert said(first)["tokens"].endswith("of records that are not finished yet")
    assert said(first)["cost"].endswith("for those"), "it stands beneath"

    again = api.resume(project / "run", budget=str(limit))
    assert again.status == "partial"
    known = together(again.tally)
    known.add(again.unfinished)
    assert known.cost >= done.cost + left.cost, "what is known to be spent does not get less"
    assert known.asked == server.count - paid

    last = adds_up(api.resume(project / "run", budget=str(cost * 9)))
    assert last.status == "complete" and not last.unfinished
    assert together(last.tally).asked == server.count - paid == paid
    assert together(last.tally).cost == cost == last.bill.total.cost
    assert "not finished" not in said(last)["cost"]


@pytest.mark.parametrize("inside", [False, True])
def test_a_stop(serve: Serve, project: Path, inside: bool) -> None:
    """What is shown while it stops never gets less, and is what the summary says."""
    controls: list[tuple[Monitor, Control]] = []
    seen: list[int] = []

    def answer(request: Any) -> Any:
        if request.number == 50:
            controls[0][1].stop()
        seen.append(together(controls[0][0].now()).asked)
        return steady(request)

    @contextlib.contextmanager
    def watch(monitor: Monitor, control: Control) -> Iterator[None]:
        controls.append((monitor, control))
        yield
        seen.append(together(monitor.now()).asked)

    server = serve(answer=answer)
    result = adds_up(api.run(pipeline(inside), folder=project / "run", watch=watch, concurrency=4))
    assert result.status == "partial" and 50 <= server.count < 360
    assert seen == sorted(seen)
    assert seen[-1] == server.count == together(result.tally).asked + result.unfinished.asked
    assert result.unfinished.asked
    again = adds_up(api.resume(project / "run"))
    assert again.status == "complete" and together(again.tally).asked == server.count == 360 * (1 + inside)
    assert together(again.tally).journaled == 0 and again.bill.total.calls == server.count, "all of it was its own"
    assert not again.unfinished
