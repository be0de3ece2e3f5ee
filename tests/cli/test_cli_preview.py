"""`synthkit preview`: the records, requests and answers of a run, shown before it, and paid once."""

import json
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from cli_kit import COMMAND, NUMS, Cli, Said, environment, until
from pydantic import BaseModel, TypeAdapter, create_model
from story_kit import TOWNS, served

import synthkit as sk
from synthkit.cli.exchange import facts
from synthkit.cli.text import width_of
from synthkit.engine.exchange import Exchange
from synthkit.models.structured import native
from synthkit.testing import Faults, LoopbackServer, Reply, Request, fresh

CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")

ASK = """
import synthkit as sk


@sk.generator(writes=["n", "text"])
def made():
    for n in range(5):
        yield {"n": n, "text": f"number {n}"}


class Ask(sk.Prompt):
    system = "Be brief."
    template = "What of {{ text }}?"
    into = "answer"


@sk.filter(reads="n")
def odd(record):
    return record["n"] % 2 == 1, "even"


def pipeline() -> sk.Pipeline:
    return sk.Pipeline("ask") >> made >> Ask(model="m") >> odd
"""


@pytest.fixture
def temporary(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files: empty."""
    folder = place / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


def previewed(cli: Cli, *arguments: str) -> list[list[dict[str, object]]]:
    said = cli("preview", "towns.py", "--json", *arguments)
    assert said.code == 0, said.err
    records: list[list[dict[str, object]]] = json.loads(said.out)["records"]
    return records


@pytest.mark.parametrize("more", [[], ["--seed", "7", "--target", "20"]])
def test_a_run_behind_a_preview_asks_for_the_rest_only(cli: Cli, place: Path, more: list[str]) -> None:
    (place / "towns.py").write_text(TOWNS)
    with LoopbackServer(fresh) as server:
        served(place, server)
        families = previewed(cli, "-n", "3", *more)
        asked = server.count
        stories = [story for family in families for story in family]
        keys = {one["key"] for story in stories for one in exchanges(story)}
        assert len(families) == 3 and asked == len(keys) > 9
        assert previewed(cli, "-n", "3", *more)[0][0]["id"] == families[0][0]["id"]
        assert server.count == asked, "a second preview asks nothing"
        run = cli("run", "towns.py", "--quiet", *more)
        assert run.code == 0
        told = json.loads(cli("show", "towns-001", "--json").out)
        assert told["journaled"] == asked and server.count == asked + told["calls"]
        accepted = [json.loads(line) for line in (place / "runs/towns-001/accepted.jsonl").read_text().splitlines()]
        seen = {story["id"]: story["now"] for story in stories if story["end"] in ("accepted", "surplus")}
        ours = {row["_id"]: {name: value for name, value in row.items() if name[0] != "_"} for row in accepted}
        both = seen.keys() & ours.keys()
        assert len(both) == min(len(seen), len(accepted)) and {id: ours[id] for id in both} == {
            i: seen[i] for i in both
        }


def exchanges(story: dict[str, object]) -> list[dict[str, str]]:
    """All that was asked, inside too."""

    def within(acts: object) -> list[dict[str, str]]:
        assert isinstance(acts, list)
        return [
            one for act in acts for one in (*act["asked"], *within([a for _, inner in act["inner"] for a in inner]))
        ]

    return within(story["acts"])


def test_nothing_stays_behind_but_the_journal(cli: Cli, place: Path, temporary: Path) -> None:
    (place / "towns.py").write_text(TOWNS)
    with LoopbackServer(fresh) as server:
        served(place, server)
        assert cli("preview", "towns.py").code == 0
    assert not (place / "runs").exists() and not any(temporary.iterdir())
    assert any((place / ".synthkit/journal").glob("*.journal"))


def answering(request: Request) -> str:
    return f"An answer to «{request.prompt}».\n\n  It has an indent, and \x1b[2Jodd \u202echaracters."


def test_each_step_with_its_prompt_and_answer(cli: Cli, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    (place / "ask.py").write_text(ASK)
    with LoopbackServer(answering) as server:
        served(place, server)
        said = cli("preview", "ask.py", "-n", "2")
    assert (said.code, said.err) == (0, "")
    blocks = said.out.split("\n\n")
    assert re.fullmatch(r"── record 1  [0-9a-f]{24}  made by made  ─+  dropped\n  n     0\n  text  number 0", blocks[0])
    assert "\n\n".join(blocks[1:4]).splitlines() == [
        "ask  writes answer",
        "  m, max_tokens 2048, 8 tokens in, 21 out, $0.0050",
        "  system     Be brief.",
        "  user       What of number 0?",
        "  answer     An answer to «What of number 0?».",
        "",
        r"               It has an indent, and \x1b[2Jodd \u202echaracters.",
        "",
        "odd  dropped: even",
    ]
    assert re.search(r"^── record 2  .* went through\n", said.out, re.M) and "\nodd  kept\n" in said.out
    assert said.out.endswith(
        "preview  2 records: 1 dropped, 1 went through\nanswers  2\ntokens   16 in, 42 out\ncost     $0.0100\n"
    )


@pytest.mark.parametrize("columns", [40, 80, 110, 200])
def test_it_fits_the_screen(cli: Cli, place: Path, monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    (place / "towns.py").write_text(
        TOWNS.replace("You write for travellers.", "You write. " * 200 + "数字 \x1b[31m " * 9)
    )
    with LoopbackServer(fresh) as server:
        served(place, server)
        short, full = cli("preview", "towns.py"), cli("preview", "towns.py", "--full")
    for said in (short, full):
        assert said.code == 0 and not CONTROL.search(said.out)
        assert max(map(width_of, said.lines)) <= columns
    side_by_side = [line for line in short.lines if re.search(r"user .* │ answer ", line)]
    assert bool(side_by_side) is (columns >= 110)
    assert "more lines …" in short.out and "more lines …" not in full.out
    assert short.out.split()[-5:] == ["cut:", "--full", "shows", "them", "whole"] and "--full" not in full.out
    assert full.out.count("You write.") > short.out.count("You write.")


def test_what_went_wrong_is_shown_with_the_prompt(cli: Cli, place: Path) -> None:
    (place / "ask.py").write_text(ASK)

    def answer(request: Request) -> Reply | str:
        from synthkit.testing import ERRORS

        return Reply(error=ERRORS["content_filter"]) if "number 1" in request.prompt else "yes"

    with LoopbackServer(answer) as server:
        served(place, server)
        said = cli("preview", "ask.py")
    assert said.code == 1, said.err
    failed = said.out[said.out.index("record 2  ") : said.out.index("record 3  ")]
    assert "  failed\n" in failed and "ask  failed: " in failed and "What of number 1?" in failed
    assert "no answer" in failed and "3 records: 2 dropped, 1 failed" in said.out


def test_what_is_written_stands_beneath_what_was_asked(cli: Cli, place: Path) -> None:
    long = ASK.replace('into = "answer"', 'into = "a_long_column"')
    read = "    def read(self, answer, record):\n        return {self.into: answer.text.upper()}\n\n\n@sk.filter"
    (place / "ask.py").write_text(long.replace("\n\n@sk.filter", f"\n{read}"))

    def answer(request: Request) -> Reply | str:
        return Reply(refusal="Sorry.") if "number 1" in request.prompt else "yes"

    with LoopbackServer(answer) as server:
        served(place, server)
        said = cli("preview", "ask.py", "-n", "2")
    yes = "\n  answer         yes\n  a_long_column  YES\n"
    assert yes in said.out and "\n  user           What of number 0?\n" in said.out
    assert re.search(r"^  refuses    Sorry\.\n  message    \S", said.out, re.M)


def test_repairs_are_told(cli: Cli, place: Path) -> None:
    (place / "towns.py").write_text(TOWNS)

    def answer(request: Request) -> str:
        if "schema" not in str(request.body):
            return "y"
        return '{"stars": 3, "why": "so"}' if "cannot be used" in request.prompt else '{"stars": "many"}'

    with LoopbackServer(answer) as server:
        served(place, server)
        said = cli("preview", "towns.py", "-n", "1")
    assert said.code == 0, said.err
    rate = said.out[said.out.index("\nrate  writes stars, why") :]
    assert "its answer did not fit, so it was asked again:\n" in rate
    assert rate.index('{"stars": "many"}') < rate.index("asked again") < rate.index("That answer cannot be used")
    assert rate.index("That answer cannot be used") < rate.index('{"stars": 3, "why": "so"}')
    assert rate.count("Rate y (0)") == 1, "the first prompt is not repeated"


def test_a_wrong_key_ends_it_with_its_sentence(cli: Cli, place: Path, temporary: Path) -> None:
    (place / "ask.py").write_text(ASK)
    with LoopbackServer(fresh, key="sk-the-right-one") as server:
        served(place, server)
        said = cli("preview", "ask.py")
    assert said.code == 1 and "preview  0 records\n" in said.out
    assert re.match(r"synthkit: error: .*key", said.err) and len(said.err.splitlines()) == 1
    assert not any(temporary.iterdir())


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nums.py", "-n", "0"], "a preview of 0 records makes no sense: give 1 or more"),
        (["nums.py", "-n", "x"], "-n: 'x' is not a valid integer"),
        (["nums.py", "--ful"], "there is no option --ful: did you mean --full, an option of every preview?"),
        (["nums.py", "--tpo", "3"], "there is no option --tpo: did you mean --top, an option of this pipeline?"),
        (["nums.py", "--export", "x:alpaca"], "the option --export is one of `synthkit run`: leave it out"),
        (["nms.py"], "there is no file nms.py; did you mean 'nums.py'?"),
    ],
)
def test_what_cannot_be_previewed(cli: Cli, arguments: list[str], sentence: str) -> None:
    said = cli("preview", *arguments)
    assert (said.code, said.out, said.err) == (2, "", f"synthkit: error: {sentence}\n")


def test_the_help_knows_the_pipeline(cli: Cli) -> None:
    said = cli("preview", "nums.py", "--help")
    assert said.code == 0 and "Options of this pipeline:\n  --top INTEGER" in said.out
    assert "Options of every preview:\n  -n N" in said.out and "--run-dir" not in said.out


def test_a_generator_with_fewer_records(cli: Cli) -> None:
    said = cli("preview", "nums.py", "-n", "9", "--top", "2")
    assert said.code == 0
    assert (
        "preview  2 records: 1 went through, 1 dropped\n         numbers makes no more in the first round\n" in said.out
    )


def test_steps_without_a_model_and_one_that_raises(cli: Cli) -> None:
    said = cli("preview", "nums.py", "-n", "14")
    assert said.code == 1 and "square  failed: ValueError\n  message  ValueError: thirteen at …\n" in said.out
    assert "square  writes square\n  square  4\n\neven  kept\n" in said.out and "answers" not in said.out


def test_ctrl_c_twice_leaves_nothing(place: Path, temporary: Path) -> None:
    here = NUMS.replace("await asyncio.sleep(wait)", "open('on', 'a').close(); await asyncio.sleep(60)")
    (place / "nums.py").write_text(here)
    command = [*COMMAND, "preview", "nums.py", "--wait", "1"]
    with subprocess.Popen(command, cwd=place, env=environment(), stdout=-1, stderr=-1, text=True) as child:
        until(lambda: (place / "on").exists())
        child.send_signal(signal.SIGINT)
        assert child.stderr is not None and child.stderr.readline().startswith("stopping: ")
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=30)
    assert child.returncode == 130 and "stopped at once" in err and "resume" not in err
    assert not any(temporary.iterdir()) and not (place / "runs").exists()


def test_being_stopped_says_so(place: Path, temporary: Path) -> None:
    (place / "ask.py").write_text(ASK)
    with LoopbackServer(fresh, latency=1.0) as server:
        served(place, server)
        command = [*COMMAND, "preview", "ask.py"]
        with subprocess.Popen(command, cwd=place, env=environment(), stdout=-1, stderr=-1, text=True) as child:
            until(lambda: server.count > 0)
            child.send_signal(signal.SIGTERM)
            _, err = child.communicate(timeout=30)
    assert child.returncode == 3, err
    assert err.endswith("synthkit: error: stopped by SIGTERM before it was done\n")
    assert not any(temporary.iterdir())


def test_offline_names_what_is_missing(cli: Cli, place: Path) -> None:
    (place / "ask.py").write_text(ASK)
    with LoopbackServer(fresh) as server:
        served(place, server)
        assert cli("preview", "ask.py", "-n", "2").code == 0
        assert cli("preview", "ask.py", "-n", "2", "--offline").code == 0
        said = cli("preview", "ask.py", "-n", "3", "--offline")
        assert server.count == 2
    assert said.code == 1 and said.err.startswith("synthkit: error: offline, and the journal in ")


def test_in_python(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    @sk.generator(writes="n")
    def made():  # type: ignore[no-untyped-def]
        yield {"n": 1}

    with pytest.raises(sk.errors.PipelineError, match="defined inside a function"):
        (sk.Pipeline("p") >> made).preview(1)
    lines = ["from nums import pipeline", "if __name__ == '__main__':", "    print(pipeline().preview(2))"]
    (place / "script.py").write_text("\n".join(lines))
    done = subprocess.run([sys.executable, "script.py"], cwd=place, env=environment(), capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert (
        done.stdout.startswith("── record 1  ") and "square  writes square\n  square  0\n\neven  kept\n" in done.stdout
    )


def test_faults_on_the_way_change_nothing(cli: Cli, place: Path) -> None:
    (place / "ask.py").write_text(ASK)
    with LoopbackServer(fresh, faults=Faults(server_error=0.3, cut=0.2, seed=3)) as server:
        served(place, server)
        said: Said = cli("preview", "ask.py", "-n", "5")
        before = server.count
        assert said.code == 0 and before > 5
        assert cli("run", "ask.py", "--quiet").code == 0 and server.count == before


WIDE: Any = create_model("Wide", **dict.fromkeys((f"column_{n}" for n in range(9)), (int, 0)))  # type: ignore[call-overload]


class Pair(BaseModel):
    left: str
    right: str


class One(BaseModel):
    answer: str


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (Pair, "JSON (left, right)"),
        (list[Pair], "JSON (left, right)"),
        (One, "JSON (answer)"),
        (list[str], "JSON (answer)"),
        (WIDE, "JSON (column_0, column_1, column_2, column_3, column_…)"),
    ],
)
def test_a_schema_is_named_by_its_fields(kind: Any, said: str) -> None:
    schema = native(TypeAdapter(kind).json_schema())
    assert facts(Exchange("k", request={"schema": schema}), "ask") == said


def test_what_is_left_out_is_said_once_at_the_end(cli: Cli, place: Path) -> None:
    (place / "towns.py").write_text(TOWNS)
    with LoopbackServer(fresh) as server:
        served(place, server)
        short, full = cli("preview", "towns.py"), cli("preview", "towns.py", "--full")
    note = "of JSON schemas only fields are named: --full shows them whole"
    assert short.lines[-1].strip() == note
    assert short.out.count("--full") == 1 and "JSON (stars, why)" in short.out
    assert "--full" not in full.out and '"properties": {' in full.out
