"""KTO: {"prompt": …, "completion": …, "label": true}"""

from collections.abc import Mapping
from typing import Any

from synthkit.core import IO, Have
from synthkit.errors import PipelineError, RecordError
from synthkit.formats._prompted import Prompted, Said, unlike

KEYS = ("prompt", "completion")


class KTO(Prompted):
    """Answers that are good or bad, each for itself: TRL's unpaired preferences, which its KTO trainer reads.

    A record with `label` (true or false) is one example: its answer is `completion`, else `output`, else the last of
    `messages` that end with the assistant. A record without it, but with `chosen` and `rejected`, is two: the chosen
    answer, labelled true, and the rejected one, labelled false. It decodes into `prompt`, `completion`, `label` and
    `tools`.

    good: the name of the column `label` (here `label` is the component's own). completion, output, chosen, rejected,
    prompt, messages, instruction, input, system, tools: the names of these columns. conversational: true for messages
    even where all are texts.
    """

    good: str = "label"
    completion: str = "completion"
    output: str = "output"
    chosen: str = "chosen"
    rejected: str = "rejected"

    def io(self, have: Have) -> IO:
        pair = (self.chosen, self.rejected)
        if self.good in have:
            return self.exchanged(have, (self.completion, self.output), (self.good,), optional=pair)
        if all(name in have for name in pair):
            return self.reading(have, pair, optional=(self.good, self.completion, self.output))
        raise PipelineError(
            f"it is fed by {self.good!r} with {self.completion!r}, or by {self.chosen!r} and {self.rejected!r}: add "
            f"{self.good!r}, or {' and '.join(repr(name) for name in pair if name not in have)}"
        )

    def encode(self, record: Mapping[str, Any]) -> dict[str, Any] | list[dict[str, Any]]:
        good = record.get(self.good)
        if good is not None:
            return self._one(record, self.exchange(record, self.completion, self.output), good)
        prompt, chosen, rejected = self.said(record, self.chosen, self.rejected)
        unlike(chosen, rejected)
        return [self._one(record, [prompt, answer], answer is chosen) for answer in (chosen, rejected)]

    def decode(self, example: Mapping[str, Any]) -> dict[str, Any]:
        said = self.read(example, KEYS, ["label"])
        columns = {self.prompt: said[0], self.completion: said[1], self.good: _label(example, "label")}
        return {**columns, **self.defined(example, said)}

    def _one(self, record: Mapping[str, Any], said: list[Said], good: Any) -> dict[str, Any]:
        return self.example(record, KEYS, said, label=_label({self.good: good}, self.good))


def _label(values: Mapping[str, Any], name: str) -> bool:
    if not isinstance(values[name], bool):
        raise RecordError(f"{name!r} is {values[name]!r}, neither true nor false", reason="no label")
    return bool(values[name])
