"""A request to a model, and its answer, in the one form that steps, providers and the journal share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from pydantic import BaseModel

from synthkit.core.values import canonical, digest

Message = Mapping[str, Any]
"""{"role": "system" | "user" | "assistant" | "tool", "content": text or parts, …}"""

Messages = str | Sequence[Message]
"""A conversation; a text alone is one user message."""

Schema = type[BaseModel] | Mapping[str, Any]
"""What an answer must fit: a pydantic model or a JSON schema."""

Finish = Literal["stop", "length", "content_filter", "tool_calls", "other"]


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call. `cached` are part of `input`, `reasoning` part of `output`."""

    input: int = 0
    output: int = 0
    cached: int = 0
    reasoning: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.input + other.input,
            self.output + other.output,
            self.cached + other.cached,
            self.reasoning + other.reasoning,
        )


@dataclass(frozen=True)
class Request:
    """One request in canonical form: what the answer depends on, and nothing else.

    `endpoint` tells apart services that offer a model under the same name ("" for the provider's own).
    `options` are sampling options by their common names: temperature, top_p, max_tokens, stop, presence_penalty,
    frequency_penalty. `schema` is a JSON schema that the answer must fit natively.
    """

    provider: str
    model: str
    messages: Sequence[Message]
    options: Mapping[str, Any] = field(default_factory=dict)
    schema: Mapping[str, Any] | None = None
    endpoint: str = ""

    def form(self) -> dict[str, Any]:
        """The JSON form: what is hashed, journaled and shown."""
        form: dict[str, Any] = {
            "provider": self.provider,
            "model": self.model,
            "messages": list(self.messages),
        }
        if self.options:
            form["options"] = dict(self.options)
        if self.schema is not None:
            form["schema"] = dict(self.schema)
        if self.endpoint:
            form["endpoint"] = self.endpoint
        return form

    def canonical(self) -> str:
        return canonical(self.form())

    def key(self, sample: str) -> bytes:
        """The journal's key: 16 bytes of this request asked as this sample."""
        return bytes.fromhex(digest(self.canonical(), sample, size=16))

    def replaced(self, **changes: Any) -> "Request":
        return replace(self, **changes)


@dataclass(frozen=True, slots=True)
class Reply:
    """What a provider read out of a response's body. `text` is the answer itself, reasoning apart from it."""

    text: str
    usage: Usage = Usage()
    finish: Finish = "stop"
    refusal: str = ""
    reasoning: str = ""
    model: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What `ctx.ask` returns.

    text: as the model wrote it. data: the parsed answer where a schema was given: an instance of the pydantic
    model, else plain JSON. cost: dollars, None where the price is not known. journaled: no call was made for it.
    """

    text: str
    data: Any = None
    usage: Usage = Usage()
    cost: float | None = None
    finish: Finish = "stop"
    refusal: str = ""
    reasoning: str = ""
    model: str = ""
    journaled: bool = False

    def __str__(self) -> str:
        return self.text
