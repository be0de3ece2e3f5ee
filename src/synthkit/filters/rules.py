"""Rules: keeps records whose columns have the form that was asked for."""

from collections.abc import Iterator, Mapping, Sequence
from math import floor

from pydantic import Field

from synthkit.core import IO, KEEP, Context, Filter, Have, Record, Verdict, drop
from synthkit.core.columns import fits
from synthkit.errors import ColumnError, PipelineError
from synthkit.filters._json import misfit, parsed
from synthkit.filters._patterns import found, script_pattern, share
from synthkit.filters._phrases import holds, plain
from synthkit.filters._rules import listed, problems_of, several, short

KINDS: Mapping[type, Sequence[str]] = {
    str: (
        "min_words", "max_words", "min_chars", "max_chars", "banned", "required", "required_all", "matches",
        "matches_all", "refuses", "one_of", "script", "valid_json",
    ),
    float: ("min_value", "max_value"),
    object: ("json_schema",),
}  # fmt: skip
"""The type of the columns that each rule reads."""
Broken = Iterator[tuple[str, str]]


class Rules(Filter):
    """Drops records that break a rule: `Rules(min_words={"instruction": 3}, banned={"output": ["as an AI"]})`.

    Every rule is given by column. A list is of things of which one must be there (or none, for `banned` and `refuses`);
    the rules in `_all` want every one of them.

    Phrases are words of their own («art» is not in «party»), in any script, without case. Regular expressions are
    those of Rust's `regex`: Python's, without look-around and back-references. In return they take linear time: none
    can hold up the other records, which Python's can, in whatever thread it runs.

    The reason is the column and what is wrong («instruction: too short»), the detail the numbers («2 words, at least
    3»), both of the first rule that is broken, in the order below.

    filled: columns that must be there, and not None, blank, or an empty list; behind it, a column that only some
    records had can be relied on. min_words, max_words: how many words, parted by white space. min_chars, max_chars: how
    many characters, without white space at the ends. min_value, max_value: the bounds of a number. banned: phrases that
    must not stand there. required, required_all: phrases that must. matches, matches_all: regular expressions that
    must be found. refuses: those that must not. one_of: the values a text may have, without white space at the ends.
    script: the writing systems of its letters, by Unicode's names (`latin`, `cyrillic`, `arabic`, …), or `chinese`,
    `japanese`, `korean`. script_share: the part of the letters that must be of them; a text without letters passes.
    valid_json: columns that must be JSON. json_schema: JSON schemas that they must fit, as JSON text or as a value.

    Example:
        (
            Pipeline("example")
            >> Rows([{"text": "one two"}, {"text": "one"}])
            >> Rules(min_words={"text": 2})
        )
    """

    filled: list[str] = []
    min_words: dict[str, int] = {}
    max_words: dict[str, int] = {}
    min_chars: dict[str, int] = {}
    max_chars: dict[str, int] = {}
    min_value: dict[str, float] = {}
    max_value: dict[str, float] = {}
    banned: dict[str, list[str]] = {}
    required: dict[str, list[str]] = {}
    required_all: dict[str, list[str]] = {}
    matches: dict[str, str | list[str]] = {}
    matches_all: dict[str, list[str]] = {}
    refuses: dict[str, str | list[str]] = {}
    one_of: dict[str, list[str]] = {}
    script: dict[str, str | list[str]] = {}
    script_share: float = Field(0.9, gt=0, le=1)
    valid_json: list[str] = []
    json_schema: dict[str, dict[str, object]] = {}

    def io(self, have: Have) -> IO:
        kinds = self._kinds()
        if not kinds and not self.filled:
            raise PipelineError("it has no rule: give one, as in Rules(min_words={'instruction': 3})")
        problems = list(problems_of(self, KINDS))
        if problems:
            raise PipelineError(*problems)
        some = [column for column in self.filled if column in have.maybe]
        # what may be None or missing is dropped, and must not fail its record before
        reads = {**dict.fromkeys(self.filled, object), **{c: k for c, k in kinds.items() if c not in self.filled}}
        return IO.of({c: kind for c, kind in reads.items() if c not in some}, optional=some, ensures=some)

    def _kinds(self) -> dict[str, type]:
        return {column: kind for kind, rules in KINDS.items() for rule in rules for column in getattr(self, rule)}

    async def check(self, record: Record, ctx: Context) -> Verdict:
        for broken in (self._empty, self._length, self._number, self._phrases, self._patterns, self._form):
            for reason, detail in broken(record):
                return drop(reason, detail)
        return KEEP

    def _empty(self, record: Record) -> Broken:
        kinds = self._kinds() if self.filled else {}
        for column in self.filled:
            value = record.get(column)
            if value is None or value == [] or value == {} or (isinstance(value, str) and not value.strip()):
                yield f"{column}: empty", "" if column in record else "it is missing"
            elif not fits(value, kind := kinds.get(column, object)):
                raise ColumnError(f"column {column!r} is {type(value).__name__}, and {self.name} needs {kind.__name__}")

    def _length(self, record: Record) -> Broken:
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

    def _number(self, record: Record) -> Broken:
        for column, least in self.min_value.items():
            if record[column] < least:
                yield f"{column}: too low", f"{record[column]}, at least {least:g}"
        for column, most in self.max_value.items():
            if record[column] > most:
                yield f"{column}: too high", f"{record[column]}, at most {most:g}"

    def _phrases(self, record: Record) -> Broken:
        for column, phrases in self.banned.items():
            text = plain(record[column])
            for phrase in phrases:
                if holds(text, plain(phrase)):
                    yield f"{column}: banned phrase", repr(phrase)
        for column, phrases in self.required.items():
            text = plain(record[column])
            if not any(holds(text, plain(phrase)) for phrase in phrases):
                yield f"{column}: no required phrase", f"none of {listed(phrases)}"
        for column, phrases in self.required_all.items():
            text = plain(record[column])
            for phrase in phrases:
                if not holds(text, plain(phrase)):
                    yield f"{column}: required phrase missing", repr(phrase)

    def _patterns(self, record: Record) -> Broken:
        for column, given in self.matches.items():
            patterns = several(given)
            if not any(found(regex, record[column]) for regex in patterns):
                what = f"{patterns[0]!r} is not found" if len(patterns) == 1 else f"none of {listed(patterns)} is found"
                yield f"{column}: no match", what
        for column, patterns in self.matches_all.items():
            for regex in patterns:
                if not found(regex, record[column]):
                    yield f"{column}: no match", f"{regex!r} is not found"
        for column, given in self.refuses.items():
            for regex in several(given):
                if found(regex, record[column]):
                    yield f"{column}: refused match", f"{regex!r} is found"

    def _form(self, record: Record) -> Broken:
        for column, values in self.one_of.items():
            text = record[column].strip()
            if text not in values:
                yield f"{column}: another value", f"{short(text)}, not one of {listed(values)}"
        for column, scripts in self.script.items():
            part = share(script_pattern(several(scripts)), record[column])
            if part < self.script_share:
                said = f"{floor(part * 100)}% of its letters are {' or '.join(several(scripts))}"
                yield f"{column}: another script", f"{said}, at least {self.script_share * 100:g}%"
        for column in dict.fromkeys([*self.valid_json, *self.json_schema]):
            yield from self._json(column, record[column])

    def _json(self, column: str, value: object) -> Broken:
        if isinstance(value, str):
            try:
                value = parsed(value)
            except ValueError as error:
                yield f"{column}: no JSON", str(error)
                return
        if column in self.json_schema:
            said = misfit(value, self.json_schema[column])
            if said:
                yield f"{column}: does not fit its schema", said
