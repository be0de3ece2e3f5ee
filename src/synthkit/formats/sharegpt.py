"""ShareGPT: {"conversations": [{"from": "human", "value": …}, {"from": "gpt", "value": …}]}"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from synthkit.core.values import compact
from synthkit.errors import RecordError
from synthkit.formats._conversation import Conversation, definitions, opening, with_some
from synthkit.formats._messages import Turn, as_objects, checked
from synthkit.formats._texts import only

NAMES = {"system": "system", "user": "human", "assistant": "gpt"}
ROLES = {name: role for role, name in NAMES.items()}
CALLS, ANSWERS = "function_call", "observation"


class ShareGPT(Conversation):
    """Conversations as ShareGPT's: a list of `from` (system, human, gpt) and `value`. It decodes into `messages` and
    `tools`.

    LLaMA-Factory reads it as `formatting: sharegpt`; axolotl as `type: chat_template` with `field_messages:
    conversations` and the properties `role: from`, `content: value`. A `system` beside the conversations, which
    LLaMA-Factory reads too, is read as their first message.

    Tools are as LLaMA-Factory has them: a turn of `function_call` holds {"name", "arguments"} as JSON, a list of them
    where several are called at once; one of `observation` what the tool answered, a JSON list of texts where there
    were several; the definitions are JSON text in `tools` (name that column in dataset_info.json). Ids of calls have no
    place in it: read back, calls are named call_1, call_2 and so on. Nor has text beside calls, which is refused.
    """

    def encode(self, record: Mapping[str, Any]) -> dict[str, Any]:
        turns = self.turns(record)
        tools = definitions(record, self.tools, turns)
        return with_some({"conversations": list(_said(turns))}, tools=None if tools is None else compact(tools))

    def decode(self, example: Mapping[str, Any]) -> dict[str, Any]:
        only(example, ["conversations"], ["system", "tools"])
        said = example["conversations"]
        if not isinstance(said, list):
            raise RecordError("'conversations' is not a list of messages", reason="not text")
        turns = checked([*opening(example, "system"), *_turns(said)], "'conversations'")
        tools = _json(example["tools"], "'tools'") if example.get("tools") else None
        return with_some({self.messages: turns}, **{self.tools: definitions({"tools": tools}, "tools", turns)})


def _said(turns: Sequence[Turn]) -> Iterator[dict[str, str]]:
    """The turns by ShareGPT's names; the answers to several calls are one turn, in the order of the calls."""
    waiting: list[str] = []
    answers: dict[str, str] = {}
    for turn in as_objects(turns):
        if turn["role"] == "tool":
            answers[turn["tool_call_id"]] = turn["content"]
            if len(answers) == len(waiting):
                said = [answers[id] for id in waiting]
                yield {"from": ANSWERS, "value": said[0] if len(said) == 1 else compact(said)}
        elif "tool_calls" in turn:
            if turn["content"] is not None:
                raise RecordError(
                    "a message holds text beside calls of tools, for which ShareGPT has no place: use chatml",
                    reason="text beside calls",
                )
            calls = [call["function"] for call in turn["tool_calls"]]
            waiting, answers = [call["id"] for call in turn["tool_calls"]], {}
            yield {"from": CALLS, "value": compact(calls[0] if len(calls) == 1 else calls)}
        else:
            yield {"from": NAMES[turn["role"]], "value": turn["content"]}


def _turns(said: Sequence[Any]) -> Iterator[Any]:
    """The messages by our names; the rest is for `checked` to complain of."""
    made, waiting = 0, list[str]()
    for one in said:
        if not isinstance(one, Mapping):
            raise RecordError("'conversations' holds something that is no mapping of from and value", reason="not text")
        only(one, ["from", "value"])
        name, value = one["from"], one["value"]
        if name == CALLS:
            calls = _calls(value)
            waiting = [f"call_{made + number}" for number in range(1, len(calls) + 1)]
            made += len(calls)
            yield {
                "role": "assistant",
                "content": None,
                "tool_calls": [_call(id, call) for id, call in zip(waiting, calls, strict=True)],
            }
        elif name == ANSWERS:
            for id, answer in zip(waiting, _answers(value, len(waiting)), strict=True):
                yield {"role": "tool", "content": answer, "tool_call_id": id}
        elif isinstance(name, str) and name in ROLES:
            yield {"role": ROLES[name], "content": value}
        else:
            known = ", ".join([*ROLES, CALLS, ANSWERS])
            raise RecordError(f"'from' is {name!r}, none of {known}", reason="unknown role")


def _calls(value: Any) -> list[Mapping[str, Any]]:
    calls = _json(value, CALLS)
    calls = calls if isinstance(calls, list) else [calls]
    for call in calls:
        if not isinstance(call, Mapping) or set(call) != {"name", "arguments"}:
            raise RecordError(f"a {CALLS} holds no {{'name', 'arguments'}}", reason="wrong call")
    return calls


def _call(id: str, call: Mapping[str, Any]) -> dict[str, Any]:
    function = {"name": call["name"], "arguments": compact(call["arguments"])}
    return {"id": id, "type": "function", "function": function}


def _answers(value: Any, calls: int) -> list[Any]:
    if calls == 0:
        raise RecordError(f"an {ANSWERS} answers no {CALLS}", reason="wrong roles")
    if calls == 1:
        return [value]
    answers = _json(value, ANSWERS)
    if not isinstance(answers, list) or len(answers) != calls:
        raise RecordError(
            f"an {ANSWERS} is no JSON list of the {calls} answers to the calls before it", reason="wrong call"
        )
    return answers


def _json(value: Any, where: str) -> Any:
    try:
        made = json.loads(value)
        compact(made)
    except (ValueError, TypeError, RecursionError):
        raise RecordError(f"{where} holds no JSON text: {str(value)[:60]!r}", reason="not text") from None
    return made
