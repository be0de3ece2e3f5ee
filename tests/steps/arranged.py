"""Pipelines whose steps see many records, behind a model. Tests run them in processes of their own, and kill these."""

from typing import Any

import synthkit as sk
from synthkit import Pipeline
from synthkit.steps import (
    BalanceBy,
    Drop,
    Expand,
    Group,
    Limit,
    Map,
    Rename,
    Sample,
    Shuffle,
    Sort,
    Split,
    Template,
    TopK,
)


@sk.generator(writes=["topic", "n"], endless=True)
def topics(round: sk.Round) -> Any:
    for number in range(round.start, round.start + round.want):
        yield {"topic": f"topic {number % 3 and number % 7}", "n": number}


class Draft(sk.Prompt):
    template = "Write about {{ topic }}, number {{ n }}"
    into = "draft"


def ideas(record):
    words = record["draft"].split()
    return {
        "ideas": [" ".join(words[at : at + 4]) for at in range(0, len(words) % 9, 4)],
        "score": len(record["draft"]),
    }


def first(idea: str):
    return {"letter": idea[:1]}


def pipeline(target: int = 10) -> Pipeline:
    """All of them, one behind the other."""
    return (
        Pipeline("arranged", target=target)
        >> topics
        >> Draft(model="m")
        >> BalanceBy("topic", per_value=4)
        >> Map(ideas)
        >> Expand("ideas", into="idea")
        >> Map(first)
        >> TopK(5, of=25, per="topic")
        >> Shuffle()
        >> Limit(22)
        >> Sample(share=0.8)
        >> Template(into="line", template="{{ topic }}: {{ idea }}")
        >> BalanceBy("topic", ratio=2, label="evened")
        >> Split("line", train=0.8)
        >> Rename({"n": "number"})
        >> Drop("draft")
        >> Sort("score", "number", descending=["score"])
        >> Group("number", collect=["idea", "split"], first=["topic"], label="by-number", of=1)
        >> Sort("topic", label="by-topic")
    )
