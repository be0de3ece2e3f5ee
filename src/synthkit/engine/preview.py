"""A preview: the first records of a pipeline go through it, and all that happens to them is kept for people to read.

It makes the very records, requests and samples that the first round of a run makes, through the project's journal: a
run with the same target and seed finds these answers there. Its run folder is a temporary one.
"""

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthkit.core.interfaces import Generator, Round
from synthkit.core.record import Fields
from synthkit.engine import api, source, views
from synthkit.engine.book import Book
from synthkit.engine.execution import Execution, Watch
from synthkit.engine.plan import Plan
from synthkit.engine.settings import Settings
from synthkit.engine.state import PREVIEW
from synthkit.engine.store import Store
from synthkit.engine.story import Story
from synthkit.errors import ConfigError
from synthkit.models.project import find_project

if TYPE_CHECKING:
    from synthkit.engine.control import Control
    from synthkit.engine.monitor import Monitor
    from synthkit.engine.pipeline import Pipeline

RECORDS = 3


@dataclass(frozen=True, repr=False)
class Preview:
    """What became of the first records.

    generator: its label. stories: for each generated record its own story and those of its descendants. wanted: how
    many records were to be seen. problem: why it could not go on, and `stopped`, whether somebody stopped it. seeing:
    the steps that decide over many records, and saw only these; at_end: those of them behind which a run sees others.
    """

    name: str
    generator: str
    stories: Sequence[Sequence[Story]]
    wanted: int
    problem: str = ""
    stopped: bool = False
    notes: Sequence[str] = ()
    seeing: Sequence[str] = ()
    at_end: Sequence[str] = ()

    @property
    def failed(self) -> bool:
        """Whether a record failed, or the preview could not go on."""
        return bool(self.problem) or any(s.end == "failed" for stories in self.stories for s in stories)

    def form(self) -> dict[str, Any]:
        """As JSON."""
        names = ("name", "generator", "wanted", "problem", "notes", "seeing", "at_end")
        stories = [[story.form() for story in family] for family in self.stories]
        return {**{name: getattr(self, name) for name in names}, "records": stories}

    def __str__(self) -> str:
        return views.current().preview(self)

    def __repr__(self) -> str:
        why = f"; {self.problem}" if self.problem else ""
        return f"<Preview of {self.name}: {len(self.stories)} of {self.wanted} records{why}>"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """What a notebook shows of it: what `print` does."""
        printer.text(repr(self) if cycle else str(self))


class First:
    """The first records of a generator, which sees the round that it would see in a run."""

    def __init__(self, generator: Generator, number: int) -> None:
        self.generator, self.number = generator, number
        self.endless = generator.endless

    def generate(self, round: Round) -> Iterator[Fields]:
        """What the generator makes for the first round; no other round makes any."""
        return islice(self.generator.generate(round), 0 if round.index else self.number)

    def inner(self) -> Mapping[str, Any]:
        return self.generator.inner()

    def models(self) -> Sequence[str]:
        return self.generator.models()


def some(what: str, records: int, given: Mapping[str, Any]) -> Settings:
    """The settings of a run of some records only, which is not stopped by failures. Raises `ConfigError`."""
    if not isinstance(records, int) or isinstance(records, bool) or records < 1:
        raise ConfigError(f"{what} of {records!r} records makes no sense: give 1 or more")
    return Settings(**{"max_failures": "100%", **api.known(given)})


def preview(
    pipeline: "Pipeline",
    records: int = RECORDS,
    *,
    target: int | None = None,
    watch: Watch | None = None,
    file: source.Source | None = None,
    parameters: Mapping[str, Any] | None = None,
    **given: Any,
) -> Preview:
    """Takes the first generated records through a pipeline. given: settings of a run, as seed and budget."""
    settings = some("a preview", records, given)
    project = find_project()
    plan = api.checked(pipeline, settings, target, project, file)
    with tempfile.TemporaryDirectory(prefix="synthkit-preview-", ignore_cleanup_errors=True) as place:
        with closing(Store.create(Path(place), {})) as store:
            plan = _first(api.begun(store, plan, settings, project, file, parameters or {}), records)
            store.state["run"] = PREVIEW + store.state["run"]
            execution = Execution(plan, store, settings, project, hidden(watch, Path(place)), preview=True)
            result = execution.run()
        with Book(Path(place), project) as book:
            stories = [book.tree(id) for id in book.generated()]
        datasets = [stage.dataset for stage in plan.stages if stage.dataset]
        models = execution.monitor.models
        ended = result.status == "failed" or (models is not None and models.stopping.is_set())
        return Preview(
            plan.name,
            plan.generator.label,
            stories,
            records,
            result.reason if ended else "",
            bool(execution.monitor.stopped_by),
            result.state.get("notes", ()),
            [bound.label for bound in datasets],
            [bound.label for bound in datasets if bound.component.when == "end"],
        )


def _first(plan: Plan, records: int) -> Plan:
    generator = plan.generator
    return replace(plan, generator=replace(generator, component=First(generator.component, records)))


def hidden(watch: Watch | None, place: Path, what: str = "preview") -> Watch:
    """A watch that knows no target and no folder, which is a temporary one; it is left by no preview."""

    @contextmanager
    def watching(monitor: "Monitor", control: "Control") -> Iterator[None]:
        monitor.folder, monitor.target, monitor.goal = None, None, None
        monitor.name = f"{what} of {monitor.name}"
        control.leave = lambda: shutil.rmtree(place, ignore_errors=True)
        if watch is None:
            yield
            return
        with watch(monitor, control):
            yield

    return watching
