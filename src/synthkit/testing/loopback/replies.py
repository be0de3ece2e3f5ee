"""What an answer handler gets and what it returns."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from synthkit.testing.loopback import responses_input
from synthkit.testing.loopback.apierrors import ApiError


@dataclass(frozen=True, slots=True)
class Request:
    """One call, decoded."""

    number: int  # 0 for the first call that the server got; `server.requests[number]` is this one
    path: str
    body: Mapping[str, Any]
    headers: Mapping[str, str]  # names in lower case; what could be a key is hidden
    digest: str  # hash of the body, whatever its key order; streaming options left out
    choice: int = 0  # which of the `n` answers asked for

    @property
    def model(self) -> str:
        """The model's name as it was asked for."""
        return str(self.body.get("model", ""))

    @property
    def messages(self) -> Sequence[Mapping[str, Any]]:
        """The conversation in the chat form, a system prompt that stands apart in front of it."""
        if self.path.endswith("/embeddings"):
            return [{"role": "user", "content": text} for text in self.inputs]
        if "input" in self.body:
            return responses_input.chat(self.body)
        messages, system = self.body.get("messages") or (), self.body.get("system")
        return [{"role": "system", "content": system}, *messages] if system else messages

    @property
    def inputs(self) -> Sequence[str]:
        """The texts to be embedded; of `/embeddings` alone."""
        return inputs_of(self.body) if self.path.endswith("/embeddings") else ()

    @property
    def prompt(self) -> str:
        """The text of the last message."""
        messages = self.messages
        return text_of(messages[-1]) if messages else ""

    @property
    def schema(self) -> Mapping[str, Any] | None:
        """The JSON schema that the answer must fit, if one was sent."""
        config = self.body.get("output_config")
        if isinstance(config, Mapping) and isinstance(config.get("format"), Mapping):
            schema = config["format"].get("schema", {})
            return schema if isinstance(schema, Mapping) else None
        asked, text = self.body.get("response_format"), self.body.get("text")
        if isinstance(text, Mapping) and isinstance(text.get("format"), Mapping):
            asked = {"type": text["format"].get("type"), "json_schema": text["format"]}
        if isinstance(asked, Mapping) and asked.get("type") == "json_schema":
            schema = asked["json_schema"].get("schema", {})
            return schema if isinstance(schema, Mapping) else None
        return None

    @property
    def tool(self) -> Mapping[str, Any] | None:
        """The tool that must be called: the one that was named, or the first where any will do; with its `name` and
        `parameters`. None where none must be."""
        chosen = self.body.get("tool_choice")
        named = chosen.get("function", chosen) if isinstance(chosen, Mapping) else None
        for tool in self.body.get("tools") or ():
            function = tool.get("function", tool)
            if chosen == "required" or (named is not None and function.get("name") == named.get("name")):
                return {"parameters": function.get("input_schema", {"type": "object"}), **function}
        return None


@dataclass(frozen=True, slots=True)
class Received:
    """One call as the server keeps it."""

    number: int
    path: str
    body: dict[str, Any]
    at: float  # seconds, on the clock of `time.monotonic()`


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer, or a way to fail. What is not given is made up as the service would.

    The lower half bends the reply on its way: `delay` takes the place of the server's latency, `hang` comes on top.
    """

    text: str = ""
    refusal: str | None = None
    reasoning: str | None = None  # sent as `reasoning_content`, as DeepSeek and vLLM do, and counted in usage
    tool_calls: Sequence[Mapping[str, Any]] = ()  # {"name": …, "arguments": {…} or text}
    finish_reason: str | None = None  # in OpenAI's words or Anthropic's: each API says it in its own
    vectors: Sequence[Sequence[float]] | None = None  # of `/embeddings`; None: made of the texts
    usage: Mapping[str, Any] = field(default_factory=dict)  # laid over the counted usage
    status: int | None = None  # None: 200, or the error's own
    error: str | ApiError | Mapping[str, Any] | None = None  # a name in ERRORS, one of your own, or a whole body
    retry_after: float | None = None  # seconds; sent as Retry-After and retry-after-ms
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes | None = None  # this body and no other; b"" is an empty answer
    html: str | None = None  # a page, as proxies send

    delay: float | None = None  # seconds
    hang: float = 0.0  # seconds of silence before the answer
    pace: float = 0.0  # seconds between two events of a stream
    cut: float | None = None  # send this share of the body in a complete HTTP reply
    close_early: bool = False  # promise the whole length, send `cut` of it (half), hang up
    reset: bool = False  # a TCP reset in place of an answer
    fault: str = ""  # the name this is counted under in `server.by_fault`

    @property
    def whole(self) -> bool:
        """Whether this is an answer that a client could use."""
        spoilt = (self.error, self.raw, self.html, self.cut)
        healthy = self.status is None or self.status < 400
        return healthy and all(s is None for s in spoilt) and not (self.close_early or self.reset)


ENDS = (
    ("stop", "end_turn"),
    ("stop", "stop_sequence"),
    ("length", "max_tokens"),
    ("length", "model_context_window_exceeded"),
    ("tool_calls", "tool_use"),
    ("content_filter", "refusal"),
)
"""Why an answer ends, in OpenAI's words and in Anthropic's; the first of several is the usual one."""


def in_openai(finish: str | None) -> str | None:
    """A finish reason in OpenAI's words. One that neither service has stays as it is."""
    return next((openai for openai, anthropic in ENDS if finish == anthropic), finish)


def in_anthropic(finish: str | None) -> str | None:
    """The same in Anthropic's words."""
    return next((anthropic for openai, anthropic in ENDS if finish == openai), finish)


Answer: TypeAlias = Callable[[Request], "str | Reply"]


def inputs_of(body: Mapping[str, Any]) -> Sequence[str]:
    """The texts in a request for embeddings."""
    given = body.get("input")
    return [given] if isinstance(given, str) else [text for text in given or () if isinstance(text, str)]


def text_of(message: object) -> str:
    """The text of a chat message, its parts joined."""
    content = message.get("content") if isinstance(message, Mapping) else None
    if isinstance(content, str):
        return content
    if isinstance(content, Sequence):
        return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, Mapping))
    return ""
