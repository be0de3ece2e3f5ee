"""Opening: what the parts of a stage do once in a lane, before its first record."""

import asyncio
import logging
import time
import traceback
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, TypeVar

from synthkit.core.context import Artifacts, Opening
from synthkit.core.interfaces import Filter, Step
from synthkit.engine.advance import normal, ordered, words
from synthkit.engine.context import Lane, log_of, settled
from synthkit.engine.plan import Bound, walk
from synthkit.errors import RunError, SynthkitError
from synthkit.models.limiter import Stopped

T = TypeVar("T")
NOTHING = (Step.open, Filter.open)
"""What is there where an author wrote no `open`."""


class LaneContext(Opening):
    """What a part gets that is opened: bound to a lane and a path."""

    __slots__ = ("lane", "path")

    def __init__(self, lane: Lane, path: str) -> None:
        self.lane, self.path = lane, path

    @property
    def log(self) -> logging.Logger:  # type: ignore[override]
        return log_of(self.path)

    @property
    def artifacts(self) -> Artifacts:  # type: ignore[override]
        return self.lane.artifacts

    def resource(self, key: str, factory: Callable[[], T]) -> T:
        return self.lane.resource(key, factory)

    def __getattr__(self, name: str) -> NoReturn:
        raise AttributeError(
            f"there is no ctx.{name} in open, which works on no record: it has ctx.resource, ctx.log, ctx.artifacts "
            "and ctx.path"
        )


async def opened(lane: Lane, parts: Sequence[Bound]) -> None:
    """Opens the parts of a stage, and those inside them, in the order of their paths in the plan; once in a lane,
    however often and by however many it is called. Returns when all are open.

    Raises `RunError` for a part that cannot be opened, again and again: this lane cannot run it.
    """
    wanted = [(path, part) for bound in parts for path, part in walk(bound.label, bound.component)]
    if all(lane.opened.get(path) == "" for path, _ in wanted):
        return
    async with lane.opening:
        for path, part in wanted:
            if path not in lane.opened:
                lane.opened[path] = await _open(lane, path, part)
            if lane.opened[path]:
                raise RunError(lane.opened[path])


async def _open(lane: Lane, path: str, part: Any) -> str:
    """Opens a part. Returns what went wrong, as a sentence, or nothing."""
    if getattr(getattr(part, "open", None), "__func__", NOTHING[0]) in NOTHING:
        return ""
    began = time.monotonic()
    try:
        work = part.open(LaneContext(lane, path))
        await (asyncio.to_thread(settled, work) if part.cpu else work)
    except Stopped:
        raise
    except BaseException as error:  # one that exits, too, is to be named
        if ordered(error, lane):
            raise
        trace = "".join(traceback.format_exception(error))
        lane.events.event("exception", path=path, traceback=lane.redact(trace)[-8000:])
        said = str(error) if isinstance(error, SynthkitError) else f"{type(error).__name__}: {words(error)}"
        return f"the step {path} could not be opened: {normal(lane.redact(said))}"
    lane.events.event("opened", path=path, seconds=round(time.monotonic() - began, 3))
    return ""
