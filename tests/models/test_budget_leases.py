"""Leases: nothing is admitted beyond what is written down, many calls share one write, and a kill forgets nothing."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest

from synthkit.errors import OutOfBudget, StoreError
from synthkit.models.budget import Budget
from synthkit.models.leases import Leases

D = Decimal


def lines(path: Path) -> list[Mapping[str, str]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def leased(path: Path) -> Decimal:
    """The sum up to which the file says that money may be spent."""
    last = lines(path)[-1]
    return D(last.get("leased") or last["spent"])


@pytest.mark.parametrize("seed", range(5))
def test_at_every_moment_the_file_covers_what_may_be_spent(tmp_path: Path, seed: int) -> None:
    """With calls that cost any part of their worst case, fail for free, are lost, or are cancelled while they wait."""
    path, cap, dice = tmp_path / "budget.jsonl", D(10), Random(seed)
    leases = Leases.open(path, D(0))
    leases.begin(D(0), cap)
    truth = D(0)

    async def call(budget: Budget) -> None:
        nonlocal truth
        worst = D(dice.randint(1, 40)) / 100
        await asyncio.sleep(dice.random() / 50)
        await budget.reserve(worst)
        cost = None
        try:
            assert budget.spent + budget.reserved <= budget.leased <= leased(path) <= cap
            out = dice.choice([D(0), worst, worst * dice.randint(0, 100) / 100])
            truth += out
            await asyncio.sleep(dice.random() / 100)
            cost = dice.choice([out, None])
        finally:
            budget.settle(worst, cost)

    async def main() -> tuple[Budget, int]:
        budget = Budget(cap, lender=leases)
        tasks = [asyncio.create_task(call(budget)) for _ in range(300)]
        for task in dice.sample(tasks, 60):
            asyncio.get_running_loop().call_later(dice.random() / 20, task.cancel)
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        await budget.close()
        unlike = [e for e in ended if e is not None and not isinstance(e, OutOfBudget | asyncio.CancelledError)]
        assert not unlike, unlike
        return budget, sum(isinstance(e, OutOfBudget) for e in ended)

    budget, refused = asyncio.run(asyncio.wait_for(main(), 20))
    assert refused, "it was used up"
    assert budget.reserved == 0
    assert truth <= cap and D(9) < budget.spent <= leased(path) <= cap


def test_many_calls_that_wait_share_one_write(tmp_path: Path) -> None:
    async def main() -> Leases:
        leases = Leases.open(tmp_path / "budget.jsonl", D(0))
        leases.begin(D(0), D(100))
        budget = Budget(D(100), lender=leases)
        for _ in range(10):
            await asyncio.gather(*(budget.reserve(D("0.01")) for _ in range(64)))
            for _ in range(64):
                budget.settle(D("0.01"), D("0.001"))
        return leases

    leases = asyncio.run(main())
    assert leases.written == 2, "the beginning, and one lease of 2 % of the budget"
    assert leased(tmp_path / "budget.jsonl") == 2


def test_what_is_not_needed_any_more_is_given_back(tmp_path: Path) -> None:
    """So that a kill does not lose what many calls had reserved long before."""
    path = tmp_path / "budget.jsonl"

    async def main() -> Budget:
        leases = Leases.open(path, D(0))
        leases.begin(D(0), D(100))
        budget = Budget(D(100), lender=leases)
        await asyncio.gather(*(budget.reserve(D(1)) for _ in range(90)))
        assert leased(path) == budget.leased == 90
        for _ in range(89):
            budget.settle(D(1), D("0.01"))
            await budget.close()
            assert budget.spent + budget.reserved <= budget.leased == leased(path)
        return budget

    budget = asyncio.run(main())
    assert (budget.spent, budget.reserved) == (D("0.89"), 1)
    assert leased(path) <= D("1.89") + 4, "what is spent, what is on its way, and 4 % of the budget"
    assert len(lines(path)) < 20

    async def on() -> None:
        await budget.reserve(D(98))

    asyncio.run(asyncio.wait_for(on(), 20))
    assert leased(path) == D("99.89")


def test_what_a_kill_leaves_counts_as_spent(tmp_path: Path) -> None:
    path = tmp_path / "budget.jsonl"

    async def killed(leases: Leases) -> None:
        leases.begin(D("0.5"), D(100))
        await Budget(D(100), D("0.5"), leases).reserve(D(1))

    asyncio.run(killed(Leases.open(path, D("0.5"))))
    assert lines(path)[-1] == {"leased": "2.490000"}
    again = Leases.open(path, D("0.7"))
    assert (again.spent, again.killed) == (D("2.49"), True)
    again.begin(D("0.7"), D(100))
    again.end(D(3), D("1.2"))
    last = Leases.open(path, D("1.5"))
    assert (last.spent, last.killed) == (D("3.3"), False), "0.3 more were spent without a budget since"


def test_a_line_that_is_not_whole_was_never_spent_on(tmp_path: Path) -> None:
    path = tmp_path / "budget.jsonl"
    path.write_text('{"spent": "1", "known": "1"}\n{"leased": "2"}\n{"leas')
    leases = Leases.open(path, D(1))
    assert leases.spent == 2
    leases.begin(D(1), D(5))
    assert lines(path) == [{"spent": "1", "known": "1"}, {"leased": "2"}, {"spent": "2", "known": "1"}]


@pytest.mark.parametrize("line", ['{"leased": "NaN"}', '{"spent": "1"}', "[]", '{"leased": 5, "x"', "\x00\x00"])
def test_a_damaged_file_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "budget.jsonl"
    path.write_text(f'{{"spent": "1", "known": "1"}}\n{line}\n')
    with pytest.raises(StoreError, match=rf"{path}, line 2 is damaged, so nobody knows what the run has spent: put"):
        Leases.open(path, D(1))


def test_a_lease_that_cannot_be_written_lets_nothing_out(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()

    async def main() -> list[Any]:
        leases = Leases.open(folder / "budget.jsonl", D(0))
        leases.begin(D(0), D(1))
        (folder / "budget.jsonl").unlink()
        folder.rename(tmp_path / "gone")
        budget = Budget(D(1), lender=leases)
        return await asyncio.gather(*(budget.reserve(D("0.1")) for _ in range(3)), return_exceptions=True)

    errors = asyncio.run(main())
    assert [type(error) for error in errors] == [StoreError] * 3
    assert "cannot write" in str(errors[0]) and "budget.jsonl: No such file or directory" in str(errors[0])


SHORT = """
import asyncio, resource, signal, sys
from decimal import Decimal
from pathlib import Path
from synthkit.errors import StoreError
from synthkit.models.leases import Leases
path = Path(sys.argv[1])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
leases = Leases.open(path, Decimal(0))
leases.begin(Decimal(0), Decimal(5))
room = path.stat().st_size + 10
resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
try:
    asyncio.run(leases.lease(Decimal("0.5")))
except StoreError:
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    leases.end(Decimal(1), Decimal(1))
    sys.exit(7)
"""


def test_a_lease_that_is_written_in_part_is_none(tmp_path: Path) -> None:
    path = tmp_path / "budget.jsonl"
    assert subprocess.run([sys.executable, "-c", SHORT, str(path)], check=False).returncode == 7
    assert lines(path)[-1] == {"spent": "1", "known": "1"}
    assert Leases.open(path, D(1)).spent == 1
