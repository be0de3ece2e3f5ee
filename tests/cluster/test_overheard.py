"""What lanes print, for the terminal of the run."""

import io
import sys

import pytest

from synthkit.engine.cluster.overheard import LINES, LONGEST, overhear


def behind(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """Where it would go without anybody listening; pytest has its own place again between a fixture and its test."""
    file = io.StringIO()
    monkeypatch.setattr(sys, "stdout", file)
    monkeypatch.setattr(sys, "stderr", file)
    return file


def test_lines_are_told_once_without_keys_and_without_what_moves_a_cursor(monkeypatch: pytest.MonkeyPatch) -> None:
    file = behind(monkeypatch)
    taken = overhear(lambda text: text.replace("sk-secret", "[key]"))
    print("one\ntwo", end="")
    assert taken() == ["one"]
    print(" and more\n\n\x1b[1;31mred\x1b[0m\tsk-secret \u202e\x1b]0;title\x07")
    sys.stderr.write("from afar\n")
    assert taken() == ["two and more", "red [key] \\x202e\\x1b]0;title\\x07", "from afar"]
    assert taken() == []
    assert file.getvalue().startswith("one\ntwo and more\n")


def test_very_many_and_very_long_ones_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    behind(monkeypatch)
    taken = overhear(str)
    for number in range(1000):
        print(f"{number} {'x' * 5000}")
    lines = taken()
    assert len(lines) == LINES + 1 and max(map(len, lines)) == LONGEST
    assert lines[-1] == f"… and {1000 - LINES} lines more"
    print("y" * 10_000_000, end="")
    print("z")
    assert [len(line) for line in taken()] == [LONGEST]
