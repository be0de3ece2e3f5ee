"""Garbage in circles, which is looked for less often while a run goes on."""

import contextlib
import gc
import threading
from collections.abc import Iterator

_guard = threading.Lock()
_before: list[tuple[int, int, int]] = []


@contextlib.contextmanager
def seldom_collected() -> Iterator[None]:
    """Thousands of records on their way are live objects, and so is what is imported: looking at them again and again
    is a tenth of what a run costs. Several may be in it; the last one leaves all as it was."""
    with _guard:
        _before.append(gc.get_threshold())
        gc.set_threshold(10_000, 20, 20)
    try:
        yield
    finally:
        with _guard:
            before = _before.pop()
            if not _before:
                gc.set_threshold(*before)
