"""OpenAI's fine-tuning files for preferences: {"input": {"messages": […]}, "preferred_output": [{…}], …}"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from synthkit.core import IO, Have
from synthkit.errors import RecordError
from synthkit.formats._conversation import definitions, with_some
from synthkit.formats._messages import Rules, Turn, checked
from synthkit.formats._prompted import Prompted, unlike
from synthkit.formats._texts import only
from synthkit.formats.openai_chat import flag

KEYS = ("input", "preferred_output", "non_preferred_output")


class OpenAIPreference(Prompted):
    """Preferences as OpenAI's direct preference optimization reads them: the messages asked, with tools where there
    are any, and two answers of one message each.

    Texts become messages. It decodes into `prompt`, `chosen`, `rejected`, which are
    lists of messages, `tools` and `parallel_tool_calls`. OpenAI takes JSON lines only, with ten examples or more.

    prompt, chosen, rejected, messages, instruction, input, system, tools, parallel_tool_calls: the names of these
    columns. conversational: makes no difference, since all are messages here.
    """

    chosen: str = "chosen"
    rejected: str = "rejected"
    parallel_tool_calls: str = "parallel_tool_calls"

    always: ClassVar[bool] = True
    parts: ClassVar[bool] = True

    def io(self, have: Have) -> IO:
        return self.reading(have, (self.chosen, self.rejected), optional=(self.parallel_tool_calls,))

    def encode(self, record: Mapping[str, Any]) -> dict[str, Any]:
        said = self.said(record, self.chosen, self.rejected)
        prompt, *answers = [turns for turns in said if isinstance(turns, list)]
        _single(answers)
        asked = with_some(
            {"messages": prompt},
            tools=definitions(record, self.tools, prompt, *answers),
            parallel_tool_calls=flag(record, self.parallel_tool_calls),
        )
        return dict(zip(KEYS, (asked, *answers), strict=True))

    def decode(self, example: Mapping[str, Any]) -> dict[str, Any]:
        only(example, KEYS)
        asked = example["input"]
        if not isinstance(asked, Mapping):
            raise RecordError("'input' is no mapping with messages", reason="not text")
        only(asked, ["messages"], ["tools", "parallel_tool_calls"])
        prompt = checked(asked["messages"], "'input.messages'", Rules(ends="user", parts=True))
        answers = [checked(example[key], repr(key), Rules(starts="assistant")) for key in KEYS[1:]]
        _single(answers)
        columns = dict(zip((self.prompt, self.chosen, self.rejected), (prompt, *answers), strict=True))
        tools = definitions(asked, "tools", prompt, *answers)
        parallel = flag(asked, "parallel_tool_calls")
        return with_some(columns, **{self.tools: tools, self.parallel_tool_calls: parallel})


def _single(answers: Sequence[list[Turn]]) -> None:
    for answer in answers:
        if len(answer) != 1:
            raise RecordError(
                f"an answer has {len(answer)} messages, and OpenAI takes one: cut it, or use dpo",
                reason="several messages",
            )
    unlike(*answers)
