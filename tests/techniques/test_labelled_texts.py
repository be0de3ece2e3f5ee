"""Classification: labels dealt evenly, again where they lack, and texts read out of answers."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest

from synthkit import Pipeline
from synthkit.core import Have, Round
from synthkit.core.values import digest
from synthkit.errors import PipelineError
from synthkit.filters import Rules
from synthkit.generators import Rows
from synthkit.steps import BalanceBy
from synthkit.techniques import Classification
from synthkit.techniques.classification import Deal
from synthkit.testing import LoopbackServer, Reply, Request

Serve = Callable[..., LoopbackServer]
LABELS = {"rain": "water falls", "snow": "flakes fall", "fog": ""}


class Dealing(Round):
    """A round after these accepted records."""

    def __init__(
        self, want: int, goal: int | None = None, before: Sequence[Mapping[str, Any]] = (), start: int = 0
    ) -> None:
        self.index, self.want, self.start, self.goal, self._before = min(start, 1), want, start, goal, before

    def accepted(self, columns: Sequence[str]) -> Iterator[Mapping[str, Any]]:
        return ({name: row[name] for name in columns if name in row} for row in self._before)

    def rng(self, *key: str | int) -> Random:
        return Random(digest(7, *key))


def dealt(deal: Deal, round: Round) -> list[dict[str, Any]]:
    return [dict(fields) for fields in deal.generate(round)]


def test_labels_are_dealt_evenly_and_so_are_the_values_of_axes() -> None:
    deal = Deal(labels=list(LABELS), axes={"tone": ["dry", "warm"], "length": ["a", "b", "c", "d"]})
    made = dealt(deal, Dealing(want=25, goal=100))
    assert sorted(Counter(row["label"] for row in made).values()) == [8, 8, 9]
    assert sorted(Counter(row["tone"] for row in made).values()) == [12, 13]
    assert sorted(Counter(row["length"] for row in made).values()) == [6, 6, 6, 7]
    assert len({(row["tone"], row["length"]) for row in made}) > 5, "axes vary independently"
    assert {row["label"] for row in made[:3]} == set(LABELS), "each turn has all labels"
    assert dealt(deal, Dealing(want=25, goal=100)) == made
    assert Counter(row["label"] for row in dealt(deal, Dealing(want=9))) == dict.fromkeys(LABELS, 3), "without a target"


def test_later_rounds_deal_what_is_lacking() -> None:
    before = (
        [{"label": "rain", "text": "r"}] * 34
        + [{"label": "snow", "text": "s"}] * 24
        + [{"label": "fog", "text": "f"}] * 3
    )
    made = Counter(row["label"] for row in dealt(Deal(labels=list(LABELS)), Dealing(40, 99, before, start=61)))
    assert made == {"snow": 9, "fog": 31}, "rain has its 33 already"
    full = [{"label": label, "text": "x"} for label in LABELS] * 40
    assert len({row["label"] for row in dealt(Deal(labels=list(LABELS)), Dealing(9, 99, full))}) == 3


def test_accepted_texts_of_the_label_are_shown() -> None:
    before = [{"label": label, "text": f"{label}\n {n}"} for n in range(300) for label in LABELS]
    made = dealt(Deal(labels=list(LABELS), shown=2), Dealing(30, 2000, before))
    assert all(
        len(row["already"]) == 2 and all(text.startswith(f"{row['label']} ") for text in row["already"]) for row in made
    )
    assert len({tuple(row["already"]) for row in made}) > 20
    assert [row["already"] for row in dealt(Deal(labels=list(LABELS), shown=0), Dealing(2, 20, before))] == [[], []]


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"labels": ["one"]}, "labels must be two or more"),
        ({"labels": ["a", "a"]}, "labels must be two or more"),
        ({"labels": ["a", "b"], "axes": {"tone": []}}, "the axis 'tone' has no values"),
        ({"labels": ["a", "b"], "axes": {"text": ["x"]}}, "an axis cannot be called 'text'"),
    ],
)
def test_what_makes_no_sense_is_refused(parameters: dict[str, Any], said: str) -> None:
    with pytest.raises(PipelineError) as caught:
        Deal(**parameters).io(Have())
    assert said in str(caught.value)


def write(request: Request) -> str | Reply:
    """A writer of texts that are three times as often too short for fog, and of odd answers."""
    label = str(request.body["messages"][0]).split("the label «")[1].split("»")[0]
    rng = Random(f"{request.digest}{request.number}")
    if request.number % 10 == 9:
        odd: list[str | Reply] = [Reply(refusal="No."), '{"texts": []}', "[", '{"texts": [" ", ""]}']
        return odd[request.number // 10 % len(odd)]
    short = 0.75 if label == "fog" else 0.25
    texts = [f"{label} {'' if rng.random() < short else 'as ever'} {rng.randrange(10**9)}" for _ in range(4)]
    return json.dumps({"texts": [*texts, texts[0], *(["one too many"] * 3)]})


def test_labels_are_even_although_filters_are_not(serve: Serve, project: Path) -> None:
    server = serve(answer=write)
    pipeline = (
        Pipeline("weather", target=200)
        >> Classification(
            labels=LABELS, model="m", task="Reports of the weather.", per_call=4, axes={"tone": ["dry", "warm"]}
        )
        >> Rules(min_words={"text": 4})
        >> BalanceBy("label", values=list(LABELS))
    )
    result = pipeline.run(folder="run")
    assert result.status == "complete", result.reason
    assert Counter(r["label"] for r in result.accepted) == {"rain": 67, "snow": 67, "fog": 66}
    assert all(set(r) == {"text", "label", "tone"} and r["text"].startswith(r["label"]) for r in result.accepted)
    reasons = {(r["kind"], r["reason"]) for r in result.rejected}
    assert reasons >= {("dropped", "no texts"), ("dropped", "refused"), ("dropped", "text: too short")}
    assert not any(r["fields"].get("text") == "one too many" for r in result.rejected), "no more than were asked for"
    prompt = server.requests[0].body["messages"][-1]["content"]
    assert (
        prompt.startswith("Reports of the weather.\n") and "- rain: water falls\n- snow: flakes fall\n- fog\n" in prompt
    )
    assert "Write 4 different texts" in prompt and "- tone: " in prompt and "there already" not in prompt
    asked = [request.body["messages"][-1]["content"] for request in server.requests]
    later = [text for text in asked if text.startswith("Reports")][-1]  # others are repairs
    assert later.count("as ever") == 3 and "These are there already" in later


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"values": []}, "must name some values, each of them once"),
        ({"values": ["a", "a"]}, "must name some values, each of them once"),
        ({"values": ["a"], "ratio": 1}, "give either per_value"),
        ({"values": ["a"], "of": 9}, "values are topped up in rounds: leave `of` out"),
    ],
)
def test_shares_that_make_no_sense_are_refused(parameters: dict[str, Any], said: str) -> None:
    with pytest.raises(PipelineError) as caught:
        BalanceBy("label", **parameters).io(Have(frozenset({"label"})))
    assert said in str(caught.value)


def test_without_a_target_values_are_only_chosen(project: Path) -> None:
    rows = [{"label": label} for label in ("a", "b", "a", "c", "a")]
    result = (Pipeline("shares") >> Rows(rows) >> BalanceBy("label", values=["a", "b"])).run()
    assert [r["label"] for r in result.accepted] == ["a", "b", "a", "a"]
    assert [(r["reason"], r["message"]) for r in result.rejected] == [("value not in the mix", "c")]
