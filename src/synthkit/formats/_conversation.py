"""Conversations as formats read them: from a column of messages, or from columns of instruction and answer."""

from collections.abc import Container, Mapping, Sequence
from typing import Any, ClassVar, Literal

from synthkit.core import IO, Format, Have
from synthkit.errors import ColumnError, PipelineError, RecordError

Turn = dict[str, str]
"""{"role": "system" | "user" | "assistant", "content": text}"""
ROLES = ("system", "user", "assistant")


class Conversation(Format):
    """A format of conversations. A record feeds it in one of two ways:

    - `messages`: a list of mappings of `role` (system, user, assistant) and `content`: perhaps a system message, then
      user and assistant in turn, the assistant last.
    - `instruction` and `output`, where there are any with `input` and `system`. The user's turn is the instruction,
      and behind a blank line the input.

    The parameters name these columns. Where a record has both, `prefers` says which one counts.
    """

    messages: str = "messages"
    instruction: str = "instruction"
    input: str = "input"
    output: str = "output"
    system: str = "system"

    prefers: ClassVar[Literal["messages", "columns"]] = "messages"

    def io(self, have: Have) -> IO:
        way = self.way(have)
        if way is None:
            missing = " and ".join(repr(name) for name in (self.instruction, self.output) if name not in have)
            raise PipelineError(
                f"it is fed by {self.messages!r}, or by {self.instruction!r} and {self.output!r}: "
                f"add {self.messages!r}, or {missing}"
            )
        there = have.sure | have.maybe
        if way == "messages":
            return IO.of(reads={self.messages: list})
        optional = [name for name in (self.input, self.system) if name in there]
        return IO.of(reads={self.instruction: str, self.output: str}, optional=optional)

    def way(self, there: Container[object]) -> Literal["messages", "columns"] | None:
        """How what is there feeds this format; None where it does not."""
        messages = self.messages in there
        columns = self.instruction in there and self.output in there
        if messages and (self.prefers == "messages" or not columns):
            return "messages"
        return "columns" if columns else None

    def turns(self, record: Mapping[str, Any]) -> list[Turn]:
        """The conversation of a record. Raises `RecordError` naming the column that is not right."""
        way = self.way({name for name in record if record[name] is not None})
        if way is None:
            raise ColumnError(f"neither {self.messages!r} nor {self.instruction!r} and {self.output!r} are there")
        if way == "messages":
            return checked(record[self.messages], f"column {self.messages!r}")
        return [
            *opening(record, self.system),
            {"role": "user", "content": request(record, self.instruction, self.input)},
            {"role": "assistant", "content": filled(record, self.output)},
        ]


def filled(record: Mapping[str, Any], column: str) -> str:
    """A text that must be there and say something."""
    value = text(record, column)
    if not value.strip():
        raise RecordError(f"column {column!r} is empty", reason="empty text")
    return value


def text(record: Mapping[str, Any], column: str) -> str:
    """A text; "" where there is none."""
    value = record.get(column)
    if value is not None and not isinstance(value, str):
        raise RecordError(f"column {column!r} is not text", reason="not text")
    return value or ""


def request(record: Mapping[str, Any], instruction: str, input: str) -> str:
    """The user's turn: the instruction, and behind a blank line the input, if there is one."""
    task, given = filled(record, instruction), text(record, input)
    return f"{task}\n\n{given}" if given.strip() else task


def opening(record: Mapping[str, Any], column: str) -> list[Turn]:
    """The system message, if there is one."""
    said = text(record, column)
    return [{"role": "system", "content": said}] if said.strip() else []


def checked(messages: Any, where: str, *, starts: str = "user", ends: str = "assistant") -> list[Turn]:
    """The messages of a conversation. Raises `RecordError`, naming `where`, for what no trainer could learn from."""
    if isinstance(messages, str | Mapping) or not isinstance(messages, Sequence):
        raise RecordError(f"{where} is not a list of messages", reason="not text")
    turns = [_turn(message, f"{where}, message {number}") for number, message in enumerate(messages, 1)]
    roles = [turn["role"] for turn in turns]
    spoken = roles[1:] if roles[:1] == ["system"] and starts == "user" else roles
    if not spoken:
        raise RecordError(f"{where} is empty", reason="empty text")
    other = {"user": "assistant", "assistant": "user"}
    for number, role in enumerate(spoken):
        expected = starts if number % 2 == 0 else other[starts]
        if role != expected:
            at = number + 1 + len(roles) - len(spoken)
            raise RecordError(f"{where}, message {at}: {role} speaks where {expected} must", reason="wrong roles")
    if roles[-1] != ends:
        raise RecordError(f"{where} ends with {roles[-1]}, not with {ends}", reason="wrong roles")
    return turns


def _turn(message: Any, where: str) -> Turn:
    if not isinstance(message, Mapping) or "role" not in message or "content" not in message:
        raise RecordError(f"{where} is no mapping of role and content", reason="not text")
    extra = sorted(set(message) - {"role", "content"})
    if extra:
        raise RecordError(f"{where} has {extra[0]!r}, which this format cannot hold", reason="unknown key")
    role, content = message["role"], message["content"]
    if role not in ROLES:
        raise RecordError(f"{where}: the role {role!r} is none of {', '.join(ROLES)}", reason="unknown role")
    if not isinstance(content, str):
        raise RecordError(f"{where}: the content is not text", reason="not text")
    if not content.strip() and role != "system":
        raise RecordError(f"{where} is empty", reason="empty text")
    return {"role": role, "content": content}


def only(example: Mapping[str, Any], needed: Sequence[str], optional: Sequence[str] = ()) -> None:
    """Raises `RecordError` for an example that lacks a key, or has one that would be lost."""
    for key in needed:
        if key not in example:
            raise RecordError(f"the example has no {key!r}", reason="missing key")
    extra = sorted(set(example) - {*needed, *optional})
    if extra:
        raise RecordError(f"the example has {extra[0]!r}, which this format cannot hold", reason="unknown key")
