"""What the answers of a step usually take, from which the cost of new ones is guessed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from synthkit.core.answer import Usage
from synthkit.core.values import canonical
from synthkit.engine.asked import Asked, step_of
from synthkit.models.journal import Entry
from synthkit.models.journal.replies import Replies, request_of
from synthkit.models.journal.store import Store
from synthkit.models.project import Project
from synthkit.models.service import Services
from synthkit.plugins import registry

USAGES = 100
"""Answers of a step that are looked at."""
WORDS = 4
"""Bytes of a request for a token, where no answer of the step says better."""


class Answers:
    """The journal of a project, for requests and their usual cost."""

    def __init__(self, project: Project) -> None:
        self.replies = Replies(project, registry().provider)
        self._journal = Store(project.journal, read_only=True)
        self._services = Services(project, registry().provider)

    def close(self) -> None:
        self._journal.close()

    def entry(self, key: bytes) -> Entry | None:
        return self._journal.get(key)

    def price(self, ref: str, usage: Usage) -> Decimal | None:
        """Dollars for one call of a model, as the pipeline names it."""
        return self._services[ref].cost(usage)


@dataclass
class Usual:
    """What the answers of a step usually take: tokens of input for a byte of request, tokens of output, dollars."""

    rate: float = 1 / WORDS
    output: float = 0.0
    cost: Decimal | None = None


class Usuals:
    """What the answers of each step of a run took, on average."""

    def __init__(self, asked: Asked, answers: Answers) -> None:
        self._answers = answers
        self._keys: dict[str, list[bytes]] = {}
        for (step, _), askings in asked.places.items():
            keys = self._keys.setdefault(step_of(step), [])
            keys += [asking.key for asking in askings if len(keys) < USAGES]
        self._known: dict[str, Usual] = {}

    def __call__(self, step: str) -> Usual:
        if step not in self._known:
            self._known[step] = self._of(self._keys.get(step, []))
        return self._known[step]

    def _of(self, keys: Sequence[bytes]) -> Usual:
        size, total, number = 0, Usage(), 0
        cost: Decimal | None = Decimal(0)
        for entry in filter(None, map(self._answers.entry, keys)):
            reply = self._answers.replies.of(entry)
            if reply is None:
                continue
            number += 1
            size += size_of(request_of(entry))
            total += reply.usage
            one = self._answers.replies.cost(entry, reply.usage)
            cost = None if cost is None or one is None else cost + one
        if not number:
            return Usual()
        return Usual(
            total.input / max(size, 1) or 1 / WORDS, total.output / number, None if cost is None else cost / number
        )


def size_of(form: Mapping[str, Any]) -> int:
    """Bytes of a request."""
    return len(canonical(form).encode("utf-8", "surrogatepass"))
