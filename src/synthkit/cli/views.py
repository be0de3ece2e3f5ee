"""What the command line shows, for those who work in Python: progress, summaries, previews and estimates."""

import sys
from typing import TYPE_CHECKING

from synthkit.cli import screen

if TYPE_CHECKING:
    from synthkit.engine.estimate import Estimate
    from synthkit.engine.execution import Watch
    from synthkit.engine.preview import Preview
    from synthkit.engine.result import Result


def watcher(wanted: bool | None) -> "Watch | None":
    """What shows a run while it runs. wanted: None for where somebody is looking, a terminal or a notebook."""
    from synthkit.cli import progress

    if wanted is False or (wanted is None and not (screen.is_terminal(sys.stderr) or in_notebook())):
        return None
    return progress.watcher(quiet=False)


def in_notebook() -> bool:
    """Whether stderr is a notebook's: its kernel takes the streams over."""
    return type(sys.stderr).__module__.startswith("ipykernel")


def summary(result: "Result") -> str:
    """The summary of a run as text."""
    from synthkit.cli.summary import summary

    return screen.text(summary(result, screen.width()))


def preview(preview: "Preview") -> str:
    """A preview as text."""
    from synthkit.cli.preview import told

    return screen.text(told(preview, screen.width()))


def estimate(estimate: "Estimate") -> str:
    """An estimate as text."""
    from synthkit.cli.estimated import told

    return screen.text(told(estimate, screen.width()))
