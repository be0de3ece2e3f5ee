"""What Anthropic's models take, by their names, as documented at platform.claude.com in November 2026.

The service itself tells this of each model (`GET /v1/models/…`); it is written down here, since a pipeline is checked
without a call. A model that is newer than this table is taken for one like the newest, and never refused what it might
take.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

NAME = re.compile(r"claude-(?:(opus|sonnet|haiku|fable|mythos)-)?(?:(preview)|(\d+)(?:[-.](\d{1,2}))?(?!\d))")
NEWEST = (5, 5)
EFFORTS = ("low", "medium", "high", "xhigh", "max")
OFF: Mapping[tuple[str, tuple[int, int]], Literal["between_tools"] | None] = {
    ("opus", (5, 5)): None,
    ("sonnet", (5, 5)): "between_tools",
}
LEAST = {
    ("opus", (4, 5)): 4096,
    ("opus", (4, 6)): 4096,
    ("opus", (4, 7)): 2048,
    ("opus", (4, 8)): 1024,
    ("sonnet", (4, 5)): 1024,
    ("sonnet", (4, 6)): 1024,
    ("sonnet", (5, 0)): 1024,
    ("haiku", (4, 5)): 4096,
}
"""The fewest tokens that the prompt cache keeps, where they are not 512."""


@dataclass(frozen=True)
class Traits:
    """What a model takes. `least` is the fewest tokens that its cache keeps.

    thinks: whether it thinks where the request says nothing of it; None: not known. adaptive: takes `thinking` of the
    type "adaptive". off: the type of `thinking` that turns it off; None where that cannot be. efforts: its levels of
    effort; empty where it has none. structured: keeps to JSON schemas natively. forced: can be made to call a tool.
    prefill: goes on from an assistant's message. sampling: took temperature and the like before API version 2026-10-21.
    """

    thinks: bool | None = None
    adaptive: bool = True
    off: Literal["disabled", "between_tools"] | None = "disabled"
    efforts: tuple[str, ...] = EFFORTS
    structured: bool = True
    forced: bool = True
    prefill: bool = False
    sampling: bool = False
    least: int = 512


UNKNOWN = Traits()


def traits(model: str) -> Traits | None:
    """The traits of a Claude model; None for a model of another name, which somebody else serves."""
    found = NAME.search(model)
    if found is None:
        return UNKNOWN if "claude" in model else None
    line, preview, major, minor = found.groups()
    if preview:
        return Traits(thinks=True, off=None, efforts=("low", "medium", "high", "max"), least=2048)
    version = (int(major), int(minor or 0))
    if version < (4, 5) or line is None:
        return Traits(
            thinks=False, adaptive=False, efforts=(), structured=False, prefill=True, sampling=True,
            least=2048 if line == "haiku" or "haiku" in model else 1024,
        )  # fmt: skip
    always = line in ("fable", "mythos")
    if version > NEWEST:
        return Traits(off=None if always else "disabled")
    return Traits(
        thinks=always or version >= (5, 0),
        adaptive=version > (4, 5),
        off=None if always else OFF.get((line, version), "disabled"),
        efforts=_efforts(line, version),
        forced=version <= (5, 0) or line == "haiku",
        prefill=version == (4, 5),
        sampling=version <= (4, 6),
        least=LEAST.get((line, version), 512),
    )


def _efforts(line: str, version: tuple[int, int]) -> tuple[str, ...]:
    if version == (4, 5):
        return ("low", "medium", "high") if line == "opus" else ()
    return ("low", "medium", "high", "max") if version == (4, 6) else EFFORTS
