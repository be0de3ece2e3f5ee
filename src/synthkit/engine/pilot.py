"""A pilot: the first source records of a pipeline go all the way through it, and what each of them led to is counted.

It makes the very records, requests and samples that a run with the same target and seed makes, through the project's
journal, round by round: that run finds these answers there. Its run folder is a temporary one.
"""

import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from itertools import islice
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthkit.core.answer import Request
from synthkit.core.interfaces import Round
from synthkit.core.provider import Provider
from synthkit.core.record import Fields
from synthkit.core.source import skipping
from synthkit.engine import api, source
from synthkit.engine.execution import Execution, Watch
from synthkit.engine.plan import Plan
from synthkit.engine.preview import First, hidden
from synthkit.engine.projection import Pace
from synthkit.engine.rounds import ALL, Committed
from synthkit.engine.settings import Settings
from synthkit.engine.state import PILOT
from synthkit.engine.store import Store
from synthkit.engine.tally import together
from synthkit.engine.traced import Pilot, Reader, refs
from synthkit.errors import OutOfBudget, SynthkitError
from synthkit.models.bill import Bill
from synthkit.models.calls import Models
from synthkit.models.project import find_project
from synthkit.models.service import Services

if TYPE_CHECKING:
    from synthkit.engine.control import Control
    from synthkit.engine.monitor import Monitor
    from synthkit.engine.pipeline import Pipeline
    from synthkit.engine.result import Result


class Leading(First):
    """The first records of a generator, in whatever rounds they are made, each as a run has it."""

    def generate(self, round: Round) -> Iterator[Fields]:
        return islice(self.generator.generate(round), max(0, self.number - round.start))


class Stopwatch:
    """Times the calls of a run, by model. models: who makes them, from its beginning on."""

    def __init__(self) -> None:
        self.models: Models | None = None
        self.seconds: dict[str, list[float]] = {}

    def start(self, models: Models, refs: Iterable[str]) -> None:
        """Times the calls to these models from now on."""
        self.models = models
        for ref in refs:
            self._time(ref, models.services[ref].provider)

    def _time(self, ref: str, provider: Provider) -> None:
        """Those calls that fail tell nothing of how long an answer takes."""
        call, embed = provider.call, provider.embed

        async def timed(request: Request, sample: str) -> str:
            began = time.perf_counter()
            body = await call(request, sample)
            self._note(ref, began)
            return body

        async def embedded(request: Request) -> str:
            began = time.perf_counter()
            body = await embed(request)
            self._note(ref, began, max(len(request.inputs), 1))
            return body

        vars(provider).update(call=timed, embed=embedded)

    def _note(self, ref: str, began: float, answers: int = 1) -> None:
        """Each answer of a call that brought several took its part of the time."""
        self.seconds.setdefault(ref, []).append((time.perf_counter() - began) / answers)


def pilot(
    pipeline: "Pipeline",
    records: int,
    settings: Settings,
    *,
    target: int | None = None,
    watch: Watch | None = None,
    file: source.Source | None = None,
    parameters: Mapping[str, Any] | None = None,
) -> Pilot:
    """Takes the first source records through a pipeline. Raises what a run raises before its first call."""
    project = find_project()
    plan = api.checked(pipeline, settings, target, project, file)
    with (
        tempfile.TemporaryDirectory(prefix="synthkit-pilot-", ignore_cleanup_errors=True) as place,
        closing(Store.create(Path(place), {})) as store,
    ):
        plan = api.begun(store, plan, settings, project, file, parameters or {})
        store.state["run"] = PILOT + store.state["run"]
        made = Pilot(plan, settings, records)
        generator = replace(plan.generator, component=Leading(plan.generator.component, records))
        stopwatch = Stopwatch()
        shown = _timed(hidden(watch, Path(place), "pilot"), plan, stopwatch)
        execution = Execution(replace(plan, generator=generator), store, settings, project, shown, preview=True)
        result = execution.run()
        _ran(made, result, execution.monitor, stopwatch.models)
        Reader(made, store, project).read()
        if stopwatch.models is not None:
            made.paces = _paces(made, result.bill, stopwatch.models.services, stopwatch)
        if not made.problem and not plan.generator.component.endless:
            made.available = _available(made, store)
    return made


def _ran(made: Pilot, result: "Result", monitor: "Monitor", models: Models | None) -> None:
    """What the run of a pilot says of itself."""
    if result.status == "failed" or (models is not None and models.stopping.is_set()):
        made.problem, made.stopped = result.reason, bool(monitor.stopped_by)
        if models is not None and isinstance(models.fatal, OutOfBudget):  # there is no run that could be resumed
            made.problem = result.reason.replace("resume with a larger", "give the pilot a larger")
            made.short = True
    made.spent = together(result.tally)
    made.spent.add(result.unfinished)
    made.notes += result.state.get("notes", ())
    made.paid = result.bill.total


def _timed(watch: Watch, plan: Plan, stopwatch: Stopwatch) -> Watch:
    @contextmanager
    def watching(monitor: "Monitor", control: "Control") -> Iterator[None]:
        if isinstance(monitor.models, Models):  # a pilot runs in this process
            stopwatch.start(monitor.models, refs(plan))
        with watch(monitor, control):
            yield

    return watching


def _paces(made: Pilot, bill: Bill, services: Services, stopwatch: Stopwatch) -> dict[str, Pace]:
    """How fast each model is: by its calls, its slots, and the limits that its limiter knows by now."""
    paces: dict[str, Pace] = {}
    paid = bill.by_model()
    for ref in refs(made.plan):
        limiter, fresh = services[ref].limiter, paid[ref].answers if ref in paid else 0
        found = max(made.answers(ref) - fresh, 0)
        paces[ref] = Pace(stopwatch.seconds.get(ref, ()), limiter.concurrency, limiter.a_minute, found)
    return paces


def _available(made: Pilot, store: Store) -> float:
    """How many source records there are. It asks no model: a generator reads files, or counts."""
    if len(made.records) < made.wanted:
        return len(made.records)
    form = {"index": 0, "want": ALL, "start": 0}
    with skipping(made.settings.skipped()):
        try:
            round = Committed(store, made.plan, form, made.settings.seed)
            return sum(1 for _ in made.plan.generator.component.generate(round))
        except SynthkitError as error:
            made.notes.append(f"the source records cannot be counted: {error}")
        except Exception as error:  # a generator of the user's own
            made.notes.append(f"the source records cannot be counted: {type(error).__name__}: {error}")
    return inf
