"""Rules: keeps records whose texts have the form that was asked for."""

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NoReturn

from pydantic_core import SchemaError, SchemaValidator, core_schema

from synthkit.core import IO, KEEP, Context, Filter, Have, Record, Verdict, drop
from synthkit.errors import PipelineError
from synthkit.filters._phrases import holds, plain


class Rules(Filter):
    """Drops records whose texts break a rule: `Rules(min_words={"instruction": 3}, banned={"output": ["as an AI"]})`.

    Every rule is given by column. min_words, max_words: how many words, parted by white space. min_chars, max_chars:
    how many characters, without white space at the ends. banned: phrases that must not stand there; required: phrases
    of which one must. Phrases are words of their own («art» is not in «party»), in any script, without case. matches,
    refuses: a regular expression that must be found, or must not. one_of: the values a text may have, without white
    space at the ends. valid_json: columns that must be JSON.

    Regular expressions are those of Rust's `regex`: Python's, without look-around and back-references. In return they
    take linear time: none can hold up the other records, which Python's can, in whatever thread it runs.

    The reason is the column and what is wrong («instruction: too short»), the detail the numbers («2 words, at least
    3»), both of the first rule that is broken, in the order above.
    """

    min_words: dict[str, int] = {}
    max_words: dict[str, int] = {}
    min_chars: dict[str, int] = {}
    max_chars: dict[str, int] = {}
    banned: dict[str, list[str]] = {}
    required: dict[str, list[str]] = {}
    matches: dict[str, str] = {}
    refuses: dict[str, str] = {}
    one_of: dict[str, list[str]] = {}
    valid_json: list[str] = []

    def io(self, have: Have) -> IO:
        rules = [getattr(self, name) for name in type(self).model_fields if name != "label"]
        if not any(rules):
            raise PipelineError("it has no rule: give one, as in Rules(min_words={'instruction': 3})")
        problems = [*self._wrong_bounds(), *self._wrong_lists(), *self._wrong_patterns()]
        if problems:
            raise PipelineError(*problems)
        return IO.of(reads={column: str for columns in rules for column in columns})

    async def check(self, record: Record, ctx: Context) -> Verdict:
        for broken in (self._length, self._phrases, self._form):
            for reason, detail in broken(record):
                return drop(reason, detail)
        return KEEP

    def _length(self, record: Record) -> Iterator[tuple[str, str]]:
        for what, least, most in (
            ("word", self.min_words, self.max_words),
            ("character", self.min_chars, self.max_chars),
        ):
            for column in dict.fromkeys([*least, *most]):
                text = record[column]
                count = len(text.split()) if what == "word" else len(text.strip())
                said = f"{count} {what}{'' if count == 1 else 's'}"
                if count < least.get(column, 0):
                    yield f"{column}: too short", f"{said}, at least {least[column]}"
                if column in most and count > most[column]:
                    yield f"{column}: too long", f"{said}, at most {most[column]}"

    def _phrases(self, record: Record) -> Iterator[tuple[str, str]]:
        for column, phrases in self.banned.items():
            text = plain(record[column])
            for phrase in phrases:
                if holds(text, plain(phrase)):
                    yield f"{column}: banned phrase", repr(phrase)
        for column, phrases in self.required.items():
            text = plain(record[column])
            if not any(holds(text, plain(phrase)) for phrase in phrases):
                yield f"{column}: no required phrase", f"none of {_listed(phrases)}"

    def _form(self, record: Record) -> Iterator[tuple[str, str]]:
        for column, regex in self.matches.items():
            if not _found(regex, record[column]):
                yield f"{column}: no match", f"{regex!r} is not found"
        for column, regex in self.refuses.items():
            if _found(regex, record[column]):
                yield f"{column}: refused match", f"{regex!r} is found"
        for column, values in self.one_of.items():
            text = record[column].strip()
            if text not in values:
                yield f"{column}: another value", f"{_short(text)}, not one of {_listed(values)}"
        for column in self.valid_json:
            try:
                json.loads(record[column], parse_constant=_no_json)
            except (ValueError, RecursionError) as error:
                yield f"{column}: no JSON", str(error)

    def _wrong_bounds(self) -> Iterator[str]:
        pairs = {"words": (self.min_words, self.max_words), "chars": (self.min_chars, self.max_chars)}
        for unit, (least, most) in pairs.items():
            for side, bounds in (("min", least), ("max", most)):
                for column, bound in bounds.items():
                    if bound < 1:
                        yield f"{side}_{unit}[{column!r}]={bound} must be 1 or more"
            for column in least:
                if column in most and least[column] > most[column]:
                    yield f"{column!r}: min_{unit}={least[column]} is more than max_{unit}={most[column]}"

    def _wrong_lists(self) -> Iterator[str]:
        for name in ("banned", "required", "one_of"):
            values: Mapping[str, list[str]] = getattr(self, name)
            for column, listed in values.items():
                if not listed:
                    yield f"{name}[{column!r}] is empty: list something, or leave the column out"
                if name != "one_of" and not all(phrase.strip() for phrase in listed):
                    yield f"{name}[{column!r}] has an empty phrase: remove it"

    def _wrong_patterns(self) -> Iterator[str]:
        for name, patterns in (("matches", self.matches), ("refuses", self.refuses)):
            for column, regex in patterns.items():
                try:
                    _pattern(regex)
                except SchemaError as error:
                    said = str(error).strip().splitlines()[-1].strip().removeprefix("error: ")
                    said = said.removeprefix("SchemaError: ").rstrip(".")
                    yield f"{name}[{column!r}]={regex!r} is no regular expression of Rust's kind: {said}"


@lru_cache(256)
def _pattern(regex: str) -> SchemaValidator:
    """Rust's engine, as pydantic brings it."""
    return SchemaValidator(core_schema.str_schema(pattern=regex, regex_engine="rust-regex"))


def _found(regex: str, text: str) -> bool:
    # the engine takes no lone surrogates, which JSON lets through
    return _pattern(regex).isinstance_python(text if text.isascii() else text.encode(errors="replace").decode())


def _no_json(token: str) -> NoReturn:
    raise ValueError(f"{token} is no JSON")


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:59]}…")


def _listed(values: list[str]) -> str:
    return ", ".join(_short(value) for value in values[:6]) + (", …" if len(values) > 6 else "")
