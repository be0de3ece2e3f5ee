"""Values that records carry: what JSON can say, read only, and hashed in one canonical form."""

import copy
import json
import math
from collections.abc import Callable, Mapping
from enum import Enum
from hashlib import blake2b
from typing import Any, NoReturn

from synthkit.errors import ColumnError

RESERVED = ("_id", "_source")
"""Columns that files of records use for a record's identity."""
DEEPEST = 200
"""Lists and mappings inside each other: more would meet Python's own limit, here or where they are read again."""
LONGEST_NUMBER = 14_000
"""Bits of a whole number, some 4,200 digits: Python neither writes nor reads longer ones as text."""


def _refuse(self: object, *args: object, **kwargs: object) -> NoReturn:
    raise TypeError("values of a record are never changed in place: make a copy, and return it as a new column")


class FrozenList(list[Any]):
    """A list inside a record. Equal to any list; changing it raises, since siblings share it."""

    __slots__ = ()
    append = clear = extend = insert = pop = remove = reverse = sort = _refuse
    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse

    def __copy__(self) -> list[Any]:
        return list(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> list[Any]:
        return [copy.deepcopy(item, memo) for item in self]

    def __reduce__(self) -> tuple[Any, ...]:
        return (FrozenList, (list(self),))  # what is inside brings its own frozen form


class FrozenDict(dict[str, Any]):
    """A mapping inside a record. Equal to any dict; changing it raises."""

    __slots__ = ()
    clear = pop = popitem = setdefault = update = _refuse
    __setitem__ = __delitem__ = __ior__ = _refuse

    def __copy__(self) -> dict[str, Any]:
        return dict(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[str, Any]:
        return {key: copy.deepcopy(value, memo) for key, value in self.items()}

    def __reduce__(self) -> tuple[Any, ...]:
        return (FrozenDict, (dict(self),))


def freeze(value: Any, where: str = "value", depth: int = 0) -> Any:
    """The read-only form of a JSON value: lists and mappings are copied, what is frozen already is kept.

    Tuples become lists, pydantic models mappings, enum members their values. Raises `ColumnError`, naming the
    place, for what JSON cannot say: NaN and infinity, bytes, sets, dates, mappings with keys that are not text.
    """
    kind = type(value)
    if kind is str:
        return value if value.isascii() else whole(value)
    if kind is int:
        if value.bit_length() > LONGEST_NUMBER:
            raise ColumnError(f"{where} is a number of more than 4,200 digits: return it as text")
        return value
    if kind is bool or value is None:
        return value
    if kind is FrozenList or kind is FrozenDict:
        return value
    if kind is float:
        if math.isfinite(value):
            return value
        raise ColumnError(f"{where} is {value}, which JSON cannot say: return None instead")
    if depth > DEEPEST:
        raise ColumnError(f"{where[:80]}… holds lists and mappings more than {DEEPEST} deep: make it flatter")
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise ColumnError(f"{where} has the key {key!r}: keys must be text")
        return FrozenDict({whole(key): freeze(item, f"{where}[{key!r}]", depth + 1) for key, item in value.items()})
    if isinstance(value, list | tuple):
        if len(value) > 8 and set(map(type, value)) == {float} and all(map(math.isfinite, value)):
            return FrozenList(value)  # a vector: its numbers need no names
        return FrozenList([freeze(item, f"{where}[{number}]", depth + 1) for number, item in enumerate(value)])
    if isinstance(value, str):  # a subclass: enum members, markup
        return whole(value)
    if isinstance(value, int | float):  # enum members, numpy's float64
        return freeze(int(value) if isinstance(value, int) else float(value), where)
    if isinstance(value, Enum):
        return freeze(value.value, where, depth)
    if hasattr(value, "model_dump"):
        return freeze(value.model_dump(mode="json"), where, depth)
    raise ColumnError(
        f"{where} is a {kind.__name__}, which a record cannot carry: use text, numbers, true or false, None, "
        "lists and mappings of these"
    )


def freeze_fields(fields: Mapping[str, Any]) -> FrozenDict:
    """The read-only form of what a component returned; names the column that cannot be."""
    frozen = {}
    for name, value in fields.items():
        if not isinstance(name, str) or not name or name in RESERVED:
            raise ColumnError(f"{name!r} cannot be a column's name: {', '.join(RESERVED)} and '' are reserved")
        plain = type(value) is str and value.isascii()  # most are
        frozen[whole(name)] = value if plain else freeze(value, f"column {name!r}")
    return FrozenDict(frozen)


def whole(text: str) -> str:
    """A plain text with the halves of a character put together, as reading it back from a file would do."""
    text = str.__str__(text)
    if _encodes(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def _encoder(*, sort: bool) -> Callable[[Any], str]:
    """`JSONEncoder.encode` makes its encoder in C anew for each value, which is half of what a small one costs."""
    plain = json.JSONEncoder(ensure_ascii=False, sort_keys=sort, separators=(",", ":"), allow_nan=False)
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:  # a Python without it
        return plain.encode
    chunks = make(None, plain.default, json.encoder.encode_basestring, None, ":", ",", sort, False, False)
    return lambda value: "".join(chunks(value, 0))


_compact, _canonical = _encoder(sort=False), _encoder(sort=True)


def canonical(value: Any) -> str:
    """JSON with sorted keys and no spaces: equal values, equal text."""
    return _canonical(value)


def compact(value: Any) -> str:
    """JSON in the given order of keys, as files of records hold it. Lone surrogates are escaped."""
    text = _compact(value)
    return text if _encodes(text) else json.dumps(value, separators=(",", ":"), allow_nan=False)


def _encodes(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def digest(*parts: Any, size: int = 12) -> str:
    """The hexadecimal hash of JSON values: 96 bits unless told otherwise."""
    return blake2b(canonical(parts).encode("utf-8", "surrogatepass"), digest_size=size).hexdigest()
