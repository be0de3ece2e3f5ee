"""DPO: {"prompt": …, "chosen": …, "rejected": …}"""

from collections.abc import Mapping
from typing import Any

from synthkit.core import IO, Format, Have
from synthkit.errors import ColumnError, PipelineError, RecordError
from synthkit.formats._conversation import Turn, checked, filled, only, opening, request

KEYS = ("prompt", "chosen", "rejected")


class DPO(Format):
    """Preferences: a prompt, the answer that was chosen and the one that was rejected, as TRL's trainers read them.

    The prompt is the column `prompt`, or `messages` up to the user's turn that is answered, or `instruction` with
    `input` behind a blank line; the first of these that is there. Where all are texts, so are the three values of an
    example (TRL's standard form). Where one is a list of messages, or there is a column `system`, all three become
    lists of messages (the conversational form), which `conversational` makes them in any case. A prompt that is a list
    carries its system message itself.

    The parameters name the columns. It decodes into `prompt`, `chosen` and `rejected`. An answer that is empty, and a
    pair that says the same, raise `RecordError`.
    """

    prompt: str = "prompt"
    chosen: str = "chosen"
    rejected: str = "rejected"
    messages: str = "messages"
    instruction: str = "instruction"
    input: str = "input"
    system: str = "system"
    conversational: bool = False

    def io(self, have: Have) -> IO:
        missing = [name for name in (self.chosen, self.rejected) if name not in have]
        prompts = [name for name in (self.prompt, self.messages, self.instruction) if name in have]
        if missing or not prompts:
            one = f"one of {self.prompt!r}, {self.messages!r} and {self.instruction!r}"
            lacking = " and ".join([*map(repr, missing), *([] if prompts else [one])])
            raise PipelineError(f"it is fed by {self.chosen!r}, {self.rejected!r} and {one}: add {lacking}")
        if self.system in have.maybe and prompts[0] != self.messages and not self.conversational:
            raise PipelineError(
                f"column {self.system!r} is there on some records only, which would mix two forms in one file: "
                "write it on every record, or drop it"
            )
        reads = [prompts[0], self.chosen, self.rejected]
        others = (self.prompt, self.messages, self.instruction, self.input, self.system)
        return IO.of(reads, optional=[n for n in others if n not in reads and (n in have or n in have.maybe)])

    def encode(self, record: Mapping[str, Any]) -> dict[str, Any]:
        prompt, before = self._prompt(record)
        texts = isinstance(prompt, str) and all(isinstance(record.get(name), str) for name in self._answers())
        if texts and not self.conversational and record.get(self.system) is None:
            answers = [filled(record, name) for name in self._answers()]
            return _example(prompt, *answers)
        if isinstance(prompt, str):
            prompt = [*before, {"role": "user", "content": prompt}]
        return _example(prompt, *(_answer(record, name) for name in self._answers()))

    def _answers(self) -> tuple[str, str]:
        return self.chosen, self.rejected

    def _prompt(self, record: Mapping[str, Any]) -> tuple[str | list[Turn], list[Turn]]:
        """The prompt in the form it is there, and the system message in front of one that is text."""
        for name in (self.prompt, self.messages):
            value = record.get(name)
            if isinstance(value, str) and name == self.prompt:
                return filled(record, name), opening(record, self.system)
            if value is not None:
                return checked(value, f"column {name!r}", ends="user"), []
        if record.get(self.instruction) is None:
            raise ColumnError(f"none of {self.prompt!r}, {self.messages!r} and {self.instruction!r} is there")
        return request(record, self.instruction, self.input), opening(record, self.system)

    def decode(self, example: Mapping[str, Any]) -> dict[str, Any]:
        only(example, KEYS)
        kinds = {isinstance(example[key], str) for key in KEYS}
        if len(kinds) > 1 or (self.conversational and True in kinds):
            raise RecordError(
                "prompt, chosen and rejected must all be texts, or all lists of messages", reason="not text"
            )
        if True in kinds:
            made = _example(*(filled(example, key) for key in KEYS))
        else:
            prompt = checked(example["prompt"], "'prompt'", ends="user")
            made = _example(prompt, _answer(example, "chosen"), _answer(example, "rejected"))
        return {self.prompt: made["prompt"], self.chosen: made["chosen"], self.rejected: made["rejected"]}


def _answer(record: Mapping[str, Any], name: str) -> list[Turn]:
    """An answer as messages."""
    if isinstance(record.get(name), list):
        return checked(record[name], f"column {name!r}", starts="assistant")
    return [{"role": "assistant", "content": filled(record, name)}]


def _example(prompt: Any, chosen: Any, rejected: Any) -> dict[str, Any]:
    if _said(chosen) == _said(rejected):
        raise RecordError("what was chosen and what was rejected are the same", reason="no preference")
    return {"prompt": prompt, "chosen": chosen, "rejected": rejected}


def _said(answer: str | list[Turn]) -> list[str]:
    return [answer.strip()] if isinstance(answer, str) else [turn["content"].strip() for turn in answer]
