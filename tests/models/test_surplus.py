"""The log of events in a storm."""

import asyncio
import json
from decimal import Decimal
from pathlib import Path

from calls_kit import Log
from clock_kit import JumpingLoop, run

from synthkit.core.values import compact
from synthkit.engine.money import charge_lost
from synthkit.models.bill import Bill
from synthkit.models.purchase import FREE, HEDGE, LOST
from synthkit.models.surplus import MOST, Surplus


def test_what_is_too_much_is_counted_and_no_count_is_lost(tmp_path: Path) -> None:
    log, whole = Log(), Bill()

    async def main() -> None:
        surplus = Surplus(log)
        surplus.event("outage", model="m", reason="overloaded")
        for n in range(400):
            for kind in (FREE, HEDGE):
                surplus.event(kind, model="m", path="ask", record=str(n))
            whole.free("m", "ask")
            whole.hedged("m", "ask")
            worst = None if n % 4 == 3 else Decimal(n) / 1000
            surplus.event(LOST, model="m", path="ask", record=str(n), may_cost=None if worst is None else str(worst))
            whole.unknown("m", "ask", worst)
            surplus.event("retry", model="m", path="ask", record=str(n), reason="timeout", message="late")
        surplus.event(FREE, model="m", path="judge", record="0")
        whole.free("m", "judge")
        surplus.flush()

    asyncio.run(main())
    kinds = [line["kind"] for line in log.lines]
    assert {kind: kinds.count(kind) for kind in kinds} == {
        "outage": 1, FREE: MOST + 1 + 1, HEDGE: MOST + 1, LOST: 400, "retry": MOST + 1,
    }  # fmt: skip
    told = {"kind": "retry", "model": "m", "path": "ask", "calls": 400 - MOST, "reason": "timeout"}
    assert [line for line in log.lines if line["kind"] == "retry" and "calls" in line] == [told]
    (tmp_path / "events.jsonl").write_text("".join(compact(line) + "\n" for line in log.lines))
    again = Bill()
    charge_lost(again, tmp_path / "events.jsonl")
    assert again.lines == whole.lines


def test_it_is_written_when_the_second_is_over_and_then_begins_anew() -> None:
    log = Log()

    async def main(loop: JumpingLoop) -> None:
        surplus = Surplus(log)
        for _ in range(2):
            for n in range(MOST + 3):
                surplus.event(FREE, model="m", path="ask", record=str(n))
            await asyncio.sleep(1.5)

    run(main)
    assert [json.dumps(line.get("calls")) for line in log.lines] == (["null"] * MOST + ["3"]) * 2


def test_a_batch_that_was_lost_costs_once_and_counts_by_text(tmp_path: Path) -> None:
    whole, again = Bill(), Bill()
    whole.unknown("m", "embed", Decimal("0.5"), calls=3)
    line = {"kind": LOST, "model": "m", "path": "embed", "record": "r", "may_cost": "0.5", "calls": 3}
    (tmp_path / "events.jsonl").write_text(compact(line) + "\n")
    charge_lost(again, tmp_path / "events.jsonl")
    assert again.lines == whole.lines and again.total.most == Decimal("0.5")
