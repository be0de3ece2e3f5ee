"""The book of a run: it finds a record, and tells its story."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from synthkit.engine import ledger, parts
from synthkit.engine.exchange import Answers
from synthkit.engine.family import Family, places
from synthkit.engine.plan import Shape
from synthkit.engine.store import Store
from synthkit.engine.story import Story, Teller
from synthkit.errors import ConfigError, StoreError
from synthkit.models.project import Project

ID = re.compile(r"[0-9a-f]{1,24}")
LINE = re.compile(r'\{"_id":"([0-9a-f]+)"')
NUMBER = re.compile(r"#?([0-9]{1,6})")
"""A line of accepted.jsonl. A longer number is taken for the beginning of an id."""
SHORTEST = 4
"""Characters of an id that are looked for."""
SHOWN = 5


class Book:
    """The stories of a run, in its folder and its project's journal. Close it, or use it in a `with`."""

    def __init__(self, folder: Path, project: Project) -> None:
        self._store = Store.open(folder, write=False)
        self.shape = Shape(**self._store.state["shape"])
        self.answers = Answers(project, self._store.state)
        self._families: dict[str, Family] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.answers.close()

    def find(self, given: str) -> str:
        """The id of a record: by its id, the beginning of it, or its line in accepted.jsonl. Raises `ConfigError`."""
        number = NUMBER.fullmatch(given)
        if number and int(number[1]):
            found = next(islice(self._accepted(), int(number[1]) - 1, None), None)
            if found is not None:
                return found
        if number and (len(number[1]) < SHORTEST or given.startswith("#") or not self._ids(given)):
            count = sum(1 for _ in self._accepted())
            raise ConfigError(f"there is no accepted record {number[1]}: the run has {count:,} of them")
        if not ID.fullmatch(given) or len(given) < SHORTEST:
            raise ConfigError(
                f"{given!r} is no record: give its id or the first {SHORTEST} characters of it or more, as `show` and "
                "`rejected` name it, or its line in accepted.jsonl"
            )
        ids = self._ids(given)
        if len(ids) > 1:
            more = f" and {len(ids) - SHOWN:,} more" if len(ids) > SHOWN else ""
            raise ConfigError(f"{len(ids):,} records begin with {given}: {', '.join(sorted(ids)[:SHOWN])}{more}")
        if not ids:
            raise ConfigError(f"the run has no record {given}: `show` and `rejected` name some, with their ids")
        return next(iter(ids))

    def _ids(self, prefix: str) -> dict[str, str]:
        """The records whose ids begin so, each with the generated record that it descends from."""
        found: dict[str, str] = {}
        for _, _, place in places(self._store, self.shape):
            for entry in parts.naming(place, prefix):
                ended = [*entry.outs, *(reject.record for reject in entry.rejects)]
                source = ended[0].source if ended else found.get(entry.id, entry.id)
                for id in (entry.id, *(mark.record for mark in entry.trail)):
                    if id.startswith(prefix):
                        found.setdefault(id, source)
                for record in ended:
                    if record.id.startswith(prefix):
                        found.setdefault(record.id, record.source)
        return found

    def lineage(self, id: str) -> list[Story]:
        """A record's story, with those of its ancestors before it. Raises `StoreError` where no part holds it."""
        source = self._ids(id).get(id)
        if source is None:
            raise StoreError(
                f"no part in {self._store.folder / 'parts'} holds the record {id}: put the files back that are "
                "missing, or start a new run, which gets its answers from the journal"
            )
        family = self._family(source)
        line = family.lineage(family.inside.get(id, id))
        return [self._told(family, member) for member in line]

    def followed(self, source: str) -> bool:
        """Whether the folder holds what steps did with this record and its descendants."""
        seen = self._family(source).seen
        return not self.shape.stages[0] or any(one.entry.trail for one in seen)

    def generated(self) -> Iterator[str]:
        """The ids of the generated records, in order."""
        for round in self._store.rounds:
            if not round.get("retry"):
                for header in parts.headers(self._store.stage(round["index"], 0)):
                    yield from (id for _, id in header.entries)

    def tree(self, source: str) -> list[Story]:
        """The story of a generated record, and those of its descendants, each behind its parent."""
        family = self._family(source)
        waiting, found = [source], list[Story]()
        while waiting:
            story = self._told(family, waiting.pop(0))
            found.append(story)
            made = [child for act in story.acts for child in act.children]
            waiting[:0] = [child for child in made if child in family and child not in {s.id for s in found}]
        return found

    def _family(self, source: str) -> Family:
        if source not in self._families:
            self._families[source] = Family(self._store, self.shape, source)
        return self._families[source]

    def _told(self, family: Family, id: str) -> Story:
        teller = Teller(family, self.answers, self._retries(family), len(self.shape.stages) - 1)
        story = teller.story(id)
        if story.end != "out":
            return story
        number = next((number for number, accepted in enumerate(self._accepted(), 1) if accepted == id), None)
        return replace(story, end="surplus" if number is None else "accepted", number=number)

    def _accepted(self) -> Iterator[str]:
        """The ids of the accepted records: from their file, which is quicker, where the run has written it."""
        path = self._store.folder / ledger.ACCEPTED
        if self._store.state["status"] == "running" or not path.is_file():
            yield from (record.id for record in ledger.accepted(self._store, self.shape))
            return
        try:
            with path.open(encoding="utf-8", errors="replace") as lines:
                for number, line in enumerate(lines, 1):
                    found = LINE.match(line)
                    if found is None:
                        raise ledger.unreadable(path, number)
                    yield found[1]
        except OSError as error:
            raise StoreError(f"cannot read {path} ({error.strerror or error}): make it readable") from error

    def _retries(self, family: Family) -> dict[str, Sequence[tuple[str, str]]]:
        """What the log of events says of calls for a family that were tried again."""
        found: dict[str, list[tuple[str, str]]] = {}
        try:
            with (self._store.folder / "events.jsonl").open(encoding="utf-8", errors="replace") as lines:
                for line in lines:
                    form = _form(line) if '"kind":"retry"' in line else None
                    if form is not None and str(form.get("record")) in family:
                        said = f"try {form.get('number')} came to nothing: {form.get('message')}"
                        found.setdefault(str(form["record"]), []).append((str(form.get("path")), said))
        except OSError:  # there were none
            pass
        return {id: tuple(said) for id, said in found.items()}


def _form(line: str) -> dict[str, Any] | None:
    try:
        form = json.loads(line)
    except ValueError:  # cut off by a kill
        return None
    return form if isinstance(form, dict) else None
