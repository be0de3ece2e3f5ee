"""Money as people read it: the sum first, what may be more behind it, and tables that fit."""

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from cli_kit import Cli

from synthkit.cli.money import by_model, paid
from synthkit.cli.text import width_of
from synthkit.core import Usage
from synthkit.core.columns import hint
from synthkit.models.bill import Bill
from synthkit.testing import LoopbackServer, Reply, Request

Serve = Callable[..., LoopbackServer]
Asking = Callable[[Callable[[Request], Reply]], LoopbackServer]
ASK = '''
import synthkit as sk
from synthkit.generators import Rows


def pipeline(top: int = 3) -> sk.Pipeline:
    """A sentence about each number."""
    return sk.Pipeline("ask") >> Rows([{"n": n} for n in range(top)]) >> sk.Prompt("m", template="Number {{ n }}")
'''
NOBODY = "nobody knows what 1 call took that brought no whole answer"


@pytest.fixture
def asking(serve: Serve, place: Path) -> Asking:
    """Starts the service of ask.py, whose model has a price."""

    def start(answer: Callable[[Request], Reply]) -> LoopbackServer:
        server = serve(answer=answer)
        with (place / "synthkit.toml").open("a") as file:
            file.write("[prices.m]\ninput = 1000\noutput = 1000\n")
        (place / "ask.py").write_text(ASK)
        return server

    return start


def bill(*, answers: int = 1, cut_off: str = "0", worst: str | None = "0.0282", model: str = "openai/m") -> Bill:
    made = Bill(["ask"])
    for _ in range(answers):
        made.paid(model, "ask", Usage(1000, 500), Decimal("0.05"))
    if worst is not None:
        made.unknown(model, "ask", Decimal(worst))
    made.cut_off = Decimal(cut_off)
    return made


def rows(made: Bill, used: str = "0.05") -> list[str]:
    return [text for _, text in paid(made, Decimal(used))]


def test_the_sum_comes_first() -> None:
    assert rows(bill()) == ["$0.0500", f"perhaps $0.0282 more, at most: {NOBODY}"]
    assert rows(bill(answers=0), "0") == ["$0.00", f"perhaps $0.0282 more, at most: {NOBODY}"]
    cut = "perhaps $0.0659 more, at most: nobody knows what calls took that a kill cut off"
    assert rows(bill(worst=None, cut_off="0.0659")) == ["$0.0500", cut]
    assert rows(bill(worst=None)) == [], "the cost says it"
    unpriced = bill(answers=0, worst=None, cut_off="0.0659")
    unpriced.unknown("openai/m", "ask", None, used=True)
    assert rows(unpriced, "0") == ["unknown", cut]


def text_of(made: Bill, width: int) -> list[str]:
    return ["".join(text for text, _ in line) for line in by_model(made, width)]


def test_what_a_kill_cut_off_may_be_more() -> None:
    assert text_of(bill(worst=None, cut_off="0.0659"), 80)[2].endswith("  $0.0500+")
    assert text_of(bill(worst=None), 80)[2].endswith("  $0.0500")


@pytest.mark.parametrize("width", [80, 140])
def test_the_table_of_models_fits_with_all_kinds_of_tokens(width: int) -> None:
    made = bill(model="openai/Qwen/Qwen3-30B-A3B-Instruct-2507")
    made.paid("judge", "ask", Usage(1_012_345, 534_567, 400_000, 3_000, 20), Decimal("12.30"))
    made.free("judge", "ask")
    made.hedged("judge", "ask")
    lines = text_of(made, width)
    assert max(map(width_of, lines)) <= width
    told = " ".join(" ".join(lines).split())
    beneath = "of the tokens in 400,000 from the cache and 20 put into the cache, of those out 3,000 reasoning"
    assert (beneath in told) is (width == 80) and ("cached to cache" in told) is (width == 140)
    assert "$12.30" in told and "$0.0500+" in told


def test_a_run_of_refused_requests_says_why_and_what_helps(asking: Asking, cli: Cli) -> None:
    def answer(request: Request) -> Reply:
        return Reply(error="context_length_exceeded")

    server = asking(answer)
    said = cli("run", "ask.py", "--quiet")
    out = " ".join(said.out.split())
    assert said.code == 1 and "3 of 3 records failed (100%), more than 20%: all of them at prompt, context too" in out
    assert said.lines[-2:] == [
        "look at     synthkit rejected runs/ask-001",
        "go on with  synthkit resume runs/ask-001 --max-failures N",
    ]
    assert "context too long" in cli("rejected", "runs/ask-001").out
    assert server.count == 3


def test_answers_that_were_unfit_are_tried_again(asking: Asking, cli: Cli) -> None:
    good = False
    asking(lambda request: Reply(text="fine", finish_reason="stop" if good else "length"))
    said = cli("run", "ask.py", "--quiet")
    assert said.code == 1 and " at prompt, cut off: " in " ".join(said.out.split())
    assert said.lines[-1] == "go on with  synthkit resume runs/ask-001 --retry-failed"
    good = True
    again = cli("resume", "runs/ask-001", "--retry-failed", "--quiet")
    assert (again.code, again.lines[0]) == (0, "complete: 3 accepted, all that there were")


def test_the_list_of_runs_tells_who_paid(asking: Asking, cli: Cli) -> None:
    asking(lambda request: Reply(text="fine"))
    for _ in range(2):
        assert cli("run", "ask.py", "--quiet").code == 0
    forms = json.loads(cli("show", "--json").out)
    assert [form["paid"] > 0 for form in forms] == [True, False] and forms[0]["cost"] == forms[1]["cost"]
    assert [form["paid_may_be_more"] for form in forms] == [False, False]
    lines = cli("show").lines
    assert lines[0].split() == ["run", "status", "accepted", "paid", "began"]
    assert lines[1].split()[3].startswith("$0.") and lines[2].split()[3] == "$0.00" != lines[1].split()[3]


def test_of_many_names_the_nearest_are_told() -> None:
    known = [f"alpha-{number:03}" for number in range(40)] + ["zebra"]
    said = hint("zeb-1-2", known)
    assert said.startswith("; there are: ") and "zebra" in said and said.endswith(" and 36 others")
    assert said.count(",") == 4, said
    assert hint("zebro", known) == "; did you mean 'zebra'?"
    assert hint("xxx", known[:3]) == "; there are: alpha-000, alpha-001, alpha-002"
