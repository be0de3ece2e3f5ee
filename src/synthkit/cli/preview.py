"""`synthkit preview FILE`."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from synthkit.cli.file_command import FileCommand
from synthkit.cli.options import own_values, preview_options, settings

if TYPE_CHECKING:
    from synthkit.cli.story import Page
    from synthkit.cli.table import Line
    from synthkit.engine.preview import Preview
    from synthkit.engine.source import Source
    from synthkit.engine.story import Story

ENDS = {
    "accepted": ("went through", "green"),
    "surplus": ("went through", "green"),
    "dropped": ("dropped", "yellow"),
    "failed": ("failed", "red"),
    "grouped": ("merged into others", "yellow"),
    "under way": ("not finished", "yellow"),
}


class PreviewCommand(FileCommand):
    """A command with FILE that makes no run folder."""

    options = staticmethod(preview_options)
    whose = "every preview"


@click.command(cls=PreviewCommand)
def preview(source: "Source", n: int, full: bool, as_json: bool, **given: Any) -> int:
    """Show what the pipeline in FILE does with its first records: each prompt as it is sent, each answer, each verdict.

    It leaves no run folder. What it asks is in the journal: a run with the same target and seed does not ask again.
    Exit codes: 0 when all went well, be it dropped by a filter; 1 when a record failed or the preview could not go on;
    3 when it was stopped.
    """
    from synthkit.cli import screen
    from synthkit.cli.progress import watcher
    from synthkit.cli.starting import blaming, pipeline_from, warn_of_plugins
    from synthkit.engine import preview as engine

    warn_of_plugins()
    with blaming(source.path):
        made = engine.preview(
            pipeline_from(source, given),
            n,
            target=given["target"],
            watch=watcher(quiet=given["quiet"] or as_json, lines=False),
            file=source,
            parameters=own_values(given),
            **settings(given),
        )
    if as_json:
        import json

        screen.write(json.dumps(made.form(), indent=2, default=list) + "\n")
    else:
        screen.say(told(made, screen.width(), full=full))
    if made.problem:
        screen.complain("error", made.problem)
    return 3 if made.stopped else int(made.failed)


def told(made: "Preview", width: int, *, full: bool = False) -> "Iterator[Line]":
    """A preview as lines."""
    from synthkit.cli.story import Page
    from synthkit.cli.table import apart, pairs

    page = Page(width, full=full)
    blocks: list[Sequence[Line]] = []
    for number, family in enumerate(made.stories, 1):
        blocks += _family(page, made, number, family)
    return apart([*blocks, pairs([*_facts(made), *page.hint()], width)])


def _family(page: "Page", made: "Preview", number: int, family: "Sequence[Story]") -> "Iterator[Sequence[Line]]":
    from synthkit.cli.text import plain

    names = {family[0].id: str(number)} if family else {}
    columns = {act.step: act.columns for story in family for act in story.acts if act.end == "made"}
    for story in family:
        children = [child for act in story.acts for child in act.children]
        names |= {child: f"{names.get(story.id, '?')}.{place}" for place, child in enumerate(children, 1)}
        shown = columns.get(story.maker, story.began) if story.maker else story.began
        fields = {name: story.began[name] for name in shown if name in story.began}
        maker = f"{story.id}  made by {plain(story.maker or made.generator)}"
        yield [page.title(names.get(story.id, "?"), maker, *ENDS.get(story.end, ("", ""))), *page.columns(fields)]
        yield from page.acts(story)


def _facts(made: "Preview") -> list[tuple[str, str]]:
    """How the records ended, what was asked, and what else is to be known."""
    from synthkit.cli.exchange import bill_facts
    from synthkit.cli.text import plain, several
    from synthkit.engine.exchange import bill

    ends = Counter(ENDS[story.end][0] for family in made.stories for story in family if story.end in ENDS)
    seen = several(len(made.stories), "record")
    became = f" became {ends.total():,}" if ends.total() != len(made.stories) else ""
    counted = ", ".join(f"{number:,} {end}" for end, number in ends.items())
    rows = [("preview", f"{seen}{became}: {counted}" if ends else seen)]
    if len(made.stories) < made.wanted and not made.problem:
        rows.append(("", f"{plain(made.generator)} makes no more in the first round"))
    rows += bill_facts(bill(one for family in made.stories for story in family for one in story.exchanges()))
    if made.seeing:
        rows.append(("note", f"{', '.join(map(plain, made.seeing))}: decided by these records alone"))
    if made.at_end:
        rows.append(("note", f"behind {plain(made.at_end[0])}, a run may go on with other records than these"))
    return [*rows, *(("note", plain(note)) for note in made.notes)]
