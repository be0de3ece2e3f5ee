"""What is found before any call: every sentence of the check."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from engine_kit import Ask, doubled, even, forever, numbers

import synthkit as sk
from synthkit import Pipeline
from synthkit.engine import api
from synthkit.engine.settings import Settings
from synthkit.errors import ConfigError, PipelineError
from synthkit.testing import LoopbackServer

Serve = Callable[..., LoopbackServer]


class Latest(sk.Generator):
    """Reads what a step kept."""

    tapped: str = "doubled"

    def taps(self) -> list[str]:
        return [self.tapped]

    def io(self, have: Any) -> sk.IO:
        return sk.IO.of(writes="n")

    def generate(self, round: sk.Round) -> Iterator[sk.Fields]:
        yield from ()


class Best(sk.DatasetStep):
    when = "end"

    def resolve(self, view: sk.View) -> pl.DataFrame:
        return view.new.with_columns(keep=True)


class Technique(sk.Component):
    """A generator and a step that it taps, relative to itself."""

    def expand(self) -> list[sk.Component]:
        return [Latest(), doubled()]


class Vectors(Ask):
    requires = frozenset({"embeddings", "logprobs"})


P = Pipeline("p")
T = Pipeline("p", target=5)
SAID: dict[str, tuple[Pipeline, dict[str, Any], list[str]]] = {
    "empty": (P, {}, ["pipeline 'p' is empty: start it with a generator, as in `>> LoadRecords(path)`"]),
    "start": (
        P >> doubled, {},
        ["pipeline 'p' starts with doubled, a doubled: it must start with a generator"],
    ),
    "unknown column": (
        P >> numbers >> sk.Prompt(model="m", template="{{ nn }}"), {},
        ["prompt reads column 'nn', which nothing before it writes; did you mean 'n'?"],
    ),
    "two labels": (
        P >> numbers >> even >> even, {},
        ["two parts are called 'even': give one of them a label, as in label='…'"],
    ),
    "label of the generator": (
        P >> numbers >> even(label="numbers"), {},
        ["two parts are called 'numbers': give one of them a label, as in label='…'"],
    ),
    "second generator": (
        P >> numbers >> forever, {},
        ["forever: a forever cannot stand here, only steps and filters can"],
    ),
    "dataset step inside": (
        P >> numbers >> sk.Fork({"a": Best()}, into="x"), {},
        ["fork: in 'a': best: sees all records at once, so it cannot stand inside another step"],
    ),
    "endless": (
        P >> forever, {},
        ["forever never ends: give a target, as in Pipeline('p', target=500) or --target 500"],
    ),
    "target": (Pipeline("p", target=0) >> numbers, {}, ["a target of 0 records makes no sense: give 1 or more"]),
    "tap": (
        T >> Latest(tapped="double") >> doubled, {},
        ["latest taps 'double', which is no step; did you mean 'doubled'?"],
    ),
    "model": (
        P >> numbers >> Ask(model="techer"), {},
        ["ask: no model is called 'techer': write provider/name, as in openai/qwen3, or name it in a table"],
    ),
    "provider": (
        P >> numbers >> Ask(model="opnai/gpt"), {},
        ["ask: no provider is called 'opnai': did you mean 'openai'? (there are: "],
    ),
    "option": (
        P >> numbers >> Ask(model="teacher", options={"top_k": 3}), {},
        ["ask: teacher does not take top_k: leave it out; it takes extra, frequency_penalty, logprobs, max_tokens, "],
    ),
    "no option": (
        P >> numbers >> Ask(model="teacher", options={"tempo": 3}), {},
        ["ask: teacher takes no option 'tempo': it takes extra, frequency_penalty, logprobs, max_tokens, "],
    ),
    "capability": (
        P >> numbers >> Vectors(model="teacher"), {},
        ["vectors needs embeddings and logprobs, which the models of teacher do not offer"],
    ),
    "inside": (
        P >> numbers >> sk.Fork({"a": Ask(model="x/y")}, into="x"), {},
        ["fork/a/ask: no provider is called 'x'"],
    ),
    "export columns": (
        P >> numbers, {"exports": ("train.jsonl:alpaca",)},
        ["export-alpaca: it is fed by 'messages', or by 'instruction' and 'output': add "],
    ),
    "export format": (
        P >> numbers, {"exports": ("train.jsonl:shargpt",)},
        ["--export train.jsonl:shargpt: no format is called 'shargpt': did you mean 'sharegpt'?"],
    ),
    "export without format": (
        P >> numbers, {"exports": ("train.jsonl",)},
        ["--export train.jsonl: say which format, as in train.jsonl:sharegpt; there are "],
    ),
    "export suffix": (
        P >> numbers, {"exports": ("train.csv:sharegpt",)},
        ["--export train.csv:sharegpt: examples are not written as .csv; let the name end in .jsonl, .json or "],
    ),
    "export folder": (
        P >> numbers, {"exports": ("no/train.jsonl:sharegpt",)},
        ["--export no/train.jsonl:sharegpt: there is no folder no"],
    ),
    "export into a folder": (
        P >> numbers, {"exports": (".:sharegpt",)},
        ["--export .:sharegpt: . is a folder; name a file in it, as in ./train.jsonl"],
    ),
    "several": (
        Pipeline("p", target=-1) >> numbers >> sk.Prompt(model="m", template="{{ x }}") >> doubled >> doubled,
        {"exports": ("x:y",)},
        ["--export x:y: no format is called 'y'", "a target of -1 records", "prompt reads column 'x'", "two parts are"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SAID)
def test_what_is_wrong_with_a_pipeline(project: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    (project / "synthkit.toml").write_text('[models.teacher]\nuse = "openai/gpt"\n')
    pipeline, settings, said = SAID[name]
    with pytest.raises(PipelineError) as caught:
        api.check(pipeline, Settings(**settings))
    found = list(caught.value.problems)
    assert [one[: len(start)] for one, start in zip(found, said, strict=False)] == said
    assert len(found) == len(said)
    if name == "model":
        assert "did you mean 'teacher'?" in found[0]
    assert not (project / "runs").exists(), "nothing was begun"


def test_the_same_export_twice(project: Path) -> None:
    with pytest.raises(PipelineError) as caught:
        (P >> numbers).run(export=["x.jsonl:chatml", "./x.jsonl:alpaca"])
    assert "--export ./x.jsonl:alpaca: x.jsonl is written twice; give each export a file of its own" in str(
        caught.value
    )


def test_a_missing_key(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    pipeline = P >> numbers >> Ask(model="openai/gpt-4o") >> Ask(model="openai/gpt-4o", into="b", label="two")
    with pytest.raises(PipelineError) as caught:
        pipeline.run()
    assert caught.value.problems == (
        f"ask: openai/gpt-4o needs a key: set OPENAI_API_KEY in the environment, or write OPENAI_API_KEY=… into "
        f"{project}/.env, which does not exist",
    )
    assert api.check(pipeline, Settings(offline=True)).name == "p", "who asks nothing needs none"


def test_models_of_optional_and_listed_fields_are_checked(project: Path) -> None:
    with pytest.raises(PipelineError) as caught:
        api.check(P >> numbers >> Panel(judges=["nobody/x"], chair="none"), Settings())
    assert [problem.partition(" is called ")[2][:8] for problem in caught.value.problems] == ["'nobody'", "'none': "]


class Panel(sk.Judge):
    judges: list[sk.ModelName]
    chair: sk.ModelName | None = None

    async def process(self, record: sk.Record, ctx: sk.Context) -> sk.Fields:
        return {}


def test_parts_defined_inside_a_function_are_refused(project: Path) -> None:
    @sk.step(reads="n", writes="x")
    def local(record: sk.Record) -> sk.Fields:
        return {"x": 1}

    with pytest.raises(PipelineError) as caught:
        api.check(P >> numbers >> sk.Fork({"a": local()}), Settings())
    assert str(caught.value) == (
        "local: local is defined inside a function, where a resumed run cannot find it: move it to the top level of "
        "its file"
    )


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"concurrency": 0}, "concurrency is 0: give 1 or more"),
        ({"shard": -1}, "shard is -1: give 1 or more"),
        ({"max_rounds": 0}, "max_rounds is 0: give 1 or more"),
        ({"max_failures": "many"}, "max_failures 'many' is neither a count (10) nor a share (20% or 0.2)"),
        ({"max_failures": "120%"}, "max_failures '120%' is a share that is not between 0 and 100 %"),
        ({"max_failures": "1.2"}, "max_failures '1.2' is a share that is not between 0 and 100 %"),
        ({"max_failures": -1}, "max_failures '-1' is less than none: give 0 or more"),
        ({"budget": "five"}, "budget 'five' is no amount of dollars: write 5 or 0.50"),
        ({"budget": "0"}, "budget '0' is not more than 0 dollars"),
        ({"budget": "inf"}, "budget 'inf' is not more than 0 dollars"),
        ({"split": 1}, "split is 1: give the share of training examples, over 0 and under 1, as in 0.9"),
        ({"split": "0.9"}, "split is 0.9: give the share of training examples, over 0 and under 1, as in 0.9"),
        (
            {"tempo": 3},
            "a run has no setting 'tempo'; there are: budget, concurrency, export, folder, give_up_after, hedge, "
            "max_failures, max_rounds, offline, on_bad_line, seed, shard, split, target",
        ),
    ],
)
def test_settings_that_make_no_sense(project: Path, given: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        (P >> numbers).run(**given)
    assert str(caught.value) == said
    assert list(project.iterdir()) == []


def test_the_stages_of_a_plan(project: Path) -> None:
    pipeline = T >> Technique() >> even >> Best() >> doubled(label="again") >> Best(label="b2") >> Best(label="b3")
    plan = api.check(pipeline, Settings())
    shape = plan.shape
    assert shape.generator == "technique/latest"
    assert [list(stage) for stage in shape.stages] == [
        ["technique/doubled"], ["even"], ["best"], ["again"], ["b2"], ["b3"],
    ]  # fmt: skip
    assert (list(shape.body), list(shape.tail), shape.target) == ([0, 1], [2, 3, 4, 5], 5)
    assert plan.columns.sure == {"n", "m"}
    alone = api.check(P >> numbers >> Best(), Settings()).shape
    assert [list(stage) for stage in alone.stages] == [[], ["best"]], "what commits the generated records"
