"""Pipeline: what the user writes. It can run itself, hence it lives with the engine."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthkit.core.component import Component, instances
from synthkit.engine import views
from synthkit.engine.collecting import seldom_collected
from synthkit.errors import PipelineError

if TYPE_CHECKING:
    from synthkit.engine.estimate import Estimate
    from synthkit.engine.preview import Preview
    from synthkit.engine.result import Result

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


class Pipeline:
    """A generator and what its records go through: `Pipeline("name", target=500) >> generator >> step >> filter`.

    It is never changed: `>>` gives a new one.

    name: of its run folders. target: how many accepted records to make; None for all that the generator has.
    """

    def __init__(self, name: str, target: int | None = None, parts: Sequence[Component] = ()) -> None:
        if not NAME.fullmatch(name):
            raise PipelineError(f"{name!r} cannot be a pipeline's name: use letters, digits, '-', '_' and '.'")
        if target is not None and (not isinstance(target, int) or isinstance(target, bool)):
            raise PipelineError(f"the target of {name!r} is {target!r}: give a whole number")
        self.name = name
        self.target = target
        self.parts = tuple(parts)

    def __rshift__(self, part: Any) -> "Pipeline":
        part = instances(part)
        if isinstance(part, Component):
            return Pipeline(self.name, self.target, (*self.parts, part))
        if isinstance(part, tuple) and all(isinstance(p, Component) for p in part):
            return Pipeline(self.name, self.target, (*self.parts, *part))
        what = getattr(part, "__name__", None) or type(part).__name__
        raise PipelineError(
            f"{what} is no component: use a class of Generator, Step or Filter, or decorate a function with "
            "@generator, @step or @filter"
        )

    def run(
        self,
        *,
        target: int | None = None,
        folder: Path | str | None = None,
        export: str | Sequence[str] = (),
        progress: bool | None = None,
        ray: str | bool | None = None,
        runtime_env: bool | str | Path | Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> "Result":
        """Runs to its end and returns the result, whatever its status; only what cannot run at all raises.

        It works in a script, and in a notebook, where a loop is running already.

        target: how many accepted records, in the place of the pipeline's. folder: the run folder; where it holds a run
        of this pipeline, that run goes on. export: «path:format», one or several. progress: whether to show it on
        stderr; by default on a terminal and in a notebook. ray: True to run on a Ray that is started on this machine,
        "auto" or "HOST:PORT" to join one; where this process is in one already, that is used. runtime_env: what Ray
        installs for this run alone: True for the plugins and the synthkit of this process, a file or a mapping for a
        runtime env of your own. settings: seed,
        concurrency, max_failures, max_rounds, budget, offline, on_bad_line, give_up_after ("10m": how long a service
        may answer nothing good), hedge (False: nothing is sent a second time because it takes far too long), split (the
        share of exported records that is for training).
        """
        with seldom_collected():  # what is imported now stays
            from synthkit.engine.api import run

            exports = [export] if isinstance(export, str) else list(export)
            watch = views.current().watcher(progress)
            return run(
                self,
                target=target,
                folder=folder,
                exports=exports,
                watch=watch,
                ray=ray,
                runtime_env=runtime_env,
                **settings,
            )

    def preview(
        self, records: int = 3, *, target: int | None = None, progress: bool | None = None, **settings: Any
    ) -> "Preview":
        """Takes the first generated records through all steps, and returns what happened to them; `print` shows it.

        It leaves no run folder. Its answers are in the journal: a run with the same target and seed does not ask for
        them again. target, progress and settings are those of `run`.
        """
        from synthkit.engine.preview import preview

        return preview(self, records, target=target, watch=views.current().watcher(progress), **settings)

    def estimate(
        self, pilot: int = 16, *, target: int | None = None, progress: bool | None = None, **settings: Any
    ) -> "Estimate":
        """Takes so many source records through all steps, and returns what a run will make, ask, cost and take, in
        intervals of 90 %; `print` shows it.

        It leaves no run folder. Its answers are in the journal: a run with the same target and seed does not pay for
        them again. target, progress and settings are those of `run`; the budget is that of the pilot.
        """
        from synthkit.engine.estimate import estimate

        return estimate(self, pilot, target=target, watch=views.current().watcher(progress), **settings)

    def check(self, *, target: int | None = None, export: str | Sequence[str] = (), **settings: Any) -> None:
        """Checks all that can be known before a call; raises `PipelineError` with every problem."""
        from synthkit.engine.api import check
        from synthkit.engine.settings import Settings

        exports = (export,) if isinstance(export, str) else tuple(export)
        check(self, Settings(exports=exports, **settings), target=target)

    def __repr__(self) -> str:
        return " >> ".join([f"Pipeline({self.name!r}, target={self.target})", *(part.name for part in self.parts)])
