"""DPO: {"prompt": …, "chosen": …, "rejected": …}"""

from collections.abc import Mapping
from typing import Any

from synthkit.core import IO, Have
from synthkit.formats._prompted import Prompted, unlike

KEYS = ("prompt", "chosen", "rejected")


class DPO(Prompted):
    """Preferences: a prompt, the answer that was chosen and the one that was rejected, as TRL's trainers read them.

    It decodes into `prompt`, `chosen`, `rejected` and `tools`. An answer that is empty, and a pair that says the same,
    are refused.

    prompt, chosen, rejected, messages, instruction, input, system, tools: the names of these columns. conversational:
    true for messages even where all are texts.
    """

    chosen: str = "chosen"
    rejected: str = "rejected"

    def io(self, have: Have) -> IO:
        return self.reading(have, (self.chosen, self.rejected))

    def encode(self, record: Mapping[str, Any]) -> dict[str, Any]:
        said = self.said(record, self.chosen, self.rejected)
        unlike(*said[1:])
        return self.example(record, KEYS, said)

    def decode(self, example: Mapping[str, Any]) -> dict[str, Any]:
        said = self.read(example, KEYS)
        unlike(*said[1:])
        columns = dict(zip((self.prompt, self.chosen, self.rejected), said, strict=True))
        return {**columns, **self.defined(example, said)}
