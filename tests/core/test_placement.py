"""Placement: what can be asked for, how it is told to Ray, and that it travels with a component."""

import json
from typing import Any

import pytest

import synthkit as sk
from synthkit.core import Placement, chain
from synthkit.core.component import build, spec
from synthkit.core.placement import placement_of
from synthkit.errors import PipelineError
from synthkit.judges import Rubric
from synthkit.plugins import registry

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"cpus": -1}, "cpus: -1 is no quantity: give a number, 0 or more"),
    ({"cpus": True}, "cpus: True is no quantity: give a number, 0 or more"),
    ({"cpus": float("nan")}, "cpus: nan is no quantity: give a number, 0 or more"),
    ({"cpus": 0.00001}, "cpus: 1e-05 is too little: the least that can be asked for is 0.0001"),
    ({"gpus": "1"}, "gpus: '1' is no quantity: give a number, 0 or more"),
    ({"gpus": 1.5}, "gpus: 1.5 cannot be had: ask for a share of one card, or for whole ones"),
    ({"memory": "4"}, "memory: '4' is no size: write '4GB' or '500MB', or a whole number of bytes"),
    ({"memory": 4.5}, "memory: 4.5 is no size: write '4GB' or '500MB', or a whole number of bytes"),
    ({"memory": 4}, "memory: 4 is too little to work with: a whole number is bytes, and '4GB' is more"),
    ({"memory": "1kB"}, "memory: '1kB' is too little to work with: a whole number is bytes, and '4GB' is more"),
    ({"resources": ["x"]}, "resources: ['x'] is no mapping of names to numbers: write {'licence': 1}"),
    ({"resources": {"GPU": 1}}, "resources: 'GPU' has a parameter of its own: write gpus=…"),
    ({"resources": {"x": 0}}, "resources: {'x': 0}: 0 is too little: the least that can be asked for is 0.0001"),
    ({"resources": {"x": "1"}}, "resources: {'x': '1'}: '1' is no quantity: give a number, 0 or more"),
    ({"replicas": 0}, "replicas: 0 is no number of lanes: give 1 or more, or leave it out"),
    ({"replicas": 1.0}, "replicas: 1.0 is no number of lanes: give 1 or more, or leave it out"),
]


class Local(sk.Step):
    """Its class asks for a card."""

    placement = Placement(gpus=1, memory="16GiB")

    async def process(self, record: sk.Record, ctx: sk.Context) -> sk.Fields:
        return {}


@sk.filter(reads="n", placement=Placement(cpus=2))
def heavy(record: sk.Record, least: int = 0) -> Any:
    return record["n"] >= least


@pytest.mark.parametrize(("given", "said"), REFUSED, ids=lambda value: value if isinstance(value, str) else "")
def test_what_cannot_be_is_refused_in_a_sentence(given: dict[str, Any], said: str) -> None:
    with pytest.raises(PipelineError) as caught:
        Placement(**given)
    assert caught.value.problems == (f"Placement: {said}",)


def test_all_that_is_wrong_is_said_at_once_and_a_wrong_name_is_put_right() -> None:
    with pytest.raises(PipelineError) as caught:
        Placement(gpu=1, cpus=-1)
    assert sorted(caught.value.problems) == [
        "Placement has no parameter 'gpu'; did you mean 'gpus'?",
        "Placement: cpus: -1 is no quantity: give a number, 0 or more",
    ]


@pytest.mark.parametrize(
    ("memory", "size"),
    [("4GB", 4 * 10**9), ("1.5gb", 1_500_000_000), (" 4 GiB ", 4 * 1024**3), ("2T", 2 * 10**12), (10**9, 10**9)],
)
def test_memory_is_kept_in_bytes(memory: str | int, size: int) -> None:
    assert Placement(memory=memory).memory == size


def test_options_hold_what_is_asked_for_and_nothing_else() -> None:
    assert Placement(replicas=3).options() == {}
    assert Placement(cpus=0, gpus=0.5).options() == {"num_cpus": 0, "num_gpus": 0.5}
    asked = Placement(cpus=2, gpus=1, memory="4GB", resources={"licence": 1})
    assert asked.options() == {"num_cpus": 2, "num_gpus": 1, "memory": 4 * 10**9, "resources": {"licence": 1}}
    asked.options()["resources"]["licence"] = 2
    assert asked.resources == {"licence": 1}, "the options are the caller's own"


def test_alike_is_what_asks_for_the_same() -> None:
    asked = Placement(gpus=1, resources={"a": 1, "b": 2})
    assert asked.alike(Placement(gpus=1.0, resources={"b": 2, "a": 1}))
    assert Placement(memory="1GB").alike(Placement(memory=10**9))
    assert Placement().alike(None) and not asked.alike(None)
    assert not asked.alike(Placement(gpus=1)) and not Placement().alike(Placement(replicas=1))


def test_it_is_told_as_it_is_written() -> None:
    asked = Placement(gpus=1, cpus=0.5, memory="4GB", resources={"b": 2, "a": 1}, replicas=2)
    assert str(asked) == "Placement(cpus=0.5, gpus=1, memory='4GB', resources={'a': 1, 'b': 2}, replicas=2)"
    assert str(Placement()) == "Placement()"
    sizes: list[str | int] = ["1500MB", "4GiB", "3MiB", 10**6 + 1]
    assert [str(Placement(memory=size)) for size in sizes] == [f"Placement(memory={size!r})" for size in sizes]


def test_the_author_says_what_it_needs_and_the_user_has_the_last_word() -> None:
    assert placement_of(Local()) == Placement(gpus=1, memory="16GiB")
    assert placement_of(Local(placement=Placement(gpus=2))) == Placement(gpus=2)
    assert placement_of(Local(placement=None)) == Placement()
    assert placement_of(heavy(least=2)) == Placement(cpus=2) and getattr(heavy(least=2), "least", 0) == 2
    assert placement_of(heavy(placement=None)) == placement_of(sk.Prompt(model="m", template="x")) == Placement()


@pytest.mark.parametrize(
    "given", [Local(), Local(placement=None), Local(placement=Placement(resources={"use": 1, "with": 2}))]
)
def test_it_travels_as_json(given: Local) -> None:
    form = json.dumps(spec(given, registry()))
    assert placement_of(build(json.loads(form), registry())) == placement_of(given)
    before = json.loads(form)
    del before["with"]["placement"]
    assert placement_of(build(before, registry())) == placement_of(Local()), "as recorded by who knew of no placement"


def test_a_gate_runs_where_its_judge_does() -> None:
    judge, gate = chain(Rubric(model="m", placement=Placement(gpus=1)).at_least(4))
    assert placement_of(judge) == placement_of(gate) == Placement(gpus=1)


def test_who_has_no_placement_says_so() -> None:
    with pytest.raises(PipelineError, match=r"Numbers: only steps and filters have a placement: leave it out"):

        class Numbers(sk.Generator):
            placement = Placement(gpus=1)

    with pytest.raises(PipelineError, match=r"ExactDedup has no parameter 'placement'"):
        from synthkit.filters import ExactDedup

        ExactDedup("text", placement=Placement(gpus=1))
    with pytest.raises(PipelineError, match=r"Gate has no parameter 'placement'"):
        Rubric(model="m").at_least(4).__class__(judge=Rubric(model="m"), least=4, placement=Placement())


def test_a_parameter_cannot_hide_what_opens_a_step() -> None:
    with pytest.raises(PipelineError, match=r"Door: 'open' is what every step has: give the parameter another name"):

        class Door(sk.Filter):
            open: bool = True  # type: ignore[assignment]

    class Market(sk.Generator):
        open: int = 9

        def generate(self, round: sk.Round) -> Any:
            yield {"open": self.open}

    assert Market(open=8).open == 8
