"""Starting and resuming runs: from a pipeline object or a file, in a script, a notebook or the command line."""

import contextlib
import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthkit.core.columns import hint
from synthkit.core.component import Component, Spec, build
from synthkit.core.source import skipping
from synthkit.engine import export, inputs, ledger, source
from synthkit.engine.cluster import runtime_env as environment
from synthkit.engine.cluster.address import Where, asked
from synthkit.engine.cluster.runtime_env import Given, RuntimeEnv
from synthkit.engine.cluster.within import in_ray
from synthkit.engine.execution import Execution, Watch
from synthkit.engine.names import Names
from synthkit.engine.plan import Plan, compile_plan
from synthkit.engine.result import Result
from synthkit.engine.settings import Settings
from synthkit.engine.store import Store, now, read_state
from synthkit.engine.target import Target, target_of, twice
from synthkit.errors import ConfigError, PipelineError, RecordError, StoreError, UsageError
from synthkit.models.project import Model, Project, find_project
from synthkit.models.question import Question
from synthkit.models.service import Service, Services
from synthkit.plugins import registry

if TYPE_CHECKING:
    from synthkit.engine.pipeline import Pipeline


def check(
    pipeline: "Pipeline", settings: Settings, *, target: int | None = None, project: Project | None = None
) -> Plan:
    """Everything that can be known before a call. Raises `PipelineError` with all problems."""
    project = project or find_project()
    problems: list[str] = []
    targets: list[Target] = []
    for text in settings.exports:
        try:
            targets.append(target_of(text, registry(), split=settings.split is not None))
        except UsageError as error:
            problems.append(str(error))
    problems += twice(targets, settings.split is not None)
    if settings.split is not None and not settings.exports:
        problems.append("--split divides what is exported: name a file with --export, or leave it out")
    try:
        with skipping(settings.skipped()):
            plan = compile_plan(
                pipeline.name,
                pipeline.target if target is None else target,
                pipeline.parts,
                Names(registry()),
                export.exportable(targets),
                max_rounds=settings.max_rounds,
            )
    except PipelineError as error:
        raise PipelineError(*problems, *error.problems) from error
    problems += model_problems(plan, project, settings)
    read = {path.resolve() for _, component in plan.components() for path in component.files()}
    for told in targets:
        if any(path.resolve() in read for path in told.files(settings.split is not None)):
            problems.append(f"--export {told.text}: the pipeline reads that file: export to another one")
    if problems:
        raise PipelineError(*dict.fromkeys(problems))
    return plan


def model_problems(plan: Plan, project: Project, settings: Settings) -> list[str]:
    """What is wrong with the models a plan asks: unknown names, options that are not taken, missing keys."""
    problems: list[str] = []
    services = Services(project, registry().provider)
    seen, told = set[str](), set[tuple[str, str]]()
    for path, component in plan.components():
        for ref in component.models():
            try:
                service = services[ref]
                embeds = ref in component.embedders()
                problems += _unable(path, component, service, embeds=embeds)
                if ref in seen:
                    continue
                seen.add(ref)
                cls = type(service.provider)
                said = None if settings.offline else project.missing_key(service.model, cls)
                priced = service.input_priced if embeds else service.priced
                if said is None and settings.budget is not None and not priced:
                    said = f"{_unpriced(service.model)}, so it cannot be used under a budget: add it to [prices]"
                if said:
                    problems.append(f"{path}: {said}")
            except (UsageError, RecordError) as error:
                if (ref, str(error)) not in told:  # of a model that several parts ask, once
                    told.add((ref, str(error)))
                    problems.append(f"{path}: {error}")
    return problems


def _unpriced(model: Model) -> str:
    """That a price is not known, and why where the list has prices, but not for whoever is asked."""
    where = model.base_url or model.endpoint
    if not where:
        return f"{model.ref} has no known price"
    return (
        f"{model.ref} has no known price, since it is asked at {where}, and list prices hold for the "
        "provider's own address only"
    )


def _unable(path: str, component: Component, service: Service, *, embeds: bool) -> Iterator[str]:
    """What a model cannot do that a component asks of it; what is wrong with its options is raised."""
    options = getattr(component, "options", None)
    given = options if isinstance(options, dict) else {}
    if embeds:
        service.embedding({"dimensions": getattr(component, "dimensions", None), **given})
        return
    tools = getattr(component, "Tools", ())
    for schema in component.schemas() or (None,):
        service.request(Question("", schema, options=given, tools=tools))
    lacking = sorted(component.needs() - service.provider.can(service.model.name))
    if lacking:
        yield f"{path} needs {' and '.join(lacking)}, which the models of {service.model.ref} do not offer"


def run(
    pipeline: "Pipeline",
    *,
    target: int | None = None,
    folder: Path | str | None = None,
    exports: Sequence[str] = (),
    watch: Watch | None = None,
    file: source.Source | None = None,
    parameters: Mapping[str, Any] | None = None,
    ray: str | bool | None = None,
    runtime_env: Given = None,
    **given: Any,
) -> Result:
    """Runs a pipeline in a new folder, or goes on with the run that `folder` holds. ray: on which Ray, as `--ray` says
    it; True is one of its own. runtime_env: what is installed for its lanes, as `--runtime-env` says it; True is what
    the run needs."""
    at = asked(ray)
    env = environment.asked(runtime_env, at)
    settings = Settings(exports=tuple(exports), **known(given))
    project = find_project()
    plan = checked(pipeline, settings, target, project, file)
    if folder is not None and (Path(folder) / "run.json").exists():
        return _again(Path(folder), plan, settings, project, Names(registry()), watch, at, env)
    with (
        in_ray(at, project, plan, env) as env,
        _created(Path(folder) if folder else None, project, plan.name) as store,
    ):
        plan = begun(store, plan, settings, project, file, parameters or {})
        return Execution(plan, store, settings, project, watch, ray=at, runtime_env=env).run()


def checked(
    pipeline: "Pipeline", settings: Settings, target: int | None, project: Project, file: source.Source | None
) -> Plan:
    """The plan of a pipeline that is about to run. Raises what `check` does."""
    if source.LOADING.get() is not None:
        raise PipelineError("it runs its pipeline while it is loaded: put that under `if __name__ == '__main__':`")
    if target is not None and (not isinstance(target, int) or isinstance(target, bool)):
        raise ConfigError(f"target is {target!r}: give a whole number")
    plan = check(pipeline, settings, target=target, project=project)
    if file is not None:  # another file of that name may have been loaded since
        sys.modules[file.module.__name__] = file.module
    return plan


def begun(
    store: Store,
    plan: Plan,
    settings: Settings,
    project: Project,
    file: source.Source | None,
    parameters: Mapping[str, Any],
) -> Plan:
    """Writes down in a new folder all that the run needs, and returns the plan as it is rebuilt from that."""
    names = Names(registry())
    path = file.path if file else names.main
    used = file is not None or any(spec_uses(s, source.PREFIX) for s in plan.specs)
    store.save(
        status="running",
        run=uuid.uuid4().hex[:12],
        name=plan.name,
        began=now(),
        project=str(project.folder),
        settings=settings.form(),
        exports=absolute(settings.exports),
        pipeline=list(plan.specs),
        target=plan.target,
        shape=plan.shape.form(),
        source=source.keep(path, store.folder / "pipeline") if path and used else None,
        parameters={name: str(value) for name, value in parameters.items()},
        inputs=inputs.keep(plan, store.folder),
        versions=versions(),
        rounds=[],
    )
    return rebuilt(store, names, settings)


def absolute(exports: Sequence[str]) -> list[str]:
    """Exports, named from wherever they are read."""
    return [target_of(text, registry()).absolute() for text in exports]


def known(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Settings by names that there are; raises `ConfigError` with the nearest for others."""
    names = [field.name for field in fields(Settings) if field.name != "exports"]
    for name in given:
        if name not in names:
            raise ConfigError(f"a run has no setting {name!r}{hint(name, [*names, 'target', 'folder', 'export'])}")
    return given


def spec_uses(given: Any, prefix: str) -> bool:
    """Whether a spec names something that begins like this."""
    if isinstance(given, dict):
        return any(spec_uses(value, prefix) for value in given.values())
    if isinstance(given, list):
        return any(spec_uses(value, prefix) for value in given)
    return isinstance(given, str) and given.startswith(prefix)


def _again(
    folder: Path,
    plan: Plan,
    settings: Settings,
    project: Project,
    names: Names,
    watch: Watch | None,
    at: Where | None,
    env: RuntimeEnv | None,
) -> Result:
    store = Store.open(folder)
    with contextlib.closing(store):
        before = store.state
        known = {
            "pipeline": (before["pipeline"], list(plan.specs)),
            "target": (before["target"], plan.target),
            "seed": (before["settings"]["seed"], settings.seed),
        }
        for what, (old, new) in known.items():
            if old != new:
                values = "" if what == "pipeline" else f" ({old}, not {new})"
                raise StoreError(f"{folder} holds a run with another {what}{values}: give this one a folder of its own")
        changed = inputs.changed(before["inputs"])
        if changed:
            raise StoreError(
                f"{changed[0]} has changed since the run in {folder} began: give this one a folder of its own"
            )
        if settings.exports and absolute(settings.exports) != before["exports"]:
            raise StoreError(
                f"{folder} holds a run with other exports ({', '.join(before['exports']) or 'none'}): name these, or "
                "give this one a folder of its own"
            )
        was = Settings.of(before["settings"])
        if settings.split not in (None, was.split):
            raise StoreError(
                f"{folder} holds a run with another split ({was.split or 'none'}): give this one a folder of its own"
            )
        settings = replace(settings, shard=was.shard, exports=was.exports, split=was.split)
        again = rebuilt(store, names, settings)
        ledger.verify(store, again.shape)
        store.save(settings=settings.form())
        with in_ray(at, project, again, env) as env:
            return Execution(again, store, settings, project, watch, ray=at, runtime_env=env).run()


def resume(
    folder: Path,
    *,
    retry_failed: bool = False,
    watch: Watch | None = None,
    ray: str | bool | None = None,
    runtime_env: Given = None,
    **changes: Any,
) -> Result:
    """Goes on with a run, from its folder alone. ray, runtime_env: as in `run`; they may differ from what the run began
    with. changes: settings that are different from now on."""
    at = asked(ray)
    env = environment.asked(runtime_env, at)
    for fixed in {"seed", "shard", "exports", "split", "on_bad_line"} & changes.keys():
        raise ConfigError(f"{fixed} cannot change in a run that has begun: start a new one")
    project = find_project(home(folder))
    store = Store.open(folder)
    with contextlib.closing(store):
        _moved(store, project)
        settings = replace(Settings.of(store.state["settings"]), **changes)
        if store.state["source"]:
            source.load_module(folder / "pipeline" / store.state["source"])
        plan = rebuilt(store, Names(registry()), settings)
        problems = model_problems(plan, project, settings)
        if problems:
            raise PipelineError(*problems)
        ledger.verify(store, plan.shape)
        store.save(settings=settings.form())
        if (made_with := versions()) != store.state["versions"]:
            store.event("versions", was=store.state["versions"], now=made_with)
        with in_ray(at, project, plan, env) as env:
            return Execution(plan, store, settings, project, watch, retry=retry_failed, ray=at, runtime_env=env).run()


def mend(folder: Path) -> list[str]:
    """Writes the files of a run that are gone again, from its parts; returns their names. Raises `StoreError` where
    parts are gone, too."""
    gone = ledger.lacking(folder)
    if gone:
        with contextlib.closing(Store.open(folder)) as store:
            shape = Result(folder).shape
            ledger.whole(store, shape)
            ledger.write(store, shape)
    return gone


def home(folder: Path) -> Path:
    """The project that a run belongs to: the one around its folder, else the one where it began, if it is there."""
    began = Path(read_state(folder)["project"])
    parents = folder.resolve().parents
    if began in parents:
        return began
    around = (p for p in parents if (p / "synthkit.toml").is_file() or (p / ".synthkit").is_dir())
    return next(around, began if began.is_dir() else Path())


def _moved(store: Store, project: Project) -> None:
    """Takes note that the project was moved or copied: its exports go to the new place."""
    began, home = Path(store.state["project"]), project.folder.resolve()
    if began != home:
        places = [Path(text) for text in store.state["exports"]]
        store.save(
            project=str(home),
            exports=[str(home / p.relative_to(began)) if p.is_relative_to(began) else str(p) for p in places],
        )


def rebuilt(store: Store, names: Names, settings: Settings) -> Plan:
    """The plan of a run folder: from the specs in it, with the inputs as they were."""
    specs: list[Spec] = inputs.located(store.state["pipeline"], store.state["inputs"], store.folder)
    parts: list[Component] = [build(spec, names) for spec in specs]
    targets = [target_of(text, registry(), otherwise=store.folder) for text in store.state["exports"]]
    rounds = settings.max_rounds
    last = export.exportable(targets)
    with skipping(settings.skipped()):
        return compile_plan(store.state["name"], store.state["target"], parts, names, last, max_rounds=rounds)


@contextlib.contextmanager
def _created(folder: Path | None, project: Project, name: str) -> Iterator[Store]:
    made = folder is None
    if folder is None:
        folder = _free(project.runs, name)
    try:
        store = Store.create(folder, {})
    except StoreError:
        if made:
            with contextlib.suppress(OSError):
                folder.rmdir()
        raise
    with contextlib.closing(store):
        try:
            yield store
        except BaseException:
            if not (folder / "run.json").exists():  # nobody can go on with it
                store.discard()
            raise


def _free(runs: Path, name: str) -> Path:
    """A new folder with the next free number, taken so that no other run takes it too."""
    number = 1
    try:
        runs.mkdir(parents=True, exist_ok=True)
        while True:
            folder = runs / f"{name}-{number:03d}"
            try:
                folder.mkdir()
            except FileExistsError:
                number += 1
            else:
                return folder
    except OSError as error:
        raise StoreError(f"cannot make a run folder in {runs}: {error.strerror}") from error


def versions() -> dict[str, str]:
    """What the run was made with."""
    import platform
    from importlib.metadata import version

    plugins = {p.distribution: p.version for p in registry().plugins if p.status == "ok" and p.distribution}
    return {"python": platform.python_version(), "synthkit": version("synthkit"), **plugins}
