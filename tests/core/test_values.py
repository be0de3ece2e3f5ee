"""Values of records: read only, exact, and hashed in one form."""

import copy
import datetime
import enum
import json
import math
import pickle
from collections import OrderedDict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from synthkit.core import Record
from synthkit.core.values import FrozenDict, FrozenList, canonical, compact, digest, freeze, freeze_fields
from synthkit.errors import ColumnError

TEXT = st.text(st.characters() | st.characters(categories=["Cs"]), max_size=8)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(2**400), 2**400)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
)
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=12
)
NAMES = TEXT.filter(lambda name: name not in ("", "_id", "_source"))
FIELDS = st.dictionaries(NAMES, JSON, max_size=4)


def same(one: Any, two: Any) -> bool:
    """Equal, and of equal types: 1 is not True, nor 1.0, nor -0.0 the same as 0.0."""
    if isinstance(one, dict) and isinstance(two, dict):
        return list(one) == list(two) and all(same(one[key], two[key]) for key in one)
    if isinstance(one, list) and isinstance(two, list):
        return len(one) == len(two) and all(map(same, one, two))
    if isinstance(one, float) and isinstance(two, float):
        return one == two and math.copysign(1, one) == math.copysign(1, two)
    return type(one) is type(two) and bool(one == two)


def pickled(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))  # noqa: S301


@given(JSON)
def test_what_is_frozen_is_read_back_exactly(value: Any) -> None:
    frozen = freeze(value)
    text = compact(frozen)
    text.encode()
    assert same(freeze(json.loads(text)), frozen)
    assert json.loads(canonical(frozen)) == frozen


@given(FIELDS)
def test_a_record_is_read_back_exactly(fields: dict[str, Any]) -> None:
    record = Record.generated("g", fields, 0)
    again = Record(record.id, record.source, json.loads(compact(record.fields)))
    assert same(dict(again), dict(record))
    assert again == record
    assert Record.generated("g", again, 0).id == record.id


@given(FIELDS, st.randoms(use_true_random=False))
def test_an_id_depends_on_the_content_and_not_on_the_order_of_keys(fields: dict[str, Any], random: Any) -> None:
    def shuffled(value: Any) -> Any:
        if isinstance(value, dict):
            keys = list(value)
            random.shuffle(keys)
            return {key: shuffled(value[key]) for key in keys}
        return [shuffled(item) for item in value] if isinstance(value, list) else value

    frozen = freeze_fields(fields)  # halves of characters may make two keys one
    first = Record.generated("g", frozen, 0)
    assert Record.generated("g", shuffled(dict(frozen)), 0).id == first.id
    assert first.source == first.id
    others = {Record.generated("h", frozen, 0).id, Record.generated("g", frozen, 1).id}
    others.add(Record.generated("g", {**frozen, "one more column": 1}, 0).id)
    others |= {first.child("p", 0, {}).id, first.child("p", 1, {}).id, first.child("q", 0, {}).id}
    assert len(others) == 6 and first.id not in others


@given(JSON, JSON)
def test_other_content_has_another_id(one: Any, two: Any) -> None:
    equal = canonical(freeze(one)) == canonical(freeze(two))
    assert (digest(freeze(one)) == digest(freeze(two))) == equal


def test_numbers_and_truth_of_equal_value_are_other_content() -> None:
    assert len({Record.generated("g", {"x": x}, 0).id for x in (1, 1.0, True, "1", None, 0.0, -0.0)}) == 7


@pytest.mark.parametrize("how", [freeze, lambda value: pickled(freeze(value))], ids=["frozen", "pickled"])
def test_nothing_in_a_record_can_be_changed(how: Any) -> None:
    value = how({"list": [1, [2]], "dict": {"a": 1}})
    changes = [
        lambda: value.update(x=1), lambda: value.pop("list"), lambda: value.__setitem__("x", 1),
        lambda: value.__delitem__("list"), lambda: value.setdefault("y", 2), lambda: value.clear(),
        lambda: value.popitem(), lambda: value.__ior__({"x": 1}), lambda: value["dict"].update(a=2),
        lambda: value["list"].append(1), lambda: value["list"].extend([1]), lambda: value["list"].insert(0, 1),
        lambda: value["list"].pop(), lambda: value["list"].remove(1), lambda: value["list"].sort(),
        lambda: value["list"].reverse(), lambda: value["list"].clear(), lambda: value["list"].__setitem__(0, 9),
        lambda: value["list"].__delitem__(0), lambda: value["list"].__iadd__([1]), lambda: value["list"].__imul__(2),
        lambda: value["list"][1].append(3),
    ]  # fmt: skip
    for change in changes:
        with pytest.raises(TypeError, match="never changed in place: make a copy"):
            change()
    assert value == {"list": [1, [2]], "dict": {"a": 1}}


def test_copies_can_be_changed() -> None:
    value = freeze({"list": [1, {"a": [2]}]})
    shallow, deep = copy.copy(value), copy.deepcopy(value)
    shallow["x"] = 1
    deep["list"][1]["a"].append(3)
    assert deep == {"list": [1, {"a": [2, 3]}]}
    assert value == {"list": [1, {"a": [2]}]}
    for free in (value | {"y": 1}, value["list"] + [2], value["list"][:], sorted(value["list"][:1]), dict(value)):
        assert type(free) in (dict, list)
    again = pickled(value)
    assert again == value and type(again) is FrozenDict and type(again["list"]) is FrozenList


def test_a_record_cannot_be_changed_and_is_copied_whole() -> None:
    record = Record.generated("g", {"a": [1], "b": 2}, 0)
    with pytest.raises(TypeError):
        record["a"] = 1  # type: ignore[index]
    child = record.child("step", 0, {"c": 3}, drop=["b"])
    assert dict(child) == {"a": [1], "c": 3}
    assert child.source == record.id != child.id
    assert child["a"] is record["a"], "siblings share what they did not change"
    for again in (pickled(child), copy.deepcopy(child), copy.copy(child)):
        assert again == child and hash(again) == hash(child)
        assert (again.id, again.source) == (child.id, child.source)
    assert record != dict(record)
    assert record.updated({"b": 5}).id == record.id


def test_deep_values() -> None:
    value: Any = "x"
    for number in range(150):
        value = [value] if number % 2 else {"k": value}
    frozen = freeze(value)
    assert freeze(json.loads(compact(frozen))) == frozen
    assert copy.deepcopy(frozen) == value


class Colour(enum.Enum):
    RED = "red"


class Word(str, enum.Enum):  # noqa: UP042  the older way, whose str() is another one
    A = "a"


class Level(enum.IntEnum):
    LOW = 1


class Inner(BaseModel):
    day: datetime.date
    colour: Colour = Colour.RED


def test_what_authors_return_becomes_plain() -> None:
    given = {
        "tuple": (1, (2,)), "enum": Colour.RED, "text": Word.A, "number": Level.LOW, "keys": {Word.A: 1},
        "model": Inner(day=datetime.date(2024, 1, 2)), "mapping": OrderedDict(a=1), "float": 2.0, Word.A: None,
    }  # fmt: skip
    fields = freeze_fields(given)
    assert fields == {
        "tuple": [1, [2]], "enum": "red", "text": "a", "number": 1, "keys": {"a": 1},
        "model": {"day": "2024-01-02", "colour": "red"}, "mapping": {"a": 1}, "float": 2.0, "a": None,
    }  # fmt: skip
    assert {type(fields["text"]), *map(type, fields["keys"]), *map(type, fields)} == {str}
    assert type(fields["number"]) is int


def test_halves_of_a_character_are_put_together() -> None:
    assert freeze(["\ud83d" + "\ude00", "\ude00\ud83d"]) == ["😀", "\ude00\ud83d"]


SAID = [
    ({"x": float("nan")}, "column 'x' is nan, which JSON cannot say: return None instead"),
    ({"x": [1, float("inf")]}, "column 'x'[1] is inf, which JSON cannot say: return None instead"),
    ({"x": {"k": -float("inf")}}, "column 'x'['k'] is -inf, which JSON cannot say: return None instead"),
    ({"x": {1: 2}}, "column 'x' has the key 1: keys must be text"),
    ({"x": b"1"}, "column 'x' is a bytes, which a record cannot carry: use text, numbers, true or false, None, lists"),
    ({"x": {1, 2}}, "column 'x' is a set, which a record cannot carry"),
    ({"x": datetime.date(2024, 1, 1)}, "column 'x' is a date, which a record cannot carry"),
    ({"x": [object()]}, "column 'x'[0] is a object, which a record cannot carry"),
    ({"x": (n for n in "ab")}, "column 'x' is a generator, which a record cannot carry"),
    ({"x": 10**4300}, "column 'x' is a number of more than 4,200 digits: return it as text"),
    ({"_id": 1}, "'_id' cannot be a column's name: _id, _source and '' are reserved"),
    ({"_source": 1}, "'_source' cannot be a column's name"),
    ({"": 1}, "'' cannot be a column's name"),
    ({3: 1}, "3 cannot be a column's name"),
]


@pytest.mark.parametrize(("fields", "said"), SAID, ids=[said[:40] for _, said in SAID])
def test_what_is_refused_and_how_it_is_said(fields: Any, said: str) -> None:
    with pytest.raises(ColumnError) as caught:
        freeze_fields(fields)
    assert str(caught.value).startswith(said)
    assert caught.value.reason == "column"


def test_the_longest_number() -> None:
    longest = 2**14_000 - 1
    assert json.loads(compact(freeze([longest, -longest]))) == [longest, -longest]
