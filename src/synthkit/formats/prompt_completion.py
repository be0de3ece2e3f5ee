"""Prompt and completion: {"prompt": …, "completion": …}"""

from collections.abc import Mapping
from typing import Any

from synthkit.core import IO, Have
from synthkit.formats._prompted import Prompted

KEYS = ("prompt", "completion")


class PromptCompletion(Prompted):
    """A prompt and its completion, of which TRL's SFT trainer learns the completion alone.

    The completion is the column `completion`, else `output`, else the last of `messages` that end with the assistant.
    In the standard form a trainer puts the two texts together as they are, with no template and no space between them:
    models for chat want conversational=true. It decodes into `prompt`, `completion` and `tools`.

    prompt, completion, output, messages, instruction, input, system, tools: the names of these columns. conversational:
    true for messages even where all are texts.
    """

    completion: str = "completion"
    output: str = "output"

    def io(self, have: Have) -> IO:
        return self.exchanged(have, (self.completion, self.output))

    def encode(self, record: Mapping[str, Any]) -> dict[str, Any]:
        return self.example(record, KEYS, self.exchange(record, self.completion, self.output))

    def decode(self, example: Mapping[str, Any]) -> dict[str, Any]:
        said = self.read(example, KEYS)
        return {self.prompt: said[0], self.completion: said[1], **self.defined(example, said)}
