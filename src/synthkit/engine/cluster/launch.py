"""Launching: what a run on Ray needs before its first stage."""

import importlib
from typing import Any

from synthkit.engine.cluster.assignment import Assignment, keys_of
from synthkit.engine.cluster.executor import RayExecutor
from synthkit.engine.cluster.far_journal import known
from synthkit.engine.cluster.fleet import Fleet
from synthkit.engine.cluster.keeper import Keeper
from synthkit.engine.executor import MOST_IN_FLIGHT, in_flight, slots
from synthkit.engine.money import LEASES, Money
from synthkit.engine.monitor import Monitor
from synthkit.engine.plan import Plan
from synthkit.engine.settings import Settings
from synthkit.engine.store import Store
from synthkit.models.calls import Models
from synthkit.models.project import Project


def launched(
    plan: Plan, store: Store, settings: Settings, project: Project, models: Models, monitor: Monitor, money: Money
) -> RayExecutor:
    """The executor of a run, in the Ray that this process is in. Its lanes are started when they are needed. Raises
    what is wrong with the run's parts or its models."""
    ray: Any = importlib.import_module("ray")
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    assignment, keys = Assignment.of(store, plan, project, settings), keys_of(project, plan)
    leases = None
    if money.budget.limit is not None:
        leases = (str((store.folder / LEASES).resolve()), money.bill.most, money.budget.limit)
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    make = ray.remote(num_cpus=0, max_restarts=0, max_task_retries=0, max_concurrency=1000, scheduling_strategy=here)
    places = str(store.folder.resolve()), str(project.journal.resolve())
    keeper = make(Keeper).remote(*places, offline=settings.offline, leases=leases)
    fleet = Fleet(
        keeper, ray.put(assignment), keys, ray.put(known(models.journal.keys())),
        in_flight=in_flight(plan, models.services, settings),
        most=min(slots(plan, models.services), default=MOST_IN_FLIGHT), budget=money.budget.limit,
    )  # fmt: skip
    return RayExecutor(fleet, store, models, monitor, money, shard=settings.shard)
