"""What the journal keeps: one paid response, as it came."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from synthkit.errors import JournalError

KEY_BYTES = 16
KINDS = ("answer", "attempt")  # the position is the byte that a block stores: never reorder
ANSWER, ATTEMPT = range(2)

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Entry:
    """One response, paid for.

    `key`: 16 bytes, the hash of the request and its sample.
    `kind`: "answer" is found by its key; "attempt" was paid for but is of no use (cut JSON, a lost race): it is
    kept for the accounts and never found.
    `data`: JSON values; they come back exactly, except that JSON has no tuples and no keys but strings.
    """

    key: bytes
    kind: str
    data: Mapping[str, Any]


def to_text(entry: Entry) -> bytes:
    """The entry's data as JSON text; JournalError when the entry is not one."""
    if len(entry.key) != KEY_BYTES or entry.kind not in KINDS:
        raise JournalError(
            f"a journal entry has a key of {KEY_BYTES} bytes and the kind answer or attempt, "
            f"not {len(entry.key)} bytes and {entry.kind!r}"
        )
    data = entry.data if isinstance(entry.data, dict) else dict(entry.data)
    try:
        # surrogatepass: models do answer with half a surrogate pair, and the raw text must survive
        return _encode(data).encode("utf-8", "surrogatepass")
    except (TypeError, ValueError, RecursionError) as error:
        raise JournalError(f"journal entry {entry.key.hex()} is not JSON ({error}): pass JSON values") from error


def from_text(key: bytes, kind: int, text: bytes) -> Entry:
    """The entry that `to_text` was given."""
    return Entry(key, KINDS[kind], json.loads(text.decode("utf-8", "surrogatepass")))
