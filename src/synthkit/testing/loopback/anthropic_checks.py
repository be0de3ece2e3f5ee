"""What Anthropic's service refuses in a request before any model sees it, in its words as far as they are known."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from synthkit.testing.loopback.anthropic_content import blocks_of, message_faults
from synthkit.testing.loopback.anthropic_schema import faults as schema_faults
from synthkit.testing.loopback.anthropic_thinking import Model, model_of, output_faults, thinking_faults
from synthkit.testing.loopback.apierrors import ApiError

OLD, NEWEST = "2023-06-01", "2026-10-21"
VERSIONS = (OLD, NEWEST)
SAMPLING = ("temperature", "top_p", "top_k")
FIELDS = {
    *("model", "messages", "max_tokens", "system", "stop_sequences", "stream", "metadata", "tools", "tool_choice"),
    *("thinking", "output_config", "cache_control", "container", "diagnostics", "inference_geo", "service_tier"),
    *("speed", "user_profile_id"),
}


def refusal(body: Mapping[str, Any], version: str) -> ApiError | None:
    """The first fault of a body, as a 400; None if it is in order."""
    for message in _faults(body, version, model_of(body.get("model"))):
        return ApiError(400, message, name="bad_request")
    return None


def _faults(body: Mapping[str, Any], version: str, model: Model) -> Iterator[str]:
    for name in body:
        if name not in FIELDS and not (name in SAMPLING and version == OLD and model.sampling):
            yield f"{name}: Extra inputs are not permitted"
    if not isinstance(body.get("model"), str) or not body["model"]:
        yield "model: Field required"
    limit = body.get("max_tokens")
    if limit is None:
        yield "max_tokens: Field required"
    elif not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
        yield "max_tokens: Input should be greater than or equal to 1"
    messages = body.get("messages")
    if not isinstance(messages, list):
        yield "messages: Field required"
    elif not messages:
        yield "messages: at least one message is required"
    else:
        yield from message_faults(messages, model.prefill)
    yield from _sampling_faults(body)
    yield from _system_faults(body.get("system"))
    yield from _tool_faults(body, model)
    yield from thinking_faults(body, model)
    yield from output_faults(body.get("output_config"), model)
    yield from _mark_faults(body)


def _sampling_faults(body: Mapping[str, Any]) -> Iterator[str]:
    if "temperature" in body and "top_p" in body:
        yield "`temperature` and `top_p` cannot both be specified for this model. Please use only one."
    for name in ("temperature", "top_p"):
        if not 0 <= body.get(name, 0) <= 1:
            yield f"{name}: Input should be less than or equal to 1"
    stops = body.get("stop_sequences") or ()
    if not isinstance(stops, list | tuple) or not all(isinstance(stop, str) for stop in stops):
        yield "stop_sequences: Input should be a valid list"
    elif not all(stop.strip() for stop in stops):
        yield "stop_sequences: each stop sequence must contain non-whitespace"


def _system_faults(system: object) -> Iterator[str]:
    for block in blocks_of({"content": system}):
        if not isinstance(block, Mapping) or block.get("type") != "text":
            yield "system: Input should be a valid string or a list of text blocks"
        elif not str(block.get("text", "")).strip():
            yield "system: text content blocks must contain non-whitespace text"


def _tool_faults(body: Mapping[str, Any], model: Model) -> Iterator[str]:
    tools, chosen = body.get("tools") or [], body.get("tool_choice")
    names = [tool.get("name") for tool in tools]
    for index, tool in enumerate(tools):
        if not re.fullmatch(r"[a-zA-Z0-9_-]{1,128}", str(tool.get("name", ""))):
            yield f"tools.{index}.custom.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'"
        schema = tool.get("input_schema")
        if not isinstance(schema, Mapping) or schema.get("type") != "object":
            yield f"tools.{index}.custom.input_schema.type: Field required"
        elif tool.get("strict"):
            yield from (f"tools.{index}.custom: {fault}" for fault in schema_faults(schema))
    if len({*names}) < len(names):
        yield "tools: Tool names must be unique."
    used = [block for message in body.get("messages") or () for block in blocks_of(message)]
    if not tools and any(block.get("type") in ("tool_use", "tool_result") for block in used):
        yield "Requests which include `tool_use` or `tool_result` blocks must define tools"
    if chosen is None:
        return
    kind = chosen.get("type") if isinstance(chosen, Mapping) else None
    if kind not in ("auto", "any", "tool", "none"):
        yield f"tool_choice: Input tag '{kind}' found using 'type' does not match any of the expected tags"
    if not tools:
        yield "tool_choice may only be specified while providing tools"
    if kind in ("any", "tool") and not model.forced:
        yield 'tool_choice: type "tool" and "any" are not supported for this model.'
    if kind == "tool" and chosen.get("name") not in names:
        yield f"Tool '{chosen.get('name')}' not found in provided tools"


def _mark_faults(body: Mapping[str, Any]) -> Iterator[str]:
    blocks = [*(body.get("tools") or ())]
    for holder in ({"content": body.get("system")}, *(body.get("messages") or ())):
        blocks += blocks_of(holder)
    marked = [block for block in blocks if isinstance(block, Mapping) and block.get("cache_control") is not None]
    if len(marked) + (body.get("cache_control") is not None) > 4:
        yield f"A maximum of 4 blocks with cache_control may be provided. Found {len(marked)}."
    for block in marked:
        if block["cache_control"].get("type") != "ephemeral" or block["cache_control"].get("ttl", "5m") not in (
            "5m",
            "1h",
        ):
            yield "cache_control: Input should be {'type': 'ephemeral'} with a ttl of '5m' or '1h'"
