"""OpenTelemetry spans of a run and of its model calls, where the user's program has a tracer; without one, nothing.

Nothing of OpenTelemetry is imported here: a program that traces, or the launcher `opentelemetry-instrument`, has done
so before, and where spans go is what it says. synthkit itself sends nothing to anybody but the models.

Names are those of the GenAI conventions (https://opentelemetry.io/docs/specs/semconv/gen-ai/; now client-inference.md
and client-embeddings.md of open-telemetry/semantic-conventions-genai), and `synthkit.…` where they have none. They
would have one span for a call with all its retries. Here every attempt has its own, since each may cost, and what lies
between them is waiting. Prompts, answers and messages of errors are in no span: they are private and may hold keys.
"""

import logging
import sys
from collections.abc import Callable, Mapping
from decimal import Decimal
from importlib.metadata import version
from types import ModuleType, TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from synthkit.core.answer import Reply, Request, Usage, Vectors
from synthkit.models.project import OWN, Model

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer

NAMED = {"openai-responses": "openai"}
"""What the conventions call providers that have another name here."""
WITHIN = ("demo",)
"""Providers that answer in this process, so that their spans are internal."""
SET = {
    "temperature": "gen_ai.request.temperature",
    "top_p": "gen_ai.request.top_p",
    "top_k": "gen_ai.request.top_k",
    "max_tokens": "gen_ai.request.max_tokens",
    "presence_penalty": "gen_ai.request.presence_penalty",
    "frequency_penalty": "gen_ai.request.frequency_penalty",
    "seed": "gen_ai.request.seed",
    "reasoning_effort": "gen_ai.request.reasoning.level",
    "dimensions": "gen_ai.embeddings.dimension.count",
}
"""Options of a request, and the attributes that say how they were set."""
USED = {
    "cached": "gen_ai.usage.cache_read.input_tokens",
    "written": "gen_ai.usage.cache_write.input_tokens",
    "reasoning": "gen_ai.usage.reasoning.output_tokens",
}
"""Tokens of some kind, and the attributes that count them where there are any."""
PORTS = {"http": 80, "https": 443}
LONGEST = 200
"""Characters of a text from a service that a span holds."""

Cost = Callable[[Usage], Decimal | None]


class Unseen:
    """The span where nobody traces, which is nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def answered(self, reply: Reply | Vectors, cost: Cost) -> None:
        return None

    def ended(self, status: str) -> None:
        return None


UNSEEN = Unseen()


class Open:
    """A span that is the current one within `with`, so that what is traced in there stands below it. It ends there at
    the latest; an exception that leaves it is told by its type alone."""

    __slots__ = ("_span", "_spans", "_token")

    def __init__(self, spans: "Spans", span: "Span") -> None:
        self._spans = spans
        self._span: Span | None = span
        self._token: Any = None

    def __enter__(self) -> Self:
        self._token = self._spans.enter(self._span)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._spans.leave(self._token)
        if self._span is None:
            return
        told: dict[str, Any] = {}
        if error is not None:
            told["error.type"] = type(error).__name__
            if (seconds := getattr(error, "retry_after", None)) is not None:
                told["synthkit.retry_after"] = float(seconds)
        self._end(told, failed=error is not None)

    def answered(self, reply: Reply | Vectors, cost: Cost) -> None:
        """The attempt has brought an answer, and ends now: what becomes of the answer is not part of it. cost: what
        says how many dollars tokens cost, or None where that is not known."""
        told = _used(reply.usage)
        if reply.model:
            told["gen_ai.response.model"] = _text(reply.model)
        if isinstance(reply, Reply):
            told["gen_ai.response.finish_reasons"] = (reply.finish,)
        dollars = cost(reply.usage)
        if dollars is not None:
            told["synthkit.cost"] = float(dollars)
        self._end(told)

    def ended(self, status: str) -> None:
        """The run has ended: complete, partial or failed."""
        self._end({"synthkit.status": status}, failed=status == "failed")

    def _end(self, told: Mapping[str, Any], *, failed: bool = False) -> None:
        span, self._span = self._span, None
        if span is not None:
            self._spans.end(span, told, failed)


class Spans:
    """The spans of a run. A tracer that fails is told once and left alone: no answer is lost, and no run stops, because
    of it."""

    def __init__(self, trace: ModuleType, context: ModuleType, tracer: "Tracer") -> None:
        self._trace, self._context, self._tracer = trace, context, tracer
        self._known: dict[tuple[str, str], Mapping[str, Any]] = {}
        self._broken = False

    @classmethod
    def configured(cls) -> "Spans | None":
        """Spans where the program has a tracer provider; None where it has none, which is the usual case. Ask once a
        run."""
        trace, context = sys.modules.get("opentelemetry.trace"), sys.modules.get("opentelemetry.context")
        if trace is None or context is None:
            return None
        try:
            provider = trace.get_tracer_provider()
            if isinstance(provider, trace.ProxyTracerProvider | trace.NoOpTracerProvider):
                return None
            return cls(trace, context, provider.get_tracer("synthkit", version("synthkit")))
        except Exception as error:  # a provider that the environment names and that cannot be loaded
            _complain(error)
            return None

    def run(self, pipeline: str, run: str, *, target: int | None = None, preview: bool = False) -> Open | Unseen:
        """The span of a run."""
        about: dict[str, Any] = {"synthkit.pipeline": pipeline, "synthkit.run": run}
        if target is not None:
            about["synthkit.target"] = target
        if preview:
            about["synthkit.preview"] = True
        return self._open("synthkit.run", about, within=True)

    def attempt(
        self, model: Model, request: Request, *, path: str, record: str, number: int = 1, hedge: bool = False
    ) -> Open | Unseen:
        """The span of one attempt. path, record: the step that asks, and for which record. number: which attempt for
        this answer it is, from 1. hedge: it is the second request beside one that takes long."""
        operation = "embeddings" if request.inputs else "chat"
        about = {
            **self._about(model, operation),
            **_set(request.options),
            "synthkit.step": path,
            "synthkit.record": record,
            "synthkit.try": number,
        }
        if request.schema is not None:
            about["gen_ai.output.type"] = "json"
        if hedge:
            about["synthkit.hedge"] = True
        return self._open(f"{operation} {model.name}", about, within=model.provider in WITHIN)

    def _about(self, model: Model, operation: str) -> Mapping[str, Any]:
        """What all attempts of a model have in common."""
        known = self._known.get((model.ref, operation))
        if known is None:
            about: dict[str, Any] = {
                "gen_ai.operation.name": operation,
                "gen_ai.provider.name": NAMED.get(model.provider, model.provider),
                "gen_ai.request.model": model.name,
                "synthkit.model": model.ref,
            }
            url = urlsplit(model.base_url or OWN.get(model.provider, ("", ""))[1])
            if url.hostname:  # without the user and password that an address may hold
                about["server.address"] = url.hostname
                about["server.port"] = url.port or PORTS.get(url.scheme, 443)
            known = self._known[model.ref, operation] = about
        return known

    def _open(self, name: str, about: Mapping[str, Any], *, within: bool) -> Open | Unseen:
        if self._broken:
            return UNSEEN
        kind = self._trace.SpanKind.INTERNAL if within else self._trace.SpanKind.CLIENT
        try:
            return Open(self, self._tracer.start_span(name, kind=kind, attributes=about))
        except Exception as error:
            self._fail(error)
            return UNSEEN

    def enter(self, span: "Span | None") -> Any:
        """Makes a span the current one; what is returned takes it back."""
        return self._context.attach(self._trace.set_span_in_context(span))

    def leave(self, token: Any) -> None:
        """The span before is the current one again."""
        self._context.detach(token)

    def end(self, span: "Span", told: Mapping[str, Any], failed: bool) -> None:
        """Ends a span with what became of it."""
        try:
            span.set_attributes(told)
            if failed:
                span.set_status(self._trace.StatusCode.ERROR)
            span.end()
        except Exception as error:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        if not self._broken:
            self._broken = True
            _complain(error)


def _set(options: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes of a request's options."""
    said = {SET[name]: value for name, value in options.items() if name in SET}
    if stop := options.get("stop"):
        said["gen_ai.request.stop_sequences"] = (stop,) if isinstance(stop, str) else tuple(stop)
    if options.get("n", 1) != 1:
        said["gen_ai.request.choice.count"] = options["n"]
    return said


def _used(usage: Usage) -> dict[str, Any]:
    """The attributes of what an answer used, where the service told it."""
    if not usage.input and not usage.output:
        return {}
    told = {"gen_ai.usage.input_tokens": usage.input, "gen_ai.usage.output_tokens": usage.output}
    return told | {name: tokens for kind, name in USED.items() if (tokens := getattr(usage, kind))}


def _text(text: str) -> str:
    """A text from a service as exporters can encode it, and not longer than a name is."""
    return text[:LONGEST].encode("utf-8", "replace").decode()


def _complain(error: Exception) -> None:
    logging.getLogger("synthkit").warning(
        "OpenTelemetry failed (%s): this run goes on without spans; mend how the program sets it up",
        type(error).__name__,
    )
