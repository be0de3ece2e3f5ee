"""Estimates side by side: the same pilot with one model after the other."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from typing import TYPE_CHECKING, Any

from synthkit.engine import api
from synthkit.engine.estimate import RECORDS, Estimate, estimate
from synthkit.engine.execution import Watch
from synthkit.engine.preview import some
from synthkit.engine.settings import Settings
from synthkit.errors import PipelineError, SynthkitError
from synthkit.models.project import find_project

if TYPE_CHECKING:
    from synthkit.engine.control import Control
    from synthkit.engine.monitor import Monitor
    from synthkit.engine.pipeline import Pipeline


ESTIMATES = ("target", "watch", "file", "parameters")
"""What an estimate takes that is no setting of a run."""


@dataclass(frozen=True)
class Row:
    """One model. made: None where there was no pilot; problem: why, and why there is no total where that is so."""

    model: str
    made: Estimate | None
    problem: str = ""

    @property
    def price(self) -> float | None:
        """Dollars for an accepted record."""
        run = self.made.run if self.made else None
        return run.dollars_each.value if run and run.dollars_each else None

    def form(self) -> dict[str, Any]:
        """As JSON."""
        return {"model": self.model, "problem": self.problem, "estimate": self.made.form() if self.made else None}


@dataclass(frozen=True)
class Comparison:
    """Models by what an accepted record costs with them, those without a price behind, those without a total last.

    rivals: those that may be as cheap as the first, for all that the pilot tells. same: whether all had the same source
    records, as many as they needed. budget: dollars of all pilots together.
    """

    rows: Sequence[Row]
    rivals: Sequence[str] = ()
    same: bool = True
    stopped: bool = False
    budget: Decimal | None = None

    @property
    def failed(self) -> bool:
        """Whether no model could be estimated."""
        return all(row.made is None or row.made.failed for row in self.rows)

    def form(self) -> dict[str, Any]:
        """As JSON."""
        budget = None if self.budget is None else str(self.budget)
        models = [row.form() for row in self.rows]
        return {"models": models, "rivals": list(self.rivals), "same": self.same, "budget": budget}


def compare(
    models: Sequence[str], pipeline: "Callable[[str], Pipeline]", records: int = RECORDS, **given: Any
) -> Comparison:
    """Estimates a pipeline with each model. pipeline: makes it with a model; given: what `estimate` takes. A budget is
    that of all pilots together: each may take an equal part of what those before it left. Raises what a run raises
    before its first call, of all models, before anything is paid for one."""
    left = budget = Settings(**api.known({k: v for k, v in given.items() if k == "budget"})).dollars()
    pipelines = _checked(models, pipeline, records, given)
    rows: list[Row] = []
    for number, model in enumerate(models):
        share = None if left is None else _share(left, len(models) - number)
        rows.append(_row(model, pipelines[model], records, given, share))
        made = rows[-1].made
        if made is not None and left is not None:
            left -= made.paid.cost + made.paid.most
        if made is not None and made.stopped:
            break
    stopped = any(row.made is not None and row.made.stopped for row in rows)
    rows += [Row(model, None, "stopped before its turn") for model in models[len(rows) :]]
    seen = [row.made.ids for row in rows if row.made is not None and not row.made.failed]
    longest = max(seen, key=len, default=())
    same = all(ids == longest[: len(ids)] for ids in seen)  # fewer where these met the target
    rows.sort(key=lambda row: (row.made is None or row.made.failed, row.price is None, row.price or 0))
    return Comparison(rows, _rivals(rows), same, stopped, budget)


def _share(left: Decimal, models: int) -> Decimal:
    """An equal part of what is left, in the digits in which money is shown."""
    share = left / models
    return share.quantize(Decimal("0.01" if share >= 1 else "0.0001"), ROUND_DOWN)


def _checked(
    models: Sequence[str], pipeline: "Callable[[str], Pipeline]", records: int, given: Mapping[str, Any]
) -> "Mapping[str, Pipeline]":
    """The pipeline with each model. Raises `PipelineError` with what is wrong with any: a name, a key, an option."""
    more = {name: value for name, value in given.items() if name not in ESTIMATES}
    settings, project = some("a pilot", records, more), find_project()
    pipelines: dict[str, Pipeline] = {}
    problems: list[str] = []
    for model in models:
        try:
            pipelines[model] = pipeline(model)
            api.checked(pipelines[model], settings, given.get("target"), project, given.get("file"))
        except PipelineError as error:
            problems += error.problems
    if problems:
        raise PipelineError(*dict.fromkeys(problems))
    return pipelines


def _row(model: str, pipeline: "Pipeline", records: int, given: Mapping[str, Any], share: Decimal | None) -> Row:
    """A model's own estimate, or why there is none. What is wrong with one takes no other with it."""
    if share is not None and not share:
        return Row(model, None, "its share of the budget is less than $0.0001: give a larger --budget")
    more = {"watch": _naming(given.get("watch"), model)} | ({} if share is None else {"budget": str(share)})
    try:
        made = estimate(pipeline, records, **{**given, **more})
    except SynthkitError as error:
        return Row(model, None, str(error).partition("\n")[0])
    if made.short:
        why = made.problem.partition(";")[0].replace("the budget of", "its share of", 1)
        left = made.wanted - made.records + made.unfinished
        return Row(model, made, f"{why}; {left} of {made.wanted} source records are left out")
    return Row(model, made, made.problem or made.why)


def _naming(watch: Watch | None, model: str) -> Watch | None:
    """A watch that shows whose pilot it is."""
    if watch is None:
        return None

    @contextmanager
    def watching(monitor: "Monitor", control: "Control") -> Iterator[None]:
        monitor.name = f"{monitor.name} with {model}"
        with watch(monitor, control):
            yield

    return watching


def _rivals(rows: Sequence[Row]) -> list[str]:
    """The models whose price for an accepted record may be that of the cheapest."""
    prices = [(row.model, row.made.run.dollars_each) for row in rows if row.made and row.made.run]
    known = [(model, price) for model, price in prices if price is not None]
    return [model for model, price in known[1:] if price.meets(known[0][1])]
