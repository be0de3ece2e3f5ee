"""Being in the Ray that a run was asked for."""

import contextlib
from collections.abc import Iterator

from synthkit.engine.cluster.address import Where
from synthkit.engine.cluster.runtime_env import RuntimeEnv
from synthkit.engine.plan import Plan
from synthkit.errors import ConfigError
from synthkit.models.project import Project


@contextlib.contextmanager
def in_ray(at: Where | None, project: Project, plan: Plan, env: RuntimeEnv | None) -> Iterator[RuntimeEnv | None]:
    """In the Ray that was asked for, if one was; its processes do not have the keys of this one. Gives what is to be
    installed there: nothing that the run needs where Ray was started for it, since that has what this process has.
    Raises `ConfigError` where no node has what a step asks for."""
    if at is None:
        yield None
        return
    from synthkit.engine.cluster.assignment import keys_of
    from synthkit.engine.cluster.fleet import lacking
    from synthkit.engine.cluster.start import joined, nodes

    keys = keys_of(project, plan)
    if env is not None:
        env.check(keys)
    with joined(at, hidden=frozenset((*keys.variables, *keys.environment))) as session:
        alive = [node for node in nodes() if node.alive]
        for stage in plan.stages:  # before anything is paid for those before it
            if lacks := lacking(stage, alive):
                raise ConfigError(
                    f"this machine does not have {lacks}: join a cluster that does, by --ray HOST:PORT, or ask for less"
                    if session.own
                    else f"no node of the cluster has {lacks}: add one, or ask for less"
                )
        yield None if env is not None and env.given is None and session.own else env
