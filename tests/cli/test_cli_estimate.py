"""`synthkit estimate`: a pilot, what a run will cost after it, and models side by side."""

import json
import re
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest
from cli_kit import COMMAND, Cli, Terminal, environment, process, until

from synthkit.cli.estimated import about, dollars, listed
from synthkit.cli.text import width_of
from synthkit.testing import ERRORS, LoopbackServer, Reply, Request, fresh

CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")

TIPS = '''
"""Tips."""
import synthkit as sk
from synthkit.judges import Rubric


@sk.generator(writes="topic", endless=True)
def topics(round: sk.Round):
    for n in range(round.start, round.start + round.want):
        yield {"topic": f"topic {n}"}


class Tip(sk.Prompt):
    template = "A tip about {{ topic }}."
    into = "output"


def pipeline(model: str = "a", judge: str = "judge", least: int = 4) -> sk.Pipeline:
    """Tips."""
    rubric = Rubric(judge, reads=["output"]).at_least(least)
    return sk.Pipeline("tips", target=100) >> topics() >> Tip(model=model) >> rubric
'''


def said(request: Request) -> Reply:
    """A tip, longer from the model «b»; scores from 3 to 5; nothing from the model «gone»."""
    if request.model == "gone":
        return Reply(error=ERRORS["model_not_found"])
    if request.schema is not None:
        score = 3 + sum(map(ord, request.prompt)) % 3
        return Reply(text=json.dumps({"rationale": "So.", "score": score}))
    return Reply(text=f"{request.prompt} " + "word " * (40 if request.model == "a" else 400))


@pytest.fixture
def temporary(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files: empty."""
    folder = place / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


def named(place: Path, server: LoopbackServer, *unpriced: str) -> None:
    """The pipeline file, and the server's models with their prices."""
    (place / "tips.py").write_text(TIPS)
    text = ""
    for name in ("a", "b", "gone", "judge"):
        text += f'[models.{name}]\nuse = "openai/{name}"\nbase_url = "{server.url}"\nendpoint = "here"\n'
        if name not in unpriced:
            text += f"[prices.{name}]\ninput = 1\noutput = 4\nbatch_input = 0.5\nbatch_output = 2\n"
    (place / "synthkit.toml").write_text(text)


def test_a_run_behind_an_estimate_asks_for_the_rest_only(cli: Cli, place: Path, temporary: Path) -> None:
    with LoopbackServer(said) as server:
        named(place, server)
        first = cli("estimate", "tips.py")
        assert (first.code, first.err) == (0, "")
        assert server.count == 32 and not (place / "runs").exists() and not any(temporary.iterdir())
        assert cli("estimate", "tips.py").code == 0 and server.count == 32
        assert cli("run", "tips.py", "--quiet").code == 0
        told = json.loads(cli("show", "tips-001", "--json").out)
        assert told["journaled"] == 32 and server.count == 32 + told["calls"]


def test_all_of_it_at_80_columns(cli: Cli, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with LoopbackServer(said) as server:
        named(place, server)
        shown = cli("estimate", "tips.py", "--target", "200")
    assert shown.code == 0, shown.err
    assert max(map(width_of, shown.lines)) <= 80
    blocks = shown.out.split("\n\n")
    assert re.match(r"estimate: 200 accepted records from \d+ source records, in [\d,]+ calls,?", blocks[0])
    rows = [line.split() for line in blocks[1].splitlines()]
    assert rows[0][:4] == ["step", "in", "the", "pilot"]
    assert rows[1][:6] == ["tip", "16", "16", "0", "100", "%"] and rows[3][0] == "rubric/at-least"
    titles = [re.split(r"  +", line.strip())[0] for line in blocks[2].splitlines()]
    each = ["calls", "tokens in", "tokens out", "dollars", "dollars in batches"]
    assert titles == [
        "a run for 200", "source records", "accepted records", *each, "time", "of these a", *each, "of these judge",
        *each,
    ]  # fmt: skip
    assert re.search(r"^dollars +\$[\d.]+ +\$[\d.]+ to \$[\d.]+$", blocks[2], re.M)
    assert re.search(r"^pilot +16 source records, 32 calls$", blocks[3], re.M)
    assert re.search(r"^paid +\$0\.\d{4} now; the run does not pay it again$", blocks[3], re.M)
    assert re.search(r"^score +\d\.\d\d \(.* to .*\), of 16 scored records$", blocks[3], re.M)


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_it_fits_the_screen_and_moves_no_cursor(
    cli: Cli, place: Path, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    with LoopbackServer(said) as server:
        named(place, server)
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        text = TIPS.replace("Rubric(judge,", 'Rubric(judge, label="rubric" + "x" * 40, prefix="\\u202ep",')
        (place / "tips.py").write_text(text)
        single = cli("estimate", "tips.py")
        models = cli("estimate", "tips.py", "--compare", "a,b,openai/x\x1b[2Jy")
    for shown in (single, models):
        assert shown.code == 0, shown.err
        assert not CONTROL.search(shown.out)
    assert max(map(width_of, single.lines)) <= max(columns, 64)
    assert max(map(width_of, models.lines)) <= max(columns, 80)


def test_models_side_by_side(place: Path) -> None:
    with LoopbackServer(said) as server:
        named(place, server)
        shown = process("estimate", "tips.py", "--compare", "b,gone,a", cwd=place)
    assert (shown.code, shown.err) == (0, ""), shown.err
    assert shown.out.startswith("estimate: 2 of 3 models, the cheapest first\n")
    quality, costs, facts = shown.out.split("\n\n")[1:]
    for table in (quality, costs):
        assert [line.split()[0] for line in table.splitlines()] == ["model", "→", "b"]
        assert table.splitlines()[1].startswith("→ a ")
    assert "cheapest  a, by more than the pilot may be wrong\n" in facts
    assert re.search(r"^failed +gone: .*no model 'gone'", facts, re.M)


def test_models_that_all_fail_are_a_failure(place: Path) -> None:
    with LoopbackServer(said) as server:
        named(place, server)
        shown = process("estimate", "tips.py", "--compare", "gone", cwd=place)
    assert shown.code == 1 and shown.out.startswith("no estimate with any of these models\n")
    assert "gone: " in shown.out


def test_a_wrong_name_costs_nothing(cli: Cli, place: Path) -> None:
    with LoopbackServer(said) as server:
        named(place, server)
        with (place / "synthkit.toml").open("a") as file:
            file.write('[models.keyless]\nuse = "openai/k"\napi_key_env = "NO_SUCH_KEY"\n')
        shown = cli("estimate", "tips.py", "--compare", "a,gonne,keyless")
    assert (shown.code, shown.out, server.count) == (2, "", 0)
    first, second = shown.err.splitlines()
    assert first.startswith("synthkit: error: tips.py: tip: no model is called 'gonne'")
    assert first.endswith("; did you mean 'gone'?") and "keyless needs a key: set NO_SUCH_KEY" in second


def test_no_winner_among_equal_models_where_the_pilot_meets_the_target(cli: Cli, place: Path) -> None:
    with LoopbackServer(said) as server:
        named(place, server)
        text = (place / "synthkit.toml").read_text()
        (place / "synthkit.toml").write_text(text.replace('"openai/b"', '"openai/a"').replace(
            f'use = "openai/a"\nbase_url = "{server.url}"\nendpoint = "here"\n[prices.b]',
            f'use = "openai/a"\nbase_url = "{server.url}"\nendpoint = "there"\n[prices.b]',
        ))  # fmt: skip
        shown = cli("estimate", "tips.py", "--compare", "a,b", "--target", "5")
        single = cli("estimate", "tips.py", "--target", "5")
    assert "but the pilot cannot tell it apart from" in facts(shown.out)
    costs = shown.out.split("\n\n")[2]
    assert len(re.findall(r"^..[ab] +\$[\d.]+ \([\d.]+ to [\d.]+\) ", costs, re.M)) == 2
    assert re.search(r" price \$[\d.]+ \([\d.]+ to [\d.]+\) for 1,000 accepted", facts(single.out))


def test_a_model_without_a_price_is_shown_with_all_else(cli: Cli, place: Path) -> None:
    with LoopbackServer(said) as server:
        named(place, server, "b")
        single = cli("estimate", "tips.py", "--model", "b")
        models = cli("estimate", "tips.py", "--compare", "b,a")
    assert single.code == models.code == 0
    assert "no price is known for b: add it to synthkit.toml as [prices.b]" in single.out
    assert re.search(r"^dollars +not known$", single.out, re.M) and re.search(r"^tokens in +[\d,]+ ", single.out, re.M)
    assert re.search(r"^  b .*not known", models.out, re.M)
    assert re.search(r"^no price +b: add it to synthkit.toml as \[prices.b\]$", models.out, re.M)
    assert "cheapest  " not in models.out, "nobody knows whether it is cheaper"
    assert re.search(r"^paid +at least \$0\.\d{4} now; ", single.out, re.M)


def facts(out: str) -> str:
    """What stands beneath the tables, without its line breaks."""
    return " ".join(out.split("\n\n")[-1].split())


def test_a_price_in_batches_that_only_the_judge_lacks(cli: Cli, place: Path) -> None:
    with LoopbackServer(said) as server:
        named(place, server)
        text = (place / "synthkit.toml").read_text()
        head, judge = text.split("[prices.judge]")
        (place / "synthkit.toml").write_text(f"{head}[prices.judge]{judge.partition('batch_input')[0]}")
        shown = cli("estimate", "tips.py", "--compare", "a,b")
    assert re.search(r"^→ a .*\) +– +\$", shown.out, re.M), "no dollars in batches"
    missing = "batches no price is known for judge: if its service takes any, add batch_input and batch_output to "
    assert f"{missing}[prices.judge] " in facts(shown.out) and "[prices.a]" not in shown.out


def test_a_comparison_says_what_it_cost_and_whom_its_budget_left_out(cli: Cli, place: Path) -> None:
    with LoopbackServer(said) as server:
        named(place, server)
        short = cli("estimate", "tips.py", "--compare", "b,a", "--budget", "0.0456", "--concurrency", "1")
        first = cli("estimate", "tips.py", "--compare", "a")
        again = cli("estimate", "tips.py", "--compare", "a")
    assert short.code == 0 and short.out.startswith("estimate: 1 of 2 models")
    told = facts(short.out)
    assert re.search(
        r"failed b: its share of \$0\.0228 is used up: \$0\.\d{4} are spent, and the next call may cost \$0\.\d{4}; "
        r"\d+ of 16 source records are left out budget \$0\.0456: each model may take an equal part of what "
        r"those before it left; give a larger one: what is paid is in the journal ",
        told,
    ), told
    assert re.search(r" paid \$0\.\d{4} now; the run does not pay it again ", told), told
    assert re.search(r" paid \$0\.00 now, \$0\.\d{4} found in the journal; the run does not ", facts(first.out))
    assert facts(first.out) == facts(again.out)


def test_notes_name_their_models(cli: Cli, place: Path) -> None:
    with LoopbackServer(said) as server:
        named(place, server)
        sees = TIPS.replace(">> rubric", '>> ExactDedup("output") >> rubric')
        (place / "tips.py").write_text(sees.replace("\nfrom", "\nfrom synthkit.filters import ExactDedup\nfrom", 1))
        assert cli("estimate", "tips.py", "--model", "a").code == 0
        told = facts(cli("estimate", "tips.py", "--compare", "a,b").out)
    assert " all models: exact-dedup saw the pilot's records alone" in told
    assert " a: the time is not known, since all answers came from the journal, which keeps no times " in told
    assert re.search(r" b: the time is that of \d+ new answers: \d+ answers? came from the journal", told) or (
        "b: the time" not in told
    )


def test_a_time_of_new_calls_says_so(cli: Cli, place: Path) -> None:
    with LoopbackServer(said) as server:
        named(place, server)
        assert cli("estimate", "tips.py", "--pilot", "10").code == 0
        more = cli("estimate", "tips.py")
        again = cli("estimate", "tips.py")
        strict = TIPS.replace("Rubric(judge,", 'Rubric(judge, criteria="Be strict.",')
        (place / "tips.py").write_text(strict)
        other = cli("estimate", "tips.py")
    said_of = "20 answers came from the journal, which keeps no times"
    assert f"the time is that of 12 new answers: {said_of}" in facts(more.out)
    assert re.search(r"^time +(under )?\d+:\d\d ", more.out, re.M)
    assert "the time is not known, since all answers came from the journal, which keeps no times" in facts(again.out)
    assert re.search(r"^time +at least (under )?\d+:\d\d$", other.out, re.M)
    said_of = "16 answers came from the journal"
    assert f"the time is without that of calls to a, of which too few were new: {said_of}" in facts(other.out)


def test_nothing_accepted(cli: Cli, place: Path) -> None:
    with LoopbackServer(said) as server:
        named(place, server)
        shown = cli("estimate", "tips.py", "--least", "6")
    assert shown.code == 1
    words = " ".join(shown.out.split())
    assert "no estimate: none of 16 source records led to an accepted one; the yield may be up to 19 %" in words
    assert "no total can be given" in words and "a run for" not in shown.out


def test_as_json(cli: Cli, place: Path) -> None:
    with LoopbackServer(said) as server:
        named(place, server)
        one: dict[str, Any] = json.loads(cli("estimate", "tips.py", "--json", "--pilot", "5").out)
        both: dict[str, Any] = json.loads(cli("estimate", "tips.py", "--json", "--compare", "a,b").out)
    assert (one["records"], one["target"]) == (5, 100)
    assert one["run"]["total"]["dollars"]["low"] <= one["run"]["total"]["dollars"]["value"]
    assert [row["model"] for row in both["models"]] == ["a", "b"] and both["rivals"] == []


@pytest.mark.parametrize(
    ("number", "sentence"),
    [(0.4, "0"), (7, "7"), (99.7, "100"), (999.7, "1,000"), (1000, "1,000"), (12345, "12,300"), (1e6, "1,000,000")],
)
def test_numbers_are_written_in_one_way(number: float, sentence: str) -> None:
    assert about(number) == sentence


@pytest.mark.parametrize(
    ("amount", "sentence"),
    [
        (0, "$0.00"), (0.00001, "less than $0.0001"), (0.002, "$0.0020"), (0.05, "$0.050"), (0.0994, "$0.099"),
        (0.0999, "$0.10"), (0.2, "$0.20"), (0.25, "$0.25"), (999.994, "$1,000"), (12345, "$12,300"),
    ],
)  # fmt: skip
def test_dollars_are_written_in_one_way(amount: float, sentence: str) -> None:
    assert dollars(amount) == sentence


def test_names_in_a_sentence() -> None:
    assert [listed(["a", "b", "c"][:n]) for n in (1, 2, 3)] == ["a", "a and b", "a, b and c"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--pilot", "0"], "a pilot of 0 records makes no sense: give 1 or more"),
        (["--compare", ","], "--compare names no model: write --compare openai/gpt-5-mini,openai/gpt-5-nano"),
        (["--compare-as", "judge"], "--compare names no model: write --compare openai/gpt-5-mini,openai/gpt-5-nano"),
        (["--compare", "a,b,a"], "--compare names 'a' twice: name each model once"),
        (
            ["--compare", "a", "--compare-as", "teacher"],
            "tips.py has no parameter 'teacher' for the models of --compare: name one with --compare-as; it has model, "
            "judge, least",
        ),
        (["--export", "x:alpaca"], "the option --export is one of `synthkit run`: leave it out"),
        (["--pilto", "3"], "there is no option --pilto: did you mean --pilot, an option of every estimate?"),
        (["--budget", "x"], "--budget 'x' is no amount of dollars: write 5 or 0.50"),
    ],
)
def test_what_cannot_be_estimated(cli: Cli, place: Path, arguments: list[str], sentence: str) -> None:
    (place / "tips.py").write_text(TIPS)
    (place / "synthkit.toml").write_text('[models.a]\nuse = "demo/default"\n[models.judge]\nuse = "demo/default"\n')
    shown = cli("estimate", "tips.py", *arguments)
    assert (shown.code, shown.out, shown.err) == (2, "", f"synthkit: error: {sentence}\n")


def test_a_parameter_of_its_name_is_refused(cli: Cli, place: Path) -> None:
    (place / "tips.py").write_text(TIPS.replace("least: int = 4", "pilot: int = 4").replace("(least)", "(pilot)"))
    shown = cli("estimate", "tips.py")
    assert shown.code == 2 and "'pilot' of the pipeline function clashes with --pilot" in shown.err


def test_being_stopped_says_so(place: Path, temporary: Path) -> None:
    with LoopbackServer(fresh, latency=1.0) as server:
        named(place, server)
        for more in ([], ["--compare", "a,b"]):
            before = server.count
            command = [*COMMAND, "estimate", "tips.py", "--seed", str(before), *more]
            with subprocess.Popen(command, cwd=place, env=environment(), stdout=-1, stderr=-1, text=True) as child:
                until(lambda before=before: server.count > before)  # type: ignore[misc]
                child.send_signal(signal.SIGINT)
                out, err = child.communicate(timeout=30)
            assert child.returncode == 3, err
            assert "stopped by Ctrl-C" in out + err and "Traceback" not in err
    assert not any(temporary.iterdir()) and not (place / "runs").exists()


def test_colours_on_a_terminal_and_none_without(place: Path) -> None:
    with LoopbackServer(said) as server:
        named(place, server)
        for env, coloured in (({}, True), ({"NO_COLOR": "1"}, False)):
            with Terminal("estimate", "tips.py", "--quiet", cwd=place, **env) as terminal:
                assert terminal.end() == 0
                assert ("\x1b[32mestimate\x1b[0m" in terminal.raw) is coloured
                assert "estimate: 100 accepted records" in terminal.text


def test_in_python(place: Path) -> None:
    with LoopbackServer(said) as server:
        named(place, server)
        script = "from tips import pipeline\nif __name__ == '__main__':\n    print(pipeline().estimate(4))\n"
        (place / "script.py").write_text(script)
        command = [COMMAND[0], "script.py"]
        done = subprocess.run(command, cwd=place, env=environment(), capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("estimate: 100 accepted records from ")
