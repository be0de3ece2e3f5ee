"""Questions and answers in words: what was asked, what came back, what it cost."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from synthkit.cli.text import count, cut, money, plain, several
from synthkit.models.nulls import followed
from synthkit.models.structured import WRAP

if TYPE_CHECKING:
    from synthkit.engine.exchange import Bill, Exchange

NAMES = 48
"""Columns for the names of a schema's fields."""
FINISHES = {
    "length": "cut off at the limit of tokens",
    "context": "cut off at the end of the context",
    "content_filter": "stopped by the content filter",
    "pause": "paused by the service",
}


def facts(one: "Exchange", step: str) -> str:
    """Model, options, tokens and cost of an exchange in a line."""
    parts = [plain(one.model)] if one.model else []
    if one.path != step and one.path.startswith(f"{step}/"):
        parts.insert(0, plain(one.path.removeprefix(f"{step}/")))
    options = one.request.get("options")
    if isinstance(options, Mapping):
        parts += [plain(f"{name} {_brief(value)}") for name, value in options.items()]
    if isinstance(schema := one.request.get("schema"), Mapping):
        parts.append(_schema(schema))
    if isinstance(tools := one.request.get("tools"), list):
        parts.append(several(len(tools), "tool"))
    if one.reply is not None:
        parts.append(spent_on(one))
    if one.elsewhere and one.reply is not None:
        parts.append("from the journal")
    return ", ".join(parts)


def _schema(schema: Mapping[str, Any]) -> str:
    """A JSON schema in short: the names of its fields, as far as they fit."""
    fields = followed(schema, schema).get("properties", {})
    if list(fields) == [WRAP]:  # what is no object is sent inside one
        inner = followed(fields[WRAP], schema)
        items = inner.get("items")
        fields = (followed(items, schema) if isinstance(items, Mapping) else inner).get("properties", fields)
    return f"JSON ({cut(', '.join(map(plain, fields)), NAMES)})" if fields else "a JSON schema"


def spent_on(one: "Exchange") -> str:
    """Tokens and cost of one answer."""
    assert one.reply is not None
    usage = one.reply.usage
    tokens = f"{count(usage.input)} tokens in, {count(usage.output)} out"
    return f"{tokens}, {'cost unknown' if one.cost is None else money(one.cost) if one.cost else 'free'}"


def _brief(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)[:60]


def answer(one: "Exchange") -> list[tuple[str, str]]:
    """What came back, by what it is."""
    reply = one.reply
    if reply is None:
        return [("no answer", one.problem)]
    said = [("thinks", reply.reasoning)] if reply.reasoning else []
    if reply.refusal:
        said.append(("refuses", reply.refusal))
    if reply.text or not (reply.refusal or reply.tool_calls):
        said.append(("answer", reply.text or "(nothing)"))
    said += [("calls", f"{call.name}({_brief(call.arguments)})") for call in reply.tool_calls]
    said += [(f"answer {number}", text) for number, text in enumerate(reply.others, 2)]
    if reply.finish in FINISHES:
        said.append(("ended", FINISHES[reply.finish]))
    return said


def content(message: Mapping[str, Any]) -> str:
    """The content of a message as text: what is no text is named."""
    content = message.get("content")
    parts = [content] if isinstance(content, str) else content if isinstance(content, list) else []
    said = [part if isinstance(part, str) else _part(part) for part in parts]
    calls = message.get("tool_calls")
    for call in calls if isinstance(calls, list) else ():
        function = call.get("function") if isinstance(call, Mapping) else None
        if isinstance(function, Mapping):
            said.append(f"calls {function.get('name')}({_brief(function.get('arguments'))})")
    return "\n".join(said)


def _part(part: Any) -> str:
    if not isinstance(part, Mapping):
        return _brief(part)
    if isinstance(part.get("text"), str):
        return str(part["text"])
    source = part.get("image_url")
    url = source.get("url") if isinstance(source, Mapping) else source
    if isinstance(url, str):
        return f"(image: {url if len(url) < 200 else f'{url[:30]}… of {len(url):,} characters'})"
    return f"({part.get('type', 'something')})"


def bill_facts(sum: "Bill") -> list[tuple[str, str]]:
    """What answers took together, named; nothing where no model was asked."""
    if not sum.answers:
        return []
    journal = f", {count(sum.elsewhere)} of them from the journal" if sum.elsewhere else ""
    cost = money(sum.cost)
    if sum.unpriced:
        least = f"at least {cost}; " if sum.cost else ""
        cost = f"{least}unknown for {several(sum.unpriced, 'answer')}, whose price is not known"
    tokens = f"{count(sum.usage.input)} in, {count(sum.usage.output)} out"
    return [("answers", f"{count(sum.answers)}{journal}"), ("tokens", tokens), ("cost", cost)]
