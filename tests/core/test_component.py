"""Components: configured, checked, and rebuilt from name and parameters."""

import json
import sys
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, ValidationError

import synthkit as sk
from synthkit.core import Have
from synthkit.core.component import build, chain, kebab, spec
from synthkit.errors import PipelineError


class Registry:
    """Names as the engine's registry gives them to classes of a module."""

    def name_of(self, cls: type) -> str:
        return f"{cls.__module__}:{cls.__qualname__}"

    def component(self, name: str) -> Any:
        module, _, qualname = name.partition(":")
        found: Any = sys.modules[module]
        for part in qualname.split("."):
            found = getattr(found, part)
        return found

    function = component


NAMES = Registry()


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Limits(BaseModel):
    least: int = 0
    most: float = 1.5


class Everything(sk.Step):
    """One parameter of each kind that can be recorded."""

    model: sk.ModelName
    other: sk.ModelName | None = None
    more: list[sk.ModelName] = []
    by_name: dict[str, sk.ModelName] = {}
    path: Path = Path("a/b.jsonl")
    paths: tuple[Path, ...] = ()
    colour: Colour = Colour.RED
    by_colour: dict[Colour, int] = {}
    by_number: dict[int, str] = {}
    limits: Limits = Limits()
    mode: Literal["x", "y"] = "x"
    ratio: float = 0.1
    big: int = 2**80
    nothing: None = None
    nested: dict[str, list[dict[str, Any]]] = {}
    part: sk.PartField | None = None
    kind: type[BaseModel] | None = None

    async def process(self, record: sk.Record, ctx: sk.Context) -> sk.Fields:
        return {}


class Words(sk.Filter):
    """Two lines of __init__ give a positional parameter."""

    column: str
    least: int = 1

    def __init__(self, column: str, **parameters: Any) -> None:
        super().__init__(column=column, **parameters)

    async def check(self, record: sk.Record, ctx: sk.Context) -> sk.Verdict:
        return sk.KEEP


@sk.step(reads="x", writes="y")
def scaled(record: sk.Record, by: float = 2.0, tags: tuple[str, ...] = ()) -> sk.Fields:
    return {"y": record["x"] * by}


def again(component: sk.Component) -> sk.Component:
    text = json.dumps(spec(component, NAMES))
    return build(json.loads(text), NAMES)


WHOLE = Everything(
    model="a/b", other="c/d", more=["e", "f"], by_name={"x": "g"}, paths=(Path("x.csv"), Path("/y")),
    colour=Colour.BLUE, by_colour={Colour.RED: 1, Colour.BLUE: 2}, by_number={3: "three"}, limits=Limits(least=4),
    mode="y", nested={"a": [{"b": [1, None, {"c": 1.0}]}]}, part=(Words("w", least=2), scaled(by=0.5)), kind=Limits,
    label="all/of-it",
)  # fmt: skip


@pytest.mark.parametrize(
    "component",
    [
        WHOLE,
        Words("text"),
        scaled(tags=("a", "b"), label="other"),
        sk.Fork({"a": scaled(), "b": (Words("x"), WHOLE)}, into="out", at_least=1),
        sk.Each("rows", sk.Repeat(scaled(), 3, "ys"), at_least=0, has=("x",)),
        sk.Route(weights={"a": 1, "b": 2.5}, ways={"a": scaled(), "b": [Words("x"), scaled()]}, otherwise=WHOLE),
        sk.Loop(scaled(), sk.AtLeast(least=3, column="y"), max_rounds=2, otherwise="best"),
    ],
    ids=lambda c: type(c).__name__,
)
def test_a_component_is_rebuilt_from_its_spec(component: sk.Component) -> None:
    rebuilt = again(component)
    assert rebuilt == component
    assert type(rebuilt) is type(component)
    assert spec(rebuilt, NAMES) == spec(component, NAMES)


def test_a_judge_and_its_gate_are_rebuilt() -> None:
    class_ = Marks(model="m", prefix="p_").at_least(4)
    assert again(class_) == class_
    judge, gate = chain(class_)
    assert (judge.name, gate.name) == ("marks", "marks/at-least")
    assert gate.column == "p_score"  # type: ignore[attr-defined]


class Marks(sk.Judge):
    model: sk.ModelName

    async def process(self, record: sk.Record, ctx: sk.Context) -> sk.Fields:
        return {}


class Holder(sk.Step):
    thing: Any = None

    async def process(self, record: sk.Record, ctx: sk.Context) -> sk.Fields:
        return {}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({1, 2}, "holder.thing holds a set, which cannot be recorded: parameters are text, numbers, paths"),
        ([{"a": object()}], "holder.thing holds a object, which cannot be recorded"),
        (lambda: 1, "holder.thing: a lambda has no name by which a resumed run can find it: write it as a function"),
        ("x".join, "holder.thing: join belongs to one object, which a resumed run cannot find"),
        (Holder().process, "holder.thing: process belongs to one object, which a resumed run cannot find"),
        (partial(len), "holder.thing holds a partial, which cannot be recorded"),
    ],
    ids=["set", "object", "lambda", "bound", "method", "partial"],
)
def test_what_cannot_be_recorded_is_refused(value: Any, said: str) -> None:
    with pytest.raises(PipelineError) as caught:
        spec(Holder(thing=value), NAMES)
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize("function", [len, str.upper, json.dumps, kebab, str])
def test_functions_travel_by_name(function: Any) -> None:
    assert again(Holder(thing=[function])).thing == [function]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "value",
    [
        {"use": "x", "with": {"type": "y"}},
        {"a": {"type": "string"}},
        [{"plain": {"plain": {"type": {"use": 1, "with": 2}}}}],
        {"type": "object", "properties": {"type": {"type": "string"}}},
        {"plain": 1},
        {"function": "x"},
    ],
)
def test_mappings_with_the_keys_of_components_come_back_as_they_were(value: Any) -> None:
    assert again(Holder(thing=value)).thing == value  # type: ignore[attr-defined]


def test_models_and_files_are_found_in_every_kind_of_field() -> None:
    assert WHOLE.models() == ["a/b", "c/d", "e", "f", "g"]
    assert WHOLE.files() == [Path("a/b.jsonl"), Path("x.csv"), Path("/y")]
    assert Words("text").models() == []


def test_a_model_asked_twice_is_named_once() -> None:
    assert Everything(model="a", other="a", more=["b", "a"]).models() == ["a", "b"]


def test_a_field_is_set_by_plain_assignment() -> None:
    class Base(sk.Step):
        model: sk.ModelName
        times: Annotated[int, Field(ge=1)] = 1
        file: Path = Path("x")

        async def process(self, record: sk.Record, ctx: sk.Context) -> sk.Fields:
            return {}

    class Set(Base):
        model = "teacher"
        times = 3
        file = "y/z.txt"
        label = "named"

    class SetAgain(Set):
        times = 4

    assert (Set().models(), Set().times, Set().files(), Set().name) == (["teacher"], 3, [Path("y/z.txt")], "named")
    assert (SetAgain().times, SetAgain().models(), SetAgain(model="other").models()) == (4, ["teacher"], ["other"])

    class Wrong(Base):
        model = "m"
        times = 0

    with pytest.raises(PipelineError, match="greater than or equal to 1"):
        Wrong()


@pytest.mark.parametrize("taken", ["name", "io", "expand", "inner", "models", "files", "requires"])
def test_a_parameter_may_not_hide_what_components_have(taken: str) -> None:
    with pytest.raises(PipelineError) as caught:
        type(sk.Step)("Mine", (sk.Step,), {"__annotations__": {taken: list[str]}, "__module__": __name__})
    assert str(caught.value) == f"Mine: {taken!r} is what every component has: give the parameter another name"


def test_parameters_are_checked_and_fixed() -> None:
    with pytest.raises(PipelineError, match="has no parameter"):
        Words("text", colour="red")
    with pytest.raises(PipelineError, match="'Not Me' cannot be a label: use a-z, 0-9"):
        Words("text", label="Not Me")
    with pytest.raises(ValidationError, match="frozen"):
        Words("text").least = 3
    with pytest.raises(TypeError, match="abstract"):
        sk.Step()  # type: ignore[abstract]


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("MinHashDedup", "min-hash-dedup"),
        ("DPO", "dpo"),
        ("ShareGPTFormat", "share-gpt-format"),
        ("to_words", "to-words"),
        ("_Hidden", "hidden"),
        ("Top10", "top10"),
    ],
)
def test_a_default_label(name: str, label: str) -> None:
    assert kebab(name) == label


class Technique(sk.Component):
    """Expands into parts, one of them a technique itself."""

    def expand(self) -> list[sk.Component]:
        return [scaled(), Words("x", label="long"), Within(), Words("y", label=f"{self.name}/own")]


class Within(sk.Component):
    def expand(self) -> list[sk.Component]:
        return [scaled()]


def test_parts_of_a_technique_are_labelled_under_it() -> None:
    assert [part.name for part in chain(Technique())] == [
        "technique/scaled",
        "technique/long",
        "technique/within/scaled",
        "technique/own",
    ]
    assert [part.name for part in chain(Technique(label="t"))][:2] == ["t/scaled", "t/long"]
    assert again(Technique(label="t")) == Technique(label="t")


def test_a_pipeline_starts_with_pipeline() -> None:
    with pytest.raises(PipelineError, match=r"a pipeline starts with Pipeline\(name\)"):
        Words("x") >> scaled()
    with pytest.raises(PipelineError, match="int is no component"):
        sk.Pipeline("p") >> 3
    with pytest.raises(PipelineError, match="<lambda> is no component: use a class of Generator"):
        sk.Pipeline("p") >> (lambda record: record)
    with pytest.raises(PipelineError, match="'a b' cannot be a pipeline's name: use letters, digits"):
        sk.Pipeline("a b")


def test_a_pipeline_never_changes() -> None:
    empty = sk.Pipeline("p", target=3)
    one = empty >> scaled
    two = one >> (Words("x"), scaled(label="b"))
    assert (empty.parts, one.parts) == ((), (scaled(),))
    assert repr(two) == "Pipeline('p', target=3) >> scaled >> words >> b"


def test_the_io_of_a_part_without_one_is_empty() -> None:
    assert Words("x").io(Have(frozenset({"x"}))) == sk.IO()
