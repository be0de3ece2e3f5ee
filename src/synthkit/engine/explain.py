"""Why answers are not found again: the requests of two runs, or of a run and a pipeline as it is now, compared."""

from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from synthkit.engine.api import home
from synthkit.engine.asked import Asked, asked
from synthkit.engine.comparison import Comparison, Explained
from synthkit.engine.plan import Plan, Shape
from synthkit.engine.rehearsal import Rehearsed, rehearse
from synthkit.engine.result import Result
from synthkit.engine.settings import Settings
from synthkit.engine.store import read_state
from synthkit.engine.usual import Answers
from synthkit.errors import StoreError
from synthkit.models.project import Project, find_project

Watch = Callable[[int, int], None]
"""Is told how much is done, and of how much."""


def runs(old: Path, new: Path, watch: Watch = lambda done, of: None) -> Explained:
    """What two runs asked, compared. Raises `StoreError` for a run that does not say what it asked."""
    with closing(Answers(_project(old))) as before, closing(Answers(_project(new))) as now:
        steps = [*_labels(new), *_labels(old)]
        return Comparison(told(old, watch), told(new, watch), before, now).run(list(dict.fromkeys(steps)))


def edit(
    old: Path | None, plan: Plan, settings: Settings, project: Project, watch: Watch = lambda done, of: None
) -> tuple[Explained, Rehearsed]:
    """What a plan would ask, compared with what an earlier run asked, if there is one. No call is made."""
    with closing(Answers(project)) as now, closing(Answers(_project(old) if old else project)) as before:
        asked_before = told(old, watch) if old else Asked()
        rehearsed = rehearse(plan, settings, project, lambda number: watch(number, len(asked_before)))
        steps = [*plan.shape.labels, *(_labels(old) if old else ())]
        comparison = Comparison(asked_before, rehearsed.asked, before, now, rehearsed)
        return comparison.run(list(dict.fromkeys(steps))), rehearsed


def told(folder: Path, watch: Watch) -> Asked:
    """What a run asked. Raises `StoreError` where its parts do not say so."""
    found = asked(folder, watch)
    if not found.places and any(count.spent.asked for count in Result(folder).tally.values()):
        raise StoreError(
            f"{folder} does not say what it asked, as it was made by an older synthkit: run its pipeline again, which "
            "costs nothing with --offline, and compare with that run"
        )
    return found


def _project(folder: Path) -> Project:
    return find_project(home(folder))


def _labels(folder: Path) -> Sequence[str]:
    return Shape(**read_state(folder)["shape"]).labels
