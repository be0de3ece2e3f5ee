"""Alpaca: {"instruction": …, "input": …, "output": …}"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from synthkit.errors import RecordError
from synthkit.formats._conversation import Conversation, with_some
from synthkit.formats._messages import called
from synthkit.formats._texts import filled, only, text


class Alpaca(Conversation):
    """Single exchanges as Stanford Alpaca's: `instruction`, `input` ("" where there is none), `output`; and `system`,
    where a record has that column. It decodes into these columns.

    LLaMA-Factory reads it as `formatting: alpaca` (name the column `system` there), axolotl as `type: alpaca`.
    Messages become an instruction without input, and must hold one exchange. Tools have no place in it.
    """

    prefers: ClassVar[Literal["messages", "columns"]] = "columns"

    def encode(self, record: Mapping[str, Any]) -> dict[str, Any]:
        turns = self.turns(record)
        if record.get(self.tools) or called(turns):
            raise RecordError("alpaca cannot hold tools: use sharegpt", reason="tools")
        if self.way({name for name in record if record[name] is not None}) == "columns":
            task, given, answer = (
                filled(record, self.instruction),
                text(record, self.input),
                filled(record, self.output),
            )
            system = text(record, self.system) if record.get(self.system) is not None else None
        else:
            system = turns[0]["content"] if turns[0]["role"] == "system" else None
            if len(turns) - (system is not None) != 2:
                raise RecordError(
                    f"column {self.messages!r} holds more than one exchange, which alpaca cannot hold: use sharegpt",
                    reason="several exchanges",
                )
            task, given, answer = turns[-2]["content"], "", turns[-1]["content"]
        return with_some({"instruction": task, "input": given, "output": answer}, system=system)

    def decode(self, example: Mapping[str, Any]) -> dict[str, Any]:
        only(example, ("instruction", "output"), ("input", "system"))
        fields = {
            self.instruction: filled(example, "instruction"),
            self.input: text(example, "input"),
            self.output: filled(example, "output"),
        }
        system = text(example, "system") if example.get("system") is not None else None
        return with_some(fields, **{self.system: system})
