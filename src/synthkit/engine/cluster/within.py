"""Being in the Ray that a run was asked for."""

import contextlib
from collections.abc import Iterator

from synthkit.engine.cluster.address import Where
from synthkit.engine.cluster.runtime_env import RuntimeEnv
from synthkit.engine.plan import Plan
from synthkit.models.project import Project


@contextlib.contextmanager
def in_ray(at: Where | None, project: Project, plan: Plan, env: RuntimeEnv | None) -> Iterator[RuntimeEnv | None]:
    """In the Ray that was asked for, if one was; its processes do not have the keys of this one. Gives what is to be
    installed there: nothing that the run needs where Ray was started for it, since that has what this process has.
    Raises `RunError` where no node has what a step asks for."""
    if at is None:
        yield None
        return
    from synthkit.engine.cluster.assignment import keys_of
    from synthkit.engine.cluster.fleet import fitting_somewhere
    from synthkit.engine.cluster.start import joined

    keys = keys_of(project, plan)
    if env is not None:
        env.check(keys)
    with joined(at, hidden=frozenset((*keys.variables, *keys.environment))) as session:
        for stage in plan.stages:  # before anything is paid for those before it
            fitting_somewhere(stage)
        yield None if env is not None and env.given is None and session.own else env
