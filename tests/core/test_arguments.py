"""Mistakes in how a component is made, and what is told behind a part that failed."""

from typing import Any

import pytest

import synthkit as sk
from synthkit.core import Have
from synthkit.core.flow import flow
from synthkit.errors import PipelineError
from synthkit.generators import Rows


@sk.step(reads="a", writes="b")
def a_to_b(record: sk.Record) -> sk.Fields:
    return {}


@sk.filter(reads="nowhere")
def good(record: sk.Record) -> bool:
    return True


@sk.step(drops="a")
def without_a(record: sk.Record) -> sk.Fields:
    return {}


class Own(sk.Step):
    """With an `__init__` that takes no other parameters."""

    size: int = 1

    def __init__(self, *, size: int) -> None:
        super().__init__(size=len(size) if size == 7 else size)  # type: ignore[arg-type]

    async def process(self, record: sk.Record, ctx: sk.Context) -> sk.Fields:
        return {}


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: sk.Repeat(a_to_b(), 2), ["Repeat needs the parameter 'into'"]),  # type: ignore[call-arg]
        (lambda: sk.Repeat(), [f"Repeat needs the parameter {n!r}" for n in ("step", "n", "into")]),  # type: ignore[call-arg]
        (lambda: sk.Repeat(a_to_b(), 2, "d", n=3), ["Repeat is given 'n' twice"]),  # type: ignore[misc]
        (lambda: sk.Repeat(a_to_b(), 2, "d", 4), ["Repeat takes only step, n, into without a name: write name=value"]),  # type: ignore[call-arg]
        (lambda: sk.Repeat(a_to_b(), 2, "d", att_least=1),
         ["Repeat has no parameter 'att_least'; did you mean 'at_least'?"]),
        (lambda: Own(sise=2), ["Own has no parameter 'sise'; did you mean 'size'?", "Own needs the parameter 'size'"]),  # type: ignore[call-arg]
        (lambda: Own(2), ["Own takes nothing without a name: write name=value", "Own needs the parameter 'size'"]),  # type: ignore[misc,call-arg]
    ],
)  # fmt: skip
def test_arguments_that_do_not_fit(make: Any, said: list[str]) -> None:
    with pytest.raises(PipelineError) as raised:
        make()
    assert list(raised.value.problems) == said


def test_a_type_error_of_an_init_is_its_own() -> None:
    with pytest.raises(TypeError, match=r"object of type 'int' has no len\(\)"):
        Own(size=7)


def test_what_a_part_might_have_written_is_not_missed_behind_it() -> None:
    broken = sk.Prompt(template="{{ a", into="x", model="m")

    def told(*parts: Any) -> list[str]:
        return list(flow(parts, Have(frozenset("a"))).problems)

    assert len(told(broken)) == 1
    assert told(broken, good()) == told(broken)
    assert len(told(good(), broken)) == 2, "what stands before it is told"
    assert told(broken, sk.Repeat(good(), 2, "d")) == told(broken), "nor inside another part"
    assert told(broken, without_a(), a_to_b())[1:] == ["a-to-b reads column 'a', which nothing before it writes"]
    assert told(sk.Fork({"x": (broken, good())})) == [f"fork: in 'x': {told(broken)[0]}"]


def test_a_notebook_shows_what_print_does(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    class Printer:
        """What IPython hands over."""

        said = ""

        def text(self, text: str) -> None:
            self.said += text

    monkeypatch.chdir(tmp_path)
    pipeline = sk.Pipeline("p") >> Rows([{"a": 1}, {"a": 2}]) >> a_to_c
    for shown in (pipeline.preview(1), pipeline.run()):
        printer = Printer()
        shown._repr_pretty_(printer, False)
        assert printer.said == str(shown) and "a-to-c" in printer.said
        assert repr(shown).startswith(f"<{type(shown).__name__} ") and len(repr(shown)) < 300
    assert repr(pipeline.preview(1)) == "<Preview of p: 1 of 1 records>"


@sk.step(reads="a", writes="c")
def a_to_c(record: sk.Record) -> sk.Fields:
    return {"c": record["a"]}
