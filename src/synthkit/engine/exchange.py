"""Questions and answers as people look at them: read back from the journal, with what they cost."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from synthkit.core.answer import Reply, Usage
from synthkit.core.provider import Endpoint, Provider
from synthkit.engine.trail import Mark
from synthkit.errors import JournalError, SynthkitError
from synthkit.models.journal import Entry
from synthkit.models.journal.store import Store
from synthkit.models.project import Project
from synthkit.models.service import Services
from synthkit.models.vectors import reply_of, said
from synthkit.plugins import registry


@dataclass(frozen=True)
class Exchange:
    """One request and its answer.

    model: as the pipeline names it. request: as it was sent, in `Request.form`; empty where only the key is known.
    reply: None where there is no answer, and then `problem` says why. cost: dollars, None where the price is not known.
    how: what the request has to do with the one before it: "repair" (its answer did not fit, and went back with the
    error), "room" (it was cut off), or nothing. elsewhere: another run had asked, or another record that shares it.
    """

    key: str
    path: str = ""
    model: str = ""
    request: Mapping[str, Any] = field(default_factory=dict)
    reply: Reply | None = None
    cost: float | None = None
    how: str = ""
    elsewhere: bool = False
    problem: str = ""

    @property
    def messages(self) -> Sequence[Mapping[str, Any]]:
        """The conversation, as far as the request has one; or the text that was embedded."""
        return said(self.request)

    def form(self) -> dict[str, Any]:
        """As JSON."""
        reply = {**asdict(self.reply), "usage": self.reply.usage._asdict()} if self.reply else None
        return {**asdict(replace(self, reply=None)), "reply": reply}


class Answers:
    """The answers of a run in the journal of its project, opened for reading. problem: why none can be read, or what is
    wrong with the journal's files."""

    def __init__(self, project: Project, state: Mapping[str, Any]) -> None:
        self.folder = project.journal
        self._run = state["run"]
        self._services = Services(project, registry().provider, at=datetime.fromisoformat(state["began"]).date())
        self._parsers: dict[str, Provider] = {}
        self._journal: Store | None = None
        self.problem = "" if self.folder.is_dir() else f"there is no journal in {self.folder}, so answers are missing"
        try:
            self._journal = Store(self.folder, read_only=True)
        except JournalError as error:
            self.problem = str(error)

    def close(self) -> None:
        """Lets go of the journal's files."""
        if self._journal is not None:
            self._journal.close()

    def of(self, mark: Mark) -> list[Exchange]:
        """What a step asked for a record, in order; behind that, in a preview, what got no answer."""
        found: list[Exchange] = []
        for key in mark.keys:
            found.append(self._exchange(key, mark, found[-1] if found else None))
        for form in mark.unanswered:
            found.append(Exchange("", mark.step, str(form.get("model", "")), form, problem="it got no answer"))
        return found

    def _exchange(self, key: str, mark: Mark, before: Exchange | None) -> Exchange:
        entry = self._journal.get(bytes.fromhex(key)) if self._journal else None
        if entry is None:
            return Exchange(key, mark.step, problem="this answer is not in the journal")
        data = entry.data
        request = data["request"] if isinstance(data.get("request"), dict) else {}
        reply, problem = self._reply(entry, request)
        made = Exchange(
            key, str(data.get("path", "")), str(data.get("model", "")), request, reply,
            self._cost(str(data.get("model", "")), reply), problem=problem,
            elsewhere=data.get("run") != self._run or data.get("record") != mark.record,
        )  # fmt: skip
        return replace(made, how=_how(before, made))

    def _reply(self, entry: Entry, request: Mapping[str, Any]) -> tuple[Reply | None, str]:
        name = str(request.get("provider", ""))
        try:
            if name not in self._parsers:
                self._parsers[name] = registry().provider(name)(Endpoint())
            return reply_of(self._parsers[name], entry.data), ""
        except SynthkitError as error:
            return None, f"its body cannot be read: {error}"

    def _cost(self, model: str, reply: Reply | None) -> float | None:
        if reply is None:
            return None
        try:
            cost = self._services[model].cost(reply.usage)
        except SynthkitError:  # the model is not in synthkit.toml any more
            return None
        return None if cost is None else float(cost)


def _how(before: Exchange | None, now: Exchange) -> str:
    if before is None or not before.messages or now.path != before.path:
        return ""
    old, new = list(before.messages), list(now.messages)
    if new == old:
        limits = [exchange.request.get("options", {}).get("max_tokens", 0) for exchange in (before, now)]
        return "room" if before.reply and before.reply.finish == "length" and limits[1] > limits[0] else ""
    more = new[len(old) :] if new[: len(old)] == old else []
    return "repair" if more and more[0].get("role") == "assistant" else ""


@dataclass(frozen=True)
class Bill:
    """What exchanges took together. unpriced: answers without a known price; cost: dollars of the others."""

    answers: int = 0
    usage: Usage = field(default_factory=Usage)
    cost: float = 0.0
    unpriced: int = 0
    elsewhere: int = 0


def bill(exchanges: Sequence[Exchange] | Iterator[Exchange]) -> Bill:
    """The sum of exchanges."""
    total = Bill()
    for one in exchanges:
        if one.reply is not None:
            total = Bill(
                total.answers + 1,
                total.usage + one.reply.usage,
                total.cost + (one.cost or 0),
                total.unpriced + (one.cost is None),
                total.elsewhere + one.elsewhere,
            )
    return total
