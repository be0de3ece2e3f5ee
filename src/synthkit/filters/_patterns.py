"""Patterns and scripts in texts, by Rust's regular expressions, which take linear time on any text."""

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

from pydantic_core import SchemaError, SchemaValidator, core_schema

from synthkit.core.columns import hint
from synthkit.errors import PipelineError

LANGUAGES = {
    "chinese": ("Han", "Bopomofo"),
    "japanese": ("Han", "Hiragana", "Katakana"),
    "korean": ("Hangul", "Han"),
}
"""Languages that are written in more than one of Unicode's scripts."""
COMMON = (
    "Arabic", "Armenian", "Bengali", "Cyrillic", "Devanagari", "Ethiopic", "Georgian", "Greek", "Gujarati", "Hangul",
    "Han", "Hebrew", "Hiragana", "Katakana", "Khmer", "Latin", "Sinhala", "Tamil", "Telugu", "Thai", *LANGUAGES,
)  # fmt: skip
"""Names to be hinted at; any other of Unicode's scripts is as good."""
OF_SCRIPT = r"\p{{Script_Extensions={}}}"
NEUTRAL = r"^[\p{Script=Common}\p{Script=Inherited}]$"
"""Letters of no script: «µ», mathematical ones."""


@lru_cache(256)
def _pattern(regex: str) -> SchemaValidator:
    """Rust's engine, as pydantic brings it."""
    return SchemaValidator(core_schema.str_schema(pattern=regex, regex_engine="rust-regex"))


def found(regex: str, text: str) -> bool:
    """Whether a pattern is somewhere in a text."""
    # the engine takes no lone surrogates, which JSON lets through
    return _pattern(regex).isinstance_python(text if text.isascii() else text.encode(errors="replace").decode())


def wrong(regex: str) -> str:
    """What is wrong with a pattern; nothing where it is one."""
    try:
        _pattern(regex)
    except SchemaError as error:
        said = str(error).strip().splitlines()[-1].strip().removeprefix("error: ")
        return said.removeprefix("SchemaError: ").rstrip(".")
    return ""


def script_pattern(scripts: Sequence[str]) -> str:
    """The pattern of a letter of these scripts. Raises `PipelineError` for one that Unicode does not know."""
    every = [script for name in scripts for script in LANGUAGES.get(name.lower(), (name,))]
    for script in every:
        if not re.fullmatch(r"[A-Za-z][A-Za-z_ -]*", script) or wrong(OF_SCRIPT.format(script)):
            raise PipelineError(f"{script!r} is no script of Unicode's{hint(script.title(), COMMON)}")
    return f"^[{''.join(OF_SCRIPT.format(script) for script in every)}]$"


def share(pattern: str, text: str) -> float:
    """Which part of a text's letters is of the scripts of a pattern, from 0 to 1; 1 where it has no letter."""
    inside = outside = 0
    for character, count in Counter(text).items():
        if character.isalpha():
            kind = _kind(pattern, character)
            inside += count * (kind > 0)
            outside += count * (kind < 0)
    return inside / (inside + outside) if inside + outside else 1.0


@lru_cache(65536)
def _kind(pattern: str, letter: str) -> int:
    """Whether a letter is of the scripts (1), of none (0), or of another (-1)."""
    return 1 if found(pattern, letter) else 0 if found(NEUTRAL, letter) else -1
