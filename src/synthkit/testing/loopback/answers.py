"""Ready handlers: `steady` says the same to the same request, `fresh` never says a thing twice, `demo` makes sense."""

import json
from random import Random
from typing import Any

from synthkit.testing.loopback.apierrors import ApiError
from synthkit.testing.loopback.replies import Reply, Request
from synthkit.testing.loopback.schema import instance
from synthkit.testing.loopback.words import prose


def steady(request: Request) -> Reply:
    """An answer that depends on the body alone: on any server, at any time, in any order the same."""
    return _answer(request, request.digest, request.choice)


def fresh(request: Request) -> Reply:
    """An answer that no other request of this server gets, not even for an equal body.

    An instance of a schema can differ only as far as the schema lets it: with a text or a wide number in it, it does.
    """
    return _answer(request, request.number, request.choice, request.digest)


def demo(request: Request) -> Reply:
    """What the demo model says, so that a pipeline gets somewhere: anew at each call."""
    from synthkit.core import Endpoint
    from synthkit.core import Request as Asked
    from synthkit.providers.demo import Demo

    options = {name: request.body[name] for name in ("max_tokens", "stop") if name in request.body}
    for name in ("max_completion_tokens", "max_output_tokens"):
        if name in request.body:
            options["max_tokens"] = request.body[name]
    if "stop_sequences" in request.body:
        options["stop"] = request.body["stop_sequences"]
    asked = Asked("demo", "default", request.messages, options, request.schema)
    said = Demo(Endpoint()).answer(asked, f"{request.number}/{request.choice}")
    return Reply(text=said.text, refusal=said.refusal or None)


def _answer(request: Request, *key: object) -> Reply:
    try:
        tool, schema = request.tool, request.schema
        if tool is not None:
            given = instance(tool["parameters"], Random("\x1f".join(map(str, key))))
            return Reply(tool_calls=[{"name": tool["name"], "arguments": given}])
        if schema is not None:
            made: Any = instance(schema, Random("\x1f".join(map(str, key))))
            return Reply(text=json.dumps(made, ensure_ascii=False))
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        message = f"Invalid schema for response_format: {error}."
        return Reply(error=ApiError(400, message, param="response_format", name="bad_schema"))
    # The key stands in the text, so that two keys never give one text by luck.
    text = f"{prose(*key)} ({'/'.join(str(part)[:12] for part in key)})"
    asked = request.body.get("response_format")
    wants_object = isinstance(asked, dict) and asked.get("type") == "json_object"
    if wants_object or "JSON" in request.prompt:
        return Reply(text=json.dumps({"answer": text}))
    return Reply(text=text)
