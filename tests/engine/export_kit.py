"""What tests of exports share."""

from pathlib import Path
from typing import Any

from synthkit.core.files import read_rows
from synthkit.engine.examples import Sink, sink

TALKS = [
    {"instruction": f"Tell me about number {n} of {n * 7919}", "output": f"It is {n * 104729}."} for n in range(40)
]


def put(path: Path, examples: list[dict[str, Any]]) -> Sink:
    with sink(path) as file:
        for example in examples:
            file.add(example)
        file.close()
        file.publish()
    return file


def rows(path: Path) -> list[dict[str, Any]]:
    """What is in a file, without the columns that are not there on a row."""
    return [{name: value for name, value in row.items() if value is not None} for _, row in read_rows(path)]
