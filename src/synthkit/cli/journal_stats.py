"""`synthkit journal stats`."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from synthkit.cli.journal_place import at_option, complain_of, named, place, run_names, size
from synthkit.cli.options import debug_option

if TYPE_CHECKING:
    from synthkit.cli.table import Line
    from synthkit.models.journal.statistics import Statistics, Used

MOST_RUNS = 20
SHORT = 12
"""Characters of an id that tell runs apart."""


@click.command(short_help="Count answers, tokens and dollars, by model and by run.")
@at_option
@click.option("--json", "as_json", is_flag=True, help="All numbers, for programs.")
@debug_option
def stats(at: str | None, as_json: bool) -> int:
    """Count what the journal holds: answers, tokens and dollars by model and by run.

    An answer counts for the run that asked first. Attempts are what was paid for and is of no use: an answer that broke
    off, or came second. Dollars are at the prices of today.
    """
    from synthkit.cli import screen
    from synthkit.cli.table import apart, pairs
    from synthkit.cli.waiting import waiting
    from synthkit.models.journal.replies import Replies
    from synthkit.models.journal.statistics import statistics
    from synthkit.plugins import registry

    folder, project = place(at)
    replies = Replies(project, registry().provider)
    with waiting("reading the journal") as watch:
        found = statistics(folder, replies, watch)
    names = run_names(project)
    if as_json:
        import json

        screen.write(json.dumps(_form(str(folder), found, names), indent=2) + "\n")
    else:
        width = screen.width()
        blocks = [pairs(_facts(str(folder), found), width), _models(found, width), _runs(found, names, width)]
        screen.say(apart(blocks))
    complain_of(found.problems)
    return 0


def _facts(folder: str, found: "Statistics") -> list[tuple[str, str]]:
    from synthkit.cli.runs import short
    from synthkit.cli.text import count, plain, several

    total = found.total
    attempts = f", and {several(total.attempts, 'attempt')} of no use" if total.attempts else ""
    rows = [
        ("journal", f"{short(folder)}: {size(found.size)} in {several(found.segments, 'segment')}"),
        ("answers", f"{count(total.answers)}{attempts}"),
    ]
    if total.answers or total.attempts:
        rows += [("tokens", _tokens(total)), ("cost", _cost(total))]
    for name, number in found.absent.items():
        bodies = "1 body" if number == 1 else f"{number:,} bodies"
        whose = f"of the provider {plain(name)!r}, which no installed plugin has" if name else "of no provider"
        rows.append(("note", f"{bodies} {whose}: tokens and dollars are without what cannot be read"))
    return rows


def _tokens(used: "Used") -> str:
    from synthkit.cli.text import count

    usage = used.usage
    kinds = [(usage.cached, "cached"), (usage.written, "put into the cache")]
    parts = ", ".join(f"{count(number)} of them {kind}" for number, kind in kinds if number)
    cached = f" ({parts})" if parts else ""
    reasoning = f" ({count(usage.reasoning)} of them reasoning)" if usage.reasoning else ""
    return f"{count(usage.input)} in{cached}, {count(usage.output)} out{reasoning}"


def _cost(used: "Used") -> str:
    from synthkit.cli.text import money, several

    cost = money(used.cost)
    if used.unpriced:
        least = f"at least {cost}; " if used.cost else ""
        return f"{least}unknown for {several(used.unpriced, 'answer')}, whose price is not known"
    return cost


def _models(found: "Statistics", width: int) -> "Sequence[Line]":
    rows = [(_model(*key), used) for key, used in sorted(found.models.items())]
    return _table("model", rows, width)


def _model(provider: str, name: str, endpoint: str) -> list[str]:
    from synthkit.cli.text import plain

    return [named(provider, name, ""), *([plain(f"at {endpoint}")] if endpoint else [])]


def _runs(found: "Statistics", names: Mapping[str, str], width: int) -> "Sequence[Line]":
    from synthkit.cli.table import line
    from synthkit.cli.text import several

    rows = [(_run(id, names, found.asked.get(id, ())), used) for id, used in found.runs.items()]
    lines = list(_table("run", rows[-MOST_RUNS:], width))
    if len(rows) > MOST_RUNS:
        lines.append(line(f"{several(len(rows) - MOST_RUNS, 'earlier run')}: --json has them", "dim"))
    return lines


def _run(id: str, names: Mapping[str, str], asked: Iterable[str]) -> list[str]:
    """A run as it is shown. Pilots and previews leave no folder: what they asked tells them apart."""
    from synthkit.cli.text import plain
    from synthkit.engine.state import PILOT, PREVIEW

    if id in names:
        return [plain(names[id])]
    for kind, said in ((PILOT, "pilot"), (PREVIEW, "preview")):
        if id.startswith(kind):
            return [plain(f"{said} {id.removeprefix(kind)[:SHORT]}"), plain(f"with {', '.join(asked)}")]
    return [plain(f"{id or '(none)'},"), "no longer in runs/"]


def _table(title: str, rows: "Sequence[tuple[list[str], Used]]", width: int) -> "Sequence[Line]":
    """What each has used, and beneath which of its tokens were special ones."""
    from synthkit.cli.money import special
    from synthkit.cli.table import Named, named_table

    if not rows:
        return []
    attempts = ["attempts"] if any(used.attempts for _, used in rows) else []
    titles = ["answers", *attempts, "tokens in", "tokens out", "cost"]
    shown = [Named(parts, _numbers_shown(used, titles), special(used.usage)) for parts, used in rows]
    return named_table(title, titles, shown, width)


def _numbers_shown(used: "Used", titles: Sequence[str]) -> list[str]:
    from synthkit.cli.text import count, money

    values = {
        "answers": count(used.answers), "attempts": count(used.attempts),
        "tokens in": count(used.usage.input), "tokens out": count(used.usage.output),
        "cost": "unknown" if used.unpriced or used.unread == used.answers + used.attempts else money(used.cost),
    }  # fmt: skip
    return [values[title] for title in titles]


def _form(folder: str, found: "Statistics", names: Mapping[str, str]) -> dict[str, Any]:
    models = [
        {"provider": provider, "model": name, "endpoint": endpoint, **_numbers(used)}
        for (provider, name, endpoint), used in sorted(found.models.items())
    ]
    runs = [
        {"id": id, "run": names.get(id), "models": list(found.asked[id]), **_numbers(used)}
        for id, used in found.runs.items()
    ]
    return {
        "folder": folder, "bytes": found.size, "segments": found.segments, **_numbers(found.total),
        "models": models, "runs": runs, "unknown_providers": dict(found.absent), "problems": found.problems,
    }  # fmt: skip


def _numbers(used: "Used") -> dict[str, Any]:
    """A cost is null where some of it is not known."""
    usage = used.usage
    return {
        "answers": used.answers, "attempts": used.attempts, "unread": used.unread,
        "tokens_in": usage.input, "tokens_cached": usage.cached, "tokens_written": usage.written,
        "tokens_out": usage.output, "tokens_reasoning": usage.reasoning,
        "cost": None if used.unpriced or used.unread > used.attempts else float(used.cost), "unpriced": used.unpriced,
    }  # fmt: skip
