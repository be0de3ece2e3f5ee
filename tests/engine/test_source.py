"""Loading pipeline files."""

import os
import sys
from pathlib import Path

import pytest

from synthkit.engine.source import load


def test_a_file_that_changed_within_a_second_is_not_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    file = tmp_path / "rows.py"
    for name in ("first", "other"):  # as long as each other
        file.write_text(
            f'from synthkit import Pipeline\n\ndef pipeline() -> Pipeline:\n    return Pipeline("{name}")\n'
        )
        os.utime(file, (1, 1))
        assert load(file).pipeline({}).name == name
