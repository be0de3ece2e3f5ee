"""Outages and limits as people see them: on a terminal, in plain lines, and in what the run comes to."""

import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cli_kit import Cli, Terminal

from synthkit.cli.hindered import News, hindered, sentence
from synthkit.cli.live import Display
from synthkit.cli.text import width_of
from synthkit.core import Usage
from synthkit.engine.monitor import Monitor
from synthkit.models import attempts, hindrance
from synthkit.models import outage as outages
from synthkit.models.hindrance import Hindrance
from synthkit.testing import LoopbackServer, Reply, Request

Serve = Callable[..., LoopbackServer]
PIPELINE = '''
"""Questions about numbers."""
import synthkit as sk
from synthkit.generators import Rows


def pipeline(top: int = 60) -> sk.Pipeline:
    """A sentence about each number."""
    rows = Rows([{"n": n} for n in range(top)])
    return sk.Pipeline("talk") >> rows >> sk.Prompt("m", template="Number {{ n }}", into="text")
'''


def outage(**changes: Any) -> Hindrance:
    return Hindrance(**{"model": "openai/x", "kind": "outage", "reason": "overloaded", "lasts": 45.2, "every": 30.0,
                        "left": 540.0, **changes})  # fmt: skip


SENTENCES = {
    "openai/x answers nothing good for 45 s (overloaded): trying every 30 s, giving up in 9 min": outage(),
    "openai/x answers nothing good for 3.0 h (timeout): trying every 30 s": outage(
        lasts=10_800, reason="timeout", left=float("inf")
    ),
    "openai/x answers nothing good for 45 s (overloaded): trying every 30 s, giving up": outage(left=0.0),
    "openai/x allows 60 requests a minute: waiting": Hindrance("openai/x", "requests", a_minute=60),
    "openai/x allows 30,000 input tokens a minute: waiting": Hindrance("openai/x", "input", a_minute=3e4),
    "openai/x is given 6 requests a minute, as you set it: waiting": Hindrance("openai/x", "own requests", a_minute=6),
    "openai/x refuses more than about 119 requests a minute: waiting": Hindrance("openai/x", "pace", a_minute=118.7),
    "openai/x says that nothing is left of a limit: waiting, 20 s more": Hindrance("openai/x", "left", left=20),
    "a\\x1b[2Jb allows 60 tokens a minute: waiting": Hindrance("a\x1b[2Jb", "tokens", a_minute=60),
}


@pytest.mark.parametrize("said", SENTENCES)
def test_what_holds_back_is_a_sentence(said: str) -> None:
    assert sentence(SENTENCES[said]) == said


def watched(*found: Hindrance, note: str = "") -> Monitor:
    return Monitor("talk", note=note, models=SimpleNamespace(hindrances=found, in_flight=0))  # type: ignore[arg-type]


def answered(there: Monitor, number: int) -> Monitor:
    for _ in range(number):
        there.bill.paid("openai/x", "ask", Usage(), Decimal(0))
    return there


@pytest.mark.parametrize("width", [40, 80])
def test_the_display_shows_it_in_yellow(width: int) -> None:
    lines = Display(watched(outage())).lines(time.monotonic(), width, 24)
    yellow = [text for pieces in lines for text, style in pieces if style == "yellow"]
    assert 1 <= len(yellow) <= 2 and max(map(width_of, yellow)) <= width
    assert " ".join(yellow).startswith("openai/x answers nothing good for 45 s")
    assert width == 40 or " ".join(yellow).endswith("giving up in 9 min")


def test_a_run_that_is_stopping_says_that_alone() -> None:
    assert hindered(watched(outage(), note="stopping: …")) == () and hindered(Monitor("bare")) == ()


def test_lines_tell_when_it_begins_and_when_it_is_over() -> None:
    news, limit = News(), Hindrance("m", "requests", a_minute=60)
    assert list(news(watched())) == []
    assert list(news(answered(watched(outage(), limit), 7))) == [sentence(outage()), sentence(limit)]
    assert list(news(answered(watched(outage(lasts=90.0), limit), 7))) == []
    assert list(news(answered(watched(), 7))) == [], "nobody asks it any more, and nothing came"
    assert list(news(answered(watched(), 8))) == ["openai/x answers again"]
    assert list(news(answered(watched(limit), 9))) == [], "a limit is told once"
    assert list(news(answered(watched(outage()), 9))) == [sentence(outage())], "another outage"
    assert list(news(answered(watched(outage(left=0.0)), 9))) == [], "the run has given up"
    assert list(news(answered(watched(note="stopping"), 9))) == [], "nobody knows"
    assert list(news(answered(watched(outage(left=0.0)), 9))) == [], "it says so itself, in the end"


class Service:
    """Answers so many requests, and then none until it is healed."""

    def __init__(self, good: int, error: str = "service_unavailable") -> None:
        self.good, self.error, self.healed = good, error, False

    def __call__(self, request: Request) -> Reply:
        if self.healed or request.number < self.good:
            return Reply(text=f"{request.prompt} is a number.", delay=0.02)
        return Reply(error=self.error)


@pytest.fixture
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Outages are seen, probed and told ten times as fast."""
    monkeypatch.setattr(outages, "QUIET", 0.3)
    monkeypatch.setattr(outages, "FIRST", 0.1)
    monkeypatch.setattr(attempts, "FIRST_DELAY", 0.05)
    monkeypatch.setattr(hindrance, "SOON", 0.2)


@pytest.mark.usefixtures("brisk")
def test_a_service_that_stays_away_ends_the_run_which_goes_on_later(project: Path, serve: Serve, cli: Cli) -> None:
    service = Service(30)
    server = serve(answer=service)
    (project / "talk.py").write_text(PIPELINE)
    said = cli("run", "talk.py", "--concurrency", "8", "--give-up-after", "1s")
    assert said.code == 3, said
    out = " ".join(said.out.split())
    assert "partial: m has answered nothing good for 1 s (last: overloaded); no record has failed because of it" in out
    assert "go on with synthkit resume runs/talk-001" in out
    assert "m answers nothing good for" in said.err and "(overloaded): trying every 1 s, giving up in 1 s" in said.err
    assert "answers again" not in said.err, "it never did"
    service.healed = True
    again = cli("resume", "talk-001")
    assert again.code == 0 and again.out.startswith("complete: 60 ")
    assert server.answered == 60 and server.asked_again == 0


@pytest.mark.usefixtures("brisk")
def test_plain_lines_say_that_a_service_is_back(project: Path, serve: Serve, cli: Cli) -> None:
    began = time.monotonic()
    server = serve(
        answer=lambda request: (
            Reply(error="server_error")
            if request.number >= 20 and time.monotonic() - began < 2
            else Reply(text="fine", delay=0.02)
        )
    )
    (project / "talk.py").write_text(PIPELINE)
    said = cli("run", "talk.py", "--concurrency", "8")
    assert said.code == 0 and said.out.startswith("complete: 60 "), said
    told = [line for line in said.err.splitlines() if line.startswith("m ")]
    assert len(told) == 2 and told[0].startswith("m answers nothing good for") and told[1] == "m answers again"
    assert server.answered == 60 and "0       0" in said.out


def test_ctrl_c_in_an_outage_ends_the_run_at_once(project: Path, serve: Serve) -> None:
    serve(answer=Service(30))
    (project / "talk.py").write_text(PIPELINE)
    with Terminal("run", "talk.py", "--concurrency", "8", cwd=project) as terminal:
        terminal.read("m answers nothing good for")
        terminal.interrupt()
        stopped = time.monotonic()
        assert terminal.end() == 3
        assert time.monotonic() - stopped < 3, "no probe is waited for"
    assert "partial: stopped by Ctrl-C" in terminal.text and "synthkit resume runs/talk-001" in terminal.text
    assert "Traceback" not in terminal.text


def test_nothing_left_to_spend_stops_the_run_and_is_asked_once(project: Path, serve: Serve, cli: Cli) -> None:
    service = Service(30, "insufficient_quota")
    server = serve(answer=service)
    (project / "talk.py").write_text(PIPELINE)
    said = cli("run", "talk.py", "--concurrency", "1")
    assert said.code == 1 and "has nothing left to spend" in " ".join(said.out.split()), said
    assert server.count == 31
    service.healed = True
    again = cli("resume", "talk-001")
    assert again.code == 0 and again.out.startswith("complete: 60 ")
    assert server.answered == 60 and server.asked_again == 0


@pytest.mark.usefixtures("brisk")
def test_a_limit_of_ones_own_is_told(project: Path, serve: Serve, cli: Cli) -> None:
    server = serve(answer=lambda request: "fine")
    with (project / "synthkit.toml").open("a") as file:
        file.write("requests_per_minute = 600\n")
    (project / "talk.py").write_text(PIPELINE)
    said = cli("run", "talk.py", "--top", "60")
    assert said.code == 0 and server.count == 60
    assert "m is given 600 requests a minute, as you set it: waiting" in said.err
