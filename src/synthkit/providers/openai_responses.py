"""OpenAI's Responses API, and services that offer it."""

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from synthkit.core import Endpoint, Message, Provider, Reply, Request, Usage
from synthkit.core.answer import Finish
from synthkit.errors import BadRequest, BrokenBody
from synthkit.providers import _schema, openai_models
from synthkit.providers._errors import late
from synthkit.providers._reading import instead, json_value
from synthkit.providers.openai import native, objection, rules_of
from synthkit.providers.openai_client import Client
from synthkit.providers.openai_errors import failed
from synthkit.providers.openai_reading import text_of, tokens, took, tool_call, usage

if TYPE_CHECKING:
    from openai import AsyncOpenAI

PATH = "/responses"
FIXED = (
    *("model", "input", "instructions", "stream", "stream_options", "background", "previous_response_id"),
    *("conversation", "tools", "tool_choice", "max_output_tokens"),
)
"""What `extra` cannot set, since it is part of every request or changes what comes back."""
INCOMPLETE: Mapping[str, Finish] = {"max_output_tokens": "length", "content_filter": "content_filter"}
LEAST = 16
"""The lowest limit of tokens that the service takes."""


class OpenAIResponses(Provider):
    """The Responses API at OpenAI, or at any `base_url`; nothing is stored there (`store` is false).

    Settings: as of the provider openai. What a reasoning model thinks is told in a summary only, and only where that is
    asked for: `extra = { reasoning = { summary = "auto" } }`.
    """

    capabilities: ClassVar[frozenset[str]] = frozenset({"structured", "tools", "images"})
    options: ClassVar[frozenset[str]] = frozenset(
        {"temperature", "top_p", "max_tokens", "reasoning_effort", "logprobs", "top_logprobs", "extra"}
    )
    key_env: ClassVar[str | None] = "OPENAI_API_KEY"
    variables: ClassVar[tuple[str, ...]] = ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_CUSTOM_HEADERS")

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__(endpoint)
        self._client = Client(endpoint, PATH, "openai-responses", self.connect, lambda quotas: self.notice(quotas))

    def connect(self) -> "AsyncOpenAI | None":
        """As of the provider openai."""
        return None

    def takes(self, model: str) -> frozenset[str]:
        return self.options - openai_models.untaken(model) if self._client.own else self.options

    def clashes(self, model: str, options: Mapping[str, Any]) -> frozenset[str]:
        return openai_models.clashing(model, options) if self._client.own else frozenset()

    def unfit(self, model: str, schema: Mapping[str, Any]) -> str | None:
        rules = rules_of(self._client, model)
        return _schema.unfit(schema, rules) if rules else None

    def native(self, model: str, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        return native(schema, rules_of(self._client, model))

    def objection(self, request: Request) -> str | None:
        limit = request.options.get("max_tokens", LEAST)
        if self._client.own and limit < LEAST:
            return f"openai-responses/{request.model} takes no max_tokens of {limit}: give {LEAST} or more"
        return objection(request, FIXED, self._client)

    async def call(self, request: Request, sample: str) -> str:
        text, headers = await self._client.post(PATH, self.body(request), request.model, request.options.keys())
        self._client.check(text, headers, request.model, '"output"')
        if '"failed"' in text:
            body = json_value(text)
            error = body.get("error") if isinstance(body, dict) and body.get("status") == "failed" else None
            if isinstance(error, dict):
                ours = failed(error, headers, self._client.place, request.model)
                raise late(ours, text, told=took(body) != Usage())
        return text

    def body(self, request: Request) -> dict[str, Any]:
        """The body of the HTTP request. Raises `BadRequest` for messages that have no form there."""
        options = dict(request.options)
        extra = options.pop("extra", None) or {}
        try:
            given = list(items(request.messages))
        except (KeyError, TypeError, AttributeError) as error:
            raise BadRequest(f"the messages are not in the chat form ({type(error).__name__}: {error})") from error
        body: dict[str, Any] = {"model": request.model, "input": given, "store": False}
        for name in ("temperature", "top_p", "top_logprobs"):
            if name in options:
                body[name] = options[name]
        if "max_tokens" in options:
            body["max_output_tokens"] = options["max_tokens"]
        if "reasoning_effort" in options:
            body["reasoning"] = {"effort": options["reasoning_effort"]}
        if options.get("logprobs") or options.get("top_logprobs"):
            body["include"] = ["message.output_text.logprobs"]
        if request.schema is not None:
            form = native(request.schema, rules_of(self._client, request.model))
            body["text"] = {"format": {"type": "json_schema", "name": "answer", **form}}
        if request.tools:
            body["tools"] = [_tool(tool["function"]) for tool in request.tools]
            chosen = request.tool_choice
            if chosen in ("required", "none"):
                body["tool_choice"] = chosen
            elif chosen != "auto":
                body["tool_choice"] = {"type": "function", "name": chosen}
        return _with(body, extra)

    def parse(self, body: str) -> Reply:
        """Reads a body. A service that tells no usage leaves it at zeros, which means unknown."""
        data = json_value(body)
        output = data.get("output") if isinstance(data, dict) else None
        status = data.get("status", "completed") if isinstance(data, dict) else None
        if not isinstance(data, dict) or not isinstance(output, list) or status not in ("completed", "incomplete"):
            what = "output: does base_url name a service with a Responses API"
            raise BrokenBody(
                f"{self._client.place.host} answered with {instead(body, data, what, 'does base_url end in /v1')}"
            )
        said = _Said(output)
        details = data.get("incomplete_details")
        finish: Finish = "tool_calls" if said.calls else "stop"
        if status == "incomplete":
            reason = details.get("reason") if isinstance(details, dict) else None
            finish = INCOMPLETE.get(reason, "other") if isinstance(reason, str) else "other"
        return Reply(
            text=said.text,
            usage=usage(data.get("usage"), "input", "output"),
            finish=finish,
            refusal=said.refusal,
            reasoning="\n\n".join(said.thoughts),
            model=text_of(data.get("model")),
            tool_calls=tuple(said.calls),
            logprobs=tuple(said.logprobs),
        )

    def took(self, body: str) -> Usage:
        return took(json_value(body))

    async def close(self) -> None:
        await self._client.close()


class _Said:
    """What the items of an output say."""

    def __init__(self, output: list[Any]) -> None:
        items = [item for item in output if isinstance(item, dict)]
        messages = [item for item in items if item.get("type") == "message"]
        final = [item for item in messages if item.get("phase") == "final_answer"] or messages
        parts = [part for item in final for part in _dicts(item.get("content"))]
        self.text = "".join(text_of([part]) for part in parts if part.get("type") == "output_text")
        self.refusal = "".join(text_of(part.get("refusal")) for part in parts if part.get("type") == "refusal")
        self.logprobs = [token for part in parts for token in tokens(part.get("logprobs"))]
        self.thoughts = [thought for item in items for thought in _thoughts(item, final)]
        calls = (
            tool_call(item.get("name"), item.get("arguments"), item.get("call_id"), number)
            for number, item in enumerate(items)
            if item.get("type") == "function_call"
        )
        self.calls = [call for call in calls if call is not None]


def _thoughts(item: Mapping[str, Any], final: list[Any]) -> Iterator[str]:
    """What an item tells of reasoning: a summary, the reasoning itself, or a comment on the way to the answer."""
    kind = item.get("type")
    comment = kind == "message" and not any(item is message for message in final)
    whole = [part for key in ("content", "summary") for part in _dicts(item.get(key))]
    if kind == "reasoning" or comment:
        yield from (text for text in (text_of([part]) for part in whole) if text)


def _dicts(value: object) -> list[dict[str, Any]]:
    return [part for part in value if isinstance(part, dict)] if isinstance(value, list) else []


def items(messages: Any) -> Iterator[dict[str, Any]]:
    """The items of an input: https://developers.openai.com/api/docs/guides/migrate-to-responses."""
    for message in messages:
        role, content = message["role"], message.get("content")
        if role == "tool":
            output = content if isinstance(content, str) else _parts(content)
            yield {"type": "function_call_output", "call_id": message.get("tool_call_id", ""), "output": output}
        elif role == "assistant":
            if text := text_of(content):
                yield {"role": role, "content": text}
            yield from map(_called, message.get("tool_calls") or ())
        else:
            yield {"role": role, "content": content if isinstance(content, str) else _parts(content)}


def _called(call: Message) -> dict[str, Any]:
    function = call["function"]
    return {
        "type": "function_call",
        "call_id": call.get("id", ""),
        "name": function["name"],
        "arguments": function["arguments"],
    }


def _parts(content: Any) -> list[dict[str, Any]]:
    made = []
    for part in content or ():
        kind = part.get("type") if isinstance(part, Mapping) else None
        if kind == "text":
            made.append({"type": "input_text", "text": part["text"]})
        elif kind == "image_url":
            shown = part["image_url"]
            made.append({"type": "input_image", "image_url": shown["url"], "detail": shown.get("detail", "auto")})
        else:
            raise BadRequest(
                f"{json.dumps(kind)} is no part of a message that the Responses API takes: text, image_url"
            )
    return made


def _tool(function: Mapping[str, Any]) -> dict[str, Any]:
    """A definition, which the API holds to strict rules unless it is told not to."""
    return {"type": "function", "strict": False, **function}


def _with(body: dict[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    """The body with what else a service knows; what it holds already stays."""
    made = dict(body)
    for name, value in extra.items():
        ours = made.get(name)
        if isinstance(ours, dict) and isinstance(value, Mapping):
            made[name] = _with(ours, value)
        elif name == "include" and isinstance(value, list):
            made[name] = [*(ours or ()), *(one for one in value if one not in (ours or ()))]
        elif name not in made or name == "store":
            made[name] = value
    return made
