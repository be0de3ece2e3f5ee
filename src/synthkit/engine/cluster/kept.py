"""Asking the keeper, from wherever it is asked, and where that is."""

import importlib
from typing import Any

from synthkit.errors import StoreError, SynthkitError

GONE = "the process that keeps the journal and the parts is gone: resume the run; what was committed is safe"


async def kept(keeper: Any, method: str, *given: Any) -> Any:
    """Calls the keeper. Raises what it raises, and `StoreError` where it is gone."""
    from ray.exceptions import RayError, RayTaskError

    try:
        return await getattr(keeper, method).remote(*given)
    except RayTaskError as error:
        raise error.cause if isinstance(error.cause, SynthkitError) else error from None
    except RayError as error:
        raise StoreError(GONE) from error


def node_address() -> str:
    """The address of that node."""
    services: Any = importlib.import_module("ray.util")
    return str(services.get_node_ip_address())


def node_id() -> str:
    """The node of the cluster on which this process runs."""
    ray: Any = importlib.import_module("ray")
    return str(ray.get_runtime_context().get_node_id())
