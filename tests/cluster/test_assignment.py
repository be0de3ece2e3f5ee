# ruff: noqa: S301 - these are our own pickles
"""Assignments: a lane on another node has the plan, the project and the settings of the driver, and no more."""

import contextlib
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import assign_kit
import pytest

from synthkit import Pipeline
from synthkit.engine import api, source
from synthkit.engine.cluster.assignment import Assignment
from synthkit.engine.settings import Settings
from synthkit.engine.store import Store
from synthkit.errors import PipelineError
from synthkit.filters import Rules
from synthkit.generators import LoadRecords
from synthkit.models.learned import Learned
from synthkit.models.project import find_project

KEY = "sk-loopback-0123456789abcdef"
TOML = """
[models.m]
use = "openai/small"
base_url = "http://127.0.0.1:9/v1/"
temperature = 0.5
stop = ["x", "y"]

[models.own]
use = "openai/large"

[models.n]
use = "openai/other"
base_url = "http://127.0.0.1:9/v1"
endpoint = "elsewhere"
api_key_env = ""

[prices.m]
input = 0.25
output = 1
"""
FILE = """
from helpers import doubled
from pack.deep import louder

from synthkit import Pipeline, Prompt, step
from synthkit.generators import LoadRecords
from synthkit.steps import Map


@step(reads="text", writes="plain")
def plain(record):
    return {"plain": louder(doubled(record["text"].strip()))}


def pipeline() -> Pipeline:
    return (
        Pipeline("mine")
        >> LoadRecords("seeds.jsonl")
        >> plain
        >> Map(doubled, "text", into="shout", label="map-plain")
        >> Prompt(model="m", template="{{ text }}", into="a", label="ask")
        >> Prompt(model="own", template="{{ text }}", into="b", label="other")
        >> Prompt(model="n", template="{{ text }}", into="c", label="free")
    )
"""


@pytest.fixture
def here(project: Path) -> Path:
    (project / "synthkit.toml").write_text(TOML)
    (project / "seeds.jsonl").write_text('{"text": "a"}\n')
    (project / "p.py").write_text(FILE)
    (project / "helpers.py").write_text("def doubled(text):\n    return text + text\n")
    (project / "pack").mkdir()
    (project / "pack" / "__init__.py").write_text("from .near import MARK\n")
    (project / "pack" / "near.py").write_text('MARK = "!"\n')
    (project / "pack" / "deep.py").write_text(
        "from . import MARK\nfrom .near import MARK as same\n\n\n"
        "def louder(text):\n    return text.upper() + MARK + same\n"
    )
    return project


@pytest.fixture(autouse=True)
def _clean() -> Any:
    """The modules of a test's pipeline files are gone after it."""
    path, modules = [*sys.path], {*sys.modules}
    yield
    sys.path[:] = path
    for name in {*sys.modules} - modules:
        if not name.startswith("synthkit"):
            del sys.modules[name]


def test_a_lane_has_the_plan_and_the_project_of_the_driver(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:8/v1")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-here")
    Learned(find_project().refused).add("openai/small at http://127.0.0.1:9/v1", "top_p")
    plan, assignment, keys = assign_kit.of_file(
        here / "p.py", here / "run", seed=7, exports=("out.jsonl:prompt-completion,prompt=text,completion=a",)
    )
    other = {"OPENAI_API_KEY": "sk-of-the-node-000000", "OPENAI_BASE_URL": "http://node:1/v1", "OPENAI_ORG_ID": "no"}
    (said,) = assign_kit.lane(here / "node", (assignment, keys), environ=other)
    assert {name: said[name] for name in assign_kit.told(plan)} == assign_kit.told(plan)
    assert said["settings"] == json.loads(
        json.dumps(Settings(seed=7, exports=("out.jsonl:prompt-completion,prompt=text,completion=a",)).form())
    )
    assert said["state"]["name"] == "mine"
    assert said["state"]["run"]
    # the models in order of their names: m, n, own
    assert said["endpoints"] == ["http://127.0.0.1:9/v1", "elsewhere", "http://127.0.0.1:8/v1"]
    assert said["addresses"] == ["http://127.0.0.1:9/v1/", "http://127.0.0.1:9/v1", "http://127.0.0.1:8/v1"]
    assert said["keyed"] == [True, False, True]
    assert said["refused"] == [["top_p"], [], []]
    assert said["prices"] == ["1.25", "None", "None"]
    assert said["redacted"] == "the key *** is secret"
    assert said["environment"] == "org-here"
    assert said["mode"] == "0o700"
    assert said["wrote"] == {
        "plain": {"plain": "SOME TEXTSOME TEXT!!"},
        "map-plain": {"shout": "  Some Text   Some Text "},
    }


def test_keys_are_nowhere_but_in_their_own_value(here: Path) -> None:
    _, assignment, keys = assign_kit.of_file(here / "p.py", here / "run")
    assert KEY not in pickle.dumps(assignment).decode("latin-1")
    assert keys.variables == {"OPENAI_API_KEY": KEY}
    assert KEY not in f"{keys!r} {keys} {[keys]}"
    assert pickle.loads(pickle.dumps(keys)) == keys
    place = here / "node"
    assign_kit.lane(place, (assignment, keys))
    assert not [path for path in place.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]


def test_keys_of_an_env_file_are_sent_and_the_file_is_not(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    (here / "keys.env").write_text(f"OPENAI_API_KEY={KEY}\nOTHER=sk-nobody-asked-for-this\n")
    (here / "synthkit.toml").write_text(f'env_file = "keys.env"\n{TOML}')
    _, assignment, keys = assign_kit.of_file(here / "p.py", here / "run")
    assert keys.variables == {"OPENAI_API_KEY": KEY}
    (said,) = assign_kit.lane(here / "node", (assignment, keys))
    assert said["keyed"] == [True, False, True]
    assert "sk-nobody" not in pickle.dumps((assignment, keys)).decode("latin-1")


def test_two_runs_in_one_process_have_their_own_modules(here: Path) -> None:
    _, *first = assign_kit.of_file(here / "p.py", here / "run-1")
    (here / "helpers.py").write_text("def doubled(text):\n    return f'<{text}>'\n")
    (here / "pack" / "near.py").write_text('MARK = "?"\n')
    for name in ("helpers", "pack", "pack.near", "pack.deep"):
        del sys.modules[name]
    _, *second = assign_kit.of_file(here / "p.py", here / "run-2")
    said = assign_kit.lane(here / "node", tuple(first), tuple(second), tuple(first))
    assert [each["wrote"]["plain"]["plain"] for each in said] == [
        "SOME TEXTSOME TEXT!!",
        "<SOME TEXT>??",
        "SOME TEXTSOME TEXT!!",
    ]


def test_the_generators_inputs_stay_and_those_of_steps_go(here: Path) -> None:
    (here / "pool.jsonl").write_text('{"text": "an example"}\n')
    (here / "q.py").write_text(
        "from pathlib import Path\n"
        "from synthkit import IO, KEEP, Filter, Have, Pipeline, Verdict\n"
        "from synthkit.generators import LoadRecords\n\n\n"
        "class Known(Filter):\n"
        "    path: Path\n\n"
        "    def io(self, have: Have) -> IO:\n"
        "        return IO.of(reads=self.path.read_text()[2:6])\n\n"
        "    async def check(self, record, ctx) -> Verdict:\n"
        "        return KEEP\n\n\n"
        "def pipeline() -> Pipeline:\n"
        '    return Pipeline("q") >> LoadRecords("seeds.jsonl") >> Known(path=Path("pool.jsonl"))\n'
    )
    plan, assignment, keys = assign_kit.of_file(here / "q.py", here / "run")
    assert {path: content for path, (_, content) in assignment.inputs.items()} == {
        "pool.jsonl": b'{"text": "an example"}\n'
    }
    (said,) = assign_kit.lane(here / "node", (assignment, keys))
    assert {name: said[name] for name in assign_kit.told(plan)} == assign_kit.told(plan)


def test_a_generator_that_insists_on_its_file_is_not_made_in_a_lane(here: Path) -> None:
    (here / "g.py").write_text(
        "from pydantic import FilePath\n"
        "from synthkit import IO, Generator, Have, Pipeline\n"
        "from synthkit.filters import Rules\n\n\n"
        "class Lines(Generator):\n"
        "    path: FilePath\n"
        "    endless = True\n\n"
        "    def taps(self):\n"
        '        return ["rules"]\n\n'
        "    def io(self, have: Have) -> IO:\n"
        "        return IO.of(writes=self.path.read_text()[2:6])\n\n"
        "    def generate(self, round):\n"
        "        return iter([])\n\n\n"
        "def pipeline() -> Pipeline:\n"
        '    lines = Lines(path="seeds.jsonl", label="lines")\n'
        '    return Pipeline("g", target=3) >> lines >> Rules(min_words={"text": 1}) >> '
        'Rules(min_words={"text": 1}, label="more")\n'
    )
    plan, assignment, keys = assign_kit.of_file(here / "g.py", here / "run")
    assert assignment.inputs == {}
    assert len(plan.stages) == 2  # the tapped step ends the first
    (said,) = assign_kit.lane(here / "node", (assignment, keys))
    assert {name: said[name] for name in assign_kit.told(plan)} == assign_kit.told(plan)


def test_a_technique_that_begins_a_pipeline_has_its_labels(here: Path) -> None:
    (here / "t.py").write_text(
        "from pathlib import Path\n"
        "from synthkit import Pipeline\nfrom synthkit.techniques import SelfInstruct\n\n\n"
        "def pipeline() -> Pipeline:\n"
        '    return Pipeline("t", target=5) >> SelfInstruct(seeds=Path("many.jsonl"), model="demo/default")\n'
    )
    rows = ({"instruction": f"Do the task {n}.", "instances": [{"input": "", "output": "x"}]} for n in range(20))
    (here / "many.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    plan, assignment, keys = assign_kit.of_file(here / "t.py", here / "run")
    (said,) = assign_kit.lane(here / "node", (assignment, keys))
    assert {name: said[name] for name in assign_kit.told(plan)} == assign_kit.told(plan)
    assert "/" in plan.generator.label


def scripted(here: Path, name: str, text: str) -> subprocess.CompletedProcess[bytes]:
    """Runs a script which writes its assignment and keys into `out`."""
    (here / name).write_text(text)
    kit = os.pathsep.join([str(Path(__file__).parent), str(here)])
    return subprocess.run(
        [sys.executable, name], cwd=here, env={**os.environ, "PYTHONPATH": kit}, capture_output=True, check=False
    )


SCRIPT = """
import pickle
from pathlib import Path
import assign_kit
{imports}
from synthkit import Pipeline, step
from synthkit.generators import LoadRecords

{part}

if __name__ == "__main__":
    made = Pipeline("s") >> LoadRecords("seeds.jsonl") >> plain
    plan, *assigned = assign_kit.begun(made, Path("run"))
    Path("out").write_bytes(pickle.dumps(assigned))
"""
PART = """
@step(reads="text", writes="plain")
def plain(record):
    return {"plain": doubled(record["text"].strip())}
"""


def test_parts_of_a_script_travel(here: Path) -> None:
    done = scripted(here, "script.py", SCRIPT.format(imports="from helpers import doubled", part=PART))
    assert done.returncode == 0, done.stderr.decode()
    (said,) = assign_kit.lane(here / "node", tuple(pickle.loads((here / "out").read_bytes())))
    assert said["wrote"] == {"plain": {"plain": "Some TextSome Text"}}


def test_parts_of_a_module_beside_a_script_travel_with_what_it_imports(here: Path) -> None:
    (here / "parts.py").write_text(f"from synthkit import step\nfrom helpers import doubled\n{PART}")
    done = scripted(here, "script.py", SCRIPT.format(imports="from parts import plain", part=""))
    assert done.returncode == 0, done.stderr.decode()
    (said,) = assign_kit.lane(here / "node", tuple(pickle.loads((here / "out").read_bytes())))
    assert said["wrote"] == {"plain": {"plain": "Some TextSome Text"}}


def test_parts_of_a_prompt_are_told(here: Path) -> None:
    code = SCRIPT.format(imports="from helpers import doubled", part=PART)
    kit = os.pathsep.join([str(Path(__file__).parent), str(here)])
    done = subprocess.run(
        [sys.executable, "-"], input=code.encode(), cwd=here, env={**os.environ, "PYTHONPATH": kit},
        capture_output=True, check=False,
    )  # fmt: skip
    assert "plain was defined in a notebook or a prompt" in done.stderr.decode().splitlines()[-1]
    assert "PipelineError" in done.stderr.decode().splitlines()[-1]
    assert not (here / "out").exists()


def test_a_module_that_is_not_there_is_a_sentence(here: Path) -> None:
    (here / "helpers.py").write_text("import wanting\n\n\ndef doubled(text):\n    return text\n")
    (here / "libs").mkdir()
    (here / "libs" / "wanting.py").write_text("")
    sys.path.insert(0, str(here / "libs"))
    _, assignment, keys = assign_kit.of_file(here / "p.py", here / "run")
    (said,) = assign_kit.lane(here / "node", (assignment, keys))
    assert said["error"].startswith("PipelineError: ")
    assert "No module named 'wanting'" in said["error"]


def test_an_assignment_made_again_by_a_resume_is_the_same(here: Path) -> None:
    _, first, _ = assign_kit.of_file(here / "p.py", here / "run")
    project = find_project()
    with contextlib.closing(Store.open(here / "run")) as store:
        source.load_module(here / "run" / "pipeline" / "p.py")
        settings = Settings.of(store.state["settings"])
        plan = api.rebuilt(store, api.Names(api.registry()), settings)
        again = Assignment.of(store, plan, project, settings)
    assert again.code.files == first.code.files
    assert again.specs == first.specs
    assert again.inputs == first.inputs
    assert again.equipment == first.equipment


def test_a_part_of_the_run_that_is_defined_in_a_prompt_is_refused(here: Path) -> None:
    plan, assignment, _ = assign_kit.begun(
        Pipeline("r") >> LoadRecords(here / "seeds.jsonl") >> Rules(min_words={"text": 1}), here / "run"
    )
    assert assignment.code.files == {}
    assert assignment.inputs == {}
    assert [spec is None for spec in assignment.specs] == [True, False]
    with contextlib.closing(Store.open(here / "run")) as store:
        store.state["pipeline"][1] = {"use": "__main__:Mine", "with": {}}
        with pytest.raises(PipelineError, match="Mine was defined in a notebook or a prompt"):
            Assignment.of(store, plan, find_project(), Settings())


PIPELINES = Path(__file__).resolve().parents[2] / "pipelines"


@pytest.mark.parametrize("name", sorted(path.name for path in PIPELINES.glob("*.py")))
def test_every_pipeline_of_ours_is_the_same_in_a_lane(project: Path, name: str) -> None:
    plan, assignment, keys = assign_kit.of_file(PIPELINES / name, project / "run")
    (said,) = assign_kit.lane(project / "node", (assignment, keys))
    assert {name: said[name] for name in assign_kit.told(plan)} == assign_kit.told(plan)


def test_a_provider_of_a_local_module_travels(here: Path) -> None:
    (here / "mine.py").write_text(
        "from synthkit.core import Provider, Reply\nimport helpers\n\n\n"
        "class Mine(Provider):\n    needs_key = False\n\n"
        "    async def call(self, request, sample):\n        return '{}'\n\n"
        "    def parse(self, body):\n        return Reply('x')\n"
    )
    (here / "p.py").write_text(
        FILE.partition("from helpers")[0] + "from synthkit import Pipeline, Prompt\n"
        "from synthkit.generators import Rows\n\n\ndef pipeline() -> Pipeline:\n"
        '    ask = Prompt(model="mine:Mine/x", template="{{ text }}", into="a")\n'
        '    return Pipeline("l") >> Rows([{"text": "a"}]) >> ask\n'
    )
    plan, assignment, keys = assign_kit.of_file(here / "p.py", here / "run")
    assert sorted(assignment.code.files) == ["modules/helpers.py", "modules/mine.py", "pipeline/p.py"]
    (said,) = assign_kit.lane(here / "node", (assignment, keys))
    assert {name: said[name] for name in assign_kit.told(plan)} == assign_kit.told(plan)
