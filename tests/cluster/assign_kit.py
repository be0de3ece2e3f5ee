"""Assignments as the driver makes them, and lanes in processes of their own."""

import contextlib
import json
import pickle
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from synthkit import Pipeline
from synthkit.engine import api, source
from synthkit.engine.cluster.assignment import Assignment, keys_of
from synthkit.engine.plan import Plan
from synthkit.engine.settings import Settings
from synthkit.engine.store import Store
from synthkit.models.keys import Keys
from synthkit.models.project import find_project

LANE = Path(__file__).with_name("lane.py")
PATH = str(Path(sys.executable).parent)


def begun(pipeline: Pipeline, folder: Path, file: source.Source | None = None, **given: Any) -> tuple[Any, ...]:
    """The plan of a run that has begun in a folder, its assignment and its keys."""
    settings, project = Settings(**given), find_project()
    plan = api.checked(pipeline, settings, None, project, file)
    with contextlib.closing(Store.create(folder, {})) as store:
        plan = api.begun(store, plan, settings, project, file, {})
        return plan, Assignment.of(store, plan, project, settings), keys_of(project, plan)


def of_file(path: Path, folder: Path, **given: Any) -> tuple[Plan, Assignment, Keys]:
    """The same of a pipeline file."""
    file = source.load(path)
    plan, assignment, keys = begun(file.pipeline({}), folder, file, **given)
    return plan, assignment, keys


def lane(place: Path, *assigned: tuple[Assignment, Keys], environ: dict[str, str] | None = None) -> Sequence[Any]:
    """What a lane in another folder, with an empty home, says of each assignment, one after the other."""
    home = place / "home"
    home.mkdir(parents=True)
    done = subprocess.run(
        [sys.executable, str(LANE)], input=pickle.dumps(assigned, 5), capture_output=True, cwd=place, check=False,
        env={"HOME": str(home), "PATH": PATH, **(environ or {})}, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    assert done.stderr == b""
    found: Sequence[Any] = json.loads(done.stdout)
    return found


def told(plan: Plan) -> dict[str, Any]:
    """What a lane says of its plan, of the driver's."""
    parts = [part for stage in plan.stages for part in stage.parts]
    return {
        "labels": json.loads(json.dumps(plan.shape.form())),
        "io": [repr(part.io) for part in parts],
        "items": [repr(part.items) for part in parts],
        "columns": [sorted(plan.columns.sure), sorted(plan.columns.maybe)],
        "specs": [type(part.component).__name__ for part in parts],
    }
