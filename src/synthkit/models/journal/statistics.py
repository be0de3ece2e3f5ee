"""What a journal holds, in numbers: by model and by run."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from synthkit.core.answer import Usage
from synthkit.models.journal.entry import Entry
from synthkit.models.journal.replies import Replies, model_of
from synthkit.models.journal.store import Store


@dataclass(slots=True)
class Used:
    """Answers and attempts of a model or a run, their tokens and their dollars. unpriced: those whose price or usage
    is not known; unread: those that could not be read."""

    answers: int = 0
    attempts: int = 0
    unread: int = 0
    unpriced: int = 0
    usage: Usage = field(default_factory=Usage)
    cost: Decimal = field(default_factory=Decimal)

    def add(self, kind: str, usage: Usage | None, cost: Decimal | None) -> None:
        self.answers += kind == "answer"
        self.attempts += kind != "answer"
        self.unread += usage is None
        if usage is not None:
            self.usage += usage
            self.unpriced += cost is None
            self.cost += cost or 0


@dataclass(slots=True)
class Statistics:
    """size: bytes on disk, the sidecars included. models: by provider, name and endpoint, in the order of their first
    answer, as are runs, by their ids. asked: the models of each run, as its pipeline names them, in that order too.
    absent: entries of providers that are not installed, by name."""

    size: int
    segments: int
    total: Used = field(default_factory=Used)
    models: dict[tuple[str, str, str], Used] = field(default_factory=dict)
    runs: dict[str, Used] = field(default_factory=dict)
    asked: dict[str, dict[str, None]] = field(default_factory=dict)
    absent: Mapping[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


Watch = Callable[[int, int], None]
"""Is told how many entries are done, and how many answers there are."""


def statistics(folder: Path, replies: Replies, watch: Watch = lambda done, of: None) -> Statistics:
    """Reads the whole journal, one block in memory at a time, and changes nothing; runs may go on meanwhile.

    Raises `JournalError` for a journal that cannot be read.
    """
    store = Store(folder, read_only=True)
    try:
        found = Statistics(*_measured(store))
        answers = len(store.index)
        for number, entry in enumerate(store.scan()):
            _count(found, entry, replies)
            if number % 1000 == 0:
                watch(number, answers)
        found.absent = dict(sorted(replies.absent.items()))
        found.problems = store.problems
        return found
    finally:
        store.close()


def _measured(store: Store) -> tuple[int, int]:
    """Bytes and segments."""
    numbers = store.folder.numbers(store.note)
    places = (place(number) for place in (store.folder.segment, store.folder.sidecar) for number in numbers)
    return sum(_sizes(places)), len(numbers)


def _sizes(paths: Iterator[Path]) -> Iterator[int]:
    for path in paths:
        try:
            yield path.stat().st_size
        except FileNotFoundError:
            continue


def _count(found: Statistics, entry: Entry, replies: Replies) -> None:
    usage = replies.usage(entry)
    cost = None if usage is None else replies.cost(entry, usage)
    model = model_of(entry)
    run = str(entry.data.get("run", ""))
    found.asked.setdefault(run, {})[model.ref] = None
    for used in (
        found.total,
        found.models.setdefault((model.provider, model.name, model.endpoint), Used()),
        found.runs.setdefault(run, Used()),
    ):
        used.add(entry.kind, usage, cost)
