"""Functions for `Map`, as a user's file has them."""

import functools
from collections.abc import Callable, Iterator
from typing import Any

import synthkit as sk


def shout(record):
    return {"loud": record["text"].upper()}


def words(text: str):
    return len(text.split())


def both(text: str, note: str = "none"):
    return {"line": f"{text} {note}", "length": len(text)}


def sentences(row):
    return [{"sentence": part} for part in row["text"].split(". ")]


def parts(example):
    """Yields in a loop, and has a function inside."""

    def inner(part):
        return {"not": "ours"}

    for part in example["text"].split():
        yield {"part": part, "inner": inner(part)["not"]}


def graded(record):
    if record.get("note"):
        return {"grade": 1, "why": record["note"]}
    return {"grade": 2} if "x" in record["text"] else {"grade": 3}


def repeats(record):
    return {**record, "text": record["text"] * 2, "n": 1}


def hidden(record):
    made = {}
    made["loud"] = record["text"].upper()
    return made


def changes(record):
    record["loud"] = record["text"].upper()
    return record


def picky(record):
    return sk.drop("too short", record["text"]) if len(record["text"]) < 3 else {"fine": True}


def fails(text):
    raise ValueError(f"no {text}")


def nothing(text):
    """Forgets to return."""


def anything(*columns):
    return columns


def options(note="x"):
    return {"note": note}


async def later(text: str):
    return {"later": text}


@functools.cache
def cached(text: str):
    return {"cached": text}


def twice(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def called(record: Any) -> Any:
        return function(function(record))

    return called


@twice
def wrapped(record):
    return {"text": record["text"] + "!"}


def bare(function: Callable[..., Any]) -> Callable[..., Any]:
    def called(record: Any) -> Any:
        return function(record)

    return called


@bare
def without_a_name(record):
    return {"x": 1}


@sk.step(reads="text", writes="n")
def a_step(record):
    return {"n": 1}


class Tools:
    @staticmethod
    def clean(text):
        return text.strip()


def many(text) -> Iterator[dict[str, str]]:
    yield from ({"one": word} for word in text.split())
