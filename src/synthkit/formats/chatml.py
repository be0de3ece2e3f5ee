"""ChatML: {"messages": [{"role": "user", "content": …}, {"role": "assistant", "content": …}]}"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from synthkit.errors import RecordError
from synthkit.formats._conversation import Conversation, Turn, checked, only

START, END = "<|im_start|>", "<|im_end|>"
TURN = re.compile(rf"{re.escape(START)}([^\n]*)\n(.*?){re.escape(END)}\n", re.DOTALL)


class ChatML(Conversation):
    """Conversations as a list of `role` and `content`, the form of OpenAI's fine-tuning files, which TRL, axolotl
    (`type: chat_template`) and LLaMA-Factory's openai format read as they are. It decodes into `messages`.

    text: the conversation as one text instead, {"text": "<|im_start|>user\\n…<|im_end|>\\n…"}, for trainers that apply
    no chat template. Contents that hold these marks themselves are refused.
    """

    text: bool = False

    def encode(self, record: Mapping[str, Any]) -> dict[str, Any]:
        turns = self.turns(record)
        return {"text": _joined(turns)} if self.text else {"messages": turns}

    def decode(self, example: Mapping[str, Any]) -> dict[str, Any]:
        key = "text" if self.text else "messages"
        only(example, [key])
        turns = _parted(example[key]) if self.text else example[key]
        return {self.messages: checked(turns, repr(key))}


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
