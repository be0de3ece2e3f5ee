"""What formats of a prompt and answers to it share: TRL's standard form, all texts, and its conversational one."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from synthkit.core import IO, Format, Have
from synthkit.errors import ColumnError, PipelineError, RecordError
from synthkit.formats._conversation import definitions, opening, with_some
from synthkit.formats._messages import Rules, Turn, as_objects, checked
from synthkit.formats._texts import filled, only, request

Said = str | list[Turn]
"""A text, or messages."""


class Prompted(Format):
    """A format of a prompt, and of one answer or several.

    The prompt is the column `prompt`, or `messages` up to what is answered, or `instruction` with `input` behind a
    blank line; the first of these that is there. Where all are texts, so are the values of an example (TRL's standard
    form). Where one is a list of messages, or there is a column `system` or `tools`, all become lists of messages (the
    conversational form), which `conversational` makes them in any case. A prompt that is a list carries its system
    message itself.

    prompt, messages, instruction, input, system, tools: the names of these columns. conversational: true for messages
    even where all are texts.
    """

    prompt: str = "prompt"
    messages: str = "messages"
    instruction: str = "instruction"
    input: str = "input"
    system: str = "system"
    tools: str = "tools"
    conversational: bool = False

    always: ClassVar[bool] = False
    """Whether all is messages, whatever `conversational` says."""
    parts: ClassVar[bool] = False
    """Whether contents of the prompt may be lists of parts."""

    @property
    def lists(self) -> bool:
        """Whether texts become messages in any case."""
        return self.conversational or self.always

    def reading(self, have: Have, answers: Sequence[str], optional: Sequence[str] = ()) -> IO:
        """What is read besides `answers`. Raises `PipelineError` for what is missing, or would mix two forms."""
        missing = [name for name in answers if name not in have]
        prompts = [name for name in (self.prompt, self.messages, self.instruction) if name in have]
        if missing or not prompts:
            one = f"one of {self.prompt!r}, {self.messages!r} and {self.instruction!r}"
            lacking = " and ".join([*map(repr, missing), *([] if prompts else [one])])
            raise PipelineError(f"it is fed by {', '.join(map(repr, answers))} and {one}: add {lacking}")
        for name in (self.system, self.tools):
            if name in have.maybe and prompts[0] != self.messages and not self.lists:
                raise PipelineError(
                    f"column {name!r} is there on some records only, which would mix two forms in one file: write it "
                    "on every record, drop it, or ask for conversational=true"
                )
        reads = [prompts[0], *answers]
        others = (self.prompt, self.messages, self.instruction, self.input, self.system, self.tools, *optional)
        return IO.of(reads, optional=[n for n in others if n not in reads and (n in have or n in have.maybe)])

    def exchanged(
        self, have: Have, completions: Sequence[str], needed: Sequence[str] = (), optional: Sequence[str] = ()
    ) -> IO:
        """What `exchange` reads, and what else is needed."""
        there = [name for name in completions if name in have]
        if self.prompt not in have and self.messages in have:  # they may hold the answer, too
            return self.reading(have, needed, (*completions, *optional))
        if not there:
            names = " or ".join(map(repr, completions))
            raise PipelineError(f"it is fed by an answer in {names} or by whole {self.messages!r}: add one of them")
        return self.reading(have, (*there[:1], *needed), (*completions, *optional))

    def said(self, record: Mapping[str, Any], *answers: str) -> list[Said]:
        """The prompt and the answers in these columns, in one form."""
        prompt, before = self._asked(record)
        texts = isinstance(prompt, str) and all(isinstance(record.get(name), str) for name in answers)
        bare = record.get(self.system) is None and record.get(self.tools) is None
        if texts and bare and not self.lists:
            return [prompt, *(filled(record, name) for name in answers)]
        if isinstance(prompt, str):
            prompt = [*before, {"role": "user", "content": prompt}]
        return [prompt, *(self._answer(record, name) for name in answers)]

    def exchange(self, record: Mapping[str, Any], *completions: str) -> list[Said]:
        """The prompt, and the answer in the first of these columns that is there; of messages that end with the
        assistant, that last one is the answer."""
        messages = record.get(self.messages)
        if record.get(self.prompt) is None and messages is not None:
            ended = isinstance(messages, list) and bool(messages) and isinstance(messages[-1], Mapping)
            if ended and messages[-1].get("role") == "assistant":
                turns = checked(messages, f"column {self.messages!r}", Rules(parts=self.parts))
                return [turns[:-1], turns[-1:]]
        column = next((name for name in completions if record.get(name) is not None), None)
        if column is None:
            raise ColumnError(f"neither {' nor '.join(map(repr, completions))} is there")
        return self.said(record, column)

    def example(
        self, record: Mapping[str, Any], keys: Sequence[str], said: Sequence[Said], **more: Any
    ) -> dict[str, Any]:
        """The example, with the definitions of tools that there are."""
        lists = [turns for turns in said if isinstance(turns, list)]
        made = {key: as_objects(one) if isinstance(one, list) else one for key, one in zip(keys, said, strict=True)}
        return with_some({**made, **more}, tools=definitions(record, self.tools, *lists))

    def read(self, example: Mapping[str, Any], keys: Sequence[str], more: Sequence[str] = ()) -> list[Said]:
        """The prompt and the answers of an example, checked."""
        only(example, [*keys, *more], ["tools"])
        kinds = {isinstance(example[key], str) for key in keys}
        if len(kinds) > 1 or (self.lists and True in kinds):
            named = f"{', '.join(keys[:-1])} and {keys[-1]}"
            raise RecordError(f"{named} must all be texts, or all lists of messages", reason="not text")
        if True in kinds:
            if example.get("tools") is not None:
                raise RecordError("tools have no place beside texts: write messages", reason="tools")
            return [filled(example, key) for key in keys]
        rules = [Rules(ends="user", objects=True), *[Rules(starts="assistant", objects=True)] * (len(keys) - 1)]
        return [checked(example[key], repr(key), rule) for key, rule in zip(keys, rules, strict=True)]

    def defined(self, example: Mapping[str, Any], said: Sequence[Said]) -> dict[str, Any]:
        """The column of the definitions of tools, where an example has them."""
        lists = [turns for turns in said if isinstance(turns, list)]
        return with_some({}, **{self.tools: definitions(example, "tools", *lists)})

    def _asked(self, record: Mapping[str, Any]) -> tuple[Said, list[Turn]]:
        """The prompt in the form it is there, and the system message in front of one that is text."""
        for name in (self.prompt, self.messages):
            value = record.get(name)
            if isinstance(value, str) and name == self.prompt:
                return filled(record, name), opening(record, self.system)
            if value is not None:
                return checked(value, f"column {name!r}", Rules(ends="user", parts=self.parts)), []
        if record.get(self.instruction) is None:
            raise ColumnError(f"none of {self.prompt!r}, {self.messages!r} and {self.instruction!r} is there")
        return request(record, self.instruction, self.input), opening(record, self.system)

    def _answer(self, record: Mapping[str, Any], name: str) -> list[Turn]:
        """An answer as messages."""
        if isinstance(record.get(name), list):
            return checked(record[name], f"column {name!r}", Rules(starts="assistant"))
        return [{"role": "assistant", "content": filled(record, name)}]


def unlike(chosen: Said, rejected: Said) -> None:
    """Raises `RecordError` for two answers that say the same."""
    if _stripped(chosen) == _stripped(rejected):
        raise RecordError("what was chosen and what was rejected are the same", reason="no preference")


def _stripped(answer: Said) -> list[Any]:
    if isinstance(answer, str):
        return [answer.strip()]
    return [{**turn, "content": turn["content"].strip() if turn["content"] else None} for turn in answer]
