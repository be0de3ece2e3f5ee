"""Agrees: a blind second opinion on a label."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from synthkit import Pipeline
from synthkit.core import Have
from synthkit.errors import PipelineError
from synthkit.filters import Agrees
from synthkit.generators import Rows
from synthkit.testing import LoopbackServer, Reply, Request

Serve = Callable[..., LoopbackServer]
LABELS = {"warm": "speaks of heat", "cold": ""}


def opinion(request: Request) -> str | Reply:
    asked = str(request.body["messages"])
    if "refuse" in asked:
        return Reply(refusal="No.")
    if "babble" in asked:
        return '{"rationale": "x", "label": "lukewarm"}'
    return json.dumps({"rationale": "It says so.", "label": "warm" if "sun" in asked else "cold"})


def run(*rows: dict[str, Any], **parameters: Any) -> Any:
    return (Pipeline("a") >> Rows(rows) >> Agrees("m", labels=LABELS, **parameters)).run(folder="run")


def test_records_whose_label_a_model_would_not_give_are_dropped(serve: Serve) -> None:
    serve(answer=opinion)
    texts = {"The sun burns.": "warm", "Snow fell.": "warm", "refuse": "warm", "babble": "cold", "Ice.": "cold"}
    result = run(*({"text": text, "label": label} for text, label in texts.items()))
    assert [r["text"] for r in result.accepted] == ["The sun burns.", "Ice."]
    assert [(r["kind"], r["reason"]) for r in result.rejected] == [
        ("dropped", "another label"), ("failed", "refused"), ("failed", "unfit answer"),
    ]  # fmt: skip
    assert result.rejected[0]["message"] == "'cold', not 'warm': It says so."


def test_the_label_is_not_shown_and_the_labels_are(serve: Serve) -> None:
    server = serve(answer=opinion)
    run({"text": "The sun.", "label": "warm", "n": 3}, task="How is the weather?")
    body = server.requests[0].body
    prompt = body["messages"][-1]["content"]
    assert prompt.startswith("How is the weather?") and "- warm: speaks of heat\n- cold\n" in prompt
    assert "warm" not in prompt.replace("- warm: speaks of heat", "")
    label = body["response_format"]["json_schema"]["schema"]["properties"]["label"]
    assert label["enum"] == ["warm", "cold"] and body["temperature"] == 0.0


def test_equal_texts_are_asked_once(serve: Serve) -> None:
    server = serve(answer=opinion)
    assert len(run(*({"text": "The sun.", "label": "warm", "n": n} for n in range(5))).accepted) == 5
    assert server.count == 1


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"labels": ["one"]}, "labels must be two or more"),
        ({"labels": LABELS, "reads": []}, "reads=[] names nothing"),
        ({"labels": LABELS, "template": "Well?"}, "put {{ material }} into it"),
        ({"labels": LABELS, "reads": ["text", "label"]}, "'label' is the label itself"),
        ({"labels": LABELS, "template": "{{ material }} {{ label }}"}, "'label' is the label itself"),
    ],
)
def test_what_makes_no_sense_is_refused(parameters: dict[str, Any], said: str) -> None:
    with pytest.raises(PipelineError) as caught:
        Agrees("m", **parameters).io(Have(frozenset({"text", "label"})))
    assert said in str(caught.value)
