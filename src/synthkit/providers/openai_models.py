"""What OpenAI's own models take, by their names.

Reasoning models take no sampling options while they reason: https://developers.openai.com/api/docs/guides/reasoning and
…/guides/latest-model#parameter-compatibility. Which ones reason if nothing is said, and which can be told not to, is as
others have found it with the live service (https://github.com/pydantic/pydantic-ai, profiles/openai.py, July 2026;
GPT-6: https://github.com/bolna-ai/bolna/pull/1019). Of a name that is not known nothing is assumed: the service says
what it does not take.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

SAMPLING = frozenset(
    {"temperature", "top_p", "presence_penalty", "frequency_penalty", "logprobs", "top_logprobs", "stop"}
)
"""What a model takes only while it does not reason."""
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
RESPONSES = re.compile(
    r"o\d+-pro|gpt-5(\.5)?-pro|o\d.*-deep-research|computer-use|gpt-5-codex|gpt-5\.1-codex-max|codex-"
)
"""Models that only the Responses API offers."""
NAME = re.compile(r"gpt-(\d+)(?:\.(\d+))?(?:-(.*))?")


@dataclass(frozen=True)
class Traits:
    """reasons: whether it reasons where no effort is given. quiet: whether it can be told not to. effort: whether it
    takes one. calls: whether it calls tools over chat completions while it reasons."""

    reasons: bool = False
    quiet: bool = False
    effort: bool = True
    calls: bool = True


PLAIN = Traits(effort=False)
ALWAYS = Traits(reasons=True)


@lru_cache(256)
def traits(model: str) -> Traits | None:
    """The traits of a model by its name, a fine-tuned one by that of its base; None where nothing is known."""
    name = model.split(":")[1] if model.startswith("ft:") and model.count(":") > 1 else model
    if re.match(r"o\d", name) or name.startswith("codex-mini"):
        return ALWAYS
    if name.startswith("chatgpt-4o"):
        return PLAIN
    found = NAME.fullmatch(name)
    if found is None:
        return PLAIN if re.match(r"gpt-(4o|3\.5)", name) else None
    version, kind = (int(found[1]), int(found[2] or 0)), found[3] or ""
    if version < (5, 0):
        return PLAIN
    if version == (5, 0):
        return PLAIN if kind.startswith("chat") else ALWAYS
    if kind.startswith(("pro", "chat")) or (version == (5, 1) and kind.startswith("codex")):
        return ALWAYS
    if version < (5, 5):
        return Traits(reasons=False, quiet=True, calls=version < (5, 4))
    return Traits(reasons=True, quiet=version < (6, 0), calls=False)


def reasons(known: Traits, options: Mapping[str, Any]) -> bool:
    """Whether a model reasons with these options."""
    effort = options.get("reasoning_effort")
    return known.reasons if effort is None else effort != "none"


def untaken(model: str) -> frozenset[str]:
    """The common options that a model never takes."""
    known = traits(model)
    if known is None:
        return frozenset()
    if "-search" in model:  # https://developers.openai.com/api/docs/models/gpt-4o-search-preview
        return SAMPLING | {"n", "reasoning_effort", "seed"}
    if known.reasons and not known.quiet:
        return SAMPLING
    return frozenset() if known.effort else frozenset({"reasoning_effort"})


def clashing(model: str, options: Mapping[str, Any]) -> frozenset[str]:
    """Those of the options that a model does not take, because it reasons."""
    known = traits(model)
    return SAMPLING & options.keys() if known and reasons(known, options) else frozenset()
