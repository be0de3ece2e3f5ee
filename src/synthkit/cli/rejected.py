"""`synthkit rejected RUN`."""

import itertools
from bisect import insort
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import click

from synthkit.cli.options import debug_option

if TYPE_CHECKING:
    from synthkit.cli.table import Cell, Line
    from synthkit.engine.result import Result

KINDS = ("dropped", "failed", "surplus", "attempt")
MOST_COUNTS = 40
"""Lines of counts; the rest is summed up."""
MOST_GROUPS = 1000
"""Groups that samples are kept of, where a filter writes free text as reasons."""
SHORT = 12
"""Characters of an id that tell records apart."""

Form = Mapping[str, Any]
Group = tuple[str, str, str]
"""Step, kind and reason."""


def _number(ctx: click.Context, param: click.Parameter, value: int) -> int:
    if value < 0:
        raise click.BadParameter(f"{value} is less than none: give 0 for all, or more", ctx, param)
    return value


@click.command()
@click.argument("run")
@click.option("--step", metavar="LABEL", help="Only of this step, and of the steps inside it.")
@click.option("--reason", metavar="REASON", help="Only for this reason.")
@click.option("--kind", type=click.Choice(KINDS), metavar="KIND", help=f"Only of this kind: {', '.join(KINDS)}.")
@click.option(
    "--sample",
    type=int,
    default=20,
    metavar="N",
    callback=_number,
    help="Records shown.  [default: 20; 0: all]",
)
@click.option("--json", "as_json", is_flag=True, help="The records alone, whole, as JSON lines.")
@debug_option
def rejected(run: str, step: str | None, reason: str | None, kind: str | None, sample: int, as_json: bool) -> int:
    """Show what RUN did not accept: how many by step and reason, then some of the records.

    A record was dropped by a filter, failed at a step, was surplus to the target, or is an attempt: rejected inside
    a step that went on without it. A sample is of all reasons in turn, by chance, and always the same; `synthkit show
    RUN ID` tells the story of a record.
    """
    import shlex

    from synthkit.cli import screen
    from synthkit.cli.runs import find_run
    from synthkit.cli.table import line, pairs
    from synthkit.cli.text import plain
    from synthkit.engine.result import Result

    result = Result(find_run(run))
    wanted = Wanted(step, reason, kind)
    found = _read(result, wanted, sample)
    wanted.check(result, found)
    if as_json:
        _write_json(found.mixed(result, sample) if sample else _matching(result, wanted))
        return 0
    if not found.counts:
        screen.say([line(plain(f"nothing was rejected{wanted.said()}{found.near(reason)}"))])
        return 0
    width = screen.width()
    screen.say(_counts(result, found.counts, width))
    for form in found.mixed(result, sample) if sample else _matching(result, wanted):
        screen.say([line(""), *_record(form, width)])
    told = f"`synthkit show {plain(shlex.quote(run))} ID` tells the whole story of a record"
    screen.say([line(""), *pairs([("note", told)], width)])
    return 0


@dataclass(frozen=True)
class Wanted:
    """Which lines of the ledger are asked for."""

    step: str | None
    reason: str | None
    kind: str | None

    def __call__(self, form: Form) -> bool:
        return (
            (self.step is None or _within(form["step"], self.step))
            and (self.reason is None or form["reason"] == self.reason)
            and (self.kind is None or form["kind"] == self.kind)
        )

    def check(self, result: "Result", found: "Found") -> None:
        """Raises `ConfigError` for a step that there is not."""
        from synthkit.core.columns import hint
        from synthkit.errors import ConfigError

        known = {*result.shape.labels, *found.steps}
        if self.step is not None and not any(_within(label, self.step) for label in known):
            raise ConfigError(f"--step: the run has no step {self.step}{hint(self.step, known, 'it has')}")

    def said(self) -> str:
        """In words."""
        words = [(" of the kind ", self.kind), (" at ", self.step), (" for the reason ", self.reason)]
        return "".join(f"{before}{value!r}" for before, value in words if value is not None)


@dataclass
class Found:
    """What was counted in one pass over the ledger, with the first records of each group."""

    counts: Counter[Group] = field(default_factory=Counter)
    steps: set[str] = field(default_factory=set)
    reasons: set[str] = field(default_factory=set)
    samples: dict[Group, list[tuple[bytes, int, Form]]] = field(default_factory=dict)

    def sample(self, group: Group, form: Form, number: int, place: int) -> None:
        """Keeps those records of a group whose hashes are the smallest: by chance, and the same each time. place: the
        line of the ledger."""
        if group not in self.samples and len(self.samples) >= MOST_GROUPS:
            return
        kept = self.samples.setdefault(group, [])
        rank = blake2b(f"{form['id']} {form['step']}".encode(), digest_size=8).digest()
        if len(kept) < number or rank < kept[-1][0]:
            insort(kept, (rank, place, form), key=itemgetter(0, 1))
            del kept[number:]

    def near(self, reason: str | None) -> str:
        """What reasons there are instead."""
        from synthkit.core.columns import hint

        return "" if reason is None else hint(reason, sorted(self.reasons)[:100])

    def mixed(self, result: "Result", number: int) -> list[Form]:
        """So many samples, taken from all groups in turn, those of a group together, in the order of the table."""
        order = {group: place for place, (group, _) in enumerate(_ordered(result, self.counts))}
        groups = sorted(self.samples, key=order.__getitem__)
        turns = itertools.chain(*itertools.zip_longest(*(self.samples[group] for group in groups)))
        chosen = list(itertools.islice((item for item in turns if item is not None), number))
        return [form for _, _, form in sorted(chosen, key=lambda item: (order[_group(item[2])], item[1]))]


def _within(label: str, step: str) -> bool:
    return label == step or label.startswith(f"{step}/")


def _group(form: Form) -> Group:
    return form["step"], form["kind"], form["reason"]


def _matching(result: "Result", wanted: Wanted) -> Iterator[Form]:
    from synthkit.cli.summary import rejects

    return (form for form in rejects(result) if wanted(form))


def _read(result: "Result", wanted: Wanted, sample: int) -> Found:
    from synthkit.cli.summary import rejects

    found = Found()
    for place, form in enumerate(rejects(result)):
        found.steps.add(form["step"])
        found.reasons.add(form["reason"])
        if not wanted(form):
            continue
        group = _group(form)
        found.counts[group] += 1
        if sample:
            found.sample(group, form, sample, place)
    return found


def _ordered(result: "Result", counts: Counter[Group]) -> list[tuple[Group, int]]:
    """Groups and their counts in the order of steps, of each step the largest first."""
    labels = list(result.shape.labels)

    def place(item: tuple[Group, int]) -> tuple[int, str, str, int, str]:
        (step, kind, reason), number = item
        return next((i for i, x in enumerate(labels) if _within(step, x)), len(labels)), step, kind, -number, reason

    return sorted(counts.items(), key=place)


def _counts(result: "Result", counts: Counter[Group], width: int) -> "Sequence[Line]":
    """The table of counts."""
    from synthkit.cli.table import Column, table
    from synthkit.cli.text import count, plain

    ordered = _ordered(result, counts)
    rows: list[list[Cell]] = [
        [plain(step), kind, plain(reason), count(number)] for (step, kind, reason), number in ordered[:MOST_COUNTS]
    ]
    if len(ordered) > MOST_COUNTS:
        rest = ordered[MOST_COUNTS:]
        rows.append([(f"{len(rest):,} more", "dim"), "", "", count(sum(number for _, number in rest))])
    columns = [
        Column("step", fit="middle", least=10),
        Column("kind"),
        Column("reason", fit="middle", least=12),
        Column("records", right=True),
    ]
    return table(columns, rows, width)


def _record(form: Form, width: int) -> "list[Line]":
    """A rejected record: where and why, the message, and the columns that say most."""
    from synthkit.cli.records import record, telling
    from synthkit.cli.table import line
    from synthkit.cli.text import cut, plain, several

    title = f"{form['kind']} at {form['step']}: {form['reason']}"
    said: dict[str, Any] = {"message": form["message"]} if form["message"] else {}
    if form["score"] is not None:
        said["score"] = form["score"]
    untold = {name: value for name, value in form["fields"].items() if name not in said and value != form["message"]}
    columns = telling(untold)
    shown = record(cut(plain(title), width - SHORT - 2), {**said, **columns}, width, lines=2)
    left = len(untold) - len(columns)
    more = [line(f"  … {several(left, 'more column')}", "dim")] if left else []
    return [[*shown[0], (f"  {form['id'][:SHORT]}", "dim")], *shown[1:], *more]


def _write_json(forms: Iterable[Form]) -> None:
    import json

    from synthkit.cli import screen

    for form in forms:
        screen.write(json.dumps(form) + "\n")
