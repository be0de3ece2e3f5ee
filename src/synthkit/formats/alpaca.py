"""Alpaca: {"instruction": …, "input": …, "output": …}"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from synthkit.errors import RecordError
from synthkit.formats._conversation import Conversation, filled, only, text


class Alpaca(Conversation):
    """Single exchanges as Stanford Alpaca's: `instruction`, `input` ("" where there is none), `output`; and `system`,
    where a record has that column. It decodes into these columns.

    LLaMA-Factory reads it as `formatting: alpaca` (name the column `system` there), axolotl as `type: alpaca`.
    Messages become an instruction without input, and must hold one exchange.
    """

    prefers: ClassVar[Literal["messages", "columns"]] = "columns"

    def encode(self, record: Mapping[str, Any]) -> dict[str, Any]:
        if self.way({name for name in record if record[name] is not None}) == "columns":
            task, given, answer = (
                filled(record, self.instruction),
                text(record, self.input),
                filled(record, self.output),
            )
            system = [text(record, self.system)] if record.get(self.system) is not None else []
        else:
            turns = self.turns(record)
            system = [turn["content"] for turn in turns if turn["role"] == "system"]
            if len(turns) - len(system) != 2:
                raise RecordError(
                    f"column {self.messages!r} holds more than one exchange, which alpaca cannot hold: use sharegpt",
                    reason="several exchanges",
                )
            task, given, answer = turns[-2]["content"], "", turns[-1]["content"]
        example = {"instruction": task, "input": given, "output": answer}
        return {**example, "system": system[0]} if system else example

    def decode(self, example: Mapping[str, Any]) -> dict[str, Any]:
        only(example, ("instruction", "output"), ("input", "system"))
        fields = {
            self.instruction: filled(example, "instruction"),
            self.input: text(example, "input"),
            self.output: filled(example, "output"),
        }
        return {**fields, self.system: text(example, "system")} if "system" in example else fields
