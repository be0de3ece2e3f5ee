"""`synthkit check FILE`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from synthkit.cli.file_command import FileCommand
from synthkit.cli.options import settings

if TYPE_CHECKING:
    from synthkit.cli.table import Cell, Line
    from synthkit.engine.plan import Bound, Plan
    from synthkit.engine.source import Source
    from synthkit.models.project import Project


@click.command(cls=FileCommand)
def check(source: "Source", **given: Any) -> int:
    """Check the pipeline in FILE without a call: columns, parameters, models, keys, exports.

    It takes the options of `synthkit run`, and shows what would run with them.
    """
    from synthkit.cli import screen
    from synthkit.cli.starting import blaming, pipeline_from, warn_of_plugins
    from synthkit.cli.table import apart
    from synthkit.engine import api
    from synthkit.engine.settings import Settings
    from synthkit.models.project import find_project

    warn_of_plugins()
    with blaming(source.path):
        told = Settings(exports=tuple(given["export"]), **settings(given))
        project = find_project()
        plan = api.check(pipeline_from(source, given), told, target=given["target"], project=project)
    width = screen.width()
    blocks = (_plan(plan, width), _models(plan, project, width), _facts(plan, told.exports, told.split, width))
    screen.say(apart(blocks))
    return 0


def _plan(plan: "Plan", width: int) -> "Sequence[Line]":
    from synthkit.cli.table import Column, table

    columns = [
        Column("step", fit="wrap", least=max(10, min(30, width - 27))),  # names are broken last
        Column("kind", fit="wrap", least=9),
        Column("reads", fit="wrap", least=6),
        Column("writes", fit="wrap", least=6),
    ]
    bounds = {id(b.component): b for b in (plan.generator, *(part for stage in plan.stages for part in stage.parts))}
    rows: list[Sequence[Cell]] = []
    outer = ""
    for path, component in plan.components():
        if id(component) in bounds:
            outer = path
            rows.append(_row(bounds[id(component)]))
        else:  # what a composite runs inside itself
            rows.append((f"  {path.removeprefix(f'{outer}/')}", _kind(component), "", ""))
    return table(columns, rows, width)


def _row(bound: "Bound") -> "Sequence[Cell]":
    io = bound.io
    writes = [*io.writes, *(f"{name} (maybe)" for name in io.maybe), *(f"{name} (dropped)" for name in io.drops)]
    return bound.label, _kind(bound.component), ", ".join(io.reads), ", ".join(writes)


def _kind(component: Any) -> str:
    from synthkit.core import DatasetStep, Filter, Generator, Judge

    if isinstance(component, DatasetStep):
        return "dataset step" if component.when == "round" else "dataset step, at the end"
    for kind in (Generator, Judge, Filter):
        if isinstance(component, kind):
            return kind.__name__.lower()
    return type(component).__name__.lower() if component.inner() else "step"


def _models(plan: "Plan", project: "Project", width: int) -> "Sequence[Line]":
    from synthkit.cli.table import Column, table

    refs = dict.fromkeys(ref for _, component in plan.components() for ref in component.models())
    columns = [Column("model", fit="wrap"), Column("goes to", fit="wrap"), Column("key", fit="wrap")]
    return table(columns, [_model(ref, project) for ref in refs], width) if refs else []


def _model(ref: str, project: "Project") -> "Sequence[Cell]":
    """Where a model's calls go, and whether its key is there; never the key."""
    from synthkit.plugins import registry

    model = project.model(ref)
    cls = registry().provider(model.provider)
    where = model.base_url or ("this process" if cls.key_env is None else f"the service of {model.provider}")
    name = cls.key_env if model.key_env is None else model.key_env
    there = project.endpoint(model, cls).key is not None
    key = (
        f"{name} is set"
        if name and there
        else (f"{name} is not set; a server of one's own may need none" if name else "none needed")
    )
    said = f"{model.provider}/{model.name}"
    return ref, f"{where}" if said == ref else f"{said} at {where}", key


def _facts(plan: "Plan", exports: Sequence[str], split: float | None, width: int) -> "Sequence[Line]":
    from synthkit.cli.runs import short
    from synthkit.cli.table import pairs
    from synthkit.cli.text import several
    from synthkit.engine.target import target_of
    from synthkit.plugins import registry

    target = "all that the generator has" if plan.target is None else several(plan.target, "accepted record")
    rows = [("pipeline", plan.name), ("target", target)]
    for text in exports:
        to = target_of(text, registry())
        names = " and ".join(short(path) for path in to.files(split is not None))
        rows.append(("export", f"{names} in the form {to.form}"))
    return pairs(rows, width)
