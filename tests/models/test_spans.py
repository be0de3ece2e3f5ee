"""OpenTelemetry: spans of attempts and runs with the real SDK, and nothing at all where nobody traces."""

import asyncio
import json
import logging
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from calls_kit import outcome
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from synthkit.core import Reply as Answered
from synthkit.core import Request, Usage, Vectors
from synthkit.errors import BadKey, RateLimited
from synthkit.models.project import Model, find_project
from synthkit.models.question import Question
from synthkit.models.service import Services
from synthkit.models.spans import UNSEEN, Spans
from synthkit.plugins import registry
from synthkit.testing import LoopbackServer, Reply, Script

Serve = Callable[..., LoopbackServer]
KEY = "sk-loopback-0123456789abcdef"
PRIVATE = "PRIVATE-WORDS"
USAGE = {
    "prompt_tokens": 100, "completion_tokens": 50,
    "prompt_tokens_details": {"cached_tokens": 64}, "completion_tokens_details": {"reasoning_tokens": 20},
}  # fmt: skip


@dataclass
class Traced:
    """What was traced."""

    exporter: InMemorySpanExporter

    @property
    def spans(self) -> Sequence[ReadableSpan]:
        return self.exporter.get_finished_spans()

    def told(self, number: int = 0) -> dict[str, Any]:
        """The attributes of a span, in the order in which they ended."""
        return dict(self.spans[number].attributes or {})


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> Traced:
    """A program that traces with OpenTelemetry's SDK."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    return Traced(exporter)


def free(usage: Usage) -> Decimal:
    """What everything costs."""
    return Decimal(0)


def configured() -> Spans:
    spans = Spans.configured()
    assert spans is not None
    return spans


async def attempts(spans: Spans, tries: int = 1, question: Question | None = None) -> list[Any]:
    """Attempts for one answer, made as the call path makes them: what came of each."""
    services = Services(find_project(), registry().provider)
    service = services["m"]
    request = service.request(question or Question(f"{PRIVATE} in"))

    async def attempt(number: int) -> str:
        with spans.attempt(service.model, request, path="loop/0/ask", record="r1", number=number) as span:
            reply = service.provider.parse(await service.provider.call(request, ""))
            span.answered(reply, service.cost)
        return reply.text

    try:
        return [await outcome(attempt(number + 1)) for number in range(tries)]
    finally:
        await services.close()


def test_an_attempt_is_told_as_the_conventions_say(serve: Serve, project: Path, traced: Traced) -> None:
    server = serve(answer=lambda request: Reply(text=f"{PRIVATE} out", usage=USAGE))
    with (project / "synthkit.toml").open("a") as file:
        file.write("[prices.m]\ninput = 1\noutput = 2\n")
    options = {"temperature": 0.5, "max_tokens": 99, "seed": 7, "stop": "END"}
    question = Question(f"{PRIVATE} in", {"type": "object", "properties": {}}, options=options)
    assert asyncio.run(attempts(configured(), question=question)) == [f"{PRIVATE} out"]
    (span,) = traced.spans
    assert (span.name, span.kind, span.status.status_code) == ("chat m", SpanKind.CLIENT, StatusCode.UNSET)
    assert traced.told() == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "m",
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.max_tokens": 99,
        "gen_ai.request.seed": 7,
        "gen_ai.request.stop_sequences": ("END",),
        "gen_ai.output.type": "json",
        "gen_ai.response.model": "m",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 50,
        "gen_ai.usage.cache_read.input_tokens": 64,
        "gen_ai.usage.reasoning.output_tokens": 20,
        "server.address": "127.0.0.1",
        "server.port": server.port,
        "synthkit.model": "m",
        "synthkit.step": "loop/0/ask",
        "synthkit.record": "r1",
        "synthkit.try": 1,
        "synthkit.cost": 0.0002,
    }
    assert PRIVATE not in span.to_json() and KEY not in span.to_json()


@pytest.mark.parametrize("provider", ["openai-responses", "anthropic"])
def test_there_is_no_second_span_from_an_sdk(
    serve: Serve, project: Path, traced: Traced, monkeypatch: pytest.MonkeyPatch, provider: str
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    monkeypatch.setenv("ANTHROPIC_OPEN_TELEMETRY_TRACES_CONTENT_MODE", "content")
    with LoopbackServer(lambda request: "fine") as server:
        url = server.url.removesuffix("/v1") if provider == "anthropic" else server.url
        table = f'use = "{provider}/m"\nbase_url = "{url}"\nsettings = {{ transport = "sdk" }}\n'
        (project / "synthkit.toml").write_text(f"[models.m]\n{table}")
        assert asyncio.run(attempts(configured())) == ["fine"]
    (span,) = traced.spans
    assert span.name == "chat m" and traced.told()["gen_ai.provider.name"] == provider.removesuffix("-responses")
    assert traced.told()["gen_ai.usage.output_tokens"] > 0


def test_each_try_has_its_own_span_with_the_type_of_its_error(serve: Serve, project: Path, traced: Traced) -> None:
    serve(answer=lambda request: "fine", faults=Script([Reply(error="rate_limit_exceeded", retry_after=2)]))
    failed, good = asyncio.run(attempts(configured(), 2))
    assert type(failed) is RateLimited and good == "fine"
    assert [span.status.status_code for span in traced.spans] == [StatusCode.ERROR, StatusCode.UNSET]
    assert [traced.told(n).get("error.type") for n in (0, 1)] == ["RateLimited", None]
    assert [traced.told(n)["synthkit.try"] for n in (0, 1)] == [1, 2]
    assert traced.told(0)["synthkit.retry_after"] == 2.0
    assert "gen_ai.usage.input_tokens" not in traced.told(0)


def test_what_an_error_says_is_not_told(serve: Serve, project: Path, traced: Traced) -> None:
    serve(answer=lambda request: "fine", faults=Script([Reply(error="invalid_api_key")]))
    (failed,) = asyncio.run(attempts(configured()))
    assert type(failed) is BadKey
    (span,) = traced.spans
    assert traced.told()["error.type"] == "BadKey" and span.status.description is None and not span.events
    assert KEY not in span.to_json() and "OPENAI_API_KEY" not in span.to_json()


def test_an_attempt_that_is_called_off_says_so(serve: Serve, project: Path, traced: Traced) -> None:
    server = serve(answer=lambda request: "late", faults=Script([Reply(text="late", hang=30)]))

    async def main() -> None:
        asking = asyncio.create_task(attempts(configured()))
        while not server.count:  # noqa: ASYNC110 - the server runs in a thread
            await asyncio.sleep(0.01)
        asking.cancel()
        with suppress(asyncio.CancelledError):
            await asking

    asyncio.run(main())
    assert traced.told()["error.type"] == "CancelledError"
    assert traced.spans[0].status.status_code is StatusCode.ERROR


MODELS = {
    "openai": (Model("openai/gpt-x", "openai", "gpt-x"), "openai", "api.openai.com", 443),
    "responses": (Model("big", "openai-responses", "gpt-x"), "openai", "api.openai.com", 443),
    "anthropic": (Model("c", "anthropic", "claude-x"), "anthropic", "api.anthropic.com", 443),
    "plugin": (Model("p/x", "p", "x"), "p", None, None),
    "http": (Model("v", "openai", "qwen", base_url="http://box.local/v1"), "openai", "box.local", 80),
    "ipv6": (Model("v", "openai", "qwen", base_url="http://u:secret@[::1]:8000/v1"), "openai", "::1", 8000),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_model_is_named_as_its_service_knows_it(traced: Traced, name: str) -> None:
    model, provider, address, port = MODELS[name]
    request = Request(model.provider, model.name, [], {"dimensions": 8}, inputs=["some", PRIVATE])
    with configured().attempt(model, request, path="s", record="r") as span:
        span.answered(Vectors([[0.5] * 8] * 2, Usage(3), "x" * 10_000), free)
    told = traced.told()
    assert (told["gen_ai.embeddings.dimension.count"], told["gen_ai.usage.input_tokens"]) == (8, 3)
    assert "gen_ai.response.finish_reasons" not in told and PRIVATE not in traced.spans[0].to_json()
    assert traced.spans[0].name == f"embeddings {model.name}" and told["gen_ai.operation.name"] == "embeddings"
    assert (told["gen_ai.provider.name"], told["gen_ai.request.model"]) == (provider, model.name)
    assert (told.get("server.address"), told.get("server.port")) == (address, port)
    assert len(told["gen_ai.response.model"]) == 200
    assert "secret" not in traced.spans[0].to_json()


def test_the_demo_model_is_no_service(traced: Traced) -> None:
    model = Model("demo/default", "demo", "default")
    with configured().attempt(model, Request("demo", "default", []), path="s", record="r", hedge=True) as span:
        span.answered(Answered("", model="bad\ud800name"), free)
    assert traced.spans[0].kind is SpanKind.INTERNAL and "server.address" not in traced.told()
    assert traced.told()["synthkit.hedge"] is True
    assert traced.told()["gen_ai.response.model"] == "bad?name", "what no exporter could encode"


def test_spans_stand_below_what_is_current_and_above_what_is_traced_inside(traced: Traced) -> None:
    spans, tracer = configured(), trace.get_tracer_provider().get_tracer("user")
    model, request = Model("demo/default", "demo", "default"), Request("demo", "default", [])
    with tracer.start_as_current_span("script"), spans.run("cities", "run-1", target=5) as run:
        with spans.attempt(model, request, path="s", record="r") as attempt:
            with tracer.start_as_current_span("http"):
                pass
            attempt.answered(Answered(""), free)
            with tracer.start_as_current_span("journal"):
                pass
        run.ended("partial")
    parents = {s.name: s.parent.span_id if s.parent else None for s in traced.spans}
    ids = {s.name: s.context.span_id for s in traced.spans}
    named = {name: next((n for n, id in ids.items() if id == parent), None) for name, parent in parents.items()}
    assert named == {
        "http": "chat default", "journal": "chat default", "chat default": "synthkit.run", "synthkit.run": "script",
        "script": None,
    }  # fmt: skip
    ended = {s.name: s.end_time or 0 for s in traced.spans}
    assert ended["chat default"] < ended["journal"], "what becomes of an answer is not part of it"
    run_span = next(s for s in traced.spans if s.name == "synthkit.run")
    assert dict(run_span.attributes or {}) == {
        "synthkit.pipeline": "cities", "synthkit.run": "run-1", "synthkit.target": 5, "synthkit.status": "partial",
    }  # fmt: skip
    assert run_span.status.status_code is StatusCode.UNSET


def test_a_run_that_fails_is_an_error(traced: Traced) -> None:
    with configured().run("p", "r") as run:
        run.ended("failed")
    assert traced.spans[0].status.status_code is StatusCode.ERROR
    with suppress(ValueError), configured().run("p", "r", preview=True):
        raise ValueError(PRIVATE)
    assert traced.told(1)["error.type"] == "ValueError" and traced.told(1)["synthkit.preview"] is True
    assert PRIVATE not in traced.spans[1].to_json()


class Bad(SpanProcessor):
    """Fails at the end of each span."""

    def on_end(self, span: ReadableSpan) -> None:
        raise RuntimeError(KEY)


def test_a_tracer_that_fails_costs_no_answer(
    serve: Serve, project: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    serve(answer=lambda request: "fine")
    provider = TracerProvider()
    provider.add_span_processor(Bad())
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    with caplog.at_level(logging.WARNING):
        assert asyncio.run(attempts(configured(), 3)) == ["fine"] * 3
    assert [line.getMessage() for line in caplog.records] == [
        "OpenTelemetry failed (RuntimeError): this run goes on without spans; mend how the program sets it up"
    ]


def test_a_provider_that_cannot_be_loaded_costs_no_run(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def unloadable() -> None:
        raise StopIteration

    monkeypatch.setattr(trace, "get_tracer_provider", unloadable)
    assert Spans.configured() is None
    assert "this run goes on without spans" in caplog.text


def test_a_program_that_only_imports_opentelemetry_does_not_trace() -> None:
    assert isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)
    assert Spans.configured() is None


def test_nothing_is_told_where_nobody_traces() -> None:
    with UNSEEN as span:
        span.answered(Answered(PRIVATE), free)
        span.ended("complete")
    assert vars(UNSEEN) == {}
    with pytest.raises(KeyError), UNSEEN:
        raise KeyError


PIPELINE = """
import sys
import synthkit as sk

@sk.generator(writes="n")
def numbers():
    for n in range(3):
        yield {"n": n}

class Ask(sk.Prompt):
    '''Asks about n.'''
    template = "Number {{ n }}"
"""
UNTRACED = """
if __name__ == "__main__":
    result = (sk.Pipeline("numbers") >> numbers >> Ask(model="m")).run(progress=False)
    assert result.status == "complete" and len(result.accepted) == 3
    print([name for name in sys.modules if name.partition(".")[0] == "opentelemetry"])
"""
TRACED = """
import asyncio
import json
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

if __name__ == "__main__":
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    async def cell():
        return (sk.Pipeline("numbers") >> numbers >> Ask(model="m")).run(progress=False)

    with provider.get_tracer("mine").start_as_current_span("script"):
        result = asyncio.run(cell())
    print(json.dumps({"run": result.state["run"], "spans": [
        {"name": s.name, "id": s.context.span_id, "parent": s.parent and s.parent.span_id, "told": dict(s.attributes)}
        for s in exporter.get_finished_spans()
    ]}))
"""


def script(project: Path, text: str) -> str:
    """What a script with the pipeline prints."""
    (project / "script.py").write_text(PIPELINE + text)
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=project, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_run_that_is_not_traced_does_not_import_opentelemetry(serve: Serve, project: Path) -> None:
    serve(answer=lambda request: "fine")
    assert script(project, UNTRACED) == "[]\n"


def test_a_run_and_its_attempts_are_one_trace(serve: Serve, project: Path) -> None:
    """The script's span, below it the run, though that has a thread of its own where there is a loop already, as in a
    notebook; below that the attempts: three answers, and one that was refused first."""
    server = serve(answer=lambda request: "fine", faults=Script([Reply(error="server_error")]))
    told = json.loads(script(project, TRACED))
    assert server.count == 4
    named = {span["name"]: span for span in told["spans"]}
    run, tries = named["synthkit.run"], [span for span in told["spans"] if span["name"] == "chat m"]
    assert len(told["spans"]) == 6 and run["parent"] == named["script"]["id"]
    assert run["told"] == {
        "synthkit.pipeline": "numbers", "synthkit.run": told["run"], "synthkit.status": "complete",
    }  # fmt: skip
    assert [span["parent"] for span in tries] == [run["id"]] * 4
    assert sorted(span["told"].get("error.type", "") for span in tries) == ["", "", "", "ServerError"]
    assert sorted(span["told"]["synthkit.try"] for span in tries) == [1, 1, 1, 2]
    assert {span["told"]["synthkit.step"] for span in tries} == {"ask"}
    assert len({span["told"]["synthkit.record"] for span in tries}) == 3
