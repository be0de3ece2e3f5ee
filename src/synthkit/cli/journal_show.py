"""`synthkit journal show`."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from synthkit.cli.journal_place import at_option, complain_of, hiding, place, run_names
from synthkit.cli.options import debug_option

if TYPE_CHECKING:
    from synthkit.models.journal import Entry
    from synthkit.models.journal.replies import Replies

FEWEST = 4
"""Digits of a key that name it."""
WHOLE = 3
"""Entries that begin with a key and are shown whole; of more there is a list."""
MOST_NAMES = 1000


def _number(ctx: click.Context, param: click.Parameter, value: int) -> int:
    if value < 0:
        raise click.BadParameter(f"{value} is less than none: give 0 for all, or more", ctx, param)
    return value


@click.command(short_help="List entries, or show one whole.")
@click.argument("key", required=False)
@click.option("--model", metavar="NAME", help="Only of this model.")
@click.option("--run", metavar="RUN", help="Only what this run asked first: its name, folder or id.")
@click.option("--record", metavar="ID", help="Only what this record asked; the first digits will do.")
@click.option("--path", metavar="PATH", help="Only of this step, and of the steps inside it.")
@click.option("--kind", type=click.Choice(["answer", "attempt"]), help="Only of this kind.")
@click.option("--grep", metavar="PATTERN", help="Only where a message or the answer has this; a regular expression.")
@click.option("-n", type=int, default=20, metavar="N", callback=_number, help="The last N.  [default: 20; 0: all]")
@at_option
@click.option("--json", "as_json", is_flag=True, help="The entries themselves, as JSON lines.")
@debug_option
def show(key: str | None, at: str | None, n: int, as_json: bool, **given: str | None) -> int:
    """List what the journal holds, or show one entry whole: request, answer, and the body as it came.

    KEY is an entry's key, or its first digits.
    """
    from synthkit.cli import screen
    from synthkit.cli.runs import short
    from synthkit.cli.text import plain
    from synthkit.errors import ConfigError
    from synthkit.models.journal.replies import Replies
    from synthkit.models.journal.store import Store
    from synthkit.plugins import registry

    folder, project = place(at)
    hide = hiding(project)
    replies = Replies(project, registry().provider)
    wanted = Wanted.of(given, run_names(project), replies)
    prefix = _prefix(key)
    store = Store(folder, read_only=True)
    try:
        found = _found(store.scan(prefix), wanted, n)
        if as_json:
            for entry in found.entries:
                screen.write(hide(_json(entry)) + "\n")
        elif not found.number and key is not None:
            raise ConfigError(f"no entry in {short(folder)} has a key that begins with {key}{wanted.said()}")
        elif not found.number:
            screen.write(f"nothing in {short(folder)} matches{plain(wanted.said())}\n")
        elif prefix is not None and found.number <= WHOLE:
            from synthkit.cli.journal_entry import whole

            screen.say(whole(found.entries, hide, replies, wanted.names, screen.width()))
        else:
            from synthkit.cli.journal_entry import listing

            screen.say(listing(found.entries, found.number, hide, replies, screen.width()))
        complain_of(store.problems)
    finally:
        store.close()
    return 0


@dataclass
class Wanted:
    """Which entries are asked for. names: of runs, by their ids. models, paths: those that were seen."""

    given: Mapping[str, str | None]
    names: Mapping[str, str]
    pattern: Callable[[str], Any] | None
    replies: "Replies"
    models: set[str] = field(default_factory=set)
    paths: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, given: Mapping[str, str | None], names: Mapping[str, str], replies: "Replies") -> "Wanted":
        """Raises `ConfigError` for a pattern that is none."""
        import re

        from synthkit.errors import ConfigError

        pattern = None
        if (text := given["grep"]) is not None:
            try:
                pattern = re.compile(text, re.IGNORECASE).search
            except re.error as error:
                raise ConfigError(
                    f"--grep: {text!r} is no regular expression ({error}): put a backslash before signs that stand for "
                    "themselves"
                ) from error
        return cls(given, names, pattern, replies)

    def __call__(self, entry: "Entry") -> bool:
        from synthkit.models.journal.replies import model_of

        given, data = self.given, entry.data
        model = model_of(entry)
        path = str(data.get("path", ""))
        known = (model.ref, f"{model.provider}/{model.name}", model.name)
        if len(self.models) < MOST_NAMES and len(self.paths) < MOST_NAMES:
            self.models.add(model.ref)
            self.paths.add(path)
        return (
            given["model"] in (None, *known)
            and (given["path"] is None or path == given["path"] or path.startswith(f"{given['path']}/"))
            and (given["record"] is None or str(data.get("record", "")).startswith(given["record"]))
            and given["kind"] in (None, entry.kind)
            and (given["run"] is None or self._of_run(str(data.get("run", "")), given["run"]))
            and (self.pattern is None or self._has(entry))
        )

    def _of_run(self, id: str, wanted: str) -> bool:
        return bool(id) and (id == wanted or self.names.get(id) == Path(wanted).name)

    def _has(self, entry: "Entry") -> bool:
        from synthkit.cli.exchange import content
        from synthkit.models.journal.replies import request_of
        from synthkit.models.vectors import said

        assert self.pattern is not None
        if any(self.pattern(content(message)) for message in said(request_of(entry))):
            return True
        reply = self.replies.of(entry)
        texts = [str(entry.data.get("body", ""))] if reply is None else [reply.text, reply.reasoning, reply.refusal]
        return any(self.pattern(text) for text in texts)

    def said(self) -> str:
        """In words, with what there is instead."""
        from synthkit.core.columns import hint

        words = "".join(f" --{name} {value}" for name, value in self.given.items() if value is not None)
        model, path = self.given["model"], self.given["path"]
        if model is not None and model not in self.models and self.models:
            return f"{words}{hint(model, sorted(self.models), 'models there are')}"
        if path is not None and self.paths and not any(_within(one, path) for one in self.paths):
            return f"{words}{hint(path, sorted(self.paths), 'paths there are')}"
        return words


@dataclass
class Found:
    """The last entries that were asked for, and how many there were."""

    entries: "deque[Entry]"
    number: int


def _found(entries: "Iterator[Entry]", wanted: Wanted, n: int) -> Found:
    kept: deque[Entry] = deque(maxlen=n or None)
    number = 0
    for entry in filter(wanted, entries):
        kept.append(entry)
        number += 1
    return Found(kept, number)


def _within(path: str, step: str) -> bool:
    return path == step or path.startswith(f"{step}/")


def _prefix(key: str | None) -> Callable[[bytes], bool] | None:
    """Whether a key begins as it is given. Raises `ConfigError` for what can begin none."""
    from synthkit.errors import ConfigError

    if key is None:
        return None
    digits = key.lower()
    if not FEWEST <= len(digits) <= 32 or not set(digits) <= set("0123456789abcdef"):
        raise ConfigError(
            f"{key!r} is no key of the journal: a key has 32 digits from 0 to f, and its first {FEWEST} will do; "
            "`synthkit journal show` lists them"
        )
    return lambda found: found.hex().startswith(digits)


def _json(entry: "Entry") -> str:
    import json

    return json.dumps({"key": entry.key.hex(), "kind": entry.kind, **entry.data})
