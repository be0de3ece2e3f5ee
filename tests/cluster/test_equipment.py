"""What a node must have installed, and what is said of one that has not."""

import ast
import importlib
import platform
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import assign_kit
import jinja2.utils
import pytest

from synthkit import Pipeline, Prompt
from synthkit.engine.cluster import found
from synthkit.engine.cluster.assignment import Assignment
from synthkit.engine.cluster.equipment import Equipment, compared
from synthkit.generators import Rows
from synthkit.models.keys import Keys
from synthkit.plugins import registry
from synthkit.steps import Map

MENDS = ", or let --runtime-env do it for this run"


def test_a_run_needs_synthkit_python_ray_and_nothing_that_it_does_not_use(project: Path) -> None:
    pipeline = Pipeline("e") >> Rows([{"text": "one"}]) >> Prompt(model="demo/default", template="{{ text }}", into="a")
    _, assignment, _ = assign_kit.begun(pipeline, project / "run")
    mine = assignment.equipment
    assert list(mine.versions) == ["Python", "synthkit", "ray"]
    assert compared(mine, Equipment.here(mine.versions, registry())) == []


PLUGIN = """
from synthkit import step
from synthkit.plugins import hookimpl


@step(reads="text", writes="loud")
def louder(record):
    return {"loud": record["text"].upper()}


@hookimpl
def synthkit_steps():
    return {"louder": "loud_plugin:louder"}
"""


def plugin(folder: Path, version: str, text: str = PLUGIN) -> Path:
    """A folder with an installed plugin."""
    info = folder / f"loud_plugin-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: loud-plugin\nVersion: {version}\n")
    (info / "entry_points.txt").write_text("[synthkit]\nloud = loud_plugin\n")
    (folder / "loud_plugin.py").write_text(text)
    return folder


@pytest.fixture
def loud(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Assignment, Keys]]:
    """A run that uses a plugin."""
    monkeypatch.syspath_prepend(plugin(project / "here", "1.5"))
    registry.cache_clear()
    parts = importlib.import_module("loud_plugin")
    _, assignment, keys = assign_kit.begun(Pipeline("l") >> Rows([{"text": "a"}]) >> parts.louder, project / "run")
    yield assignment, keys
    del sys.modules["loud_plugin"]
    registry.cache_clear()


def test_a_plugin_that_a_run_uses_is_needed_and_not_sent(loud: tuple[Assignment, Keys], project: Path) -> None:
    assignment, keys = loud
    assert assignment.equipment.versions["loud-plugin"] == "1.5"
    assert assignment.code.files == {}
    assert assignment.lacking() == []
    places = {
        "none": project / "nothing",
        "old": plugin(project / "old", "1.4"),
        "same": plugin(project / "same", "1.5"),
        "broken": plugin(project / "broken", "1.5", "import wanting"),
    }
    said = {
        name: assign_kit.lane(project / name / "node", (assignment, keys), environ={"PYTHONPATH": str(place)})[0]
        for name, place in places.items()
    }
    node = platform.node()
    lacks = f"the node {node} lacks loud-plugin 1.5: install it there{MENDS}"
    assert said["none"]["lacking"] == [lacks]
    assert said["old"]["lacking"] == [
        f"the node {node} has loud-plugin 1.4, and this run needs 1.5: install that version there{MENDS}"
    ]
    assert said["same"]["lacking"] == []
    assert said["same"]["specs"] == ["louder"]
    (text,) = said["broken"]["lacking"]
    assert text.startswith(f"loud-plugin 1.5 does not work on the node {node} (plugin 'loud'")
    assert "No module named 'wanting'" in text


def test_a_lane_has_the_drivers_choice_of_plugins(loud: tuple[Assignment, Keys], project: Path) -> None:
    environ = {"PYTHONPATH": str(project / "here"), "SYNTHKIT_PLUGINS": "other"}
    (said,) = assign_kit.lane(project / "node", loud, environ=environ)
    assert said["lacking"] == []
    assert said["specs"] == ["louder"]


def test_what_is_there_is_told_without_synthkit() -> None:
    cloudpickle = pytest.importorskip("ray.cloudpickle")
    cloudpickle.register_pickle_by_value(found)
    try:
        sent = cloudpickle.dumps(found.found)
    finally:
        cloudpickle.unregister_pickle_by_value(found)
    code = (
        "import sys, pickle\nsys.modules['synthkit'] = None\n"  # so that importing it fails
        "print(pickle.load(sys.stdin.buffer)(['ray', 'no-such-thing', 'synthkit']))"
    )
    done = subprocess.run([sys.executable, "-c", code], input=sent, capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    assert ast.literal_eval(done.stdout.decode()) == found.found(["ray", "synthkit"])


def test_each_difference_is_a_sentence_with_its_fix() -> None:
    mine = Equipment("driver", {"Python": "3.11", "synthkit": "0.1.0", "ray": "2.60.0", "p": "1.0", "q": "2", "r": "3"})
    theirs = Equipment(
        "10.0.0.7",
        {"Python": "3.12", "synthkit": "0.2.0", "ray": "2.60.0", "q": "2", "r": "3"},
        {"q": "it cannot be imported", "r": "SYNTHKIT_PLUGINS leaves it out"},
    )
    assert compared(mine, theirs) == [
        "the node 10.0.0.7 runs Python 3.12, and this run needs 3.11: start Ray there with that Python",
        f"the node 10.0.0.7 has synthkit 0.2.0, and this run needs 0.1.0: install that version there{MENDS}",
        f"the node 10.0.0.7 lacks p 1.0: install it there{MENDS}",
        "q 2 does not work on the node 10.0.0.7 (it cannot be imported): mend it there",
        "r 3 does not work on the node 10.0.0.7 (SYNTHKIT_PLUGINS leaves it out): mend it there",
    ]
    assert compared(mine, mine) == []


def test_what_is_not_installed_is_left_out() -> None:
    here = Equipment.here(["synthkit", "no-such-distribution"], registry(), "n")
    assert here.where == "n"
    assert list(here.versions) == ["Python", "synthkit"]


def test_packages_of_functions_that_parts_use_are_needed(project: Path) -> None:
    pipeline = Pipeline("e") >> Rows([{"text": "a"}]) >> Map(jinja2.utils.htmlsafe_json_dumps, "text", into="html")
    _, assignment, _ = assign_kit.begun(pipeline, project / "run")
    assert list(assignment.equipment.versions) == ["Python", "synthkit", "ray", "Jinja2"]
    assert assignment.code.files == {}
    assert assignment.lacking() == []
