"""Prompts that cannot be asked, and answers by a JSON schema."""

from pathlib import Path
from typing import Any, ClassVar

import pytest

import synthkit as sk
from synthkit.errors import PipelineError
from synthkit.generators import Rows


class Rated(sk.Prompt):
    """Rates a text by a JSON schema."""

    template = "Rate {{ text }}."
    Out: ClassVar[Any] = {
        "type": "object",
        "properties": {"stars": {"type": "integer", "minimum": 1, "maximum": 5}, "why": {"type": "string"}},
        "required": ["stars"],
    }


class Wrong(sk.Prompt):
    """Its Out is none."""

    template = "Rate {{ text }}."
    Out: ClassVar[Any] = {"type": "array"}


class Own(sk.Prompt):
    """Has no template, but messages of its own."""

    template = ""

    def messages(self, record: sk.Record) -> list[Any]:
        return [{"role": "user", "content": record["text"]}]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def pipeline(part: sk.Step) -> sk.Pipeline:
    """Some texts, and what is asked about them."""
    return sk.Pipeline("p") >> Rows([{"text": f"text {n}"} for n in range(20)]) >> part


def test_the_properties_of_a_json_schema_are_columns() -> None:
    result = pipeline(Rated("demo/default")).run()
    assert result.status == "complete" and len(result.accepted) > 15
    for record in result.accepted:
        assert set(record) == {"text", "stars", "why"} and 1 <= record["stars"] <= 5


@pytest.mark.parametrize("out", [{}, {"type": "array"}, list[int], "text", {"type": "object", "properties": {}}])
def test_what_is_no_schema_of_columns_is_refused(out: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Wrong, "Out", out)
    with pytest.raises(PipelineError, match="Out must be a pydantic model, or a JSON schema of an object"):
        pipeline(Wrong("demo/default")).check()


@pytest.mark.parametrize("template", ["", "  \n"])
def test_an_empty_template_is_refused(template: str) -> None:
    with pytest.raises(PipelineError, match="its template is empty"):
        pipeline(sk.Prompt("demo/default", template=template)).check()
    pipeline(Own("demo/default")).check()


def test_an_empty_prompt_is_not_asked() -> None:
    result = pipeline(sk.Prompt("demo/default", template="{% if text == 'text 1' %}Hello{% endif %}")).run()
    failed = [line for line in result.rejected if line["kind"] == "failed"]
    assert {line["reason"] for line in failed} == {"empty prompt"} and len(failed) == 19
