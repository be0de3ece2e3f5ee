"""What is wrong with rules, said before a run, and how a rule is told."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from math import isfinite
from typing import Any

from synthkit.core import Filter
from synthkit.errors import PipelineError
from synthkit.filters._json import wrong_schema
from synthkit.filters._patterns import script_pattern, wrong

SPOKEN: Mapping[type, str] = {str: "text", float: "a number", object: "JSON"}


def problems_of(rules: Filter, kinds: Mapping[type, Sequence[str]]) -> Iterator[str]:
    """A sentence for each rule that makes no sense. kinds: the rules by the type of the columns that they read."""
    given = {name: getattr(rules, name) for name in type(rules).model_fields}
    yield from _kinds(given, kinds)
    yield from _bounds(given)
    yield from _lists(given)
    yield from _patterns(given)


def _kinds(given: Mapping[str, Any], kinds: Mapping[type, Sequence[str]]) -> Iterator[str]:
    first = {
        kind: {column: name for name in reversed(names) for column in given[name]} for kind, names in kinds.items()
    }
    for one, other in combinations(first, 2):
        if object in (one, other):
            continue
        for column in first[one].keys() & first[other].keys():
            yield (
                f"{column!r} is {SPOKEN[one]} for {first[one][column]} and {SPOKEN[other]} for "
                f"{first[other][column]}: it cannot be both"
            )


def _bounds(given: Mapping[str, Any]) -> Iterator[str]:
    for unit in ("words", "chars", "value"):
        least, most = given[f"min_{unit}"], given[f"max_{unit}"]
        for side, bounds in (("min", least), ("max", most)):
            for column, bound in bounds.items():
                if unit != "value" and bound < 1:
                    yield f"{side}_{unit}[{column!r}]={bound} must be 1 or more"
                if not isfinite(bound):
                    yield f"{side}_{unit}[{column!r}]={bound} is no number: leave the column out"
        for column in least:
            if column in most and least[column] > most[column]:
                yield f"{column!r}: min_{unit}={least[column]:g} is more than max_{unit}={most[column]:g}"


def _lists(given: Mapping[str, Any]) -> Iterator[str]:
    phrases = ("banned", "required", "required_all")
    for name in (*phrases, "matches", "matches_all", "refuses", "one_of", "script"):
        values: Mapping[str, str | list[str]] = given[name]
        for column, value in values.items():
            if not several(value):
                yield f"{name}[{column!r}] is empty: list something, or leave the column out"
            if name in phrases and not all(phrase.strip() for phrase in value):
                yield f"{name}[{column!r}] has an empty phrase: remove it"


def _patterns(given: Mapping[str, Any]) -> Iterator[str]:
    for name in ("matches", "matches_all", "refuses"):
        for column, value in given[name].items():
            for regex in several(value):
                said = wrong(regex)
                if said:
                    yield f"{name}[{column!r}]={regex!r} is no regular expression of Rust's kind: {said}"
    for column, value in given["script"].items():
        try:
            script_pattern(several(value))
        except PipelineError as error:
            yield f"script[{column!r}]: {error}"
    for column, schema in given["json_schema"].items():
        said = wrong_schema(schema)
        if said:
            yield f"json_schema[{column!r}] cannot be used: {said}"


def several(given: str | list[str]) -> list[str]:
    """A list of what may be given as one."""
    return [given] if isinstance(given, str) else given


def short(text: str) -> str:
    """A text as a detail shows it."""
    return repr(text if len(text) <= 60 else f"{text[:59]}…")


def listed(values: Sequence[str]) -> str:
    """Values as a detail lists them."""
    return ", ".join(short(value) for value in values[:6]) + (", …" if len(values) > 6 else "")
