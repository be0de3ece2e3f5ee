"""What is different between two requests, field by field."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from synthkit.core.values import canonical

ROLES = {"system": "system prompt", "user": "user message", "assistant": "assistant message", "tool": "tool message"}
OWN = ("provider", "model", "messages", "options", "schema", "tools")
"""The keys of a request that are looked into; others are compared as they are."""
AROUND = 24
"""Characters that are shown around a difference."""
MOST = 5
"""Differences of a schema that are named one by one."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A field of a request, as it was and as it is; None where it was not, or is not, there."""

    field: str
    old: str | None
    new: str | None


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Difference]:
    """All that is different between two requests in `Request.form`; nothing where they are equal."""
    return [*_found(old, new)]


def _found(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Difference]:
    models = [f"{form.get('provider', '')}/{form.get('model', '')}" for form in (old, new)]
    if models[0] != models[1]:
        yield Difference("model", *models)
    yield from _messages(_list(old, "messages"), _list(new, "messages"))
    options = [_mapping(form, "options") for form in (old, new)]
    for name in dict.fromkeys([*options[0], *options[1]]):
        yield from _values(f"option {name}", options[0].get(name), options[1].get(name))
    yield from _nested("schema", old.get("schema"), new.get("schema"))
    tools = [{_name(tool): tool for tool in _list(form, "tools")} for form in (old, new)]
    for name in dict.fromkeys([*tools[0], *tools[1]]):
        yield from _nested(f"tool {name}", tools[0].get(name), tools[1].get(name))
    for name in dict.fromkeys([*old, *new]):
        if name not in OWN:
            yield from _values(name, old.get(name), new.get(name))


def _messages(old: Sequence[Any], new: Sequence[Any]) -> Iterator[Difference]:
    systems = [said[0] if said and _role(said[0]) == "system" else None for said in (old, new)]
    if systems[0] != systems[1]:
        yield from _message("system prompt", *systems)
    old, new = old[systems[0] is not None :], new[systems[1] is not None :]
    roles = [[_role(message) for message in said] for said in (old, new)]
    if roles[0] != roles[1]:
        turns = [" ".join(said) or "nothing" for said in roles]
        yield Difference("conversation", *turns)
    for number, (was, now) in enumerate(zip(old, new, strict=False)):
        role = _role(was)
        if role == _role(now) and was != now:
            place = roles[1][:number].count(role)
            name = ROLES.get(role, f"{role} message")
            yield from _message(f"{name} {place + 1}" if place else name, was, now)


def _message(field: str, old: Any, new: Any) -> Iterator[Difference]:
    texts = [None if message is None else _text(message) for message in (old, new)]
    if texts[0] != texts[1]:
        yield Difference(field, *texts)
    else:  # an image, or calls of tools
        yield Difference(field, *(None if message is None else canonical(message) for message in (old, new)))


def _text(message: Any) -> str:
    content = message.get("content") if isinstance(message, Mapping) else message
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "\n".join(part["text"] for part in parts if isinstance(part, Mapping) and isinstance(part.get("text"), str))


def _nested(field: str, old: Any, new: Any) -> Iterator[Difference]:
    """The innermost places where two JSON values are different, or the whole of them where there are many."""
    found = list(_places(field, old, new))
    if len(found) > MOST:
        yield Difference(field, _brief(old), _brief(new))
    else:
        yield from found


def _places(field: str, old: Any, new: Any) -> Iterator[Difference]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in dict.fromkeys([*old, *new]):
            yield from _places(f"{field}.{name}", old.get(name), new.get(name))
    else:
        yield from _values(field, old, new)


def _values(field: str, old: Any, new: Any) -> Iterator[Difference]:
    if canonical(old) != canonical(new):
        yield Difference(field, _brief(old), _brief(new))


def _brief(value: Any) -> str | None:
    return None if value is None else value if isinstance(value, str) else canonical(value)


def _list(form: Mapping[str, Any], name: str) -> Sequence[Any]:
    found = form.get(name)
    return found if isinstance(found, list | tuple) else []


def _mapping(form: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = form.get(name)
    return found if isinstance(found, Mapping) else {}


def _role(message: Any) -> str:
    return str(message.get("role", "?")) if isinstance(message, Mapping) else "?"


def _name(tool: Any) -> str:
    function = tool.get("function") if isinstance(tool, Mapping) else None
    return str(function.get("name", "?")) if isinstance(function, Mapping) else "?"


def around(old: str, new: str) -> tuple[str, str]:
    """Two texts from a little before their first difference to a little behind their last."""
    start = next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    most = min(len(old), len(new)) - start
    end = next((i for i in range(most) if old[-1 - i] != new[-1 - i]), most)
    first = _word(old, start - AROUND, start)
    return _between(old, first, end), _between(new, first, end)


def _word(text: str, first: int, last: int) -> int:
    """Where a word begins, from a place on."""
    if first <= 0:
        return 0
    space = text.find(" ", first, last)
    return space + 1 if space >= 0 else first


def _between(text: str, first: int, end: int) -> str:
    last = len(text) - max(end - AROUND, 0)
    return f"{'…' if first else ''}{text[first:last]}{'…' if last < len(text) else ''}"
