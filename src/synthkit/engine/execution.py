"""One execution of a plan in a run folder: its loop, its journal, its end."""

import asyncio
import contextlib
import contextvars
import functools
import os
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TYPE_CHECKING, Any

from synthkit.core.source import skipping
from synthkit.engine import export, ledger
from synthkit.engine.collecting import seldom_collected
from synthkit.engine.context import FileArtifacts, Lane
from synthkit.engine.control import Control, signals
from synthkit.engine.executor import Executor
from synthkit.engine.money import Money
from synthkit.engine.monitor import Monitor
from synthkit.engine.plan import Plan
from synthkit.engine.result import Result, unfinished
from synthkit.engine.runner import Runner, Status
from synthkit.engine.settings import Settings
from synthkit.engine.store import Store, now
from synthkit.engine.target import target_of
from synthkit.errors import StoreError, SynthkitError, UsageError
from synthkit.models.calls import Models
from synthkit.models.journal import Journal
from synthkit.models.project import Project
from synthkit.models.service import Services
from synthkit.models.spans import UNSEEN, Open, Spans, Unseen
from synthkit.models.spent import Spent
from synthkit.plugins import registry

if TYPE_CHECKING:
    from synthkit.engine.cluster.address import Where
    from synthkit.engine.cluster.runtime_env import RuntimeEnv

THREADS = max(2, os.cpu_count() or 1)
"""Threads for steps that are heavy on the CPU, and for files. More would add nothing but memory: each has an arena of
its own, which grows as if it were the only one."""

Watch = Callable[[Monitor, Control], contextlib.AbstractContextManager[None]]
"""What shows a run while it runs: entered before, left after."""


def _in_loop() -> bool:
    """Whether this thread has a loop already, as in a notebook."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


class Execution:
    """Runs a plan to its end. retry: failed records are tried again first. preview: their trails hold everything, and
    nobody goes on with the run. ray: the Ray it runs on, which this process is in already. runtime_env: what is
    installed there for it."""

    def __init__(
        self,
        plan: Plan,
        store: Store,
        settings: Settings,
        project: Project,
        watch: Watch | None = None,
        *,
        retry: bool = False,
        preview: bool = False,
        ray: "Where | None" = None,
        runtime_env: "RuntimeEnv | None" = None,
    ) -> None:
        self.plan, self.store, self.settings, self.project = plan, store, settings, project
        self.watch, self.retry, self.preview, self.ray = watch, retry, preview, ray
        self.runtime_env = runtime_env
        self.control: Control | None = None
        self.skipped = settings.skipped()
        self.monitor = Monitor(
            plan.name, plan.target, labels=list(plan.shape.labels), tally=ledger.tally(store, plan.shape),
            accepted=sum(r.get("accepted", 0) for r in store.rounds), folder=store.folder, goal=plan.goal,
            body=[part.label for stage in plan.body for part in stage.parts], stages=plan.shape.stages,
        )  # fmt: skip

    def run(self) -> Result:
        """Runs in a loop of its own, in another thread where this one has a loop already (a notebook)."""
        env = self.runtime_env.value if self.runtime_env else None
        self.store.save(status="running", reason="", ray=None if self.ray is None else str(self.ray), runtime_env=env)
        with seldom_collected():
            if _in_loop():
                self._threaded()
            else:
                asyncio.run(self._run())
        return Result(self.store.folder)

    @contextlib.asynccontextmanager
    async def _executor(self, models: Models, money: Money) -> AsyncIterator[Executor | None]:
        """What the stages are run by; None: this process."""
        if self.ray is None:
            yield None
            return
        from synthkit.engine.cluster.launch import launched

        executor = launched(
            self.plan, self.store, self.settings, self.project, models, self.monitor, money, self.runtime_env
        )
        self.monitor.models = executor
        try:
            yield executor
        finally:
            await executor.close()

    def _threaded(self) -> None:
        errors: list[BaseException] = []
        done = threading.Event()

        def work() -> None:
            try:
                asyncio.run(self._run())
            except BaseException as error:
                errors.append(error)
            finally:
                done.set()

        here = contextvars.copy_context()  # so that a run stands below what the caller traces
        thread = threading.Thread(target=here.run, args=(work,), name="synthkit")
        thread.start()
        while not done.is_set():
            try:
                done.wait()  # not `join`: an interrupt there makes a thread look ended that goes on
            except KeyboardInterrupt:
                if self.control is not None:
                    self.control.stop()
        thread.join()
        if errors:
            raise errors[0]

    async def _run(self) -> None:
        store, project = self.store, self.project
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS, "synthkit"))
        journal = Journal(project.journal, read_only=self.settings.offline)
        began = datetime.fromisoformat(store.state["began"]).date()
        before = any(count.spent.asked for count in self.monitor.tally.values())
        services = Services(
            project, registry().provider, self.settings.concurrency, began, answered_before=before,
            give_up_after=self.settings.patience(), hedge=self.settings.hedge,
        )  # fmt: skip
        money = Money.of(store, self.plan.shape.labels, journal, services, self.settings.dollars())
        models = Models(
            services, journal, store, run=store.state["run"], offline=self.settings.offline,
            budget=money.budget, bill=money.bill,
        )  # fmt: skip
        for torn in journal.problems:
            store.event("journal", message=torn)
        self.monitor.models, self.monitor.bill = models, money.bill
        models.attempts.spans = spans = Spans.configured()
        self.control = Control(models, self.monitor, asyncio.get_running_loop())
        artifacts = FileArtifacts(store.folder / "artifacts")
        lane = Lane(models, self.settings.seed, artifacts, store, project.redact, whole=self.preview)
        if self.ray is not None:
            from synthkit.engine.cluster.start import described

            self.monitor.ray = described(self.ray)
            store.event("ray", **self.monitor.ray)
        shown = self.watch(self.monitor, self.control) if self.watch else contextlib.nullcontext()
        handled = signals(self.control, None if self.preview else store.folder)
        with self._traced(spans) as span, handled, shown, skipping(self.skipped):
            try:
                async with self._executor(models, money) as executor:
                    runner = Runner(
                        self.plan, store, lane, self.settings, self.monitor, retry=self.retry, executor=executor
                    )  # fmt: skip
                    status, reason = await runner.run()
            finally:
                await models.close()
            await asyncio.to_thread(self._conclude, models, money, status, project.redact(reason), runner.error)
            span.ended(store.state["status"])
        if isinstance(runner.error, UsageError | StoreError):
            raise runner.error

    def _traced(self, spans: Spans | None) -> Open | Unseen:
        if spans is None:
            return UNSEEN
        return spans.run(self.plan.name, self.store.state["run"], target=self.plan.target, preview=self.preview)

    def _conclude(self, models: Models, money: Money, status: Status, reason: str, error: SynthkitError | None) -> None:
        """Writes what came of a run: what it paid, the files of records, the exports, and at last the status."""
        try:
            money.end()
            self.store.state["bill"] = money.bill.form()
            if not isinstance(error, StoreError):
                self._write(models, status)
            self.store.save(status=status, reason=reason, ended=now())
        except SynthkitError as problem:
            with contextlib.suppress(StoreError):
                self.store.save(status="failed", reason=reason if error else str(problem), ended=now())
            if error is None:
                raise

    def _write(self, models: Models, status: Status) -> None:
        store, shape = self.store, self.plan.shape
        ledger.write(store, shape)
        written: list[dict[str, Any]] = []
        if status != "failed":
            written = self._exported(better_nothing=status == "partial" and not ledger.accepted_count(store, shape))
        services = models.services.made.values()
        tally = ledger.tally(store, shape)
        left = unfinished(store.state, tally, self.monitor.unfinished) if models.stopping.is_set() else Spent()
        journal = {"folder": str(self.project.journal), "problems": list(models.journal.problems)}
        store.state.update(
            totals={label: count.form() for label, count in tally.items()},
            unfinished=left.form() if left else None,
            written=written,
            notes=sorted({type(s.provider).note for s in services} - {""}) + self._bad_lines(),
            dropped_wishes={s.model.ref: sorted(s.refused) for s in services if s.refused},
            journal=journal,
        )

    def _exported(self, *, better_nothing: bool) -> list[dict[str, Any]]:
        """Writes the exports, and reports on each file. better_nothing: files that are there stay."""
        split, seed = self.settings.split, self.settings.seed
        targets = [
            target_of(text, registry(), split=split is not None, otherwise=self.store.folder)
            for text in self.store.state["exports"]
        ]
        if better_nothing:
            targets = [t for t in targets if not any(path.exists() for path in t.files(split is not None))]
        records = functools.partial(ledger.accepted, self.store, self.plan.shape)
        return export.write(targets, records, split=split, seed=seed)

    def _bad_lines(self) -> list[str]:
        inputs, folder = self.store.state["inputs"], self.store.folder / "inputs"
        names = {str(folder / known["kept"]): given for given, known in inputs.items() if known["kept"]}
        return self.skipped.notes(names) if self.skipped else []
