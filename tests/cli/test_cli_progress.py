"""What is shown while a run runs, from a monitor that stands still."""

import re
import sys
import time
from decimal import Decimal
from pathlib import Path

import pytest
from cli_kit import until

from synthkit.cli import views
from synthkit.cli.live import Display
from synthkit.cli.progress import Lines, Pace, Rate, accepted, pace, said
from synthkit.cli.text import plain, width_of
from synthkit.core.answer import Usage
from synthkit.engine.monitor import Monitor
from synthkit.engine.tally import Count
from synthkit.models.bill import Bill, Paid
from synthkit.models.spent import Spent


def monitor(**changes: object) -> Monitor:
    spent = Spent(350, 10, Usage(12345, 6789), Decimal("0.1234"))
    bill = Bill(["ask"])
    bill.lines["m", "ask"] = Paid(calls=344, unused=1, free=3, hedged=1)
    tally = {"ask": Count(400, 0, 390, 0, 10, spent), "keep": Count(390, 0, 120, 270, 0)}
    given = {
        "name": "talk",
        "target": 500,
        "goal": 500,
        "labels": ["ask", "keep"],
        "body": ["ask", "keep"],
        "tally": tally,
        "bill": bill,
    }
    return Monitor(**{"round": 1, "folder": Path("runs/talk-001"), **given, **changes})  # type: ignore[arg-type]


def shown(display: Display, width: int = 80, height: int = 24) -> list[str]:
    lines = display.lines(time.monotonic(), width, height)
    return ["".join(text for text, _ in pieces).rstrip() for pieces in lines]


def test_a_line_says_how_far_a_run_is() -> None:
    assert said(monitor()) == "round 2: 120 of 500 accepted, 344 calls, $0.1234"
    assert said(monitor(target=None, goal=None)) == "round 2: 120 accepted, 344 calls, $0.1234"
    assert said(Monitor("x", None)) == "round 1: 0 accepted"
    unknown = monitor()
    unknown.tally["ask"].spent.unpriced = 2
    assert said(unknown).endswith(", cost unknown")


def test_entries_on_their_way_count_too() -> None:
    there = monitor()
    there.open[1] = {"ask": Count(1, 0, 1, 0, 0, Spent(asked=1)), "keep": Count(1, 0, 1)}
    assert said(there) == "round 2: 121 of 500 accepted, 344 calls, $0.1234"
    assert there.tally["keep"].out == 120


def test_what_is_counted_where_steps_stand_at_the_end() -> None:
    there = monitor(labels=["ask", "keep", "top"], goal=1000)
    assert accepted(there, there.tally) == (120, 1000, "candidates")
    there.tally["top"] = Count(120, 0, 50, 70)
    assert accepted(there, there.tally) == (50, 500, "accepted")


def test_more_than_the_target_is_not_shown() -> None:
    there = monitor(target=100, goal=100)
    assert accepted(there, there.tally) == (100, 100, "accepted")


def test_lines_at_the_beginning_at_rounds_and_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    there = monitor()
    lines = Lines(there)
    start = lines._told
    with lines:
        pass
    assert capsys.readouterr().err == "talk: run folder runs/talk-001\n"
    for after, told in ((9.9, False), (10.1, True), (15, False), (20.2, True)):
        lines.look(start + after)
        assert bool(capsys.readouterr().err) is told, after
    there.round = 2
    lines.look(start + 21)
    assert capsys.readouterr().err == "round 3: 120 of 500 accepted, 344 calls, $0.1234\n", "no rate where nothing came"


def test_quiet_lines_are_those_about_stopping(capsys: pytest.CaptureFixture[str]) -> None:
    there = monitor()
    with Lines(there, quiet=True):
        there.round = 7
        there.note = "stopping: in a moment"
    assert capsys.readouterr().err == "stopping: in a moment\n"


def test_a_note_is_told_while_the_run_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    there, heard = monitor(), []
    with Lines(there):
        there.note = "stopping: in a moment"
        until(lambda: bool(heard.append(capsys.readouterr().err) or any("moment" in text for text in heard)))


def test_what_a_run_waits_for_is_told_once_and_not_in_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    there = monitor()
    told, quiet, start = Lines(there), Lines(there, quiet=True), time.monotonic()
    there.awaits = "setting up\x1b[2J the lanes"
    for lines in (told, told, quiet):
        lines.look(start)
    assert capsys.readouterr().err.splitlines() == [plain("setting up\x1b[2J the lanes")]
    assert any("setting up" in line for line in shown(Display(there), 80, 24))
    there.awaits = ""
    told.look(start)
    assert capsys.readouterr().err == ""
    assert not any("setting up" in line for line in shown(Display(there), 80, 24))


def test_the_rate_is_that_of_the_last_minute() -> None:
    rate = Rate()
    assert rate(0, 0) is None and rate(2, 10) is None
    assert rate(30, 10) == pytest.approx(1 / 3)
    assert rate(90, 70) == pytest.approx(1)
    assert rate(200, 70) is None


@pytest.mark.parametrize(
    ("rate", "number", "goal", "told"),
    [
        (2.5, 100, 500, "2.5 accepted a second, about 2:40 left"),
        (0.05, 100, 130, "3.0 accepted a minute, about 10:00 left"),
        (1234.5, 7, None, "1,234.5 accepted a second"),
        (3.0, 500, 500, "3.0 accepted a second"),
    ],
)
def test_how_fast_it_is_and_how_long_it_will_take(rate: float, number: int, goal: int | None, told: str) -> None:
    assert pace(rate, number, goal, "accepted") == told


def test_plain_lines_tell_it_too(capsys: pytest.CaptureFixture[str]) -> None:
    there = monitor()
    lines = Lines(there)
    there.tally["keep"].out = 200
    lines.look(lines._told + 20)
    assert capsys.readouterr().err == (
        "round 2: 200 of 500 accepted, 344 calls, $0.1234, 4.0 accepted a second, about 1:15 left\n"
    )


def test_the_display_tells_it_too() -> None:
    there = monitor()
    display = Display(there)
    start = time.monotonic()
    display.lines(start, 80, 24)
    there.tally["keep"].out = 150
    text = "\n".join("".join(piece for piece, _ in line) for line in display.lines(start + 10, 80, 24))
    assert text.endswith("rate    3.0 accepted a second, about 1:56 left")


def test_the_display_has_it_all() -> None:
    text = shown(Display(monitor()))
    assert re.fullmatch(r"talk  runs/talk-001 +round 2  0:00", text[0]) and len(text[0]) == 80
    assert re.fullmatch(r"━{14}─+  120 of 500 accepted", text[1]) and len(text[1]) == 80
    assert text[3:] == [
        "step                 in      out  dropped   failed",
        "ask                 400      390        0       10",
        "keep                390      120      270        0",
        "",
        "calls   344 done (3 failed, 1 hedged), 0 in flight, 10 answers from the journal",
        "tokens  12,345 in, 6,789 out",
        "cost    $0.1234",
    ]


def test_the_display_without_a_target_models_or_steps() -> None:
    assert shown(Display(Monitor("bare"))) == ["bare  " + " " * 61 + "round 1  0:00", "0 accepted", ""]


def test_without_a_target_it_says_how_far_the_stage_is() -> None:
    there = monitor(labels=["ask", "keep", "rate"], stages=[["ask", "keep"], ["rate"]], target=None, goal=None)
    there.body, there.tally = ["ask", "keep", "rate"], {"ask": Count(37, 0, 37), "keep": Count(37, 0, 30, 7)}
    there.open = {number: {} for number in range(73)}
    assert shown(Display(there))[1] == "0 accepted, 37 of 110 so far"
    assert said(there) == "round 2: 0 accepted, 37 of 110 so far, 344 calls, $0.00"
    there.open, there.stage = {}, 1
    there.tally["rate"] = Count(15, 0, 12, 3)
    bar = shown(Display(there))[1]
    assert re.fullmatch(r"━+─+  12 accepted, 15 of 30 in stage 2 of 2", bar) and len(bar) == 80
    assert bar.count("━") == (80 - len("  12 accepted, 15 of 30 in stage 2 of 2")) // 2, "half of them"
    assert said(there) == "round 2: 12 accepted, 15 of 30 in stage 2 of 2, 344 calls, $0.00"
    assert max(map(len, shown(Display(there), 20))) < 50


def test_the_display_in_ascii() -> None:
    assert shown(Display(monitor(), ascii_only=True))[1].startswith("##############---")


@pytest.mark.parametrize("width", [20, 40, 60, 80, 300])
@pytest.mark.parametrize("height", [1, 10, 24, 100])
def test_the_display_fits(width: int, height: int) -> None:
    labels = [f"数字/very/long/label/of/a/step-{number}" for number in range(500)]
    there = monitor(labels=labels, body=labels, note="stopping: " + "word " * 30)
    there.tally = {label: Count(10**6, 0, 10**6) for label in labels[:300]}
    text = shown(Display(there), width, height)
    assert len(text) <= max(height, 15)
    if width >= 40:
        assert max(map(width_of, text)) <= max(width, 52)
    if height == 24 and width >= 60:
        assert any("step-299" in line for line in text) and "more before" in " ".join(text)
        assert sum(int(number) for number in re.findall(r"… (\d+) more", " ".join(text))) + 10 == 500


def test_rich_draws_what_the_display_says() -> None:
    there = monitor(name="[bold]no markup[/bold]")
    assert "[bold]no markup[/bold]" in Display(there).text(80, 24).plain


def test_a_display_that_fails_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    there = monitor()
    monkeypatch.setattr(there, "tally", None)
    assert Display(there).text(60, 24).plain.startswith("(no display: TypeError: ")


def test_a_round_that_is_decided_at_its_end_tells_its_stages() -> None:
    stages = [["ask", "keep"], ["top"], ["rate"]]
    there = monitor(labels=["ask", "keep", "top", "rate"], stages=stages, coming=1000, goal=None, target=None)
    pace = Pace()
    assert pace(there, there.tally, 0) == ""
    there.tally["ask"].seen = 420
    assert pace(there, there.tally, 10) == "2.0 records a second, about 4:50 left of stage 1 of 3"
    there.stage, there.tally["top"], there.tally["rate"] = 2, Count(120, 0, 60, 60), Count(20, 0, 20)
    assert pace(there, there.tally, 20) == ""
    there.tally["rate"].seen = 30
    assert pace(there, there.tally, 30) == "1.0 records a second, about 0:30 left of stage 3 of 3"
    there.coming, there.stage = None, 0
    assert pace(there, there.tally, 31) == ""
    there.tally["ask"].seen = 440
    assert pace(there, there.tally, 41) == "2.0 records a second"


def test_python_users_see_it_where_somebody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    class OutStream:
        """The stderr of a notebook's kernel."""

        def isatty(self) -> bool:
            return False

    assert views.watcher(None) is None and views.watcher(True) is not None
    OutStream.__module__ = "ipykernel.iostream"
    monkeypatch.setattr(sys, "stderr", OutStream())
    assert views.watcher(None) is not None and views.watcher(False) is None
