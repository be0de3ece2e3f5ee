"""What travels between processes comes back as it was."""

import asyncio
import hashlib
import inspect
import pickle
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from synthkit import Record, errors
from synthkit.core.answer import Usage
from synthkit.core.context import Outcome, Reject
from synthkit.core.values import FrozenDict, FrozenList
from synthkit.core.verdict import Verdict
from synthkit.engine.cluster.parcel import packed, portable, unpacked
from synthkit.engine.cluster.pieces import Archive
from synthkit.engine.parts import Entry as Committed
from synthkit.engine.segment import Admission
from synthkit.engine.tally import Count
from synthkit.engine.trail import Mark
from synthkit.models.bill import Bill, Paid
from synthkit.models.hindrance import Hindrance
from synthkit.models.journal.entry import Entry
from synthkit.models.spent import Spent

ALL = [cls for cls in vars(errors).values() if inspect.isclass(cls) and issubclass(cls, errors.SynthkitError)]
NESTED = {"messages": [{"role": "user", "content": "hé"}], "tags": ["a", ["b"]], "n": 1, "x": None, "t": "text \ud800"}


def there(value: Any) -> Any:
    """The value as another process reads it, in every form of pickle that there is."""
    found = [pickle.loads(pickle.dumps(value, protocol)) for protocol in (2, 4, 5)]  # noqa: S301
    assert [type(each) for each in found] == [type(value)] * 3
    return found[-1]


def made(cls: type[errors.SynthkitError]) -> errors.SynthkitError:
    """An error with all that it can have."""
    taken = inspect.signature(cls.__init__).parameters
    known = {"reason": "mine", "free": not getattr(cls, "free", True), "retry_after": 2.5, "option": "top_p"}
    given = {name: value for name, value in known.items() if name in taken}
    error = cls("one", "two") if "problems" in taken else cls("a sentence", **given)
    error.body = "a body"  # type: ignore[attr-defined]
    error.add_note("a hint")
    return error


@pytest.mark.parametrize("cls", ALL, ids=lambda cls: cls.__name__)
def test_every_error_travels_whole(cls: type[errors.SynthkitError]) -> None:
    error = made(cls)
    again = there(error)
    assert str(again) == str(error)
    assert again.args == error.args
    assert vars(again) == vars(error)
    assert again.__notes__ == ["a hint"]
    for name in ("problems", "reason", "retry_after", "option", "free", "body", "exit_code"):
        assert getattr(again, name, None) == getattr(error, name, None), name
    kept = portable(error)
    assert type(kept) is cls
    assert (str(kept), vars(kept)) == (str(error), vars(error))


class Mine(errors.RateLimited):
    """An error of a plugin, with an `__init__` of its own."""

    reason = "own"

    def __init__(self, seconds: float, unit: str) -> None:
        super().__init__(f"wait {seconds} {unit}", retry_after=seconds)
        self.held = open  # what is not worth sending
        self.made = lambda: None


def test_an_error_whose_init_takes_something_else_travels() -> None:
    error = Mine(2, "s")
    del error.made
    again = there(error)
    assert (str(again), again.retry_after, again.reason) == ("wait 2 s", 2, "own")


def test_an_error_of_elsewhere_becomes_one_of_ours() -> None:
    error = portable(Mine(2, "s"))
    assert type(error) is errors.RateLimited
    assert (str(error), error.retry_after, error.reason) == ("wait 2 s", 2, "own")
    assert str(there(error)) == "wait 2 s"
    other = portable(ValueError("not\n\x1b good"))
    assert type(other) is errors.RunError
    assert str(other).startswith("ValueError: not")
    assert str(portable(KeyboardInterrupt())) == "KeyboardInterrupt"


def test_a_record_is_as_frozen_as_before() -> None:
    record = Record.generated("g", NESTED, 0)
    again = there(record)
    assert again == record
    assert (again.id, again.source) == (record.id, record.source)
    assert type(again.fields) is FrozenDict
    assert type(again["messages"]) is FrozenList
    assert type(again["messages"][0]) is FrozenDict
    assert type(again["tags"][1]) is FrozenList
    with pytest.raises(TypeError, match="never changed in place"):
        again["messages"][0]["role"] = "system"
    assert again.updated({"n": 2})["messages"] is again["messages"]  # nothing is frozen a second time


def test_records_share_what_they_shared() -> None:
    record = Record.generated("g", NESTED, 0)
    one, two = there([record.child("s", 0, {}), record.child("s", 1, {})])
    assert one["messages"] is two["messages"]


RECORD = Record.generated("g", NESTED, 0)
REJECT = Reject("failed", RECORD, "a/b", "timeout", "slow", "CallTimeout", None, 0.5, True, {"asked": 1})
SPENT = Spent(3, 1, Usage(1, 2, 3, 4, 5), Decimal("0.1"), 1)
MARK = Mark("id", "s", ["a"], ["b"], 2, ["00"], [("x", [Mark("id", "t")])], {"a": 1}, [{"b": 2}], [{"c": 3}])
PAID = Paid(9, 1, Usage(1), Decimal("1.25"), Decimal("0.1"), 1, Decimal(2), 1, 1, 1)


@pytest.mark.parametrize(
    "value",
    [
        REJECT,
        Outcome((RECORD,), (REJECT,), frozenset({"a"})),
        Verdict(False, "too short", "two words", 0.5),
        Admission(7, RECORD, 2, "salt"),
        Committed(7, RECORD.id, (RECORD,), (REJECT,), (MARK,)),
        MARK,
        Count(5, 1, 4, 1, 1, SPENT),
        SPENT,
        PAID,
        Usage(1, 2, 3, 4, 5),
        Entry(b"k" * 16, "answer", {"body": "{}"}),
        Hindrance("m", "outage", "timeout", 1.0, 2.0, 3.0, 4.0),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values_travel(value: Any) -> None:
    assert there(value) == value


def test_a_bill_travels() -> None:
    bill = Bill(["ask", "t/judge"])
    bill.paid("m", "ask/inner", Usage(3, 4), Decimal("0.5"))
    bill.unknown("m", "t/judge", Decimal(1))
    bill.hedged("m", "ask")
    bill.cut_off = Decimal("0.25")
    again = there(bill)
    assert again.form() == bill.form()
    again.free("m", "t/judge/x")
    assert again.by_step()["t/judge"].free == 1


def test_a_parcel_holds_its_admissions() -> None:
    sent = [Admission(n, RECORD.child("s", n, {"n": n}), n % 3, "salt" * (n % 2)) for n in range(20)]
    opened = opening(sent)
    assert opened == sent
    assert [a.record.source for a in opened] == [RECORD.id] * 20
    assert type(opened[0].record.fields) is FrozenDict
    assert type(opened[0].record["messages"][0]) is FrozenDict
    assert opened[0].record["messages"] is opened[19].record["messages"]
    assert opening([]) == []


def opening(sent: Sequence[Admission]) -> Sequence[Admission]:
    async def nothing(files: Sequence[str]) -> Sequence[bytes]:
        raise AssertionError("they are in the parcel")

    return asyncio.run(unpacked(packed(sent), Archive(nothing, Path())))


def test_a_parcel_is_small_enough_to_go_with_its_call() -> None:
    """What is above 100 KB Ray puts into its store, which costs milliseconds."""
    text = " ".join(hashlib.sha256(str(n).encode()).hexdigest()[:5] for n in range(100))
    parcel = packed([Admission(n, RECORD.child("s", n, {"text": f"{n} {text}"})) for n in range(256)])
    assert isinstance(parcel, bytes) and 256 * len(text) > 150_000 and len(parcel) < 100_000
