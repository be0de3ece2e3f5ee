"""The worst case of a request bounds what services bill for it, whatever they add or translate."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, Field

import synthkit as sk
from synthkit.core.answer import Request, Usage
from synthkit.errors import PipelineError, RecordError
from synthkit.models.prices import Price, Prices
from synthkit.models.project import find_project
from synthkit.models.question import Question
from synthkit.models.service import Service, Services
from synthkit.models.worst import FRAME_TOKENS, IMAGE_TOKENS, TOOL_TOKENS
from synthkit.plugins import registry


class Point(BaseModel):
    """A place."""

    x: float = Field(description="across", ge=0)
    y: float | None = None


class Line(BaseModel):
    start: Point
    end: Point


class Figure(BaseModel):
    lines: list[Line]
    left: Line | None = None
    right: Line | None = None
    frame: Line


def service(folder: Path, use: str, price: str = "input = 1\noutput = 0\n") -> Service:
    folder.joinpath("synthkit.toml").write_text(f'[models.m]\nuse = "{use}"\n[prices.m]\n{price}')
    return Services(find_project(folder), registry().provider)["m"]


def tokens(service: Service, request: Request) -> int:
    """The most tokens of input, at a dollar for a million of them."""
    worst = service.worst(request)
    assert worst is not None
    return int(worst * 1_000_000)


@pytest.mark.parametrize("use", ["openai/gpt-5-mini", "openai-responses/gpt-5-mini", "anthropic/claude-haiku-4-5"])
def test_a_schema_counts_as_it_goes_out(project: Path, use: str) -> None:
    """Anthropic's has no references: what is referred to stands there as often as it is."""
    m = service(project, use)
    plain = m.request(Question("Hello"))
    request = m.request(Question("Hello", Figure))
    sent = json.dumps(m.provider.native("x", request.schema or {}), separators=(",", ":"))
    if "anthropic" in use:
        assert len(sent) > len(json.dumps(request.schema, separators=(",", ":"))), "else this shows nothing"
    assert tokens(m, request) >= tokens(m, plain) + len(sent) + TOOL_TOKENS


def test_what_a_service_adds_counts(project: Path) -> None:
    m = service(project, "openai/gpt-5-mini")
    hello = m.request(Question("Hello"))
    assert tokens(m, hello) > FRAME_TOKENS + len(hello.canonical)
    tools = m.request(Question("Hello", tools=(Point,)))
    assert tokens(m, tools) > tokens(m, hello) + TOOL_TOKENS + len("A place.")
    wide = m.request(Question("数" * 1000))
    assert tokens(m, wide) > 3000
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 500_000}}
    shown = m.request(Question([{"role": "user", "content": [image, {"type": "text", "text": "What?"}]}]))
    assert IMAGE_TOKENS < tokens(m, shown) < IMAGE_TOKENS + 1000, "its bytes say nothing"


def test_a_part_without_a_bound_is_refused_under_a_budget(project: Path) -> None:
    m = service(project, "openai/gpt-5-mini")
    part = {"type": "file", "file": {"file_id": "file-1"}}
    request = m.request(Question([{"role": "user", "content": [part]}]))
    with pytest.raises(RecordError, match="what a part 'file' of a message may cost is not known") as caught:
        m.worst(request)
    assert caught.value.reason == "budget"
    assert m.bound(request) is None


def test_the_dearest_way_to_be_billed_counts(project: Path) -> None:
    options = {"max_tokens": 10, "n": 3}
    for price, dearest in {
        "input = 1\noutput = 2\n": Usage(100, 30),
        "input = 1\noutput = 2\nwritten = 1.25\n": Usage(100, 30, written=100),
        "input = 1\noutput = 2\nwritten = 0.5\ncached = 0.1\n": Usage(100, 30),
    }.items():
        m = service(project, "openai/gpt-5-mini", price)
        request = m.request(Question("Hello", options=options))
        size = m._sizes.input(request)
        usage = Usage(size, 30, written=size if dearest.written else 0)
        assert m.worst(request) == m.cost(usage)
    thinking = Price(Decimal(1), Decimal(2), reasoning=Decimal(9))
    m.prices = Prices({"m": thinking})
    assert m.worst(request) == thinking.cost(Usage(size, 30, reasoning=30))


class Ask(sk.Prompt):
    template = "Number {{ n }}"


@sk.generator(writes="n")
def numbers() -> Any:
    yield {"n": 1}


def test_a_model_without_a_price_is_refused_wherever_it_is_asked(project: Path) -> None:
    """Before anything is called: here a judge inside of a loop inside of a fork."""
    from synthkit.judges import Rubric

    project.joinpath("synthkit.toml").write_text(
        '[models.cheap]\nuse = "openai/x"\nbase_url = "http://127.0.0.1:9"\n[prices.cheap]\ninput = 1\noutput = 1\n'
        '[models.dear]\nuse = "openai/y"\nbase_url = "http://127.0.0.1:9"\n'
    )
    loop = sk.Loop(Ask(model="cheap"), until=Rubric("dear", reads=["text"]).at_least(4))
    pipeline = sk.Pipeline("p") >> numbers >> sk.Fork({"one": loop, "two": Ask(model="cheap")}, into="ways")
    with pytest.raises(PipelineError) as caught:
        pipeline.run(budget="1")
    (problem,) = caught.value.problems
    assert " dear has no known price, since it is asked at http://127.0.0.1:9, and list prices hold for" in problem
    assert problem.endswith("so it cannot be used under a budget: add it to [prices]")
    assert problem.startswith("fork/one")
