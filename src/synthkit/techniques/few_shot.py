"""Few-shot generation: new examples in the manner of a few, with rotated demonstrations and varied axes."""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from synthkit.core import (
    IO,
    Answer,
    Component,
    Fields,
    Generator,
    Have,
    ModelName,
    OnLength,
    Prompt,
    Record,
    Round,
    Verdict,
)
from synthkit.core.files import read_jsonl
from synthkit.core.source import bad_line
from synthkit.core.values import RESERVED, compact
from synthkit.errors import AnswerError, InputError, PipelineError
from synthkit.techniques.few_shot_answers import examples

SHOWN = "demonstrations"

TEMPLATE = """\
{{ task }}

Here are {{ demonstrations | length }} examples, as a JSON array:

{{ shown }}

Write {{ per_call }} new examples of the same kind. They must differ from these and from each other in what they are \
about and in how they are worded.{% if axes %} Each of them has:{% for axis, value in axes.items() %}
- {{ axis }}: {{ value }}{% endfor %}{% endif %}

Answer with a JSON array of {{ per_call }} objects, and nothing else. Each has exactly these keys: \
{{ keys | join(", ") }}."""


class FewShot(Component):
    """Makes examples in the manner of seeds: writes the seeds' columns, and a column for each axis.

    Each call shows some seeds and asks for several new examples as JSON; complete ones are kept even where the
    answer as a whole is cut or broken.

    seeds: a JSONL file of examples. model: who is asked. columns: which of the seeds' columns an example has; by
    default those of the first seed. per_call: how many examples a call asks for. shown: how many seeds a
    call shows, rotated so that all are shown equally often. axes: what varies from call to call, as names with the
    values each can take («difficulty», «style»); all combinations are visited equally often, in a shuffled order.
    task: what the examples are, in a sentence or two. options: sampling options that must hold; a temperature of 0.9
    is wished for. template: the prompt; it may read `task`, `shown` (JSON text), `demonstrations`, `axes`, `keys` and
    `per_call`.

    Example:
        seeds = [{"question": "Where do penguins live?"}, {"question": "Why is the sky blue?"}]
        Path("example-questions.jsonl").write_text("\\n".join(json.dumps(seed) for seed in seeds))
        (
            Pipeline("example", target=4)
            >> FewShot(seeds="example-questions.jsonl", model="demo/default", axes={"level": ["easy", "hard"]})
        )
    """

    seeds: Path
    model: ModelName
    columns: list[str] | None = None
    per_call: int = Field(5, ge=1, le=50)
    shown: int = Field(4, ge=1)
    axes: dict[str, list[str]] = {}
    task: str = "These are examples of one kind."
    options: dict[str, Any] = {}
    template: str = TEMPLATE

    def expand(self) -> Sequence[Component]:
        rotation = Rotation(seeds=self.seeds, columns=self.columns, shown=self.shown, axes=self.axes)
        more = MoreExamples(
            label="examples",
            model=self.model,
            template=self.template,
            task=self.task,
            axes=list(self.axes),
            per_call=self.per_call,
            options=self.options,
        )
        return rotation, more


class Rotation(Generator):
    """Deals seeds and axis values to calls: `demonstrations`, and a column for each axis.

    What a record gets depends on its number alone, so that the deal is even across rounds too.
    """

    endless: ClassVar[bool] = True

    seeds: Path
    columns: list[str] | None = None
    shown: int = Field(4, ge=1)
    axes: dict[str, list[str]] = {}

    def io(self, have: Have) -> IO:
        empty = [name for name, values in self.axes.items() if not values]
        if empty:
            raise PipelineError(f"the axis {empty[0]!r} has no values: list some, or leave it out")
        if SHOWN in self.axes:
            raise PipelineError(f"an axis cannot be called {SHOWN!r}: that column holds the seeds shown")
        columns = list(read_examples(self.seeds, self.columns)[0])
        both = [name for name in (*self.axes, SHOWN) if name in columns]
        if both:
            raise PipelineError(f"{both[0]!r} is a column of the seeds already: call one of them otherwise")
        return IO.of(writes=(SHOWN, *self.axes), items={SHOWN: columns})

    def generate(self, round: Round) -> Iterator[Fields]:
        seeds = read_examples(self.seeds, self.columns)
        combinations = math.prod(len(values) for values in self.axes.values())
        shown = min(self.shown, len(seeds))
        # A turn deals every seed equally often, in windows of one shuffled order: no window has a seed twice.
        turn = len(seeds) // math.gcd(len(seeds), shown)
        seed_turns, axis_turns = _Turns(round, "seeds", len(seeds)), _Turns(round, "axes", combinations)
        for number in range(round.start, round.start + round.want):
            order, first = seed_turns.order(number // turn), number % turn * shown
            window = [seeds[order[(first + place) % len(seeds)]] for place in range(shown)]
            combination = axis_turns.order(number // combinations)[number % combinations]
            yield {SHOWN: window, **self._combination(combination)}

    def _combination(self, number: int) -> dict[str, str]:
        chosen = {}
        for axis, values in self.axes.items():
            number, place = divmod(number, len(values))
            chosen[axis] = values[place]
        return chosen


class _Turns:
    """A shuffled order for each turn."""

    def __init__(self, round: Round, what: str, size: int) -> None:
        self._round, self._what, self._size = round, what, size
        self._last: tuple[int, list[int]] = (-1, [])

    def order(self, turn: int) -> list[int]:
        if self._last[0] != turn:
            self._last = (turn, list(range(self._size)))
            self._round.rng(self._what, turn).shuffle(self._last[1])
        return self._last[1]


def read_examples(path: Path, columns: Sequence[str] | None) -> list[dict[str, Any]]:
    """The seeds with these columns, or those of the first. Raises `InputError` naming file and line."""
    seeds: list[dict[str, Any]] = []
    for number, example in read_jsonl(path):
        wanted = [name for name in example if name not in RESERVED] if columns is None else columns
        missing = [name for name in wanted if name not in example]
        if missing or not wanted:
            there = f"there are: {', '.join(example)}" if example else "it is empty"
            lacks = repr(missing[0]) if missing else "column"
            bad_line(path, InputError(f"{path}, line {number}: there is no {lacks} ({there})"))
            continue
        columns = wanted
        seeds.append({name: example[name] for name in columns})
    if not seeds:
        raise InputError(f"{path} holds no good example: it needs at least one")
    return seeds


class MoreExamples(Prompt):
    """Shows examples as JSON, asks for more, and makes a record of each that an answer holds complete.

    Examples that lack a key, repeat a demonstration, or have a value that is empty or of another type than the
    demonstrations' are left out; an answer without any example fails the record.
    """

    template: str = TEMPLATE
    task: str
    axes: list[str] = []
    per_call: int = Field(5, ge=1, le=50)
    on_length: OnLength = "keep"  # the examples that are whole are of use

    wishes: ClassVar[Mapping[str, Any]] = {"temperature": 0.9}
    own: ClassVar[frozenset[str]] = frozenset({"task", "shown", "axes", "keys", "per_call"})

    def io(self, have: Have) -> IO:
        io = super().io(have)
        reads = {name: kind for name, kind in io.reads.items() if name not in self.own}
        optional = [name for name in io.optional if name not in self.own]
        columns = have.items.get(SHOWN, ())
        return IO.of({**reads, SHOWN: list}, columns, drops=SHOWN, optional=[*optional, *self.axes], fans_out=True)

    def messages(self, record: Record) -> list[Mapping[str, Any]]:
        shown = record[SHOWN]
        lines = ",\n".join(f"  {compact(example)}" for example in shown)
        extras = {
            "task": self.task,
            "shown": f"[\n{lines}\n]",
            "axes": {axis: record[axis] for axis in self.axes},
            "keys": list(shown[0]),
            "per_call": self.per_call,
        }
        return super().messages(record.updated(extras))

    def read(self, answer: Answer, record: Record) -> Sequence[Fields] | Verdict:
        found = examples(answer.text, record[SHOWN])
        if not found:
            raise AnswerError(f"no complete example in the answer: {answer.text[:200]!r}", reason="no example")
        return found
