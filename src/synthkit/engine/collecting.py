"""Garbage in circles, which is looked for less often while a run goes on, and not at all when the process ends."""

import atexit
import contextlib
import gc
from collections.abc import Iterator

atexit.register(gc.freeze)  # the last collection would look at all there is, to free what ends with the process anyway


@contextlib.contextmanager
def seldom_collected() -> Iterator[None]:
    """Thousands of records on their way are live objects, and so is what is imported: looking at them again and again
    is a tenth of what a run costs. What was there before is not looked at."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
