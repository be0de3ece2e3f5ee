"""`synthkit journal …`: the commands stand in files of their own."""

import click

from synthkit.cli.group import Group
from synthkit.cli.journal_compact import compact
from synthkit.cli.journal_explain import explain
from synthkit.cli.journal_show import show
from synthkit.cli.journal_stats import stats
from synthkit.cli.journal_verify import verify


@click.group(cls=Group)
def journal() -> None:
    """The journal: every answer that was paid for in this project. Nothing here makes a call."""


for command in (stats, show, explain, verify, compact):
    journal.add_command(command)
