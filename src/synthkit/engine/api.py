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
from synthkit.core.interfaces import Format
from synthkit.engine import export, inputs, ledger, source
from synthkit.engine.execution import Execution, Watch
from synthkit.engine.plan import Plan, compile_plan
from synthkit.engine.result import Result
from synthkit.engine.settings import Settings
from synthkit.engine.store import Store, now, read_state
from synthkit.errors import ConfigError, PipelineError, StoreError, UsageError
from synthkit.models.project import Project, find_project
from synthkit.models.service import Services
from synthkit.plugins import Registry, registry

if TYPE_CHECKING:
    from synthkit.engine.pipeline import Pipeline


class Names:
    """The registry as a run sees it: parts of a script are named after its file, so that a copy can bring them."""

    def __init__(self, registry: Registry) -> None:
        main = getattr(sys.modules["__main__"], "__file__", None)
        self._registry = registry
        self.main = Path(main) if main and main.endswith(".py") else None
        self._alias = source.module_name(self.main) + ":" if self.main else ""

    def name_of(self, cls: type) -> str:
        name = self._registry.name_of(cls)
        return self._alias + name.removeprefix("__main__:") if self.main and name.startswith("__main__:") else name

    def component(self, name: str) -> type:
        if self._alias and name.startswith(self._alias) and self._alias[:-1] not in sys.modules:
            name = "__main__:" + name.removeprefix(self._alias)
        if name.startswith("__main__:") and not hasattr(sys.modules["__main__"], name[9:].partition(".")[0]):
            raise PipelineError(
                f"{name[9:]} was defined in a notebook or a prompt: continue there, with .run(folder=…)"
            )
        return self._registry.component(name)


def check(
    pipeline: "Pipeline", settings: Settings, *, target: int | None = None, project: Project | None = None
) -> Plan:
    """Everything that can be known before a call. Raises `PipelineError` with all problems."""
    project = project or find_project()
    problems: list[str] = []
    formats: dict[str, Format] = {}
    places: set[Path] = set()
    for text in settings.exports:
        try:
            path, formats[text] = export.target_of(text, registry())
            if path.absolute() in places:
                problems.append(f"--export {text}: {path} is written twice; give each export a file of its own")
            places.add(path.absolute())
        except UsageError as error:
            said = str(error)
            problems.append(said if said.startswith("--export") else f"--export {text}: {said}")
    try:
        plan = compile_plan(
            pipeline.name,
            pipeline.target if target is None else target,
            pipeline.parts,
            Names(registry()),
            export.exportable(formats),
            max_rounds=settings.max_rounds,
        )
    except PipelineError as error:
        raise PipelineError(*problems, *error.problems) from error
    problems += model_problems(plan, project, settings)
    read = {path.resolve() for _, component in plan.components() for path in component.files()}
    for text in formats:
        if Path(text.rpartition(":")[0]).resolve() in read:
            problems.append(f"--export {text}: the pipeline reads that file: export to another one")
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
                options = getattr(component, "options", None)
                service.request("", None, {}, options if isinstance(options, dict) else {})
                lacking = sorted(component.requires - service.provider.capabilities)
                if lacking:
                    problems.append(f"{path} needs {' and '.join(lacking)}, which the models of {ref} do not offer")
                if ref in seen:
                    continue
                seen.add(ref)
                cls = type(service.provider)
                said = None if settings.offline else project.missing_key(service.model, cls)
                if said is None and settings.budget is not None and not service.priced:
                    said = f"{ref} has no known price, so it cannot be used under a budget: add it to [prices]"
                if said:
                    problems.append(f"{path}: {said}")
            except UsageError as error:
                if (ref, str(error)) not in told:  # of a model that several parts ask, once
                    told.add((ref, str(error)))
                    problems.append(f"{path}: {error}")
    return problems


def run(
    pipeline: "Pipeline",
    *,
    target: int | None = None,
    folder: Path | str | None = None,
    exports: Sequence[str] = (),
    watch: Watch | None = None,
    file: source.Source | None = None,
    parameters: Mapping[str, Any] | None = None,
    **given: Any,
) -> Result:
    """Runs a pipeline in a new folder, or goes on with the run that `folder` holds."""
    loading = source.LOADING.get()
    if loading is not None:
        raise PipelineError("it runs its pipeline while it is loaded: put that under `if __name__ == '__main__':`")
    settings = Settings(exports=tuple(exports), **_known(given))
    if target is not None and (not isinstance(target, int) or isinstance(target, bool)):
        raise ConfigError(f"target is {target!r}: give a whole number")
    project = find_project()
    plan = check(pipeline, settings, target=target, project=project)
    names = Names(registry())
    if file is not None:  # another file of that name may have been loaded since
        sys.modules[file.module.__name__] = file.module
    if folder is not None and (Path(folder) / "run.json").exists():
        return _again(Path(folder), plan, settings, project, names, watch)
    with _created(Path(folder) if folder else None, project, plan.name) as store:
        path = file.path if file else names.main
        used = file is not None or any(spec_uses(s, source.PREFIX) for s in plan.specs)
        store.save(
            status="running",
            run=uuid.uuid4().hex[:12],
            name=plan.name,
            began=now(),
            project=str(project.folder),
            settings=settings.form(),
            exports=[str(Path(text).absolute()) for text in settings.exports],
            pipeline=list(plan.specs),
            target=plan.target,
            shape=plan.shape.form(),
            source=source.keep(path, store.folder / "pipeline") if path and used else None,
            parameters={name: str(value) for name, value in (parameters or {}).items()},
            inputs=inputs.keep(plan, store.folder),
            versions=versions(),
            rounds=[],
        )
        plan = rebuilt(store, names, settings)
        return Execution(plan, store, settings, project, watch).run()


def _known(given: Mapping[str, Any]) -> Mapping[str, Any]:
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


def _again(folder: Path, plan: Plan, settings: Settings, project: Project, names: Names, watch: Watch | None) -> Result:
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
        if settings.exports and [str(Path(text).absolute()) for text in settings.exports] != before["exports"]:
            raise StoreError(
                f"{folder} holds a run with other exports ({', '.join(before['exports']) or 'none'}): name these, or "
                "give this one a folder of its own"
            )
        settings = replace(settings, shard=before["settings"]["shard"], exports=before["settings"]["exports"])
        again = rebuilt(store, names, settings)
        ledger.verify(store, again.shape)
        store.save(settings=settings.form())
        return Execution(again, store, settings, project, watch).run()


def resume(folder: Path, *, retry_failed: bool = False, watch: Watch | None = None, **changes: Any) -> Result:
    """Goes on with a run, from its folder alone. changes: settings that are different from now on."""
    for fixed in {"seed", "shard", "exports"} & changes.keys():
        raise ConfigError(f"{fixed} cannot change in a run that has begun: start a new one")
    project = find_project(_home(folder))
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
        return Execution(plan, store, settings, project, watch, retry=retry_failed).run()


def _home(folder: Path) -> Path:
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
    formats = {text: export.target_of(text, registry(), store.folder)[1] for text in store.state["exports"]}
    rounds = settings.max_rounds
    last = export.exportable(formats)
    return compile_plan(store.state["name"], store.state["target"], parts, names, last, max_rounds=rounds)


@contextlib.contextmanager
def _created(folder: Path | None, project: Project, name: str) -> Iterator[Store]:
    if folder is None:
        folder = _free(project.runs, name)
    with contextlib.closing(Store.create(folder, {})) as store:
        yield store


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
