"""ChatML: {"messages": [{"role": "user", "content": …}, {"role": "assistant", "content": …}]}"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from synthkit.errors import RecordError
from synthkit.formats._conversation import Conversation, definitions, with_some
from synthkit.formats._messages import Rules, Turn, as_objects, called, checked
from synthkit.formats._texts import only

START, END = "<|im_start|>", "<|im_end|>"
TURN = re.compile(rf"{re.escape(START)}([^\n]*)\n(.*?){re.escape(END)}\n", re.DOTALL)


class ChatML(Conversation):
    """Conversations as a list of `role` and `content`, which TRL, axolotl (`type: chat_template`) and LLaMA-Factory
    (`formatting: openai`) read as they are. It decodes into `messages` and `tools`.

    Calls of tools are in `tool_calls`, and their definitions beside the messages, in `tools`. The arguments of a call
    are an object, as chat templates want them; in a record they are JSON text, and come back as compact JSON.

    text: the conversation as one text instead, {"text": "<|im_start|>user\\n…<|im_end|>\\n…"}, for trainers that apply
    no chat template. Contents that hold these marks themselves are refused, and so are tools.
    """

    text: bool = False

    def encode(self, record: Mapping[str, Any]) -> dict[str, Any]:
        turns = self.turns(record)
        tools = definitions(record, self.tools, turns)
        if self.text:
            if tools or called(turns):
                raise RecordError("tools have no place in ChatML's text: leave out text=true", reason="tools")
            return {"text": _joined(turns)}
        return with_some({"messages": as_objects(turns)}, tools=tools)

    def decode(self, example: Mapping[str, Any]) -> dict[str, Any]:
        if self.text:
            only(example, ["text"])
            return {self.messages: checked(_parted(example["text"]), "'text'")}
        only(example, ["messages"], ["tools"])
        turns = checked(example["messages"], "'messages'", Rules(objects=True))
        return with_some({self.messages: turns}, **{self.tools: definitions(example, "tools", turns)})


def _joined(turns: Sequence[Turn]) -> str:
    for turn in turns:
        if START in turn["content"] or END in turn["content"]:
            raise RecordError(
                f"a message holds {START} or {END}, which end it in ChatML's text", reason="marks in text"
            )
    return "".join(f"{START}{turn['role']}\n{turn['content']}{END}\n" for turn in turns)


def _parted(text: Any) -> Sequence[Turn]:
    turns: list[Turn] = []
    at = 0
    while isinstance(text, str) and (match := TURN.match(text, at)):
        turns.append({"role": match[1], "content": match[2]})
        at = match.end()
    if not isinstance(text, str) or at < len(text) or _joined(turns) != text:
        raise RecordError(f"'text' is not made of {START}role, a line's end, text and {END}", reason="not text")
    return turns
