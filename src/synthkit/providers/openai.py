"""OpenAI's chat completions, and every service that speaks their language."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from synthkit.core import Endpoint, Provider, Reply, Request, Usage, Vectors
from synthkit.core.answer import Finish
from synthkit.errors import BadRequest, BrokenBody, OptionRefused
from synthkit.providers import _schema, openai_embeddings, openai_models
from synthkit.providers._reading import instead, json_value
from synthkit.providers.openai_client import Client
from synthkit.providers.openai_reading import text_of, thought_apart, tokens, took, tool_call, usage

if TYPE_CHECKING:
    from openai import AsyncOpenAI

PATH = "/chat/completions"
PAGE = "does base_url end in /v1"
"""What to ask where a page came."""
FINISHES: Mapping[str, Finish] = {
    "stop": "stop",
    "length": "length",
    "content_filter": "content_filter",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
}
LIMITS = ("max_completion_tokens", "max_tokens")
"""The two names of the limit of tokens: the newer one is OpenAI's own, on which its reasoning models insist, and which
other servers may not know."""
ELSEWHERE = frozenset({"top_k", "min_p", "repetition_penalty"})
"""Options that vLLM and others take, and OpenAI does not."""
FIXED = ("model", "messages", "stream", "stream_options", "tools", "tool_choice", "response_format", *LIMITS)
"""What `extra` cannot set, since it is part of every request or changes what comes back."""


class OpenAI(Provider):
    """Chat completions at OpenAI, or at any `base_url`.

    Settings: `organization` and `project`, as OpenAI's SDK knows them; those, and headers, are read from OPENAI_ORG_ID,
    OPENAI_PROJECT_ID and OPENAI_CUSTOM_HEADERS too, as the SDK does it. `identity`: "azure" asks azure-identity for a
    token instead of sending a key. `transport`: "sdk" sends each request through the SDK, which costs more and changes
    nothing else.
    """

    capabilities: ClassVar[frozenset[str]] = frozenset({"structured", "tools", "images", "embeddings"})
    options: ClassVar[frozenset[str]] = (
        openai_models.SAMPLING | ELSEWHERE | {"max_tokens", "seed", "n", "reasoning_effort", "extra"}
    )
    embedding_options: ClassVar[frozenset[str]] = openai_embeddings.OPTIONS
    key_env: ClassVar[str | None] = "OPENAI_API_KEY"
    variables: ClassVar[tuple[str, ...]] = ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_CUSTOM_HEADERS")

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__(endpoint)
        self._client = Client(endpoint, PATH, "openai", self.connect, lambda quotas: self.notice(quotas))
        self._embeddings = openai_embeddings.Embeddings(self._client)
        self._limits: dict[str, str] = {}  # by model, where the usual name was refused

    def connect(self) -> "AsyncOpenAI | None":
        """A client of the SDK that every request is to go through, made once for each event loop: for subclasses whose
        service wants more than a key (a token that expires, another address for each model). None: no such client."""
        return None

    def can(self, model: str) -> frozenset[str]:
        if not self._client.own:
            return self.capabilities
        embeds = openai_embeddings.OWN.match(model)
        return frozenset({"embeddings"}) if embeds else self.capabilities - {"embeddings"}

    def takes(self, model: str) -> frozenset[str]:
        if self._client.own:
            return self.options - ELSEWHERE - openai_models.untaken(model)
        return self.options - ELSEWHERE if self._client.azure else self.options

    def clashes(self, model: str, options: Mapping[str, Any]) -> frozenset[str]:
        return openai_models.clashing(model, options) if self._client.own else frozenset()

    def unfit(self, model: str, schema: Mapping[str, Any]) -> str | None:
        rules = rules_of(self._client, model)
        return _schema.unfit(schema, rules) if rules else None

    def native(self, model: str, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        return native(schema, rules_of(self._client, model))

    def objection(self, request: Request) -> str | None:
        if request.inputs:
            return openai_embeddings.objection(request, self._client)
        return objection(request, FIXED, self._client) or (self._unoffered(request) if self._client.own else None)

    def _unoffered(self, request: Request) -> str | None:
        """What OpenAI offers over its other API only."""
        known = openai_models.traits(request.model)
        other = f"use openai-responses/{request.model}"
        if openai_embeddings.OWN.match(request.model):
            return f"openai/{request.model} makes vectors of texts, and answers nothing: name another model"
        if openai_models.RESPONSES.match(request.model):
            return f"openai/{request.model} answers over the Responses API only: {other}"
        if known and request.tools and not known.calls and openai_models.reasons(known, request.options):
            quiet = ', or set reasoning_effort = "none"' if known.quiet else ""
            return f"openai/{request.model} calls tools over the Responses API only: {other}{quiet}"
        return None

    async def embed(self, request: Request) -> str:
        return await self._embeddings.embed(request)

    def vectors(self, body: str) -> Vectors:
        return self._embeddings.vectors(body)

    async def call(self, request: Request, sample: str) -> str:
        name = self._limit(request.model)
        try:
            return await self._post(request, name)
        except OptionRefused as error:
            if error.option != "max_tokens":
                raise
        other = LIMITS[LIMITS.index(name) - 1]
        try:
            text = await self._post(request, other)
        except OptionRefused as error:
            if error.option != "max_tokens":
                raise
            raise BadRequest(str(error)) from error  # under no name: whatever is wrong, it is not the name
        self._limits[request.model] = other
        return text

    async def _post(self, request: Request, limit: str) -> str:
        text, headers = await self._client.post(PATH, self.body(request, limit), request.model, request.options.keys())
        self._client.check(text, headers, request.model, '"choices"')
        return text

    def _limit(self, model: str) -> str:
        """What the limit of tokens is called for a model, as far as is known."""
        return self._limits.get(model) or LIMITS[0 if self._client.own or self._client.azure else 1]

    def body(self, request: Request, limit: str = "") -> dict[str, Any]:
        """The body of the HTTP request. limit: the name for the limit of tokens."""
        options = dict(request.options)
        extra = options.pop("extra", None) or {}
        body: dict[str, Any] = {**extra, "model": request.model, "messages": list(request.messages), **options}
        if "max_tokens" in options:
            body[limit or self._limit(request.model)] = body.pop("max_tokens")
        if options.get("top_logprobs"):
            body["logprobs"] = True
        if request.schema is not None:
            schema = {"name": "answer", **native(request.schema, rules_of(self._client, request.model))}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        if request.tools:
            body["tools"] = list(request.tools)
            chosen = request.tool_choice
            if chosen in ("required", "none"):
                body["tool_choice"] = chosen
            elif chosen != "auto":
                body["tool_choice"] = {"type": "function", "function": {"name": chosen}}
        return body

    def parse(self, body: str) -> Reply:
        """Reads a body. A service that tells no usage leaves it at zeros, which means unknown."""
        data = json_value(body)
        choices = data.get("choices") if isinstance(data, dict) else None
        first = choices[0] if isinstance(choices, list) and choices else None
        message = first.get("message") if isinstance(first, dict) else None
        if not isinstance(data, dict) or not isinstance(first, dict) or not isinstance(message, dict):
            what = "choices: does base_url name a service for chat completions"
            raise BrokenBody(
                f"{self._client.place.host} answered with {instead(body, data, what, 'does base_url end in /v1')}"
            )
        finish = _finish(first)
        reasoning, text = _said(message, finish)
        calls = _calls(message)
        logprobs = first.get("logprobs")
        return Reply(
            text=text,
            usage=usage(data.get("usage"), "prompt", "completion"),
            finish="tool_calls" if calls and finish == "stop" else finish,
            refusal=text_of(message.get("refusal")),
            reasoning=reasoning,
            model=text_of(data.get("model")),
            tool_calls=calls,
            logprobs=tokens(logprobs.get("content")) if isinstance(logprobs, dict) else (),
            others=tuple(_other(choice) for choice in choices[1:]) if choices else (),
        )

    def took(self, body: str) -> Usage:
        return took(json_value(body))

    async def close(self) -> None:
        await self._client.close()


def objection(request: Request, fixed: tuple[str, ...], client: Client) -> str | None:
    """What of a request none of the models takes. fixed: what `extra` cannot set."""
    name, extra = f"{request.provider}/{request.model}", request.options.get("extra") or {}
    for key in sorted(extra):
        if key in fixed:
            return f"`extra` cannot set {key}, which {name} is told otherwise: leave it out there"
        if key in OpenAI.options:
            return f"`extra` cannot set {key}, which is an option of its own: set that"
    effort = request.options.get("reasoning_effort")
    if client.own and effort is not None and effort not in openai_models.EFFORTS:
        return f"{name} takes no reasoning_effort {effort!r}: give one of {', '.join(openai_models.EFFORTS)}"
    return None


def rules_of(client: Client, model: str) -> _schema.Rules | None:
    """The rules of the strict mode of a model; None where none is known."""
    if client.own:
        return _schema.FINE_TUNED if model.startswith("ft:") else _schema.OPENAI
    return _schema.AZURE if client.azure else None


def native(schema: Mapping[str, Any], rules: _schema.Rules | None) -> dict[str, Any]:
    """A schema as it goes out: in strict form where the service knows that, else as it is, which is strict if it is so
    by chance."""
    if rules is None:
        return {"schema": dict(schema), "strict": _schema.is_strict(schema)}
    try:
        return {"schema": _schema.strict(schema, rules), "strict": True}
    except _schema.Unfit as error:
        raise BadRequest(f"the answer's schema cannot be promised: {error}") from error


def _finish(choice: Mapping[str, Any]) -> Finish:
    told = choice.get("finish_reason")
    return FINISHES.get(told, "other") if isinstance(told, str) else "other"


def _said(message: Mapping[str, Any], finish: Finish) -> tuple[str, str]:
    """What a message holds of reasoning, and its text."""
    text = text_of(message.get("content"))
    for key in ("reasoning_content", "reasoning"):
        if reasoning := text_of(message.get(key)):
            return reasoning, text
    content = message.get("content")
    if isinstance(content, list):  # Mistral's
        thoughts = [part["thinking"] for part in content if isinstance(part, dict) and part.get("thinking")]
        if thoughts:
            return "".join(map(text_of, thoughts)), text
    return thought_apart(text, cut=finish == "length")


def _calls(message: Mapping[str, Any]) -> tuple[Any, ...]:
    given = message.get("tool_calls")
    calls = [call for call in given if isinstance(call, dict)] if isinstance(given, list) else []
    if not calls and isinstance(message.get("function_call"), dict):
        calls = [{"function": message["function_call"]}]
    made = []
    for number, call in enumerate(calls):
        function = call.get("function")
        if isinstance(function, dict):
            made.append(tool_call(function.get("name"), function.get("arguments"), call.get("id"), number))
    return tuple(call for call in made if call is not None)


def _other(choice: object) -> str:
    """The text of a further answer; nothing where it is none."""
    message = choice.get("message") if isinstance(choice, dict) else None
    return _said(message, _finish(choice))[1] if isinstance(choice, dict) and isinstance(message, dict) else ""
