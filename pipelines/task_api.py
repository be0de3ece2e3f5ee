"""What users say to a task list, and the API call that does it: few-shot, with a strict check of every call.

    synthkit run pipelines/task_api.py --target 300 --export train.jsonl:alpaca
    synthkit run pipelines/task_api.py --model openai/gpt-5-mini --per-call 20 --export train.jsonl:sharegpt

To adapt it to your API, change API, the seeds beside this file and the axes. `synthkit show` counts the reasons of
the calls that were dropped.
"""

import ast
import warnings
from datetime import date
from pathlib import Path

import synthkit as sk
from synthkit.filters import ExactDedup
from synthkit.techniques import FewShot

SEEDS = Path(__file__).with_name("task_api_seeds.jsonl")

# Each function's arguments: a type, or the values that there are. Those with «?» may be left out.
PRIORITY = ("low", "normal", "high")
API: dict[str, dict[str, type | tuple[str, ...]]] = {
    "add_task": {"title": str, "due?": date, "priority?": PRIORITY},
    "complete_task": {"id": int},
    "move_task": {"id": int, "due": date},
    "delete_task": {"id": int},
    "list_tasks": {"filter?": ("open", "done", "today", "overdue"), "priority?": PRIORITY},
}


def signature(function: str) -> str:
    """A function as the prompt shows it."""
    kinds = {name: kind.__name__ if isinstance(kind, type) else "|".join(kind) for name, kind in API[function].items()}
    return f"{function}({', '.join(f'{name}: {kind}' for name, kind in kinds.items())})"


SIGNATURES = "\n".join(map(signature, API))
TASK = f"""Each example is what a user says to a task list, and the one API call that does it. The API is this:

{SIGNATURES}

Arguments with a question mark are optional. Dates are written like 2026-03-01."""


def fault(call: str) -> str:
    """What is wrong with a call, as one of a few reasons; empty for a good one. Nothing is evaluated."""
    try:
        with warnings.catch_warnings(action="error"):
            tree = ast.parse(call.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return "not a call"
    if not isinstance(tree, ast.Call) or not isinstance(tree.func, ast.Name):
        return "not a call"
    if tree.func.id not in API:
        return "unknown function"
    known = {name.rstrip("?"): kind for name, kind in API[tree.func.id].items()}
    given = {keyword.arg: keyword.value for keyword in tree.keywords}
    if tree.args or len(given) < len(tree.keywords) or not given.keys() <= known.keys():
        return "unknown argument"
    if not all(name in given or name.endswith("?") for name in API[tree.func.id]):
        return "missing argument"
    return next(filter(None, (wrong(value, known[name or ""]) for name, value in given.items())), "")


def wrong(node: ast.expr, kind: type | tuple[str, ...]) -> str:
    """What is wrong with the value of an argument."""
    value = node.value if isinstance(node, ast.Constant) else None
    if kind is int:
        return "" if type(value) is int else "wrong type"
    if not isinstance(value, str):
        return "wrong type"
    if isinstance(kind, tuple):
        return "" if value in kind else "unknown value"
    if kind is date:
        try:
            return "" if date.fromisoformat(value).isoformat() == value else "bad date"
        except ValueError:
            return "bad date"
    return "" if value.strip() else "empty value"


@sk.filter(reads={"call": str})
def valid_call(record: sk.Record) -> sk.Verdict:
    """Drops calls that the API would refuse."""
    reason = fault(record["call"])
    return sk.drop(reason, record["call"]) if reason else sk.KEEP


@sk.step(reads={"request": str, "call": str}, writes=("instruction", "output"), drops=("request", "call"))
def as_instruction(record: sk.Record) -> sk.Fields:
    """Names the columns as the formats expect them."""
    return {"instruction": record["request"], "output": record["call"]}


def pipeline(seeds: Path = SEEDS, model: str = "demo/default", per_call: int = 5) -> sk.Pipeline:
    """Requests to a task list with the API calls that answer them."""
    return (
        sk.Pipeline("task-api", target=100)
        >> FewShot(
            seeds=seeds,
            model=model,
            per_call=per_call,
            axes={
                "operation": ["add a task", "complete a task", "move a task", "delete a task", "list tasks"],
                "style": ["terse", "polite", "chatty"],
            },
            task=TASK,
        )
        >> valid_call
        >> ExactDedup("request")
        >> as_instruction
    )
