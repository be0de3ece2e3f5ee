"""What happened to records, as people read it: prompts and answers, what was written, verdicts."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from synthkit.cli import screen
from synthkit.cli.exchange import answer, content, facts
from synthkit.cli.records import LONGEST_NAME
from synthkit.cli.table import GAP, Line, line
from synthkit.cli.text import LEFT_OUT, brief, cut, paragraphs, plain, several, shown, width_of, wrapped

if TYPE_CHECKING:
    from synthkit.engine.exchange import Exchange
    from synthkit.engine.story import Act, Story

WIDE = 110
"""Columns from which on a prompt and its answer stand side by side."""
MOST = 12
"""Lines of a text that are shown; the rest is counted."""
FEW = 4
"""Lines of a column."""
ROLE = 9
AGAIN = {"repair": "its answer did not fit, so it was asked again:", "room": "asked again with more room"}
COLOURS = {"dropped": "yellow", "failed": "red"}


class Page:
    """How stories are shown: on a screen of this width, with long texts cut unless they are wanted in full."""

    def __init__(self, width: int, *, full: bool = False) -> None:
        self.width, self.full = width, full
        self.wide = width >= WIDE and screen.looked_at()
        self.cut = False
        """Whether a text was cut so far."""
        self.named = False
        """Whether a JSON schema was shown by the names of its fields alone."""

    def hint(self) -> list[tuple[str, str]]:
        """How to see what was left out."""
        left = ["of JSON schemas only fields are named"] if self.named else []
        left += ["long texts are cut"] if self.cut else []
        return [("note", f"{', and '.join(left)}: --full shows them whole")] if left else []

    def acts(self, story: "Story") -> Iterator[Sequence[Line]]:
        """A block of lines for each step that a record went through."""
        before: Act | None = None
        for act in story.acts:
            if before is not None and before.end == "failed":
                yield [line(f"tried again in round {(act.round or 0) + 1}", "yellow")]
            before = act
            yield from self.act(act)

    def title(self, name: str, said: str, end: str = "", style: str = "") -> Line:
        """The line above a record."""
        room = self.width - 3 - (len(end) + 2 if end else 0)
        name = cut(f"record {name}", max(room, 10))
        said = f"  {cut(said, max(room - width_of(name) - 7, 0))}  "
        rule = "─" if _draws() else "-"
        left = rule * max(room - width_of(name) - width_of(said), 0)
        return [
            (rule * 2 + " ", "dim"),
            (name, "bold"),
            (said, "dim"),
            (left, "dim"),
            (GAP if end else "", ""),
            (end, style),
        ]

    def act(self, act: "Act") -> Iterator[Sequence[Line]]:
        """What a step did: what it asked, what the parts inside it did, and what came of it."""
        inner = [block for _, acts in act.inner for one in acts for block in self.act(one)]
        told = self._said(act)
        first = _first(told, ROLE if act.asked else 0)  # what is said of a step stands beneath what it asked
        asked = list(self._asked(act, first))
        if not inner:
            yield [self._title(act), *asked, *self._told(act, told, first)]
            return
        if asked:
            yield [line(plain(act.step), "bold"), *asked]
        yield from inner
        yield [self._title(act), *self._told(act, told, first)]

    def columns(self, fields: Mapping[str, Any], least: int = 0) -> Iterator[Line]:
        """The columns of a record: text with its line breaks, all else as JSON. least: that of the names' width."""
        first = _first(fields, least)
        for name, value in fields.items():
            label = cut(plain(name), first)
            for part in self._lines(self._value(value), self.width - first - 2 * len(GAP), FEW):
                yield [(GAP + label + " " * (first - width_of(label)) + GAP, "dim"), (part, "")]
                label = ""

    def _value(self, value: Any) -> str:
        """A column's value as text; a vector in short, unless all is wanted."""
        said = shown(value) if self.full else brief(value)
        self.cut = self.cut or len(said) < len(shown(value))
        return said

    def _title(self, act: "Act") -> Line:
        end, style = _outcome(act)
        step = cut(plain(act.step), max(self.width - width_of(end) - 2, 16), middle=True)
        return [(step, "bold"), (GAP if end else "", ""), (cut(end, max(self.width - width_of(step) - 2, 20)), style)]

    def _said(self, act: "Act") -> Mapping[str, Any]:
        """The message of a verdict, and the columns that are not the answer itself."""
        said: dict[str, Any] = {"message": act.message} if act.message else {}
        if act.score is not None and act.end in ("dropped", "failed"):
            said["score"] = act.score
        answers = [one.reply.text for one in act.exchanges() if one.reply is not None]
        return said | {name: value for name, value in act.wrote.items() if not _told_by(answers, name, value)}

    def _told(self, act: "Act", said: Mapping[str, Any], first: int) -> Iterator[Line]:
        yield from self.columns(said, first)
        for text in act.retries:
            yield from self._labelled("retry", text, "dim", first)

    def _asked(self, act: "Act", first: int) -> Iterator[Line]:
        for number, exchange in enumerate(act.asked):
            if number:
                yield line("")
            yield from self.exchange(exchange, act.step, act.asked[number - 1] if number else None, first)

    def exchange(self, one: "Exchange", step: str, before: "Exchange | None", first: int = ROLE) -> Iterator[Line]:
        """A request as it was sent, and its answer: side by side where there is room. first: the roles' width."""
        head = facts(one, step)
        if head:
            yield from ([(GAP, ""), (text, "dim")] for text in wrapped(head, self.width - 2))
        new = one.messages
        if one.how and before is not None:
            new = new[len(before.messages) :] if one.how == "repair" else ()
            yield [(GAP, ""), (AGAIN[one.how], "yellow")]
            new = [message for message in new if message.get("role") != "assistant"]
        prompt = [(str(message.get("role", "?")), content(message)) for message in new]
        self.named = self.named or bool(one.request.get("schema") and not self.full)
        if self.full and one.request.get("schema"):
            prompt.append(("schema", json.dumps(one.request["schema"], ensure_ascii=False, indent=2)))
        if not self.wide:
            for role, text in prompt:
                yield from self._labelled(role, text, "dim", first)
            for role, text in answer(one):
                yield from self._labelled(role, text, _style(role), first)
            return
        yield from self._beside(prompt, answer(one))

    def _beside(self, prompt: Sequence[tuple[str, str]], answer: Sequence[tuple[str, str]]) -> Iterator[Line]:
        room = (self.width - 3 * len(GAP) - 1) // 2
        left = [piece for role, text in prompt for piece in self._text(role, text, room, "dim")]
        right = [piece for role, text in answer for piece in self._text(role, text, room, _style(role))]
        bar = "│" if _draws() else "|"
        for number in range(max(len(left), len(right))):
            said = left[number] if number < len(left) else ("", "", "")
            heard = right[number] if number < len(right) else ("", "", "")
            space = " " * (room - width_of(said[0]) - width_of(said[1]))
            yield [
                (GAP, ""), (said[0], said[2]), (said[1] + space, ""), (f" {bar} ", "dim"), (heard[0], heard[2]),
                (heard[1], ""),
            ]  # fmt: skip

    def _labelled(self, role: str, text: str, style: str, first: int) -> Iterator[Line]:
        for label, part, colour in self._text(role, text, self.width - len(GAP), style, first):
            yield [(GAP, ""), (label, colour), (part, "")]

    def _text(self, role: str, text: str, room: int, style: str, first: int = ROLE) -> Iterator[tuple[str, str, str]]:
        """A text with its role in front: label, text and the label's style, line by line."""
        first = max(first, ROLE)
        label = cut(plain(role), first)
        for number, part in enumerate(self._lines(text, room - first - len(GAP), MOST)):
            yield (label if number == 0 else "").ljust(first) + GAP, part, style

    def _lines(self, text: str, width: int, most: int) -> list[str]:
        lines = paragraphs(text, max(width, 10), None if self.full else most)
        self.cut = self.cut or any(map(LEFT_OUT.fullmatch, lines))
        return lines


def _first(fields: Mapping[str, Any], least: int = 0) -> int:
    """The width of the names of columns."""
    return min(max(least, *(width_of(plain(name)) for name in fields), 0), LONGEST_NAME)


def _style(role: str) -> str:
    return "green" if role.startswith("answer") else "yellow"


def _draws() -> bool:
    """Whether the output takes lines that are drawn."""
    return (getattr(sys.stdout, "encoding", "") or "").lower().startswith("utf")


def _outcome(act: "Act") -> tuple[str, str]:
    """What came of a step, in words, and its colour."""
    if act.end in ("dropped", "failed"):
        return f"{act.end}: {plain(act.reason)}", COLOURS[act.end]
    if act.end == "made":
        return f"makes {several(len(act.children), 'record')}", ""
    if act.end == "grouped":
        return "becomes part of another record" if not act.children else f"becomes {act.children[0]}", "yellow"
    changes = []
    if act.columns:
        changes.append(f"writes {', '.join(map(plain, act.columns))}")
    if act.lost:
        changes.append(f"drops {', '.join(map(plain, act.lost))}")
    if changes:
        return "; ".join(changes), ""
    return ("", "") if act.asked else ("kept", "green")


def _told_by(answers: Sequence[str], name: str, value: Any) -> bool:
    """Whether an answer that is shown says a value already."""
    for text in answers:
        if isinstance(value, str) and value.strip() == text.strip():
            return True
        try:
            data = json.loads(text)
        except ValueError:
            continue
        if isinstance(data, Mapping) and name in data and data[name] == value:
            return True
    return False
