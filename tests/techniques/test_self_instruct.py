"""The technique as a whole: what it expands into, and how the columns run through it."""

import json
from pathlib import Path

import pytest
from technique_kit import lines

from synthkit.core import Generator, Have, chain
from synthkit.core.flow import flow
from synthkit.errors import PipelineError
from synthkit.techniques import SelfInstruct
from synthkit.techniques.self_instruct_tasks import MoreTasks


@pytest.fixture
def technique(tmp_path: Path) -> SelfInstruct:
    seeds = lines(tmp_path / "seeds.jsonl", json.dumps({"instruction": "Name a river of Asia."}))
    return SelfInstruct(seeds=seeds, model="teacher")


def test_labels_stand_under_the_technique(technique: SelfInstruct) -> None:
    assert [part.name for part in chain(technique)] == [
        "self-instruct/demonstrations",
        "self-instruct/tasks",
        "self-instruct/suitable",
        "self-instruct/novel",
        "self-instruct/classification",
        "self-instruct/instances",
        "self-instruct/valid-instance",
    ]
    assert [part.name for part in chain(technique.model_copy(update={"label": "other"}))][3] == "other/novel"


def test_the_columns_at_the_end(technique: SelfInstruct) -> None:
    generator, *rest = chain(technique)
    assert isinstance(generator, Generator)
    found = flow(rest, Have().after(generator.io(Have())))
    assert not found.problems
    assert found.after.sure == {"instruction", "input", "output", "is_classification"}
    assert not found.after.maybe


def test_parameters_reach_their_parts(tmp_path: Path, technique: SelfInstruct) -> None:
    changed = technique.model_copy(
        update={"asked": 3, "tasks": "To {{ last }}: {{ demonstrations }}", "options": {"n": 1}}
    )
    more = chain(changed)[1]
    assert isinstance(more, MoreTasks)
    assert (more.asked, more.template, more.options) == (3, "To {{ last }}: {{ demonstrations }}", {"n": 1})
    assert {model for part in chain(technique) for model in part.models()} == {"teacher"}
    assert [path.name for path in technique.files()] == ["seeds.jsonl"]


@pytest.mark.parametrize("wrong", [{"threshold": 7}, {"shown": 0}, {"max_instances": 0}, {"tasks_template": "x"}])
def test_wrong_parameters_are_refused(technique: SelfInstruct, wrong: dict[str, object]) -> None:
    with pytest.raises(PipelineError):
        SelfInstruct.model_validate({"seeds": technique.seeds, "model": "m/x", **wrong})
