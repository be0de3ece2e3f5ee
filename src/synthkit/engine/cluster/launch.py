"""Launching: what a run on Ray needs before its first stage."""

import importlib
import sys
from typing import Any

from synthkit.engine.cluster.assignment import Assignment, keys_of
from synthkit.engine.cluster.executor import RayExecutor
from synthkit.engine.cluster.far_journal import known
from synthkit.engine.cluster.fleet import Fleet
from synthkit.engine.cluster.keeper import Keeper
from synthkit.engine.cluster.kept import node_id
from synthkit.engine.cluster.runtime_env import Fitting, RuntimeEnv, fitted
from synthkit.engine.cluster.shares import most
from synthkit.engine.executor import in_flight
from synthkit.engine.money import LEASES, Money
from synthkit.engine.monitor import Monitor
from synthkit.engine.plan import Plan
from synthkit.engine.settings import Settings
from synthkit.engine.store import Store
from synthkit.models.calls import Models
from synthkit.models.project import Project


def launched(
    plan: Plan, store: Store, settings: Settings, project: Project, models: Models, monitor: Monitor, money: Money,
    runtime_env: RuntimeEnv | None = None,
) -> RayExecutor:  # fmt: skip
    """The executor of a run, in the Ray that this process is in. Its lanes are started when they are needed, with what
    `runtime_env` says installed. Raises what is wrong with the run's parts or its models."""
    ray: Any = importlib.import_module("ray")
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    assignment, keys = Assignment.of(store, plan, project, settings), keys_of(project, plan)
    fitting, mine = None, {}
    if runtime_env is not None:
        found = fitted(runtime_env, assignment.equipment, keys, store.state["run"])
        fitting = Fitting(found, monitor)
        mine = {"runtime_env": {"py_executable": sys.executable}}  # the node may lack synthkit; nothing is installed
        store.event("runtime env", installs=found.installs)
    leases = None
    if money.budget.limit is not None:
        leases = (str((store.folder / LEASES).resolve()), money.bill.most, money.budget.limit)
    home = node_id(), str(store.folder.resolve())
    here = NodeAffinitySchedulingStrategy(home[0], soft=False)
    make = ray.remote(
        num_cpus=0, max_restarts=0, max_task_retries=0, max_concurrency=1000, scheduling_strategy=here, **mine
    )
    keeper = make(Keeper).remote(home[1], str(project.journal.resolve()), offline=settings.offline, leases=leases)
    fleet = Fleet(
        keeper, ray.put(assignment), keys, ray.put(known(models.journal.keys())),
        in_flight=in_flight(plan, models.services, settings),
        most=most(plan, models.services), budget=money.budget.limit, home=home,
        fitting=fitting,
    )  # fmt: skip
    return RayExecutor(fleet, store, models, monitor, money, shard=settings.shard)
