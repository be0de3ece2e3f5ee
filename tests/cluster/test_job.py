"""Runs by `ray job submit`; real ones are in long/test_jobs.py, since they need Ray's server for jobs."""

from pathlib import Path

from synthkit.engine.cluster.job import passing


def test_folders_that_ray_removes_are_known(tmp_path: Path) -> None:
    copy = tmp_path / "session_1" / "runtime_resources" / "working_dir_files" / "_ray_pkg_0123456789abcdef"
    assert passing(tmp_path) is None
    assert passing(tmp_path, tmp_path / "far") is None
    said = passing(copy)
    assert said and said.startswith("the journal and the run folder are in a copy of the job's working_dir, which Ray")
    assert (passing(copy, tmp_path / "far") or "").startswith("the journal is in a copy")
    assert (passing(tmp_path, copy / "far") or "").startswith("the run folder is in a copy")
