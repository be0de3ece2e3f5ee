"""A question as a step asks it, before a service makes a request of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

from synthkit.core.answer import Message, Messages, OnLength, Schema, Tool
from synthkit.errors import RecordError

ON_LENGTH = get_args(OnLength)


@dataclass(frozen=True)
class Question:
    """What `ctx.ask` was given: see there."""

    messages: Messages = ()
    answer: Schema | None = None
    repairs: int = 2
    wishes: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    tools: Sequence[Tool] = ()
    tool_choice: str = "auto"
    on_length: OnLength = "fail"

    def __post_init__(self) -> None:
        if self.on_length not in ON_LENGTH:
            raise RecordError(f"on_length is {self.on_length!r}: give fail, keep or more")

    def conversation(self) -> list[Message]:
        """The messages in full: a text alone is one user message. Raises `RecordError` for what is no conversation."""
        if isinstance(self.messages, str):
            return [{"role": "user", "content": self.messages}]
        messages = list(self.messages)
        if not messages:
            raise RecordError("there is no message to ask a model with: give one", reason="messages")
        for message in messages:
            if not isinstance(message, Mapping) or not isinstance(message.get("role"), str):
                raise RecordError(
                    f"{str(message)[:100]} is no message: write {{'role': 'user', 'content': …}}", reason="messages"
                )
        return [dict(message) for message in messages]
