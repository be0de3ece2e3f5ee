"""What formats of conversations share: how a record feeds them."""

from collections.abc import Container, Mapping, Sequence
from typing import Any, ClassVar, Literal

from synthkit.core import IO, Format, Have
from synthkit.errors import ColumnError, PipelineError
from synthkit.formats._messages import CHAT, Rules, Turn, checked, defined
from synthkit.formats._texts import filled, request, text


class Conversation(Format):
    """A format of conversations. A record feeds it in one of two ways:

    - `messages`: a list of mappings of `role` (system, user, assistant, tool) and `content`: perhaps a system message,
      then user and assistant in turn, the assistant last. An assistant's message with `tool_calls` is followed by
      tools' messages that answer each of them, unless it is the last.
    - `instruction` and `output`, where there are any with `input` and `system`. The user's turn is the instruction,
      and behind a blank line the input.

    Either may have `tools`, the definitions of what may be called. Where a record has both, the messages count, and in
    `alpaca` the columns.

    messages, instruction, input, output, system, tools: the names of these columns.
    """

    messages: str = "messages"
    instruction: str = "instruction"
    input: str = "input"
    output: str = "output"
    system: str = "system"
    tools: str = "tools"

    prefers: ClassVar[Literal["messages", "columns"]] = "messages"
    rules: ClassVar[Rules] = CHAT

    def io(self, have: Have) -> IO:
        way = self.way(have)
        if way is None:
            missing = " and ".join(repr(name) for name in (self.instruction, self.output) if name not in have)
            raise PipelineError(
                f"it is fed by {self.messages!r}, or by {self.instruction!r} and {self.output!r}: "
                f"add {self.messages!r}, or {missing}"
            )
        there = have.sure | have.maybe
        optional = [self.tools] if self.tools in there else []
        if way == "messages":
            return IO.of(reads={self.messages: list}, optional=optional)
        optional = [*(name for name in (self.input, self.system) if name in there), *optional]
        return IO.of(reads={self.instruction: str, self.output: str}, optional=optional)

    def way(self, there: Container[object]) -> Literal["messages", "columns"] | None:
        """How what is there feeds this format; None where it does not."""
        messages = self.messages in there
        columns = self.instruction in there and self.output in there
        if messages and (self.prefers == "messages" or not columns):
            return "messages"
        return "columns" if columns else None

    def turns(self, record: Mapping[str, Any]) -> list[Turn]:
        """The conversation of a record. Raises `RecordError` naming the column that is not right."""
        way = self.way({name for name in record if record[name] is not None})
        if way is None:
            raise ColumnError(f"neither {self.messages!r} nor {self.instruction!r} and {self.output!r} are there")
        if way == "messages":
            return checked(record[self.messages], f"column {self.messages!r}", self.rules)
        return [
            *opening(record, self.system),
            {"role": "user", "content": request(record, self.instruction, self.input)},
            {"role": "assistant", "content": filled(record, self.output)},
        ]


def definitions(record: Mapping[str, Any], column: str, *conversations: Sequence[Turn]) -> list[Any] | None:
    """The definitions of tools in a column, checked against what the conversations call; None without any."""
    tools = record.get(column)
    return None if tools is None else defined(tools, f"column {column!r}", *conversations)


def opening(record: Mapping[str, Any], column: str) -> list[Turn]:
    """The system message, if there is one."""
    said = text(record, column)
    return [{"role": "system", "content": said}] if said.strip() else []


def with_some(example: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The example with those of further keys that are there."""
    return {**example, **{key: value for key, value in more.items() if value is not None}}
