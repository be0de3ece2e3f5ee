"""`synthkit resume RUN`."""

from typing import Any

import click

from synthkit.cli.options import going_options, settings

RETRY = click.Option(["--retry-failed"], is_flag=True, help="Try records that failed again, from where they failed.")


@click.command(params=[click.Argument(["run"]), RETRY, *going_options()])
def resume(run: str, retry_failed: bool, **given: Any) -> int:
    """Go on with RUN: a run folder, or the name of one in runs/.

    It needs nothing but the folder and the journal; what was answered is not asked again. Options that are not given
    are as they were.
    """
    from synthkit.cli import screen
    from synthkit.cli.runs import find_run, short
    from synthkit.cli.starting import conducted, warn_of_copies, warn_of_plugins
    from synthkit.engine import api
    from synthkit.engine.store import read_state

    folder = find_run(run)
    state = read_state(folder)
    if state["status"] == "complete" and (not retry_failed or state["target"] is not None):
        gone = api.mend(folder)
        if gone:
            were = "was gone, and has" if len(gone) == 1 else "were gone, and have"
            screen.write(f"{short(folder)} is complete; {' and '.join(gone)} {were} been written again\n")
            return 0
        again = "; try what failed again with --retry-failed" if state["reason"].endswith(" failed") else ""
        screen.write(f"{short(folder)} is complete: {state['reason']}{again or '; there is nothing to go on with'}\n")
        return 0
    warn_of_plugins()
    warn_of_copies(api.home(folder), folder)
    changes = settings(given)
    return conducted(
        lambda watch: api.resume(
            folder,
            retry_failed=retry_failed,
            watch=watch,
            ray=given["ray"],
            runtime_env=given["runtime_env"],
            **changes,
        ),
        given["quiet"],
    )
