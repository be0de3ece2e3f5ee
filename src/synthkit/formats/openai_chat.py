"""OpenAI's fine-tuning files for chat: {"messages": […], "tools": […], "parallel_tool_calls": true}"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from synthkit.core import IO, Have
from synthkit.errors import RecordError
from synthkit.formats._conversation import Conversation, definitions, with_some
from synthkit.formats._messages import Rules, Turn, checked
from synthkit.formats._texts import only

NAMED = dict.fromkeys(("system", "user"), ("name",))
RULES = Rules(more={**NAMED, "assistant": ("name", "weight")}, parts=True)


class OpenAIChat(Conversation):
    """Conversations as OpenAI's supervised fine-tuning reads them. It decodes into `messages`, `tools` and
    `parallel_tool_calls`.

    As in a record, arguments of calls are JSON text (in `chatml` they are objects), and contents may be lists of parts
    with texts and the user's images. Messages of the assistant may have a `weight`: 0 for those that are not learnt, 1
    for the others. OpenAI takes JSON lines only, with ten examples or more.

    parallel_tool_calls: the name of a column that says whether several tools may be called at once.
    """

    parallel_tool_calls: str = "parallel_tool_calls"

    rules: ClassVar[Rules] = RULES

    def io(self, have: Have) -> IO:
        read = super().io(have)
        there = self.parallel_tool_calls in have.sure | have.maybe
        more = [self.parallel_tool_calls] if there else []
        return IO.of(read.reads, optional=[*read.optional, *more])

    def encode(self, record: Mapping[str, Any]) -> dict[str, Any]:
        turns = weighed(self.turns(record))
        tools = definitions(record, self.tools, turns)
        return with_some({"messages": turns}, tools=tools, parallel_tool_calls=flag(record, self.parallel_tool_calls))

    def decode(self, example: Mapping[str, Any]) -> dict[str, Any]:
        only(example, ["messages"], ["tools", "parallel_tool_calls"])
        turns = weighed(checked(example["messages"], "'messages'", RULES))
        tools, parallel = definitions(example, "tools", turns), flag(example, "parallel_tool_calls")
        return with_some({self.messages: turns}, **{self.tools: tools, self.parallel_tool_calls: parallel})


def weighed(turns: Sequence[Turn]) -> list[Turn]:
    """The turns, whose weights must be 0 or 1, and which must leave something to learn."""
    weights = [turn.get("weight", 1) for turn in turns if turn["role"] == "assistant"]
    for weight in weights:
        if isinstance(weight, bool) or weight not in (0, 1):
            raise RecordError(f"a message has the weight {weight!r}: 0 or 1 it must be", reason="weight")
    if not any(weights):
        raise RecordError("all messages of the assistant have the weight 0, so nothing is learnt", reason="weight")
    return list(turns)


def flag(record: Mapping[str, Any], column: str) -> bool | None:
    """True or false, or None where a column is not there."""
    value = record.get(column)
    if value is not None and not isinstance(value, bool):
        raise RecordError(f"column {column!r} is {value!r}, neither true nor false", reason="not true or false")
    return value
