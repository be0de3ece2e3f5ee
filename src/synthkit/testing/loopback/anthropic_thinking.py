"""What Anthropic's models take of thinking, effort and formats, and what is refused of them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from synthkit.testing.loopback.anthropic_content import turns_of
from synthkit.testing.loopback.anthropic_schema import faults as schema_faults

LEVELS = ("low", "medium", "high", "xhigh", "max")


@dataclass(frozen=True)
class Model:
    """What a model takes; those that nobody knows take everything."""

    thinking: Sequence[str] = ("adaptive", "disabled", "enabled", "between_tools")
    efforts: Sequence[str] = LEVELS
    forced: bool = True
    prefill: bool = True
    sampling: bool = True


_ALWAYS = Model(("adaptive",), LEVELS, forced=False, prefill=False, sampling=False)
_ADAPTIVE = Model(("adaptive", "disabled"), LEVELS, prefill=False, sampling=False)
_BOTH = Model(("adaptive", "disabled", "enabled"), ("low", "medium", "high", "max"), prefill=False)
_EXTENDED = Model(("disabled", "enabled"), ())
MODELS: Mapping[str, Model] = {
    "claude-fable-5-2": _ALWAYS,
    "claude-fable-5-1": _ALWAYS,
    "claude-mythos-5-2": _ALWAYS,
    "claude-mythos-5-1": _ALWAYS,
    "claude-opus-5-5": _ALWAYS,
    "claude-fable-5": Model(("adaptive",), LEVELS, prefill=False, sampling=False),
    "claude-mythos-5": Model(("adaptive",), LEVELS, prefill=False, sampling=False),
    "claude-sonnet-5-5": Model(("adaptive", "between_tools"), LEVELS, forced=False, prefill=False, sampling=False),
    "claude-haiku-5-5": _ADAPTIVE,
    "claude-opus-5": _ADAPTIVE,
    "claude-sonnet-5": _ADAPTIVE,
    "claude-opus-4-8": _ADAPTIVE,
    "claude-opus-4-7": _ADAPTIVE,
    "claude-opus-4-6": _BOTH,
    "claude-sonnet-4-6": _BOTH,
    "claude-opus-4-5": Model(("disabled", "enabled"), ("low", "medium", "high")),
    "claude-sonnet-4-5": _EXTENDED,
    "claude-haiku-4-5": _EXTENDED,
}


def model_of(name: object) -> Model:
    """What is known of a model, with its date or without."""
    return next((known for start, known in MODELS.items() if re.fullmatch(start + r"(-\d{8})?", str(name))), Model())


def thinking_faults(body: Mapping[str, Any], model: Model) -> Iterator[str]:
    given = body.get("thinking")
    if given is None:
        return
    kind, effort = given.get("type"), (body.get("output_config") or {}).get("effort")
    if kind not in Model().thinking:
        yield f"thinking: Input tag '{kind}' found using 'type' does not match any of the expected tags"
    elif kind not in model.thinking:
        if kind == "adaptive":
            yield "adaptive thinking is not supported on this model"
        yield f'"thinking.type.{kind}" is not supported for this model.'
    extra = set(given) - {"type"} - {"adaptive": {"display"}, "enabled": {"display", "budget_tokens"}}.get(kind, set())
    if extra:
        yield f"thinking.{kind}.{min(extra)}: Extra inputs are not permitted"
    if kind in ("disabled", "between_tools") and effort in ("xhigh", "max"):
        yield f'"thinking.type.{kind}" is not supported at effort {effort}'
    budget = given.get("budget_tokens")
    if kind == "enabled":
        if not isinstance(budget, int) or budget < 1024:
            yield "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024"
        elif budget >= body.get("max_tokens", 0):
            yield "`max_tokens` must be greater than `thinking.budget_tokens`."
        turns = [turn for turn in turns_of(body["messages"]) if turn[0] == "assistant"]
        last = turns_of(body["messages"])[-1][1]
        if last and last[0].get("type") == "tool_result" and turns[-1][1][0].get("type") != "thinking":
            yield "Expected `thinking` or `redacted_thinking`, but found `tool_use`."
    if kind in ("adaptive", "enabled") and (body.keys() & {"temperature", "top_k"}):
        yield "`temperature` may only be set to 1 when thinking is enabled."


def output_faults(config: object, model: Model) -> Iterator[str]:
    if not isinstance(config, Mapping):
        if config is not None:
            yield "output_config: Input should be a valid dictionary"
        return
    for name in sorted(config.keys() - {"effort", "format"}):
        yield f"output_config.{name}: Extra inputs are not permitted"
    effort, form = config.get("effort"), config.get("format")
    if effort is not None and effort not in model.efforts:
        yield f"output_config.effort: {effort!r} is not supported for this model"
    if form is not None:
        if not isinstance(form, Mapping) or form.get("type") != "json_schema":
            yield "output_config.format.type: Input should be 'json_schema'"
        else:
            yield from (f"output_config.format.schema: {fault}" for fault in schema_faults(form.get("schema")))
