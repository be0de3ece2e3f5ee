"""Entries of the journal on the screen: many in a table, or one whole."""

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from synthkit.cli.exchange import answer, content
from synthkit.cli.journal_place import named
from synthkit.cli.table import GAP, Cell, Column, Line, apart, line, pairs, table
from synthkit.cli.text import count, cut, money, paragraphs, plain, width_of
from synthkit.models import vectors
from synthkit.models.journal.replies import Replies, model_of, request_of

if TYPE_CHECKING:
    from synthkit.core.answer import Reply
    from synthkit.models.journal import Entry

KEY, RECORD = 12, 8
"""Digits of keys and of records' ids in a list."""
Hide = Callable[[str], str]
"""Takes keys out of a text."""
LOOKED = 500
"""Characters of an answer that are looked at for a line."""


def listing(entries: "Collection[Entry]", number: int, hide: Hide, replies: Replies, width: int) -> Iterator[Line]:
    """A row an entry. number: how many there are."""
    rows = [_row(entry, hide, replies, width) for entry in entries]
    several = len({row["model"] for row in rows}) > 1
    attempts = any(row["kind"] == "attempt" for row in rows)
    titles = ["key", *(["kind"] if attempts else []), *(["model"] if several else []), "path", "record", "answer"]
    others = sum(max([width_of(name), *(width_of(row[name]) for row in rows)]) + 2 for name in titles[:-1])
    room = max(width - others, 16)
    cells: list[Sequence[Cell]] = [[*(row[name] for name in titles[:-1]), cut(row["answer"], room)] for row in rows]
    yield from table([Column(name) for name in titles], cells, width)
    if number > len(rows):
        yield line("")
        yield line(f"the last {count(len(rows))} of {count(number)}: -n 0 shows all", "dim")


def _row(entry: "Entry", hide: Hide, replies: Replies, width: int) -> Mapping[str, str]:
    data = entry.data
    reply = replies.of(entry)
    said = str(data.get("body", "")) if reply is None else reply.text or reply.refusal or _calls(reply)
    return {
        "key": entry.key.hex()[:KEY],
        "kind": entry.kind,
        "model": cut(plain(model_of(entry).ref), width // 4, middle=True),
        "path": cut(plain(str(data.get("path", ""))), width // 4, middle=True),
        "record": plain(str(data.get("record", "")))[:RECORD],
        "answer": plain(" ".join(hide(said)[:LOOKED].split())),
    }


def _calls(reply: "Reply") -> str:
    return ", ".join(f"calls {call.name}" for call in reply.tool_calls)


def whole(
    entries: "Collection[Entry]", hide: Hide, replies: Replies, names: Mapping[str, str], width: int
) -> Iterator[Line]:
    """Entries with all that is known of them."""
    for number, entry in enumerate(entries):
        if number:
            yield line("")
        yield from apart(_entry(entry, hide, replies, names, width))


def _entry(
    entry: "Entry", hide: Hide, replies: Replies, names: Mapping[str, str], width: int
) -> Iterator[Sequence[Line]]:
    reply = replies.of(entry)
    yield [line(f"{entry.kind} {entry.key.hex()}", "bold"), *pairs(_facts(entry, reply, replies, names), width)]
    request = request_of(entry)
    for message in vectors.said(request):
        yield _text(str(message.get("role")), content(message), hide, width)
    for name in ("schema", "tools"):
        if request.get(name):
            yield _text(name, json.dumps(request[name], indent=2, ensure_ascii=False), hide, width)
    if reply is not None:
        for name, said in _said(reply):
            yield _text(name, said, hide, width, "green")
    body = _pretty(str(entry.data.get("body", "")))
    if "input" in request and len(body) > LOOKED:
        body = f"{body[:LOOKED]}… of {count(len(body))} characters: --json shows it whole"
        yield _text("body", body, hide, width, "dim")
    else:
        yield _text("body, as it came", body, hide, width, "dim")


def _said(reply: "Reply") -> list[tuple[str, str]]:
    from synthkit.engine.exchange import Exchange

    return answer(Exchange("", reply=reply))


def _facts(
    entry: "Entry", reply: "Reply | None", replies: Replies, names: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    data, request, model = entry.data, request_of(entry), model_of(entry)
    goes = named(model.provider, model.name, model.endpoint)
    yield "model", goes if model.ref == f"{model.provider}/{model.name}" else f"{plain(model.ref)}: {goes}"
    run = str(data.get("run", ""))
    yield "run", plain(f"{names[run]} ({run})" if run in names else run)
    yield "path", plain(str(data.get("path", "")))
    yield "record", plain(str(data.get("record", "")))
    known = {"provider", "model", "messages", "options", "schema", "tools", "endpoint", "input"}
    options = request.get("options")
    told = {**(options if isinstance(options, dict) else {}), **{k: v for k, v in request.items() if k not in known}}
    if told:
        yield "options", plain(", ".join(f"{name} {_brief(value)}" for name, value in told.items()))
    if reply is None:
        provider = plain(model.provider)
        absent = f"no plugin that is installed has the provider {provider!r}" if replies.absent else "it is no answer"
        yield "reply", f"its body could not be read: {absent}"
        return
    usage = reply.usage
    more = f", {count(usage.cached)} of them cached" if usage.cached else ""
    yield "tokens", f"{count(usage.input)} in{more}, {count(usage.output)} out"
    cost = replies.cost(entry, usage)
    yield "cost", "unknown: the model has no known price" if cost is None else money(cost) if cost else "free"
    yield "ended", plain(reply.finish)


def _brief(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _text(name: str, text: str, hide: Hide, width: int, style: str = "bold") -> list[Line]:
    lines = paragraphs(hide(text), max(width - len(GAP), 10))
    return [line(plain(name), style), *(line(f"{GAP}{part}") for part in lines)]


def _pretty(body: str) -> str:
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return body
