"""A job: what `ray job submit` runs inside a cluster, in a folder that may be Ray's own."""

from itertools import pairwise
from pathlib import Path

COPIES = ("runtime_resources", "working_dir_files")
"""The folders of a session in which Ray has its copies of the `working_dir` of jobs."""
ELSEWHERE = "`ray job submit -- sh -c 'cd /data/project && synthkit run FILE --ray auto'`"


def passing(project: Path, run: Path | None = None) -> str | None:
    """A sentence where the journal of a project, or a run, is in a folder that Ray made for a job and removes; None
    where both stay. run: its folder; None is one in the project."""
    inside = {"the journal": copied(project), "the run folder": copied(run or project)}
    going = [name for name, there in inside.items() if there]
    if not going:
        return None
    verb = "are" if len(going) > 1 else "is"
    return (
        f"{' and '.join(going)} {verb} in a copy of the job's working_dir, which Ray removes: to be able to go on with "
        f"the run, start it in a folder that stays, as in {ELSEWHERE}"
    )


def copied(folder: Path) -> bool:
    """Whether a folder is in a copy that Ray has made."""
    return COPIES in pairwise(folder.resolve().parts)
