"""A request to a model, and its answer, in the one form that steps, providers and the journal share."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from operator import add, sub
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel

from synthkit.core.values import canonical, compact, digest
from synthkit.errors import RecordError

IMAGES = ((b"\x89PNG", "png"), (b"\xff\xd8\xff", "jpeg"), (b"GIF8", "gif"), (b"RIFF", "webp"))
"""How the files of images begin."""

Message = Mapping[str, Any]
"""{"role": "system" | "user" | "assistant" | "tool", "content": text or parts, …}, as OpenAI's chat form has it.

Parts: {"type": "text", "text": …} and {"type": "image_url", "image_url": {"url": …}}, which `image` makes. An assistant
may have `tool_calls`, and a tool's message names with `tool_call_id` which of them it answers."""

Messages = str | Sequence[Message]
"""A conversation; a text alone is one user message."""

Schema = type[BaseModel] | Mapping[str, Any]
"""What an answer must fit: a pydantic model or a JSON schema."""

Tool = type[BaseModel] | Mapping[str, Any]
"""A tool that a model may call: a pydantic model of its arguments, whose docstring describes it, or a definition
{"type": "function", "function": {"name", "description", "parameters": JSON schema}}."""

Finish = Literal["stop", "length", "context", "content_filter", "tool_calls", "pause", "other"]
"""Why an answer ended: of itself, at the limit of tokens, at the end of the model's context, stopped by a filter, with
calls of tools, paused by the service before it was whole, or for a reason that has no name here."""

OnLength = Literal["fail", "keep", "more"]
"""What becomes of an answer that was cut off at its limit of tokens: its record fails, it is taken as it is, or it is
asked again with twice and four times the room."""


class Usage(NamedTuple):
    """Tokens of one call. `cached` (read from the service's cache) and `written` (put into it, where that has a price
    of its own) are part of `input`, `reasoning` is part of `output`."""

    input: int = 0
    output: int = 0
    cached: int = 0
    reasoning: int = 0
    written: int = 0

    def __add__(self, other: "Usage") -> "Usage":  # type: ignore[override]
        return Usage(*map(add, self, other))

    def __sub__(self, other: "Usage") -> "Usage":
        return Usage(*map(sub, self, other))


NO_USAGE = Usage()


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool that the model calls. arguments: JSON text as it wrote it, in a `Reply`; the parsed and validated mapping
    in an `Answer`."""

    id: str
    name: str
    arguments: Any


@dataclass(frozen=True, slots=True)
class Token:
    """A token of an answer, its natural logarithm of probability, and the likeliest tokens in its place."""

    text: str
    logprob: float
    top: Sequence[tuple[str, float]] = ()


@dataclass(frozen=True)
class Request:
    """One request in canonical form: what the answer depends on, and nothing else.

    `endpoint` tells apart services that offer a model under the same name ("" for the provider's own).
    `options` are sampling options by their common names: temperature, top_p, max_tokens, stop, presence_penalty,
    frequency_penalty, seed, top_k, min_p, repetition_penalty, reasoning_effort, logprobs, top_logprobs, n; and `extra`,
    a mapping of what else a service knows. `schema` is a JSON schema that the answer must fit natively. `tools` are
    definitions as in `Tool`; `tool_choice` is "auto", "required", "none" or the name of one.

    A request with `inputs` asks for the vectors of these texts. It has no messages, and its options are `dimensions`
    and `extra`. Many texts go out together; each is journaled by itself, under the key of the request for it alone.
    """

    provider: str
    model: str
    messages: Sequence[Message]
    options: Mapping[str, Any] = field(default_factory=dict)
    schema: Mapping[str, Any] | None = None
    endpoint: str = ""
    tools: Sequence[Mapping[str, Any]] = ()
    tool_choice: str = "auto"
    inputs: Sequence[str] = ()

    def form(self) -> dict[str, Any]:
        """The JSON form: what is hashed, journaled and shown."""
        form: dict[str, Any] = {"provider": self.provider, "model": self.model}
        if self.inputs:
            form["input"] = self.inputs[0] if len(self.inputs) == 1 else list(self.inputs)
        else:
            form["messages"] = list(self.messages)
        if self.options:
            form["options"] = dict(self.options)
        if self.schema is not None:
            form["schema"] = dict(self.schema)
        if self.tools:
            form["tools"] = list(self.tools)
            form["tool_choice"] = self.tool_choice
        if self.endpoint:
            form["endpoint"] = self.endpoint
        return form

    @cached_property
    def canonical(self) -> str:
        """The form in one spelling, made once."""
        return canonical(self.form())

    def key(self, sample: str) -> bytes:
        """The journal's key: 16 bytes of this request asked as this sample."""
        return bytes.fromhex(digest(self.canonical, sample, size=16))

    def replaced(self, **changes: Any) -> "Request":
        return replace(self, **changes)


@dataclass(frozen=True, slots=True)
class Reply:
    """What a provider read out of a response's body. `text` is the answer itself, reasoning apart from it; `others` are
    the texts of further answers, where `n` asked for some."""

    text: str
    usage: Usage = NO_USAGE
    finish: Finish = "stop"
    refusal: str = ""
    reasoning: str = ""
    model: str = ""
    tool_calls: Sequence[ToolCall] = ()
    logprobs: Sequence[Token] = ()
    others: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Vectors:
    """What a provider read out of the body of an embedding. `items` are the vectors in the order of the texts, each as
    the service sent it: a list of numbers, or 32-bit floats in base64, the least significant byte first."""

    items: Sequence[str | Sequence[float]]
    usage: Usage = NO_USAGE
    model: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What `ctx.ask` returns.

    text: as the model wrote it. data: the parsed answer where a schema was given: an instance of the pydantic
    model, else plain JSON. cost: dollars, None where the price is not known. reasoning: what the model thought, apart
    from its answer. tool_calls: the tools it calls, with validated arguments. logprobs: its tokens, where they were
    asked for. others: the texts beyond the first, where `n` asked for several. journaled: no call was made for it.
    """

    text: str
    data: Any = None
    usage: Usage = NO_USAGE
    cost: float | None = None
    finish: Finish = "stop"
    refusal: str = ""
    reasoning: str = ""
    model: str = ""
    journaled: bool = False
    tool_calls: Sequence[ToolCall] = ()
    logprobs: Sequence[Token] = ()
    others: Sequence[str] = ()

    @property
    def message(self) -> dict[str, Any]:
        """This answer as a message, to go on with the conversation."""
        said: dict[str, Any] = {"role": "assistant", "content": self.text}
        return {**said, "tool_calls": called(self.tool_calls)} if self.tool_calls else said

    def __str__(self) -> str:
        return self.text


def called(calls: Sequence[ToolCall]) -> list[dict[str, Any]]:
    """Calls of tools as a message holds them."""

    def text(arguments: Any) -> str:
        return arguments if isinstance(arguments, str) else compact(arguments)

    return [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": text(call.arguments)}}
        for call in calls
    ]


def image(source: str | Path, detail: Literal["auto", "low", "high"] | None = None) -> dict[str, Any]:
    """An image as a part of a message's content.

    source: an address (http, https or data), or the path of a PNG, JPEG, GIF or WebP file, whose bytes go out with the
    request. detail: how closely the model is to look, where the service knows that. Raises `RecordError` for a file
    that cannot be read or is no such image.
    """
    url = str(source)
    if not url.lower().startswith(("http://", "https://", "data:")):
        url = _data_url(Path(source))
    return {"type": "image_url", "image_url": {"url": url, **({"detail": detail} if detail else {})}}


def _data_url(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise RecordError(f"the image {path} cannot be read: {error.strerror or error}", reason="image") from error
    for start, kind in IMAGES:
        if data.startswith(start) and (kind != "webp" or data[8:12] == b"WEBP"):
            return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
    raise RecordError(f"{path} is no image that models take: give PNG, JPEG, GIF or WebP", reason="image")
