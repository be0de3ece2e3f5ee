"""ShareGPT: {"conversations": [{"from": "human", "value": …}, {"from": "gpt", "value": …}]}"""

from collections.abc import Mapping
from typing import Any

from synthkit.errors import RecordError
from synthkit.formats._conversation import Conversation, checked, only

NAMES = {"system": "system", "user": "human", "assistant": "gpt"}
ROLES = {name: role for role, name in NAMES.items()}


class ShareGPT(Conversation):
    """Conversations as ShareGPT's: a list of `from` (system, human, gpt) and `value`. It decodes into `messages`.

    LLaMA-Factory reads it as `formatting: sharegpt`; axolotl as `type: chat_template` with `field_messages:
    conversations` and the properties `role: from`, `content: value`.
    """

    def encode(self, record: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "conversations": [{"from": NAMES[turn["role"]], "value": turn["content"]} for turn in self.turns(record)]
        }

    def decode(self, example: Mapping[str, Any]) -> dict[str, Any]:
        only(example, ["conversations"])
        said = example["conversations"]
        if not isinstance(said, list):
            raise RecordError("'conversations' is not a list of messages", reason="not text")
        return {self.messages: checked([_turn(one) for one in said], "'conversations'")}


def _turn(said: Any) -> dict[str, Any]:
    """A message by our names; the rest is for `checked` to complain of."""
    if not isinstance(said, Mapping):
        raise RecordError("'conversations' holds something that is no mapping of from and value", reason="not text")
    only(said, ["from", "value"])
    name = said["from"]
    if not isinstance(name, str) or name not in ROLES:
        raise RecordError(f"'from' is {name!r}, none of {', '.join(ROLES)}", reason="unknown role")
    return {"role": ROLES[name], "content": said["value"]}
