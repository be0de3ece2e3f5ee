"""A model service on this machine, for tests: `LoopbackServer`."""

from synthkit.testing.loopback.answers import demo, fresh, steady
from synthkit.testing.loopback.apierrors import ERRORS, ApiError
from synthkit.testing.loopback.faults import Faults, Script
from synthkit.testing.loopback.limits import Limits
from synthkit.testing.loopback.replies import Received, Reply, Request
from synthkit.testing.loopback.server import LoopbackServer

__all__ = [
    "ERRORS",
    "ApiError",
    "Faults",
    "Limits",
    "LoopbackServer",
    "Received",
    "Reply",
    "Request",
    "Script",
    "demo",
    "fresh",
    "steady",
]
