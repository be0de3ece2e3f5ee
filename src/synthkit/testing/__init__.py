"""The kit for plugin authors: test doubles that behave like the real thing."""

from synthkit.testing.loopback import (
    ERRORS,
    ApiError,
    Faults,
    Limits,
    LoopbackServer,
    Received,
    Reply,
    Request,
    Script,
    demo,
    fresh,
    steady,
)

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
