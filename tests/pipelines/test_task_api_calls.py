"""The strict check of calls in pipelines/task_api.py."""

import json
import sys
from pathlib import Path

import pytest

PIPELINES = Path(__file__).parents[2] / "pipelines"
sys.path.insert(0, str(PIPELINES))

from task_api import SEEDS, fault  # noqa: E402


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        ('add_task(title="Buy milk", due="2026-03-01", priority="high")', ""),
        ("add_task(title='Buy milk')", ""),
        ("  list_tasks()\n", ""),
        ('move_task(due="2028-02-29", id=3)', ""),
        ("", "not a call"),
        ("add_task", "not a call"),
        ('add_task(title="x"', "not a call"),
        ('add_task(title="x"); list_tasks()', "not a call"),
        ('add_task(title="\\d")', "not a call"),
        ("(" * 500, "not a call"),
        ("api.list_tasks()", "not a call"),
        ("[list_tasks()]", "not a call"),
        ('__import__("os")', "unknown function"),
        ('AddTask(title="x")', "unknown function"),
        ('add_task("x")', "unknown argument"),
        ('add_task(name="x")', "unknown argument"),
        ('add_task(**{"title": "x"})', "unknown argument"),
        ("complete_task(id=1, id=2)", "unknown argument"),
        ("complete_task()", "missing argument"),
        ("move_task(id=3)", "missing argument"),
        ('complete_task(id="3")', "wrong type"),
        ("complete_task(id=True)", "wrong type"),
        ("complete_task(id=-3)", "wrong type"),
        ("complete_task(id=3.0)", "wrong type"),
        ("add_task(title=list_tasks())", "wrong type"),
        ('add_task(title=f"{1}")', "wrong type"),
        ('add_task(title=b"x")', "wrong type"),
        ('add_task(title=" ")', "empty value"),
        ('add_task(title="x", priority="urgent")', "unknown value"),
        ('list_tasks(filter="late")', "unknown value"),
        ('move_task(id=3, due="tomorrow")', "bad date"),
        ('move_task(id=3, due="2026-02-30")', "bad date"),
        ('move_task(id=3, due="20260301")', "bad date"),
        ('move_task(id=3, due="2026-W09-7")', "bad date"),
    ],
)
def test_what_is_wrong_with_a_call(call: str, reason: str) -> None:
    assert fault(call) == reason


def test_the_seeds_pass_their_own_check() -> None:
    seeds = [json.loads(line) for line in SEEDS.read_text(encoding="utf-8").splitlines()]
    assert len(seeds) >= 10
    assert {seed["call"]: fault(seed["call"]) for seed in seeds if fault(seed["call"])} == {}
    assert all(seed.keys() == {"request", "call"} and seed["request"] for seed in seeds)
    assert len({seed["call"].split("(")[0] for seed in seeds}) == 5
