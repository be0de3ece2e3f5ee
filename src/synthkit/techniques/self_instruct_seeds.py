"""The seed tasks of Self-Instruct, read from a file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synthkit.core.files import read_jsonl
from synthkit.core.source import bad_line
from synthkit.errors import InputError


def read_seeds(path: Path) -> list[str]:
    """The instructions of the seed tasks, in order.

    A JSON object a line, in the shape of the original's file (`instruction`, `instances` of `input` and `output`,
    `is_classification`) or plainer: only `instruction` is read, as in the original. Raises `InputError` naming file
    and line.
    """
    if path.suffix.lower() not in (".jsonl", ".json", ".ndjson"):
        raise InputError(f"{path}: seeds are JSON lines, a task a line: convert the file, and let it end in .jsonl")
    seeds = []
    for number, task in read_jsonl(path):
        try:
            seeds.append(_instruction(path, number, task))
        except InputError as error:
            bad_line(path, error)
    if not seeds:
        raise InputError(f"{path} holds no good seed task: it needs at least one")
    return seeds


def _instruction(path: Path, number: int, task: Mapping[str, Any]) -> str:
    where = f"{path}, line {number}"
    text = task.get("instruction")
    if "instruction" not in task:
        there = f"there are: {', '.join(task)}" if task else "the object is empty"
        raise InputError(f"{where}: a seed task needs an `instruction` ({there})")
    if not isinstance(text, str) or not text.strip():
        raise InputError(f"{where}: `instruction` must be a text that is not empty")
    instances = task.get("instances", [])
    if not isinstance(instances, list) or not all(isinstance(one, Mapping) and "output" in one for one in instances):
        raise InputError(f"{where}: `instances` must be a list of objects with `input` and `output`")
    return text
