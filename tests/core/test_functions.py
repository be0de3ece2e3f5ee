"""Parts as functions: what the decorators make of them, and what they refuse."""

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import future_parts
import pytest

import synthkit as sk
from synthkit.core import Have
from synthkit.errors import PipelineError, RecordError

if TYPE_CHECKING:
    from decimal import Decimal


class Asked(sk.Round):
    """A round as a generator sees it."""

    def __init__(self, want: int, start: int = 0) -> None:
        self.index, self.want, self.start, self.goal = 0, want, start, None


def record(**fields: Any) -> sk.Record:
    return sk.Record.generated("g", fields, 0)


def run(part: Any, **fields: Any) -> Any:
    method = part.check if isinstance(part, sk.Filter) else part.process
    return asyncio.run(method(record(**fields), "the context"))


@sk.generator
def bare() -> Iterator[dict[str, Any]]:
    """Yields three."""
    for n in range(3):
        yield {"n": n}


@sk.generator(writes=["n"], endless=True)
def by_round(round: sk.Round, step: int = 1) -> Iterator[dict[str, Any]]:
    for n in range(round.start, round.start + round.want):
        yield {"n": n * step}


@sk.step(reads={"x": int}, writes="y", drops="x", maybe="z")
def plain(record: sk.Record, by: int, *, plus: float = 0.5) -> sk.Fields:
    """Multiplies."""
    return {"y": record["x"] * by + plus}


@sk.step(writes="y")
async def waits(record: sk.Record, ctx: sk.Context) -> sk.Fields:
    await asyncio.sleep(0)
    return {"y": str(ctx)}


@sk.step(writes="y", cpu=True, fans_out=True)
def heavy(ctx: sk.Context, record: sk.Record) -> Any:
    return [{"y": 1}, {"y": 2}]


def test_a_function_becomes_a_component() -> None:
    part = plain(by=3)
    assert isinstance(part, sk.Step) and issubclass(plain, sk.Step)
    assert (part.name, plain.__doc__, plain.__name__, plain.__module__) == (
        "plain", "Multiplies.", "plain", __name__,
    )  # fmt: skip
    assert part.io(Have()) == sk.IO.of(reads={"x": int}, writes="y", drops="x", maybe="z")
    assert run(part, x=2) == {"y": 6.5}
    assert run(plain(by=3, plus=0, label="other"), x=2) == {"y": 6.0}
    assert (heavy.cpu, plain.cpu, heavy().io(Have()).fans_out) == (True, False, True)


def test_async_functions_and_contexts() -> None:
    assert run(waits()) == {"y": "the context"}
    assert run(heavy()) == [{"y": 1}, {"y": 2}]


def test_parameters_are_those_of_the_signature() -> None:
    assert list(plain.model_fields) == ["label", "placement", "by", "plus"]
    with pytest.raises(PipelineError, match="by"):
        plain()
    with pytest.raises(PipelineError, match="valid integer"):
        plain(by="many")
    with pytest.raises(PipelineError, match="has no parameter"):
        plain(by=1, times=2)
    assert plain(by="3").by == 3


@pytest.mark.parametrize(("want", "start", "made"), [(2**53, 0, [0, 1, 2]), (2, 0, [0, 1]), (5, 1, [1, 2]), (5, 9, [])])
def test_a_generator_without_round_goes_on_where_it_was(want: int, start: int, made: list[int]) -> None:
    assert [fields["n"] for fields in bare().generate(Asked(want, start))] == made
    assert not bare.endless


def test_a_generator_with_round_minds_it_itself() -> None:
    assert [fields["n"] for fields in by_round(step=2).generate(Asked(3, 4))] == [8, 10, 12]
    assert by_round.endless
    assert by_round().io(Have()).writes == ("n",)


FILTERS: list[tuple[Any, sk.Verdict]] = [
    (True, sk.KEEP),
    (False, sk.drop("not said")),
    (1, sk.KEEP),
    ((True, "why"), sk.KEEP),
    ((False, "too long"), sk.drop("too long")),
    ((False,), sk.drop("")),
    (sk.drop("x", "y", 2), sk.drop("x", "y", 2)),
]


@pytest.mark.parametrize(("value", "verdict"), FILTERS, ids=[repr(value) for value, _ in FILTERS])
@pytest.mark.parametrize("how", ["sync", "async"])
def test_what_a_filter_may_return(value: Any, verdict: sk.Verdict, how: str) -> None:
    if how == "sync":

        @sk.filter(reads="x")
        def said(record: sk.Record) -> Any:
            return value

    else:

        @sk.filter(reads="x")
        async def said(record: sk.Record) -> Any:
            return value

    assert run(said()) == verdict
    assert said().io(Have()).reads == {"x": object}


@pytest.mark.parametrize("value", [None, ()])
def test_a_filter_that_forgets_to_return_fails_instead_of_dropping_all(value: Any) -> None:
    @sk.filter()
    def said(record: sk.Record) -> Any:
        return value

    with pytest.raises(RecordError, match=r"said returned .*: a filter returns true or false"):
        run(said())


def test_annotations_may_be_text() -> None:
    assert [f["n"] for f in future_parts.counted(top=2).generate(Asked(9))] == [0, 1]
    assert future_parts.plus.model_fields["by"].annotation == int | None
    assert run(future_parts.plus(by=2), n=1) == {"m": 3}
    assert run(future_parts.plus(words=["a"]), n=1) == {"m": "a"}


def refused(decorator: Any, function: Any) -> str:
    with pytest.raises(PipelineError) as caught:
        decorator(function)
    return str(caught.value)


def test_what_is_refused() -> None:
    step, keep = sk.step(writes="y"), sk.filter()

    def untyped(record, by): ...  # type: ignore[no-untyped-def]
    def first(row: sk.Record): ...  # type: ignore[no-untyped-def]
    def nothing() -> Any: ...
    def starred(record: sk.Record, *args: int): ...  # type: ignore[no-untyped-def]
    def double_starred(record: sk.Record, **given: int): ...  # type: ignore[no-untyped-def]
    def hidden(record: sk.Record, by: "Decimal"): ...  # type: ignore[no-untyped-def]
    def named(record: sk.Record, name: str): ...  # type: ignore[no-untyped-def]
    def labelled(record: sk.Record, label: str): ...  # type: ignore[no-untyped-def]

    assert refused(step, untyped) == "untyped: give the parameter 'by' a type, as in `by: int`"
    assert refused(step, first) == "first: its first parameter must be called `record`"
    assert refused(keep, nothing) == "nothing: its first parameter must be called `record`"
    assert refused(step, starred) == "starred: *args cannot be a parameter of a pipeline function"
    assert refused(keep, double_starred) == "double_starred: *given cannot be a parameter of a pipeline function"
    assert refused(step, hidden) == (
        "hidden: a type of its parameters is not known (name 'Decimal' is not defined): import it outside of "
        "`if TYPE_CHECKING`, or define it before the function"
    )
    assert refused(step, named) == "named: 'name' is what every component has: give the parameter another name"
    assert refused(step, labelled) == "labelled: a parameter cannot be called 'label': rename it"
    assert refused(sk.step, nothing) == "nothing: write @step(reads=…, writes=…), with the columns it reads and writes"
    assert refused(sk.filter, nothing) == "nothing: write @filter(reads=…), with the columns it reads"
