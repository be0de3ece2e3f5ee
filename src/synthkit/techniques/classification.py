"""Texts for a classifier: so many of each label, varied along axes."""

from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from pydantic import BaseModel, Field

from synthkit.core import (
    IO,
    Answer,
    Component,
    Fields,
    Generator,
    Have,
    ModelName,
    Prompt,
    Record,
    Round,
    Verdict,
    drop,
)
from synthkit.errors import PipelineError

TEMPLATE = """\
{{ task }}

The labels are these:
{% for name, meaning in labels.items() %}- {{ name }}{% if meaning %}: {{ meaning }}{% endif %}
{% endfor %}
Write {{ per_call }} different texts to which the label «{{ label }}» applies, and none of the others.\
{% if axes %} All of them are of this kind:{% for axis, value in axes.items() %}
- {{ axis }}: {{ value }}{% endfor %}{% endif %}

They read as if different people had written them: other situations, other words, other beginnings, other lengths. \
Real names, things and figures stand where people would give them, and no placeholders. None of them says its label, \
or speaks of labels.{% if already %}

These are there already, so write nothing like them:
{% for one in already %}- {{ one }}
{% endfor %}{% endif %}"""

SEEN = 200
"""Accepted texts of each label that some are drawn from, to be shown."""


class Classification(Component):
    """Makes labelled texts: writes `text`, `label`, and a column for each axis.

    Each call asks for several texts of one label. Labels are dealt evenly; in later rounds those that lack the most
    accepted records come up most often, so that the balance holds although filters drop more of one label than of
    another. For numbers that are exactly equal, end the pipeline with `BalanceBy("label", values=[…])`. For all this
    the columns `label` and `text` must still be there at the end.

    labels: all that there are, with what they mean, or as a list. model: who is asked. task: what the texts are and
    what the labels say of them, in a sentence or two. per_call: how many texts a call asks for. axes: what varies from
    call to call, as names with the values each can take («tone», «length», «difficulty»); every value comes up equally
    often. shown: how many accepted texts of the label a call shows, as examples of what is there already. options:
    sampling options that must hold; a temperature of 1 is wished for. template: the prompt; it may read `task`,
    `labels`, `label`, `axes`, `already` and `per_call`.

    Source: Yu et al. (2023), attributed prompts, arXiv 2306.15895, for `axes`: they make more diverse data than one
    prompt for each label.

    Example:
        Pipeline("example", target=6) >> Classification(
            labels=["positive", "negative"], model="demo/default", task="Reviews of restaurants.", per_call=2
        )
    """

    labels: dict[str, str] | list[str]
    model: ModelName
    task: str
    per_call: int = Field(5, ge=1, le=50)
    axes: dict[str, list[str]] = {}
    shown: int = Field(3, ge=0, le=20)
    options: dict[str, Any] = {}
    template: str = TEMPLATE

    def expand(self) -> Sequence[Component]:
        labels = self.labels if isinstance(self.labels, Mapping) else dict.fromkeys(self.labels, "")
        deal = Deal(labels=list(labels), axes=self.axes, shown=self.shown)
        texts = Texts(
            model=self.model,
            template=self.template,
            task=self.task,
            labels=labels,
            axes=list(self.axes),
            per_call=self.per_call,
            options=self.options,
        )
        return deal, texts


class Deal(Generator):
    """Deals labels and axis values to calls: `label`, a column for each axis, and `already`, accepted texts."""

    endless: ClassVar[bool] = True

    labels: list[str]
    axes: dict[str, list[str]] = {}
    shown: int = Field(3, ge=0, le=20)

    def io(self, have: Have) -> IO:
        problems = [
            f"the axis {name!r} has no values: list some, or leave it out" for name, v in self.axes.items() if not v
        ]
        if len(set(self.labels)) < 2:
            problems.append("labels must be two or more: list all that there are")
        problems += [
            f"an axis cannot be called {name!r}: that column is there already"
            for name in ("label", "text", "already")
            if name in self.axes
        ]
        if problems:
            raise PipelineError(*problems)
        return IO.of(writes=("label", *self.axes, "already"))

    def generate(self, round: Round) -> Iterator[Fields]:
        counts, seen = Counter[str](), defaultdict[str, deque[str]](lambda: deque(maxlen=SEEN))
        for record in round.accepted(["label", "text"]):
            counts[record.get("label", "")] += 1
            seen[record.get("label", "")].append(" ".join(record.get("text", "").split()))
        share = (round.goal or 0) / len(self.labels)
        lacks = {label: share - counts[label] for label in self.labels}
        columns = {axis: _evenly(round, axis, values) for axis, values in self.axes.items()}
        for place, label in enumerate(_dealt(round, lacks)):
            rng = round.rng("already", round.start + place)
            already = rng.sample(list(seen[label]), min(self.shown, len(seen[label])))
            axes = {axis: values[place] for axis, values in columns.items()}
            yield {"label": label, **axes, "already": already}


def _dealt(round: Round, lacks: Mapping[str, float]) -> Iterator[str]:
    """A label for each record of the round, each as often as it lacks records, and well mixed."""
    short = {label: lack for label, lack in lacks.items() if lack > 0} or dict.fromkeys(lacks, 1.0)
    order, dealt = list(short), Counter[str]()
    for number in range(round.want):
        if number % len(order) == 0:
            round.rng("labels", round.start + number).shuffle(order)
        label = max(order, key=lambda one: short[one] / (dealt[one] + 1))  # the first of equals
        dealt[label] += 1
        yield label


def _evenly(round: Round, axis: str, values: Sequence[str]) -> Sequence[str]:
    """A value for each record of the round, each equally often, in a shuffled order."""
    turns = -(-round.want // len(values))
    rng, made = round.rng("axis", axis, round.start), list[str]()
    for _ in range(turns):
        made += rng.sample(list(values), len(values))
    return made


class Texts(Prompt):
    """Asks for texts of one label, and makes a record of each."""

    template: str = TEMPLATE
    task: str
    labels: dict[str, str]
    axes: list[str] = []
    per_call: int = Field(5, ge=1, le=50)

    wishes: ClassVar[Mapping[str, Any]] = {"temperature": 1.0}
    own: ClassVar[frozenset[str]] = frozenset({"task", "labels", "axes", "per_call"})

    class Out(BaseModel):
        texts: list[str] = Field(description="the texts, each as it stands, without its label or a number")

    def io(self, have: Have) -> IO:
        io = super().io(have)
        reads = {name: kind for name, kind in io.reads.items() if name not in self.own}
        optional = [name for name in io.optional if name not in self.own]
        reads = {**reads, "label": str, "already": list}
        return IO.of(reads, "text", drops="already", optional=[*optional, *self.axes], fans_out=True)

    def messages(self, record: Record) -> list[Mapping[str, Any]]:
        own = {
            "task": self.task,
            "labels": self.labels,
            "axes": {axis: record[axis] for axis in self.axes},
            "per_call": self.per_call,
        }
        return super().messages(record.updated(own))

    def read(self, answer: Answer, record: Record) -> Sequence[Fields] | Verdict:
        texts = dict.fromkeys(text.strip() for text in answer.data.texts if text.strip())
        return [{"text": text} for text in [*texts][: self.per_call]] or drop("no texts", answer.text[:200])
