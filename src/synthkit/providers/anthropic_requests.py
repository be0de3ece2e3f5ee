"""What goes out to Anthropic's service: the body of a request, and what a model does not take."""

from collections.abc import Mapping
from typing import Any

from synthkit.core import Request
from synthkit.errors import BadRequest, OptionRefused
from synthkit.providers.anthropic_messages import choice, conversation, tools
from synthkit.providers.anthropic_models import Traits, traits
from synthkit.providers.anthropic_schema import translated

FIXED = {"model", "messages", "system", "max_tokens", "stop_sequences", "tools", "tool_choice", "stream"}
"""What `extra` cannot set, since it is part of every request or changes what comes back."""


def objection(request: Request) -> str | None:
    """What of the options and tools its model does not take."""
    known, options = traits(request.model), request.options
    name, effort = f"anthropic/{request.model}", options.get("reasoning_effort")
    fixed = sorted(FIXED & (options.get("extra") or {}).keys())
    if fixed:
        return f"`extra` cannot set {fixed[0]}, which {name} is told otherwise: leave it out there"
    if known is None:
        return None
    if effort == "none" and known.off is None:
        return f"{name} always thinks: leave reasoning_effort out, or set it to {known.efforts[0]}"
    if effort is not None and effort not in ("none", *known.efforts):
        levels = ", ".join(("none", *known.efforts) if known.off else known.efforts)
        return f"{name} takes no reasoning_effort {effort!r}: give one of {levels}"
    if not known.forced and request.tool_choice not in ("auto", "none"):
        return f"{name} cannot be made to call a tool: leave tool_choice at auto, and say in the prompt when to call"
    if not 0 <= options.get("temperature", 0) <= 1:
        return f"{name} takes no temperature {options['temperature']}: give one from 0 to 1"
    return None


def body(request: Request) -> dict[str, Any]:
    """The body of the HTTP request. Raises `BadRequest` for a conversation that has no such form, `OptionRefused` for
    a value that the service does not know."""
    known, options = traits(request.model), dict(request.options)
    extra, effort = options.pop("extra", None) or {}, options.pop("reasoning_effort", None)
    system, messages = conversation(request.messages)
    if known and not known.prefill and messages[-1]["role"] == "assistant":
        raise BadRequest(f"{request.model} cannot go on from an assistant's message: end with one of the user")
    made: dict[str, Any] = {"model": request.model, "messages": messages}
    if system:
        made["system"] = system
    if "stop" in options:
        stop = options.pop("stop")
        made["stop_sequences"] = [stop] if isinstance(stop, str) else list(stop)
        if not all(text.strip() for text in made["stop_sequences"]):
            raise OptionRefused(f"{request.model} takes no `stop` of white space alone", option="stop")
    made |= options
    if defined := tools(request.tools, messages):
        chosen = request.tool_choice if request.tools else "none"
        made |= {"tools": defined} | ({} if chosen == "auto" else {"tool_choice": choice(chosen)})
    config = {} if effort in (None, "none") else {"effort": effort}
    if request.schema is not None:
        config["format"] = {"type": "json_schema", "schema": translated(request.schema)}
    if config:
        made["output_config"] = config
    if known and (thinking := _thinking(known, effort)):
        made["thinking"] = thinking
    return _continued(_with_extra(made, extra))


def _thinking(known: Traits, effort: str | None) -> dict[str, Any] | None:
    """How a model is to think. Where it thinks at all, a summary of that is asked for, which costs nothing."""
    if effort == "none":
        return {"type": known.off} if known.off and known.thinks is not False else None
    if known.adaptive and (known.thinks or effort is not None):
        return {"type": "adaptive", "display": "summarized"}
    return None


def _with_extra(made: dict[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    for name, value in extra.items():
        ours = made.get(name)
        if isinstance(ours, dict) and isinstance(value, Mapping) and name != "thinking":
            value = {**ours, **value}
        made[name] = value
    return made


def _continued(made: dict[str, Any]) -> dict[str, Any]:
    """The body, without a budget for thinking where a turn that called tools goes on: such a turn would have to begin
    with what was thought, which a conversation in the chat form does not hold."""
    thinking, last = made.get("thinking"), made["messages"][-1]["content"][0]
    if isinstance(thinking, Mapping) and thinking.get("type") == "enabled" and last["type"] == "tool_result":
        del made["thinking"]
    return made
