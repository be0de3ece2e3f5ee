"""The bill: what a run paid adds up with the journal to the last digit, by model and step, and survives kills."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import synthkit as sk
from synthkit.cli import show
from synthkit.cli.money import by_model
from synthkit.engine import api
from synthkit.engine.result import Result
from synthkit.engine.tally import together
from synthkit.models.bill import Bill
from synthkit.models.journal import Entry, Journal
from synthkit.testing import Faults, LoopbackServer, Reply, Request, Script, steady

Serve = Callable[..., LoopbackServer]
PRICES = {"m": ("0.15", "0.60"), "judge": ("2.5", "10")}
CACHED = Decimal("0.075")
D = Decimal


@sk.generator(writes="n")
def numbers(top: int = 40) -> Any:
    for n in range(top):
        yield {"n": n}


class Ask(sk.Prompt):
    template = "Number {{ n }}"


class Judge(sk.Prompt):
    template = "Is {{ text }} good?"


def answer_usage(number: int) -> dict[str, Any]:
    """What the answer to the request of that number took."""
    return {
        "prompt_tokens": 1000 + number, "completion_tokens": 77,
        "prompt_tokens_details": {"cached_tokens": 512}, "completion_tokens_details": {"reasoning_tokens": 33},
    }  # fmt: skip


def answer(request: Request) -> Reply:
    return Reply(text=steady(request).text, usage=answer_usage(request.number))


@pytest.fixture
def priced(project: Path, serve: Serve) -> Callable[..., LoopbackServer]:
    """Starts a server, and gives the models m and judge prices."""

    def start(**options: Any) -> LoopbackServer:
        server = serve(**{"answer": answer, **options})
        tables = [f'[models.judge]\nuse = "openai/judge"\nbase_url = "{server.url}"\n']
        tables += [f"[prices.{m}]\ninput = {i}\noutput = {o}\ncached = 0.075\n" for m, (i, o) in PRICES.items()]
        with (project / "synthkit.toml").open("a") as file:
            file.write("\n" + "\n".join(tables))
        return server

    return start


def pipeline(top: int = 40) -> sk.Pipeline:
    return sk.Pipeline("p") >> numbers(top=top) >> Ask(model="m") >> Judge(model="judge", into="verdict", label="score")


def journaled(project: Path, run: str) -> dict[tuple[str, str], Decimal]:
    """What the journal's entries of a run cost by model and step, priced without synthkit's own code."""
    found: dict[tuple[str, str], Decimal] = {}
    journal = Journal(project / ".synthkit/journal", read_only=True)
    for entry in journal.scan():
        data = entry.data
        try:
            usage = json.loads(data["body"])["usage"]
        except ValueError:  # cut
            continue
        if data["run"] == run:
            price, output = map(Decimal, PRICES[data["model"]])
            cached = usage["prompt_tokens_details"]["cached_tokens"]
            dollars = price * (usage["prompt_tokens"] - cached) + CACHED * cached + output * usage["completion_tokens"]
            key = (data["model"], data["path"].split("/")[0])
            found[key] = found.get(key, Decimal(0)) + dollars / 1_000_000
    asyncio.run(journal.close())
    return found


def test_it_adds_up_with_the_journal(project: Path, priced: Serve) -> None:
    server = priced()
    result = api.run(pipeline(), folder=project / "run")
    bill = result.bill
    assert {key: line.cost for key, line in bill.lines.items()} == journaled(project, result.state["run"])
    assert set(bill.lines) == {("m", "ask"), ("judge", "score")}
    assert bill.total.calls == server.count == 80
    usage = bill.by_model()["m"].usage
    assert (usage.output, usage.cached, usage.reasoning) == (40 * 77, 40 * 512, 40 * 33)
    assert (bill.total.unused, bill.total.unknown, bill.cut_off) == (0, 0, 0)
    assert result.cost == pytest.approx(float(bill.total.cost)), "nothing was in vain"
    again = api.run(pipeline(), folder=project / "again")
    assert (again.bill.total.calls, again.bill.total.cost, again.cost) == (0, 0, result.cost), "from the journal"
    assert Bill.of(json.loads(json.dumps(bill.form()))).lines == bill.lines


def test_attempts_that_came_to_nothing_are_told_apart(project: Path, priced: Serve) -> None:
    faults = Script([Reply(reset=True), Reply(text="x", cut=0.5), Reply(error="server_error"), None, None])
    server = priced(faults=faults)
    result = api.run(pipeline(top=1), folder=project / "run")
    ask = result.bill.lines["m", "ask"]
    assert server.count == 5
    assert (ask.calls, ask.unused, ask.free, ask.unknown, ask.unpriced) == (4, 2, 1, 2, 0), "the error was free"
    assert (ask.answers, ask.failed, ask.hedged) == (1, 3, 0)
    assert ask.most > 2 * 2048 * Decimal("0.60") / 1_000_000, "at most all that they may have answered"
    assert ask.cost == journaled(project, result.state["run"])["m", "ask"]
    said = " ".join(str(result).split())
    assert "calls 5 (3 failed) tokens" in said
    assert "perhaps $0.0026 more, at most: nobody knows what 2 calls took that brought no whole answer" in said


TOLD = {"input_tokens": 1000, "output_tokens": 500}
SAID = {"message": "it broke", "code": "server_error"}
SPOILT: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "openai-responses": (TOLD, {"object": "response", "status": "failed", "output": [], "error": SAID}),
    "openai": ({"prompt_tokens": 1000, "completion_tokens": 500}, {"error": {"message": "it broke", "code": 502}}),
    "anthropic": (TOLD, {"type": "error", "error": {"type": "api_error", "message": "it broke"}}),
}


@pytest.mark.parametrize("provider", SPOILT)
def test_an_error_that_came_as_a_good_reply_is_kept_and_paid(
    project: Path, serve: Serve, provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that tells what it took, one that does not, and a good answer."""
    monkeypatch.setattr("synthkit.models.attempts.FIRST_DELAY", 0.0)
    usage, body = SPOILT[provider]
    script = [Reply(raw=json.dumps(form).encode()) for form in ({**body, "usage": usage}, {**body, "usage": None})]
    server = serve("unused", faults=Script([*script, None]))
    with (project / "synthkit.toml").open("a") as file:
        file.write(f'[models.m]\nuse = "{provider}/m"\nbase_url = "{server.url}"\nendpoint = "loop"\n')
        file.write("[prices.m]\ninput = 0.15\noutput = 0.60\n")
    result = api.run(sk.Pipeline("p") >> numbers(top=1) >> Ask(model="m"), folder=project / "run")
    assert result.status == "complete"
    ask = result.bill.lines["m", "ask"]
    assert (ask.calls, ask.unused, ask.unknown) == (3, 2, 1)
    assert ask.wasted == (1000 * Decimal("0.15") + 500 * Decimal("0.60")) / 1_000_000
    journal = Journal(project / ".synthkit/journal", read_only=True)
    kept = [(entry.kind, "it broke" in entry.data["body"]) for entry in journal.scan()]
    asyncio.run(journal.close())
    assert kept == [("attempt", True), ("attempt", True), ("answer", False)]
    state = json.loads((project / "run/run.json").read_text())
    del state["bill"]
    (project / "run/run.json").write_text(json.dumps(state))
    assert Result(project / "run").bill.lines == result.bill.lines, "made again from the journal"


def test_it_is_shown_within_80_columns(project: Path, priced: Serve) -> None:
    usage = answer_usage(0)
    faults = Script([Reply(text="x", cut=0.5)])
    priced(faults=faults, answer=lambda request: Reply(text=steady(request).text, usage=usage))
    result = api.run(pipeline(top=2), folder=project / "run")
    shown = ["".join(text for text, _ in line) for line in by_model(result.bill, 80)]
    assert shown[0] == "by model: its calls, and what was paid for them, used or not"
    assert [line.split() for line in shown[1:]] == [
        ["model", "calls", "failed", "tokens", "in", "cached", "tokens", "out", "reasoning", "paid"],
        ["judge", "2", "0", "2,000", "1,024", "154", "66", "$0.0041"],
        ["m", "3", "1", "2,000", "1,024", "154", "66", "$0.0003+"],
    ]
    assert max(map(len, shown)) <= 80
    dollars = {model: line.cost for model, line in result.bill.by_model().items()}
    assert dollars == {"judge": D("0.0040568"), "m": D("0.0003156")}
    told = [" ".join(line.split()) for line in str(result).splitlines()]
    assert "paid $0.0044: $0.0041 to judge, $0.0003 to m" in told
    again = api.run(pipeline(top=2), folder=project / "again")
    assert "paid $0.00; $0.0044 saved by the journal" in [" ".join(line.split()) for line in str(again).splitlines()]
    assert again.bill.lines == {} and by_model(again.bill, 80) == []


def test_an_answer_that_came_second_is_paid_and_not_used(project: Path, priced: Serve) -> None:
    """Another process asks the same at the same time, and its answer is there first."""
    place = project / ".synthkit/journal"
    before: list[Entry] = []

    def second(request: Request) -> Reply:
        for entry in before:
            journal = Journal(place)
            body = json.loads(entry.data["body"])
            body["choices"][0]["message"]["content"] = "the other one"
            data = {**entry.data, "run": "another", "body": json.dumps(body)}
            thread = threading.Thread(target=asyncio.run, args=(_put(journal, Entry(entry.key, "answer", data)),))
            thread.start()
            thread.join()
        before.clear()
        return answer(request)

    priced(answer=second)
    api.run(pipeline(top=1), folder=project / "probe")
    journal = Journal(place, read_only=True)
    found = [entry for entry in journal.scan() if entry.data["model"] == "m"]
    asyncio.run(journal.close())
    for path in place.iterdir():
        path.unlink()
    before += found
    result = api.run(pipeline(top=1), folder=project / "run")
    ask = result.bill.lines["m", "ask"]
    assert result.accepted[0]["text"] == "the other one"
    assert (ask.calls, ask.unused) == (1, 1) and ask.cost == ask.wasted > 0
    assert ask.cost == journaled(project, result.state["run"])["m", "ask"]


async def _put(journal: Journal, entry: Entry) -> None:
    await journal.append(entry)
    await journal.close()


def test_it_survives_kills(project: Path, priced: Serve) -> None:
    """Also without a budget; made from the journal alone as long as the run is dead, and when it goes on."""
    server = priced(latency=0.02, faults=Faults(cut=0.05, server_error=0.05, seed=3))
    script = project / "script.py"
    script.write_text(
        "import sys\nimport test_bill\nfrom synthkit.engine import api\n"
        "if __name__ == '__main__':\n    api.run(test_bill.pipeline(200), folder='run', concurrency=8)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent), "OPENAI_API_KEY": "k"}
    for after in (30, 90):
        with subprocess.Popen([sys.executable, str(script)], cwd=project, env=environment) as child:
            server.wait(after, seconds=60)
            child.send_signal(signal.SIGKILL)
        killed = Result(project / "run")
        assert killed.status == "running"
        known = journaled(project, killed.state["run"])
        assert known and {key: line.cost for key, line in killed.bill.lines.items() if line.cost} == known
    result = api.run(pipeline(200), folder=project / "run", concurrency=64)
    assert result.status == "complete"
    bill = result.bill
    assert {key: line.cost for key, line in bill.lines.items()} == journaled(project, result.state["run"])
    assert bill.total.unused == bill.total.unknown > 0, "cut answers"
    assert server.count - 2 * 16 <= bill.total.calls <= server.count, "but for those that a kill cut off"
    assert 0 < bill.total.free <= server.by_fault["server_error"]
    assert bill.total.answers == together(result.tally).asked == 400 and together(result.tally).journaled == 0
    assert Bill.of(json.loads((project / "run/run.json").read_text())["bill"]).lines == bill.lines
    assert counted(result) == {"calls": bill.total.calls, "failed": bill.total.calls - 400}


class Same(sk.Prompt):
    template = "Is it good?"
    share = True


def test_a_resumed_run_knows_its_own_answers_from_shared_ones(project: Path, priced: Serve) -> None:
    keys = Script([*[None] * 6, Reply(error="invalid_api_key"), *[None] * 99])
    server = priced(faults=keys)
    shared = sk.Pipeline("p") >> numbers(top=10) >> Ask(model="m") >> Same(model="judge", into="verdict", label="score")
    first = api.run(shared, folder=project / "run", concurrency=1)
    assert first.status == "failed" and 0 < first.unfinished.asked + together(first.tally).asked < 20
    last = api.resume(project / "run")
    used = together(last.tally)
    assert (used.asked, used.journaled, last.bill.total.answers, last.bill.total.failed) == (20, 9, 11, 1)
    assert counted(last) == {"calls": 12, "failed": 1} and server.count == 12
    assert "calls 12 (1 failed), 9 answers from the journal" in " ".join(str(last).split())


def counted(result: Result) -> dict[str, int]:
    """Calls by the summary, which both tables of `show` must come to."""
    words = re.search(r"^calls +(\d+)(?: \(([^)]*)\))?", str(result), re.MULTILINE)
    assert words is not None
    found = {"calls": int(words[1])}
    found |= {kind: int(number) for number, kind in (part.split() for part in (words[2] or "").split(", ") if part)}
    for lines in (show._asked(result, 80), by_model(result.bill, 80)):
        _, heads, *rows = ["".join(text for text, _ in line).replace("tokens ", "").split() for line in lines]
        assert {kind: sum(int(row[heads.index(kind)]) for row in rows) for kind in found} == found
    return found


def test_a_hedged_call_stays_one_after_a_kill(project: Path, priced: Serve) -> None:
    """Two calls hang, of which one may be hedged: the other hangs until the kill."""
    judged: list[int] = []

    def late(request: Request) -> Reply:
        judged.extend([request.number] * (request.body["model"] == "judge"))
        return replace(answer(request), hang=20.0 if request.number in judged[54:56] else 0.0)

    server = priced(answer=late, latency=0.005)
    script = project / "script.py"
    script.write_text(
        "import test_bill\nfrom synthkit.engine import api\n"
        "if __name__ == '__main__':\n    api.run(test_bill.pipeline(60), folder='run', concurrency=8)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent), "OPENAI_API_KEY": "k"}
    with subprocess.Popen([sys.executable, str(script)], cwd=project, env=environment) as child:
        server.wait(121, seconds=60)
        while Result(project / "run").bill.total.answers < 119 and child.poll() is None:
            time.sleep(0.05)
        child.send_signal(signal.SIGKILL)
    killed = Result(project / "run")
    assert counted(killed) == {"calls": 120, "hedged": 1} and "119 answers not used" in str(killed)
    result = api.run(pipeline(60), folder=project / "run", concurrency=8)
    assert counted(result) == {"calls": 121, "hedged": 1} and server.count == 122, "one hung until the kill"
    assert together(result.tally).journaled == 0 and "not used" not in str(result) and "journal" not in str(result)
    assert api.run(pipeline(60), folder=project / "again").bill.total.calls == 0
