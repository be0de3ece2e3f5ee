"""What the tests of the engine share: small parts, and the proof that no record goes missing."""

from collections import Counter
from typing import Any

import synthkit as sk
from synthkit.engine.result import Result


@sk.generator(writes="n")
def numbers(top: int = 20) -> Any:
    """0 to top."""
    for n in range(top):
        yield {"n": n}


@sk.generator(writes="n", endless=True)
def forever(round: sk.Round) -> Any:
    """As many as are wanted."""
    for n in range(round.start, round.start + round.want):
        yield {"n": n}


@sk.step(reads={"n": int}, writes="m")
def doubled(record: sk.Record) -> sk.Fields:
    """Twice n."""
    return {"m": record["n"] * 2}


@sk.filter(reads={"n": int})
def even(record: sk.Record) -> Any:
    """Drops odd numbers."""
    return record["n"] % 2 == 0, "odd"


class Ask(sk.Prompt):
    """Asks about n."""

    template = "Number {{ n }}"


def adds_up(result: Result) -> Result:
    """Asserts that at each step all records are accounted for, and that steps hand all of them on."""
    before = None
    for label, count in result.tally.items():
        assert count.seen + count.made == count.out + count.dropped + count.failed, (label, count)
        assert min(count.seen, count.out, count.dropped, count.failed) >= 0, (label, count)
        assert before is None or count.seen == before, (label, count)
        before = count.out
    kinds = Counter(line["kind"] for line in result.rejected)
    assert kinds["dropped"] == sum(count.dropped for count in result.tally.values())
    assert kinds["failed"] == sum(count.failed for count in result.tally.values())
    if before is not None:
        assert len(result.accepted) + kinds["surplus"] == before
    ids = [record.id for record in result.scan()]
    assert len(set(ids)) == len(ids)
    return result


def failed(result: Result) -> list[tuple[str, str, str]]:
    """Reason, error and message of what failed, in order."""
    return [(r["reason"], r["error"], r["message"]) for r in result.rejected if r["kind"] == "failed"]
