"""Evol-Instruct: generations, eliminations, and what it passes on; against a service on this machine."""

import json
import re
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from technique_kit import checked

from synthkit import Pipeline
from synthkit.core import IO, Have, chain
from synthkit.core.flow import flow
from synthkit.engine import api
from synthkit.errors import PipelineError
from synthkit.generators import Rows
from synthkit.models import attempts
from synthkit.techniques import EvolInstruct
from synthkit.techniques.evol_instruct import Evolve
from synthkit.techniques.evol_instruct_rules import Evolved, Responded
from synthkit.techniques.evol_instruct_templates import OPERATIONS, REWRITE
from synthkit.testing import LoopbackServer, Reply, Request

Serve = Callable[..., LoopbackServer]
FRESH = "Compare five bridges of stone by span, age and load for an engineer who doubts all of them."


def parent(prompt: str) -> str:
    """The instruction in the default prompt that rewrites."""
    return prompt.split("Instruction:\n", 1)[1].split("\n\nWrite the new")[0]


def evolving(answers: dict[str, str | Reply], otherwise: str = "") -> Callable[[Request], str | Reply]:
    """A model that rewrites by a table of parents, and responds with the words of the instruction in reverse."""

    def answer(request: Request) -> str | Reply:
        if request.schema is None:
            return " ".join(reversed(request.prompt.split()))
        said = answers.get(parent(request.prompt), otherwise)
        return said if isinstance(said, Reply) else json.dumps({"instruction": said})

    return answer


def run(*tasks: dict[str, Any], **parameters: Any) -> Any:
    return (Pipeline("e") >> Rows([*tasks]) >> EvolInstruct(model="m", **parameters)).run(folder="run", seed=1)


def test_every_generation_becomes_a_record_with_its_response(serve: Serve) -> None:
    line = ["Name a river.", "List four streams of a desert.", "Which desert rivers have dried up, and when?", FRESH]
    serve(answer=evolving(dict(pairwise(line))))
    result = run({"instruction": line[0], "n": 7})
    assert [(r["generation"], r["parent"], r["instruction"]) for r in result.accepted] == [
        (number + 1, line[number], line[number + 1]) for number in range(3)
    ]
    assert all(r["output"] == " ".join(reversed(r["instruction"].split())) and r["n"] == 7 for r in result.accepted)
    assert all(r["operation"] in OPERATIONS for r in result.accepted)
    assert not result.rejected


def test_what_failed_leaves_the_parent_another_try_by_another_draw(serve: Serve) -> None:
    asked: list[str] = []
    start = "Name one river of Asia that is longer than the Rhine."

    def answer(request: Request) -> str | Reply:
        if request.schema is None:
            return "Fine."
        asked.append(request.prompt)
        says = [start + " Please.", Reply(refusal="No."), f"Here is the rewritten instruction: {FRESH}", FRESH]
        return (
            says[len(asked) - 1]
            if isinstance(says[len(asked) - 1], Reply)
            else json.dumps({"instruction": says[len(asked) - 1]})
        )

    serve(answer=answer)
    result = run({"instruction": start}, generations=4)
    assert [(r["generation"], r["parent"]) for r in result.accepted] == [(4, start)]
    assert [parent(prompt) for prompt in asked] == [start] * 4
    assert [(r["kind"], r["step"], r["reason"]) for r in result.rejected] == [
        ("attempt", "evol-instruct/evolve/1/evolved", "too like its parent"),
        ("attempt", "evol-instruct/evolve/2/rewrite", "refused"),
        ("attempt", "evol-instruct/evolve/3/evolved", "copied the prompt"),
    ]


def test_a_record_of_which_nothing_came_is_dropped_with_the_last_reason(serve: Serve) -> None:
    serve(answer=lambda request: json.dumps({"instruction": parent(request.prompt)}))
    result = run({"instruction": "Name a river."}, generations=2)
    lost = [(r["kind"], r["step"], r["reason"], r["score"]) for r in result.rejected]
    assert lost[-1] == ("dropped", "evol-instruct/evolve", "too like its parent", 0)
    assert result.status == "complete" and not result.accepted


def test_an_answer_that_never_fits_is_no_evolution_and_fails_the_record_if_nothing_else_came(serve: Serve) -> None:
    serve(answer=lambda request: "{}" if request.schema else "Fine.")
    result = run({"instruction": "Name a river."}, generations=2)
    assert [(r["kind"], r["reason"]) for r in result.rejected] == [
        ("attempt", "unfit answer"),
        ("attempt", "unfit answer"),
        ("failed", "unfit answer"),
    ]


def test_a_service_that_is_down_fails_the_record_so_that_it_is_tried_again(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "FIRST_DELAY", 0.001)
    down = True

    def answer(request: Request) -> str | Reply:
        if request.schema is None:
            return "Fine."
        second = parent(request.prompt) == FRESH
        said = "Which of these would you rebuild first, and why?" if second else FRESH
        return Reply(status=503) if second and down else json.dumps({"instruction": said})

    serve(answer=answer)
    first = run({"instruction": "Name a river."}, generations=2)
    assert [(r["kind"], r["reason"]) for r in first.rejected] == [("attempt", "overloaded"), ("failed", "overloaded")]
    down = False
    again = api.resume(Path("run"), retry_failed=True)
    assert [r["generation"] for r in again.accepted] == [1, 2]


def test_an_input_goes_into_the_instruction(serve: Serve) -> None:
    seen: list[str] = []

    def answer(request: Request) -> str:
        if request.schema is None:
            return "Fine."
        seen.append(parent(request.prompt))
        return json.dumps({"instruction": FRESH})

    serve(answer=answer)
    tasks = [{"instruction": "Sort the list.", "input": "b, a"}, {"instruction": "Sort it.", "input": " "}]
    result = run(*tasks, generations=1)
    assert sorted(seen) == ["Sort it.", "Sort the list.\n\nb, a"]
    assert [r["input"] for r in result.accepted] == ["", ""]


def test_the_draw_depends_on_seed_and_record_and_takes_all_operations(serve: Serve) -> None:
    serve(answer=lambda request: json.dumps({"instruction": FRESH}) if request.schema else "Fine.")
    tasks = [{"instruction": f"Name {n} rivers."} for n in range(60)]
    pipeline = Pipeline("e") >> Rows(tasks) >> EvolInstruct(model="m", generations=1)
    drawn = [
        [r["operation"] for r in pipeline.run(folder=name, seed=seed).accepted] for name, seed in (("a", 1), ("b", 2))
    ]
    assert drawn[0] != drawn[1] and set(drawn[0]) == set(OPERATIONS)
    assert min(Counter(drawn[0] + drawn[1]).values()) > 10


def test_users_say_how_it_is_asked(serve: Serve) -> None:
    server = serve("m", "r", answer=lambda request: json.dumps({"instruction": FRESH}) if request.schema else "Fine.")
    result = run(
        {"instruction": "Name a river.", "tone": "curt"},
        generations=1,
        responder="r",
        operations={"rhyme": "Make it rhyme."},
        rewrite="{{ how }} Be {{ tone }}: {{ instruction }}",
        respond="Answer: {{ instruction }}",
        options={"temperature": 0.3},
        response_options={"max_tokens": 99},
    )
    assert [r["operation"] for r in result.accepted] == ["rhyme"]
    first, second = (received.body for received in server.requests)
    assert first["model"] == "m" and first["temperature"] == 0.3
    assert first["messages"][-1]["content"].startswith("Make it rhyme. Be curt: Name a river.")
    assert second["model"] == "r" and second["messages"][-1]["content"] == f"Answer: {FRESH}"


def test_columns_are_followed() -> None:
    def after(*sure: str, maybe: tuple[str, ...] = ()) -> Any:
        return flow(chain(EvolInstruct(model="m")), Have(frozenset(sure), frozenset(maybe)))

    assert not after("instruction").problems
    written = {"instruction", "output", "parent", "operation", "generation"}
    assert after("instruction", "x").after.sure == {*written, "x"}
    assert after("instruction", maybe=("input",)).after.maybe == {"input"}
    assert after("task").problems == [
        "evol-instruct/evolve reads column 'instruction', which nothing before it writes; there are: task",
        *after("task").problems[1:],
    ]
    with pytest.raises(PipelineError, match=re.escape("operations={} leaves nothing to do")):
        Evolve(model="m", operations={}).io(Have(frozenset({"instruction"})))
    wants_more = Evolve(model="m", template=REWRITE + "{{ tone }}").io(Have(frozenset({"instruction", "tone"})))
    assert isinstance(wants_more, IO) and "tone" in wants_more.reads


@pytest.mark.parametrize(
    ("text", "origin", "reason"),
    [
        ("a b c d e f g x y z", "a b c d e f g 1 2 3", ""),  # 0.7 exactly
        ("a b c d e f g x y", "a b c d e f g 1 2 3", "too like its parent"),
        ("Explain tides.", "Explain tides!", "too like its parent"),
        (
            "#Rewritten Prompt#: Compare spring tides with neap tides in the Bay of Fundy.",
            "Explain tides.",
            "copied the prompt",
        ),
        ("Given prompt: do something else entirely", "Explain tides.", "copied the prompt"),
        ("Improve the given prompt of a robot with three constraints", "What is a given prompt?", ""),
    ],
)
def test_what_is_no_evolution(text: str, origin: str, reason: str) -> None:
    assert checked(Evolved(), {"instruction": text, "parent": origin}).reason == reason


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ("I'm sorry, but I cannot see the table.", "sorry"),
        ("Sorry! " + "word " * 78, "sorry"),
        ("Sorry! " + "word " * 79, ""),
        ("They felt sorrow.", ""),
        ("It is.", "says nothing"),
        ("…?!", "says nothing"),
        ("No.", ""),
        ("42", ""),
        ("月亮", ""),
    ],
)
def test_what_is_no_response(output: str, reason: str) -> None:
    assert checked(Responded(), {"output": output}).reason == reason
