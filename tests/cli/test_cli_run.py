"""`synthkit run` and `resume`: summaries, exit codes, what goes where."""

import json
import re
from pathlib import Path

import pytest
from cli_kit import NUMS, Cli, environment, process

from synthkit.testing import LoopbackServer

FUNNEL = """\
step          in  out  dropped  failed
numbers            60
square        60   59        0       1
  ValueError                         1
even          59   30       29       0
  odd                       29
"""


def test_a_complete_run_says_what_came_of_it(cli: Cli) -> None:
    said = cli("run", "nums.py", "--top", "60")
    assert said.code == 0
    assert said.out == f"complete: 30 of 30 accepted\n\n{FUNNEL}\nrun folder  runs/nums-001\n"
    assert said.err.splitlines()[0] == "nums: run folder runs/nums-001"


def test_what_was_too_much_is_told(cli: Cli) -> None:
    said = cli("run", "nums.py", "--target", "1", "--quiet")
    even = re.search(r"^even .*", said.out, re.MULTILINE)
    assert even and "surplus" not in said.out and even[0].split()[2] == "1"
    more = cli("run", "nums.py", "--target", "31", "--quiet")
    surplus = re.search(r"^surplus +(\d+) good records? beyond the target$", more.out, re.MULTILINE)
    out = re.search(r"^even +\d+ +(\d+)", more.out, re.MULTILINE)
    assert surplus and out and int(out[1]) == 31 + int(surplus[1])


def test_streams_of_a_process(place: Path) -> None:
    said = process("run", "nums.py", "--top", "10", cwd=place)
    assert said.code == 3
    assert said.out.splitlines()[0] == "partial: 5 of 30 accepted: numbers has no more records"
    assert said.out.splitlines()[-1] == "go on with  synthkit resume runs/nums-001"
    assert said.err == "nums: run folder runs/nums-001\n"


def test_quiet_has_no_progress(cli: Cli) -> None:
    said = cli("run", "nums.py", "--quiet")
    assert (said.err, said.lines[0]) == ("", "complete: 30 of 30 accepted")


def test_the_folder_is_named(cli: Cli, place: Path) -> None:
    said = cli("run", "nums.py", "--quiet", "--run-dir", "here/a b")
    assert said.lines[-1] == "run folder  here/a b" and (place / "here/a b/run.json").exists()
    again = cli("run", "nums.py", "--run-dir", "here/a b")
    assert (again.code, again.err) == (
        2,
        "synthkit: error: --run-dir: here/a b holds a run: go on with it by `synthkit resume 'here/a b'`, or name "
        "another folder\n",
    )


def test_options_reach_the_run(cli: Cli, place: Path) -> None:
    cli(
        "run", "nums.py", "--quiet", "--run-dir", "r", "--target", "7", "--seed", "5", "--concurrency", "3",
        "--max-failures", "4", "--max-rounds", "9", "--offline", "--budget", "2.50", "--top", "80",
    )  # fmt: skip
    state = json.loads((place / "r/run.json").read_text("utf-8"))
    assert state["target"] == 7 and state["parameters"] == {"top": "80"} and state["source"] == "nums.py"
    expected = {"seed": 5, "concurrency": 3, "max_failures": "4", "max_rounds": 9, "offline": True, "budget": "2.50"}
    assert {name: state["settings"][name] for name in expected} == expected


def test_too_many_failures_are_a_failed_run(cli: Cli, place: Path) -> None:
    (place / "nums.py").write_text(NUMS.replace("== 13", "!= 13"), "utf-8")
    said = cli("run", "nums.py", "--quiet", "--max-failures", "4")
    assert said.code == 1
    assert said.lines[0].startswith("failed: 5 records failed, more than 4")
    assert said.lines[-1] == "go on with  synthkit resume runs/nums-001 --max-failures N"
    assert any(re.fullmatch(r"accepted +0 of 30", text) for text in said.lines)


def test_a_limit_of_rounds_says_how_to_go_on(cli: Cli) -> None:
    said = cli("run", "nums.py", "--quiet", "--max-rounds", "1")
    assert said.code == 3
    assert re.fullmatch(r"partial: \d+ of 30 accepted: --max-rounds 1 is reached", said.lines[0])
    assert said.lines[-1] == "go on with  synthkit resume runs/nums-001 --max-rounds N"


def test_a_generator_that_fails_is_an_error_that_names_the_folder(cli: Cli, place: Path) -> None:
    (place / "nums.py").write_text(NUMS.replace('yield {"n": i}', 'yield {"n": i / (i - 20)}'), "utf-8")
    said = cli("run", "nums.py", "--quiet")
    assert (said.code, said.out) == (2, "")
    assert said.err.splitlines() == [
        "synthkit: error: the generator numbers failed: ZeroDivisionError: division by zero",
        "what was done until then is in runs/nums-001",
    ]


def test_many_reasons_are_summed_up_and_made_harmless(cli: Cli, place: Path) -> None:
    text = NUMS.replace('"odd"', 'f"odd \\x1b[2J{record[\'n\']}" if record["n"] > 4 else "small"')
    (place / "nums.py").write_text(text, "utf-8")
    said = cli("run", "nums.py", "--quiet", "--top", "60")
    reasons = [text.split("  ")[1] for text in said.lines if text.startswith("  ")]
    assert reasons[0] == "ValueError" and reasons[1] == "small" and reasons[-1] == "21 other reasons"
    assert len(reasons) == 9 and reasons[2] == r"odd \x1b[2J11"


def test_children_have_a_column_of_their_own(cli: Cli, place: Path) -> None:
    head = '@sk.step(reads="n", writes="k", fans_out=True)\ndef split(record):'
    step = f'\n{head}\n    return [{{"k": 1}}] * (record["n"] % 3)\n'
    text = NUMS.replace("\ndef pipeline", f"{step}\n\ndef pipeline").replace(">> even", ">> split >> even")
    (place / "nums.py").write_text(text, "utf-8")
    said = cli("run", "nums.py", "--quiet", "--top", "12")
    assert said.out.split("\n\n")[1].splitlines() == [
        "step            in  made  out  dropped  failed",
        "numbers                    12",
        "square          12         12        0       0",
        "split           12    +4   12        4       0",
        "  nothing made                       4",
        "even            12          6        6       0",
        "  odd                                6",
    ]


def test_a_pipeline_of_a_generator_alone(cli: Cli, place: Path) -> None:
    (place / "nums.py").write_text(NUMS.replace(" >> square(wait=wait) >> even", ""), "utf-8")
    said = cli("run", "nums.py")
    assert said.out.startswith("complete: 30 of 30 accepted\n\nstep     in  out  dropped  failed\nnumbers       30\n\n")
    assert said.code == 0


def test_what_a_step_prints_goes_where_it_prints(cli: Cli, place: Path) -> None:
    (place / "nums.py").write_text(
        NUMS.replace('    return {"square"', '    print("seen")\n    return {"square"'), "utf-8"
    )
    assert cli("run", "nums.py", "--top", "3").lines[:4] == ["seen"] * 3 + [
        "partial: 2 of 30 accepted: numbers has no more records"
    ]


def test_plugins_that_are_wrong_are_told_of_once(place: Path) -> None:
    env = environment(SYNTHKIT_PLUGINS="nope")
    warning = "synthkit: warning: SYNTHKIT_PLUGINS names the plugin 'nope', which is not installed"
    for arguments in (["run", "nums.py", "--quiet"], ["check", "nums.py"]):
        said = process(*arguments, cwd=place, env=env)
        assert said.code == 0 and len(said.err.splitlines()) == 1 and said.err.startswith(warning)


def test_resume_of_a_complete_run_does_nothing(cli: Cli, place: Path) -> None:
    cli("run", "nums.py", "--quiet")
    before = (place / "runs/nums-001/run.json").read_bytes()
    for name in ("nums-001", "runs/nums-001"):
        said = cli("resume", name)
        assert (said.code, said.err) == (0, "")
        assert said.out == "runs/nums-001 is complete: 30 of 30 accepted; there is nothing to go on with\n"
    assert (place / "runs/nums-001/run.json").read_bytes() == before


def test_resume_goes_on_with_other_settings(cli: Cli, place: Path) -> None:
    cli("run", "nums.py", "--quiet", "--max-rounds", "1")
    (place / "nums.py").unlink()
    said = cli("resume", "nums-001", "--max-rounds", "5", "--concurrency", "2", "--max-failures", "3", "--quiet")
    assert (said.code, said.lines[0]) == (0, "complete: 30 of 30 accepted")
    settings = json.loads((place / "runs/nums-001/run.json").read_text("utf-8"))["settings"]
    assert (settings["max_rounds"], settings["concurrency"], settings["max_failures"]) == (5, 2, "3")


def test_resume_tries_failures_again(cli: Cli, place: Path) -> None:
    flaky = NUMS.replace('record["n"] == 13', 'record["n"] == 13 and not Path("fixed").exists()')
    (place / "nums.py").write_text(flaky.replace("import asyncio", "import asyncio\nfrom pathlib import Path"), "utf-8")
    said = cli("run", "nums.py", "--quiet", "--top", "20")
    assert said.lines[-1] == "go on with  synthkit resume runs/nums-001 --retry-failed"
    (place / "fixed").touch()
    again = cli("resume", "nums-001", "--retry-failed", "--quiet")
    assert again.code == 3 and not any("ValueError" in text for text in again.lines)
    assert again.lines[-1] == "go on with  synthkit resume runs/nums-001"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("nums-01", "there is no run nums-01; did you mean 'nums-001'?"),
        ("other", "there is no run other; in runs there are: nums-001"),
        ("nums.py", "nums.py is a file, not a run folder"),
        ("runs", "runs holds no run: there is no run.json in it; there are runs/nums-001"),
    ],
)
@pytest.mark.parametrize("command", ["resume", "show", "rejected"])
def test_a_run_that_is_not_there(cli: Cli, command: str, name: str, sentence: str) -> None:
    cli("run", "nums.py", "--quiet")
    said = cli(command, name)
    assert (said.code, said.out, said.err) == (2, "", f"synthkit: error: {sentence}\n")


def test_a_first_run_has_no_other(cli: Cli) -> None:
    assert cli("resume", "x").err == "synthkit: error: there is no run x; there are none in runs\n"


ASKING = '''
from pydantic import BaseModel
import synthkit as sk


@sk.generator(writes="n")
def numbers():
    for i in range(6):
        yield {"n": i}


class Ask(sk.Prompt):
    """Asks about a number."""
    template = "What is {{ n }}?"

    class Out(BaseModel):
        said: str


def pipeline(model: str) -> sk.Pipeline:
    """Asks."""
    return sk.Pipeline("asking", target=6) >> numbers >> Ask(model=model)
'''


def test_calls_tokens_and_costs(place: Path) -> None:
    (place / "ask.py").write_text(ASKING, "utf-8")
    with LoopbackServer() as server:
        table = f'use = "openai/q"\nbase_url = "{server.url}"\n'
        (place / "synthkit.toml").write_text(
            f"[models.priced]\n{table}[models.unpriced]\n{table}endpoint = 'other'\n"
            "[prices.priced]\ninput = 1000.0\noutput = 1000\n",
            "utf-8",
        )
        checked = process("check", "ask.py", "--model", "priced", cwd=place)
        first = process("run", "ask.py", "--model", "priced", "--quiet", cwd=place)
        again = process("run", "ask.py", "--model", "priced", "--quiet", cwd=place)
        unpriced = process("run", "ask.py", "--model", "unpriced", "--quiet", cwd=place)
        assert server.count == 12
    assert f"priced  openai/q at {server.url}  OPENAI_API_KEY" in checked.out
    facts = dict(re.split("  +", text, maxsplit=1) for text in first.out.split("\n\n")[-1].splitlines())
    tokens = sum(int(n) for n in re.findall(r"\d+", facts["tokens"].replace(",", "")))
    assert facts["calls"] == "6" and facts["cost"] == f"${tokens / 1000:.{4 if tokens < 1000 else 2}f}"
    assert "calls       0, 6 answers from the journal\n" in again.out
    assert "cost        unknown: 6 answers have no known price\n" in unpriced.out


def test_what_stopped_a_run_is_lifted_when_it_goes_on(place: Path) -> None:
    (place / "ask.py").write_text(ASKING, "utf-8")
    ask = ["run", "ask.py", "--model", "m", "--quiet", "--run-dir"]
    with LoopbackServer() as server:
        (place / "synthkit.toml").write_text(
            f'[models.m]\nuse = "openai/q"\nbase_url = "{server.url}"\n[prices.m]\ninput = 1\noutput = 1\n', "utf-8"
        )
        offline = process(*ask, "off", "--offline", cwd=place)
        again = process("resume", "off", "--no-offline", "--quiet", cwd=place)
        broke = process(*ask, "broke", "--seed", "1", "--budget", "0.0001", cwd=place)
    assert offline.code == 1 and " ".join(offline.out.split()).startswith("failed: offline, and the journal in /")
    assert offline.out.endswith("go on with  synthkit resume off --no-offline\n")
    assert (again.code, again.lines[0]) == (0, "complete: 6 of 6 accepted")
    assert broke.code == 3 and broke.out.startswith("partial: the budget of $0.0001 is too small: the next call")
    assert broke.out.endswith("go on with  synthkit resume broke --budget DOLLARS\n")


def test_the_demo_model_says_what_it_is(place: Path) -> None:
    (place / "ask.py").write_text(ASKING, "utf-8")
    said = process("run", "ask.py", "--model", "demo/default", "--quiet", cwd=place)
    assert re.search(r"^note +\S.*not for training", said.out, re.MULTILINE), said.out + said.err
    assert "cost        $0.00\n" in said.out


def test_an_export_is_written_and_told(place: Path) -> None:
    text = NUMS.replace('writes="n"', 'writes=["n", "instruction", "output"]')
    text = text.replace('{"n": i}', '{"n": i, "instruction": "what?", "output": f"the {i}"}')
    (place / "nums.py").write_text(text, "utf-8")
    said = process("run", "nums.py", "--quiet", "--export", "a.jsonl:alpaca", "--export", "b.jsonl:chatml", cwd=place)
    assert said.code == 0, said.err
    exports = [text for text in said.out.splitlines() if ".jsonl: 30 examples" in text]
    assert [text.partition(":")[0].split() for text in exports] == [["export", "a.jsonl"], ["b.jsonl"]]
    assert len((place / "a.jsonl").read_text("utf-8").splitlines()) == 30


def test_one_export_that_cannot_be(cli: Cli) -> None:
    assert cli("run", "nums.py", "--export", "a.jsonl").err.startswith(
        "synthkit: error: --export a.jsonl: say which format, as in a.jsonl:sharegpt; there are "
    )
    assert cli("run", "nums.py", "--export", "a.jsonl:alpcaa").err.startswith(
        "synthkit: error: --export a.jsonl:alpcaa: no format is called 'alpcaa': did you mean 'alpaca'?"
    )
