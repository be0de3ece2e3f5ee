"""Starting and resuming runs: from a pipeline object or a file, in a script, a notebook or the command line."""

import asyncio
import contextlib
import os
import signal
import sys
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthkit.core.component import Component, Spec, build
from synthkit.core.interfaces import Format
from synthkit.engine import export, inputs, ledger, source
from synthkit.engine.context import FileArtifacts, Lane
from synthkit.engine.monitor import Monitor
from synthkit.engine.plan import Plan, compile_plan
from synthkit.engine.result import Result
from synthkit.engine.runner import Runner, Status
from synthkit.engine.settings import Settings
from synthkit.engine.store import Store, now, read_state
from synthkit.errors import ConfigError, PipelineError, StoreError, SynthkitError, UsageError
from synthkit.models.budget import Budget
from synthkit.models.calls import Models
from synthkit.models.journal import Journal
from synthkit.models.project import Project, find_project
from synthkit.models.service import Services
from synthkit.models.spent import Spent
from synthkit.plugins import Registry, registry

if TYPE_CHECKING:
    from synthkit.engine.pipeline import Pipeline

Watch = Callable[[Monitor, "Control"], contextlib.AbstractContextManager[None]]
"""What shows a run while it runs: entered before, left after."""


class Control:
    """Stops a run from outside: once orderly, twice at once."""

    def __init__(self, models: Models, monitor: Monitor, loop: asyncio.AbstractEventLoop) -> None:
        self._models, self._monitor, self._loop = models, monitor, loop
        self.asked = 0

    def stop(self) -> None:
        """No further question is asked; answers on their way are kept, finished records committed."""
        self.asked += 1
        self._monitor.note = "stopping: waiting for the answers on their way; again to stop at once"
        self._loop.call_soon_threadsafe(self._models.stopping.set)


class Names:
    """The registry as a run sees it: parts of a script are named after its file, so that a copy can bring them."""

    def __init__(self, registry: Registry) -> None:
        main = getattr(sys.modules["__main__"], "__file__", None)
        self._registry = registry
        self.main = Path(main) if main and main.endswith(".py") else None
        self._alias = source.PREFIX + self.main.stem + ":" if self.main else ""

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
    for text in settings.exports:
        try:
            formats[text] = export.target_of(text, registry())[1]
        except UsageError as error:
            problems.append(str(error))
    try:
        plan = compile_plan(
            pipeline.name,
            pipeline.target if target is None else target,
            pipeline.parts,
            Names(registry()),
            formats,
            max_rounds=settings.max_rounds,
        )
    except PipelineError as error:
        raise PipelineError(*problems, *error.problems) from error
    problems += model_problems(plan, project, settings)
    if problems:
        raise PipelineError(*dict.fromkeys(problems))
    return plan


def model_problems(plan: Plan, project: Project, settings: Settings) -> list[str]:
    """What is wrong with the models a plan asks: unknown names, options that are not taken, missing keys."""
    problems: list[str] = []
    services = Services(project, registry().provider)
    seen: set[str] = set()
    for path, component in plan.components():
        for ref in component.models():
            try:
                service = services[ref]
                service.request("", None, {}, getattr(component, "options", {}))
                if ref in seen:
                    continue
                seen.add(ref)
                cls = type(service.provider)
                said = cls.problem(service.model.name)
                if said is None and not settings.offline:
                    said = project.missing_key(service.model, cls)
                if said is None and settings.budget is not None and not service.priced:
                    said = f"{ref} has no known price, so it cannot be used under a budget: add it to [prices]"
                if said:
                    problems.append(f"{path}: {said}")
            except UsageError as error:
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
    try:
        settings = Settings(exports=tuple(exports), **given)
    except TypeError as error:
        raise ConfigError(f"run: {str(error).partition('() ')[2] or error}") from error
    project = find_project()
    plan = check(pipeline, settings, target=target, project=project)
    names = Names(registry())
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
            versions=versions(plan),
            rounds=[],
        )
        plan = rebuilt(store, names, settings)
        return execute(plan, store, settings, project, watch)


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
        same = before["pipeline"] == list(plan.specs) and before["target"] == plan.target
        if not same or before["settings"]["seed"] != settings.seed:
            raise StoreError(
                f"{folder} holds a run of another pipeline, target or seed: give this one a folder of its own"
            )
        changed = inputs.changed(before["inputs"])
        if changed:
            raise StoreError(
                f"{changed[0]} has changed since the run in {folder} began: give this one a folder of its own"
            )
        settings = replace(settings, shard=before["settings"]["shard"])
        return execute(rebuilt(store, names, settings), store, settings, project, watch)


def resume(folder: Path, *, retry_failed: bool = False, watch: Watch | None = None, **changes: Any) -> Result:
    """Goes on with a run, from its folder alone. changes: settings that are different from now on."""
    project = find_project(Path(read_state(folder)["project"]))
    store = Store.open(folder)
    with contextlib.closing(store):
        settings = replace(Settings.of(store.state["settings"]), **changes)
        if store.state["source"]:
            source.load(folder / "pipeline" / store.state["source"])
        plan = rebuilt(store, Names(registry()), settings)
        problems = model_problems(plan, project, settings)
        if problems:
            raise PipelineError(*problems)
        if retry_failed:
            _retry(store, plan)
        store.save(settings=settings.form())
        return execute(plan, store, settings, project, watch)


def _retry(store: Store, plan: Plan) -> None:
    if store.state["status"] == "complete" and plan.target is not None:
        return
    found = ledger.plan_retry(store, plan.shape) if _at_rest(store) else 0
    end = store.stage(None, 0).parent
    if plan.tail and end.exists():
        number = len(list(end.parent.glob("end-*")))
        end.rename(end.with_name(f"end-{number}"))
    store.event("retry failed", records=found)


def _at_rest(store: Store) -> bool:
    """Whether the last round is done; one that is not tries its failures when it ends or is resumed."""
    return bool(store.rounds) and "accepted" in store.rounds[-1]


def rebuilt(store: Store, names: Names, settings: Settings) -> Plan:
    """The plan of a run folder: from the specs in it, with the inputs as they were."""
    specs: list[Spec] = inputs.located(store.state["pipeline"], store.state["inputs"], store.folder)
    parts: list[Component] = [build(spec, names) for spec in specs]
    formats = {text: export.target_of(text, registry())[1] for text in store.state["exports"]}
    rounds = settings.max_rounds
    return compile_plan(store.state["name"], store.state["target"], parts, names, formats, max_rounds=rounds)


def execute(plan: Plan, store: Store, settings: Settings, project: Project, watch: Watch | None) -> Result:
    """Runs a plan to its end in a loop of its own, in another thread where this one has a loop already."""
    monitor = Monitor(
        plan.name, plan.target, labels=list(plan.shape.labels), tally=ledger.tally(store, plan.shape),
        accepted=sum(r.get("accepted", 0) for r in store.rounds),
    )  # fmt: skip
    store.save(status="running", reason="")
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        asyncio.run(_run(plan, store, settings, project, monitor, watch))
    else:
        _threaded(plan, store, settings, project, monitor, watch)
    return Result(store.folder)


def _threaded(
    plan: Plan, store: Store, settings: Settings, project: Project, monitor: Monitor, watch: Watch | None
) -> None:
    errors: list[BaseException] = []
    held: list[Control] = []

    def work() -> None:
        try:
            asyncio.run(_run(plan, store, settings, project, monitor, watch, held))
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=work, name="synthkit")
    thread.start()
    while thread.is_alive():
        try:
            thread.join()
        except KeyboardInterrupt:
            for control in held:
                control.stop()
    if errors:
        raise errors[0]


async def _run(
    plan: Plan,
    store: Store,
    settings: Settings,
    project: Project,
    monitor: Monitor,
    watch: Watch | None,
    held: list[Control] | None = None,
) -> None:
    journal = Journal(project.journal, read_only=settings.offline)
    budget = Budget(settings.dollars(), spent_before(store, journal, project) if settings.budget else Decimal(0))
    services = Services(project, registry().provider, settings.concurrency)
    models = Models(services, journal, store, run=store.state["run"], offline=settings.offline, budget=budget)
    for torn in journal.problems:
        store.event("journal", message=torn)
    monitor.models = models
    control = Control(models, monitor, asyncio.get_running_loop())
    if held is not None:
        held.append(control)
    lane = Lane(models, settings.seed, FileArtifacts(store.folder / "artifacts"), store, project.redact)
    problem: SynthkitError | None = None
    with watch(monitor, control) if watch else contextlib.nullcontext(), _signals(control):
        try:
            runner = Runner(plan, store, lane, settings, monitor)
            status, reason = await runner.run()
            problem = runner.error
        finally:
            await models.close()
        await asyncio.to_thread(_conclude, plan, store, models, status, reason, journal.problems)
    if isinstance(problem, UsageError):
        raise problem


def _conclude(plan: Plan, store: Store, models: Models, status: Status, reason: str, problems: Sequence[str]) -> None:
    """Writes what came of a run: the files of records, the exports, and at last the status."""
    ledger.write(store, plan.shape)
    written = []
    if status != "failed":
        for text in store.state["exports"]:
            path, format = export.target_of(text, registry())
            written.append(export.write(path, format, ledger.accepted(store, plan.shape)))
    counts = {label: count.form() for label, count in ledger.tally(store, plan.shape).items()}
    notes = sorted({type(s.provider).note for s in models.services.made.values()} - {""})
    wishes = {s.model.ref: sorted(s.refused) for s in models.services.made.values() if s.refused}
    store.save(
        status=status, reason=reason, ended=now(), totals=counts, written=written, notes=notes,
        dropped_wishes=wishes, journal={"folder": str(models.services.project.journal), "problems": list(problems)},
    )  # fmt: skip


@contextlib.contextmanager
def _signals(control: Control) -> Iterator[None]:
    """Ctrl-C and a request to terminate stop orderly; the second one at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()

    def interrupt() -> None:
        control.stop()
        if control.asked > 1:
            os.write(2, b"\nstopped at once; nothing that was answered is lost\n")
            os._exit(130)

    wanted = (signal.SIGINT, signal.SIGTERM)
    for one in wanted:
        loop.add_signal_handler(one, interrupt)
    try:
        yield
    finally:
        for one in wanted:
            loop.remove_signal_handler(one)


@contextlib.contextmanager
def _created(folder: Path | None, project: Project, name: str) -> Iterator[Store]:
    if folder is None:
        number = 1
        while (project.runs / f"{name}-{number:03d}").exists():
            number += 1
        folder = project.runs / f"{name}-{number:03d}"
    with contextlib.closing(Store.create(folder, {})) as store:
        yield store


def spent_before(store: Store, journal: Journal, project: Project) -> Decimal:
    """Dollars that this run has spent so far, by the journal."""
    from synthkit.core.answer import Usage
    from synthkit.errors import RecordError

    services = Services(project, registry().provider)
    spent = Spent()
    for entry in journal.scan():
        if entry.data.get("run") == store.state["run"]:
            service = services[entry.data["model"]]
            try:
                usage: Usage = service.provider.parse(entry.data["body"]).usage
            except RecordError:
                continue
            spent.cost += service.cost(usage) or 0
    return spent.cost


def versions(plan: Plan) -> dict[str, str]:
    """What the run was made with."""
    import platform
    from importlib.metadata import version

    plugins = {p.distribution: p.version for p in registry().plugins if p.status == "ok" and p.distribution}
    return {"python": platform.python_version(), "synthkit": version("synthkit"), **plugins}
