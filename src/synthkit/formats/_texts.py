"""Texts as formats read them from columns, and keys of examples."""

from collections.abc import Mapping, Sequence
from typing import Any

from synthkit.errors import RecordError


def filled(record: Mapping[str, Any], column: str) -> str:
    """A text that must be there and say something."""
    value = text(record, column)
    if not value.strip():
        raise RecordError(f"column {column!r} is empty", reason="empty text")
    return value


def text(record: Mapping[str, Any], column: str) -> str:
    """A text; "" where there is none."""
    value = record.get(column)
    if value is not None and not isinstance(value, str):
        raise RecordError(f"column {column!r} is not text", reason="not text")
    return stated(value or "", f"column {column!r}")


def stated(text: str, where: str) -> str:
    """A text that every reader can read: half a character (a lone surrogate) is none."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise RecordError(f"{where} holds half a character, which no trainer can read", reason="not text") from None
    return text


def request(record: Mapping[str, Any], instruction: str, input: str) -> str:
    """The user's turn: the instruction, and behind a blank line the input, if there is one."""
    task, given = filled(record, instruction), text(record, input)
    return f"{task}\n\n{given}" if given.strip() else task


def only(example: Mapping[str, Any], needed: Sequence[str], optional: Sequence[str] = ()) -> None:
    """Raises `RecordError` for an example that lacks a key, or has one that would be lost. None is as good as no key:
    columns of files hold it for what is not there."""
    for key in needed:
        if example.get(key) is None:
            raise RecordError(f"the example has no {key!r}", reason="missing key")
    extra = sorted(key for key in example if key not in (*needed, *optional) and example[key] is not None)
    if extra:
        raise RecordError(f"the example has {extra[0]!r}, which this format cannot hold", reason="unknown key")
