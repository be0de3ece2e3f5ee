"""`POST /responses`, OpenAI's newer API: refusals, whole responses, and their events in the order of the service."""

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from synthkit.testing.loopback import responses_input
from synthkit.testing.loopback.apierrors import ApiError
from synthkit.testing.loopback.checks import number_faults, schema_faults, tool_faults
from synthkit.testing.loopback.replies import Reply, Request, in_openai, text_of
from synthkit.testing.loopback.responses_input import Fault
from synthkit.testing.loopback.wire import event, identity, limited, logprob, pieces, tokens

_PARAMS = {
    *("model", "input", "instructions", "include", "max_output_tokens", "max_tool_calls", "metadata", "reasoning"),
    *("parallel_tool_calls", "previous_response_id", "prompt", "prompt_cache_key", "prompt_cache_options", "store"),
    *("prompt_cache_retention", "safety_identifier", "service_tier", "stream", "stream_options", "temperature", "text"),
    *(
        "tool_choice",
        "tools",
        "top_logprobs",
        "top_p",
        "truncation",
        "background",
        "conversation",
        "user",
        "moderation",
    ),
}
_INCLUDABLE = (
    *("file_search_call.results", "web_search_call.results", "web_search_call.action.sources"),
    *("message.input_image.image_url", "computer_call_output.output.image_url", "code_interpreter_call.outputs"),
    *("reasoning.encrypted_content", "message.output_text.logprobs"),
)
_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
_SUMMARIES = ("auto", "concise", "detailed")
_CUT = {"length": "max_output_tokens", "content_filter": "content_filter"}
LEAST = 16
"""The lowest `max_output_tokens`."""


class Responses:
    """`POST /responses`."""

    def refusal(self, body: Mapping[str, Any]) -> ApiError | None:
        for message, param, code in _faults(body):
            return ApiError(400, message, param=param, code=code, name="bad_request")
        return None

    def prompt_tokens(self, body: Mapping[str, Any]) -> int:
        return sum(tokens(text_of(message)) for message in responses_input.chat(body))

    def whole(self, request: Request, replies: Sequence[Reply], created: int) -> dict[str, Any]:
        reply = replies[0]
        text, finish = limited(request, reply)
        finish = in_openai(reply.finish_reason) or finish
        reason = _CUT.get(finish)
        output = _output(request, reply, text, "incomplete" if reason else "completed")
        return {
            **_frame(request, created),
            "status": "incomplete" if reason else "completed",
            "completed_at": None if reason else created,
            "incomplete_details": {"reason": reason} if reason else None,
            "output": output,
            "usage": _usage(reply, text, self.prompt_tokens(request.body)),
        }

    def events(self, request: Request, replies: Sequence[Reply], created: int) -> Iterator[bytes]:
        whole = self.whole(request, replies, created)
        count = itertools.count()
        begun = {**_frame(request, created), "status": "in_progress", "output": [], "usage": None}

        def made(kind: str, **data: Any) -> bytes:
            return f"event: {kind}\n".encode() + event({"type": kind, **data, "sequence_number": next(count)})

        yield made("response.created", response=begun)
        yield made("response.in_progress", response=begun)
        for index, item in enumerate(whole["output"]):
            empty = {key: [] if key in ("content", "summary") else value for key, value in item.items()}
            empty |= {"arguments": ""} if item["type"] == "function_call" else {}
            empty |= {"status": "in_progress"} if "status" in item else {}
            yield made("response.output_item.added", output_index=index, item=empty)
            for kind, data in _steps(item):
                yield made(kind, item_id=item["id"], output_index=index, **data)
            yield made("response.output_item.done", output_index=index, item=item)
        yield made(f"response.{whole['status']}", response=whole)

    def error(self, error: ApiError) -> dict[str, Any]:
        return error.body()


def _faults(body: Mapping[str, Any]) -> Iterator[Fault]:
    for name in body:
        if name not in _PARAMS:
            yield f"Unknown parameter: '{name}'.", name, "unknown_parameter"
    if not isinstance(body.get("model"), str) or not body["model"]:
        yield "Missing required parameter: 'model'.", "model", "missing_required_parameter"
    if "input" not in body:
        yield "Missing required parameter: 'input'.", "input", "missing_required_parameter"
    yield from responses_input.input_faults(body.get("input", ""))
    limit = body.get("max_output_tokens")
    if isinstance(limit, int) and limit < LEAST:
        text = f"Expected a value >= {LEAST}, but got {limit} instead."
        text = f"Invalid 'max_output_tokens': integer below minimum value. {text}"
        yield text, "max_output_tokens", "integer_below_min_value"
    yield from number_faults(body)
    yield from _choices(body)
    yield from _format_faults(body.get("text"))
    yield from tool_faults(body, flat=True)


def _choices(body: Mapping[str, Any]) -> Iterator[Fault]:
    """What must be one of given values."""
    reasoning = body.get("reasoning") or {}
    if not isinstance(reasoning, Mapping):
        yield "Invalid type for 'reasoning': expected an object.", "reasoning", "invalid_type"
        return
    each: list[tuple[str, object, Sequence[str]]] = [
        ("reasoning.effort", reasoning.get("effort"), _EFFORTS),
        ("reasoning.summary", reasoning.get("summary"), _SUMMARIES),
        ("truncation", body.get("truncation"), ("auto", "disabled")),
    ]
    each += [(f"include[{n}]", value, _INCLUDABLE) for n, value in enumerate(body.get("include") or ())]
    for where, value, there in each:
        if value is not None and value not in there:
            known = ", ".join(f"'{name}'" for name in there)
            yield f"Invalid value: '{value}'. Supported values are: {known}.", where, "invalid_value"
    if body.get("top_logprobs") and "message.output_text.logprobs" not in (body.get("include") or ()):
        text = "'top_logprobs' needs 'message.output_text.logprobs' in 'include'."
        yield text, "top_logprobs", "invalid_value"


def _format_faults(text: object) -> Iterator[Fault]:
    if text is None:
        return
    form = text.get("format") if isinstance(text, Mapping) else None
    if not isinstance(text, Mapping) or (form is not None and not isinstance(form, Mapping)):
        yield "Invalid type for 'text': expected an object.", "text", "invalid_type"
    elif form is not None and form.get("type") not in ("text", "json_object", "json_schema"):
        known = "'text', 'json_object', and 'json_schema'"
        yield (
            f"Invalid value: '{form.get('type')}'. Supported values are: {known}.",
            "text.format.type",
            "invalid_value",
        )
    elif form is not None and form["type"] == "json_schema":
        for message, param, code in schema_faults(form, "text.format"):
            yield message, "text.format.schema" if param == "response_format" else param, code


def _frame(request: Request, created: int) -> dict[str, Any]:
    """What a response repeats of its request, with the service's defaults."""
    body = request.body
    reasoning = body.get("reasoning") or {}
    text = body.get("text") or {}
    return {
        "id": identity("resp_", request),
        "object": "response",
        "created_at": created,
        "status": "completed",
        "background": False,
        "completed_at": None,
        "error": None,
        "incomplete_details": None,
        "instructions": body.get("instructions"),
        "max_output_tokens": body.get("max_output_tokens"),
        "max_tool_calls": None,
        "metadata": body.get("metadata") or {},
        "model": request.model,
        "output": [],
        "parallel_tool_calls": body.get("parallel_tool_calls", True),
        "previous_response_id": None,
        "prompt_cache_key": None,
        "reasoning": {"effort": reasoning.get("effort"), "summary": reasoning.get("summary")},
        "safety_identifier": None,
        "service_tier": "default",
        "store": body.get("store", True),
        "temperature": body.get("temperature", 1.0),
        "text": {"format": {"type": "text"}, "verbosity": "medium", **text},
        "tool_choice": body.get("tool_choice", "auto"),
        "tools": body.get("tools", []),
        "top_logprobs": body.get("top_logprobs", 0),
        "top_p": body.get("top_p", 1.0),
        "truncation": body.get("truncation") or "disabled",
        "usage": None,
        "user": None,
    }


def _output(request: Request, reply: Reply, text: str, status: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    if reply.reasoning is not None:
        told = (request.body.get("reasoning") or {}).get("summary")
        summary = [{"type": "summary_text", "text": reply.reasoning}] if told else []
        items.append({"id": identity("rs_", request), "type": "reasoning", "summary": summary})
    if reply.refusal is not None or text or not reply.tool_calls:
        said: dict[str, Any] = {"type": "refusal", "refusal": reply.refusal}
        if reply.refusal is None:
            said = {"type": "output_text", "annotations": [], "logprobs": _logprobs(request, text), "text": text}
        message = {"id": identity("msg_", request), "type": "message", "status": status}
        items.append({**message, "content": [said], "role": "assistant"})
    for place, call in enumerate(reply.tool_calls):
        arguments = call.get("arguments", {})
        items.append(
            {
                "id": identity("fc_", request, place),
                "type": "function_call",
                "status": status,
                "arguments": arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False),
                "call_id": call.get("id") or identity("call_", request, place),
                "name": call["name"],
            }
        )
    return items


def _logprobs(request: Request, text: str) -> list[dict[str, Any]]:
    if "message.output_text.logprobs" not in (request.body.get("include") or ()):
        return []
    top = request.body.get("top_logprobs") or 0
    return [logprob(request, piece, place, top) for place, piece in enumerate(pieces(text))]


def _usage(reply: Reply, text: str, prompt: int) -> dict[str, Any]:
    thought = tokens(reply.reasoning or "")
    said = tokens(text) + tokens(reply.refusal or "")
    said += sum(tokens(str(call.get("arguments", ""))) for call in reply.tool_calls)
    usage = {
        "input_tokens": prompt,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": said + thought,
        "output_tokens_details": {"reasoning_tokens": thought},
        **reply.usage,
    }
    return {**usage, "total_tokens": usage["input_tokens"] + usage["output_tokens"]}


def _steps(item: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The events between an item's beginning and its end."""
    if item["type"] == "function_call":
        for piece in pieces(item["arguments"]):
            yield "response.function_call_arguments.delta", {"delta": piece}
        done = {"arguments": item["arguments"], "name": item["name"]}
        yield "response.function_call_arguments.done", done
    for index, part in enumerate(item.get("summary", ())):
        at = {"summary_index": index}
        yield "response.reasoning_summary_part.added", {**at, "part": {**part, "text": ""}}
        for piece in pieces(part["text"]):
            yield "response.reasoning_summary_text.delta", {**at, "delta": piece}
        yield "response.reasoning_summary_text.done", {**at, "text": part["text"]}
        yield "response.reasoning_summary_part.done", {**at, "part": part}
    for index, part in enumerate(item.get("content", ())):
        at = {"content_index": index}
        if part["type"] == "refusal":
            yield "response.content_part.added", {**at, "part": {**part, "refusal": ""}}
            for piece in pieces(part["refusal"]):
                yield "response.refusal.delta", {**at, "delta": piece}
            yield "response.refusal.done", {**at, "refusal": part["refusal"]}
        else:
            yield "response.content_part.added", {**at, "part": {**part, "text": "", "logprobs": []}}
            entries = iter(part["logprobs"])
            for piece in pieces(part["text"]):
                entry = [next(entries)] if part["logprobs"] else []
                yield "response.output_text.delta", {**at, "delta": piece, "logprobs": entry}
            yield "response.output_text.done", {**at, "text": part["text"], "logprobs": part["logprobs"]}
        yield "response.content_part.done", {**at, "part": part}
