"""The command on a real terminal: the live display, and Ctrl-C once and twice."""

import contextlib
import json
import re
import signal
import subprocess
from pathlib import Path

import pytest
from cli_kit import COMMAND, NUMS, Terminal, environment, process, until

SLOW = ["run", "nums.py", "--run-dir", "r", "--top", "2000", "--target", "900", "--wait", "0.2"]
STOPPING = "stopping: waiting for the answers on their way; Ctrl-C again stops at once"


def state(place: Path) -> dict[str, object]:
    told: dict[str, object] = json.loads((place / "r/run.json").read_text("utf-8"))
    return told


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_the_display_goes_and_the_summary_stays(place: Path, columns: int) -> None:
    with Terminal(*SLOW[:4], "--top", "60", "--wait", "0.3", cwd=place, columns=columns) as terminal:
        terminal.read("nums  r")
        terminal.read("0 of 30 accepted")
        assert terminal.end() == 0
    assert "\x1b[?25l" in terminal.raw and terminal.raw.rindex("\x1b[?25h") > terminal.raw.rindex("\x1b[?25l")
    last = terminal.text[terminal.text.rindex("complete: 30 of 30 accepted") :]
    assert "run folder  r\n" in last and "round 1" not in last
    assert "\x1b[32mcomplete\x1b[0m: 30 of 30 accepted" in terminal.raw


@pytest.mark.parametrize("settings", [{"TERM": "dumb"}, {"TERM": "unknown"}])
def test_a_dumb_terminal_gets_plain_lines(place: Path, settings: dict[str, str]) -> None:
    with Terminal(*SLOW[:4], "--top", "60", cwd=place, **settings) as terminal:
        assert terminal.end() == 0
    assert "\x1b" not in terminal.raw
    assert terminal.text.startswith("nums: run folder r\n") and "complete: 30 of 30 accepted\n" in terminal.text


def test_no_color_has_no_colours(place: Path) -> None:
    with Terminal(*SLOW[:4], "--top", "60", "--wait", "0.3", cwd=place, NO_COLOR="1") as terminal:
        terminal.read("0 of 30 accepted")
        assert terminal.end() == 0
    assert not re.search(r"\x1b\[(?:[0-9]+;)*3[0-9]", terminal.raw)
    assert "complete: 30 of 30 accepted" in terminal.text


def test_quiet_has_no_display(place: Path) -> None:
    with Terminal(*SLOW[:4], "--top", "60", "--quiet", cwd=place) as terminal:
        assert terminal.end() == 0
    assert terminal.text.startswith("complete: 30 of 30 accepted") and "\x1b[?25l" not in terminal.raw


def test_a_summary_that_goes_elsewhere_leaves_plain_lines(place: Path) -> None:
    with Terminal(*SLOW[:4], "--top", "60", cwd=place, out=place / "out") as terminal:
        assert terminal.end() == 0
    assert terminal.text.startswith("nums: run folder r\n") and "\x1b" not in terminal.raw
    assert (place / "out").read_text("utf-8").startswith("complete: 30 of 30 accepted\n")


def test_what_a_step_prints_stands_above_the_display(place: Path) -> None:
    (place / "nums.py").write_text(
        NUMS.replace('    return {"square"', '    print("a print", record["n"])\n    return {"square"')
    )
    with Terminal(*SLOW[:4], "--top", "60", "--wait", "0.3", cwd=place) as terminal:
        terminal.read("a print 59")
        assert terminal.end() == 0
    assert terminal.text.count("a print ") == 60 - 1


def test_ctrl_c_once_stops_orderly(place: Path) -> None:
    with Terminal(*SLOW, cwd=place) as terminal:
        terminal.read("of 900 accepted")
        terminal.interrupt()
        terminal.read(STOPPING)
        assert terminal.end() == 3
    last = terminal.text[terminal.text.rindex("partial: ") :]
    assert (
        last.startswith("partial: stopped by Ctrl-C before it was done\n") and "go on with  synthkit resume r\n" in last
    )
    assert state(place)["status"] == "partial"
    assert re.search(r"accepted    \d+ of 900\n", last)


def test_ctrl_c_twice_stops_at_once_and_leaves_the_terminal_in_order(place: Path) -> None:
    with Terminal(*SLOW[:-1], "60", cwd=place) as terminal:
        terminal.read("of 900 accepted")
        terminal.interrupt()
        terminal.read(STOPPING)
        terminal.interrupt()
        assert terminal.end() == 130
    assert terminal.raw.endswith(
        "\x1b[?25h\r\nstopped at once; nothing that was answered is lost\r\ngo on with: synthkit resume r\r\n"
    )
    assert state(place)["status"] == "running"


def test_a_step_that_blocks_can_be_stopped_too(place: Path) -> None:
    (place / "nums.py").write_text(NUMS.replace("await asyncio.sleep(wait)", "import time; time.sleep(60)"), "utf-8")
    with Terminal(*SLOW, cwd=place) as terminal:
        until(lambda: (place / "r/run.json").exists())
        terminal.read("of 900 accepted")
        terminal.interrupt()
        terminal.read(STOPPING)
        terminal.interrupt()
        assert terminal.end() == 130
    assert "go on with: synthkit resume r" in terminal.text


@pytest.mark.parametrize(("number", "quiet"), [(signal.SIGINT, True), (signal.SIGTERM, False)])
def test_signals_without_a_terminal(place: Path, number: int, quiet: bool) -> None:
    command = [*COMMAND, *SLOW, *(["--quiet"] if quiet else [])]
    with subprocess.Popen(command, cwd=place, env=environment(), stdout=-1, stderr=-1, text=True) as child:
        until(lambda: any((place / "r").glob("parts/rounds/*/stage-00/*.zst")))
        child.send_signal(number)
        out, err = child.communicate(timeout=30)
    by = "Ctrl-C" if number == signal.SIGINT else "SIGTERM"
    assert child.returncode == 3 and f"{STOPPING.replace('Ctrl-C', by)}\n" in err
    assert ("run folder r" in err) is not quiet
    assert out.startswith(f"partial: stopped by {by} before it was done\n")


def test_a_terminal_that_is_closed_stops_orderly(place: Path) -> None:
    with Terminal(*SLOW, cwd=place) as terminal:
        terminal.read("of 900 accepted")
        until(lambda: any((place / "r").glob("parts/rounds/*/stage-00/*.zst")))
        terminal.hang_up()
        terminal.child.wait(30)
    told = state(place)
    assert (told["status"], told["reason"]) == ("partial", "stopped by SIGHUP before it was done")


def test_nohup_goes_on(place: Path) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        child = subprocess.Popen([*COMMAND, *SLOW[:4], "--top", "60", "--wait", "0.5"], cwd=place, env=environment())
    finally:
        signal.signal(signal.SIGHUP, before)
    with child:
        until(lambda: (place / "r/run.json").exists())
        child.send_signal(signal.SIGHUP)
        assert child.wait(30) == 0
    assert state(place)["status"] == "complete"


SCRIPT = """
import sys
from nums import pipeline

if __name__ == "__main__":
    progress = {"on": True, "off": False}.get(sys.argv[1]) if len(sys.argv) > 1 else None
    result = pipeline(top=60, wait=0.3).run(folder="r", progress=progress)
    print(result if "say" in sys.argv else repr(result))
"""


def test_a_script_on_a_terminal_shows_its_progress(place: Path) -> None:
    (place / "script.py").write_text(SCRIPT)
    with Terminal(cwd=place, script="script.py") as terminal:
        terminal.read("nums  r")
        terminal.read("of 30 accepted")
        assert terminal.end() == 0
    assert "\x1b[?25l" in terminal.raw and terminal.text.endswith("<Result complete: 30 of 30 accepted; r>\n")


@pytest.mark.parametrize(("arguments", "shown"), [(["off"], False), (["on"], True), ([], False), (["on", "say"], True)])
def test_a_script_beside_a_terminal(place: Path, arguments: list[str], shown: bool) -> None:
    import sys

    (place / "script.py").write_text(SCRIPT)
    command = [sys.executable, "script.py", *arguments]
    done = subprocess.run(command, cwd=place, env=environment(), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stderr.split("\n")[0] == ("nums: run folder r" if shown else "")
    if "say" in arguments:
        assert done.stdout.startswith("complete: 30 of 30 accepted\n\nstep ") and "ValueError" in done.stdout
        assert done.stdout.endswith("run folder  r\n")


def test_a_script_may_turn_it_off(place: Path) -> None:
    (place / "script.py").write_text(SCRIPT)
    with Terminal("off", cwd=place, script="script.py") as terminal:
        assert terminal.end() == 0
    assert terminal.text == "<Result complete: 30 of 30 accepted; r>\n"


def test_a_preview_on_a_terminal(place: Path) -> None:
    with Terminal("preview", "nums.py", "-n", "2", "--wait", "0.5", cwd=place) as terminal:
        terminal.read("preview of nums")
        assert terminal.end() == 0
    last = terminal.text[terminal.text.rindex("── record 1") :]
    assert "\x1b[32mwent through\x1b[0m" in terminal.raw and "preview  2 records: 1 went through, 1 dropped" in last
    assert "synthkit-preview" not in terminal.text and not (place / "runs").exists()


def test_ctrl_c_before_the_run_is_quiet(place: Path) -> None:
    (place / "nums.py").write_text(f"import time\nprint('loading', flush=True)\ntime.sleep(60)\n{NUMS}", "utf-8")
    with Terminal(*SLOW, cwd=place) as terminal:
        terminal.read("loading")
        for _ in range(3):  # the interpreter drops an interrupt that falls into one of its own callbacks
            terminal.interrupt()
            with contextlib.suppress(subprocess.TimeoutExpired):
                terminal.child.wait(10)
                break
        assert terminal.end() == 130
    assert terminal.text.replace("^C", "").split() == ["loading"]
    assert not (place / "r").exists()


def test_a_stopped_run_goes_on_on_a_terminal(place: Path) -> None:
    with Terminal(*SLOW[:4], "--top", "2000", "--target", "200", "--wait", "0.2", cwd=place) as terminal:
        terminal.read("of 200 accepted")
        terminal.interrupt()
        assert terminal.end() == 3
    with Terminal("resume", "r", cwd=place) as terminal:
        terminal.read("nums  r")
        assert terminal.end() == 0
    assert "complete: 200 of 200 accepted\n" in terminal.text


@pytest.mark.parametrize("columns", [30, 80, 200])
def test_errors_on_a_terminal_are_wrapped_at_words(place: Path, columns: int) -> None:
    (place / "nums.py").write_text(NUMS.replace('reads="square"', 'reads="sqare"'))
    long = "a" * 90
    with Terminal("check", "nums.py", "--target", "0", cwd=place, columns=columns) as terminal:
        assert terminal.end() == 2
    first, second = ("synthkit:" + part for part in terminal.text.split("synthkit:")[1:])
    for said in (first, second):
        head, *rest = said.splitlines()
        assert len(head) <= columns and all(len(text) <= columns and text.startswith("  ") for text in rest)
    one = process("check", "nums.py", "--target", "0", cwd=place).err.splitlines()
    assert [" ".join(first.split()), " ".join(second.split())] == one, "elsewhere a line an error"
    with Terminal("show", long, cwd=place, columns=columns) as terminal:
        assert terminal.end() == 2
    assert long in terminal.text, "a long word is whole"
