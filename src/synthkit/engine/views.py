"""What shows runs to people. The engine knows no screen: whoever has one brings it."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from synthkit.engine.estimate import Estimate
    from synthkit.engine.execution import Watch
    from synthkit.engine.preview import Preview
    from synthkit.engine.result import Result


class Views(Protocol):
    """How a run, its result, a preview and an estimate are shown to somebody who works in Python."""

    def watcher(self, wanted: bool | None) -> "Watch | None":
        """What shows a run while it runs. wanted: None for where somebody is looking, a terminal or a notebook."""

    def summary(self, result: "Result") -> str:
        """The summary of a run as text."""

    def preview(self, preview: "Preview") -> str:
        """A preview as text."""

    def estimate(self, estimate: "Estimate") -> str:
        """An estimate as text."""


class Blind:
    """Where there is nothing that shows anything."""

    def watcher(self, wanted: bool | None) -> "Watch | None":
        return None

    def summary(self, result: "Result") -> str:
        return repr(result)

    def preview(self, preview: "Preview") -> str:
        return repr(preview)

    def estimate(self, estimate: "Estimate") -> str:
        return repr(estimate)


_bring: list[Callable[[], Views]] = []


def bring(views: Callable[[], Views]) -> None:
    """Brings views, which are made when they are first needed."""
    _bring[:] = [views]


def current() -> Views:
    """The views that were brought last."""
    return _bring[0]() if _bring else Blind()
